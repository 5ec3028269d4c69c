"""What exists, read from the engine's metadata on disk: the daemon need not run.

Sources: `containers/ID/config.v2.json` and `hostconfig.json`, `image/DRIVER/layerdb/mounts/ID/mount-id`,
`volumes/NAME` with its `opts.json`, and `volumes/metadata.db` for labels and the volumes of plugins.
"""

from __future__ import annotations

import json
import os
import re
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any, Generic, TypeVar

from docker_storage_exporter.errors import AccessError, NothingToMeasureError, SettingError
from docker_storage_exporter.inventory.documents import (
    container_from_disk,
    volume_from_disk,
)
from docker_storage_exporter.inventory.volumedb import VolumeNote, VolumeNotes
from docker_storage_exporter.model.labels import USED_LABELS
from docker_storage_exporter.model.objects import Container, Engine, Inventory, StorageRoot, Volume
from docker_storage_exporter.storage import knows

_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")
_MOUNT_ID = re.compile(r"[0-9a-f]{64}")  # the daemon's own check (moby: layer/filestore.go)
_LARGEST_DOCUMENT = 16 * 1024**2
_BAD_DOCUMENT = (KeyError, TypeError, ValueError, AttributeError)
_T = TypeVar("_T")
_UNSETTLED = -1  # which no hash is
_SETTLED_NANOSECONDS = 2 * 10**9  # the coarsest clock of a filesystem that an engine runs on ticks each 10 ms
_MARKS = ("containers", "image", "volumes")
_BUILD_INDEX = "containerd-"  # with the snapshotter behind it, where layers are containerd's


def check_data_root(path: str, shown: str) -> None:
    """See whether a path is a data root that can be read; `shown` is how the user knows it.

    Raises NothingToMeasureError when it is missing, AccessError without the rights, SettingError when it is
    something else.
    """
    try:
        names = set(os.listdir(path))
        if "containers" in names:
            os.listdir(f"{path}/containers")
    except FileNotFoundError as error:
        raise NothingToMeasureError(f"no Docker data root at {shown}") from error
    except PermissionError as error:
        raise AccessError(f"data root {shown}: permission denied; run as root or with CAP_DAC_READ_SEARCH") from error
    except OSError as error:
        raise SettingError(f"data root {shown}: {error.strerror}") from error
    if not names.intersection(_MARKS):
        raise SettingError(f"{shown} is not a Docker data root: none of {', '.join(_MARKS)} is in it")


def read_disk(
    path: str,
    engine: Engine | None,
    data_root: str,
    at: float,
    reader: DiskReader | None = None,
    silent: Collection[str] = (),
) -> Inventory:
    """The inventory of the data root at `path`, which the engine and the host call `data_root`.

    `engine` is what is known of it from before, `reader` who read it until now. Paths
    that are `silent` are not touched. What cannot be read or
    understood is left out. Raises OSError when the data root cannot be listed.
    """
    reader = reader or DiskReader()
    containers = tuple(reader.containers.read(path, "containers", silent))
    return Inventory(
        engine=engine or _engine(path, data_root, containers),
        volumes=reader.all_volumes(path, silent),
        containers=containers,
        source="disk",
        at=at,
        roots=(StorageRoot(data_root),),
    )


class Folders(Generic[_T]):
    """Reads the folders in a folder, again and again: one that did not change is not opened again.

    The engine writes `opts.json` when it makes a volume, and never again; whatever it changes of a container's
    documents comes by renaming a new one into the folder (moby: ioutils.AtomicFileWriter).
    """

    def __init__(self, look: Callable[[str, str], _T | None], unseen: Callable[[str], _T | None]) -> None:
        self.looked_at = 0  # folders so far: it grows as long as a reading gets on
        self._look = look
        self._unseen = unseen
        self._known: _Known[_T] = _Known()
        self._found: list[_T] = []

    def read(self, path: str, folder: str, silent: Collection[str] = ()) -> list[_T]:
        """What `look` finds in each folder of `path`/`folder`, given `path` and the folder's name; by their names.

        Those whose path is `silent` are not touched: `unseen` says what is known of one by its name alone.
        """
        settled = time.time_ns() - _SETTLED_NANOSECONDS
        before, known = self._known, _Known[_T]()
        is_new = False
        for entry in _folders(f"{path}/{folder}"):
            self.looked_at += 1
            if entry.path in silent:
                known.add(entry.name, _UNSETTLED, self._unseen(entry.name))
                is_new = True
                continue
            status = entry.stat(follow_symlinks=False)
            # What changed within the same tick of the clock as it was looked at would not be seen: it is not settled.
            version = hash((status.st_ino, status.st_ctime_ns)) if status.st_ctime_ns < settled else _UNSETTLED
            number = before.find(entry.name, len(known.names))
            if number is None or before.versions[number] != version or version == _UNSETTLED:
                known.add(entry.name, version, self._look(path, entry.name))
                is_new = True
            else:
                known.add(before.names[number], version, before.items[number])
        if is_new or len(known.names) != len(before.names):
            self._found = known.sorted()
        self._known = known
        return self._found


