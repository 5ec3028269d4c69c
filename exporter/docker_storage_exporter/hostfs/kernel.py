"""Which features of the kernel this process has: asked by using each of them once, harmlessly."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass

import psutil

from docker_storage_exporter.hostfs.beneath import has_openat2
from docker_storage_exporter.libc import libc

_AT_FDCWD = -100
_STATX_BTIME = 0x800
_STATX_BYTES = 256


@dataclass(frozen=True, slots=True)
class Kernel:
    """The release, and whether openat2, birth times in statx, fanotify and the idle classes are there.

    The idle classes are those of the scheduler and of input and output.
    """

    release: str
    openat2: bool = True
    birth_times: bool = True
    fanotify: bool = True
    idle_class: bool = True
    idle_io: bool = True


def read_kernel() -> Kernel:
    """What the running kernel has, and lets this process use."""
    return Kernel(os.uname().release, has_openat2(), _has_birth_times(), _has_fanotify(), *_idle_classes())


def _has_birth_times() -> bool:
    """Whether statx tells when the root directory was made; that also depends on the filesystem."""
    if not hasattr(libc, "statx"):
        return False
    status = ctypes.create_string_buffer(_STATX_BYTES)
    failed = libc.statx(_AT_FDCWD, b"/", 0, _STATX_BTIME, status)
    return failed == 0 and bool(int.from_bytes(status.raw[:4], sys.byteorder) & _STATX_BTIME)


def _has_fanotify() -> bool:
    """Whether the kernel knows fanotify at all: a refusal for want of rights is presence as well."""
    if not hasattr(libc, "fanotify_init"):
        return False
    descriptor = libc.fanotify_init(0, os.O_RDONLY)
    if descriptor >= 0:
        os.close(descriptor)
    return descriptor >= 0 or ctypes.get_errno() != errno.ENOSYS


def _idle_classes() -> tuple[bool, bool]:
    """Whether a thread may give way to everybody on the processor and on the disk: tried by one that ends at once."""
    processor, disk = threading.Event(), threading.Event()

    def give_way() -> None:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            processor.set()
        with suppress(OSError, psutil.Error):
            psutil.Process(threading.get_native_id()).ionice(psutil.IOPRIO_CLASS_IDLE)
            disk.set()

    thread = threading.Thread(target=give_way, name="idle")
    thread.start()
    thread.join()
    return processor.is_set(), disk.is_set()
