"""Copies that fail say why in words, and leave every file of the target as it was or whole."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from studiolo.core.errors import CopyFailed, FileNotFound
from studiolo.runtime.copying.resident import carry_out
from studiolo.runtime.keeper.messages import CopyTree
from studiolo.testing.disks import small_disk
from studiolo.testing.keepers import ORDINARY_UID

IS_ROOT = os.geteuid() == 0
SOURCE, TARGET = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-2222-4222-8222-222222222222"


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("source", "target"):
        (tmp_path / name).mkdir(mode=0o700)
    return tmp_path / "source", tmp_path / "target"


def order(homes: tuple[Path, Path], source_path: str, target_path: str, **options: object) -> None:
    fds = [os.open(home, os.O_PATH | os.O_DIRECTORY) for home in homes]
    request = CopyTree(SOURCE, 1, source_path, TARGET, 2, target_path, **options)  # type: ignore[arg-type]
    try:
        carry_out(request, *fds, "00000000", "none")
    finally:
        for fd in fds:
            os.close(fd)


@pytest.mark.root  # who mounts a small file system
def test_full_disk_stops_the_copy_and_leaves_whole_files_only(homes: tuple[Path, Path]):
    source, target = homes
    for name, size in (("a", 100_000), ("b", 900_000), ("c", 900_000)):
        (source / name).write_bytes(name.encode() * size)
    with small_disk(target, "size=1200k"):
        (target / "c").write_bytes(b"old")
        os.utime(target / "c", (1, 1))
        with pytest.raises(
            CopyFailed, match=r"^The copy stopped: No space left on device: 'c'. What was copied before"
        ):
            order(homes, "", "")
        assert sorted(path.name for path in target.iterdir()) == ["a", "b", "c"]
        assert (target / "c").read_bytes() == b"old"
        assert (target / "b").stat().st_size == 900_000


def test_file_larger_than_the_system_allows_stops_the_copy(homes: tuple[Path, Path]):
    source, target = homes
    (source / "f").write_bytes(b"x" * 500_000)
    (target / "f").write_bytes(b"old")
    os.utime(target / "f", (1, 1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(CopyFailed, match=r"^The copy stopped: File too large: 'f'"):
            order(homes, "f", "f")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in target.iterdir()] == ["f"]
    assert (target / "f").read_bytes() == b"old"


def test_failures_of_single_entries_are_told_together(homes: tuple[Path, Path]):
    source, target = homes
    for number in range(30):
        (source / "d").mkdir(exist_ok=True)
        (source / "d" / f"{number:02}").write_text("x")
        (target / "d" / f"{number:02}" / "inner").mkdir(parents=True)
    with pytest.raises(CopyFailed, match=r"^30 could not be copied: 00: Directory not empty; 01: .*19: .*; \.\.\.$"):
        order(homes, "d", "d")


def test_missing_source_and_source_inside_a_target_that_loses_files_are_refused(homes: tuple[Path, Path]):
    source, _ = homes
    (source / "d" / "sub").mkdir(parents=True)
    with pytest.raises(FileNotFound):
        order(homes, "nothing", "x")
    with pytest.raises(CopyFailed, match="delete_missing would delete it"):
        order((source, source), "d/sub", "d", delete_missing=True)
    assert (source / "d" / "sub").is_dir()


def test_target_home_keeps_its_mode(homes: tuple[Path, Path]):
    source, target = homes
    (source / "d").mkdir()
    (source / "d").chmod(0o777)
    (source / "d" / "f").write_text("x")
    order(homes, "d", "/")
    assert target.stat().st_mode & 0o777 == 0o700
    assert (target / "f").exists()


_TRY = """
import errno, json, os, socket, sys
from studiolo.runtime.copying.confinement import Gate, become_owner, confine
source, target, third = (os.open(path, os.O_PATH) for path in sys.argv[1:4])
uids = [int(word) for word in sys.argv[4:6]]
reading, writing = os.pipe()
gate = Gate() if uids[0] else None
pid = os.fork()
if pid == 0:
    os.close(reading)
    if gate:
        gate.enter()
        become_owner(uids[1], reads_others=True)
    confine([source], [target])
    def attempt(action):
        try:
            action()
        except OSError as error:
            return errno.errorcode[error.errno]
        return "done"
    new = os.O_WRONLY | os.O_CREAT
    os.write(writing, json.dumps({
        "read source": attempt(lambda: os.open("f", os.O_RDONLY, dir_fd=source)),
        "write source": attempt(lambda: os.open("new", new, dir_fd=source)),
        "write target": attempt(lambda: os.open("new", new, dir_fd=target)),
        "read by path": attempt(lambda: os.open("/etc/passwd", os.O_RDONLY)),
        "read another project": attempt(lambda: os.open("f", os.O_RDONLY, dir_fd=third)),
        "run": attempt(lambda: os.execv("/bin/true", ["true"])),
        "fork": attempt(os.fork),
        "network": attempt(lambda: socket.socket(socket.AF_INET)),
        "become root": attempt(lambda: os.setuid(0)) if uids[0] else "EINVAL",
        "uids": [os.getuid(), os.geteuid()],
    }).encode())
    os._exit(0)
os.close(writing)
if gate:
    gate.leave_to_copier()
    gate.open(os.open(f"/proc/{pid}", os.O_PATH), uids)
print(os.read(reading, 65536).decode())
os.waitpid(pid, 0)
"""


def test_copier_can_do_nothing_but_read_the_source_and_write_the_target(tmp_path: Path):
    tmp_path.chmod(0o755)
    uids = (ORDINARY_UID, ORDINARY_UID + 1, ORDINARY_UID + 2) if IS_ROOT else (0, 0, 0)
    for name, uid in zip(("source", "target", "third"), uids, strict=True):
        (tmp_path / name).mkdir(mode=0o700)
        (tmp_path / name / "f").write_text(name)
        (tmp_path / name / "f").chmod(0o600)
        if uid:
            for path in (tmp_path / name, tmp_path / name / "f"):
                os.chown(path, uid, uid)
    places = [str(tmp_path / name) for name in ("source", "target", "third")]
    command = [sys.executable, "-c", _TRY, *places, *(str(uid) for uid in uids[:2])]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert found.pop("uids") == ([uids[1]] * 2 if IS_ROOT else [os.getuid()] * 2)
    assert found.pop("read source") == found.pop("write target") == "done"
    assert set(found.values()) <= {"EACCES", "EPERM", "EINVAL"}, found
