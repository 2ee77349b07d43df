"""Reading and changing records."""

from studiolo.web.api_v1.registry import Call, Form

FORMS = {
    "query": (Form(hub="db.userQuery", v2="user-query", only=("query",), bare="query", positional=("query",)),),
}
CALLS: tuple[Call, ...] = ()
