"""Seccomp against file handles, by which CAP_DAC_READ_SEARCH reads what is not mounted where this process runs.

open_by_handle_at(2) opens a file by its number in a filesystem. One directory of that filesystem is enough to begin
with, and Docker's default filter lets everybody through who has the capability. Landlock does not stop it: it takes
such a file for one below that directory. So the call is refused here, with io_uring, which the exporter does not use
and which leads around filters of calls.

Sources: man 2 seccomp, man 2 open_by_handle_at; linux/uapi: linux/filter.h, linux/audit.h, asm-generic/unistd.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from dataclasses import dataclass

from docker_storage_exporter.libc import forbid_new_privileges, prctl

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
_NUMBER, _ARCHITECTURE = 0, 4  # where struct seccomp_data has them
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_IO_URING_SETUP = 425
_OTHER_NUMBERS = 0x40000000  # x86-64's x32 calls begin here; no machine has as many calls of its own


@dataclass(frozen=True, slots=True)
class Machine:
    """How seccomp calls an architecture, and its number of open_by_handle_at."""

    architecture: int
    open_by_handle_at: int


MACHINES = {"x86_64": Machine(0xC000003E, 304), "aarch64": Machine(0xC00000B7, 265)}


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def deny_file_handles(machine: str = "") -> None:
    """Refuse this thread, and those that it starts from now on, to open files by handle; for good.

    The calls of other architectures that the processor knows, such as i386, are refused as well. Raises OSError where
    the kernel has no seccomp, and with ENOSYS on a machine that is not among MACHINES.
    """
    known = MACHINES.get(machine or platform.machine())
    is_other = ctypes.sizeof(ctypes.c_void_p) != 8  # noqa: PLR2004 - a program of 32 bits makes other calls
    if known is None or is_other:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    instructions = [_Instruction(*instruction) for instruction in instructions_for(known)]
    program = _Program(len(instructions), (_Instruction * len(instructions))(*instructions))
    forbid_new_privileges()
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program))


def instructions_for(machine: Machine) -> list[tuple[int, int, int, int]]:
    """The filter: code, how many instructions to skip if so, and if not, and value of each instruction."""
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, 5, machine.architecture),
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 3, 0, machine.open_by_handle_at),
        (_EQUAL, 2, 0, _IO_URING_SETUP),
        (_AT_LEAST, 1, 0, _OTHER_NUMBERS),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
