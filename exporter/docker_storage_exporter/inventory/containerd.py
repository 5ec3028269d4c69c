"""Where containerd has its root, which no engine tells: looked for on the host, and chosen by the containers in it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from itertools import chain

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.mounts import MountTable
from docker_storage_exporter.model.objects import Engine
from docker_storage_exporter.model.text import is_inside
from docker_storage_exporter.storage.containerd.layouts import snapshot_of
from docker_storage_exporter.storage.containerd.store import METADATA, lists_any

_USUAL = "/var/lib/containerd"
_MANAGED = "containerd/daemon"  # below the data root, of a containerd that dockerd starts itself
_SYSTEM_SOCKETS = ("/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock")
_MANAGED_SOCKET = "/containerd/containerd.sock"  # below dockerd's exec root
_PROCESSES = frozenset({"containerd", "dockerd"})


def containerd_root(engine: Engine, data_root: str, containers: Collection[str], host: Host) -> str:
    """The canonical host path of the root of the containerd that an engine uses; empty where it cannot be seen.

    `containers` are the ids of the engine's containers. The mounts of running ones show the root; else it is the first
    that lists one of them, of where engines have it, what is mounted by itself, and what a process has open. What lists
    none is taken only where there is no other choice.
    """
    mounts = host.mounts()
    shown = next(_seen(host, mounts, _mounted(mounts, containers)), "")
    if shown:
        return shown
    likely: list[str] = []
    for candidates in (_usual(engine, data_root), chain(_mount_points(host, mounts), _opened(host))):
        for root in _seen(host, mounts, candidates):
            if lists_any(host.view(root), containers):
                return root
            likely.append(root)
    return likely[0] if likely else ""


def _mounted(mounts: MountTable, containers: Collection[str]) -> Iterator[str]:
    """The roots that the mounts of running containers tell of, as the engine spells them."""
    for entry in mounts:
        found = snapshot_of(entry.upper) if os.path.basename(entry.mountpoint) in containers else None
        if found is not None:
            yield found[0]


def _mount_points(host: Host, mounts: MountTable) -> Iterator[str]:
    """What is mounted of the host's into the container that this process is in: the root may be mounted by itself."""
    for entry in mounts if host.rootfs else ():
        if is_inside(entry.mountpoint, host.rootfs) and not entry.is_view and not entry.remote:
            yield entry.mountpoint_below(host.rootfs)


def _usual(engine: Engine, data_root: str) -> tuple[str, str]:
    """Where engines have it, the likelier place first."""
    managed = f"{data_root}/{_MANAGED}"
    address = engine.containerd_address
    if address.endswith(_MANAGED_SOCKET) and address not in _SYSTEM_SOCKETS:
        return managed, _USUAL
    return _USUAL, managed


def _seen(host: Host, mounts: MountTable, paths: Iterable[str]) -> Iterator[str]:
    """The canonical paths of those that are roots of containerd.

    One that is closed to this process is taken for a root: nothing tells that it is none.
    """
    for path in paths:
        here = host.resolve(path, mounts)
        if here.error is None and not here.remote and _may_be_root(host, here.path):
            yield here.path


def _may_be_root(host: Host, path: str) -> bool:
    try:
        os.lstat(host.view(f"{path}/{METADATA}"))
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _opened(host: Host) -> Iterator[str]:
    """The roots whose database a process of containerd has open: it never closes it."""
    ending = f"/{METADATA}/meta.db"
    for process in _processes(host.procfs):
        with suppress(OSError):
            for descriptor in os.listdir(f"{process}/fd"):
                with suppress(OSError):
                    path = os.readlink(f"{process}/fd/{descriptor}")
                    if path.endswith(ending):
                        yield path[: -len(ending)]


def _processes(procfs: str) -> Iterator[str]:
    """The folders of the processes that may be containerd."""
    for name in os.listdir(procfs):
        if name.isdecimal():
            with suppress(OSError), open(f"{procfs}/{name}/comm", encoding="utf-8", errors="replace") as file:
                if file.read().strip() in _PROCESSES:
                    yield f"{procfs}/{name}"
