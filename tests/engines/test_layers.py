"""Writable layers on every store that an engine of today has: with the engine up, down, and back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from engine.dockerd import du

LAYER = "docker_container_layer_allocated_bytes"
VOLUME = "docker_volume_allocated_bytes"
CONTAINERS = ("writer", "done", "idle", "keeper")


def layer_path(engine, name):
    """Where a container's layer is, as the store itself tells it."""
    identity = engine.docker("inspect", "--format={{.Id}}", name)
    if engine.store == "overlay2":
        return engine.layer_path(identity)
    shown = engine.ctr("snapshots", "--snapshotter", engine.store, "mounts", "/mnt", identity)
    return Path(re.search(r"upperdir=([^, ]+)|-t bind (\S+)", shown)[0].rpartition("=")[2].rpartition(" ")[2])


def sizes(page):
    """What the page says of layers and of the volume."""
    return {**page.by("container", LAYER), **page.by("volume", VOLUME)}


def measured(page):
    """Whether every layer is on the page, and the volume."""
    return sizes(page).keys() == {*CONTAINERS, "orders"}


@pytest.fixture
def oracle(engine):
    """What `du` says of each of them."""
    return {name: du(layer_path(engine, name)) for name in CONTAINERS} | {"orders": du(engine.volume_path("orders"))}


def test_every_layer_is_what_du_says_with_the_engine_up_down_and_back(engine, oracle, exporter):
    running = exporter(docker_host=engine.host)
    up = running.wait_for(lambda page: sizes(page) == oracle, "the sizes that du tells")
    assert up.value("docker_engine_up", engine="docker") == 1

    engine.stop_all()
    down = running.wait_for(lambda page: page.value("docker_engine_up", engine="docker") == 0, "the engine to be down")
    assert sizes(down).keys() == oracle.keys()
    assert {name: sizes(down)[name] for name in ("done", "idle", "orders")} == {
        name: oracle[name] for name in ("done", "idle", "orders")
    }

    cold = exporter(docker_host="unix:///nowhere", path_data_root=str(engine.data_root), **containerd_root(engine))
    found = cold.wait_for(measured, "the sizes without an engine")
    assert sizes(found) == sizes(down)
    label = {"volume": "orders", "driver": "local", "scope": "local", "anonymous": "false"}
    assert found.value("docker_volume_info", **label, compose_project="shop", compose_volume="") == 1

    engine.start()
    engine.docker("start", "writer", "keeper")
    back = running.wait_for(lambda page: page.value("docker_engine_up", engine="docker") == 1 and measured(page))
    assert sizes(back).keys() == oracle.keys()


def containerd_root(engine):
    """The root to name where no engine, and no process, tells of it."""
    return {} if engine.store == "overlay2" else {"path_containerd_root": str(engine.containerd_root)}


def test_on_containerd_s_store_the_engine_says_the_same(engine, exporter):
    if engine.store == "overlay2":
        pytest.skip("the engine's own number is the apparent size there")

    page = exporter(docker_host=engine.host).wait_for(measured)

    for name in CONTAINERS:
        told = int(engine.docker("inspect", "--size", "--format={{.SizeRw}}", name))
        assert page.value(LAYER, container=name) == told


def test_the_root_of_the_layers_is_on_the_page_with_its_role(engine, exporter):
    page = exporter(docker_host=engine.host).wait_for(measured)

    labels = [dict(labels) for name, labels in page.samples if name == "docker_storage_root_info"]
    roots = {each["role"]: each["root"] for each in labels}
    expected = {} if engine.store == "overlay2" else {"images": str(engine.containerd_root)}
    assert roots == {"data": str(engine.data_root), **expected}
