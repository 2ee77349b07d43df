"""Secrets that can be foretold."""

from studiolo.core.secrets import BASE62


class CountedSecretSource:
    """Counts: every identifier and secret is different, and the same in every run."""

    def __init__(self) -> None:
        self._count = 0

    def uuid(self) -> str:
        """Return the next UUID, of valid version 4 form."""
        self._count += 1
        return f"00000000-0000-4000-8000-{self._count:012x}"

    def base62(self, length: int) -> str:
        """Return the next number in base 62, filled up with `A` on the left."""
        self._count += 1
        digits, rest = "", self._count
        while rest:
            rest, digit = divmod(rest, 62)
            digits = BASE62[digit] + digits
        return digits.rjust(length, "A")[-length:]
