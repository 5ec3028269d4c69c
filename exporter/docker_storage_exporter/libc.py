"""The C library, for the calls that Python does not offer."""

from __future__ import annotations

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
"""Its functions. Look for one with hasattr first where an old library may lack it."""

_PR_SET_NO_NEW_PRIVS = 38


def last_error(path: str | None = None) -> OSError:
    """The error of the call before, by errno; of what it says that of, if that is a path."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path)


def prctl(option: int, *arguments: object) -> None:
    """Change something about this process or thread (man 2 prctl). Raises OSError."""
    if libc.prctl(option, *arguments, *(0,) * (4 - len(arguments))):
        raise last_error()


def forbid_new_privileges() -> None:
    """Let no program that this thread runs gain privileges. Raises OSError."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
