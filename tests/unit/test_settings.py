"""Settings come from arguments, the environment and a file, in this order, and are checked at once."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from studiolo.core.settings_sources import load_settings


def test_nothing_given_means_sqlite_in_the_data_directory_and_a_sandbox() -> None:
    settings = load_settings()
    assert settings.runner == "sandbox"
    assert settings.database_url == f"sqlite:///{Path.cwd() / 'studiolo-data' / 'studiolo.sqlite3'}"


def test_arguments_beat_the_environment_which_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "studiolo.toml"
    file.write_text('port = 1\nhost = "file"\nhelp_email = "file@example.org"\n')
    monkeypatch.setenv("STUDIOLO_PORT", "2")
    monkeypatch.setenv("STUDIOLO_HOST", "environment")
    settings = load_settings(file, port=3)
    assert (settings.port, settings.host, settings.help_email) == (3, "environment", "file@example.org")


def test_origins_are_read_from_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIOLO_EMBED_ORIGINS", "https://a.example.org, https://*.b.example.org:8443")
    assert load_settings().embed_origins == ("https://a.example.org", "https://*.b.example.org:8443")


@pytest.mark.parametrize(
    "origin",
    [
        "http://portal.example.org",
        "https://*.org",
        "https://a.example.org/path",
        "portal.example.org",
        "https://*",
        "x",
    ],
)
def test_an_origin_that_is_not_one_is_refused_with_the_text_that_was_given(origin: str) -> None:
    with pytest.raises(ValidationError, match=origin.replace("*", r"\*")):
        load_settings(embed_origins=origin)


@pytest.mark.parametrize("name", ["trusted_proxies", "metrics_addresses"])
def test_what_is_no_address_and_no_network_is_refused(name: str) -> None:
    assert getattr(load_settings(**{name: "10.0.0.0/8, ::1"}), name) == ("10.0.0.0/8", "::1")
    with pytest.raises(ValidationError, match="proxy"):
        load_settings(**{name: "10.0.0.1,proxy"})


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="go together"):
        load_settings(tls_cert=tmp_path / "cert.pem")


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "studiolo.toml"
    file.write_text("prot = 8000\n")
    with pytest.raises(ValidationError, match="prot"):
        load_settings(file)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_settings(tmp_path / "none.toml")
