"""Write the client's errors, which mirror `core/errors.py`."""

from studiolo.core.errors import StudioloError, all_errors
from studiolo.web.client_source.nouns import WRITTEN

_OWN = {
    "ConnectionFailed": ("The server could not be reached; the request was not sent.", True),
    "ConnectionLost": ("The connection ended before the answer came; what was asked may have been done.", True),
    "AnswerMalformed": ("What came was no answer of a Studiolo server; look at the address.", False),
}

_HEAD = '''"""Errors of the client: one base class, and below it the errors that servers answer with.

{tree}

`code` is stable and for programs, the message is for people.
{written}
"""

from typing import Any, ClassVar


class StudioloError(Exception):
    """Base of all errors.

    `call` is the name of the call, `details` what else the server said (such as `reason` of each parameter), `status`
    the HTTP status, and `retry_after_seconds` how long the server asks to wait, if it does.
    """

    code: str = "internal_error"
    is_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        call: str = "",
        status: int | None = None,
        details: dict[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Keep what is known; `code` may be one that this version of the client does not know."""
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.call = call
        self.status = status
        self.details = details or {{}}
        self.retry_after_seconds = retry_after_seconds


'''


def module() -> str:
    """Return the source of `client/errors.py`."""
    source = _HEAD.format(tree=_tree(), written=WRITTEN)
    for name, (about, is_retryable) in _OWN.items():
        source += _class(name, "StudioloError", about, _code(name), is_retryable=is_retryable)
    for error in _from_server():
        parent = error.__bases__[0].__name__
        source += _class(error.__name__, parent, str(error.__doc__), error.code, is_retryable=error.is_retryable)
    own = ", ".join(_OWN)
    names = ",\n    ".join(error.__name__ for error in _from_server())
    return (
        source
        + "BY_CODE: dict[str, type[StudioloError]] = {\n    error.code: error\n    for error in (\n    "
        + f"{own.replace(', ', ',' + chr(10) + '    ')},\n    {names},\n)\n}}\n"
        + _BY_STATUS
    )


_BY_STATUS = """
_BY_STATUS: dict[int, type[StudioloError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    400: InvalidRequest,
    405: MethodNotAllowed,
    409: Conflict,
    413: TooLarge,
    429: RateLimited,
    503: Unavailable,
}


def kind_of(code: str | None, status: int) -> type[StudioloError]:
    \"\"\"Return the class for a code, or for a status if the code is none that this version knows.\"\"\"
    return BY_CODE.get(code or "") or _BY_STATUS.get(status, StudioloError)
"""


def _from_server() -> list[type[StudioloError]]:
    return [error for error in all_errors() if error is not StudioloError]


def _class(name: str, parent: str, about: str, code: str, *, is_retryable: bool) -> str:
    retryable = "    is_retryable = True\n" if is_retryable else ""
    about = about.strip().split("\n")[0].replace('details["retry_after_seconds"]', "retry_after_seconds")
    return f'class {name}({parent}):\n    """{about}"""\n\n    code = "{code}"\n{retryable}\n\n'


def _code(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _tree() -> str:
    lines = ["    StudioloError"]
    families = [(name, None) for name in _OWN]
    families += [(error.__name__, error) for error in StudioloError.__subclasses__()]
    for number, (name, error) in enumerate(families, 1):
        is_last = number == len(families)
        lines.append(f"    {chr(39) if is_last else '|'}- {name}")
        below = error.__subclasses__() if error else []
        lines += [
            f"    {' ' if is_last else '|'}  {chr(39) if one is below[-1] else '|'}- {one.__name__}" for one in below
        ]
    return "\n".join(lines)
