"""Bind sources, and links that a container could have put into their way."""

import os
import subprocess

import pytest
from conftest import need

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.sources import BindUser, examine

READS, WRITES = BindUser("a" * 64, "/x", writable=False), BindUser("b" * 64, "/y", writable=True)


@pytest.fixture
def look(tmp_path):
    """Examine sources given relative to a folder."""
    host = Host()

    def examine_(users):
        absolute = {f"{tmp_path}/{path}" if path else str(tmp_path): them for path, them in users.items()}
        found = examine(host, host.mounts(), absolute)
        return {path: found[whole] for path, whole in zip(users, absolute, strict=True)}

    return examine_


def test_an_operators_link_is_followed(tmp_path, look):
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to("disk")

    found = look({"data": [WRITES]})["data"]

    assert found.path == f"{tmp_path}/disk"
    assert not found.distrusted


def test_a_link_below_what_a_container_may_write_to_is_not_believed(tmp_path, look):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/app").symlink_to("/etc")

    found = look({"shared": [WRITES], "shared/app": [READS]})

    assert found["shared/app"].distrusted
    assert not found["shared"].distrusted


def test_below_what_is_mounted_read_only_it_is_believed(tmp_path, look):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/app").symlink_to("/etc")

    assert not look({"shared": [READS], "shared/app": [READS]})["shared/app"].distrusted


def test_the_detour_over_an_operators_link_changes_nothing(tmp_path, look):
    (tmp_path / "disk").mkdir()
    (tmp_path / "shared").symlink_to("disk")
    (tmp_path / "disk/app").symlink_to("/etc")

    assert look({"disk": [WRITES], "shared/app": [READS]})["shared/app"].distrusted
    assert look({"shared": [WRITES], "disk/app": [READS]})["disk/app"].distrusted


@pytest.fixture
def mounted_inside(tmp_path):
    """The user of a source: a process with its own mount namespace that has a folder mounted at /mnt."""
    need("unshare", "mount", root=True)
    started = []

    def start(folder):
        command = ["unshare", "-m", "--propagation", "private", "sh", "-c"]
        script = f"mount --bind {folder} /mnt && echo ready && read line"
        process = subprocess.Popen([*command, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        with open(f"/proc/{process.pid}/cgroup") as lines:
            return BindUser(lines.readline().strip(), "/mnt", writable=False, pid=process.pid)

    yield start
    for process in started:
        process.communicate("\n")


def test_a_running_containers_mount_table_vouches_for_what_is_really_mounted(tmp_path, look, mounted_inside):
    (tmp_path / "shared/releases/5").mkdir(parents=True)
    (tmp_path / "shared/current").symlink_to("releases/5")
    user = mounted_inside(tmp_path / "shared/current")
    assert not look({"shared": [WRITES], "shared/current": [user]})["shared/current"].distrusted

    (tmp_path / "shared/current").unlink()
    (tmp_path / "shared/current").symlink_to("/etc")
    assert look({"shared": [WRITES], "shared/current": [user]})["shared/current"].distrusted


def test_a_process_that_ended_vouches_for_nothing(tmp_path, look):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/app").symlink_to("/etc")
    with subprocess.Popen(["true"]) as ended:
        pass
    gone = BindUser("c" * 64, "/x", writable=False, pid=ended.pid)

    assert look({"shared": [WRITES], "shared/app": [gone]})["shared/app"].distrusted
    assert os.path.isdir("/etc")
