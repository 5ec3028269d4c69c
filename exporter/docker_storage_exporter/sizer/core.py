"""The C core of the walker, as the rest of the package calls it: the same function as the plain twin's."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Collection, Sequence

from docker_storage_exporter.sizer import _walk
from docker_storage_exporter.sizer.usage import Control, Part, Root, Usage

_NO_LIMIT = 2**63 - 1
_NO_TIME = -(2**63)


def measure(roots: Sequence[Root], control: Control | None = None) -> list[Usage]:
    """Measure each root; one usage each, in the same order.

    Other Python threads run meanwhile. Never raises for what it finds in a tree; a descriptor that is not open raises
    OSError, and a signal handler's exception ends the walk.
    """
    control = control or Control()
    cpu = time.thread_time()
    found = _walk.measure(
        tuple((root.descriptor, _sorted(root.mountpoints), root.depth) for root in roots),
        control.meter_address,
        control.burst,
        control.deadline,
        int(min(control.max_entries, _NO_LIMIT)),
        max(1, control.threads),
        control.idle_priority,
        time.time_ns(),
    )
    own_seconds = time.thread_time() - cpu  # starting threads and waiting for them: the first of the roots has it
    return [
        Usage(
            allocated_bytes=allocated_bytes,
            apparent_bytes=apparent_bytes,
            inodes=inodes,
            unreadable={errno.errorcode.get(number, str(number)): count for number, count in unreadable.items()},
            complete=complete,
            entries=entries,
            cpu_seconds=cpu_seconds + (0.0 if number else own_seconds),
            parts=_named(parts),
            changed=None if changed == _NO_TIME else changed / 1e9,
            future=future,
        )
        for number, (
            allocated_bytes,
            apparent_bytes,
            inodes,
            unreadable,
            complete,
            entries,
            cpu_seconds,
            parts,
            changed,
            future,
        ) in enumerate(found)
    ]


def _named(parts: list[tuple[int, bytes, int, int, int]]) -> tuple[Part, ...]:
    """Parts by their paths. The first one is the root itself, and each comes after the one it is in."""
    paths: list[str] = []
    for parent, name, *_ in parts:
        above = paths[parent] + "/" if parent else ""
        paths.append(above + os.fsdecode(name))
    named = [Part(path, *sums) for path, (_, _, *sums) in zip(paths, parts, strict=True)]
    return tuple(sorted(named[1:], key=lambda part: part.path))


def _sorted(mountpoints: Collection[str]) -> tuple[bytes, ...]:
    """Mount points in the order that the core's search depends on: component by component, not byte by byte."""
    return tuple(sorted((os.fsencode(path) for path in mountpoints), key=lambda path: path.split(b"/")))
