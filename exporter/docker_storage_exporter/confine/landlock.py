"""Landlock: the kernel keeps this process from writing, whatever its user, its capabilities and its mounts allow.

Every right that changes a filesystem, runs a program or opens a TCP connection is handled, and so denied where no rule
allows it; reading stays free. A domain is a thread's own, and those started later inherit it: it has to be entered
while there is only one. It cannot be left again. What is open already stays as it is.

A process in a domain may not look into processes outside of it, not even with CAP_SYS_PTRACE.

Sources: man 7 landlock; linux/uapi: linux/landlock.h. Landlock does not know chmod, chown, times and extended
attributes, nor, before ABI 3, truncate; nor a TCP socket that listens without being bound, TCP Fast Open, or MPTCP.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Collection
from dataclasses import dataclass

from docker_storage_exporter.libc import forbid_new_privileges, last_error, libc

# The same numbers on every architecture (linux/uapi: asm-generic/unistd.h).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH, _NET_PORT = 1, 1, 2

EXECUTE, WRITE_FILE, REMOVE_DIR, REMOVE_FILE = 1 << 0, 1 << 1, 1 << 4, 1 << 5
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1
SCOPE_ABSTRACT_UNIX_SOCKET, SCOPE_SIGNAL = 1 << 0, 1 << 1

NEWEST_ABI = 7
"""The newest version whose rights are known here; a kernel with a newer one is asked for these."""

_MAKE = MAKE_CHAR | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM
_FILES = {1: EXECUTE | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | _MAKE, 2: REFER, 3: TRUNCATE, 5: IOCTL_DEV}
_NETWORK = {4: BIND_TCP | CONNECT_TCP}
_SCOPES = {6: SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL}
_REPLACE_FILES = WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE  # beside the old one, then in its place


@dataclass(frozen=True, slots=True)
class Handled:
    """The rights that a domain takes away: over files, the network, and what lies outside of the domain."""

    files: int
    network: int = 0
    scopes: int = 0


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _NetPortAttr(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def handled(abi: int) -> Handled:
    """What can be taken away with this version: all of what it and those before it know."""
    return Handled(*(sum(right for since, right in rights.items() if since <= abi) for rights in _KNOWN))


_KNOWN = (_FILES, _NETWORK, _SCOPES)


def landlock_abi() -> int:
    """The version that the kernel has. Raises OSError.

    ENOSYS before Linux 5.13 or without it built in, EOPNOTSUPP where it was not chosen at boot, EPERM where a seccomp
    filter forbids to ask.
    """
    return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)


def deny_writes(folders: Collection[str] = (), ports: Collection[int] = ()) -> int:
    """Restrict this thread, and those that it starts from now on, to reading; the version that did it.

    Files below `folders` may be replaced still, and TCP ports among `ports` connected to. A folder that is not there
    is passed over. Nobody in here gains privileges by running a program, as the kernel demands of who restricts
    himself. Raises OSError as `landlock_abi` does.
    """
    abi, ruleset = _ruleset(min(landlock_abi(), NEWEST_ABI))
    rights = handled(abi)
    try:
        for folder in folders:
            _allow_below(ruleset, folder, _REPLACE_FILES & rights.files)
        if rights.network:
            for port in ports:
                rule = _NetPortAttr(CONNECT_TCP, port)
                _call(_ADD_RULE, ruleset, _NET_PORT, ctypes.byref(rule), 0)
        forbid_new_privileges()
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return abi


def _ruleset(abi: int) -> tuple[int, int]:
    """A new ruleset with the version that it follows: a kernel may claim more than it has, as some backports do."""
    while True:
        rights = handled(abi)
        attributes = _RulesetAttr(rights.files, rights.network, rights.scopes)
        # What follows the last field in use is left away: an older kernel takes no longer structure than it knows.
        size = 8 * (3 if rights.scopes else 2 if rights.network else 1)
        try:
            return abi, _call(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
        except OSError as error:
            if error.errno != errno.EINVAL or abi == 1:
                raise
        abi -= 1


def _allow_below(ruleset: int, path: str, allowed: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _PathBeneathAttr(allowed, folder)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(folder)


def _call(number: int, *arguments: object) -> int:
    """A system call. Raises OSError."""
    converted = [ctypes.c_size_t(argument) if isinstance(argument, int) else argument for argument in arguments]
    answer = int(libc.syscall(ctypes.c_long(number), *converted))
    if answer < 0:
        raise last_error()
    return answer
