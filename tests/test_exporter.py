"""The whole exporter in one process, on data roots without an engine that hold what nobody expects."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import need
from engine.dockerd import Running, du

from docker_storage_exporter.demo.data_root import Demo
from docker_storage_exporter.settings import from_texts
from docker_storage_exporter.sizer import implementation
from waiting import wait_until

HOSTILE = (b"\xff", b"new\nline", b'quo"te', b"back\\slash", b"tab\tcr\r", "ünï-😀".encode(), b"{}", b"$(id)", b"a b")


@pytest.fixture
def demo(tmp_path):
    """A generated data root."""
    made = Demo(str(tmp_path))
    made.build()
    subprocess.run(["sync", "-f", made.data_root], check=True)  # ext4 allocates blocks late
    return made


@pytest.fixture
def exporter(demo, tmp_path):
    """Start an exporter on it; it ends with the test."""
    started = []

    def start(**texts):
        quick = {"scan_interval": "200ms", "publish_interval": "100ms", "inventory_interval": "300ms", "scan_duty": "1"}
        quick |= {"docker_host": f"unix://{tmp_path}/none.sock", "path_data_root": demo.data_root}
        started.append(Running(from_texts(quick | {"web_listen_address": "127.0.0.1:0"} | texts)))
        return started[-1]

    yield start
    for running in started:
        running.exporter.stop()


def test_every_size_of_the_demo_is_dus(demo, exporter):
    page = exporter().settled()

    volumes = page.by("volume", "docker_volume_allocated_bytes")
    assert len(volumes) == 12
    assert volumes == {name: du(f"{demo.data_root}/volumes/{name}/_data") for name in volumes}
    assert len(page.by("container", "docker_container_layer_allocated_bytes")) == 12
    assert len(page.by("source", "docker_bind_mount_allocated_bytes")) == 3


def test_its_threads_have_names_that_top_shows(exporter):
    exporter().settled()

    names = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread may end meanwhile
            names.add((task / "comm").read_text().strip())
    assert {"inventory", "publish", "space", "measure-small", "measure-large", "events", "watch", "web"} <= names


def test_the_page_renders_whatever_volumes_are_called(demo, exporter):
    for name in HOSTILE:
        os.makedirs(os.fsencode(demo.data_root) + b"/volumes/" + name + b"/_data")

    page = exporter().settled()

    volumes = page.by("volume", "docker_volume_allocated_bytes")
    assert {r"\xff", "new\nline", 'quo"te', r"back\slash", "tab\tcr\r", "ünï-😀"} < volumes.keys()
    assert len(volumes) == 12 + len(HOSTILE)
    need("promtool")
    checked = subprocess.run(["promtool", "check", "metrics"], input=page.text.encode(), capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, b"")


def test_a_volume_that_is_deleted_by_hand_leaves_the_page_without_a_trace(demo, exporter):
    running = exporter()
    running.settled()

    shutil.rmtree(f"{demo.data_root}/volumes/old-wordpress")

    page = running.wait_for(lambda page: 'volume="old-wordpress"' not in page.text)
    assert not any(page.by("reason", "docker_storage_unmeasured_objects").values())


def test_volumes_that_come_and_go_all_the_time_never_take_the_page_down(demo, exporter):
    running = exporter()
    for _ in range(60):
        folder = f"{demo.data_root}/volumes/fleeting/_data"
        for sub in range(20):
            os.makedirs(f"{folder}/{sub}/deep", exist_ok=True)
        facts = {"version": "0.1.0", "revision": "", "sizer": implementation, "engine": "docker"}
        assert running.page().value("docker_storage_exporter_build_info", **facts)
        shutil.rmtree(f"{demo.data_root}/volumes/fleeting")

    page = running.wait_for(lambda page: 'volume="fleeting"' not in page.text)
    assert len(page.by("volume", "docker_volume_allocated_bytes")) == 12


def test_a_data_root_that_is_moved_away_and_back_costs_freshness_only(demo, exporter):
    running = exporter()
    before = running.settled().by("volume", "docker_volume_allocated_bytes")

    os.rename(demo.data_root, f"{demo.data_root}.away")
    gone = running.wait_for(lambda page: page.value("docker_storage_filesystem_size_bytes") is None)
    assert gone.value("docker_engine_up", engine="docker") == 0
    os.rename(f"{demo.data_root}.away", demo.data_root)

    page = running.wait_for(
        lambda page: page.by("volume", "docker_volume_allocated_bytes") == before, "the old numbers"
    )
    assert page.value("docker_engine_up", engine="docker") == 0


def test_a_growing_volume_grows_on_the_page(demo, exporter):
    running = exporter()
    before = running.settled().value("docker_volume_apparent_bytes", volume="shop_db-data")

    demo.grow()

    running.wait_for(
        lambda page: page.value("docker_volume_apparent_bytes", volume="shop_db-data") == before + 64 * 1024
    )


def test_stopping_leaves_no_thread_and_no_descriptor_behind(demo, exporter):
    warm_up = exporter()  # makes whatever is made once and kept
    warm_up.settled()
    warm_up.exporter.stop()
    gc.collect()  # sockets of refused connections, see filterwarnings
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    running = exporter()
    running.settled()

    running.exporter.stop()

    wait_until(lambda: threading.active_count() <= threads, "threads to end")
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1  # the view of the mounts, until it is collected
