"""People's names: shown to others, in mails too, so they carry neither advertisements nor control characters."""

import re
import unicodedata

MAX_CHARACTERS = 254
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|info|biz|io|co|ru|cn|xyz|top|site|online|shop|club|link|me|app|dev|ai)\b(?:/\S*)?",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"\S+@\S+\.\S+")


def name_problem(field: str, name: str) -> str | None:
    """Return what is wrong with a name, in the words of the wire, or None."""
    if len(name) > MAX_CHARACTERS:
        return f"{field} not valid: at most {MAX_CHARACTERS} characters are allowed"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return f"{field} not valid: control characters are not allowed"
    if _EMAIL.search(name):
        return f"{field} not valid: email addresses are not allowed"
    if found := _URL.search(name):
        return f"{field} not valid: URLs are not allowed. Found {found.group()}"
    return None
