"""A walk stays on the filesystem it began on and out of what is mounted below."""

from __future__ import annotations

import pytest

from docker_storage_exporter.sizer import Root
from sizer import trees
from sizer.conftest import du, opened

pytestmark = pytest.mark.root


def test_a_mounted_filesystem_is_left_out_with_its_root(tree, agrees_with_du, mount):
    trees.file(tree / "before", 10)
    (tree / "mounted").mkdir()
    trees.file(tree / "zafter", 20)
    mount("-t", "tmpfs", "tmpfs", tree / "mounted")
    trees.file(tree / "mounted" / "file", 1 << 20)

    usage = agrees_with_du(tree)

    assert usage.inodes == 3
    assert usage.apparent_bytes == 30
    assert usage.entries == 4


def test_a_file_mounted_from_another_device_is_left_out_and_its_siblings_count(tree, tmp_path, agrees_with_du, mount):
    (tmp_path / "other").mkdir()
    mount("-t", "tmpfs", "tmpfs", tmp_path / "other")
    foreign = trees.file(tmp_path / "other" / "file", 1 << 20)
    for name in ("a", "mounted", "z"):
        trees.file(tree / name, 100)
    (tree / "directory").mkdir()
    trees.file(tree / "directory" / "inner", 100)
    mount("--bind", foreign, tree / "mounted")

    usage = agrees_with_du(tree)

    assert usage.apparent_bytes == 300
    assert usage.inodes == 5


def test_a_listed_mount_point_of_the_same_device_is_left_out(tree, tmp_path, walker, mount):
    trees.bush(tmp_path / "elsewhere", directories=3)
    trees.file(tree / "file", 10)
    (tree / "a" / "b").mkdir(parents=True)
    mount("--bind", tmp_path / "elsewhere", tree / "a" / "b")

    usage = walker(tree, ["a/b"])

    assert usage.inodes == 3
    assert usage.apparent_bytes == 10


def test_a_listed_file_of_the_same_device_is_left_out(tree, tmp_path, walker, mount):
    trees.file(tmp_path / "elsewhere", 1000)
    trees.file(tree / "file", 10)
    trees.file(tree / "hosts", 1)
    mount("--bind", tmp_path / "elsewhere", tree / "hosts")

    assert walker(tree, ["hosts"]).apparent_bytes == 10


def test_a_root_below_a_mount_of_itself_is_counted_once(tree, walker, mount):
    trees.bush(tree / "data", directories=2)
    (tree / "data" / "again").mkdir()
    alone = walker(tree / "data")
    mount("--bind", tree / "data", tree / "data" / "again")

    usage = walker(tree / "data", ["again"])

    assert usage.inodes == alone.inodes - 1


def test_a_mount_point_as_root_is_walked(tree, agrees_with_du, mount):
    mount("-t", "tmpfs", "tmpfs", tree)
    trees.bush(tree, directories=3)

    assert agrees_with_du(tree).inodes == 1 + 3 * 22


def test_a_tree_on_overlay_agrees_with_du(tree, tmp_path, agrees_with_du, mount):
    for name in ("lower", "upper", "work"):
        (tmp_path / name).mkdir()
    trees.bush(tmp_path / "lower", directories=3)
    layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    mount("-t", "overlay", "overlay", "-o", layers, tree)
    trees.file(tree / "d0" / "f1", 9)
    (tree / "d1" / "f1").unlink()
    trees.remove(tree / "d2")

    agrees_with_du(tree)
    agrees_with_du(tmp_path / "upper")


@pytest.mark.parametrize(
    ("mountpoints", "left_out"),
    [
        ((), set()),
        (("a",), {"a", "a/x", "a/y", "a/x/1"}),
        (("a/x",), {"a/x", "a/x/1"}),
        (("a/x/1", "a b/1"), {"a/x/1", "a b/1"}),
        (("a/x", "a"), {"a", "a/x", "a/y", "a/x/1"}),
        (("a", "a/x/1", "a/y"), {"a", "a/x", "a/y", "a/x/1"}),
        (("a.b", "a b", "a"), {"a", "a/x", "a/y", "a/x/1", "a b", "a b/1", "a.b"}),
        (("a/nothing", "nothing", "nothing/at/all", "a/x/1/2"), set()),
        (("", "a/", "/a", "a//x", "x"), set()),
        (("\udcff", "new\nline"), {"\udcff", "new\nline"}),
    ],
)
def test_exactly_the_listed_paths_and_what_is_below_are_left_out(tree, walker, mountpoints, left_out):
    directories = ["a", "a/x", "a/y", "a/x/1", "a b", "a b/1", "a.b", "ab", "\udcff", "new\nline"]
    for name in directories:
        (tree / name).mkdir()

    usage = walker(tree, mountpoints)

    assert usage.inodes == 1 + len(set(directories) - left_out)


def test_mount_points_belong_to_their_root_alone(tree, walker):
    for root in "ab":
        (tree / root / "x").mkdir(parents=True)

    with opened(tree / "a") as a, opened(tree / "b") as b:
        first, second = walker.measure([Root(a, ["x"]), Root(b)], walker.control())

    assert (first.inodes, second.inodes) == (1, 2)
    assert second.allocated_bytes == du(tree / "b")


def test_hundreds_of_mount_points_are_all_found(tree, walker):
    for i in range(300):
        (tree / f"{i:064}" / "merged" / "root").mkdir(parents=True)

    assert walker(tree, [f"{i:064}/merged" for i in range(300)]).inodes == 301
