"""Explains one volume, container or path: looks only at what is asked for, and deletes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.explain.explanation import Explanation, Part, Retained, Use
from docker_storage_exporter.explain.holding import held_open
from docker_storage_exporter.explain.looking import MOST_LARGEST, OWN_PLACES, Looked, Looker
from docker_storage_exporter.explain.owners import Owner, Owners
from docker_storage_exporter.explain.remedies import Remedies, is_current_log
from docker_storage_exporter.explain.removal import Removal
from docker_storage_exporter.explain.territory import Territories, Territory
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.layout import ImageFacts, Item
from docker_storage_exporter.listing.row import SHARED_IMAGES
from docker_storage_exporter.listing.rows import project_of
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Container, Inventory, Volume
from docker_storage_exporter.model.places import Place
from docker_storage_exporter.model.text import counted, printable


class Explainer:
    """Explains the objects of one inventory."""

    def __init__(
        self,
        inventory: Inventory,
        owners: Owners,
        territories: Territories,
        host: Host,
        removal: Removal,
        looker: Looker,
    ) -> None:
        self._inventory = inventory
        self._owners = owners
        self._territories = territories
        self._host = host
        self._looker = looker
        self._remedies = Remedies(owners, territories, host, removal)

    def explain(self, target: str) -> list[Explanation]:
        """One explanation for each thing of that name. Raises SettingError when there is none."""
        if "/" not in target:
            volume, container = self._owners.volume(target), self._owners.container(target)
            explanations = [self._volume(volume)] if volume else []
            explanations += [self._container(container)] if container else []
            if explanations:
                return explanations
        if tmpfs := self._owners.tmpfs(target):
            return [self._tmpfs(tmpfs)]
        if images := self._owners.images(target):
            return [self._image(image) for image in images]
        if target == SHARED_IMAGES:
            return [Explanation(target, "layers and content of images", remark=_SHARED)]
        path = os.path.join(os.getcwd(), target)
        source = self._host.resolve(path, self._host.mounts())
        if source.error is not None or source.remote:
            raise SettingError(self._unknown(target, source.error))
        return [self._path(source.path)]

    def _unknown(self, target: str, error: OSError | None) -> str:
        name = printable(target)
        if error is None:
            return f"{name} is on a remote filesystem, which is not touched"
        if "/" in target:
            return f"{name}: {error.strerror}"
        similar = self._owners.similar(target)
        hint = f"; similar: {', '.join(similar)}" if similar else "; df shows what there is"
        return f"{name} is no volume, container, image or path here{hint}"

    def _volume(self, owner: Owner) -> Explanation:
        volume = owner.volume or Volume(owner.name)
        looked = self._looker.look(owner.kind, owner.name, owner.place)
        stays, users = self._stays(owner, looked), owner.containers
        frees, remark = _less(looked.part.allocated_bytes, looked.outside.allocated_bytes), ""
        if volume.filesystem == "bind":
            why = f"in {volume.device}, which removing the volume leaves alone"
            stays = [Retained(why, looked.part.allocated_bytes)]
        elif volume.filesystem:
            remark = f"a filesystem of its own ({volume.filesystem}), which removing the volume only unmounts"
        # Where a volume's labels could not be read, its containers' labels name the project as well.
        projects = (project_of(labels) for labels in (volume.labels, *(c.labels for c in users)))
        return Explanation(
            target=owner.name,
            owner="anonymous volume" if volume.anonymous else "volume",
            facts={"driver": volume.driver, "project": next(filter(None, projects), "")},
            uses=_uses(owner),
            parts=(looked.part,),
            largest=looked.largest,
            stays=tuple(stays),
            remedies=(self._remedies.of_volume(volume, users, frees),),
            remark=remark,
        )

    def _container(self, container: Container) -> Explanation:
        layer, log = self._owners.layer(container), self._owners.log(container)
        looked = self._looker.look(layer.kind, layer.name, layer.place)
        logs = self._looker.look(log.kind, log.name, log.place).part if log else None
        parts = [looked.part, *([logs] if logs else []), self._around(container, layer, logs)]
        known = [part.allocated_bytes for part in parts if part.allocated_bytes is not None]
        frees = sum(known) - looked.outside.allocated_bytes if len(known) == len(parts) else None
        facts = {
            "id": container.id[:12],
            "state": container.state,
            "image": container.image,
            "project": project_of(container.labels),
        }
        return Explanation(
            target=container.name,
            owner="container",
            facts=facts,
            parts=tuple(parts),
            largest=looked.largest,
            stays=(*self._stays(layer, looked), *_left_behind(container)),
            remedies=self._remedies.of_container(container, frees, has_logs=logs is not None),
            remark="; ".join(_remarks(container, complete=frees is not None)),
        )

    def _tmpfs(self, owner: Owner) -> Explanation:
        container = owner.container or Container("", "")
        looked = self._looker.look(owner.kind, owner.name, owner.place)
        return Explanation(
            target=owner.name,
            owner=f"tmpfs mount of container {container.name}",
            facts={"id": container.id[:12], "state": container.state, "project": project_of(container.labels)},
            parts=(looked.part,),
            remark="memory, not disk: it is free when the container stops, and what is in it is then lost",
        )

    def _image(self, item: Item) -> Explanation:
        facts: ImageFacts = item.facts
        alone = self._looker.look_at_pieces("its alone", facts.image.unique)
        shared = self._looker.look_at_pieces("shared", facts.image.shared)
        users = self._owners.made_from(facts.image.id)
        largest = sorted((*alone.largest, *shared.largest), key=lambda entry: -entry[1])
        kept = shared.part.allocated_bytes
        stays = [Retained("in layers or content that another image or the build cache needs", kept)]
        return Explanation(
            target=facts.called,
            owner="image",
            facts={"id": facts.image.id, "tags": ", ".join(facts.tags), "made from it": _named(users)},
            parts=(alone.part, shared.part),
            largest=tuple(largest[:MOST_LARGEST]),
            stays=tuple(stays if kept else []),
            remedies=(self._remedies.of_image(facts, users, alone.part.allocated_bytes),),
            remark="" if facts.tags else "dangling: no tag names it",
        )

    def _around(self, container: Container, layer: Owner, logs: Part | None) -> Part:
        """What else goes with a container: its folder without the logs, its layer's directory without the layer."""
        directories = (self._owners.folder(container), *self._owners.directories(container))
        source = layer.place.source
        return self._looker.rest(directories, source.paths if isinstance(source, Walk) else (), logs)

    def _path(self, path: str) -> Explanation:
        owner, territory = self._owners.at(path), self._territories.of(path)
        if territory is not None and (owner is None or not _is_apart(owner, territory)):
            return self._engines(path, territory)
        if owner is not None and not owner.inside and owner.kind is Kind.VOLUME and _is_plain(owner):
            return self._volume(owner)
        if owner is not None and not owner.inside and owner.kind is Kind.LAYER and owner.container:
            return self._container(owner.container)
        place = Place(Walk((path,)))
        looked = self._looker.look(owner.kind if owner else Kind.BIND, "", place)
        frees = _less(looked.part.allocated_bytes, looked.outside.allocated_bytes)
        remedies, remark = self._remedies.of_path(path, owner, frees, directory=looked.directory)
        stays = self._stays(owner or Owner(Kind.BIND, path, place), looked, path)
        if owner and owner.container and is_current_log(path, owner.container):
            stays = []
            remark = "; ".join(_remarks(owner.container, complete=True))
        return Explanation(
            target=path,
            owner=_called(owner) if owner else "nothing that the engine knows of",
            facts={"inside": owner.inside} if owner else {},
            uses=_uses(owner) if owner else (),
            parts=(looked.part,),
            largest=looked.largest,
            stays=tuple(stays),
            remedies=remedies,
            remark=remark,
        )

    def _engines(self, path: str, territory: Territory) -> Explanation:
        """A path that is an engine's own."""
        if territory.is_view:
            part = Part("bytes", path, note="not measured: it shows what lies elsewhere")
            looked = Looked(part)
        else:
            looked = self._looker.look(Kind.BIND, "", Place(Walk((path,))))
        container = territory.container
        goes = f"; it goes with the container: see --explain {container.name}" if container else ""
        return Explanation(
            target=path,
            owner=territory.called,
            parts=(looked.part,),
            largest=looked.largest,
            remark=f"an engine's own: never delete it by hand{goes}",
        )

    def _stays(self, owner: Owner, looked: Looked, path: str = "") -> list[Retained]:
        """What deleting would leave: names elsewhere, files that processes hold, others on the same directory."""
        retained = []
        if looked.outside.files:
            why = f"in {counted(looked.outside.files, 'file')} with names elsewhere too (hard links)"
            retained.append(Retained(why, looked.outside.allocated_bytes))
        retained += held_open(self._host, owner, path or looked.part.path)
        retained += [Retained(f"{_called(other)} is the same directory") for other in self._owners.same_place(owner)]
        return retained


