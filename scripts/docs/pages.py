"""The reference pages that are made from the code, as Markdown by their path: settings, commands, errors, client."""

import inspect
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from studiolo.cli import main
from studiolo.client import AsyncClient, Client, RetryPolicy, errors
from studiolo.client.all_nouns import Nouns
from studiolo.core.errors import StudioloError, all_errors
from studiolo.core.settings import Settings

MADE = "<!-- made from the code when the site is built -->\n\n"


def all_pages() -> dict[str, str]:
    """Return every page."""
    return {
        "reference/settings.md": MADE + settings(),
        "reference/command-line.md": MADE + command_line(),
        "reference/errors.md": MADE + list_of_errors(),
        **{f"reference/client/{name}.md": MADE + text for name, text in client().items()},
    }


def settings() -> str:
    """Return the table of settings."""
    lines = [
        "# Settings",
        "",
        "Each can be given as an option of `studiolo serve` (`--copy-workers 4`), as an environment variable",
        "(`STUDIOLO_COPY_WORKERS=4`) or in a TOML file (`copy_workers = 4`; `--config` or `STUDIOLO_CONFIG` names it).",
        "The first of these wins. Lists have commas between their members; in TOML they are arrays.",
        "",
        "| setting | kind | default | what it does |",
        "|---|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `{name}` | {_kind(field)} | {_default(field)} | {_cell(field.description or '')} |")
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """Return the page of commands and their options."""
    lines = ["# The command line", "", "`studiolo --help` says the same.", ""]
    for path, command in _commands(main, "studiolo"):
        lines += [f"## {path}", "", str(command.help or "").strip(), ""]
        options = [one for one in command.params if isinstance(one, click.Option)]
        names = {option.name for option in options}
        if names >= set(Settings.model_fields):
            lines += ["Takes every [setting](settings.md) as an option, and `--config FILE`.", ""]
            continue
        if options:
            lines += ["| option | what it does |", "|---|---|"]
            lines += [f"| `{'`, `'.join(option.opts)}` | {_cell(_help(option))} |" for option in options] + [""]
    return "\n".join(lines)


def list_of_errors() -> str:
    """Return the table of error codes."""
    lines = [
        "# Errors",
        "",
        "Every answer that tells of an error has a `code`. It is stable: programs look at it, and only at it; the",
        "words beside it are for people and may change. What to do about each family is said in",
        "[Which error, which status](../contributing/http-status-codes.md). *Again* says that the very same request",
        "may be sent again without harm.",
        "",
        "| code | status | again | meaning |",
        "|---|---|---|---|",
    ]
    for error in all_errors():
        about = str(error.__doc__).split("\n")[0] if error is not StudioloError else "Something broke on the server."
        lines.append(f"| `{error.code}` | {error.status} | {'yes' if error.is_retryable else ''} | {_cell(about)} |")
    return "\n".join(lines) + "\n"


def client() -> dict[str, str]:
    """Return the pages of the Python client: the clients themselves, each noun, and the errors."""
    made = Client("http://localhost", "")
    nouns = {name: noun for name, noun in vars(made).items() if not name.startswith("_")}
    found = {"index": _clients(list(nouns))}
    for name, noun in nouns.items():
        module = inspect.getmodule(next(one for one in type(noun).__mro__ if one.__name__.endswith("Calls")))
        text = [f"# client.{name}", "", f"{type(noun).__doc__}", ""]
        for method_name, method in _methods(noun):
            text += _method(f"client.{name}.{method_name}", method)
        text += ["## Answers", ""] + [line for kind in _own_classes(module) for line in _answer(kind)]
        found[name] = "\n".join(text)
    found["errors"] = f"# Errors of the client\n\n{_as_text(str(errors.__doc__))}\n"
    return found


