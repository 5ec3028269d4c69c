"""The tmpfs mounts of running containers; in any other state they do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from docker_storage_exporter.layout.layers import container_key
from docker_storage_exporter.layout.subject import HostView, Item, Subject
from docker_storage_exporter.measure import Statfs, Tmpfs
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import RUNNING_STATES, Container, Mount
from docker_storage_exporter.model.places import Place, Skip

_SHM = "/dev/shm"  # noqa: S108 - the container's
_SECRETS = Mount("tmpfs", "", "/run/secrets")  # Swarm's secrets and configs, of which no document tells
_ENGINES_OWN = {_SHM: "shm", _SECRETS.destination: "secrets"}
"""What an engine mounts below `containers/ID/mounts` (moby: container.ShmResourcePath, SecretMountPath).

Of /dev/shm that holds where other containers may share it (--ipc=shareable): a private one is the runtime's.
"""


@dataclass(frozen=True, slots=True)
class TmpfsFacts:
    """A container and one of its tmpfs mounts."""

    container: Container
    mount: Mount


def _objects(view: HostView) -> Iterator[tuple[ObjectKey, TmpfsFacts]]:
    for container in view.inventory.containers:
        if container.state not in RUNNING_STATES:
            continue
        for mount in container.mounts:
            if mount.type == "tmpfs" and (container.pid > 0 or _on_host(container, mount, view)):
                yield _key(container, mount), TmpfsFacts(container, mount)
        if _on_host(container, _SECRETS, view):
            yield _key(container, _SECRETS), TmpfsFacts(container, _SECRETS)


def _key(container: Container, mount: Mount) -> ObjectKey:
    return ObjectKey(Kind.TMPFS, "", container.id + mount.destination)


def _item(key: ObjectKey, facts: TmpfsFacts, view: HostView) -> Item:
    container, mount = facts.container, facts.mount
    return Item(
        key=key,
        name=container.name,
        facts=facts,
        place=_place(container, mount, view),
        owner=container_key(container.id),
        more=(mount.destination,),
    )


def _place(container: Container, mount: Mount, view: HostView) -> Place:
    """Where the engine mounts one on the host as well, it is asked there; any other only the container's process shows.

    That is for who may enter processes. Nobody asked for a /dev/shm, so without that right it is left out; a tmpfs
    mount that the user wanted is one that should have a number.
    """
    path = _on_host(container, mount, view)
    if path:
        return Place(Statfs(path))
    if mount.destination == _SHM and not view.enters_processes:
        return Place(skip=Skip.PROCESS)
    return Place(Tmpfs(mount.destination, container.id, container.pid))


def _on_host(container: Container, mount: Mount, view: HostView) -> str:
    """The host's path of a tmpfs that the engine itself mounts for a container; empty where it does not."""
    name = _ENGINES_OWN.get(mount.destination)
    folder = view.where(f"{view.inventory.root}/containers")
    path = f"{folder}/{container.id}/mounts/{name}"
    entry = view.mounts.at(view.rootfs + path) if name else None
    return path if entry is not None and entry.filesystem == "tmpfs" else ""


SUBJECT = Subject(
    kind=Kind.TMPFS,
    order=4,
    noun="tmpfs mount",
    plural="tmpfs mounts",
    labels=("container", "destination"),
    prefix="docker_container_tmpfs",
    objects=_objects,
    item=_item,
    switch="collector_tmpfs",
    names="collector_container",
    skips=frozenset({Skip.PROCESS}),
    owned_by=Kind.LAYER,
    engine_labels=lambda facts: facts.container.labels,
)
