"""The Authorization header's scheme `Basic`, of which only the user counts: it is an API key."""

import binascii
from base64 import b64decode


def basic_user(credentials: str) -> str:
    """Return the user in credentials; empty for what cannot be read."""
    try:
        padding = "=" * (-len(credentials) % 4)  # which clients of old could leave out
        text = b64decode(credentials + padding, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""  # what cannot be read is no key
    return text.partition(":")[0]
