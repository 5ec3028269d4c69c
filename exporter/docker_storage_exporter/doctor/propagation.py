"""The mounts that a process apart from the host stands on: do they show what is mounted later, and are they read-only.

A read-only bind mount holds for itself alone: a mount below it keeps its own state, and may be writable. Recursively
read-only holds for what is mounted below at that time; what arrives later by propagation is as the host has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import LOST, VOLUME_FILESYSTEMS, Finding, State
from docker_storage_exporter.hostfs.mounts import MountEntry
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.text import printable

_SHOWN = 3
# What an engine mounts below its data root by itself. Through slave propagation these arrive writable, always.
_ENGINE_OWN = re.compile(
    r"overlay2/[^/]+/merged(?:/.*)?|containers/[0-9a-f]{64}/mounts/shm|volumes/[^/]+/_data|rootfs/[^/]+/[0-9a-f]{64}(?:/.*)?"
)


def findings(facts: Facts) -> Iterator[Finding]:
    """About the mount under the data root."""
    if facts.root.error is not None or facts.root.remote:
        return
    covering = facts.mounts.covering(facts.host.view(facts.root.path))
    if not facts.apart or covering is None:
        known = "this is the engine's mount namespace" if facts.apart is False else "no sign of a container"
        yield Finding("mounts", State.OK, f"{known}: every mount is seen as it is")
        return
    root = printable(facts.root.path)
    remedy = f"mount the data root with -v {root}:{printable(facts.host.view(root))}:ro,rslave"
    yield _propagation(covering, remedy)
    yield _read_only(facts, covering, remedy)


def _propagation(mount: MountEntry, remedy: str) -> Finding:
    name = printable(mount.mountpoint)
    if mount.propagation != "private":
        return Finding("propagation", State.OK, f"{name} is {mount.propagation}: mounts made later are seen")
    what = f"{name} is private: what the engine mounts later is not seen, and such volumes are measured wrongly"
    return Finding("propagation", State.ERROR, what, (VOLUME_FILESYSTEMS, LOST[Kind.VOLUME]), remedy)


def _read_only(facts: Facts, mount: MountEntry, remedy: str) -> Finding:
    name = printable(mount.mountpoint)
    if not mount.read_only:
        what = f"{name} is writable; the exporter never writes, but nothing else keeps it from doing so"
        return Finding("read-only", State.WARNING, what, do=remedy)
    writable = _writable_below(facts, mount)
    if not writable:
        return Finding("read-only", State.OK, f"{name} is read-only, with all that is mounted below it")
    shown = ", ".join(printable(path) for path in writable[:_SHOWN])
    more = f" and {len(writable) - _SHOWN} more" if len(writable) > _SHOWN else ""
    what = f"{name} is read-only, but not what is mounted below it: {shown}{more}"
    if facts.sandbox.stands:
        return Finding("read-only", State.WARNING, f"{what}; Landlock keeps this process from writing there")
    return Finding("read-only", State.ERROR, what, do=f"leave those out, and {remedy} alone")


def _writable_below(facts: Facts, mount: MountEntry) -> list[str]:
    """Writable mount points below a read-only one, but for those that the engine made for itself."""
    root = facts.host.view(facts.root.path)
    paths = []
    for part in facts.mounts.below(mount.mountpoint):
        path = f"{mount.mountpoint.rstrip('/')}/{part}"
        entry = facts.mounts.at(path)
        own = path.startswith(root + "/") and _ENGINE_OWN.fullmatch(path[len(root) + 1 :])
        if entry is not None and not entry.read_only and not own:
            paths.append(path)
    return paths
