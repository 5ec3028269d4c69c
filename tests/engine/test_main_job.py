"""The main job, end to end, on a real engine: every number is checked against du, df and the engine itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from engine.dockerd import Dockerd, Page, du

from waiting import wait_until

pytestmark = pytest.mark.engine

_VOLUMES = 22
_BUSY = "dd if=/dev/zero of=/layer bs=1k count=%d; ln /layer /again; mkdir /empty; ln -s /layer /link; seq 1 2000"


@pytest.fixture(scope="module")
def host(dockerd: Dockerd, tmp_path_factory) -> Host:
    """An engine with more than 20 volumes and 10 containers in every state that a person can bring about."""
    return Host(dockerd, tmp_path_factory.mktemp("srv"))


class Host:
    """What the tests of this file look at."""

    def __init__(self, dockerd: Dockerd, srv: Path) -> None:
        self.dockerd = dockerd
        self.srv = srv
        self.volumes = [f"vol{number:02}" for number in range(_VOLUMES)]
        self.containers: dict[str, str] = {}
        self._make_volumes()
        self._make_containers()

    def _make_volumes(self) -> None:
        for number, name in enumerate(self.volumes):
            self.dockerd.docker("volume", "create", name)
            folder = self.dockerd.volume_path(name)
            for sub in range(number % 4):
                (folder / f"dir{sub}").mkdir()
                (folder / f"dir{sub}/file").write_bytes(b"x" * (number * 1000 + sub))
        sparse = self.dockerd.volume_path(self.volumes[1]) / "sparse"
        sparse.touch()
        os.truncate(sparse, 64 * 1024**2)
        linked = self.dockerd.volume_path(self.volumes[2]) / "linked"
        linked.write_bytes(b"l" * 300_000)
        os.link(linked, linked.with_name("second-name"))
        (self.dockerd.volume_path(self.volumes[3]) / "link").symlink_to("/etc/passwd")

    def _make_containers(self) -> None:
        (self.srv / "folder").mkdir()
        (self.srv / "folder/data").write_bytes(b"b" * 123_456)
        (self.srv / "file.conf").write_text("setting\n")
        binds = ("-v", f"{self.srv}/folder:/folder:ro", "-v", f"{self.srv}/file.conf:/etc/file.conf")
        tmpfs = ("--tmpfs", "/scratch:size=16m", "--mount", "type=tmpfs,destination=/mem,tmpfs-size=8388608")
        for number in range(5):
            options = ["-v", f"vol{number:02}:/data", "-v", "/anonymous", *(binds if number < 2 else ())]
            script = _BUSY % (number * 100)
            if number == 0:
                options += tmpfs
                script += "; dd if=/dev/zero of=/scratch/f bs=1M count=3; dd if=/dev/zero of=/mem/f bs=1M count=2"
            self.containers[f"run{number}"] = self.dockerd.run(f"run{number}", script, *options)
        for number in range(3):
            self.containers[f"stop{number}"] = self.dockerd.run(f"stop{number}", _BUSY % 50, "--stop-timeout", "0")
        for number in range(3):
            create = ("create", "--network", "none", "--name", f"new{number}", "-v", "vol09:/data:ro")
            self.containers[f"new{number}"] = self.dockerd.docker(*create, "busybox:test", "/bin/sh")
        for name, identity in self.containers.items():
            if not name.startswith("new"):
                layer = self.dockerd.layer_path(identity)
                wait_until((layer / "done").exists, f"{name} to have written")
        self.dockerd.docker("stop", "-t", "0", *(name for name in self.containers if name.startswith("stop")))
        subprocess.run(["sync", "-f", self.dockerd.data_root], check=True)  # ext4 allocates blocks late


def check_sizes(host: Host, page: Page) -> None:
    """Every allocated number is du's."""
    dockerd = host.dockerd
    allocated = page.by("volume", "docker_volume_allocated_bytes")
    assert allocated.keys() >= set(host.volumes)
    assert {name: du(dockerd.volume_path(name)) for name in allocated} == allocated
    layers = page.by("container", "docker_container_layer_allocated_bytes")
    assert {name: du(dockerd.layer_path(identity)) for name, identity in host.containers.items()} == {
        name: layers[name] for name in host.containers
    }
    logs = page.by("container", "docker_container_log_bytes")
    for name, identity in host.containers.items():
        file = dockerd.data_root / "containers" / identity / f"{identity}-json.log"
        assert logs[name] == (file.stat().st_blocks * 512 if file.exists() else 0)
    binds = page.by("source", "docker_bind_mount_allocated_bytes")
    expected = {str(host.srv / name): float(du(host.srv / name)) for name in ("folder", "file.conf")}
    assert expected == {source: binds[source] for source in expected}


