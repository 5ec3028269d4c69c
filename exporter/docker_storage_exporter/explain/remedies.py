"""What can be done about bytes: each way with its command, what it frees, and what it loses. Nothing unproven."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from docker_storage_exporter.explain.explanation import Remedy
from docker_storage_exporter.explain.owners import Owner, Owners
from docker_storage_exporter.explain.removal import Removal
from docker_storage_exporter.explain.territory import Territories
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.layout import ImageFacts
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import RUNNING_STATES, Container, Volume

_BLOCK = 512
_EMPTY = "empty the log"
Proposal = tuple[tuple[Remedy, ...], str]
"""Remedies, and a remark: why there are none, or what else is to be known."""


class Remedies:
    """Makes the remedies for the objects of one host."""

    def __init__(self, owners: Owners, territories: Territories, host: Host, removal: Removal) -> None:
        self._owners = owners
        self._territories = territories
        self._host = host
        self._removal = removal

    def of_volume(self, volume: Volume, users: Sequence[Container], frees: int | None) -> Remedy:
        """Remove a volume; `frees` is its size. One that is a bind or a filesystem of its own keeps its data."""
        loses = [] if volume.filesystem not in ("", "tmpfs") else ["its data"]
        loses += ["what its containers wrote to their layers and logs"] if users else []
        frees = {"": frees, "bind": None if frees is None else 0}.get(volume.filesystem)
        what = "remove the volume" + (" after the containers that mount it" if users else "")
        return Remedy(what, self._removal.of_volume(volume.name, users), frees, ", and ".join(loses))

    def of_container(self, container: Container, frees: int | None, *, has_logs: bool) -> tuple[Remedy, ...]:
        """Empty its log, remove it."""
        loses = "what it wrote to its layer" + (", and its logs" if has_logs else "")
        whole = Remedy("remove the container", self._removal.of_container(container), frees, loses)
        return (*self._of_current_log(container), whole)

    def of_image(self, image: ImageFacts, users: Sequence[Container], frees: int | None) -> Remedy:
        """Remove an image by all of its tags, after the containers that were made from it."""
        what = "remove the image" + (" after the containers that were made from it" if users else "")
        loses = "the image" + (", and what its containers wrote to their layers and logs" if users else "")
        return Remedy(what, self._removal.of_image(image.tags or (image.image.id,), users), frees, loses)

    def _of_current_log(self, container: Container) -> Iterator[Remedy]:
        """Empty the log that json-file writes to. No other driver's files may be cut while they are written."""
        if container.log.driver != "json-file":
            return
        path = f"{self._owners.folder(container)}/{container.id}-json.log"
        try:
            allocated = os.lstat(self._host.view(path)).st_blocks * _BLOCK
        except OSError:
            return
        if allocated:
            yield Remedy(_EMPTY, self._removal.of_log(path), allocated, "the lines in it")

    def of_path(self, path: str, owner: Owner | None, frees: int | None, *, directory: bool) -> Proposal:
        """What frees the bytes of a path, or why nothing is proposed."""
        if holds := self._held(path):
            return (), f"it holds {holds}"
        if owner is None or owner.kind is Kind.BIND or (owner.volume and owner.volume.filesystem == "bind"):
            return (), "the host's own files, not the engine's: whether they may go is for you to say"
        container = owner.container
        if container is None:
            command = self._removal.of_path(path, owner.containers, directory=directory)
            return (Remedy("delete it", command, frees, "what is in it"),), ""
        if owner.kind is Kind.LOG:
            return self._of_log(path, container, frees)
        if container.state in RUNNING_STATES:
            command = self._removal.of_path_in_container(container, f"/{owner.inside}")
            return (Remedy("delete it inside the container", command, frees, "what is in it"),), ""
        return (), f"it goes with the whole container: see --explain {container.name}"

    def _of_log(self, path: str, container: Container, frees: int | None) -> Proposal:
        if is_current_log(path, container):
            return (Remedy(_EMPTY, self._removal.of_log(path), frees, "the lines in it"),), ""
        current, name = f"{container.id}-json.log", os.path.basename(path)
        if name != current and name.startswith(current):  # json-file tolerates a missing file when it rotates
            command = self._removal.of_path(path, (), directory=False)
            return (Remedy("delete it", command, frees, "the lines in it"),), ""
        return (), f"it goes with the whole container: see --explain {container.name}"

    def _held(self, path: str) -> str:
        """The objects below a path, or an engine's root: whatever else may be there, it is not to be deleted."""
        below = self._owners.below(path)
        held = ", ".join(f"{number} x {kind.value}" for kind, number in sorted(below.items()))
        return held or self._territories.below(path)


def is_current_log(path: str, container: Container) -> bool:
    """Whether a path is the log that json-file writes to: emptying it frees its bytes even while it is open."""
    return container.log.driver == "json-file" and os.path.basename(path) == f"{container.id}-json.log"
