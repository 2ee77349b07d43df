"""Settings: what they are; `settings_sources.py` reads them for who starts a server, `inherited_settings` for children.

Each field can be given on the command line (`--data`), in the environment (`STUDIOLO_DATA`) or in a TOML file
(`--config`, `STUDIOLO_CONFIG`); the first of these wins. One frozen object is built in `cli.py` and passed down.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from studiolo.core.origins import parse_origin_rule

PREFIX = "STUDIOLO_"  # of the variables

RunnerName = Literal["sandbox", "container", "kubernetes", "process"]


class Settings(BaseModel):
    """Everything an operator can set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path = Field(Path("studiolo-data"), description="Directory of the database, the projects' homes and sockets.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one and says it.")
    tls_cert: Path | None = Field(None, description="PEM file with the certificate chain; with tls_key, serve https.")
    tls_key: Path | None = Field(None, description="PEM file with the private key of tls_cert.")
    public_url: str | None = Field(
        None,
        description="Where browsers reach this server, such as https://studiolo.example.edu; needed behind a proxy.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    metrics_addresses: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1"),
        description="Addresses and networks that may read /metrics; everybody else needs an administrator's API key.",
    )
    database: str | None = Field(
        None, description="URL of the database, postgresql://...; without it SQLite in the data directory."
    )
    runner: RunnerName = Field("sandbox", description="What runs projects; `process` has no walls.")
    environment: Path | None = Field(
        None,
        description="The software environment projects run from, a virtual environment; default: the one of setup.",
    )
    embed_origins: tuple[str, ...] = Field(
        (),
        description="Exact origins (scheme, host, port) that may frame documents and send messages; "
        "https://*.example.edu stands for every host below by label.",
    )
    development: bool = Field(False, description="Allow http://localhost and http://127.0.0.1 origins, any port.")

    memory_mb: int | None = Field(2048, ge=64, description="Memory of a running project, in MiB.")
    cpu_cores: float | None = Field(1.0, gt=0, description="Processor share of a running project, in cores.")
    processes: int | None = Field(512, ge=16, description="Processes and threads of a running project.")
    disk_mb: int | None = Field(10240, ge=1, description="Disk space of a project's home, in MiB.")
    idle_timeout_seconds: int = Field(
        1800, ge=0, description="A project without use for this long is stopped; 0: never."
    )
    stop_projects_on_exit: bool = Field(
        False,
        description="Stop all running projects when the server stops; by default they survive and are adopted again.",
    )

    auth_token_lifetime_seconds: int = Field(43200, ge=10, description="How long an auth token signs browsers in.")
    auth_token_single_use: bool = Field(False, description="Make auth tokens good for one browser only.")
    frame_sign_in_lifetime_seconds: int = Field(43200, ge=60, description="How long a frame stays signed in.")
    sign_in_lifetime_seconds: int = Field(2592000, ge=60, description="How long a browser stays signed in.")
    bearer_lifetime_seconds: int = Field(
        900, ge=30, description="How long a frame's bearer lives before it is renewed."
    )
    account_creation: Literal["admin", "any_key", "registration_token", "anybody"] = Field(
        "admin",
        description="Who may make accounts: administrators only; the holder of any API key; anybody with a "
        "registration token; anybody. Administrators always may. Tokens for throw-away accounts are good under each.",
    )
    sign_in_attempts: int = Field(
        10, ge=1, description="Wrong passwords per account in five minutes; from one network address ten times as many."
    )

    audit_retention_days: int = Field(365, ge=0, description="For how many days the audit log is kept; 0: for ever.")
    rate_per_address: float = Field(
        500, ge=0, description="Requests a second from one network address (IPv6: one /64), in the long run; 0: any."
    )
    burst_per_address: int = Field(50000, ge=1, description="Requests that one network address may make at once.")
    rate_per_key: float = Field(
        500, ge=0, description="Requests a second with one API key, token or bearer, in the long run; 0: any."
    )
    burst_per_key: int = Field(50000, ge=1, description="Requests that may be made at once with one key.")
    rate_of_passwords: float = Field(
        50, ge=0, description="Calls a second of one account that hash a password, such as create_account; 0: any."
    )
    burst_of_passwords: int = Field(5000, ge=1, description="Such calls that one account may make at once.")
    rate_of_commands: float = Field(
        200, ge=0, description="Calls a second of one account that run something in projects; 0: any."
    )
    burst_of_commands: int = Field(20000, ge=1, description="Such calls that one account may make at once.")
    rate_of_copies: float = Field(500, ge=0, description="Calls a second of one account that copy; 0: any.")
    burst_of_copies: int = Field(50000, ge=1, description="Such calls that one account may make at once.")
    max_auth_tokens_per_account: int = Field(
        10000, ge=1, description="Living auth tokens that sign in as one account; one more is refused."
    )
    max_sign_ins_per_account: int = Field(
        2000, ge=1, description="Browsers and frames that one account may have signed in; one more ends the oldest."
    )
    max_sign_ins_per_token: int = Field(
        1000, ge=1, description="Frames that one auth token may have signed in; one more ends the oldest."
    )
    max_sockets: int = Field(10000, ge=1, description="Open sockets of frames, for each hub.")
    max_sockets_per_account: int = Field(1000, ge=1, description="Open sockets of one account's frames, for each hub.")
    max_sockets_per_sign_in: int = Field(50, ge=1, description="Open sockets of one signed-in browser or frame.")
    max_openings: int = Field(2000, ge=1, description="Documents that are being opened at once, for each hub.")
    max_openings_per_account: int = Field(500, ge=1, description="Documents that one account may be opening at once.")
    max_openings_per_sign_in: int = Field(20, ge=1, description="Documents that one frame may be opening at once.")

    exec_jobs_per_project: int = Field(
        10, ge=1, description="Commands that run by themselves (`start_exec`) in one project at once."
    )
    exec_cpu_seconds: int | None = Field(
        None, ge=1, description="Processor time of each process of such a command, in seconds; none: no limit."
    )
    max_body_mb: int = Field(64, ge=1, description="Largest text file written by a call, and largest body, in MiB.")
    max_call_mb: int = Field(8, ge=1, description="Largest body of a call that writes no text file, in MiB.")
    max_upload_mb: int = Field(10240, ge=1, description="Largest file that can be uploaded, in MiB.")
    max_read_mb: int = Field(10, ge=1, description="Largest file read as text through the API, in MiB.")
    max_document_mb: int = Field(50, ge=1, description="Largest file opened as a document, in MiB.")
    copy_workers: int = Field(2, ge=1, description="Processes that carry out copies, each up to four at once.")
    copies_per_account: int = Field(
        3, ge=1, description="Copies of one account that run at once; small ones carried out together count as one."
    )
    copies_per_project: int = Field(
        3, ge=1, description="Copies out of or into one project that run at once; small ones together count as one."
    )
    copy_fsync: Literal["none", "files", "full"] = Field(
        "none",
        description="What a copy writes through to the disk before it is called finished: nothing more than the "
        "system does by itself within a minute, each file's content, or directories too; "
        "see docs/explanation/copying.md for the price.",
    )
    copy_base_mb: int = Field(
        100,
        ge=0,
        description="Of a hand-out to many projects, up to this size in MiB, the server keeps a copy, so that a later "
        "revision can tell what was changed; 0: of none.",
    )
    copy_lease_seconds: int = Field(
        30, ge=2, le=1800, description="A copy whose worker is silent for this long is claimed again."
    )
    projects_query_days: int = Field(
        0, ge=0, description="Let the query table `projects` list only projects edited in so many days; 0: all."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe level to log.")
    log_format: Literal["text", "json"] = Field("text", description="How log lines are written.")
    smtp_url: str | None = Field(
        None,
        description="Server that takes mails: smtp://user:password@host:587 (STARTTLS where it is offered), "
        "smtps://host:465, or console: to print them; without it they become files in mail_directory.",
    )
    mail_from: str = Field("studiolo@localhost", description="Address that mails come from.")
    mail_directory: Path | None = Field(
        None, description="Where mails are written as files when there is no smtp_url; default: mail in data."
    )
    help_email: str = Field("help@localhost", description="Shown where somebody should be contacted.")

    @field_validator("embed_origins", "trusted_proxies", "metrics_addresses", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("embed_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for rule in value:
            parse_origin_rule(rule)
        return value

    @field_validator("trusted_proxies", "metrics_addresses")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network, strict=False)
        return value

    @field_validator("database")
    @classmethod
    def _check_database(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("postgresql://", "postgresql+psycopg://", "sqlite:///")):
            raise ValueError("a database is postgresql://USER:PASSWORD@HOST/NAME or sqlite:///PATH")
        return value

    @field_validator("data", "tls_cert", "tls_key", "environment", "mail_directory", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.absolute() if value is not None else None

    @model_validator(mode="after")
    def _check_tls(self) -> "Settings":
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or neither")
        return self

    def as_environment(self) -> dict[str, str]:
        """Return the settings as STUDIOLO_... variables, for a child process (`inherited_settings`)."""
        written = self.model_dump(mode="json", exclude_none=True)
        return {
            PREFIX + name.upper(): ",".join(value) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType] - lists of text
            for name, value in written.items()
        }

    @property
    def database_url(self) -> str:
        """Return the database's URL, the default one being SQLite in the data directory."""
        return self.database or f"sqlite:///{self.data / 'studiolo.sqlite3'}"


def inherited_settings() -> Settings:
    """Build the settings in a child, from the variables of `as_environment`. Raises pydantic's ValidationError."""
    variables = {name: os.environ.get(PREFIX + name.upper(), "") for name in Settings.model_fields}  # noqa: TID251 - here
    return Settings.model_validate({name: value for name, value in variables.items() if value})
