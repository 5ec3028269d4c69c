"""Which of the page's closed reasons an operating system error is."""

from __future__ import annotations

import errno

from docker_storage_exporter.model import Unmeasured

_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESRCH, errno.ELOOP})
_DISCONNECTED = frozenset({errno.ENOTCONN, errno.ECONNABORTED})  # of a FUSE filesystem: server dead, or aborted
_PERMISSION = frozenset({errno.EACCES, errno.EPERM})


def reason_for(error: OSError) -> Unmeasured:
    """Permission, vanished (also: a link where none may be), a dead FUSE server, too long a wait, or any other."""
    if error.errno in _PERMISSION:
        return Unmeasured.PERMISSION
    if error.errno in _VANISHED:
        return Unmeasured.VANISHED
    if error.errno == errno.ETIMEDOUT:
        return Unmeasured.STUCK
    if error.errno in _DISCONNECTED:
        return Unmeasured.DISCONNECTED
    return Unmeasured.IO
