"""What counts, and how often: the meaning of a walk, on trees small enough to be read."""

from __future__ import annotations

import os
import socket
import stat

import pytest

from docker_storage_exporter.sizer import Root
from sizer import trees
from sizer.conftest import du, opened, unavailable


def test_an_empty_directory_is_its_own_blocks_and_one_inode(tree, agrees_with_du):
    usage = agrees_with_du(tree)

    assert usage.inodes == 1
    assert usage.apparent_bytes == 0
    assert usage.entries == 1


def test_files_and_directories_at_every_level_count(tree, agrees_with_du):
    usage = agrees_with_du(trees.bush(tree))

    assert usage.inodes == 1 + 20 * (2 + 20)
    assert usage.apparent_bytes == 20 * sum(5000 * j + 7 * j for j in range(10))
    assert usage.entries == usage.inodes


def test_a_sparse_file_has_its_length_but_only_the_blocks_written(tree, agrees_with_du):
    with (tree / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)

    usage = agrees_with_du(tree)

    assert usage.apparent_bytes == 1 << 40
    assert usage.allocated_bytes < 1 << 20


def test_apparent_bytes_are_those_of_all_but_directories(tree, walker):
    trees.file(tree / "file", 1000)
    (tree / "link").symlink_to("x" * 50)
    (tree / "directory").mkdir()

    assert walker(tree).apparent_bytes == 1050


def test_an_inode_with_several_names_counts_once(tree, agrees_with_du):
    (tree / "a").mkdir()
    trees.file(tree / "one", 100_000)
    os.link(tree / "one", tree / "two")
    os.link(tree / "one", tree / "a" / "three")

    usage = agrees_with_du(tree)

    assert usage.inodes == 3
    assert usage.apparent_bytes == 100_000
    assert usage.entries == 5


def test_an_inode_linked_into_two_trees_counts_in_each(tree, walker):
    for name in "ab":
        (tree / name).mkdir()
    os.link(trees.file(tree / "a" / "shared", 50_000), tree / "b" / "shared")

    with opened(tree / "a") as a, opened(tree / "b") as b:
        first, second = walker.measure([Root(a), Root(b)], walker.control())

    assert first.apparent_bytes == second.apparent_bytes == 50_000
    assert first.allocated_bytes == du(tree / "a")
    assert second.allocated_bytes == du(tree / "b")


def test_many_hard_links_count_once_each(tree, agrees_with_du):
    usage = agrees_with_du(trees.linked(tree, 500, 3))

    assert usage.inodes == 1 + 3 + 500
    assert usage.entries == 1 + 3 + 1500


def test_symbolic_links_count_as_themselves_and_are_never_followed(tree, agrees_with_du):
    (tree / "loop").symlink_to(".")
    (tree / "up").symlink_to("..")
    (tree / "root").symlink_to("/")
    (tree / "dangling").symlink_to("nowhere")

    assert agrees_with_du(tree).inodes == 5


def test_a_symbolic_link_with_a_text_too_long_for_its_inode_has_blocks(tree, agrees_with_du):
    (tree / "long").symlink_to("x" * 3000)

    assert agrees_with_du(tree).apparent_bytes == 3000


def test_names_may_be_any_bytes(tree, agrees_with_du):
    names = [b"\xff\xfe", b"new\nline", b"-rf", b" ", b"\\", b"...", b"..x", b".x", "ü".encode(), b"x" * 255]
    for name in names:
        (tree / os.fsdecode(name)).mkdir()
        (tree / os.fsdecode(name) / "in").touch()

    assert agrees_with_du(tree).inodes == 1 + 2 * len(names)


def test_fifos_and_sockets_count_and_are_not_opened(tree, agrees_with_du):
    os.mkfifo(tree / "fifo")
    with socket.socket(socket.AF_UNIX) as listener, opened(tree) as descriptor:
        listener.bind(f"/proc/self/fd/{descriptor}/socket")

    assert agrees_with_du(tree).inodes == 3


@pytest.mark.root
def test_overlay_whiteouts_and_other_devices_count_as_inodes_without_bytes(tree, agrees_with_du, mount):
    os.mknod(tree / "whiteout", stat.S_IFCHR, os.makedev(0, 0))
    os.mknod(tree / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))

    usage = agrees_with_du(tree)

    assert usage.inodes == 3
    assert usage.apparent_bytes == 0


def test_a_file_as_root_is_its_own_size(tree, walker):
    trees.file(tree / "file", 12_345)

    usage = walker(tree / "file")

    assert (usage.inodes, usage.apparent_bytes, usage.allocated_bytes) == (1, 12_345, du(tree / "file"))


def test_a_fifo_as_root_is_one_inode(tree, walker):
    os.mkfifo(tree / "fifo")

    assert walker(tree / "fifo", flags=os.O_PATH).inodes == 1


@pytest.mark.parametrize("flags", [os.O_PATH, os.O_RDONLY | os.O_DIRECTORY, os.O_PATH | os.O_DIRECTORY])
def test_a_directory_may_be_open_in_any_way(tree, walker, flags):
    trees.bush(tree, directories=3)

    assert walker(tree, flags=flags) == walker(tree)


def test_the_descriptor_of_a_root_stays_open_and_unmoved(tree, walker):
    trees.bush(tree)
    with opened(tree) as descriptor:
        before = os.lseek(descriptor, 0, os.SEEK_CUR)

        first = walker.measure([Root(descriptor)], walker.control())
        second = walker.measure([Root(descriptor)], walker.control())

        assert before == os.lseek(descriptor, 0, os.SEEK_CUR)
        assert first == second


def test_each_root_has_its_own_usage_in_the_order_given(tree, walker):
    for i in range(40):
        (tree / str(i)).mkdir()
        trees.file(tree / str(i) / "file", i)
    descriptors = [os.open(tree / str(i), os.O_RDONLY) for i in range(40)]

    usages = walker.measure([Root(descriptor) for descriptor in descriptors], walker.control())

    for descriptor in descriptors:
        os.close(descriptor)
    assert [usage.apparent_bytes for usage in usages] == list(range(40))


def test_the_same_root_twice_is_measured_twice(tree, walker):
    trees.linked(tree, 50, 2)
    with opened(tree) as descriptor:
        first, second = walker.measure([Root(descriptor), Root(descriptor)], walker.control())

    assert first == second


def test_no_roots_have_no_usages(walker):
    assert walker.measure([], walker.control()) == []


def test_a_descriptor_that_is_not_open_raises(walker):
    with pytest.raises(OSError, match="Bad file descriptor"):
        walker.measure([Root(9999)], walker.control())


def test_the_cost_of_a_walk_is_told(tree, walker):
    trees.bush(tree)

    usage = walker(tree)

    assert 0 < usage.cpu_seconds < 10
    assert usage.entries == usage.inodes


def test_a_sum_of_lengths_that_no_number_holds_is_the_largest_one(memory, walker):
    """Sparse files on a filesystem in memory may be as long as that."""
    folder = memory / f"sparse-{walker.module}-{walker.threads}"
    folder.mkdir()
    for name in ("one", "two", "three"):
        try:
            os.truncate(os.open(folder / name, os.O_CREAT | os.O_RDWR), 2**63 - 4096)
        except OSError:
            unavailable("no filesystem in memory takes files of that length")

    assert walker(folder).apparent_bytes == 2**64 - 1
