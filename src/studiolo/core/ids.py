"""Typed identifiers."""

import re
from typing import NewType

AccountId = NewType("AccountId", str)
ProjectId = NewType("ProjectId", str)
ApiKeyId = NewType("ApiKeyId", int)
SignInId = NewType("SignInId", str)
CopyId = NewType("CopyId", str)
CopyGroupId = NewType("CopyGroupId", str)
OrganizationId = NewType("OrganizationId", str)
MessageId = NewType("MessageId", int)

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def is_uuid(text: object) -> bool:
    """Tell whether `text` is a UUID in the one form that is accepted: lower case with dashes."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None
