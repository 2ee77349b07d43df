"""The command line: `studiolo serve`, `account create`, `openapi`, `version`.

Every option of `serve` is a field of `core/settings.py`; the options are generated from it, so that they cannot differ.
"""

import asyncio
import json
import sys
import tomllib
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from studiolo import __version__
from studiolo.core.errors import StudioloError
from studiolo.core.settings import Settings, inherited_settings


def settings_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command one option per field of the settings (only `names` if given), and `--config`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, field in reversed(Settings.model_fields.items()):
            if not names or name in names:
                command = _option(name, field)(command)
        file = click.Path(dir_okay=False, path_type=Path)
        text = "TOML file with settings; options and STUDIOLO_... variables win over it."
        return click.option("--config", type=file, envvar="STUDIOLO_CONFIG", help=text)(command)

    return decorate


def _option(name: str, field: FieldInfo) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    flag = "--" + name.replace("_", "-")
    if field.annotation is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=field.description)
    return click.option(flag, name, default=None, metavar=_metavar(field), help=field.description)


def _metavar(field: FieldInfo) -> str:
    kinds = [k for k in _members(field.annotation) if k is not type(None)]
    if typing.get_origin(kinds[0]) is typing.Literal:
        return "[" + "|".join(typing.get_args(kinds[0])) + "]"
    if typing.get_origin(kinds[0]) is tuple:
        return "A,B,..."
    return {int: "N", float: "N", Path: "PATH"}.get(kinds[0], "TEXT")


def _members(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def read_settings(config: Path | None, given: dict[str, Any]) -> Settings:
    """Build the settings; end the program with a clear message when they are wrong."""
    from studiolo.core.settings_sources import load_settings

    try:
        return load_settings(config, **given)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{config} is not TOML: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{config} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        lines = [f"{'.'.join(str(p) for p in e['loc']) or 'settings'}: {e['msg']}" for e in error.errors()]
        raise click.ClickException("these settings are wrong:\n  " + "\n  ".join(lines)) from error


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Studiolo: live, isolated notebook projects for other web applications."""


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


@main.command()
@settings_options()
def serve(config: Path | None, **given: Any) -> None:
    """Run the server: the keeper of the sandboxes, the hub, and the workers that copy."""
    # Imported here, since `account create` and `version` need none of it.
    from studiolo.app.serving import serve as serve_app

    settings = read_settings(config, given)
    try:
        sys.exit(serve_app(settings))
    except StudioloError as error:
        raise click.ClickException(error.message) from error


@main.group()
def account() -> None:
    """Manage accounts."""


@account.command()
@click.option("--email", required=True, help="Address to sign in with.")
@click.option("--password", required=True, help="6 to 64 characters; `-` reads it from standard input.")
@click.option("--first-name", default="", help="May be left out.")
@click.option("--last-name", default="", help="May be left out.")
@click.option("--admin", is_flag=True, help="May act on every account and project.")
@click.option("--api-key", is_flag=True, help="Make an API key too and print it; it is shown this once.")
@settings_options("data", "database")
def create(
    config: Path | None,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    admin: bool,
    api_key: bool,
    **given: Any,
) -> None:
    """Make an account and print it as JSON; works while the server runs and before its first start."""
    from studiolo.app.commands import create_account

    settings = read_settings(config, given)
    if password == "-":  # noqa: S105 - means standard input
        password = sys.stdin.readline().rstrip("\n")
    try:
        made = asyncio.run(
            create_account(
                settings,
                email_address=email,
                password=password,
                first_name=first_name,
                last_name=last_name,
                is_admin=admin,
                has_api_key=api_key,
            )
        )
    except StudioloError as error:
        raise click.ClickException(error.message) from error
    click.echo(json.dumps(made))


@main.command()
def openapi() -> None:
    """Print the OpenAPI document of this version."""
    from studiolo.app.describing import openapi_text

    click.echo(openapi_text(), nl=False)


@main.command("_hub", hidden=True)
@click.option("--keeper-fd", type=int, required=True)
@click.option("--listen-fd", type=int, required=True)
def hub(keeper_fd: int, listen_fd: int) -> None:
    """Run the hub as the keeper's child; settings come through the environment."""
    # structlog imports it, where it happens to be installed, for tracebacks that we do not want: 4 MB
    sys.modules["rich"] = None  # pyright: ignore[reportArgumentType]
    from studiolo.app.hub import run_hub

    run_hub(inherited_settings(), keeper_fd=keeper_fd, listen_fd=listen_fd)


@main.command("_copy_worker", hidden=True)
@click.option("--keeper-fd", type=int, required=True)
def copy_worker(keeper_fd: int) -> None:
    """Carry out copies as the keeper's child; settings come through the environment."""
    from studiolo.app.worker import run_copy_worker

    run_copy_worker(inherited_settings(), keeper_fd=keeper_fd)
