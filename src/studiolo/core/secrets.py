"""Randomness as a parameter, and how secrets are kept: only as hashes."""

import hashlib
import hmac
import secrets
import string
import uuid
from typing import Protocol

BASE62 = string.ascii_uppercase + string.ascii_lowercase + string.digits


class SecretSource(Protocol):
    """Makes identifiers and secrets; tests may give a counted one."""

    def uuid(self) -> str:
        """Return a random version 4 UUID."""
        ...

    def base62(self, length: int) -> str:
        """Return `length` random characters of A-Z, a-z and 0-9."""
        ...


class SystemSecretSource:
    """The operating system's generator."""

    def uuid(self) -> str:
        """Return a random version 4 UUID."""
        return str(uuid.uuid4())

    def base62(self, length: int) -> str:
        """Return `length` random characters of A-Z, a-z and 0-9."""
        return "".join(secrets.choice(BASE62) for _ in range(length))


def hash_secret(secret: str) -> str:
    """Return the form in which a long random secret is stored (SHA-256, hex).

    Only for secrets with at least 95 random bits (keys, tokens, sign-ins); passwords use argon2id.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def is_same_secret(one: str, other: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())
