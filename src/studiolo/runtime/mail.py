"""Ways for mails to leave: an SMTP server, files in a directory, the console.

The standard library's smtplib, in a thread: mails are rare, and it is as well kept as the language. What makes and
sends them is loaded when there is one: 0.7 MB.
"""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Generator
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from studiolo.core.clock import Clock
from studiolo.core.errors import Unavailable
from studiolo.core.models import Mail
from studiolo.core.secrets import SecretSource
from studiolo.core.settings import Settings
from studiolo.runtime.protocols import Mailer

if TYPE_CHECKING:
    import smtplib
    from email.message import EmailMessage

SMTP_SECONDS = 30.0
_PORTS = {"smtp": 25, "smtps": 465}


def mailer_of(settings: Settings, clock: Clock, secrets: SecretSource) -> Mailer:
    """Return the way that the settings name; without any, mails become files in the data directory."""
    composer = Composer(settings.mail_from, clock, secrets)
    if settings.smtp_url is None:
        return DirectoryMailer(settings.mail_directory or settings.data / "mail", composer, secrets)
    if settings.smtp_url.startswith("console:"):
        return ConsoleMailer(composer)
    return SmtpMailer(settings.smtp_url, composer)


class Composer:
    """Makes the message that travels; what people wrote can add no header."""

    def __init__(self, sender: str, clock: Clock, secrets: SecretSource) -> None:
        self._sender = sender
        self._clock = clock
        self._secrets = secrets

    def compose(self, mail: Mail) -> "EmailMessage":
        """Return the message."""
        from email.headerregistry import Address
        from email.message import EmailMessage
        from email.policy import SMTP, SMTPUTF8

        addresses = mail.to + (mail.reply_to or "")
        message = EmailMessage(policy=SMTP if addresses.isascii() else SMTPUTF8)  # few servers take the latter
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = _one_line(mail.subject)
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{self._secrets.uuid()}@{self._sender.rpartition('@')[2] or 'localhost'}>"
        message["Auto-Submitted"] = "auto-generated"
        if mail.reply_to is not None:
            message["Reply-To"] = Address(_one_line(mail.reply_to_name), addr_spec=mail.reply_to)
        message.set_content(mail.body)
        return message


class SmtpMailer:
    """Hands mails to an SMTP server: `smtp://` (encrypted where the server offers it) or `smtps://`."""

    def __init__(self, url: str, composer: Composer) -> None:
        self._url = urlsplit(url)
        if self._url.scheme not in _PORTS or not self._url.hostname:
            raise ValueError("smtp_url is smtp://host, smtps://host or console:")
        self._composer = composer

    async def send(self, mail: Mail) -> None:
        """Send a mail; raise Unavailable if the server does not take it."""
        try:
            await asyncio.to_thread(self._send, self._composer.compose(mail))
        except OSError as error:  # as every exception of smtplib's is
            raise Unavailable("The mail could not be sent; try again later.", internal=repr(error)) from error

    def _send(self, message: "EmailMessage") -> None:
        with self._connected() as server:
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
            server.send_message(message)

    @contextlib.contextmanager
    def _connected(self) -> "Generator[smtplib.SMTP]":
        import smtplib

        host, port = self._url.hostname or "", self._url.port or _PORTS[self._url.scheme]
        trust = ssl.create_default_context()
        if self._url.scheme == "smtps":
            with smtplib.SMTP_SSL(host, port, timeout=SMTP_SECONDS, context=trust) as server:
                yield server
            return
        with smtplib.SMTP(host, port, timeout=SMTP_SECONDS) as server:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=trust)
                server.ehlo()
            yield server


class DirectoryMailer:
    """Writes each mail into a file that only the server's user can read; for small sites, trials and tests."""

    def __init__(self, directory: Path, composer: Composer, secrets: SecretSource) -> None:
        self._directory = directory
        self._composer = composer
        self._secrets = secrets

    async def send(self, mail: Mail) -> None:
        """Write a mail; raise Unavailable if the disk does not take it."""
        try:
            await asyncio.to_thread(self._write, bytes(self._composer.compose(mail)))
        except OSError as error:
            raise Unavailable("The mail could not be sent; try again later.", internal=repr(error)) from error

    def _write(self, message: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._directory / f"{self._secrets.uuid()}.eml"
        file.touch(mode=0o600, exist_ok=False)
        file.write_bytes(message)


class ConsoleMailer:
    """Prints mails on standard error, secrets and all: for development."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer

    async def send(self, mail: Mail) -> None:
        """Print a mail."""
        sys.stderr.write(f"\n{self._composer.compose(mail)}\n")


def _one_line(text: str) -> str:
    """Return a text without what would end a header."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
