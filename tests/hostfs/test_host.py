"""Host paths below a prefix, their links, and opening roots without following any."""

import os
import socket

import pytest

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable

NOTHING_MOUNTED = MountTable([MountEntry("/", "ext4", (8, 1))])


@pytest.fixture
def rootfs(tmp_path):
    """A host's root: /srv/data, /srv/file, and links to them."""
    (tmp_path / "srv/data").mkdir(parents=True)
    (tmp_path / "srv/file").write_text("x")
    (tmp_path / "absolute").symlink_to("/srv/data")
    (tmp_path / "srv/relative").symlink_to("../srv/data/../file")
    (tmp_path / "srv/loop").symlink_to("loop")
    (tmp_path / "srv/out").symlink_to("../../../../../../srv")
    return tmp_path


@pytest.fixture
def host(rootfs):
    return Host(str(rootfs))


def test_a_path_is_reached_below_the_prefix(host, rootfs):
    assert host.view("/srv") == f"{rootfs}/srv"
    assert Host("/").view("/srv") == "/srv"


@pytest.mark.parametrize(
    ("path", "canonical", "entry"),
    [
        ("/srv/data", "/srv/data", "directory"),
        ("/srv//./data/", "/srv/data", "directory"),
        ("/absolute", "/srv/data", "directory"),
        ("/absolute/../file", "/srv/file", "file"),
        ("/srv/relative", "/srv/file", "file"),
        ("/srv/out/data", "/srv/data", "directory"),
        ("/", "/", "directory"),
        ("/..", "/", "directory"),
    ],
)
def test_links_are_resolved_inside_the_prefix_and_never_out_of_it(host, path, canonical, entry):
    found = host.resolve(path, NOTHING_MOUNTED)

    assert (found.path, found.entry, found.error) == (canonical, entry, None)


def test_a_loop_a_missing_path_and_a_file_in_the_way_are_errors(host):
    assert host.resolve("/srv/loop", NOTHING_MOUNTED).error.errno == 40
    assert host.resolve("/srv/missing/x", NOTHING_MOUNTED).error.errno == 2
    assert host.resolve("/srv/file/x", NOTHING_MOUNTED).error.errno == 20


@pytest.mark.parametrize("path", ["/srv/a\0b", "/srv/\ud800"])
def test_what_no_file_can_be_called_is_not_there(host, path):
    assert host.resolve(path, NOTHING_MOUNTED).error.errno == 2


def test_sockets_and_fifos_are_special(host, rootfs):
    os.mkfifo(rootfs / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(rootfs / "sock"))
        assert host.resolve("/sock", NOTHING_MOUNTED).entry == "special"
    assert host.resolve("/fifo", NOTHING_MOUNTED).entry == "special"


def test_nothing_remote_is_touched_not_even_the_mount_point(host, rootfs, monkeypatch):
    touched = []
    for name in ("readlink", "lstat", "stat", "open"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda path, *a, _real=real, **k: touched.append(str(path)) or _real(path, *a, **k)
        )
    mounts = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry(f"{rootfs}/srv/data", "nfs4", (0, 9))])

    found = host.resolve("/absolute/deep/down", mounts)

    assert (found.path, found.remote, found.error) == ("/srv/data/deep/down", True, None)
    assert not [path for path in touched if path.startswith(f"{rootfs}/srv/data")]


def test_the_links_that_were_followed_are_told(host):
    assert host.resolve("/absolute/../relative", NOTHING_MOUNTED).links == ("/absolute", "/srv/relative")
    assert host.resolve("/srv/data", NOTHING_MOUNTED).links == ()


def test_a_canonical_path_is_opened_without_following_links(host, rootfs):
    (rootfs / "srv/data/sub").mkdir()
    (rootfs / "srv/data/evil").symlink_to("/etc")
    (rootfs / "srv/data/sub/evil").symlink_to("/etc/passwd")

    descriptor = host.open("/srv/data/sub")
    assert os.fstat(descriptor).st_ino == (rootfs / "srv/data/sub").stat().st_ino
    os.close(descriptor)
    for path in ("/srv/data/evil", "/srv/data/evil/passwd", "/srv/data/sub/evil"):
        with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
            host.open(path)


def test_the_way_to_the_prefix_may_contain_links(rootfs, tmp_path_factory):
    link = tmp_path_factory.mktemp("link") / "host"
    link.symlink_to(rootfs)

    os.close(Host(str(link)).open("/srv/data"))


def test_a_file_can_be_a_root(host):
    os.close(host.open("/srv/file"))


def test_opening_leaves_no_descriptor_behind_when_it_fails(host):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with pytest.raises(OSError, match="No such file"):
            host.open("/srv/data/missing/x")

    assert len(os.listdir("/proc/self/fd")) == before
