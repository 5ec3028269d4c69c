"""Which of the page's closed reasons an operating system error is."""

from __future__ import annotations

import errno

from docker_storage_exporter.model.places import Unmeasured

_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESRCH})
_DISCONNECTED = frozenset({errno.ENOTCONN, errno.ECONNABORTED})  # of a FUSE filesystem: server dead, or aborted
_PERMISSION = frozenset({errno.EACCES, errno.EPERM})


def reason_for(error: OSError) -> Unmeasured:
    """Permission, a link where none may be, vanished, a dead FUSE server, too long a wait, or any other."""
    if error.errno in _PERMISSION:
        return Unmeasured.PERMISSION
    if error.errno == errno.ELOOP:
        return Unmeasured.LINK
    if error.errno in _VANISHED:
        return Unmeasured.VANISHED
    if error.errno == errno.ETIMEDOUT:
        return Unmeasured.STUCK
    if error.errno in _DISCONNECTED:
        return Unmeasured.DISCONNECTED
    return Unmeasured.IO
