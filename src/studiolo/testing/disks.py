"""Small file systems that a test can fill; root alone may mount them, and not in every container."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(place: Path, options: str) -> Generator[Path]:
    """Mount a tmpfs with these options, such as `size=4m`, while the context lasts; skip the test where nobody may."""
    if not _mount("-t", "tmpfs", "-o", options, "tmpfs", str(place)):
        pytest.skip("this machine lets root mount nothing: there is no disk that a test may fill")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def change_disk(place: Path, options: str) -> None:
    """Give a mounted disk other options."""
    assert _mount("-o", f"remount,{options}", str(place))


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode == 0
