"""Which kernels are installed, for the project's environment, for its user, and on the machine."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

DEFAULT_NAME = "python3"
MAX_SPEC_BYTES = 64 * 1024
_DIRECTORY = "share/jupyter/kernels"


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """An installed kernel."""

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    interrupt_mode: str = "signal"

    @property
    def is_own(self) -> bool:
        """Tell whether this is ipykernel of the agent's own environment, which the template can fork."""
        arguments = [argument for argument in self.argv[1:] if not argument.startswith("-X")]
        return (
            arguments[:2] == ["-m", "ipykernel_launcher"]
            and not self.environment
            and Path(self.argv[0]).absolute() == Path(sys.executable).absolute()
        )

    def command(self, connection_file: str) -> list[str]:
        """Return the command that starts the kernel."""
        return [part.replace("{connection_file}", connection_file) for part in self.argv]


class KernelSpecs:
    """Finds kernelspecs in the places where Jupyter keeps them, the project's own first."""

    def __init__(self, home: str) -> None:
        prefixes = [Path(home, ".local"), Path(sys.prefix), Path("/usr/local"), Path("/usr")]
        self._directories = [prefix / _DIRECTORY for prefix in prefixes]

    def default(self) -> KernelSpec:
        """Return ipykernel of the agent's own environment, without looking for any other."""
        argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
        return KernelSpec(DEFAULT_NAME, "Python 3 (ipykernel)", "python", argv)

    def find(self, name: str) -> KernelSpec | None:
        """Return the kernel of this name, also when its letters differ in case."""
        return {found.lower(): spec for found, spec in self.all().items()}.get(name.lower())

    def all(self) -> dict[str, KernelSpec]:
        """Return all installed kernels by name."""
        found: dict[str, KernelSpec] = {}
        for directory in self._directories:
            for place in _subdirectories(directory):
                spec = _read(place)
                if spec is not None:
                    found.setdefault(spec.name, spec)
        found.setdefault(DEFAULT_NAME, self.default())
        return found


def _subdirectories(directory: Path) -> Iterator[Path]:
    try:
        yield from sorted(directory.iterdir())
    except OSError:
        return


def _read(place: Path) -> KernelSpec | None:
    """Return the kernelspec in a directory; None when there is none that could be started."""
    file = place / "kernel.json"
    try:
        if not file.is_file() or file.stat().st_size > MAX_SPEC_BYTES:
            return None
        about = cast("dict[str, Any]", json.loads(file.read_text()))
        argv = [str(part) for part in about["argv"]]
        environment = cast("dict[str, Any]", about.get("env") or {})
        if argv[0] in ("python", "python3", f"python3.{sys.version_info.minor}"):
            argv[0] = _python_of(place)
        return KernelSpec(
            place.name,
            str(about.get("display_name") or place.name),
            str(about.get("language") or ""),
            tuple(argv),
            tuple((str(key), str(value)) for key, value in environment.items()),
            str(about.get("interrupt_mode") or "signal"),
        )
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None  # somebody's broken file must not hide the other kernels


def _python_of(place: Path) -> str:
    """Return the interpreter that a bare `python` means: that of the environment the kernelspec lies in."""
    python = place.parents[3] / "bin" / "python"
    return str(python) if python.exists() else sys.executable
