"""A fake engine and the inventory that asks it."""

from __future__ import annotations

import pytest
from fake_engine import FakeEngine, good_answers

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.settings import from_texts


@pytest.fixture
def data_root(tmp_path):
    """An empty data root."""
    root = tmp_path / "docker"
    for name in ("containers", "volumes", "overlay2", "image/overlay2/layerdb/mounts"):
        (root / name).mkdir(parents=True)
    return root


@pytest.fixture
def engine(tmp_path, data_root):
    """A fake engine on that data root, with one container that lies there."""
    made = FakeEngine(tmp_path / "fake.sock", good_answers(str(data_root)))
    yield made
    made.close()


@pytest.fixture
def inventory_of():
    """An inventory of a fake engine; more settings by field name."""
    made = []

    def make(engine: FakeEngine, **texts: str) -> CurrentInventory:
        settings = from_texts({"docker_host": engine.host, "docker_timeout": "500ms", **texts}, {})
        made.append(CurrentInventory(settings, Host(), EngineClient(settings)))
        return made[-1]

    yield make
    for inventory in made:
        inventory.close()
