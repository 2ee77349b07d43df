"""Which kernels are installed, for the project's environment and for its user."""

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

DEFAULT_NAME = "python3"


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
        return (
            len(self.argv) > 2
            and self.argv[1:3] == ("-m", "ipykernel_launcher")
            and Path(self.argv[0]).absolute() == Path(sys.executable).absolute()
        )

    def command(self, connection_file: str) -> list[str]:
        """Return the command that starts the kernel."""
        return [part.replace("{connection_file}", connection_file) for part in self.argv]


class KernelSpecs:
    """Finds kernelspecs where Jupyter keeps them."""

    def __init__(self, home: str) -> None:
        self._home = home

    def default(self) -> KernelSpec:
        """Return ipykernel of the agent's own environment, without looking for any other."""
        argv = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
        return KernelSpec(DEFAULT_NAME, "Python 3 (ipykernel)", "python", argv)

    def find(self, name: str) -> KernelSpec | None:
        """Return the kernel of this name."""
        if name == DEFAULT_NAME and not self._own_default().is_file():
            return self.default()
        return self.all().get(name)

    def all(self) -> dict[str, KernelSpec]:
        """Return all installed kernels by name."""
        # jupyter_client takes 130 ms to import; the project's own kernels are looked for in its home.
        manager: Any = import_module("jupyter_client.kernelspec").KernelSpecManager()
        found: dict[str, KernelSpec] = {DEFAULT_NAME: self.default()}
        for name, entry in cast("dict[str, dict[str, Any]]", manager.get_all_specs()).items():
            spec = cast("dict[str, Any]", entry["spec"])
            argv = tuple(str(part) for part in spec.get("argv", []))
            if argv and argv[0] in ("python", "python3", f"python3.{sys.version_info.minor}"):
                argv = (self._python_of(entry.get("resource_dir", "")), *argv[1:])
            environment = tuple(
                (str(key), str(value)) for key, value in cast("dict[Any, Any]", spec.get("env") or {}).items()
            )
            found[name] = KernelSpec(
                name,
                str(spec.get("display_name") or name),
                str(spec.get("language") or ""),
                argv,
                environment,
                str(spec.get("interrupt_mode") or "signal"),
            )
        return found

    def _own_default(self) -> Path:
        return Path(self._home, ".local/share/jupyter/kernels", DEFAULT_NAME, "kernel.json")

    def _python_of(self, resource_directory: str) -> str:
        """Return the interpreter that a bare `python` means: that of the environment the kernelspec lies in."""
        prefix = Path(resource_directory).parents[3] if resource_directory.count("/") > 3 else Path(sys.prefix)
        python = prefix / "bin" / "python"
        return str(python) if python.exists() else sys.executable
