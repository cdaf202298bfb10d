"""The cage of a worker: resource limits, an empty Landlock ruleset and a seccomp filter.

A worker calls `lock` once, after it has imported everything and opened every evidence file. From
then on it can read what it holds open, compute, start threads, and write to the pipes and memory
files it was given: no path can be opened, no socket made, no program started, nothing changed.
It needs no root and no library: plain system calls through ctypes. Each layer is best effort, and
`SandboxLevel` says which of them hold. Anywhere but on Linux none does.

Sources: linux/landlock.h (ABI 1 to 9), linux/seccomp.h, linux/filter.h, asm/unistd_64.h,
asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass

if sys.platform == "linux":
    import resource


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLevel:
    """What confines this process. `landlock` is the ABI whose rights are all denied, 0 for none."""

    rlimits: bool = False
    landlock: int = 0
    seccomp: bool = False

    @property
    def complete(self) -> bool:
        """Whether every layer holds."""
        return self.rlimits and self.landlock > 0 and self.seccomp

    def describe(self) -> str:
        """Return the level for a person: `rlimits, landlock 7, seccomp` or `none`."""
        layers = (
            "rlimits" if self.rlimits else "",
            f"landlock {self.landlock}" if self.landlock else "",
            "seccomp" if self.seccomp else "",
        )
        return ", ".join(filter(None, layers)) or "none"


def lock(*, memory_bytes: int, fsize: int = 0, read_beneath: Sequence[int] = ()) -> SandboxLevel:
    """Confine this process for the rest of its life and return the level reached; never raises.

    `memory_bytes` bounds the private writable memory, what is in use already included; beyond it
    Python raises MemoryError. `fsize` bounds each file that is written; memory files count, pipes
    do not. `read_beneath` are descriptors of directories under which files may still be opened,
    for reading only. At most 64 descriptors more than the highest one in use can be opened.

    Call it before any other thread exists: below Landlock ABI 8 only the calling thread can be
    confined, and with other threads running `landlock` is reported as 0. Libraries that start
    threads when imported (OpenBLAS under numpy) have to be told not to. The process dies with the
    thread that started it, cannot be traced or dumped, and cannot fork.
    """
    if sys.platform != "linux":
        return SandboxLevel()
    alone = _single_threaded()
    rlimits = _limit_resources(memory_bytes, fsize)
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, _PR_SET_DUMPABLE, 0)
    _prctl(libc, _PR_SET_PDEATHSIG, signal.SIGKILL)
    if not _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1):  # both other layers need it
        return SandboxLevel(rlimits=rlimits)
    landlock = _landlock(libc, read_beneath, alone=alone)
    return SandboxLevel(rlimits=rlimits, landlock=landlock, seccomp=_seccomp(libc))


def forbid_dumps() -> None:
    """Let this process and those it starts leave no core file, and let no other process read it.

    For a process that holds passwords. Does nothing anywhere but on Linux.
    """
    if sys.platform != "linux":
        return
    _lower(resource.RLIMIT_CORE, 0)
    _prctl(ctypes.CDLL(None, use_errno=True), _PR_SET_DUMPABLE, 0)


# Process attributes: linux/prctl.h

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> bool:
    unused = ctypes.c_ulong(0)
    result: int = libc.prctl(option, ctypes.c_ulong(value), unused, unused, unused)
    return result == 0


def _syscall(libc: ctypes.CDLL, number: int, *arguments: ctypes.c_long | ctypes.c_void_p) -> int:
    libc.syscall.restype = ctypes.c_long
    result: int = libc.syscall(ctypes.c_long(number), *arguments)
    return result


def _single_threaded() -> bool:
    try:
        return sum(1 for _ in os.scandir("/proc/self/task")) == 1
    except OSError:
        return False  # cannot tell, so do not claim it


# Resource limits

_SPARE_DESCRIPTORS = 64


def _limit_resources(memory_bytes: int, fsize: int) -> bool:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: fsize,
        resource.RLIMIT_NOFILE: _highest_descriptor() + 1 + _SPARE_DESCRIPTORS,
        resource.RLIMIT_DATA: memory_bytes,
    }
    # RLIMIT_NPROC would count every process of the user, and threads; seccomp forbids fork.
    failed = [kind for kind, value in limits.items() if not _lower(kind, value)]
    return not failed


def _highest_descriptor() -> int:
    try:
        return max(int(entry.name) for entry in os.scandir("/proc/self/fd"))
    except OSError:
        return 255


def _lower(kind: int, value: int) -> bool:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(kind, (value, value))
    except (OSError, ValueError, OverflowError):
        return False
    return True


# Landlock: linux/landlock.h; the numbers are the same on every architecture

_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_RESTRICT_SELF_TSYNC = 1 << 3

# ABI → every right it knows: on files, on the network, scopes
_RIGHTS = {
    1: ((1 << 13) - 1, 0, 0),
    2: ((1 << 14) - 1, 0, 0),  # link or rename to another directory
    3: ((1 << 15) - 1, 0, 0),  # truncate
    4: ((1 << 15) - 1, 0b11, 0),  # TCP bind and connect
    5: ((1 << 16) - 1, 0b11, 0),  # device ioctl
    6: ((1 << 16) - 1, 0b11, 0b11),  # abstract sockets and signals stay inside
    7: ((1 << 16) - 1, 0b11, 0b11),  # audit switches, no new right
    8: ((1 << 16) - 1, 0b11, 0b11),  # all threads at once
    9: ((1 << 17) - 1, 0b11, 0b11),  # named sockets
}
_ABI_WITH_TSYNC = 8


def _landlock(libc: ctypes.CDLL, read_beneath: Sequence[int], *, alone: bool) -> int:
    """Return the ABI whose rights are denied to the whole process, 0 when that is not so."""
    null, zero = ctypes.c_void_p(None), ctypes.c_long(0)
    kernel_abi = _syscall(libc, _LANDLOCK_CREATE_RULESET, null, zero, ctypes.c_long(1))
    for abi in range(min(kernel_abi, max(_RIGHTS)), 0, -1):
        attributes = struct.pack("=QQQ", *_RIGHTS[abi])  # trailing zeros: fine on older kernels
        ruleset = _syscall(
            libc,
            _LANDLOCK_CREATE_RULESET,
            ctypes.cast(ctypes.c_char_p(attributes), ctypes.c_void_p),
            ctypes.c_long(len(attributes)),
            zero,
        )
        if ruleset < 0:
            continue
        try:
            for descriptor in read_beneath:
                _allow_reading(libc, ruleset, descriptor)
            flags = _RESTRICT_SELF_TSYNC if abi >= _ABI_WITH_TSYNC else 0
            restrict = (_LANDLOCK_RESTRICT_SELF, ctypes.c_long(ruleset), ctypes.c_long(flags))
            confined = _syscall(libc, *restrict) == 0
        finally:
            os.close(ruleset)
        if confined:
            return abi if alone or flags else 0
    return 0


def _allow_reading(libc: ctypes.CDLL, ruleset: int, directory: int) -> None:
    # A rule that the kernel refuses leaves the directory closed: the reader will say so.
    rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, directory)
    _syscall(
        libc,
        _LANDLOCK_ADD_RULE,
        ctypes.c_long(ruleset),
        ctypes.c_long(_RULE_PATH_BENEATH),
        ctypes.cast(ctypes.c_char_p(rule), ctypes.c_void_p),
        ctypes.c_long(0),
    )


# seccomp: a deny list, because what CPython and its libraries call cannot be listed in full

# name, number on x86_64, number on aarch64 (- where the call does not exist)
_DENIED = """
socket 41 198, socketpair 53 199, connect 42 203, accept 43 202, accept4 288 242, bind 49 200,
listen 50 201, sendto 44 206, recvfrom 45 207, sendmsg 46 211, recvmsg 47 212, sendmmsg 307 269,
recvmmsg 299 243, shutdown 48 210, getsockname 51 204, getpeername 52 205, setsockopt 54 208,
getsockopt 55 209,
execve 59 221, execveat 322 281, fork 57 -, vfork 58 -,
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, process_madvise 440 440,
pidfd_getfd 438 438, kcmp 312 272,
unshare 272 97, setns 308 268, mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51,
move_mount 429 429, open_tree 428 428, open_tree_attr 467 467, fsopen 430 430, fsconfig 431 431,
fsmount 432 432, fspick 433 433, mount_setattr 442 442,
bpf 321 280, perf_event_open 298 241, userfaultfd 323 282, io_uring_setup 425 425,
io_uring_enter 426 426, io_uring_register 427 427, keyctl 250 219, add_key 248 217,
request_key 249 218, personality 135 92,
open_by_handle_at 304 265, name_to_handle_at 303 264, fanotify_init 300 262,
lookup_dcookie 212 18,
kexec_load 246 104, kexec_file_load 320 294, init_module 175 105, finit_module 313 273,
delete_module 176 106, reboot 169 142, swapon 167 224, swapoff 168 225, acct 163 89,
quotactl 179 60, quotactl_fd 443 443, syslog 103 116, iopl 172 -, ioperm 173 -, modify_ldt 154 -,
sethostname 170 161, setdomainname 171 162, settimeofday 164 170, clock_settime 227 112,
adjtimex 159 171, clock_adjtime 305 266, migrate_pages 256 238, move_pages 279 239,
chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452, chown 92 -, fchown 93 55,
lchown 94 -, fchownat 260 54, utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88,
setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, setxattrat 463 463, removexattr 197 14,
lremovexattr 198 15, fremovexattr 199 16, removexattrat 466 466, file_setattr 469 469,
truncate 76 45, creat 85 -, rename 82 -, renameat 264 38, renameat2 316 276, unlink 87 -,
unlinkat 263 35, rmdir 84 -, mkdir 83 -, mkdirat 258 34, mknod 133 -, mknodat 259 33, link 86 -,
linkat 265 37, symlink 88 -, symlinkat 266 36
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Architecture:
    column: int  # in _DENIED
    audit: int  # AUDIT_ARCH_*: linux/audit.h
    seccomp: int
    clone: int
    x32: bool  # shares its audit value with a second ABI, whose numbers start at 2^30


