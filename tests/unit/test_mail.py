"""Mails leave through a real SMTP server, into files or on the console."""

import email
import socket
from collections.abc import Iterator
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from studiolo.core.errors import Unavailable
from studiolo.core.models import Mail
from studiolo.core.secrets import SystemSecretSource
from studiolo.core.settings_sources import load_settings
from studiolo.runtime.mail import mailer_of
from studiolo.testing.clock import MovingClock

pytestmark = pytest.mark.anyio
MAIL = Mail("to@example.edu", "Grüße\r\nBcc: all@example.edu", "Hello\n", "re@example.edu", "Émilie <x>")


class Inbox:
    """What the server took."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    taken = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(taken, hostname="127.0.0.1", port=port)
    controller.start()
    yield taken, port
    controller.stop()


def mailer(**settings: Any) -> Any:
    return mailer_of(load_settings(mail_from="studiolo@example.edu", **settings), MovingClock(), SystemSecretSource())


def check(raw: bytes) -> None:
    message = email.message_from_bytes(raw, policy=default)
    assert message["From"] == "studiolo@example.edu"
    assert message["To"] == "to@example.edu"
    assert message["Subject"] == "Grüße Bcc: all@example.edu"
    assert message["Bcc"] is None
    assert message["Reply-To"].addresses[0].addr_spec == "re@example.edu"
    assert message.get_content().splitlines() == ["Hello"]
    assert raw.isascii()


async def test_a_mail_reaches_a_server(inbox: tuple[Inbox, int]) -> None:
    taken, port = inbox
    await mailer(smtp_url=f"smtp://127.0.0.1:{port}").send(MAIL)
    (envelope,) = taken.envelopes
    assert envelope.rcpt_tos == ["to@example.edu"]
    check(envelope.content)


async def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(Unavailable, match="could not be sent"):
        await mailer(smtp_url="smtp://127.0.0.1:1").send(MAIL)


async def test_without_a_server_mails_are_private_files(tmp_path: Path) -> None:
    await mailer(data=tmp_path).send(MAIL)
    (file,) = (tmp_path / "mail").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    check(file.read_bytes())
    await mailer(mail_directory=tmp_path / "there").send(MAIL)
    assert len(list((tmp_path / "there").iterdir())) == 1


async def test_the_console_shows_mails(capsys: pytest.CaptureFixture[str]) -> None:
    await mailer(smtp_url="console:").send(MAIL)
    assert "to@example.edu" in capsys.readouterr().err


def test_a_wrong_url_is_refused() -> None:
    with pytest.raises(ValueError, match="smtp_url"):
        mailer(smtp_url="http://example.edu")
