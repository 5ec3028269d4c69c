"""The objects themselves: each place that would be measured is opened once, and nothing is walked."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator

from docker_storage_exporter.doctor.finding import LOST, Finding, State
from docker_storage_exporter.doctor.scene import Scene
from docker_storage_exporter.hostfs import Host, MountTable, examine, read_tmpfs, reason_for
from docker_storage_exporter.layout import Rules, locate
from docker_storage_exporter.model import Kind, Method, Place, Tree, Unmeasured
from docker_storage_exporter.schedule import bind_users

_NAMES = {
    Kind.VOLUME: "volumes",
    Kind.LAYER: "writable layers",
    Kind.LOG: "logs",
    Kind.TMPFS: "tmpfs mounts",
    Kind.BIND: "bind mounts",
}
_REMEDIES = {
    Unmeasured.FOREIGN_ENGINE: "see same host",
    Unmeasured.UNKNOWN_ROOT: "see data root",
    Unmeasured.DRIVER: "see storage driver",
    Unmeasured.PERMISSION: "see rights and processes",
}


def findings(scene: Scene) -> Iterator[Finding]:
    """One for each kind of object that there is."""
    inventory = scene.probe.inventory
    if inventory is None:
        return
    sources = examine(scene.host, scene.mounts, bind_users(inventory))
    plan = locate(inventory, Rules.of(scene.settings), scene.mounts, sources, scene.host.rootfs)
    counts: dict[Kind, Counter[str]] = {}
    reasons: dict[Kind, Counter[Unmeasured]] = {}
    for kind, place in plan.places():
        reason = _trouble(place, scene.host, scene.mounts)
        if reason is not None:
            reasons.setdefault(kind, Counter())[reason] += 1
        counts.setdefault(kind, Counter())["skipped" if place.skip else "opened" if reason is None else "not"] += 1
    for kind, count in counts.items():
        yield _finding(kind, count, reasons.get(kind, Counter()))


def _finding(kind: Kind, count: Counter[str], reasons: Counter[Unmeasured]) -> Finding:
    what = f"{count['opened']} of {count.total() - count['skipped']} can be opened"
    if count["skipped"]:
        what += f", {count['skipped']} more left out by rule"
    if not reasons:
        return Finding(_NAMES[kind], State.OK, what)
    what += "; " + ", ".join(f"{number} {reason.value}" for reason, number in sorted(reasons.items()))
    do = ", ".join(dict.fromkeys(_REMEDIES[reason] for reason in sorted(reasons) if reason in _REMEDIES))
    return Finding(_NAMES[kind], State.WARNING, what, (LOST[kind],), do or "see docs/concepts.md for the reasons")


def _trouble(place: Place, host: Host, mounts: MountTable) -> Unmeasured | None:
    """Why a place will have no number, None when it will or is left out."""
    if place.unmeasured is not None or place.tree is None:
        return place.unmeasured
    try:
        _open(place.tree, host, mounts)
    except OSError as error:
        return reason_for(error)
    return None


def _open(tree: Tree, host: Host, mounts: MountTable) -> None:
    """Open a tree as measuring it would. Raises OSError."""
    if tree.method is Method.TMPFS:
        read_tmpfs(host.procfs, tree.pid, tree.container, tree.path)
        return
    if mounts.remote(host.view(tree.path)):
        return
    descriptor = host.open(tree.path)
    try:
        os.close(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor))
    except OSError as error:
        if error.errno != errno.ENOTDIR:  # a single file has all that counts in its inode
            raise
    finally:
        os.close(descriptor)
