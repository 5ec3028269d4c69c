"""The engine's JSON documents as model values: what the API answers, and the same facts as they lie on disk.

Both spellings of a container end in the same `Container`; that is what makes the two readers interchangeable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from docker_storage_exporter.model.labels import USED_LABELS
from docker_storage_exporter.model.objects import CONTAINER_STATES, Container, Engine, LogSettings, Mount, Volume
from docker_storage_exporter.model.times import epoch_seconds
from docker_storage_exporter.settings import size

_Document = Mapping[str, Any]
_ID = re.compile(r"[0-9a-f]{64}")
_SHM = "/dev/shm"  # noqa: S108 - the container's
_NO_LABELS: Mapping[str, str] = {}  # one for all: most volumes have none
_LOCAL_LOG_BYTES = 20 * 1024**2 * 5  # the local driver's defaults: max-size 20m, max-file 5


def engine_from_info(info: _Document, product: str) -> Engine:
    """The engine from GET /info. Raises KeyError when the data root is missing."""
    status = [tuple(pair) for pair in info.get("DriverStatus") or []]
    containerd = ("driver-type", "io.containerd.snapshotter.v1") in status
    return Engine(
        product=product,
        id=as_text(info.get("ID")),
        version=as_text(info.get("ServerVersion")),
        storage_driver=as_text(info.get("Driver")),
        image_store="containerd" if containerd else "graphdriver",
        data_root=as_text(info["DockerRootDir"]),
        containerd_address=as_text((info.get("Containerd") or {}).get("Address")),
    )


def volume_from_api(document: _Document, labels: Collection[str] = USED_LABELS) -> Volume:
    """A volume from an item of GET /volumes, with the `labels` of these names.

    Raises KeyError, TypeError or ValueError for what is no such item.
    """
    options = document.get("Options") or {}
    local = document.get("Driver") == "local"
    return _volume(
        name=_part_of_a_path(document["Name"]) if local else as_text(document["Name"]),
        driver=as_text(document.get("Driver")),
        scope=as_text(document.get("Scope")) or "local",
        labels=wanted_labels(document.get("Labels"), labels),
        type_=as_text(options.get("type")) if local else "",
        mount_options=as_text(options.get("o")),
        device=as_text(options.get("device")) if local else "",
        limit=_size(options.get("size")) if local else None,
    )


def volume_from_disk(name: str, options: _Document) -> Volume:
    """A volume of the local driver from its folder and `opts.json` (moby: daemon/volume/local)."""
    quota = options.get("Quota") or {}
    return _volume(
        name=name,
        driver="local",
        scope="local",
        labels=_NO_LABELS,
        type_=as_text(options.get("MountType")),
        mount_options=as_text(options.get("MountOpts")),
        device=as_text(options.get("MountDevice")),
        limit=int(quota.get("Size") or 0) or None,
    )


def _volume(*, type_: str, mount_options: str, device: str, limit: int | None, **facts: Any) -> Volume:
    bind = {"bind", "rbind"} & set(mount_options.split(","))
    filesystem = "bind" if bind else type_
    return Volume(**facts, filesystem=filesystem, device=device, limit_bytes=None if filesystem else limit)


def container_from_inspect(document: _Document, labels: Collection[str] = USED_LABELS) -> Container:
    """A container from GET /containers/ID/json, with the `labels` of these names.

    Raises KeyError, TypeError or ValueError for what is no such answer.
    """
    config, host = document.get("Config") or {}, document.get("HostConfig") or {}
    state, graph = document["State"], document.get("GraphDriver") or {}
    snapshot = ((document.get("Storage") or {}).get("RootFS") or {}).get("Snapshot") or {}  # instead of it from 29 on
    return _container(
        id_=_identity(document["Id"]),
        name=as_text(document.get("Name")),
        document=document,
        config=config,
        host=host,
        state=state["Status"] if state.get("Status") in CONTAINER_STATES else _state(state),
        pid=int(state.get("Pid") or 0),
        mounts=_mounts(document.get("Mounts") or [], host),
        driver=as_text(document.get("Driver") or graph.get("Name") or snapshot.get("Name")),
        layer=_layer(graph.get("Data") or {}),
        labels=wanted_labels(config.get("Labels"), labels),
    )


def container_from_disk(
    document: _Document, host: _Document, layer: str, labels: Collection[str] = USED_LABELS
) -> Container:
    """The same container from `config.v2.json` and `hostconfig.json`. Raises like container_from_inspect."""
    state = document["State"]
    points = [
        {**point, "Name": point.get("Name") or "", "Destination": point.get("Destination") or destination}
        for destination, point in (document.get("MountPoints") or {}).items()
    ]
    return _container(
        id_=as_text(document["ID"]),
        name=as_text(document.get("Name")),
        document=document,
        config=document.get("Config") or {},
        host=host,
        state=_state(state),
        pid=int(state.get("Pid") or 0),
        mounts=_mounts(points, host),
        driver=as_text(document.get("Driver")),
        layer=layer,
        labels=wanted_labels((document.get("Config") or {}).get("Labels"), labels),
    )


def _container(*, id_: str, document: _Document, config: _Document, host: _Document, **facts: Any) -> Container:
    name = facts.pop("name").lstrip("/") or id_[:12]
    return Container(
        id=id_,
        name=name,
        image_id=as_text(document.get("Image")),
        image=as_text(config.get("Image")),
        created=epoch_seconds(as_text(document.get("Created"))),
        log=_log(host.get("LogConfig") or {}),
        layer_limit_bytes=_size((host.get("StorageOpt") or {}).get("size")),
        **facts,
    )


def _state(state: _Document) -> str:
    """The engine's own order of precedence (moby: State.StateString).

    A removal that is noted on disk has failed or will be found to have failed: the daemon calls such a container dead
    as soon as it reads the note (moby: Daemon.restore).
    """
    if state.get("Running"):
        return "paused" if state.get("Paused") else "restarting" if state.get("Restarting") else "running"
    if state.get("Dead") or state.get("RemovalInProgress"):
        return "dead"
    return "created" if str(state.get("StartedAt") or "").startswith("0001-") else "exited"


def _mounts(points: Iterable[_Document], host: _Document) -> tuple[Mount, ...]:
    """All mounts: the engine's list, and what only HostConfig knows.

    That is --tmpfs, and the /dev/shm that nearly every container has.
    """
    mounts = {}
    for point in points:
        destination, kind = as_text(point["Destination"]), as_text(point.get("Type"))
        mounts[destination] = Mount(
            type=kind,
            source=as_text({"volume": point.get("Name"), "bind": point.get("Source")}.get(kind)),
            destination=destination,
            access="rw" if point.get("RW") else "ro",
        )
    for destination, options in (host.get("Tmpfs") or {}).items():
        clean = os.path.normpath(destination)
        access = "ro" if "ro" in (options or "").split(",") else "rw"
        mounts.setdefault(clean, Mount(type="tmpfs", source="", destination=clean, access=access))
    if _has_own_shm(host):
        mounts.setdefault(_SHM, Mount(type="tmpfs", source="", destination=_SHM))
    return tuple(mounts[destination] for destination in sorted(mounts))


def _has_own_shm(host: _Document) -> bool:
    """Whether a container has a /dev/shm that is not the host's or another container's (moby: container/ipcmode)."""
    mode = as_text(host.get("IpcMode"))
    return bool(host.get("ShmSize")) and mode not in ("host", "none") and not mode.startswith("container:")


def _layer(data: _Document) -> str:
    """The layer's directory name from GraphDriver.Data.UpperDir, …/NAME/diff; empty where there is none."""
    path = data.get("UpperDir")
    return _part_of_a_path(os.path.basename(os.path.dirname(as_text(path)))) if path else ""


