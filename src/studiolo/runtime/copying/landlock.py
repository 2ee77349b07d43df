"""Landlock: a process gives up all files but those below some directories, for good. See landlock(7).

A wall behind the wall: the copier opens nothing by a path anyway. Kernels without Landlock go without it.
"""

import ctypes
import os
import struct
from collections.abc import Sequence
from typing import Any

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE = 1 << 1, 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REGULAR, _MAKE_LINK = 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_RIGHTS_OF_VERSION = (13, 14, 15, 15, 16)  # how many rights each version knows
_READ = _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REGULAR | _MAKE_LINK | _REFER | _TRUNCATE

_libc: Any = ctypes.CDLL(None, use_errno=True)


def restrict_files(readable: Sequence[int], writable: Sequence[int]) -> bool:
    """Leave only these open directories: to read, and to read and write; tell whether the kernel knows how.

    The process must have given up gaining privileges before.
    """
    version = int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)))
    if version < 1:
        return False
    known = (1 << _RIGHTS_OF_VERSION[min(version, len(_RIGHTS_OF_VERSION)) - 1]) - 1
    handled = struct.pack("=Q", known)
    rules = _call(_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), ctypes.c_uint32(0))
    try:
        wanted = {**dict.fromkeys(readable, _READ), **dict.fromkeys(writable, _READ | _WRITE)}
        for directory, rights in wanted.items():
            rule = struct.pack("=Qi", rights & known, directory)
            _call(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
        _call(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)
    return True


def _call(number: int, *arguments: Any) -> int:
    result = _libc.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"landlock: {os.strerror(error)}")
    return int(result)
