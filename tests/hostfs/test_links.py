"""Links: the files that deleting a tree does not free, since they have names elsewhere."""

import os

import pytest

from docker_storage_exporter.hostfs.links import LinkedOutside, linked_outside


@pytest.fixture
def folder(tmp_path):
    """A tree with a link inside of it only, and one to the outside."""
    (tmp_path / "tree/sub").mkdir(parents=True)
    for name in ("inner", "sub/outer", "single"):
        (tmp_path / "tree" / name).write_bytes(b"x" * 10_000)
    os.link(tmp_path / "tree/inner", tmp_path / "tree/sub/inner")
    os.link(tmp_path / "tree/sub/outer", tmp_path / "outside")
    return tmp_path


def outside(path, mountpoints=()):
    """What of a path is linked from elsewhere."""
    descriptor = os.open(path, os.O_PATH)
    try:
        return linked_outside(descriptor, mountpoints)
    finally:
        os.close(descriptor)


def test_a_file_counts_when_a_name_of_it_is_elsewhere(folder):
    size = os.stat(folder / "outside").st_blocks * 512

    assert outside(folder / "tree") == LinkedOutside(1, size)
    assert outside(folder / "tree/sub") == LinkedOutside(2, 2 * size)
    assert outside(folder) == LinkedOutside()


def test_a_file_alone_is_linked_when_it_has_two_names(folder):
    assert outside(folder / "outside").files == 1
    assert outside(folder / "tree/single") == LinkedOutside()


def test_what_is_mounted_below_is_not_looked_at(folder):
    assert outside(folder / "tree", {"sub"}).files == 1  # the other name of inner is under the mount


def test_a_link_to_a_directory_is_not_followed(folder):
    os.symlink(folder, folder / "tree/up")

    assert outside(folder / "tree").files == 1
