"""Mounts that only the demo sees: they end with its last process, so none is left on the host, whatever ends it."""

from __future__ import annotations

import ctypes
import errno
import os

from docker_storage_exporter.confine.rights import read_rights
from docker_storage_exporter.libc import last_error, libc

# linux/sched.h and linux/mount.h
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_SLAVE = 0x2, 0x4, 0x8, 0x4000, 0x80000
_MNT_DETACH = 2
_WORDS = {errno.ENOSPC: "no more namespaces are allowed: see /proc/sys/user"}  # what it means of unshare


def enter_namespace(folder: str) -> str:
    """Give this process mounts of its own; the options by which nsenter (man 1) shows them to another command.

    Without CAP_SYS_ADMIN that takes a user namespace, in which ids are the same and files have the same owners. No
    process leaves one again, so a child tries it first, with a mount on the empty `folder`. Raises OSError where the
    kernel, a container or AppArmor forbids it, and nothing has changed then. The process has to have one thread.
    """
    is_allowed = "CAP_SYS_ADMIN" in read_rights().capabilities
    child = os.fork()
    if child == 0:
        number = errno.ECANCELED  # if Ctrl-C ends the child, which must not go on as its parent does
        try:
            number = _try(folder, with_users=not is_allowed)
        finally:
            os._exit(number)
    number = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if number:
        raise OSError(number, _WORDS.get(number) or os.strerror(number))
    _unshare(with_users=not is_allowed)
    return "--mount" if is_allowed else "--user --mount --preserve-credentials"


def mount_tmpfs(path: str, options: str) -> None:
    """Mount a tmpfs on a directory, with options such as size=16m (man 5 tmpfs). Raises OSError."""
    flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    if libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", flags, options.encode()):
        raise last_error(path)


def unmount(path: str) -> None:
    """Unmount what is mounted at a path and below it, whoever still uses it. Raises OSError."""
    if libc.umount2(os.fsencode(path), _MNT_DETACH):
        raise last_error(path)


def _try(folder: str, *, with_users: bool) -> int:
    """Whether it can be done, as an errno; 0 when it can. What it does is the calling process's for good."""
    try:
        _unshare(with_users=with_users)
        mount_tmpfs(folder, "size=1m")
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _unshare(*, with_users: bool) -> None:
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWNS | (_CLONE_NEWUSER if with_users else 0)):
        raise last_error()
    if with_users:
        _write("setgroups", "deny")  # what a user without rights has to give up for a gid_map
        _write("uid_map", f"{user} {user} 1")
        _write("gid_map", f"{group} {group} 1")
    # A slave: our mounts stay here, and what the host unmounts does not stay mounted here.
    if libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None):
        raise last_error("/")


def _write(name: str, text: str) -> None:
    with open(f"/proc/self/{name}", "w", encoding="utf-8") as file:
        file.write(text)
