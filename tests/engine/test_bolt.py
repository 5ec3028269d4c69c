"""bbolt databases that a real engine writes, read while it writes them."""

from __future__ import annotations

import json
import os

import pytest

from docker_storage_exporter.bolt import read
from docker_storage_exporter.inventory.disk import read_disk

pytestmark = pytest.mark.engine


def volumes(dockerd):
    """The volumes in the engine's own database."""
    descriptor = os.open(dockerd.folder / "data/volumes/metadata.db", os.O_RDONLY)
    try:
        return read(descriptor, lambda root: dict((root.bucket(b"volumes")).items()))
    finally:
        os.close(descriptor)


def test_the_engine_s_volumes_are_read_with_their_options_while_it_has_the_database_locked(dockerd):
    dockerd.docker(
        "volume", "create", "--label", "owner=team", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "bolt-one"
    )
    dockerd.docker("volume", "create", "bolt-two")

    found = volumes(dockerd)

    assert json.loads(found[b"bolt-one"])["Labels"] == {"owner": "team"}
    assert json.loads(found[b"bolt-one"])["Options"] == {"type": "tmpfs", "device": "tmpfs"}
    assert {name.decode() for name in found} == set(dockerd.docker("volume", "ls", "-q").split())
    dockerd.docker("volume", "rm", "bolt-one", "bolt-two")
    assert not {b"bolt-one", b"bolt-two"} & volumes(dockerd).keys()


def test_every_database_below_the_data_root_can_be_read(dockerd):
    found = [path for path in (dockerd.folder / "data").rglob("*.db") if path.name != "local-kv.db"]

    for path in found:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            read(descriptor, everything)
        finally:
            os.close(descriptor)
    assert {path.name for path in found} >= {"metadata.db", "meta.db"}


def everything(bucket) -> int:
    """How many keys there are."""
    return sum(1 for _ in bucket.items()) + sum(everything(below) for _, below in bucket.buckets())


def test_without_the_engine_volumes_are_what_they_are_with_it(dockerd):
    label = "com.docker.compose.project"
    dockerd.docker("volume", "create", "--label", f"{label}=shop", "bolt-labelled")
    root = str(dockerd.folder / "data")

    found = {volume.name: volume for volume in read_disk(root, None, root, 0.0).volumes}

    (told,) = json.loads(dockerd.docker("volume", "inspect", "bolt-labelled"))
    assert found["bolt-labelled"].labels == {label: told["Labels"][label]} == {label: "shop"}
    dockerd.docker("volume", "rm", "bolt-labelled")
