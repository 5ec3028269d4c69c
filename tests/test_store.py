"""The latest snapshot."""

from docker_storage_exporter.model.objects import Engine, Inventory
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.store import Store


def test_there_is_nothing_before_the_first_snapshot_and_then_always_the_latest():
    store = Store()
    first, second = (Snapshot(Inventory(Engine()), at=at) for at in (1.0, 2.0))

    assert store.latest is None
    store.publish(first)
    assert store.latest is first
    store.publish(second)
    assert store.latest is second
