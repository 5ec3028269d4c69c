"""Host paths below a prefix, their links, and opening roots without following any."""

import os
import socket

import pytest

from docker_storage_exporter.hostfs import Host, MountEntry, MountTable, Source

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
    assert host.resolve(path, NOTHING_MOUNTED) == Source(canonical, entry)


def test_a_loop_a_missing_path_and_a_file_in_the_way_are_errors(host):
    assert host.resolve("/srv/loop", NOTHING_MOUNTED).error.errno == 40
    assert host.resolve("/srv/missing/x", NOTHING_MOUNTED).error.errno == 2
    assert host.resolve("/srv/file/x", NOTHING_MOUNTED).error.errno == 20


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

    assert found == Source("/srv/data/deep/down", remote=True)
    assert not [path for path in touched if path.startswith(f"{rootfs}/srv/data")]


def test_a_root_is_opened_below_its_anchor_without_following_links(host, rootfs):
    (rootfs / "srv/data/sub").mkdir()
    (rootfs / "srv/data/evil").symlink_to("/etc")
    (rootfs / "srv/data/sub/evil").symlink_to("/etc/passwd")

    descriptor = host.open("/srv/data/sub", "/srv")
    assert os.fstat(descriptor).st_ino == (rootfs / "srv/data/sub").stat().st_ino
    os.close(descriptor)
    for path in ("/srv/data/evil", "/srv/data/evil/passwd", "/srv/data/sub/evil"):
        with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
            host.open(path, "/srv")


def test_the_anchor_itself_may_be_reached_through_links(host, rootfs):
    (rootfs / "here").symlink_to("srv")

    os.close(host.open("/here/data", "/here"))


def test_a_file_can_be_a_root(host):
    os.close(host.open("/srv/file", "/srv/file"))


def test_opening_leaves_no_descriptor_behind_when_it_fails(host):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with pytest.raises(OSError, match="No such file"):
            host.open("/srv/data/missing/x", "/srv")

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_path_outside_its_anchor_is_refused(host):
    with pytest.raises(ValueError, match="is not below"):
        host.open("/srvother", "/srv")
