"""What running processes hold open of a tree, told for a user who is about to delete it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from docker_storage_exporter.explain.explanation import Retained
from docker_storage_exporter.explain.owners import Owner
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.openfiles import OpenFile, Seen, namespace_of, open_files
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import RUNNING_STATES, Container
from docker_storage_exporter.model.text import counted

_MOST_NAMED = 3


def held_open(host: Host, owner: Owner, path: str) -> list[Retained]:
    """What stays on disk until processes close it: files already deleted, and files that would be deleted now.

    `path` is the host's. Containers see it elsewhere: a volume where they mount it, a layer as their root.
    """
    try:
        device = os.stat(host.view(path)).st_dev
    except OSError:
        return []
    files = open_files(host.procfs, _places(host, owner, path, device))
    gone = [file for file in files if file.deleted]
    named = [file for file in files if not file.deleted]
    return [
        *([Retained(f"in {_told(gone)}, deleted already, not in the size above", _sum(gone))] if gone else []),
        *([Retained(f"in {_told(named)}, until that ends", _sum(named))] if named else []),
    ]


def _places(host: Host, owner: Owner, path: str, device: int) -> dict[str, list[Seen]]:
    places: dict[str, list[Seen]] = {"": [Seen(host.view(path), device), Seen(path, device)]}
    inside = f"/{owner.inside}" if owner.inside else ""
    for user in owner.users:
        if namespace := _namespace(host, user.container):
            seen = Seen(user.mount.destination.rstrip("/") + inside, device)
            places.setdefault(namespace, []).append(seen)
    if owner.kind is Kind.LAYER and owner.container and (namespace := _namespace(host, owner.container)):
        try:
            root = os.stat(f"{host.procfs}/{owner.container.pid}/root").st_dev
        except OSError:
            return places
        # What is open and not deleted may lie in the image below: only deleted files are surely the layer's.
        places[namespace] = [Seen(inside or "/", root, only_deleted=True)]
    return places


def _namespace(host: Host, container: Container) -> str:
    running = container.state in RUNNING_STATES and container.pid > 0
    return namespace_of(host.procfs, container.pid) if running else ""


def _told(files: list[OpenFile]) -> str:
    processes = {file.pid: file.command for file in files}
    named = [f"{command} ({pid})" for pid, command in list(processes.items())[:_MOST_NAMED]]
    more = f" and {len(processes) - _MOST_NAMED} more" if len(processes) > _MOST_NAMED else ""
    return f"{counted(len(files), 'file')} open in {', '.join(named)}{more}"


def _sum(files: Iterable[OpenFile]) -> int:
    return sum(file.allocated_bytes for file in files)
