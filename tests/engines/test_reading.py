"""containerd's databases, read while real daemons write them: never a wrong answer, and hardly ever none."""

from __future__ import annotations

import subprocess
import threading
import time

import pytest
from engine.dockerd import IMAGE, du

from docker_storage_exporter.bolt import Bucket, BusyError, read_file
from docker_storage_exporter.storage.containerd.layouts import LAYOUTS
from docker_storage_exporter.storage.containerd.metadata import namespaces_in
from docker_storage_exporter.storage.containerd.snapshots import SnapshotKind, snapshots_in

SECONDS = 20
_MOST_UNANSWERED = 0.001


def directory(engine, number):
    """Where a snapshot's files are."""
    layout = LAYOUTS[engine.store]
    return engine.containerd_root / layout.folder / f"snapshots/{number}{layout.below}"


@pytest.fixture
def database(engine):
    """The snapshotter's database."""
    if engine.store == "overlay2":
        pytest.skip("the layers are not containerd's")
    return engine.containerd_root / f"io.containerd.snapshotter.v1.{engine.store}/metadata.db"


@pytest.fixture
def churn(engine):
    """Containers that come and go, images that are imported, tagged and removed, until the test ends."""
    ended = threading.Event()

    def run(*commands):
        while not ended.is_set():
            for command in commands:
                subprocess.run(
                    [*engine.prefix, "docker", "-H", engine.host, *command], capture_output=True, check=False
                )

    work = (
        [("run", "--rm", "--network", "none", IMAGE, "/bin/busybox", "true")],
        [("create", "--name", "brief", IMAGE), ("rm", "brief")],
        [("tag", IMAGE, "busy:1"), ("image", "rm", "busy:1")],
    )
    busy = [threading.Thread(target=run, args=commands) for commands in work]
    for thread in busy:
        thread.start()
    yield
    ended.set()
    for thread in busy:
        thread.join()


def test_while_daemons_write_every_answer_is_one_that_a_transaction_left(engine, database, churn):
    metadata = engine.containerd_root / "io.containerd.metadata.v1.bolt/meta.db"
    kept = engine.docker("inspect", "--format={{.Id}}", "writer")
    reads = unanswered = 0
    transactions = set()

    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            snapshots = read_file(str(database), snapshots_in)
            namespaces = read_file(str(metadata), namespaces_in)
        except BusyError:
            unanswered += 1
            continue
        finally:
            reads += 2
        transactions |= {("snapshots", snapshots.version[1]), ("metadata", namespaces.version[1])}
        by_name = snapshots.content.by_name
        assert snapshots.content.writable[kept].kind is SnapshotKind.ACTIVE
        assert all((one.namespace, one.parent) in by_name for one in by_name.values() if one.parent)
        assert kept in namespaces.content["moby"].leases

    assert len(transactions) > 2 * SECONDS  # they were written meanwhile
    assert unanswered <= _MOST_UNANSWERED * reads


def test_the_size_of_every_committed_snapshot_is_what_du_says(engine, database):
    engine.docker("builder", "prune", "--force", "--filter", "until=24h")  # which lets containerd collect

    snapshots = read_file(str(database), snapshots_in).content

    committed = [one for one in snapshots.by_number.values() if one.kind is SnapshotKind.COMMITTED]
    assert len(committed) > 5
    for snapshot in committed:
        assert snapshot.allocated == du(directory(engine, snapshot.number)), snapshot


def test_every_database_of_the_engine_s_can_be_read(engine):
    found = [path for root in (engine.data_root, engine.containerd_root) for path in root.rglob("*.db")]
    found = [path for path in found if path.name != "local-kv.db"]

    for path in found:
        read_file(str(path), everything)
    assert {"metadata.db", "metadata_v2.db" if engine.store != "overlay2" else "snapshots.db"} <= {
        p.name for p in found
    }


def everything(bucket: Bucket) -> int:
    """How many keys there are."""
    return sum(1 for _ in bucket.items()) + sum(everything(below) for _, below in bucket.buckets())
