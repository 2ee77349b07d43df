"""Plain HTML forms: read them, and be sure that they were sent by our own page for this sign-in."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from studiolo.core.errors import Forbidden, InvalidRequest, TooLarge
from studiolo.core.settings import Settings
from studiolo.web import csrf

MAX_FORM_BYTES = 16 * 1024
TOKEN_FIELD = "form_token"  # noqa: S105 - the name of the field, not a secret

FOREIGN = "This form was not sent from this site's own page. Go back, reload the page and try again."


async def read_form(request: Request, settings: Settings, sign_in_secret: str | None) -> dict[str, str]:
    """Return the fields of a form; raise Forbidden for one from elsewhere.

    With a sign-in the form must carry its token. Without one (signing in) the browser's own word is all there is.
    """
    if not csrf.has_own_origin(settings, request):
        raise Forbidden(FOREIGN)
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
        raise InvalidRequest("A form was expected.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise TooLarge("The form is too large.")
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError as error:
        raise InvalidRequest("The form cannot be read.") from error
    if sign_in_secret is not None and not csrf.is_form_token(fields.get(TOKEN_FIELD, ""), sign_in_secret):
        raise Forbidden(FOREIGN)
    return fields