_SHARED = "each of them is needed by several images, or by an image and the build cache: see --explain IMAGE"


def _named(containers: Iterable[Container]) -> str:
    return ", ".join(f"{container.name} ({container.state})" for container in containers)


def _is_apart(owner: Owner, territory: Territory) -> bool:
    """Whether a path is an object's rather than its engine's: data in a volume, a layer or a log.

    A source of bind mounts may be anything, the data root included. In a volume another engine may have its root.
    """
    source = owner.place.source
    if owner.kind is Kind.BIND or source is None:
        return False
    if len(source.path) != len(territory.root):
        return len(source.path) > len(territory.root)
    return {Kind.VOLUME: not owner.inside, Kind.LOG: bool(owner.inside)}.get(owner.kind, True)


def _is_plain(owner: Owner) -> bool:
    return owner.volume is not None and not owner.volume.filesystem


def _called(owner: Owner) -> str:
    if owner.kind in (Kind.LAYER, Kind.LOG):
        return f"{OWN_PLACES[owner.kind]} of container {owner.name}"
    return f"{OWN_PLACES[owner.kind]} {owner.name}"


def _uses(owner: Owner) -> tuple[Use, ...]:
    return tuple(
        Use(user.container.name, user.container.state, user.mount.destination, user.mount.access)
        for user in owner.users
    )


def _remarks(container: Container, *, complete: bool) -> Iterator[str]:
    """What else is to be known of a container. `complete` says whether all of its parts have a number."""
    if not complete:
        yield "a part without a number is freed as well"
    if container.log.driver == "json-file" and container.log.limit_bytes is None:
        yield "its log has no limit: --log-opt max-size=SIZE sets one when a container is made"


def _left_behind(container: Container) -> Iterator[Retained]:
    """What a container mounts and leaves when it is removed."""
    for mount in container.mounts:
        if mount.type in ("volume", "bind"):
            yield Retained(f"{mount.type} {mount.source} at {mount.destination}, {mount.access}")


def _less(whole: int | None, part: int) -> int | None:
    return None if whole is None else max(0, whole - part)
