"""Whatever stands anywhere in an engine's documents, the rest of the host is still listed, measured and shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from docker_storage_exporter.collector.objects import samples
from docker_storage_exporter.collector.text import block
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.schedule.once import measure_everything
from docker_storage_exporter.settings import from_texts
from docker_storage_exporter.sizer import Control

ID, OTHER = "a" * 64, "b" * 64
CONFIG = {
    "ID": ID,
    "Name": "/x",
    "Created": "2025-01-01T00:00:00Z",
    "Driver": "overlay2",
    "Image": "sha256:1",
    "Config": {"Image": "b", "Labels": {"a": "b"}},
    "State": {"Running": True, "Pid": 3, "StartedAt": "2025-01-01T00:00:00Z"},
    "MountPoints": {
        "/d": {"Type": "volume", "Name": "v", "Destination": "/d", "Driver": "local", "RW": True},
        "/e": {"Type": "bind", "Source": "/etc/hostname", "Destination": "/e", "RW": True},
    },
}
HOST = {
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
    "Tmpfs": {"/t": "ro"},
    "StorageOpt": {"size": "1g"},
}
OPTIONS = {"MountType": "", "MountOpts": "", "MountDevice": "", "Quota": {"Size": 4096}}
ODD: tuple[Any, ...] = (
    None, 0, -1, 1e308, True, "", "x", "a\0b", "/a\0b", "/\ud800", "\udcff", [], {}, ["x"], {"x": 1},
    "9" * 400, "9" * 400 + "m", 10**30, "0001-01-01T00:00:00+14:00", "2025-13-01T00:00:00Z",
)  # fmt: skip


def paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield from paths(value, (*path, key))


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a document with something else at one place."""
    if not path:
        return value
    copy = json.loads(json.dumps(document))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


@pytest.fixture
def listed(data_root):
    """Write the mutated documents beside good ones; what is shown then, as volume and container names."""
    folders = {identity: data_root / "containers" / identity for identity in (ID, OTHER)}
    for folder in folders.values():
        folder.mkdir()
    for name in ("v", "good"):
        (data_root / "volumes" / name / "_data").mkdir(parents=True)
    settings = from_texts({"docker_host": f"unix://{data_root}/none", "path_data_root": str(data_root)}, {})

    def show(config: Any, host: Any, options: Any) -> set[str]:
        for identity, document in ((ID, config), (OTHER, CONFIG | {"ID": OTHER, "Name": "/good"})):
            (folders[identity] / "config.v2.json").write_text(json.dumps(document))
            (folders[identity] / "hostconfig.json").write_text(json.dumps(host if identity == ID else HOST))
        (data_root / "volumes/v/opts.json").write_text(json.dumps(options))
        inventory = CurrentInventory(settings, Host(), EngineClient(settings))
        snapshot = measure_everything(settings, inventory.renew(), Host(), lambda *_: None, Control())
        for family, found in samples(snapshot, ("a",)):
            block(family, found)
        return {row.label for kind in (Kind.VOLUME, Kind.LAYER) for row in snapshot.of(kind)}

    return show


@pytest.mark.parametrize("mutated", ["config", "host", "options"])
def test_any_value_anywhere_costs_at_most_its_own_object(listed, mutated):
    documents = {"config": CONFIG, "host": HOST, "options": OPTIONS}
    for path in paths(documents[mutated]):
        for value in ODD:
            changed = documents | {mutated: with_value(documents[mutated], path, value)}

            shown = listed(changed["config"], changed["host"], changed["options"])

            assert shown >= {"good", "v"}, (path, value)
