"""How large the body of a call may be: large for a text file that is written, small for all others."""

from starlette.types import Scope

from studiolo.core.settings import Settings

TEXT_CALLS = frozenset({"write_text_file_to_project"})
_MIB = 1024 * 1024


def allow_body_of(settings: Settings, scope: Scope, call: str) -> None:
    """Set the limit of a request's body (`middleware.BodyLimit`), once it is known which call it is."""
    largest = settings.max_body_mb * _MIB
    # JSON writes a line's end as two characters: of the largest text file a quarter more is let in
    most = largest * 5 // 4 if call in TEXT_CALLS else min(largest, settings.max_call_mb * _MIB)
    scope.setdefault("state", {})["max_body_bytes"] = most
