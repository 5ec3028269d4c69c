"""Explains one volume, container or path: looks only at what is asked for, and deletes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.hostfs import Host, LinkedOutside, linked_outside, reason_for
from docker_storage_exporter.measure import Walk, measure
from docker_storage_exporter.model import (
    RUNNING_STATES,
    Container,
    Inventory,
    Kind,
    Place,
    Source,
    Volume,
    printable,
)
from docker_storage_exporter.report.explanation import Explanation, Part, Stay, Use
from docker_storage_exporter.report.holding import held_open
from docker_storage_exporter.report.owners import Owner, Owners
from docker_storage_exporter.report.removal import Removal
from docker_storage_exporter.report.rows import Row, project_of
from docker_storage_exporter.sizer import Control
from docker_storage_exporter.sizer.breakdown import break_down

_MOST_LARGEST = 5
_OWN_PLACES = {Kind.VOLUME: "volume", Kind.LAYER: "writable layer", Kind.LOG: "log files", Kind.BIND: "bind mount"}


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found at a place."""

    part: Part
    largest: tuple[tuple[str, int], ...] = ()
    outside: LinkedOutside = LinkedOutside()
    directory: bool = True


class Explainer:
    """Explains the objects of one inventory. `rows` are a running exporter's, by kind and name, for their growth."""

    def __init__(
        self,
        inventory: Inventory,
        owners: Owners,
        host: Host,
        removal: Removal,
        rows: Mapping[tuple[str, str], Row],
        control: Callable[[], Control] = Control,
    ) -> None:
        self._inventory = inventory
        self._owners = owners
        self._host = host
        self._removal = removal
        self._rows = rows
        self._control = control

    def explain(self, target: str) -> list[Explanation]:
        """One explanation for each thing of that name. Raises SettingError when there is none."""
        if "/" not in target:
            volume, container = self._owners.volume(target), self._owners.container(target)
            found = [self._volume(volume)] if volume else []
            found += [self._container(container)] if container else []
            if found:
                return found
        path = os.path.join(os.getcwd(), target)
        source = self._host.resolve(path, self._host.mounts())
        if source.error is not None or source.remote:
            raise SettingError(self._unknown(target, source.error))
        return [self._path(source.path)]

    def _unknown(self, target: str, error: OSError | None) -> str:
        shown = printable(target)
        if error is None:
            return f"{shown} is on a remote filesystem, which is not touched"
        if "/" in target:
            return f"{shown}: {error.strerror}"
        similar = self._owners.similar(target)
        hint = f"; similar: {', '.join(similar)}" if similar else "; df shows what there is"
        return f"{shown} is no volume, container or path here{hint}"

    def _volume(self, owner: Owner) -> Explanation:
        volume = owner.volume or Volume(owner.name)
        looked = self._look(owner.kind, owner.name, owner.place)
        stays = self._stays(owner, looked)
        frees = _less(looked.part.allocated_bytes, looked.outside.allocated_bytes)
        remark = ""
        if volume.filesystem == "bind":
            frees = 0 if looked.part.allocated_bytes is not None else None
            why = f"in {volume.device}, which removing the volume leaves alone"
            stays = [Stay(why, looked.part.allocated_bytes)]
        elif volume.filesystem:
            frees, remark = None, f"a {volume.filesystem} of its own, which removing the volume only unmounts"
        # Read from disk a volume has no labels; then its containers' tell.
        projects = (project_of(labels) for labels in (volume.labels, *(c.labels for c in _containers(owner))))
        facts = {"driver": volume.driver, "project": next(filter(None, projects), "")}
        return Explanation(
            target=owner.name,
            owner="anonymous volume" if volume.anonymous else "volume",
            facts=facts,
            uses=_uses(owner),
            parts=(looked.part,),
            largest=looked.largest,
            frees_bytes=frees,
            stays=tuple(stays),
            command=self._removal.of_volume(volume.name, _containers(owner)),
            remark=remark,
        )

    def _container(self, container: Container) -> Explanation:
        layer, log = self._owners.layer(container), self._owners.log(container)
        looked = self._look(layer.kind, layer.name, layer.place)
        parts = [looked.part]
        if log is not None:
            parts.append(self._look(log.kind, log.name, log.place).part)
        known = [part.allocated_bytes for part in parts if part.allocated_bytes is not None]
        mounts = [mount for mount in container.mounts if mount.type in ("volume", "bind")]
        stays = [Stay(f"{mount.type} {mount.source} at {mount.destination}, {mount.access}") for mount in mounts]
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
            frees_bytes=sum(known) - looked.outside.allocated_bytes if len(known) == len(parts) else None,
            stays=(*self._stays(layer, looked), *stays),
            command=self._removal.of_container(container),
            remark="a log or layer without a number is freed as well" if len(known) < len(parts) else "",
        )

    def _path(self, path: str) -> Explanation:
        owner = self._owners.at(path)
        if owner is not None and not owner.inside and owner.kind is Kind.VOLUME and _is_plain(owner):
            return self._volume(owner)
        place = Place(Walk((path,)))
        looked = self._look(owner.kind if owner else Kind.BIND, "", place)
        command, remark = self._command(path, owner, directory=looked.directory)
        if owner is None and (below := self._owners.below(path)):
            held = ", ".join(f"{number} x {kind.value}" for kind, number in sorted(below.items()))
            command, remark = "", f"it holds {held}"
        return Explanation(
            target=path,
            owner=_called(owner) if owner else self._owners.engines_own(path) or "nothing that the engine knows of",
            facts={"inside": owner.inside} if owner else {},
            uses=_uses(owner) if owner else (),
            parts=(looked.part,),
            largest=looked.largest,
            frees_bytes=_less(looked.part.allocated_bytes, looked.outside.allocated_bytes) if command else None,
            stays=tuple(self._stays(owner or Owner(Kind.BIND, path, place), looked, path)),
            command=command,
            remark=remark,
        )

    def _command(self, path: str, owner: Owner | None, *, directory: bool) -> tuple[str, str]:
        """What would remove a path, or why nothing should."""
        if owner is None:
            own = self._owners.engines_own(path)
            hint = "docker system prune removes what nothing uses" if own else "whether it may go is for you to say"
            return "", hint
        if owner.container is None:
            return self._removal.of_path(path, _containers(owner), directory=directory), ""
        container = owner.container
        if owner.kind is Kind.LOG:
            is_log = owner.inside.endswith(".log")
            return (self._removal.of_log(path), "") if is_log else (self._removal.of_container(container), "")
        if owner.inside and container.state in RUNNING_STATES:
            return self._removal.of_path_in_container(container, f"/{owner.inside}"), ""
        return self._removal.of_container(container), "" if not owner.inside else "the whole container goes"

    def _look(self, kind: Kind, name: str, place: Place) -> _Looked:
        """Measure a place now; the exporter's row of that name adds how it grows."""
        source, what = place.source, _OWN_PLACES[kind] if name else "bytes"
        if source is None:
            reason = place.skip or place.unmeasured
            return _Looked(Part(what, "", note=f"not measured: {reason.value if reason else 'switched off'}"))
        try:
            looked = self._walked(source, what) if isinstance(source, Walk) else self._asked(source, what)
        except OSError as error:
            return _Looked(Part(what, source.path, note=f"not measured: {reason_for(error).value}"))
        row = self._rows.get((kind.value, printable(name)))
        if row is None:
            return looked
        part = _with_growth(looked.part, row)
        return _Looked(part, looked.largest, looked.outside, looked.directory)

    def _walked(self, source: Walk, what: str) -> _Looked:
        """Opened as measuring opens it, and told apart by its first directories."""
        with source.opened(self._host) as roots:
            branches = [break_down(root, 1, self._control()) for root in roots]
            outside = [linked_outside(root.descriptor, root.mountpoints) for root in roots]
            directory = stat.S_ISDIR(os.fstat(roots[0].descriptor).st_mode)
        usages = [branch.usage for branch in branches]
        children = [child for branch in branches for child in branch.largest_first()]
        children.sort(key=lambda child: -child.usage.allocated_bytes)
        unreadable = sum(usage.unreadable_entries for usage in usages)
        part = Part(
            what,
            source.path,
            sum(usage.allocated_bytes for usage in usages),
            sum(usage.apparent_bytes for usage in usages) if source.with_apparent else None,
            sum(usage.inodes for usage in usages),
            f"{unreadable} unreadable" if unreadable else "",
        )
        largest = tuple((child.path, child.usage.allocated_bytes) for child in children[:_MOST_LARGEST])
        linked = LinkedOutside(sum(o.files for o in outside), sum(o.allocated_bytes for o in outside))
        return _Looked(part, largest, linked, directory)

    def _asked(self, source: Source, what: str) -> _Looked:
        size = measure(source, self._host, self._control()).size
        if size is None:
            return _Looked(Part(what, source.path, note="not measured"))
        return _Looked(Part(what, source.path, size.allocated, size.apparent, size.inodes))

    def _stays(self, owner: Owner, looked: _Looked, path: str = "") -> list[Stay]:
        """What deleting would leave: names elsewhere, files that processes hold, others on the same directory."""
        found = []
        if looked.outside.files:
            why = f"in {looked.outside.files} files that have names elsewhere too (hard links)"
            found.append(Stay(why, looked.outside.allocated_bytes))
        found += held_open(self._host, owner, path or looked.part.path)
        found += [Stay(f"{_called(other)} is the same directory") for other in self._owners.same_place(owner)]
        return found


def _is_plain(owner: Owner) -> bool:
    return owner.volume is not None and not owner.volume.filesystem


def _called(owner: Owner) -> str:
    if owner.kind in (Kind.LAYER, Kind.LOG):
        return f"{_OWN_PLACES[owner.kind]} of container {owner.name}"
    return f"{_OWN_PLACES[owner.kind]} {owner.name}"


def _containers(owner: Owner) -> list[Container]:
    return list({user.container.id: user.container for user in owner.users}.values())


def _uses(owner: Owner) -> tuple[Use, ...]:
    return tuple(
        Use(user.container.name, user.container.state, user.mount.destination, user.mount.access)
        for user in owner.users
    )


def _less(whole: int | None, part: int) -> int | None:
    return None if whole is None else max(0, whole - part)


def _with_growth(part: Part, row: Row) -> Part:
    return Part(
        part.what,
        part.path,
        part.allocated_bytes,
        part.apparent_bytes,
        part.inodes,
        part.note,
        row.growth_bytes_per_second,
        row.growth_bytes_per_hour,
    )