def _clients(nouns: list[str]) -> str:
    text = [
        "# The Python client",
        "",
        "How to use it is told in [Use the Python client](../../how-to/python-client.md).",
        "",
    ]
    for kind in (Client, AsyncClient, RetryPolicy):
        text += [f"## {kind.__name__}", "", str(inspect.getdoc(kind)), "", *_signature(kind.__name__, kind)]
        for name, method in _methods(kind) if kind is not RetryPolicy else []:
            if name not in vars(Nouns):
                text += _method(f"{kind.__name__}.{name}", method)
    text += ["## Nouns", "", *(f"- [`client.{noun}`]({noun}.md)" for noun in nouns), "- [errors](errors.md)", ""]
    return "\n".join(text)


def _methods(holder: Any) -> Iterator[tuple[str, Any]]:
    for name, method in inspect.getmembers(holder, inspect.isroutine):
        if not name.startswith("_"):
            yield name, method


def _method(name: str, method: Any) -> list[str]:
    about, _, arguments = str(inspect.getdoc(method)).partition("\nArgs:\n")
    lines = [f"## {name.rpartition('.')[2]}", "", *_signature(name, method), about.strip(), ""]
    for line in inspect.cleandoc(arguments).splitlines():
        first, colon, rest = line.partition(": ")
        is_new = bool(colon) and not line.startswith(" ")
        lines.append(f"- `{first}`: {rest}" if is_new else f"  {line.strip()}")
    return [*lines, ""]


def _signature(name: str, function: Any) -> list[str]:
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name != "self"]
    told = [_parameter(one) for one in parameters]
    answer = signature.return_annotation
    arrow = "" if answer in (inspect.Signature.empty, None) else f" -> {_plain(_name(answer))}"
    body = "\n".join(f"    {_plain(one)}," for one in told)
    return ["```text", f"{name}(\n{body}\n){arrow}" if told else f"{name}(){arrow}", "```", ""]


def _parameter(parameter: inspect.Parameter) -> str:
    if not inspect.isroutine(parameter.default):
        return str(parameter)
    shown = parameter.replace(default=inspect.Parameter.empty)  # else a function would be shown with its address
    return f"{shown} = {parameter.default.__qualname__}"


def _own_classes(module: Any) -> list[type[Any]]:
    kinds = [one for _, one in inspect.getmembers(module, inspect.isclass) if one.__module__ == module.__name__]
    return [one for one in kinds if not one.__name__.endswith("Calls")]


def _answer(kind: type[Any]) -> list[str]:
    fields = [f"- `{name}`: `{_plain(_name(of))}`" for name, of in kind.__annotations__.items() if name != "EVENT"]
    return [f"### {kind.__name__}", "", str(kind.__doc__), "", *fields, ""]


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)


def _plain(text: str) -> str:
    for module in ("typing.", "collections.abc.", "datetime.datetime", "studiolo.client.", "retrying."):
        text = text.replace(module, "datetime" if module == "datetime.datetime" else "")
    for part in text.split("nouns.")[1:]:
        text = text.replace(f"nouns.{part.partition('.')[0]}.", "")
    return text


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, one in command.commands.items():
        if not one.hidden:
            yield from _commands(one, f"{path} {name}")


def _help(option: click.Option) -> str:
    return f"{option.help or ''}{' Must be given.' if option.required else ''}"


def _kind(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    kinds = [one for one in (typing.get_args(annotation) if is_union else (annotation,)) if one is not type(None)]
    if typing.get_origin(kinds[0]) is typing.Literal:
        return ", ".join(f"`{one}`" for one in typing.get_args(kinds[0]))
    if typing.get_origin(kinds[0]) is tuple:
        return "list"
    return {int: "number", float: "number", bool: "true or false", Path: "path"}.get(kinds[0], "text")


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is None or default == () or default is PydanticUndefined:
        return ""
    if isinstance(default, tuple):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _as_text(doc: str) -> str:
    """Return a docstring with its drawing as a block."""
    about, _, rest = inspect.cleandoc(doc).partition("\n\n")
    drawing, _, words = rest.partition("\n\n")
    return f"{about}\n\n```text\n{inspect.cleandoc(drawing)}\n```\n\n{words}"
