"""Where containerd's root is: by mounts, by the usual places, by an open database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.inventory.containerd import containerd_root
from docker_storage_exporter.model.objects import Engine
from storage.containerd_root import ContainerdRoot

CONTAINER = "a" * 64
USUAL, MANAGED = "/var/lib/containerd", "/var/lib/docker/containerd/daemon"


@pytest.fixture
def host(tmp_path):
    """A host that has nothing yet."""
    (tmp_path / "host/proc").mkdir(parents=True)
    return Host(str(tmp_path / "host"), str(tmp_path / "host/proc"))


def make_root(host, path, *containers):
    """A root of containerd with the layers of some containers."""
    root = ContainerdRoot(host_path(host, path))
    for number, container in enumerate(containers):
        root.snapshot(container, number, "active")
    return root.write()


def host_path(host, path):
    """A path of the host as this process has it."""
    return Path(host.view(path))


def found(host, address="", containers=(CONTAINER,)):
    """Where it is found."""
    engine = Engine(image_store="containerd", containerd_address=address)
    return containerd_root(engine, "/var/lib/docker", set(containers), host)


def test_it_is_where_distributions_have_it_or_where_dockerd_starts_its_own(host):
    assert found(host) == ""
    make_root(host, MANAGED)
    assert found(host) == MANAGED
    make_root(host, USUAL)
    assert found(host) == USUAL


@pytest.mark.parametrize(
    ("address", "root"),
    [
        ("/run/containerd/containerd.sock", USUAL),
        ("/var/run/docker/containerd/containerd.sock", MANAGED),
        ("/custom/exec/containerd/containerd.sock", MANAGED),
        ("", USUAL),
    ],
)
def test_of_two_the_engine_s_socket_tells_which_is_likelier(host, address, root):
    make_root(host, USUAL)
    make_root(host, MANAGED)

    assert found(host, address) == root


def test_of_two_it_is_the_one_that_lists_a_container(host):
    make_root(host, USUAL, "b" * 64)
    make_root(host, MANAGED, CONTAINER)

    assert found(host) == MANAGED
    assert found(host, containers=["b" * 64]) == USUAL


def test_the_mount_of_a_running_container_shows_it(host, monkeypatch):
    make_root(host, "/srv/images", CONTAINER)
    upper = "/srv/images/io.containerd.snapshotter.v1.overlayfs/snapshots/0/fs"
    mount = MountEntry(f"/var/lib/docker/rootfs/overlayfs/{CONTAINER}", "overlay", (0, 9), options=f"upperdir={upper}")
    monkeypatch.setattr(host, "mounts", lambda: MountTable([MountEntry("/", "ext4", (8, 1)), mount]))

    assert found(host) == "/srv/images"
    assert found(host, containers=["b" * 64]) == ""  # another engine's container


def test_a_process_that_has_the_database_open_shows_it(host):
    root = make_root(host, "/srv/images")
    for name, program in (("1", "systemd"), ("7", "containerd")):
        process = host_path(host, f"/proc/{name}")
        (process / "fd").mkdir(parents=True)
        (process / "comm").write_text(f"{program}\n")
    os.symlink("/srv/other/io.containerd.metadata.v1.bolt/meta.db", host_path(host, "/proc/1/fd/3"))
    os.symlink("/dev/null", host_path(host, "/proc/7/fd/1"))
    os.symlink("/srv/images/io.containerd.metadata.v1.bolt/meta.db", host_path(host, "/proc/7/fd/3"))

    assert root.metadata.exists()
    assert found(host) == "/srv/images"


def test_in_a_container_it_may_be_a_mount_by_itself(host, monkeypatch):
    make_root(host, "/srv/images", CONTAINER)
    entries = [MountEntry(host.view("/srv/images"), "ext4", (8, 1)), MountEntry(host.view("/nfs"), "nfs4", (0, 9))]
    monkeypatch.setattr(host, "mounts", lambda: MountTable([MountEntry("/", "overlay", (0, 8)), *entries]))

    assert found(host) == "/srv/images"


def test_a_link_in_its_place_is_followed(host):
    make_root(host, "/srv/images")
    host_path(host, "/var/lib").mkdir(parents=True)
    os.symlink("/srv/images", host_path(host, USUAL))

    assert found(host) == "/srv/images"
