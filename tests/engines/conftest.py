"""Engines of today, each in a tree and a mount namespace of its own: see `make test-engines`."""

from __future__ import annotations

import pytest
from conftest import need
from engine.dockerd import IMAGE, Running

from docker_storage_exporter.settings import from_texts
from engines.newer import TREE, NewerEngine

STORES = {
    "overlayfs": ("overlayfs", False),
    "native": ("native", False),
    "overlay2": ("overlay2", False),
    "managed": ("overlayfs", True),
}


def pytest_collection_modifyitems(items):
    """Engines are slow to start: the tests of one follow each other."""
    for item in items:
        item.add_marker(pytest.mark.engine)


@pytest.fixture(scope="module", params=STORES)
def engine(request, tmp_path_factory):
    """An engine with the same containers, images and volumes on each store."""
    need("busybox", "nsenter", "unshare", "findmnt", "curl", root=True)
    if not (TREE / "usr/sbin/dockerd").exists():
        pytest.skip("needs the tree of engines that make test-engines makes")
    store, managed = STORES[request.param]
    engine = NewerEngine(tmp_path_factory.mktemp(request.param), store, managed=managed)
    try:
        engine.start()
        fill(engine)
        yield engine
    finally:
        engine.clean_up()


def fill(engine):
    """Containers in every state, images that share layers and one that does not, build cache, a volume."""
    engine.import_image(engine.folder / "image")
    engine.docker("tag", IMAGE, "busybox:alias")
    engine.run("writer", "dd if=/dev/zero of=/written bs=1024 count=3000; truncate -s 10M /sparse; ln /written /link")
    engine.docker("run", "--network", "none", "--name", "done", IMAGE, "dd", "if=/dev/zero", "of=/w", "count=900")
    engine.docker("create", "--name", "idle", IMAGE, "true")
    engine.docker("volume", "create", "--label", "com.docker.compose.project=shop", "orders")
    engine.run("keeper", "dd if=/dev/zero of=/data/rows bs=1024 count=700", "--volume", "orders:/data")
    engine.build("built:1", f"FROM {IMAGE}\nRUN dd if=/dev/zero of=/layer bs=1024 count=1500\nRUN touch /empty\n")
    engine.docker("commit", "done", "kept:1")


@pytest.fixture
def exporter():
    """Start exporters beside the engine; each ends with the test."""
    started: list[Running] = []

    def start(**texts: str) -> Running:
        quick = {"scan_interval": "500ms", "publish_interval": "200ms", "inventory_interval": "1s", "scan_duty": "1"}
        started.append(Running(from_texts(quick | {"web_listen_address": "127.0.0.1:0"} | texts)))
        return started[-1]

    yield start
    for running in started:
        running.exporter.stop()
