"""Opening a path below a directory so that no link, made by whomever, leads out of it."""

from __future__ import annotations

import ctypes
import errno
import os
import stat

from docker_storage_exporter.libc import last_error, libc

_OPENAT2 = 437  # the same number on every architecture (linux/uapi: asm-generic/unistd.h)
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
_NOT_HERE = frozenset({errno.ENOSYS, errno.EPERM, errno.EINVAL})  # before Linux 5.6, or forbidden by seccomp
_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_beneath(folder: int, path: str) -> int:
    """An O_PATH descriptor of a relative path below an open directory, for the caller to close.

    openat2 does it in one system call; where that is missing or forbidden, every component is opened by itself.
    Raises OSError; ELOOP for any symbolic link in the path, the last component included, and EXDEV for "..".
    """
    if not path:
        return os.dup(folder)
    try:
        descriptor = _openat2(folder, path)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        descriptor = open_stepwise(folder, path)
    return descriptor


def has_openat2() -> bool:
    """Whether this kernel has openat2 and lets this process use it."""
    folder = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        os.close(_openat2(folder, "."))
    except OSError:
        return False
    finally:
        os.close(folder)
    return True


def _openat2(folder: int, path: str) -> int:
    # Without O_NOFOLLOW: with it a link as the last component would be opened itself instead of being refused.
    how = _OpenHow(os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
    name = os.fsencode(path)
    descriptor = int(libc.syscall(_OPENAT2, folder, name, ctypes.byref(how), ctypes.sizeof(how)))
    if descriptor < 0:
        raise last_error(path)
    return descriptor


def open_stepwise(folder: int, path: str) -> int:
    """The same by one open for each component, following none. Raises like open_beneath."""
    descriptor = os.dup(folder)
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            os.close(descriptor)
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
        try:
            step = os.open(part, _PATH, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = step
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return descriptor