class _Known(Generic[_T]):
    """What is known of each folder: rows side by side, since a tuple for each would be large. In the order read."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.versions = array("q")
        self.items: list[_T | None] = []
        self._numbers: dict[str, int] | None = None

    def add(self, name: str, version: int, item: _T | None) -> None:
        """Know one more."""
        self.names.append(name)
        self.versions.append(version)
        self.items.append(item)

    def find(self, name: str, guess: int) -> int | None:
        """The number of a folder. A directory that did not change has its entries where they were."""
        if guess < len(self.names) and self.names[guess] == name:
            return guess
        if self._numbers is None:
            self._numbers = {name: number for number, name in enumerate(self.names)}
        return self._numbers.get(name)

    def sorted(self) -> list[_T]:
        """What there is, by the names."""
        rows = sorted(zip(self.names, self.items, strict=True), key=itemgetter(0))
        return [item for _, item in rows if item is not None]


def _folders(path: str) -> Iterator[os.DirEntry[str]]:
    """The directories in a directory; none where there is no such directory."""
    try:
        with os.scandir(path) as entries:
            yield from (entry for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return


def _volume(path: str, name: str) -> Volume | None:
    """A volume of the local driver. A folder without `_data` and `opts.json` is none, as for the daemon."""
    folder = f"{path}/volumes/{name}"
    options = _document(f"{folder}/opts.json")
    # What is mounted on _data may never answer: its name in the folder does, the directory itself is not asked.
    if not options and "_data" not in folders_in(folder, links=True):
        return None
    try:
        return volume_from_disk(name, options)
    except _BAD_DOCUMENT:  # options that no engine writes: the folder is there all the same
        return volume_from_disk(name, {})


def _with_notes(volumes: Iterable[Volume], notes: Mapping[str, VolumeNote]) -> Iterator[Volume]:
    """Volumes with their labels, then those that have no folder because a plugin keeps them, by their names."""
    local = set()
    for volume in volumes:
        local.add(volume.name)
        note = notes.get(volume.name)
        yield replace(volume, labels=note.labels) if note is not None and note.labels else volume
    for name in sorted(notes.keys() - local):
        note = notes[name]
        if note.driver not in ("", "local"):
            yield Volume(name, driver=note.driver, labels=note.labels)


def _container(labels: Collection[str], path: str, name: str) -> Container | None:
    """A container; None for a folder that is half written or of another engine's making."""
    if not _CONTAINER_ID.fullmatch(name):
        return None
    folder = f"{path}/containers/{name}"
    config, host = _document(f"{folder}/config.v2.json"), _document(f"{folder}/hostconfig.json")
    try:
        container = container_from_disk(config, host, layer_of(path, config.get("Driver") or "", name), labels)
    except _BAD_DOCUMENT:
        return None
    return container if container.id == name else None


class DiskReader:
    """Reads the volumes of the local driver and the containers of a data root, these with the labels that are named."""

    def __init__(self, labels: Collection[str] = USED_LABELS) -> None:
        self.volumes = Folders(_volume, Volume)
        self._notes = VolumeNotes(labels)
        self._before: tuple[list[Volume], Mapping[str, VolumeNote], tuple[Volume, ...]] = ([], {}, ())
        self.containers = Folders(partial(_container, labels), lambda _: None)

    def all_volumes(self, path: str, silent: Collection[str] = ()) -> tuple[Volume, ...]:
        """The volumes with a folder, with the labels that the engine noted, and those that plugins keep elsewhere."""
        volumes, notes = self.volumes.read(path, "volumes", silent), self._notes.read(path)
        if self._before[0] is not volumes or self._before[1] is not notes:
            self._before = volumes, notes, tuple(_with_notes(volumes, notes))
        return self._before[2]

    @property
    def looked_at(self) -> int:
        """How many folders were looked at so far."""
        return self.volumes.looked_at + self.containers.looked_at


def layer_of(path: str, driver: str, container: str) -> str:
    """The directory name of a container's writable layer, or an empty text."""
    if "/" in driver or not driver:
        return ""
    try:
        with open(f"{path}/image/{driver}/layerdb/mounts/{container}/mount-id", encoding="ascii") as file:
            content = file.read(128)
    except (OSError, UnicodeDecodeError):
        return ""
    return content if _MOUNT_ID.fullmatch(content) else ""


def engine_id(path: str) -> str:
    """The engine's id as engines from 23.0 write it into their data root, or an empty text."""
    try:
        with open(f"{path}/engine-id", encoding="ascii") as file:
            return file.read(128).strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _engine(path: str, data_root: str, containers: tuple[Container, ...]) -> Engine:
    """What the disk tells of an engine: the driver most containers use, else the one that keeps images."""
    drivers = Counter(container.driver for container in containers if container.driver)
    drivers.update(name for name in folders_in(f"{path}/image") if os.path.isdir(f"{path}/image/{name}/layerdb"))
    drivers.update(n.removeprefix(_BUILD_INDEX) for n in folders_in(f"{path}/buildkit") if n.startswith(_BUILD_INDEX))
    driver = drivers.most_common(1)[0][0] if drivers else ""
    classic = os.path.isdir(f"{path}/image/{driver}/layerdb") or not knows(driver, "containerd")
    return Engine(
        id=engine_id(path),
        storage_driver=driver,
        image_store="graphdriver" if classic else "containerd",
        data_root=data_root,
    )


def folders_in(path: str, *, links: bool = False) -> frozenset[str]:
    """The names of the directories in a directory, none where there is no such directory. Raises OSError.

    With `links` symbolic links are among them: an administrator may have put one in the place of a directory.
    The directory alone is read, so that nothing mounted on one of them has to answer.
    """
    try:
        with os.scandir(path) as entries:
            return frozenset(e.name for e in entries if e.is_dir(follow_symlinks=False) or (links and e.is_symlink()))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _document(path: str) -> dict[str, Any]:
    """A JSON object, or an empty one when it is missing, unreadable, too large or no JSON object."""
    try:
        with open(path, "rb") as file:
            text = file.read(_LARGEST_DOCUMENT + 1)
        document = json.loads(text) if len(text) <= _LARGEST_DOCUMENT else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
