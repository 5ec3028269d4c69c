"""What makes an open directory or file the same one as before, whatever it is called."""

from __future__ import annotations

import ctypes
import os

from docker_storage_exporter.libc import libc
from docker_storage_exporter.model.sizes import Identity

_EMPTY_PATH = 0x1000  # AT_EMPTY_PATH
_BIRTH = 0x800  # STATX_BTIME
_MOUNT_ROOT = 0x2000  # STATX_ATTR_MOUNT_ROOT, Linux 5.8
_HERE, _NO_FOLLOW = -100, 0x100  # AT_FDCWD, AT_SYMLINK_NOFOLLOW


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_uint32), ("_reserved", ctypes.c_int32))


class _Statx(ctypes.Structure):
    """The beginning of struct statx (linux/uapi: stat.h) up to the birth time, and room for the rest."""

    _fields_ = (
        ("mask", ctypes.c_uint32),
        ("_size", ctypes.c_uint32),
        ("attributes", ctypes.c_uint64),
        ("_between", ctypes.c_uint8 * 40),
        ("known_attributes", ctypes.c_uint64),
        ("_before", ctypes.c_uint8 * 16),
        ("birth", _Time),
        ("_after", ctypes.c_uint8 * 160),
    )


_DEVICES: dict[int, int] = {}  # one number for all that lie on a device: there are many, and few devices


def identity_of(descriptor: int) -> Identity:
    """Device, inode and birth of what a descriptor is open on. Raises OSError.

    The birth is 0 where the filesystem, the C library or a seccomp profile does not tell it.
    """
    status = os.fstat(descriptor)
    device = _DEVICES.setdefault(status.st_dev, status.st_dev)
    return Identity(device, status.st_ino, _birth(descriptor))


def is_mounted_on(path: str) -> bool:
    """Whether something is mounted on exactly this path of this process; True where the kernel does not tell.

    It asks the path, so it may hang like a read. Raises nothing: what is not there is mounted nowhere.
    """
    status = _statx(_HERE, os.fsencode(path), _NO_FOLLOW, 0)
    if status is None or not status.known_attributes & _MOUNT_ROOT:
        return True
    return bool(status.attributes & _MOUNT_ROOT)


def _birth(descriptor: int) -> int:
    status = _statx(descriptor, b"", _EMPTY_PATH, _BIRTH)
    if status is None or not status.mask & _BIRTH:
        return 0
    return max(0, int(status.birth.seconds) * 10**9 + int(status.birth.nanoseconds))


def _statx(folder: int, path: bytes, flags: int, mask: int) -> _Statx | None:
    status = _Statx()
    try:
        failed = libc.statx(folder, path, flags, mask, ctypes.byref(status))
    except AttributeError:  # glibc before 2.28
        return None
    return None if failed else status
