"""Demo: a data root like a real one, part of it growing ever more slowly, and an engine for it."""

import json
import os
import subprocess
import sys
import threading

import pytest
from conftest import may_mount, need

from docker_storage_exporter.demo import data_root as module
from docker_storage_exporter.demo.data_root import Demo
from docker_storage_exporter.demo.engine import DemoEngine
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.inventory.disk import check_data_root, read_disk
from docker_storage_exporter.settings import from_texts
from docker_storage_exporter.sizer import Root, measure


def size(path):
    """Allocated bytes of a tree."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return measure([Root(descriptor)])[0].allocated_bytes
    finally:
        os.close(descriptor)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A demo that was built and has not grown."""
    made = Demo(str(tmp_path_factory.mktemp("built")))
    made.build()
    return made


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A demo with little in it, at full pace for three steps."""
    monkeypatch.setattr(module, "_VOLUMES", dict.fromkeys(module._VOLUMES, 4096))
    monkeypatch.setattr(module, "_GROWING_VOLUMES", dict.fromkeys(module._GROWING_VOLUMES, 8192))
    monkeypatch.setattr(module, "_FULL_PACE_STEPS", 3)
    made = Demo(str(tmp_path))
    made.build()
    return made


def test_it_is_a_data_root_with_a_dozen_volumes_and_containers(built):
    check_data_root(built.data_root, built.data_root)
    inventory = read_disk(built.data_root, None, built.data_root, 0.0)

    assert len(inventory.volumes) == 12
    assert sum(volume.anonymous for volume in inventory.volumes) == 1
    assert inventory.engine.storage_driver == "overlay2"
    assert {container.state for container in inventory.containers} == {"running", "exited", "created"}
    by_name = {container.name: container for container in inventory.containers}
    assert len(by_name) == 12
    assert by_name["shop-db-1"].labels["com.docker.compose.service"] == "db"
    assert by_name["proxy"].log.limit_bytes == 30_000_000
    assert all(container.layer and container.created for container in by_name.values())


def test_every_volume_and_bind_source_that_a_container_mounts_is_there(built):
    inventory = read_disk(built.data_root, None, built.data_root, 0.0)
    volumes = {volume.name for volume in inventory.volumes}

    mounts = [mount for container in inventory.containers for mount in container.mounts]
    assert {mount.source for mount in mounts if mount.type == "volume"} < volumes
    assert all(os.path.isdir(mount.source) for mount in mounts if mount.type == "bind")
    assert {mount.type for mount in mounts} == {"volume", "bind"}


def test_its_files_really_take_their_room_on_disk(built):
    assert 12 * 2**20 <= size(f"{built.data_root}/volumes/shop_db-data/_data") < 13 * 2**20


def test_it_grows_without_falling_back_and_ever_more_slowly(small):
    sizes = [size(small.data_root)]
    for _ in range(60):
        small.grow()
        sizes.append(size(small.data_root))

    assert sizes == sorted(sizes)
    assert sizes[3] - sizes[0] >= 3 * 3 * 8192
    assert sizes[60] - sizes[30] < sizes[3] - sizes[0]
    assert sizes[60] - sizes[0] < 2.5 * (sizes[3] - sizes[0])


def test_nothing_is_written_once_stop_has_returned(small):
    grown = threading.Event()
    original = small.grow

    def grow():
        original()
        grown.set()

    small.grow = grow
    small.start_growing(0.001)
    assert grown.wait(20)

    small.stop()

    before = size(small.data_root)
    assert not any(thread.name == "demo" for thread in threading.enumerate())
    assert size(small.data_root) == before


def test_a_full_disk_stops_the_growth_and_not_the_demo(small, caplog):
    tried = threading.Event()

    def grow():
        tried.set()
        raise OSError(28, "No space left on device")

    small.grow = grow
    small.start_growing(0.001)
    assert tried.wait(20)
    small.stop()

    assert "the demo cannot grow: No space left on device" in caplog.text


@pytest.fixture
def engine(built):
    """The demo's engine, as the exporter's client knows it."""
    served = DemoEngine(built)
    client = EngineClient(from_texts({"docker_host": served.host}))
    yield client
    client.close()
    served.close()


def test_its_engine_says_what_the_disk_says(built, engine):
    settings = from_texts({"docker_host": engine.host, "path_data_root": built.data_root})
    asked = CurrentInventory(settings, Host(), engine).renew()
    read = read_disk(built.data_root, None, built.data_root, 0.0)

    def facts(inventory):
        return {
            (one.id, one.name, one.state, one.image, one.layer, one.log, one.mounts) for one in inventory.containers
        }

    assert (asked.source, asked.refused) == ("api", None)
    assert facts(asked) == facts(read)
    assert {volume.name for volume in asked.volumes} == {volume.name for volume in read.volumes}
    assert {volume.name: volume.limit_bytes for volume in asked.volumes if volume.limit_bytes} == {
        "ci_registry": 10 * 2**20,
        "shop_db-backup": 2**30,
    }


def test_its_engine_knows_no_other_container(engine):
    assert engine.inspect("f" * 64) is None


MOUNTED = """
import json, os, sys
from docker_storage_exporter.demo.data_root import Demo
from docker_storage_exporter.demo.mounts import enter_namespace
from docker_storage_exporter.hostfs.filesystem import Filesystem
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.disk import read_disk
from docker_storage_exporter.inventory.documents import container_from_inspect, volume_from_api

