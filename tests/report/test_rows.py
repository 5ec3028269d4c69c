"""Rows: every object once, the largest first, and why a number is missing."""

import pytest

from docker_storage_exporter.model import (
    BindRow,
    Container,
    ContainerRow,
    Engine,
    Inventory,
    Measurement,
    Method,
    Mount,
    Place,
    Sized,
    Skip,
    Snapshot,
    TmpfsRow,
    Tree,
    Unmeasured,
    Volume,
    VolumeRow,
)
from docker_storage_exporter.report import Row, rows
from docker_storage_exporter.schedule import Growth
from docker_storage_exporter.sizer import Usage

TREE = Tree(Method.WALK, "/x")


def sized(allocated, **facts):
    """A measured tree of so many bytes."""
    unreadable = facts.pop("unreadable", {})
    usage = Usage(allocated_bytes=allocated, apparent_bytes=allocated // 2, inodes=3, unreadable=unreadable)
    return Sized(Place(TREE), Measurement(usage, at=1.0, **facts))


def snapshot(**parts):
    """A snapshot of these rows."""
    return Snapshot(Inventory(Engine()), at=1.0, **parts)


def volume(name, size):
    """A row of a volume."""
    return VolumeRow(name, Volume(name), size)


def test_the_largest_come_first_zero_before_none_and_equals_by_name():
    found = rows(
        snapshot(
            volumes=(
                volume("none", Sized(Place(TREE))),
                volume("zero", sized(0)),
                volume("b", sized(10)),
                volume("a", sized(10)),
                volume("big", sized(99)),
            )
        )
    )

    assert [row.name for row in found] == ["big", "a", "b", "zero", "none"]


def test_every_kind_of_object_has_its_row():
    container = ContainerRow(
        "web", Container("1", "web"), sized(7), log=sized(5), tmpfs=(TmpfsRow("/t\udcff", sized(3, size_bytes=64)),)
    )

    found = rows(
        snapshot(volumes=(volume("v", sized(9)),), containers=(container,), binds=(BindRow("/srv", "/srv", sized(1)),))
    )

    assert found == [
        Row("volume", "v", 9, 4, 3, 0, measured_timestamp=1.0),
        Row("container_layer", "web", 7, 3, 3, 0, measured_timestamp=1.0),
        Row("container_log", "web", 5, 2, 3, 0, measured_timestamp=1.0),
        Row("tmpfs_mount", r"web:/t\xff", 3, None, 3, 0, measured_timestamp=1.0),
        Row("bind_mount", "/srv", 1, 0, 3, 0, measured_timestamp=1.0),
    ]


def test_a_row_names_the_containers_that_mount_it_and_its_project():
    mounts = (Mount("volume", "v", "/data"), Mount("volume", "v", "/again"), Mount("bind", "/srv", "/srv"))
    labels = {"com.docker.compose.project": "shop"}
    containers = tuple(Container(n, n, mounts=mounts, labels=labels) for n in ("web", "db"))
    rows_of = tuple(ContainerRow(c.name, c, sized(1)) for c in containers)
    bind = BindRow("/srv", "/srv", sized(1), users=(("web", mounts[2]), ("db", mounts[2])))
    inventory = Inventory(Engine(), containers=containers)
    stack = VolumeRow("w", Volume("w", labels={"com.docker.stack.namespace": "prod"}), sized(1))

    found = {
        row.name: row
        for row in rows(
            Snapshot(inventory, 1.0, volumes=(volume("v", sized(1)), stack), containers=rows_of, binds=(bind,))
        )
    }

    assert found["v"].users == found["/srv"].users == ("db", "web")
    assert [found[name].dangling for name in ("v", "w", "/srv")] == [False, True, False]
    assert [found[name].project for name in ("v", "w", "web")] == ["", "prod", "shop"]


def test_bytes_that_are_part_of_another_row_do_not_count_again():
    bind = BindRow("/x", "/x", sized(5), counted=False)

    found = rows(snapshot(volumes=(volume("a", sized(5)), volume("b", sized(5))), binds=(bind,)))

    assert {row.name: row.counted for row in found} == {"a": True, "b": False, "/x": False}


def test_growth_is_that_of_the_tree():
    (row,) = rows(snapshot(volumes=(volume("a", sized(5)),)), {TREE: Growth(2.0, 60.0, 100.0)})

    assert (row.growth_bytes_per_second, row.growth_bytes_per_hour) == (2.0, 60.0)


def test_a_container_whose_driver_keeps_no_log_has_no_row_for_it():
    found = rows(snapshot(containers=(ContainerRow("web", Container("1", "web"), sized(7)),)))

    assert [row.kind for row in found] == ["container_layer"]


@pytest.mark.parametrize(
    ("size", "note"),
    [
        (Sized(Place(skip=Skip.DRIVER)), "skipped: driver"),
        (Sized(Place(unmeasured=Unmeasured.DRIVER), failed=Unmeasured.DRIVER), "unmeasured: unsupported_driver"),
        (Sized(Place(TREE), failed=Unmeasured.PERMISSION), "unmeasured: permission_denied"),
        (Sized(Place(TREE)), "not measured yet"),
        (Sized(Place()), "not measured: switched off"),
    ],
)
def test_an_object_without_a_number_says_why(size, note):
    (row,) = rows(snapshot(volumes=(volume("v", size),)))

    assert row == Row("volume", "v", note=note)


def test_entries_that_could_not_be_read_are_noted_beside_the_size():
    (row,) = rows(snapshot(volumes=(volume("v", sized(4, unreadable={"EACCES": 2, "EIO": 1})),)))

    assert (row.allocated_bytes, row.unreadable, row.note) == (4, 3, "3 unreadable")
