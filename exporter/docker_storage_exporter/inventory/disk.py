"""What exists, read from the engine's metadata on disk: the daemon need not run.

Sources: `containers/ID/config.v2.json` and `hostconfig.json`, `image/DRIVER/layerdb/mounts/ID/mount-id`, and
`volumes/NAME` with its `opts.json`. Labels of volumes lie in a database that is not read here.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from docker_storage_exporter.errors import AccessError, NothingToMeasureError, SettingError
from docker_storage_exporter.inventory.documents import container_from_disk, volume_from_disk
from docker_storage_exporter.model import Container, Engine, Inventory, StorageRoot, Volume

_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")
_MOUNT_ID = re.compile(r"[0-9a-f]{64}")  # the daemon's own check (moby: layer/filestore.go)
_LARGEST_DOCUMENT = 16 * 1024**2
_BAD_DOCUMENT = (KeyError, TypeError, ValueError, AttributeError)
_MARKS = ("containers", "image", "volumes")


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


def read_disk(path: str, engine: Engine | None, data_root: str, at: float) -> Inventory:
    """The inventory of the data root at `path`, which the engine and the host call `data_root`.

    `engine` is what is known of it from before. What cannot be read or understood is left out. Raises OSError when
    the data root cannot be listed.
    """
    containers = tuple(read_containers(path))
    return Inventory(
        engine=engine or _engine(path, data_root, containers),
        volumes=tuple(read_volumes(path, data_root)),
        containers=containers,
        source="disk",
        at=at,
        roots=(StorageRoot(data_root),),
    )


def read_containers(path: str) -> Iterator[Container]:
    """The containers of a data root, in the order of their ids."""
    folder = f"{path}/containers"
    for name in sorted(folders_in(folder)):
        if not _CONTAINER_ID.fullmatch(name):
            continue
        config, host = _document(f"{folder}/{name}/config.v2.json"), _document(f"{folder}/{name}/hostconfig.json")
        try:
            container = container_from_disk(config, host, layer_of(path, config.get("Driver") or "", name))
        except _BAD_DOCUMENT:
            continue  # half written or of another engine's making: the next listing looks again
        if container.id == name:
            yield container


def read_volumes(path: str, data_root: str) -> Iterator[Volume]:
    """The volumes of the local driver. A folder without `_data` and `opts.json` is none, as for the daemon."""
    for name in sorted(folders_in(f"{path}/volumes")):
        folder = f"{path}/volumes/{name}"
        options = _document(f"{folder}/opts.json")
        # What is mounted on _data may never answer: its name in the folder does, the directory itself is not asked.
        if options or "_data" in folders_in(folder, links=True):
            mountpoint = f"{data_root}/volumes/{name}/_data"
            try:
                yield volume_from_disk(name, mountpoint, options)
            except _BAD_DOCUMENT:  # options that no engine writes: the folder is there all the same
                yield volume_from_disk(name, mountpoint, {})


def layer_of(path: str, driver: str, container: str) -> str:
    """The directory name of a container's writable layer, or an empty text."""
    if "/" in driver or not driver:
        return ""
    try:
        with open(f"{path}/image/{driver}/layerdb/mounts/{container}/mount-id", encoding="ascii") as file:
            found = file.read(128)
    except (OSError, UnicodeDecodeError):
        return ""
    return found if _MOUNT_ID.fullmatch(found) else ""


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
    driver = drivers.most_common(1)[0][0] if drivers else ""
    return Engine(id=engine_id(path), storage_driver=driver, data_root=data_root)


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
        found = json.loads(text) if len(text) <= _LARGEST_DOCUMENT else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
