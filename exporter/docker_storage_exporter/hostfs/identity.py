"""What makes an open directory or file the same one as before, whatever it is called."""

from __future__ import annotations

import ctypes
import os

from docker_storage_exporter.model import Identity

_EMPTY_PATH = 0x1000  # AT_EMPTY_PATH
_BIRTH = 0x800  # STATX_BTIME
_libc = ctypes.CDLL(None, use_errno=True)


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_uint32), ("_reserved", ctypes.c_int32))


class _Statx(ctypes.Structure):
    """The beginning of struct statx (linux/uapi: stat.h) up to the birth time, and room for the rest."""

    _fields_ = (
        ("mask", ctypes.c_uint32),
        ("_before", ctypes.c_uint8 * 76),
        ("birth", _Time),
        ("_after", ctypes.c_uint8 * 160),
    )


def identity_of(descriptor: int) -> Identity:
    """Device, inode and birth of what a descriptor is open on. Raises OSError.

    The birth is 0 where the filesystem, the C library or a seccomp profile does not tell it.
    """
    status = os.fstat(descriptor)
    return Identity(status.st_dev, status.st_ino, _birth(descriptor))


def _birth(descriptor: int) -> int:
    found = _Statx()
    try:
        failed = _libc.statx(descriptor, b"", _EMPTY_PATH, _BIRTH, ctypes.byref(found))
    except AttributeError:  # glibc before 2.28
        return 0
    if failed or not found.mask & _BIRTH:
        return 0
    return max(0, int(found.birth.seconds) * 10**9 + int(found.birth.nanoseconds))
