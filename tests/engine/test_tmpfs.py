"""Memory that containers hold as files without having been told to: /dev/shm, and Swarm's secrets and configs."""

import json
import socket
import subprocess

import pytest
from conftest import need

from cli.conftest import COMMAND
from silent_fuse import SilentFuse
from waiting import wait_until

SHM = "/dev/shm"
USED, SIZE = "docker_container_tmpfs_used_bytes", "docker_container_tmpfs_size_bytes"
WRITE = f"dd if=/dev/zero of={SHM}/f bs=4096 count=700"


@pytest.fixture(scope="module")
def sharing(dockerd):
    """Containers that share their memory in every way that there is."""
    dockerd.run("shm-private", WRITE, "--shm-size=8m", "--ipc=private")
    dockerd.run("shm-shareable", WRITE, "--shm-size=16m", "--ipc=shareable")
    dockerd.run("shm-joined", "true", "--ipc=container:shm-shareable")
    dockerd.run("shm-host", "true", "--ipc=host")
    dockerd.run("shm-none", "true", "--ipc=none")
    dockerd.run("shm-own", WRITE, "--tmpfs", f"{SHM}:size=32m")
    return dockerd


def used_inside(dockerd, container):
    """Bytes used and the size in bytes, as df says inside of a container."""
    fields = dockerd.docker("exec", container, "/bin/busybox", "df", "-k", SHM).split()
    return int(fields[-4]) * 1024, int(fields[-5]) * 1024


def shm_of(page, name):
    """What the page says of the containers here, by their names."""
    found = {}
    for (sample, pairs), value in page.samples.items():
        labels = dict(pairs)
        if sample == name and labels["destination"] == SHM and labels["container"].startswith("shm-"):
            found[labels["container"]] = value
    return found


def test_each_container_that_has_one_of_its_own_has_the_number_that_df_says_inside(sharing, exporter):
    own = ("shm-private", "shm-shareable", "shm-own")
    wait_until(lambda: all(used_inside(sharing, name)[0] > 2_800_000 for name in own), "the files to be written")
    page = exporter().wait_for(lambda page: len(shm_of(page, USED)) == len(own))

    assert set(shm_of(page, USED)) == set(own)
    for container, used in shm_of(page, USED).items():
        assert (used, shm_of(page, SIZE)[container]) == used_inside(sharing, container)
        assert used > 2_800_000


def test_who_may_not_enter_containers_leaves_out_what_only_they_show(sharing):
    need("setpriv")
    flags = [f"--docker.host={sharing.host}", "--no-exporter", "--format=json"]

    done = subprocess.run(
        ["setpriv", "--bounding-set=-sys_ptrace", *COMMAND, "df", *flags], capture_output=True, text=True, check=False
    )

    rows = {row["name"]: row for row in json.loads(done.stdout)["objects"] if row["name"].startswith("shm-")}
    assert rows[f"shm-private:{SHM}"]["note"] == "skipped: process_access"
    assert rows[f"shm-shareable:{SHM}"]["allocated_bytes"] > 2_800_000  # the engine has it mounted on the host
    assert rows[f"shm-own:{SHM}"]["note"] == "skipped: process_access"


def test_one_below_a_filesystem_that_does_not_answer_costs_itself_alone(dockerd, exporter, tmp_path):
    (tmp_path / "fuse").mkdir()
    with SilentFuse(tmp_path / "fuse", {"inside/file": 1}) as fuse:
        mounts = ["-v", f"{tmp_path}/fuse:/silent", "--tmpfs", "/silent/inside:size=4m", "--tmpfs", "/other:size=4m"]
        dockerd.run("tmpfs-below", "true", *mounts)
        fuse.stop_reading()
        running = exporter(scan_timeout="1s")

        page = running.wait_for(
            lambda page: (
                page.value("docker_storage_unmeasured_objects", kind="tmpfs_mount", reason="timeout") == 1
                and page.value(SIZE, container="tmpfs-below", destination="/other") == 4 * 2**20
            ),
            "a timeout for the one, and a number for the other",
        )
        assert page.value(SIZE, container="tmpfs-below", destination="/silent/inside") is None

        fuse.answer()
        running.wait_for(
            lambda page: page.value(SIZE, container="tmpfs-below", destination="/silent/inside") == 4 * 2**20
        )
        dockerd.docker("rm", "-f", "tmpfs-below")


@pytest.fixture
def swarm(dockerd):
    """The engine as a Swarm of one node."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dockerd.docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", f"127.0.0.1:{port}")
    yield dockerd
    dockerd.docker("swarm", "leave", "--force")


def test_secrets_and_configs_of_a_service_are_measured(swarm, exporter):
    swarm.docker("secret", "create", "s1", "-", stdin=b"x" * 10_000)
    swarm.docker("config", "create", "c1", "-", stdin=b"y" * 20_000)
    given = ["--secret", "s1", "--config", "source=c1,target=/etc/c1", "--network", "host"]
    swarm.docker("service", "create", "-d", "--name", "shop", *given, "busybox:test", "/bin/sleep", "100000")
    page = exporter().wait_for(lambda page: page.by("destination", USED).get("/run/secrets", 0) >= 30_000)

    assert any("shop" in container for container in page.by("container", USED))