def test_allocated_equals_du_and_apparent_equals_the_engine(host, exporter):
    page = exporter().settled()

    check_sizes(host, page)
    usage = host.dockerd.get("/v1.41/system/df")
    sizes = {volume["Name"]: volume["UsageData"]["Size"] for volume in usage["Volumes"]}
    assert sizes == {name: page.by("volume", "docker_volume_apparent_bytes")[name] for name in sizes}
    layers = {container["Names"][0][1:]: container.get("SizeRw", 0) for container in usage["Containers"]}
    assert layers == page.by("container", "docker_container_layer_apparent_bytes")


def test_a_sparse_file_counts_what_it_holds_and_a_hard_link_once(host, exporter):
    page = exporter().settled()

    assert page.value("docker_volume_apparent_bytes", volume="vol01") >= 64 * 1024**2
    assert page.value("docker_volume_allocated_bytes", volume="vol01") < 64 * 1024
    assert 300_000 <= page.value("docker_volume_apparent_bytes", volume="vol02") < 400_000


def test_tmpfs_mounts_equal_df_inside_the_container(host, exporter):
    page = exporter().settled()

    for destination, size in (("/scratch", 16 * 1024**2), ("/mem", 8 * 1024**2)):
        fields = host.dockerd.docker("exec", "run0", "/bin/busybox", "df", "-k", destination).split()
        total, used = int(fields[-5]) * 1024, int(fields[-4]) * 1024
        labels = {"container": "run0", "destination": destination}
        assert page.value("docker_container_tmpfs_used_bytes", **labels) == used > 0
        assert page.value("docker_container_tmpfs_size_bytes", **labels) == total == size


def test_it_tells_who_mounts_what(host, exporter):
    page = exporter().settled()

    assert page.value("docker_volume_containers", volume="vol09") == 3
    assert page.value("docker_volume_containers", volume="vol20") == 0
    mount = {"volume": "vol09", "container": "new1", "destination": "/data", "access": "ro"}
    assert page.value("docker_volume_mount_info", **mount) == 1
    bind = {"source": f"{host.srv}/file.conf", "container": "run1", "destination": "/etc/file.conf", "access": "rw"}
    assert page.value("docker_bind_mount_info", **bind, entry="file", within="") == 1
    assert page.value("docker_container_state", container="stop0", state="exited") == 1
    assert page.value("docker_container_state", container="new0", state="created") == 1
    assert page.value("docker_container_state", container="run0", state="running") == 1


def test_a_volume_that_grows_is_seen_and_one_that_is_removed_leaves_the_page(host, exporter):
    running = exporter(inventory_interval="10m")  # so it is the events that tell
    host.dockerd.docker("volume", "create", "short-lived")
    running.wait_for(lambda page: page.value("docker_volume_allocated_bytes", volume="short-lived") is not None)

    (host.dockerd.volume_path("short-lived") / "more").write_bytes(b"m" * 1_000_000)
    os.sync()
    running.wait_for(lambda page: page.value("docker_volume_apparent_bytes", volume="short-lived") == 1_000_000)

    host.dockerd.docker("volume", "rm", "short-lived")
    page = running.wait_for(lambda page: "short-lived" not in page.text)
    assert page.value("docker_volume_containers", volume="vol09") == 3


def test_renaming_and_restarting_a_container_is_noticed(host, exporter):
    running = exporter(inventory_interval="10m")
    running.settled()
    host.dockerd.run("before", "true", "--tmpfs", "/t:size=1m")
    running.wait_for(lambda page: page.value("docker_container_tmpfs_size_bytes", container="before", destination="/t"))

    host.dockerd.docker("rename", "before", "after")
    host.dockerd.docker("restart", "-t", "0", "after")
    page = running.wait_for(
        lambda page: page.value("docker_container_tmpfs_size_bytes", container="after", destination="/t") is not None
    )

    assert page.value("docker_container_layer_allocated_bytes", container="before") is None
    host.dockerd.docker("rm", "-f", "after")
    running.wait_for(lambda page: 'container="after"' not in page.text)