entering = enter_namespace(sys.argv[1])
demo = Demo(sys.argv[1], mounting=True)
demo.build()
for _ in range(3):
    demo.grow()
mounted = [mount.mountpoint for mount in Host().mounts() if mount.mountpoint.startswith(demo.data_root)]
sizes = {path.removeprefix(demo.data_root): Filesystem.of(path).size_bytes for path in mounted}
disk = read_disk(demo.data_root, None, demo.data_root, 0.0)
containers = [container_from_inspect(demo.inspect(one["Id"])) for one in demo.containers()]
said = {
    "entering": entering,
    "owner": os.stat(demo.data_root).st_uid,
    "sizes": sizes,
    "disk": sorted((one.name, one.filesystem) for one in disk.volumes if one.filesystem),
    "api": [(one.name, one.filesystem) for one in map(volume_from_api, demo.volumes()["Volumes"]) if one.filesystem],
    "tmpfs": {one.name: [mount.destination for mount in one.mounts if mount.type == "tmpfs"] for one in containers},
    "same": {one.id: one.mounts for one in containers} == {one.id: one.mounts for one in disk.containers},
}
demo.close()
print(json.dumps({**said, "left": os.listdir(demo.data_root)}))
"""


def said_by(code, folder, before):
    """What a program prints that is started for a folder: nobody leaves a namespace, so it is not this process."""
    return subprocess.run(
        [*before, sys.executable, "-c", code, folder], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


@pytest.mark.parametrize("user", ["root", "ordinary"])
def test_where_it_may_mount_it_has_a_disk_a_volume_and_shared_memory_of_its_own(tmp_path, user):
    before = may_mount(user)

    said = json.loads(said_by(MOUNTED, tmp_path, before))

    assert said["entering"] == {"root": "--mount", "ordinary": "--user --mount --preserve-credentials"}[user]
    assert said["owner"] == os.geteuid()
    assert sorted(said["sizes"].values()) == [16 * 2**20, 64 * 2**20, 64 * 2**20, 256 * 2**20]
    assert {path: size for path, size in said["sizes"].items() if "/containers/" not in path} == {
        "": 256 * 2**20,
        "/volumes/shop_cache/_data": 16 * 2**20,
    }
    assert said["disk"] == said["api"] == [["shop_cache", "tmpfs"]]
    assert {name for name, found in said["tmpfs"].items() if found == ["/dev/shm"]} == {"shop-db-1", "ci-runner-1"}
    assert said["same"]
    assert said["left"] == []


@pytest.mark.parametrize("user", ["root", "ordinary"])
def test_nothing_that_it_mounts_is_seen_on_the_host(tmp_path, user):
    before = may_mount(user)
    with open("/proc/self/mountinfo") as mounts:
        ours = mounts.read()
    code = MOUNTED.replace("demo.close()", "import signal; os.kill(os.getpid(), signal.SIGKILL)")

    done = subprocess.run([*before, sys.executable, "-c", code, tmp_path], check=False)

    with open("/proc/self/mountinfo") as mounts:
        assert mounts.read() == ours
    assert done.returncode == -9
    assert os.listdir(tmp_path / "docker") == []


FORBIDDEN = """
import os, sys
from docker_storage_exporter.demo.mounts import enter_namespace

before = {name: os.readlink(f"/proc/self/ns/{name}") for name in ("mnt", "user")}
try:
    enter_namespace(sys.argv[1])
except OSError as error:
    print(error.strerror)
assert before == {name: os.readlink(f"/proc/self/ns/{name}") for name in ("mnt", "user")}
"""


def test_where_it_may_not_mount_nothing_has_changed(tmp_path):
    need("unshare")
    no_more = 'echo 0 >/proc/sys/user/max_mnt_namespaces && exec "$@"'
    before = ("unshare", "--user", "--map-root-user", "sh", "-c", no_more, "sh")

    assert said_by(FORBIDDEN, tmp_path, before) == "no more namespaces are allowed: see /proc/sys/user\n"
