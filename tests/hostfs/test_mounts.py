"""Mount tables: what is mounted where, and what must not be touched."""

import os
import subprocess

import pytest
from conftest import need

from docker_storage_exporter.hostfs.mounts import FilesystemNames, MountEntry, MountTable, MountWatch
from docker_storage_exporter.model.places import Location

TEXT = rb"""21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:5 / /proc rw - proc proc rw
23 21 0:40 /export /mnt/nas rw master:3 propagate_from:2 - nfs4 server:/export rw,vers=4.2
24 23 254:1 / /mnt/nas/local rw - xfs /dev/vdb rw
25 21 0:41 / /with\040space\011and\134backslash rw - tmpfs tmpfs rw,size=1k
26 21 254:0 /a /stacked rw - ext4 /dev/vda rw
27 26 0:42 / /stacked rw - tmpfs tmpfs rw
28 21 0:43 / /not\377utf8 rw - tmpfs tmpfs rw
this line means nothing
29 21 0:44 / /short
"""


@pytest.fixture
def table():
    return MountTable.parse(TEXT)


def test_a_line_is_understood_with_any_number_of_tags(table):
    expected = MountEntry("/mnt/nas", "nfs4", (0, 40), "/export", "rw,vers=4.2", propagation="slave", id=23, parent=21)
    assert table.at("/mnt/nas") == expected
    assert table.at("/proc").filesystem == "proc"


def test_escaped_names_and_bytes_that_are_no_utf8(table):
    assert table.at("/with space\tand\\backslash").options == "rw,size=1k"
    assert table.at(os.fsdecode(b"/not\xffutf8")) is not None


def test_whether_later_mounts_arrive_is_in_the_tags(table):
    assert [table.at(path).propagation for path in ("/", "/mnt/nas", "/proc")] == ["shared", "slave", "private"]


@pytest.mark.parametrize(
    ("options", "superblock", "read_only"),
    [("rw,nosuid", "rw", False), ("ro,nosuid", "rw", True), ("rw", "ro,size=1k", True), ("rw,rota", "rw", False)],
)
def test_read_only_by_the_mount_or_by_the_filesystem(options, superblock, read_only):
    line = f"21 1 8:0 / /m {options} - ext4 /dev/vda {superblock}\n"

    assert MountTable.parse(line.encode()).at("/m").read_only is read_only


def test_the_last_of_stacked_mounts_is_the_one_that_is_seen(table):
    assert table.at("/stacked").filesystem == "tmpfs"


def test_a_path_is_on_the_deepest_mount_above_it(table):
    assert table.covering("/mnt/nas/local/x").filesystem == "xfs"
    assert table.covering("/mnt/nas/other").filesystem == "nfs4"
    assert table.covering("/mnt/nasty").filesystem == "ext4"


def test_a_path_is_remote_when_anything_on_the_way_is(table):
    assert table.remote("/mnt/nas")
    assert table.remote("/mnt/nas/x/y")
    assert table.remote("/mnt/nas/local/x")
    assert not table.remote("/mnt/nasty")
    assert not table.remote("/")


def test_below_a_remote_root_only_what_lies_on_it_is_remote():
    table = MountTable([MountEntry("/", "nfs", (0, 1)), MountEntry("/var", "ext4", (8, 1))])

    assert table.remote("/etc")
    assert not table.remote("/var/lib/docker")


@pytest.mark.parametrize(
    ("filesystem", "remote"),
    [
        (name, True)
        for name in "nfs nfs4 cifs smb3 ceph 9p virtiofs fuse fuse.sshfs autofs lustre gpfs glusterfs".split()
    ]
    + [(name, False) for name in "ext4 xfs btrfs zfs tmpfs overlay fuse.fuse-overlayfs fuseblk fusectl proc".split()],
)
def test_which_filesystems_are_remote(filesystem, remote):
    assert MountEntry("/m", filesystem, (0, 1)).remote is remote


def test_mount_points_below_a_path_are_relative_to_it(table):
    assert table.below("/mnt") == ["nas", "nas/local"]
    assert table.below("/mnt/nas") == ["local"]
    assert table.below("/mnt/na") == []
    assert "proc" in table.below("/")


def test_the_watch_reads_again_when_something_is_mounted(tmp_path):
    need("mount", root=True)
    watch = MountWatch()
    before = watch.current()
    assert watch.current() is before

    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path], check=True)
    try:
        assert watch.current().at(str(tmp_path)).filesystem == "tmpfs"
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert watch.current().at(str(tmp_path)) is None


TWO_DISKS = MountTable([
    MountEntry("/", "overlay", (0, 40)),
    MountEntry("/host", "ext4", (8, 1)),
    MountEntry("/host/var", "xfs", (8, 2)),
    MountEntry("/host/backup", "xfs", (8, 2), root="/lib"),
])  # fmt: skip


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/host", Location((8, 1), "/")),
        ("/host/etc/passwd", Location((8, 1), "/etc/passwd")),
        ("/host/var/lib/docker", Location((8, 2), "/lib/docker")),
        ("/host/backup/docker", Location((8, 2), "/lib/docker")),
        ("/host/backup", Location((8, 2), "/lib")),
    ],
)
def test_a_path_is_a_place_in_a_filesystem_whatever_mount_it_is_seen_through(path, location):
    assert TWO_DISKS.location(path) == location