def test_a_dead_container_keeps_its_layer_on_the_page(host, exporter):
    identity = host.dockerd.run("undead", "dd if=/dev/zero of=/f bs=1k count=200")
    wait_until((host.dockerd.layer_path(identity) / "done").exists, "the container to have written")
    stubborn = host.dockerd.layer_path(identity) / "f"
    subprocess.run(["chattr", "+i", stubborn], check=True)
    try:
        subprocess.run(["docker", "-H", host.dockerd.host, "rm", "-f", "undead"], capture_output=True, check=False)
        page = exporter().settled()

        assert page.value("docker_container_state", container="undead", state="dead") == 1
        layer = du(host.dockerd.layer_path(identity))
        assert page.value("docker_container_layer_allocated_bytes", container="undead") == layer > 200 * 1024
    finally:
        subprocess.run(["chattr", "-i", stubborn], check=True)
        host.dockerd.docker("rm", "-f", identity)


def test_volumes_with_options_are_measured_where_their_bytes_are(host, exporter, tmp_path):
    (tmp_path / "content").write_bytes(b"c" * 50_000)
    docker = host.dockerd.docker
    docker("volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=4m", "in-memory")
    docker("volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", f"device={tmp_path}", "elsewhere")
    docker("volume", "create", "--opt", "type=nfs", "--opt", "device=:/x", "--opt", "o=addr=127.0.0.1", "remote")
    running = exporter()
    try:
        page = running.settled()
        assert page.value("docker_volume_allocated_bytes", volume="elsewhere") == du(tmp_path)
        assert page.value("docker_volume_allocated_bytes", volume="in-memory") is None
        assert page.value("docker_storage_skipped_objects", kind="volume", reason="not_mounted") == 2
        assert page.value("docker_volume_containers", volume="remote") == 0

        host.dockerd.run("user", "dd if=/dev/zero of=/m/f bs=1M count=1", "-v", "in-memory:/m", "-v", "elsewhere:/e")
        page = running.wait_for(
            lambda page: page.value("docker_volume_allocated_bytes", volume="in-memory") == 1024**2, "the tmpfs volume"
        )
        assert page.value("docker_volume_filesystem_size_bytes", volume="in-memory") == 4 * 1024**2
        assert page.value("docker_volume_filesystem_avail_bytes", volume="in-memory") == 3 * 1024**2
        assert page.value("docker_volume_apparent_bytes", volume="in-memory") is None
        assert page.value("docker_volume_allocated_bytes", volume="elsewhere") == du(tmp_path)
    finally:
        docker("rm", "-f", "user")
        docker("volume", "rm", "in-memory", "elsewhere", "remote")


def test_sockets_system_folders_and_the_data_root_are_listed_but_not_walked(host, exporter):
    root = host.dockerd.data_root
    socket = host.dockerd.host.removeprefix("unix://")
    binds = [f"{socket}:/docker.sock", "/sys:/host-sys:ro", "/:/host:ro", f"{root}:/data-root:ro"]
    binds.append(f"{host.dockerd.volume_path('vol02')}:/a-volume:ro")
    host.dockerd.run("curious", "true", *(part for bind in binds for part in ("-v", bind)))
    try:
        page = exporter().settled()

        skipped = {("special_file", 1), ("system_path", 2), ("storage_root", 1)}
        for reason, number in skipped:
            assert page.value("docker_storage_skipped_objects", kind="bind_mount", reason=reason) == number
        sources = page.by("source", "docker_bind_mount_allocated_bytes")
        assert not {socket, "/sys", "/", str(root)} & sources.keys()
        shared = str(host.dockerd.volume_path("vol02"))
        assert sources[shared] == page.value("docker_volume_allocated_bytes", volume="vol02")
        distinct = sum(value for source, value in sources.items() if source != shared)
        assert page.value("docker_bind_mounts_distinct_bytes") == distinct
    finally:
        host.dockerd.docker("rm", "-f", "curious")


def test_the_same_numbers_with_the_daemon_stopped(host, exporter):
    stays, before = exporter(), {}
    wanted = ("docker_volume_allocated_bytes", "docker_volume_apparent_bytes", "docker_container_layer_allocated_bytes")
    page = stays.settled()
    before = {name: page.by("volume" if "volume" in name else "container", name) for name in wanted}
    assert page.value("docker_engine_up", engine="docker") == 1
    host.dockerd.stop()
    try:
        never_saw_it = exporter(path_data_root=str(host.dockerd.data_root))
        for running in (stays, never_saw_it):
            page = running.wait_for(lambda page: page.value("docker_engine_up", engine="docker") == 0)
            page = running.settled()
            for name in wanted:
                assert page.by("volume" if "volume" in name else "container", name) == before[name]
            check_sizes(host, page)
    finally:
        host.dockerd.start()
    page = stays.wait_for(lambda page: page.value("docker_engine_up", engine="docker") == 1, "the engine to be back")
    assert page.by("volume", "docker_volume_allocated_bytes") == before["docker_volume_allocated_bytes"]
