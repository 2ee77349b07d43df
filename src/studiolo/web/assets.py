"""The built front end: what `shell.json` says of it, and its hashed files at /assets/."""

import json
import mimetypes
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from studiolo.web.content_security import source_hash
from studiolo.web.encodings import Encoding, choose

STATIC_DIRECTORY = Path(__file__).parent / "static"

_SUFFIXES: dict[Encoding, str] = {"br": ".br", "gzip": ".gz"}
_MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}
_MAX_KEPT_BYTES = 512 * 1024
_NOT_SERVED = ("manifest.json", "shell.json", "output.html")


@dataclass(frozen=True, slots=True)
class Shell:
    """What the shell page is made of, read once."""

    boot: str
    boot_hash: str
    css: str
    assets: dict[str, Any]
    output_page: str
    pages_css: str | None


class Assets:
    """The files of one build of the front end; without a build `shell` is None and nothing is served."""

    def __init__(self, directory: Path = STATIC_DIRECTORY) -> None:
        self._files = _list_files(directory)
        self._kept: dict[Path, bytes] = {}
        self._lock = threading.Lock()
        self.shell = _read_shell(directory)

    @property
    def pages_css(self) -> str | None:
        """Return the address of the ordinary pages' style sheet."""
        return self.shell.pages_css if self.shell else None

    def routes(self) -> list[Route]:
        """Return the route of the files. They are public, never change under their name, and any origin may read."""
        return [Route("/assets/{name:path}", self._serve, methods=["GET"], name="assets")]

    def _serve(self, request: Request) -> Response:
        path = self._files.get(request.path_params["name"])
        if path is None:
            return _not_there()
        headers = {
            "content-type": _MEDIA_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/json",
            "cache-control": "public, max-age=31536000, immutable",
            "vary": "accept-encoding",
            "x-content-type-options": "nosniff",
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
        }
        chosen = path
        packed: dict[Encoding, Path] = {name: path.with_name(path.name + suffix) for name, suffix in _SUFFIXES.items()}
        there: tuple[Encoding, ...] = tuple(name for name, file in packed.items() if file.is_file())
        encoding = choose(request.headers.get("accept-encoding", ""), there)
        if encoding is not None:
            headers["content-encoding"] = encoding
            chosen = packed[encoding]
        try:
            return Response(self._read(chosen), headers=headers)
        except FileNotFoundError:  # another build was put in the place of the one that we started with
            return _not_there()

    def _read(self, path: Path) -> bytes:
        with self._lock:
            kept = self._kept.get(path)
        if kept is None:
            kept = path.read_bytes()
            if len(kept) <= _MAX_KEPT_BYTES:
                with self._lock:
                    self._kept[path] = kept
        return kept


def _not_there() -> Response:
    return PlainTextResponse("There is no such file.", 404, {"cache-control": "no-store"})


def _list_files(directory: Path) -> dict[str, Path]:
    if not directory.is_dir():
        return {}
    packed = tuple(_SUFFIXES.values())
    files = (path for path in directory.rglob("*") if path.is_file() and path.suffix not in packed)
    names = {path.relative_to(directory).as_posix(): path for path in files}
    return {name: path for name, path in names.items() if name not in _NOT_SERVED and not name.startswith(".")}


def _read_shell(directory: Path) -> Shell | None:
    listing = directory / "shell.json"
    if not listing.is_file():
        return None
    content = cast("dict[str, Any]", json.loads(listing.read_text("utf-8")))
    boot = (directory / content["boot"]).read_text("utf-8")
    if "</script" in boot.lower() or "<!--" in boot:
        raise ValueError("the boot script would end or change the element that it is written into")
    return Shell(
        boot=boot,
        boot_hash=source_hash(boot),
        css=(directory / content["css"]).read_text("utf-8"),
        assets=content["assets"],
        output_page=(directory / content["output_page"]).read_text("utf-8"),
        pages_css=content.get("pages_css"),
    )
