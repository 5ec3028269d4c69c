"""Proof that the engine asked and the disk read are one host: sizes are refused without it, never guessed."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection

from docker_storage_exporter.hostfs import Host
from docker_storage_exporter.inventory.disk import engine_id
from docker_storage_exporter.model import Engine

_CREDENTIALS = struct.Struct("iII")  # struct ucred of SO_PEERCRED: pid, uid, gid


def same_host(engine: Engine, containers: Collection[str], volumes: bool, root: str, host: Host, address: str) -> bool:
    """Whether the data root at the host's path `root` is the engine's.

    Any of these proves it: one of the engine's `containers` (ids are unique in the world) lies there; the engine's id
    is written there; the process that opened the engine's socket calls the same directory its data root. An engine
    without a single container and volume has nothing that could be mistaken.
    """
    path = host.view(root)
    if any(os.path.isdir(f"{path}/containers/{container}") for container in containers):
        return True
    if engine.id and engine_id(path) == engine.id:
        return True
    if containers:
        return False
    return not volumes or _socket_owner_has(engine.data_root, path, host.procfs, address)


def _socket_owner_has(data_root: str, path: str, procfs: str, address: str) -> bool:
    """Compare our data root with that of the process behind a unix socket, by device and inode."""
    if not address.startswith("unix://"):
        return False
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect("/" + address.removeprefix("unix://").lstrip("/"))
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid = _CREDENTIALS.unpack(credentials)[0]
        theirs, ours = os.stat(f"{procfs}/{pid}/root{data_root}"), os.stat(path)
    except OSError:
        return False
    return pid > 0 and (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)
