"""Rows: every object once, the largest first, and why a number is missing."""

import pytest

from docker_storage_exporter.layout import volume_key
from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.listing.rows import rows
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.objects import Container, Engine, Inventory, Mount, Volume
from docker_storage_exporter.model.places import Place, Sized, Skip, Unmeasured
from docker_storage_exporter.model.sizes import Growth
from pages import NOWHERE, bind_row, layer_row, log_row, page_of, tmpfs, tmpfs_row, volume_row, walked

PLACE = Place(Walk(("/x",)))


def sized(allocated, **facts):
    """A measured tree of so many bytes."""
    return walked("/x", allocated, **facts)


def test_the_largest_come_first_zero_before_none_and_equals_by_name():
    found = rows(
        page_of(
            volume_row("none", Sized(PLACE)),
            volume_row("zero", sized(0)),
            volume_row("b", sized(10)),
            volume_row("a", sized(10)),
            volume_row("big", sized(99)),
        )
    )

    assert [row.name for row in found] == ["big", "a", "b", "zero", "none"]


def test_every_kind_of_object_has_its_row():
    web, mount = Container("1", "web"), Mount("tmpfs", "", "/t\udcff")

    found = rows(
        page_of(
            volume_row("v", sized(9)),
            layer_row(web, sized(7)),
            log_row(web, sized(5)),
            tmpfs_row(web, mount, tmpfs("1", "/t", 3, 64)),
            bind_row("/srv", sized(1)),
        )
    )

    assert found == [
        Row("volume", "v", 9, 4, 3, 0, measured_timestamp=1.0),
        Row("container_layer", "web", 7, 3, 3, 0, measured_timestamp=1.0),
        Row("container_log", "web", 5, 2, 3, 0, measured_timestamp=1.0),
        Row("tmpfs_mount", r"web:/t\xff", 3, None, 3, None, measured_timestamp=1.0),
        Row("bind_mount", "/srv", 1, 0, 3, 0, measured_timestamp=1.0),
    ]


def test_a_row_names_the_containers_that_mount_it_and_its_project():
    mounts = (Mount("volume", "v", "/data"), Mount("volume", "v", "/again"), Mount("bind", "/srv", "/srv"))
    labels = {"com.docker.compose.project": "shop"}
    containers = tuple(Container(n, n, mounts=mounts, labels=labels) for n in ("web", "db"))
    users = tuple((container.id, mount) for container in containers for mount in mounts[:2])
    stack = Volume("w", labels={"com.docker.stack.namespace": "prod"})
    page = page_of(
        volume_row("v", sized(1), users=users),
        volume_row("w", sized(1), stack),
        *(layer_row(container, sized(1)) for container in containers),
        bind_row("/srv", sized(1), users=(("web", mounts[2]), ("db", mounts[2]))),
        inventory=Inventory(Engine(), containers=containers),
    )

    found = {row.name: row for row in rows(page)}

    assert found["v"].users == found["/srv"].users == ("db", "web")
    assert [found[name].dangling for name in ("v", "w", "/srv")] == [False, True, False]
    assert [found[name].project for name in ("v", "w", "web")] == ["", "prod", "shop"]


def test_bytes_that_are_part_of_another_row_do_not_count_again():
    found = rows(page_of(volume_row("a", sized(5)), bind_row("/x", sized(5), counted=False)))

    assert {row.name: row.counted for row in found} == {"a": True, "/x": False}


def test_growth_is_that_of_the_object():
    growth = {volume_key("a"): Growth(2.0, 60.0, 100.0)}
    first, second = rows(page_of(volume_row("a", sized(5)), volume_row("b", sized(5))), growth)

    assert (first.growth_bytes_per_second, first.growth_bytes_per_hour) == (2.0, 60.0)
    assert (second.growth_bytes_per_second, second.growth_bytes_per_hour) == (None, None)


def test_a_container_whose_driver_keeps_no_log_has_no_row_for_it():
    found = rows(page_of(layer_row(Container("1", "web"), sized(7))))

    assert [row.kind for row in found] == ["container_layer"]


@pytest.mark.parametrize(
    ("size", "note", "complete"),
    [
        (Sized(Place(skip=Skip.DRIVER)), "skipped: driver", True),
        (Sized(Place(unmeasured=Unmeasured.DRIVER), failed=Unmeasured.DRIVER), "unmeasured: unsupported_driver", False),
        (Sized(PLACE, failed=Unmeasured.PERMISSION), "unmeasured: permission_denied", False),
        (Sized(PLACE), "not measured yet", False),
        (NOWHERE, "not measured: switched off", True),
    ],
)
def test_an_object_without_a_number_says_why_and_whether_it_should_have_one(size, note, complete):
    (row,) = rows(page_of(volume_row("v", size)))

    assert row == Row("volume", "v", note=note, complete=complete)


def test_entries_that_could_not_be_read_are_noted_beside_the_size():
    (row,) = rows(page_of(volume_row("v", sized(4, unreadable=3))))

    assert (row.allocated_bytes, row.unreadable, row.note) == (4, 3, "3 unreadable")