_ARCHITECTURES = {
    "x86_64": _Architecture(column=1, audit=0xC000003E, seccomp=317, clone=56, x32=True),
    "aarch64": _Architecture(column=2, audit=0xC00000B7, seccomp=277, clone=220, x32=False),
}
_CLONE3 = 435
_CLONE_THREAD = 0x10000
_CLONE_NEW_NAMESPACES = 0x7E020000  # NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET

_SET_MODE_FILTER, _FILTER_FLAG_TSYNC = 1, 1
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little-endian


def denied_calls(machine: str) -> dict[str, int]:
    """Return name → number of each system call denied on `machine` (as in `uname -m`)."""
    column = _ARCHITECTURES[machine].column
    rows = (row.split() for row in _DENIED.split(","))
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def _seccomp(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    # A 32-bit interpreter on a 64-bit kernel speaks another ABI than its machine name says.
    if machine not in _ARCHITECTURES or sys.byteorder != "little" or sys.maxsize < 2**32:
        return False
    architecture = _ARCHITECTURES[machine]
    code = _program(architecture, sorted(denied_calls(machine).values()))
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))  # struct sock_fprog
    return (
        _syscall(
            libc,
            architecture.seccomp,
            ctypes.c_long(_SET_MODE_FILTER),
            ctypes.c_long(_FILTER_FLAG_TSYNC),
            ctypes.cast(ctypes.c_char_p(header), ctypes.c_void_p),
        )
        == 0
    )


def _program(architecture: _Architecture, denied: Sequence[int]) -> bytes:
    """Assemble the filter: classic BPF, eight bytes an instruction, jumps only forwards."""
    deny = _ERRNO | errno.EPERM
    code = [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, _KILL_PROCESS),  # a call through another architecture's entry
        (_LOAD, 0, 0, _NUMBER),
    ]
    if architecture.x32:
        code += [(_JUMP_GREATER_EQUAL, 0, 1, 1 << 30), (_RETURN, 0, 0, _KILL_PROCESS)]
    code += [
        # The flags of clone3 lie in memory, unseen by a filter. ENOSYS: the C library uses clone.
        (_JUMP_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        # clone: threads yes, processes and namespaces no
        (_JUMP_EQUAL, 0, 5, architecture.clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_JUMP_SET, 2, 0, _CLONE_NEW_NAMESPACES),
        (_JUMP_SET, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, deny),
    ]
    code += [(_JUMP_EQUAL, len(denied) - index, 0, n) for index, n in enumerate(denied)]
    code += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, deny)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
