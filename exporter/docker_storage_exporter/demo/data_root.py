"""A data root made up for a newcomer: what a small Docker host has on disk, part of it growing while you watch.

The layout is that of a real engine with overlay2, so that everything that reads a data root reads this one. Where it
may mount, the data root is a disk of its own, one volume has a filesystem of its own, and containers have a tmpfs at
/dev/shm that they share (--ipc=shareable), which an engine mounts below the data root. Any other tmpfs mount of a
container is believed only from a process whose cgroup names the container, and a demo has no cgroups.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from docker_storage_exporter.demo.files import fill, hexadecimal, write
from docker_storage_exporter.demo.images import build_images, image_id
from docker_storage_exporter.demo.mounts import mount_tmpfs, unmount
from docker_storage_exporter.threads import NamedThread

_log = logging.getLogger(__name__)
_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class _Container:
    name: str
    image: str
    project: str = ""
    state: str = "running"
    layer_bytes: int = 64 * _KIB
    log_bytes: int = 16 * _KIB
    shm_bytes: int = 0
    volumes: Mapping[str, str] = field(default_factory=dict)
    binds: Mapping[str, str] = field(default_factory=dict)
    log_options: Mapping[str, str] = field(default_factory=dict)


_VOLUMES = {
    "shop_db-data": 12 * _MIB,
    "shop_db-backup": 6 * _MIB,
    "shop_uploads": 3 * _MIB,
    "shop_search-index": 2 * _MIB,
    "shop_cache": 640 * _KIB,
    "ci_registry": 8 * _MIB,
    "ci_runner-cache": 4 * _MIB,
    "monitoring_tsdb": 2560 * _KIB,
    "monitoring_grafana": 256 * _KIB,
    "mail_spool": 1 * _MIB,
    "old-wordpress": 5 * _MIB,
    hashlib.sha256(b"anonymous").hexdigest(): 1536 * _KIB,
}
_CONTAINERS = (
    _Container(
        "shop-db-1",
        "postgres:17",
        "shop",
        shm_bytes=2 * _MIB,
        volumes={"shop_db-data": "/var/lib/postgresql/data"},
    ),
    _Container("shop-backup-1", "postgres:17", "shop", "exited", volumes={"shop_db-backup": "/backup"}),
    _Container("shop-web-1", "shop/web:4.2", "shop", layer_bytes=768 * _KIB, volumes={"shop_uploads": "/srv/uploads"}),
    _Container("shop-search-1", "opensearch:2", "shop", volumes={"shop_search-index": "/data"}, log_bytes=768 * _KIB),
    _Container("shop-cache-1", "redis:8", "shop", volumes={"shop_cache": "/data"}),
    _Container("ci-registry-1", "registry:3", "ci", volumes={"ci_registry": "/var/lib/registry"}),
    _Container(
        "ci-runner-1",
        "ci/runner:9",
        "ci",
        layer_bytes=4608 * _KIB,
        shm_bytes=384 * _KIB,
        volumes={"ci_runner-cache": "/cache"},
    ),
    _Container("monitoring-prometheus-1", "prometheus:3", "monitoring", volumes={"monitoring_tsdb": "/prometheus"}),
    _Container("monitoring-grafana-1", "grafana:12", "monitoring", volumes={"monitoring_grafana": "/var/lib/grafana"}),
    _Container("mail-1", "mail:1", volumes={"mail_spool": "/var/mail"}, binds={"mail-config": "/etc/mail"}),
    _Container("proxy", "caddy:2", binds={"site": "/srv/site"}, log_options={"max-size": "10m", "max-file": "3"}),
    _Container("batch-import", "importer:1", state="created", log_bytes=0, binds={"import": "/import"}),
)
_GROWING_VOLUMES = {"shop_db-data": 64 * _KIB, "monitoring_tsdb": 32 * _KIB, "ci_runner-cache": 128 * _KIB}
_GROWING_LOG, _LOG_STEP = "shop-search-1", 8 * _KIB
_FULL_PACE_STEPS = 240
_LIMITS = {"ci_registry": "10m", "shop_db-backup": "1g"}  # quotas, of which the first is nearly used up
_DISK = "size=256m"  # of memory as it is used: at first 80 MiB, never more than 200
_TMPFS_VOLUME, _TMPFS_OPTIONS = "shop_cache", "size=16m"  # docker volume create --opt type=tmpfs --opt o=size=16m
_SHM_BYTES = 64 * _MIB  # the engine's default of --shm-size
_ENGINE_ID = "demo-engine"
_GROWING_LAYER, _LAYER_STEP = "ci-runner-1", 16 * _KIB


class Demo:
    """A generated data root below `folder`, which has to exist and be empty. `data_root` is its path.

    `mounting` says that this process may mount, and in a namespace of its own: see `enter_namespace`.
    """

    def __init__(self, folder: str, *, mounting: bool = False) -> None:
        self.data_root = f"{folder}/docker"
        self._mounting = mounting
        self._hosts_folders = f"{folder}/srv"
        self._stopping = threading.Event()
        self._steps = 0
        self._growing: threading.Thread | None = None
        self._inspected: dict[str, dict[str, Any]] = {}

    def build(self) -> None:
        """Write everything. Raises OSError, for one when the disk is full."""
        self._mount(self.data_root, _DISK)
        for name, size in _VOLUMES.items():
            self._build_volume(name, size)
        build_images(self.data_root)
        for number, container in enumerate(_CONTAINERS):
            self._build_container(container, datetime.now(timezone.utc) - timedelta(days=3 + number))

    def grow(self) -> None:
        """Let the growing objects grow by one step. Raises OSError.

        They keep growing, ever more slowly, up to twice what the steps at full pace add: a demo that is left alone
        neither fills the disk nor falls back, which a rule would take for a deletion.
        """
        self._steps += 1
        pace = min(1.0, (_FULL_PACE_STEPS / self._steps) ** 2)
        for name, step in _GROWING_VOLUMES.items():
            _extend(f"{self.data_root}/volumes/{name}/_data/data-grown", int(step * pace))
        _extend(f"{self._layer(_GROWING_LAYER)}/diff/tmp/job", int(_LAYER_STEP * pace))
        _append_log(self._log(_GROWING_LOG), int(_LOG_STEP * pace))

    def start_growing(self, seconds: float) -> None:
        """Grow by one step every so many seconds, in a thread that ends with the process or after `stop`."""
        self._growing = NamedThread(target=self._keep_growing, args=(seconds,), name="demo", daemon=True)
        self._growing.start()

    def stop(self) -> None:
        """Do not grow any more: once this returns nothing is written again."""
        self._stopping.set()
        if self._growing is not None:
            self._growing.join()

    def close(self) -> None:
        """Stop, and unmount what was mounted, so that the folder can be removed. Raises OSError."""
        self.stop()
        if self._mounting and os.path.ismount(self.data_root):
            unmount(self.data_root)

    def _keep_growing(self, seconds: float) -> None:
        while not self._stopping.wait(seconds):
            try:
                self.grow()
            except OSError as error:
                _log.warning("the demo cannot grow: %s", error.strerror)

    def info(self) -> dict[str, Any]:
        """GET /info."""
        return {
            "ID": _ENGINE_ID,
            "ServerVersion": "27.5.1",
            "Driver": "overlay2",
            "DriverStatus": [["Backing Filesystem", "extfs"]],
            "DockerRootDir": self.data_root,
        }

    def volumes(self) -> dict[str, Any]:
        """GET /volumes."""
        return {"Volumes": [self._volume(name) for name in _VOLUMES]}

    def containers(self) -> list[dict[str, Any]]:
        """GET /containers/json."""
        return [
            {"Id": hexadecimal("container", one.name), "Names": [f"/{one.name}"], "State": one.state}
            for one in _CONTAINERS
        ]

    def inspect(self, identity: str) -> dict[str, Any] | None:
        """GET /containers/ID/json; None for an unknown one."""
        return self._inspected.get(identity)

    def _volume(self, name: str) -> dict[str, Any]:
        project, mark, short = name.partition("_")
        labels = {"com.docker.compose.project": project, "com.docker.compose.volume": short} if mark else None
        options = {"size": _LIMITS[name]} if name in _LIMITS else None
        if self._is_tmpfs(name):
            options = {"type": "tmpfs", "device": "tmpfs", "o": _TMPFS_OPTIONS}
        return {
            "Name": name,
            "Driver": "local",
            "Scope": "local",
            "Mountpoint": f"{self.data_root}/volumes/{name}/_data",
            "Labels": labels,
            "Options": options,
        }

    def _is_tmpfs(self, volume: str) -> bool:
        return self._mounting and volume == _TMPFS_VOLUME

    def _mount(self, path: str, options: str) -> None:
        os.makedirs(path, exist_ok=True)
        if self._mounting:
            mount_tmpfs(path, options)

    def _layer(self, name: str) -> str:
        return f"{self.data_root}/overlay2/{hexadecimal('layer', name)}"

    def _log(self, name: str) -> str:
        identity = hexadecimal("container", name)
        return f"{self.data_root}/containers/{identity}/{identity}-json.log"

    def _build_volume(self, name: str, size: int) -> None:
        folder = f"{self.data_root}/volumes/{name}"
        if self._is_tmpfs(name):
            self._mount(f"{folder}/_data", _TMPFS_OPTIONS)
            options = {"MountType": "tmpfs", "MountOpts": _TMPFS_OPTIONS, "MountDevice": "tmpfs"}
            write(f"{folder}/opts.json", json.dumps(options))
        fill(f"{folder}/_data/data-000000", size)

    def _build_container(self, container: _Container, created: datetime) -> None:
        identity, layer = hexadecimal("container", container.name), hexadecimal("layer", container.name)
        write(f"{self.data_root}/image/overlay2/layerdb/mounts/{identity}/mount-id", layer)
        fill(f"{self._layer(container.name)}/diff/var/cache/data", container.layer_bytes)
        _append_log(self._log(container.name), container.log_bytes)
        for source in container.binds:
            fill(f"{self._hosts_folders}/{source}/content", 768 * _KIB)
        folder = f"{self.data_root}/containers/{identity}"
        config = self._config(container, identity, created)
        write(f"{folder}/config.v2.json", json.dumps(config))
        host: dict[str, Any] = {"LogConfig": {"Type": "json-file", "Config": dict(container.log_options)}}
        if self._mounting and container.shm_bytes:
            host |= {"IpcMode": "shareable", "ShmSize": _SHM_BYTES}
            self._mount(f"{folder}/mounts/shm", f"size={_SHM_BYTES}")
            fill(f"{folder}/mounts/shm/PostgreSQL.1", container.shm_bytes)
        write(f"{folder}/hostconfig.json", json.dumps(host))
        upper = f"{self._layer(container.name)}/diff"
        self._inspected[identity] = {
            **{key: config[key] for key in ("Name", "Created", "Driver", "Image", "Config", "State")},
            "Id": identity,
            "HostConfig": host,
            "GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": upper}},
            "Mounts": list(config["MountPoints"].values()),
        }

    def _config(self, container: _Container, identity: str, created: datetime) -> dict[str, Any]:
        started = created if container.state != "created" else datetime(1, 1, 1, tzinfo=timezone.utc)
        labels = {}
        if container.project:
            service = container.name.removeprefix(container.project + "-").removesuffix("-1")
            labels = {"com.docker.compose.project": container.project, "com.docker.compose.service": service}
        volumes = {
            destination: {"Type": "volume", "Name": name, "Destination": destination, "Driver": "local", "RW": True}
            for name, destination in container.volumes.items()
        }
        binds = {
            to: {"Type": "bind", "Source": f"{self._hosts_folders}/{source}", "Destination": to, "RW": False}
            for source, to in container.binds.items()
        }
        return {
            "ID": identity,
            "Name": f"/{container.name}",
            "Created": created.isoformat(),
            "Driver": "overlay2",
            "Image": image_id(container.image),
            "Config": {"Image": container.image, "Labels": labels},
            "State": {"Running": container.state == "running", "Pid": 0, "StartedAt": started.isoformat()},
            "MountPoints": {**volumes, **binds},
        }


def _extend(path: str, size: int) -> None:
    """Make a file longer by so many bytes that take their room on disk."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "ab") as file:
        file.write(b"." * size)


def _append_log(path: str, size: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    line = json.dumps({"log": "GET /index.html 200\n", "stream": "stdout"}) + "\n"
    with open(path, "a", encoding="utf-8") as file:
        file.write(line * (size // len(line)))
