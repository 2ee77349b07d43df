"""What a copier gives up before it looks at the first file.

1. As root: a user namespace that knows the projects' uids alone. There it is the target's uid; its one capability,
   reading what belongs to those uids, is worth nothing outside (`docs/adr/0007`). A copier of several copies may also
   change between those uids, and does so for each copy. Else it is the server's user.
2. No privilege can be gained; no program started; no process or network reached; no kernel interface used.
3. No file but those below the homes, and the sources' only for reading.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from studiolo.runtime.copying.landlock import restrict_files
from studiolo.runtime.keeper import linux
from studiolo.runtime.keeper.seccomp import seccomp_filter

_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_MODE_FILTER = 2
_CAPABILITY_VERSION = 0x20080522
_DAC_READ_SEARCH = 2
_SETGID, _SETUID = 6, 7
_MAX_DATA_BYTES = 1 << 30
_MAX_OPEN_FILES = 4096

_libc: Any = ctypes.CDLL(None, use_errno=True)
_FILTER = seccomp_filter(platform.machine(), may_start_programs=False)


class Gate:
    """Where a new copier waits until its namespace knows its users; made before the fork, used on both sides."""

    def __init__(self) -> None:
        self._is_here, self._ready = os.pipe()
        self._may_go, self._go = os.pipe()

    def enter(self) -> bool:
        """Be the copier: make the namespace and wait for its users; tell whether it has some."""
        os.close(self._is_here)
        os.close(self._go)
        linux.unshare(linux.CLONE_NEWUSER)
        os.write(self._ready, b"r")
        may_go = os.read(self._may_go, 1) == b"g"
        os.close(self._ready)
        os.close(self._may_go)
        return may_go

    def leave_to_copier(self) -> None:
        """Be the parent, right after the fork."""
        os.close(self._ready)
        os.close(self._may_go)

    def open(self, process: int, uids: Iterable[int]) -> None:
        """Be the parent: name the users of the copier, whose directory in /proc is open, and let it go.

        Raises OSError when it died.
        """
        if os.read(self._is_here, 1) != b"r":
            raise ProcessLookupError("the copier died")
        lines = "\n".join(f"{uid} {uid} 1" for uid in dict.fromkeys(uids)).encode()
        for name in ("uid_map", "gid_map"):
            _write(name, process, lines)
        os.write(self._go, b"g")

    def close(self) -> None:
        """Be the parent: forget the copier."""
        os.close(self._is_here)
        os.close(self._go)


def become_owner(uid: int, *, reads_others: bool, switches: bool = False) -> None:
    """Become the target's uid inside the namespace, with the right to read the source's files if they are another's.

    With `switches` the rights to files can be changed to those of the namespace's other users (`act_as`).
    """
    linux.keep_capabilities()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kept = 1 << _DAC_READ_SEARCH if reads_others else 0
    _set_capabilities(kept | (1 << _SETUID | 1 << _SETGID if switches else 0))


def act_as(uid: int) -> None:
    """Use files with the rights of this user of the namespace, and make them belong to it."""
    if os.geteuid() == uid == _libc.setfsuid(-1):
        return
    _libc.setfsgid(uid)
    _libc.setfsuid(uid)
    if _libc.setfsgid(-1) != uid or _libc.setfsuid(-1) != uid:  # the calls themselves tell no failure
        raise PermissionError(errno.EPERM, "the copier could not act as another user")


def confine(source_homes: Sequence[int], target_homes: Sequence[int]) -> None:
    """Give up everything that copying between these directories does not need."""
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_DATA, _MAX_DATA_BYTES)):
        resource.setrlimit(kind, (most, most))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _MAX_OPEN_FILES), hard))
    linux.gain_no_privileges()
    restrict_files(source_homes, target_homes)
    if _FILTER is not None:
        _install(_FILTER)


def keep_only_user_switching() -> None:
    """Be root with nothing but the right to name a namespace's users: what the process that forks copiers needs."""
    for capability in range(64):
        if capability not in (_SETUID, _SETGID) and _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # the last one the kernel knows
    _set_capabilities(1 << _SETUID | 1 << _SETGID)


def _set_capabilities(wanted: int) -> None:
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    low, high = wanted & 0xFFFFFFFF, wanted >> 32
    data = struct.pack("=IIIIII", low, low, 0, high, high, 0)
    if _libc.capset(header, data) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"capset: {os.strerror(number)}")


def _install(program: bytes) -> None:
    kept = ctypes.create_string_buffer(program)
    layout = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(kept))
    if _libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, layout, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


def _write(name: str, directory: int, content: bytes) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=directory)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)
