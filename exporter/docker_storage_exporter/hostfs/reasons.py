"""Which of the page's closed reasons an operating system error is."""

from __future__ import annotations

import errno

from docker_storage_exporter.model import Unmeasured

_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESRCH, errno.ELOOP})
_PERMISSION = frozenset({errno.EACCES, errno.EPERM})


def reason_for(error: OSError) -> Unmeasured:
    """Permission, vanished (also: a link where none may be), or any other input and output error."""
    if error.errno in _PERMISSION:
        return Unmeasured.PERMISSION
    if error.errno in _VANISHED:
        return Unmeasured.VANISHED
    return Unmeasured.IO
