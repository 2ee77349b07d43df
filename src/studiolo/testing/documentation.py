"""Documentation that is run: pages cut into blocks, and a terminal in which a reader would run them.

Nothing of a block is changed but what differs between this machine and the reader's: addresses, ports and directories.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_SERVES = re.compile(r"\bstudiolo serve\b|\bhttp\.server\b")
_COMMAND_SECONDS = 120.0


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    number: int
    language: str
    text: str

    @property
    def example(self) -> str | None:
        """Return the file of `examples/` from which the site cuts the block."""
        text = self.text.strip()
        return text.removeprefix('--8<-- "').rstrip('"').partition(":")[0] if text.startswith('--8<-- "') else None

    @property
    def commands(self) -> list[str]:
        """Return the commands of a block for a shell, each with what is fed to it."""
        return list(_commands(self.text))

    def __str__(self) -> str:
        """Return where it stands."""
        return f"{self.page.name}, block {self.number}"


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page."""
    return blocks_in(page.read_text(encoding="utf-8"), page)


def blocks_in(text: str, page: Path = Path()) -> list[Block]:
    """Return the blocks of a page's text."""
    return [
        Block(page, number, language, inside) for number, (_, language, inside) in enumerate(_FENCE.findall(text), 1)
    ]


def unfenced_code(page: Path) -> list[str]:
    """Return the lines that are code because they are indented, which no test would see."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    paragraphs = re.split(r"\n(?=\S)", text)  # what is indented below a list or a note belongs to it
    return [
        line
        for paragraph in paragraphs
        if not re.match(r"(?:[-*]|\d+\.|!!!) ", paragraph)
        for line in re.findall(r"\n\n( {4}.*)", paragraph)
    ]


@dataclass
class Terminal:
    """Runs the blocks of a page in one directory; what they serve goes on until `close`.

    `put` says what stands here for what the page says; `variables` are the shell's, `names` Python's. A command in
    `left_out` is not run; one in `stand_ins` is done by a function. `serve` starts a server in the background.
    """

    directory: Path
    serve: Callable[[str], object]
    put: dict[str, str] = field(default_factory=dict[str, str])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    names: dict[str, Any] = field(default_factory=dict[str, Any])
    left_out: Iterable[str] = ()
    stand_ins: Mapping[str, Callable[[], object]] = field(default_factory=dict[str, Callable[[], object]])
    typed: str = ""  # on the standard input of every command
    said: list[str] = field(default_factory=list[str])  # what the commands said
    ran: list[Block] = field(default_factory=list[Block])

    def run_page(self, page: Path) -> None:
        """Run every block of a page that is for a shell or for Python, in turn."""
        for block in blocks(page):
            self.run(block)

    def run(self, block: Block) -> None:
        """Run a block, unless it is for reading, or from an example that has a test of its own."""
        self.ran.append(block)
        if block.language == "sh":
            self._run_commands(block)
        if block.language == "python" and block.example is None:
            with contextlib.chdir(self.directory):
                exec(compile(self._put(block.text), str(block), "exec"), self.names)  # noqa: S102 - of our own pages

    def left_of(self, page: Path) -> list[str]:
        """Return where on a page a block for a shell or for Python has not run."""
        runs = (block for block in blocks(page) if block.language in ("sh", "python") and block.example is None)
        return [str(block) for block in runs if block not in self.ran]

    def close(self) -> None:
        """Let go of what Python has open."""
        self.names.clear()

    def _run_commands(self, block: Block) -> None:
        script: list[str] = []
        for command in block.commands:
            is_served = bool(_SERVES.search(command))
            if is_served or command in self.stand_ins:
                self._run_script(block, script)
                script = []
            if is_served:
                self.serve(self._put(command))
            elif command in self.stand_ins:
                self.stand_ins[command]()
            elif command not in self.left_out:
                script.append(command)
        self._run_script(block, script)

    def _run_script(self, block: Block, script: list[str]) -> None:
        if not script:
            return
        programs = str(Path(sys.executable).parent)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._put("\n".join(script))],
            cwd=self.directory,
            env={"PATH": f"{programs}:{os.defpath}", "HOME": str(self.directory), **self.variables},
            input=self.typed,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            start_new_session=True,  # without a terminal that programs could ask for a password
            check=False,
        )
        assert done.returncode == 0, f"{block}: {script}\n{done.stdout}\n{done.stderr}"
        self.said.append(done.stdout)

    def _put(self, text: str) -> str:
        for written, here in self.put.items():
            text = text.replace(written, here)
        return text


def _commands(text: str) -> Iterator[str]:
    command, end = "", ""
    for line in text.splitlines():
        command = f"{command}\n{line}" if command else line
        if end:
            end = "" if line.strip() == end else end
        elif "<<" in line:
            end = line.partition("<<")[2].split()[0].strip("'")
        if end or line.endswith("\\"):
            continue
        if command.strip() and not command.startswith("#"):
            yield _without_comment(command)
        command = ""


def _without_comment(command: str) -> str:
    return command if "\n" in command else re.sub(r"\s+# .*$", "", command)
