"""Structured logging: one event and its fields a line, on standard error, without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

_SECRET_NAMES = re.compile(r"password|secret|token|api_key|authorization|bearer|cookie", re.IGNORECASE)
_SECRET_IN_QUERY = re.compile(r"(auth_token|api_key|password)=[^&\s\"']+", re.IGNORECASE)


def configure_logging(level: str, style: Literal["text", "json"]) -> None:
    """Set up logging for a process; libraries that log through the standard library come out the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=0,
            exception_formatter=structlog.dev.plain_traceback,  # the default one shows variables, secrets among them
        )
    )
    tail = [structlog.processors.format_exc_info] if style == "json" else [on_one_line]
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *tail, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, *tail, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace what could be a secret: fields by name, tokens inside addresses by pattern."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = "(hidden)"
        elif isinstance(value, str) and "=" in value:
            event[name] = _SECRET_IN_QUERY.sub(r"\1=(hidden)", value)
    return event


def on_one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write control characters as escapes: whoever chooses a path must not forge lines or speak to a terminal."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = value.encode("unicode_escape").decode()
    return event
