"""The system calls no project needs, denied by a filter: namespaces, mounts, keys, kernel interfaces.

The filter is classic BPF, written here by hand: about fifty instructions do not justify a native library.
See seccomp(2) and the kernel's Documentation/userspace-api/seccomp_filter.rst for the layout.
"""

import errno
import struct
from dataclasses import dataclass

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_SET = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24
_CLONE_NEWUSER = 0x10000000
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_X32 = 0x40000000
# kinds of sockets beside the network namespace or for the kernel's sake alone: AX25, X25, key management, RDS, TIPC,
# Bluetooth, the kernel's ciphers, NFC, the machine that carries this virtual one (vsock), XDP
_DENIED_SOCKETS = (3, 9, 15, 21, 30, 31, 38, 39, 40, 44)

# the same numbers on every architecture: io_uring, open_tree ... fspick, mount_setattr, quotactl_fd
_NEW_CALLS = (*range(425, 434), 442, 443)


@dataclass(frozen=True, slots=True)
class _Architecture:
    audit: int
    clone: int
    clone3: int
    ioctl: int
    socket: int
    denied: tuple[int, ...]
    starting: tuple[int, ...]  # clone fork vfork execve execveat
    reaching: tuple[int, ...]  # ptrace socket connect process_vm_readv process_vm_writev


_ARCHITECTURES = {
    "x86_64": _Architecture(
        audit=0xC000003E,
        clone=56,
        clone3=435,
        ioctl=16,
        socket=41,
        # syslog vhangup modify_ldt pivot_root chroot acct settimeofday mount umount2 swapon swapoff reboot
        # sethostname setdomainname iopl ioperm init_module delete_module quotactl nfsservctl lookup_dcookie
        # clock_settime kexec_load add_key request_key keyctl unshare perf_event_open name_to_handle_at
        # open_by_handle_at setns kcmp finit_module kexec_file_load bpf userfaultfd
        denied=(
            *(103, 153, 154, 155, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 175, 176, 179, 180),
            *(212, 227, 246, 248, 249, 250, 272, 298, 303, 304, 308, 312, 313, 320, 321, 323),
        ),
        starting=(56, 57, 58, 59, 322),
        reaching=(101, 41, 42, 310, 311),
    ),
    "aarch64": _Architecture(
        audit=0xC00000B7,
        clone=220,
        clone3=435,
        ioctl=29,
        socket=198,
        # the same calls where they exist
        denied=(
            *(116, 58, 41, 51, 89, 170, 40, 39, 224, 225, 142, 161, 162, 105, 106, 60, 42, 18, 112, 104, 217, 218),
            *(219, 97, 241, 264, 265, 268, 272, 273, 294, 280, 282),
        ),
        starting=(220, 221, 281),
        reaching=(117, 198, 203, 270, 271),
    ),
}


def seccomp_filter(machine: str, *, may_start_programs: bool = True) -> bytes | None:
    """Return the filter for a machine as `uname -m` names it, or None when there is none for it.

    Who may not start programs cannot reach other processes or a network either.
    """
    architecture = _ARCHITECTURES.get(machine)
    if architecture is None:
        return None
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_JUMP_EQUAL, architecture.audit, 1, 0),
        _step(_RETURN, _ERRNO | errno.ENOSYS),  # a 32-bit program: its numbers mean other calls
        _step(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        program += [_step(_JUMP_SET, _X32, 0, 1), _step(_RETURN, _ERRNO | errno.ENOSYS)]
    # clone3 hides its flags in memory: saying "not implemented" makes the C library use clone
    program += _refuse(architecture.clone3, errno.ENOSYS)
    more = () if may_start_programs else (*architecture.starting, *architecture.reaching)
    for number in (*architecture.denied, *_NEW_CALLS, *more):
        program += _refuse(number, errno.EPERM)
    program += _refuse_argument(architecture.clone, _JUMP_SET, _FIRST_ARGUMENT, _CLONE_NEWUSER)
    for family in _DENIED_SOCKETS:
        program += _refuse_argument(architecture.socket, _JUMP_EQUAL, _FIRST_ARGUMENT, family)
    for request in (_TIOCSTI, _TIOCLINUX):  # typing into the terminal of whoever looks
        program += _refuse_argument(architecture.ioctl, _JUMP_EQUAL, _SECOND_ARGUMENT, request)
    return b"".join([*program, _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(number: int, reason: int) -> list[bytes]:
    return [_step(_JUMP_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | reason)]


def _refuse_argument(number: int, test: int, argument: int, value: int) -> list[bytes]:
    """Refuse a call when the low half of its argument passes the test; else load the number again and go on."""
    return [
        _step(_JUMP_EQUAL, number, 0, 4),
        _step(_LOAD, argument),
        _step(test, value, 0, 1),
        _step(_RETURN, _ERRNO | errno.EPERM),
        _step(_LOAD, _NUMBER),
    ]