def test_where_nothing_is_mounted_a_path_is_nowhere():
    assert MountTable([]).location("/x") is None
    assert MountTable([]).filesystem("/x") is None
    assert FilesystemNames(MountTable([])).of("/x") == ""


def test_a_filesystem_is_named_by_its_whole_mount_as_the_host_spells_it():
    names = FilesystemNames(TWO_DISKS, "/host")

    assert [names.of(path) for path in ("/backup/docker", "/var/lib", "/etc", "/")] == ["/var", "/var", "/", "/"]


def test_without_a_whole_mount_whoever_is_asked_first_names_a_filesystem():
    """In a container every mount shows a part: that of the data root, and files such as /etc/hosts."""
    table = MountTable([
        MountEntry("/etc/hosts", "ext4", (8, 1), root="/hosts"),
        MountEntry("/srv", "ext4", (8, 1), root="/srv"),
        MountEntry("/var/lib/docker", "ext4", (8, 1), root="/var/lib/docker"),
    ])  # fmt: skip
    names = FilesystemNames(table)

    assert [names.of(path) for path in ("/var/lib/docker/volumes", "/srv/site", "/etc/hosts")] == [
        "/var/lib/docker"
    ] * 3


def shown(*lines):
    """Which mount of a mountinfo file each path leads to: mount points by the ids of what is seen there."""
    text = "".join(f"{line} rw - tmpfs x rw\n" for line in lines)
    table = MountTable.parse(text.encode())
    return {path: table.at(path).id for path in table._paths}


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        # mount -t tmpfs x /v/old; mount --bind /new /v: what was below /v is hidden
        (["1 0 0:1 / /", "2 1 0:2 / /v/old", "3 1 0:1 /new /v"], {"/": 1, "/v": 3}),
        # the same, and then something below the new /v
        (["1 0 0:1 / /", "2 1 0:2 / /v/old", "3 1 0:1 /new /v", "4 3 0:4 / /v/old"], {"/": 1, "/v": 3, "/v/old": 4}),
        # one on top of the other, with something on the lower one
        (["1 0 0:1 / /", "2 1 0:2 / /a", "4 2 0:4 / /a/b", "3 2 0:3 / /a"], {"/": 1, "/a": 3}),
        # a root that was mounted over, as by pivot_root or an initramfs
        (["1 1 0:1 / /", "2 1 0:2 / /", "3 1 0:3 / /gone", "4 2 0:4 / /here"], {"/": 2, "/here": 4}),
        # in any order
        (["4 2 0:4 / /here", "3 1 0:3 / /gone", "2 1 0:2 / /", "1 1 0:1 / /"], {"/": 2, "/here": 4}),
        # parents that are outside of this namespace
        (["7 99 0:7 / /", "8 98 0:8 / /x", "9 8 0:9 / /x/y"], {"/": 7, "/x": 8, "/x/y": 9}),
        # a path that only begins with the same letters
        (["1 0 0:1 / /", "2 1 0:2 / /vol-old", "3 1 0:1 / /vol"], {"/": 1, "/vol": 3, "/vol-old": 2}),
    ],
)
def test_only_mounts_that_a_path_leads_to_are_there(lines, seen):
    assert shown(*lines) == seen


def test_a_hidden_mount_does_not_keep_a_folder_out_of_a_real_walk(tmp_path):
    need("mount", root=True)
    (tmp_path / "v/old").mkdir(parents=True)
    (tmp_path / "new/old").mkdir(parents=True)
    (tmp_path / "new/old/file").write_bytes(b"x" * 1_048_576)
    mounts = [["-t", "tmpfs", "x", tmp_path / "v/old"], ["--bind", tmp_path / "new", tmp_path / "v"]]
    for options in mounts:
        subprocess.run(["mount", *options], check=True)
    try:
        below = MountWatch().current().below(str(tmp_path / "v"))
    finally:
        for options in reversed(mounts):
            subprocess.run(["umount", options[-1]], check=True)

    assert below == []


@pytest.mark.parametrize(
    ("filesystem", "options", "is_view", "upper"),
    [
        ("overlay", "rw,lowerdir=/l/a:/l/b,upperdir=/data/7/fs,workdir=/data/7/work", True, "/data/7/fs"),
        ("overlay", "ro,lowerdir=/l/a", True, ""),
        ("ext4", "rw,upperdir=/x", False, ""),
    ],
)
def test_an_overlay_is_a_view_that_writes_elsewhere(filesystem, options, is_view, upper):
    entry = MountEntry("/m", filesystem, (0, 1), options=options)

    assert (entry.is_view, entry.upper) == (is_view, upper)
