"""What became of a document over time, as far back as its log goes: compaction makes one update of all before."""

import asyncio
import base64
from pathlib import Path
from typing import Any

from studiolo.agent import files
from studiolo.agent import params as read
from studiolo.agent.agent import Agent
from studiolo.agent.documents import disk
from studiolo.agent.documents.log import LogUnusable, log_directory, read_log
from studiolo.core.errors import Conflict, FileNotFound

MAX_ENTRIES = 10_000
MAX_PATCH_BYTES = 20 * 1024 * 1024


async def list_history(agent: Agent, params: dict[str, Any]) -> dict[str, Any]:
    """Answer with the document's updates, the oldest first: when, how large, and with `patches` what."""
    files.within(agent.home, params, files.resolve(agent.home, read.text(params, "path")))
    path = disk.document_path(Path(agent.home), read.text(params, "path"))
    return await asyncio.to_thread(_history, Path(agent.home), path, read.flag(params, "patches"))


def _history(home: Path, path: str, with_patches: bool) -> dict[str, Any]:
    try:
        contents = read_log(log_directory(home, path), path)
    except LogUnusable as error:
        raise Conflict(str(error)) from error
    if contents is None:
        raise FileNotFound(f"{path!r} was never edited together, so it has no history")
    entries: list[dict[str, Any]] = []
    patch_bytes = 0
    newest_first = zip(reversed(contents.updates), reversed(contents.times_ms), strict=True)
    for update, time_ms in list(newest_first)[:MAX_ENTRIES]:
        entry: dict[str, Any] = {"time_ms": time_ms, "patch_length": len(update)}
        patch_bytes += len(update)
        if with_patches and patch_bytes <= MAX_PATCH_BYTES:
            entry["patch"] = base64.b64encode(update).decode()
        entries.append(entry)
    return {"history": entries[::-1]}