def _log(config: _Document) -> LogSettings:
    driver, options = as_text(config.get("Type")), config.get("Config") or {}
    files = options.get("max-file")
    if driver == "json-file":
        # json-file reads max-size in powers of 1000, local in powers of 1024 (moby: units.FromHumanSize, RAMInBytes)
        limit = _size(options.get("max-size"), base=1000)
        return LogSettings(driver, limit * int(files or 1) if limit else None)
    if driver == "local":
        limit = _size(options.get("max-size"))
        return LogSettings(driver, limit * int(files or 5) if limit else _LOCAL_LOG_BYTES // 5 * int(files or 5))
    return LogSettings(driver)


def _size(text: Any, base: int = 1024) -> int | None:
    """A size option; None when there is none, none is set, or the engine understands it and we do not."""
    try:
        return size(str(text), base=base) or None if text else None
    except ValueError:
        return None


def as_text(value: Any) -> str:
    """A text, empty for null. What is neither would only be found out on the page, so it is refused here."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} stands where a text is expected")
    return value


def _part_of_a_path(value: Any) -> str:
    """A name that becomes part of a path. Raises ValueError for one that would lead elsewhere."""
    name = as_text(value)
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r:.40} is no name")
    return name


def _identity(value: Any) -> str:
    """A container's id, which becomes part of a path. Raises ValueError for what no engine makes."""
    identity = as_text(value)
    if not _ID.fullmatch(identity):
        raise ValueError(f"{identity!r:.40} is no container's id")
    return identity


def wanted_labels(value: Any, wanted: Collection[str]) -> Mapping[str, str]:
    """Those labels that are wanted: a container may have a megabyte of others."""
    return {key: as_text(found) for key, found in (value or {}).items() if key in wanted} or _NO_LABELS
