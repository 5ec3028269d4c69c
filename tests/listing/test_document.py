"""Listing: what the exporter writes is what a command reads, and nothing else is."""

import json
from dataclasses import replace

import pytest

from docker_storage_exporter.listing.document import (
    FilesystemRow,
    LeftOut,
    Listing,
    Origin,
    document,
    from_document,
    totals,
    with_rows,
)
from docker_storage_exporter.listing.making import listing
from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.listing.selection import Selection
from docker_storage_exporter.listing.table import TableStyle
from docker_storage_exporter.listing.text import render_footer
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Engine, Inventory, StorageRoot
from docker_storage_exporter.model.places import Skip, Unmeasured
from docker_storage_exporter.model.snapshot import Snapshot

ROWS = (
    Row("volume", "b", 10, 20, 3, 0, users=("web",), measured_timestamp=5.0, growth_bytes_per_hour=-7.5),
    Row(
        "volume",
        "a",
        30,
        5,
        1,
        2,
        note="2 unreadable",
        complete=False,
        measured_timestamp=9.0,
        growth_bytes_per_hour=7.5,
    ),
    Row("bind_mount", "/x", 30, 5, 1, 0, counted=False, growth_bytes_per_hour=0.0),
    Row("tmpfs_mount", "web:/t\u202e", note="not measured yet", complete=False),
)
WHOLE = with_rows(
    Listing(
        at=10.0,
        origin=Origin("mark", "/var/lib/docker", "id", "api"),
        filesystems=(FilesystemRow("/", 100, 60, 20, 9, 4),),
        left_out=(LeftOut("volume", "skipped", "driver", 2), LeftOut("volume", "pending", "", 3)),
    ),
    ROWS,
)


def test_a_listing_survives_being_written_and_read():
    assert from_document(json.loads(json.dumps(document(WHOLE)))) == WHOLE


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found.pop("objects"),
        lambda found: found.update(at="now"),
        lambda found: found.update(objects=[{}]),
        lambda found: found["objects"][0].update(name=None),
        lambda found: found["objects"][0].update(allocated_bytes="10"),
        lambda found: found["objects"][0].update(users=[1]),
        lambda found: found["origin"].update(root=7),
        lambda found: found["filesystems"][0].pop("size_bytes"),
        lambda found: found.update(left_out=5),
    ],
)
def test_what_is_no_listing_is_refused(spoil):
    found = document(WHOLE)
    spoil(found)

    with pytest.raises(ValueError, match=r"no listing|could not convert"):
        from_document(found)


@pytest.mark.parametrize("found", [None, [], "text", {}, 5])
def test_what_is_no_document_is_refused(found):
    with pytest.raises(ValueError, match="no listing"):
        from_document(found)


def test_totals_count_once_what_counts_in_another_row():
    found = {total.kind: total for total in totals(ROWS)}

    assert (found["volume"].objects, found["volume"].allocated_bytes, found["volume"].inodes) == (2, 40, 4)
    assert (found["bind_mount"].objects, found["bind_mount"].allocated_bytes) == (1, 0)
    assert found["tmpfs_mount"].allocated_bytes is None


def test_totals_are_lower_bounds_where_a_number_is_missing_lacks_entries_or_is_cut():
    assert {total.kind: total.complete for total in totals(ROWS)} == {
        "volume": False,
        "bind_mount": True,
        "tmpfs_mount": False,
    }
    assert {total.kind: total.complete for total in totals(ROWS, ["bind_mount"])}["bind_mount"] is False


def test_what_counts_in_another_row_makes_no_lower_bound():
    inside = Row("bind_mount", "/x/y", note="unmeasured: vanished", counted=False, complete=False)

    assert [total.complete for total in totals([ROWS[2], inside])] == [True]


def test_the_age_is_that_of_the_oldest_number():
    assert WHOLE.oldest == 5.0
    assert with_rows(WHOLE, ROWS[3:]).oldest is None
    assert WHOLE.objects("pending") == 3


def test_a_snapshot_s_listing_says_what_was_left_out_and_why_sizes_were_refused():
    inventory = Inventory(Engine(id="e"), roots=(StorageRoot("/r"),), refused=Unmeasured.FOREIGN_ENGINE)
    snapshot = Snapshot(
        inventory,
        1.0,
        skipped={(Kind.VOLUME, Skip.REMOTE): 1},
        pending={Kind.LOG: 2},
        cut={Kind.BIND: 0, Kind.LAYER: 4},
    )

    found = listing(snapshot, "mark", ())

    assert found.origin == Origin("mark", "/r", "e", "api", "foreign_engine")
    assert found.left_out == (
        LeftOut("volume", "skipped", "remote_filesystem", 1),
        LeftOut("container_log", "pending", "", 2),
        LeftOut("container_layer", "cut", "", 4),
    )


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(), ["/x", "a", "b", "web:/t\u202e"]),
        (Selection(sort="apparent"), ["b", "/x", "a", "web:/t\u202e"]),
        (Selection(sort="growth"), ["a", "/x", "b", "web:/t\u202e"]),
        (Selection(sort="growth-now"), ["/x", "a", "b", "web:/t\u202e"]),
        (Selection(sort="name"), ["/x", "a", "b", "web:/t\u202e"]),
        (Selection(sort="inodes", kinds=frozenset({"volume"})), ["b", "a"]),
        (Selection(dangling=True), ["a"]),
        (Selection(top=1), ["/x"]),
    ],
)
def test_a_selection_keeps_what_is_wanted_in_its_order(selection, names):
    assert [row.name for row in selection.of(WHOLE).rows] == names


def test_the_footer_tells_totals_room_and_what_is_missing():
    assert render_footer(WHOLE) == (
        "\n"
        "TOTAL        ALLOCATED  APPARENT  INODES  OBJECTS\n"
        "volume          ≥ 40 B    ≥ 25 B     ≥ 4        2\n"
        "bind_mount         0 B       0 B       0        1\n"
        "tmpfs_mount          -         -       -        1\n"
        "\n"
        "FILESYSTEM   SIZE  USED  AVAIL  USE%  INODES USED\n"
        "/           100 B  60 B   20 B   75%            5\n"
        "\n"
        "skipped: 2 volumes (driver)\n"
        "unreadable: 2 entries in 1 object, whose sizes lack them\n"
    )


def test_an_account_is_of_known_numbers_alone_and_a_lower_bound_where_one_is_missing():
    there = [replace(row, mountpoint="/") for row in ROWS]
    unknown = [row for row in there if row.allocated_bytes is None]

    assert "\naccounted for ≥ 40 B of 60 B used; not measured: " in render_footer(with_rows(WHOLE, there))
    whole = [row for row in there if row.complete]
    assert "\naccounted for 10 B of 60 B used; not measured: " in render_footer(with_rows(WHOLE, whole))
    folded = render_footer(with_rows(WHOLE, whole), TableStyle(width=60)).splitlines()
    assert "accounted for 10 B of 60 B used; not measured: build cache," in folded
    assert "  and whatever else is on that disk" in folded
    disks = replace(WHOLE, filesystems=(*WHOLE.filesystems, FilesystemRow("/srv", 200, 30, 20, 9, 4)))
    both = [*whole, *(replace(row, mountpoint="/srv") for row in whole)]
    assert (
        "\naccounted for 10 B of 60 B used of / and 10 B of 30 B used of /srv; "
        "not measured: build cache, and whatever else is on those disks\n"
    ) in render_footer(with_rows(disks, both))
    assert "accounted for" not in render_footer(with_rows(WHOLE, unknown))
    assert "accounted for" not in render_footer(with_rows(WHOLE, there), selected=True)
