"""The inventory as it stands: from the API while the engine answers, else the last one pruned, else from disk."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any

from docker_storage_exporter.errors import (
    AccessError,
    EngineError,
    EngineRefusalError,
    EngineUnreachableError,
    ExporterError,
    NothingToMeasureError,
    SettingError,
)
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.containerd import containerd_root
from docker_storage_exporter.inventory.disk import DiskReader, check_data_root, folders_in, layer_of, read_disk
from docker_storage_exporter.inventory.documents import container_from_inspect, engine_from_info, volume_from_api
from docker_storage_exporter.inventory.engine import Change, Listing
from docker_storage_exporter.inventory.events import EventListener
from docker_storage_exporter.inventory.identity import same_host
from docker_storage_exporter.model.labels import USED_LABELS
from docker_storage_exporter.model.objects import Container, Engine, Inventory, StorageRoot, Volume
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.text import printable
from docker_storage_exporter.settings import DEFAULT_DATA_ROOT, Settings

_log = logging.getLogger(__name__)
_REFUSALS = {
    Unmeasured.FOREIGN_ENGINE: "it is not that of the engine asked; is --docker.host on this host?",
    Unmeasured.UNKNOWN_ROOT: "it cannot be seen from here; is it mounted, and --path.rootfs or --path.data-root right?",
    Unmeasured.PERMISSION: "permission denied; run as root or with CAP_DAC_READ_SEARCH",
}
_Facts = tuple[str, str, frozenset[str]]
_ENGINE, _CONTAINERS, _VOLUMES = "engine", "containers", "volumes"
_VOLUMES_SECONDS = 90.0  # a plugin that hangs makes Docker 20.10 answer after 60 s, and its answer is worth waiting for
_FSCK_FOLDER = "lost+found"
_BAD_DOCUMENT = (KeyError, TypeError, ValueError, AttributeError)


class CurrentInventory:
    """Keeps asking one engine what exists, one question in a thread; see `inventory.engine.Engine`.

    It is its own status. `trouble` tells as well that the volumes alone are not answered for.
    """

    def __init__(
        self, settings: Settings, host: Host, client: EngineClient, clock: Callable[[], float] = time.time
    ) -> None:
        self.up = False
        self.trouble = ""
        self.refusal = ""
        self._settings = settings
        self._host = host
        self._client = client
        self._clients = {_CONTAINERS: client.sibling(), _VOLUMES: client.sibling(_VOLUMES_SECONDS)}
        self._clock = clock
        self._lock = threading.Lock()
        self._asking: set[str] = set()
        self._answers: dict[str, Any] = {}  # the last good one to each question
        self._errors: dict[str, ExporterError] = {}  # of the questions whose last answer was none
        self._again: set[str] = set()
        self._inspected: dict[str, tuple[_Facts, Container]] = {}
        self._broken: set[str] = set()
        self._broken_volumes = 0
        self.keep_labels(settings.collector_labels or ())
        self._last: Inventory | None = None
        self._images_root = ""  # as it was found with these containers
        self._containers_of_root: frozenset[str] = frozenset()
        self._listener: EventListener | None = None

    @property
    def status(self) -> CurrentInventory:
        """How the engine is."""
        return self

    @property
    def product(self) -> str:
        """What the engine calls itself."""
        return self._client.product

    @property
    def events_heard(self) -> bool | None:
        """Whether the engine's events would be heard now; None before `watch`."""
        return self._listener.heard_now if self._listener is not None else None

    @property
    def last_event(self) -> float:
        """When the last event came, in seconds since the epoch; 0 for never."""
        return self._listener.last if self._listener is not None else 0.0

    def keep_labels(self, names: Iterable[str]) -> None:
        """From the next listing on keep the labels of these names, beside those that mean something here."""
        self._labels = USED_LABELS.union(names)
        self._disk = DiskReader(self._labels)

    def listings(self) -> tuple[Listing, ...]:
        """The questions that do not wait for an answer already."""
        asks = {_ENGINE: self._ask_engine, _CONTAINERS: self._ask_containers, _VOLUMES: self._ask_volumes}
        with self._lock:
            waiting = set(self._asking)
        return tuple(
            Listing(name, partial(self._ask, name, ask), can_wait=name == _VOLUMES)
            for name, ask in asks.items()
            if name not in waiting
        )

    def renew(self) -> Inventory:
        """Ask everything, one question after the other, and assemble. Raises ExporterError as `assemble` does."""
        for listing in self.listings():
            try:
                listing.ask()
            except ExporterError:
                if not listing.can_wait:  # nothing else will be answered either
                    break
        return self.assemble()

    def assemble(self) -> Inventory:
        """The inventory that the newest answers make.

        Raises NothingToMeasureError, AccessError, SettingError or EngineError only while there has never been an
        inventory and the disk has none either; afterwards an engine that is down costs freshness only.
        """
        with self._lock:
            answers, errors, asking = dict(self._answers), dict(self._errors), set(self._asking)
        error = errors.get(_ENGINE) or errors.get(_CONTAINERS)
        if error is None and not {_ENGINE, _CONTAINERS} <= answers.keys():
            error = EngineError(f"engine at {self._client.host} has not answered yet")
        if error is None:
            inventory = self._from_answers(answers, volumes_are_new=not asking & {_VOLUMES} and _VOLUMES not in errors)
            self._note_answer(errors.get(_VOLUMES))
        else:
            if isinstance(error, SettingError) and self._last is None:
                raise error
            self._note_trouble(error)
            inventory = self._without_engine(error)
        inventory = self._with_images_root(inventory)
        self._note_refusal(inventory)
        self._last = inventory
        return inventory

    def progress(self) -> int:
        """How many folders of the data root were looked at so far."""
        return self._disk.looked_at

    def inspect_again(self, ids: Collection[str]) -> None:
        """Inspect containers again at the next listing: an event or a failed measurement says that they changed."""
        with self._lock:
            self._again.update(ids)

    def watch(self, changed: Callable[[Change], None]) -> None:
        """Follow the engine's events."""
        self._listener = EventListener(self._client.sibling(), changed)
        self._listener.start()

    def close(self) -> None:
        """Drop the connections to the engine."""
        if self._listener is not None:
            self._listener.stop()
        for client in (self._client, *self._clients.values()):
            client.close()

    def _ask(self, name: str, ask: Callable[[], object]) -> None:
        """Ask a question, unless it waits for its answer already, and keep what comes of it."""
        with self._lock:
            if name in self._asking:
                return
            self._asking.add(name)
        try:
            answer = ask()
        except ExporterError as error:
            self._keep(name, None, error)
            raise
        except _BAD_DOCUMENT as error:
            unusable = EngineError(f"engine at {self._client.host} gave no usable answer: {error!r}"[:300])
            self._keep(name, None, unusable)
            raise unusable from error
        else:
            self._keep(name, answer, None)
        finally:
            with self._lock:
                self._asking.discard(name)

    def _keep(self, name: str, answer: object, error: ExporterError | None) -> None:
        with self._lock:
            if error is not None:
                self._errors[name] = error
                return
            self._answers[name] = answer
            self._errors.pop(name, None)

    def _ask_engine(self) -> Engine:
        engine = engine_from_info(self._client.info(), "docker")
        return dataclasses.replace(engine, product=self._client.product)

    def _ask_volumes(self) -> list[Volume]:
        """Every volume that can be understood. Which cannot is said once, as long as there are as many."""
        known = {volume.name: volume for volume in self._answers.get(_VOLUMES, ())}
        found, broken = [], []
        for document in self._clients[_VOLUMES].volumes():
            try:
                volume = volume_from_api(document, self._labels)
                before = known.get(volume.name)
                found.append(before if before is not None and before == volume else volume)  # one in memory, not two
            except _BAD_DOCUMENT as error:
                broken.append(error)
        if broken and len(broken) != self._broken_volumes:
            _log.warning("%d volumes are left out, since they are none: %s", len(broken), broken[0])
        self._broken_volumes = len(broken)
        return found

    def _ask_containers(self) -> list[Container]:
        """Every container; inspected when first seen, wanted again, or with another name, state or labels."""
        client = self._clients[_CONTAINERS]
        with self._lock:
            again, self._again = self._again, set()
        inspected, found, listed = {}, [], set()
        for item in client.containers():
            listed.add(item["Id"])
            identity, facts = item["Id"], (str(item.get("Names")), str(item.get("State")), self._labels)
            known = self._inspected.get(identity)
            if known is None or known[0] != facts or identity in again:
                known = self._inspect(client, identity, facts) or known
            if known is not None:
                inspected[identity] = known
                found.append(known[1])
        self._inspected = inspected
        self._broken &= listed
        return found

    def _inspect(self, client: EngineClient, identity: str, facts: _Facts) -> tuple[_Facts, Container] | None:
        """A container's details; None when it is gone by now, or when the engine cannot tell, which is said once."""
        try:
            document = client.inspect(identity)
            return (facts, container_from_inspect(document, self._labels)) if document is not None else None
        except (EngineRefusalError, *_BAD_DOCUMENT) as error:
            if identity not in self._broken:
                _log.warning("container %s has no usable details: %s", printable(str(identity))[:12], error)
            self._broken.add(identity)
            return None

    def _from_answers(self, answers: dict[str, Any], *, volumes_are_new: bool) -> Inventory:
        engine, containers, volumes = answers[_ENGINE], answers[_CONTAINERS], answers.get(_VOLUMES)
        root, refused = self._prove(engine, containers, volumes or [])
        if refused is None:
            containers = [self._with_layer(container, root) for container in containers]
            if not volumes_are_new:
                volumes = self._volumes_by_disk(volumes or [], root)
            volumes = [volume for volume in volumes or [] if self._is_volume(volume, root)]
        return Inventory(
            engine=engine,
            volumes=tuple(sorted(volumes or [], key=lambda volume: volume.name)),
            containers=tuple(sorted(containers, key=lambda container: container.id)),
            source="api",
            at=self._clock(),
            roots=(StorageRoot(root),),
            refused=refused,
        )

    def _with_images_root(self, inventory: Inventory) -> Inventory:
        """The inventory with containerd's root where layers and images are kept there."""
        if inventory.engine.image_store != "containerd" or inventory.refused or inventory.root_of("images"):
            return inventory
        containers = frozenset(container.id for container in inventory.containers)
        if containers != self._containers_of_root or not self._images_root:
            self._containers_of_root = containers
            self._images_root = self._settings.path_containerd_root or containerd_root(
                inventory.engine, inventory.root, containers, self._host
            )
        path = self._images_root
        roots = (*inventory.roots, StorageRoot(path, "images")) if path else inventory.roots
        return dataclasses.replace(inventory, roots=roots)

    def _is_volume(self, volume: Volume, root: str) -> bool:
        """Whether it is one: to an engine every folder is, also what fsck keeps on a disk that is mounted there."""
        if volume.driver != "local" or volume.name != _FSCK_FOLDER:
            return True
        return "_data" in folders_in(f"{self._host.view(root)}/volumes/{_FSCK_FOLDER}", links=True)

    def _volumes_by_disk(self, known: list[Volume], root: str) -> list[Volume]:
        """The volumes while the engine does not answer for them: those known from before, and what the disk shows."""
        on_disk = {
            volume.name: volume
            for volume in self._disk.volumes.read(self._host.view(root), "volumes", self._host.mounts().silent())
        }
        kept = [volume for volume in known if volume.driver != "local" or volume.name in on_disk]
        names = {volume.name for volume in kept}
        return kept + [volume for name, volume in on_disk.items() if name not in names]

    def _note_answer(self, missing: ExporterError | None) -> None:
        if not self.up:
            _log.info("engine at %s answers", self._client.host)
        trouble = f"{missing}, asked for its volumes" if missing is not None else ""
        if trouble and trouble != self.trouble:
            _log.warning("%s", trouble)
        self.up, self.trouble = True, trouble

    def _note_trouble(self, error: Exception) -> None:
        is_news = self.up or self.trouble != str(error)
        self.up, self.trouble = False, str(error)
        if is_news:
            _log.warning("%s", self.trouble)

    def _note_refusal(self, inventory: Inventory) -> None:
        refused = inventory.refused
        self.refusal = f"nothing is measured on data root {inventory.root}: {_REFUSALS[refused]}" if refused else ""
        if refused is not None and (self._last is None or self._last.refused is not refused):
            _log.warning("%s", self.refusal)

    def _with_layer(self, container: Container, root: str) -> Container:
        """A container that is dead has no GraphDriver in the API, but still its line in layerdb."""
        if container.layer:
            return container
        layer = layer_of(self._host.view(root), container.driver, container.id)
        return dataclasses.replace(container, layer=layer) if layer else container

    def _prove(
        self, engine: Engine, containers: list[Container], volumes: list[Volume]
    ) -> tuple[str, Unmeasured | None]:
        """The data root's canonical path, and why no size may be taken from it, if so."""
        root, refused = self._root(self._settings.path_data_root or engine.data_root)
        if refused is None:
            ids = [container.id for container in containers]
            if not same_host(engine, ids, bool(volumes), root, self._host, self._client.host):
                refused = Unmeasured.FOREIGN_ENGINE
        return root, refused

    def _root(self, path: str) -> tuple[str, Unmeasured | None]:
        source = self._host.resolve(path, self._host.mounts())
        if source.error is not None:
            reason = reason_for(source.error)
            return path, Unmeasured.PERMISSION if reason is Unmeasured.PERMISSION else Unmeasured.UNKNOWN_ROOT
        if source.remote or source.entry != "directory":
            return path, Unmeasured.UNKNOWN_ROOT
        try:
            os.listdir(self._host.view(source.path) + "/containers")
        except OSError as error:
            denied = reason_for(error) is Unmeasured.PERMISSION
            return source.path, Unmeasured.PERMISSION if denied else Unmeasured.UNKNOWN_ROOT
        return source.path, None

    def _without_engine(self, error: ExporterError) -> Inventory:
        if self._last is not None and self._last.source == "api":
            return self._pruned(self._last)
        path = self._settings.path_data_root or DEFAULT_DATA_ROOT
        source = self._host.resolve(path, self._host.mounts())
        if source.remote:
            raise AccessError(f"data root {path}: lies on a remote filesystem, which is not touched")
        try:
            check_data_root(self._host.view(source.path), path)
        except (NothingToMeasureError, SettingError) as missing:
            if not isinstance(error, EngineUnreachableError):
                raise error from missing  # an engine is there: its trouble is the news
            if isinstance(missing, SettingError) and self._settings.path_data_root is not None:
                raise
            raise NothingToMeasureError(f"{error}, and {missing}") from error
        engine = self._last.engine if self._last is not None else None
        return read_disk(
            self._host.view(source.path), engine, source.path, self._clock(), self._disk, self._host.mounts().silent()
        )

    def _pruned(self, last: Inventory) -> Inventory:
        """The last inventory without what the disk no longer has. Nothing is pruned by a disk that cannot be read."""
        if last.refused is not None:
            return last
        path = self._host.view(last.root)
        if not os.path.isdir(f"{path}/containers"):
            return last
        containers, volumes = folders_in(f"{path}/containers"), folders_in(f"{path}/volumes")
        return dataclasses.replace(
            last,
            containers=tuple(container for container in last.containers if container.id in containers),
            volumes=tuple(volume for volume in last.volumes if volume.driver != "local" or volume.name in volumes),
        )
