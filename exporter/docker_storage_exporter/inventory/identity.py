"""Proof that the engine asked and the disk read are one host: sizes are refused without it, never guessed."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Collection
from enum import Enum

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.disk import engine_id, folders_in
from docker_storage_exporter.model.objects import Engine

_CREDENTIALS = struct.Struct("iII")  # struct ucred of SO_PEERCRED: pid, uid, gid


class Proof(str, Enum):
    """What shows that engine and disk are one host, in the words of a report."""

    CONTAINER = "a container of the engine lies in the data root"
    ID = "the engine's id is written in the data root"
    NOTHING = "the engine has no container and no volume that could be mistaken"
    SOCKET = "the process behind the engine's socket calls the same directory its data root"


def same_host(
    engine: Engine, containers: Collection[str], volumes: bool, root: str, host: Host, address: str
) -> Proof | None:
    """The proof that the data root at the host's path `root` is the engine's, None without one.

    Any of these proves it: one of the engine's `containers` (ids are unique in the world) lies there; the engine's id
    is written there; the process that opened the engine's socket calls the same directory its data root. An engine
    without a single container and volume has nothing that could be mistaken.
    """
    path = host.view(root)
    if not folders_in(f"{path}/containers").isdisjoint(containers):
        return Proof.CONTAINER
    if engine.id and engine_id(path) == engine.id:
        return Proof.ID
    if containers:
        return None
    if not volumes:
        return Proof.NOTHING
    return Proof.SOCKET if _socket_owner_has(engine.data_root, path, host.procfs, address) else None


def _socket_owner_has(data_root: str, path: str, procfs: str, address: str) -> bool:
    """Compare our data root with that of the process behind a unix socket, by device and inode."""
    pid = socket_owner(address)
    try:
        theirs, ours = os.stat(f"{procfs}/{pid}/root{data_root}"), os.stat(path)
    except OSError:
        return False
    return pid > 0 and (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)


def socket_owner(address: str) -> int:
    """The process that opened the engine's unix socket; 0 when it cannot be known or is outside our PID namespace."""
    if not address.startswith("unix://"):
        return 0
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect("/" + address.removeprefix("unix://").lstrip("/"))
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return 0
    return int(_CREDENTIALS.unpack(credentials)[0])
