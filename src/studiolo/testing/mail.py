"""A mailer that keeps what it was given."""

from studiolo.core.errors import Unavailable
from studiolo.core.models import Mail


class FakeMailer:
    """Keeps every mail in `sent`; refuses them while `is_broken`."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.is_broken = False

    async def send(self, mail: Mail) -> None:
        """Keep a mail."""
        if self.is_broken:
            raise Unavailable("The mail could not be sent; try again later.")
        self.sent.append(mail)
