"""API: the objects as JSON, made when asked for and once for each snapshot."""

import json
import urllib.error
import urllib.request

import pytest

from docker_storage_exporter.hostfs.boot import host_mark
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.listing.document import from_document
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.objects import Engine, Inventory, StorageRoot
from docker_storage_exporter.model.sizes import Identity, Size
from docker_storage_exporter.schedule.history import History
from docker_storage_exporter.web.api import ObjectsDocument
from docker_storage_exporter.web.app import application
from pages import measured as measured_place
from pages import page_of, volume_row


@pytest.fixture
def history():
    """Nothing has grown yet."""
    return History()


@pytest.fixture
def objects(store, history):
    """The document of this host."""
    return ObjectsDocument(store, history, Host())


def measured(at, size, root):
    """A snapshot of one volume, measured at a time, on a data root that is a filesystem."""
    row = volume_row("v", measured_place(Walk(("/x",)), Size(size), at, Identity(1, 1), start=10.0))
    inventory = Inventory(Engine(id="e"), roots=(StorageRoot(root, mountpoint=root),))
    return page_of(row, inventory=inventory, at=at, mountpoints=(root,))


def test_before_anything_is_listed_there_is_none(objects):
    assert objects() is None


def test_it_is_a_listing_of_this_host_with_growth_and_room(objects, store, history, tmp_path):
    for at, size in ((10.0, 0), (20.0, 500)):
        snapshot = measured(at, size, str(tmp_path))
        history.note(snapshot)
        store.publish(snapshot)

    found = from_document(json.loads(objects()))

    (row,) = found.rows
    assert (row.name, row.allocated_bytes, row.growth_bytes_per_second, row.growth_bytes_per_hour) == (
        "v",
        500,
        50,
        180_000,
    )
    assert (found.at, found.origin.host, found.origin.root) == (20.0, host_mark("/proc"), str(tmp_path))
    assert [filesystem.mountpoint for filesystem in found.filesystems] == [str(tmp_path)]
    assert [total.allocated_bytes for total in found.totals] == [500]


def test_rows_are_made_once_for_a_snapshot_and_anew_for_the_next(objects, store, history, tmp_path):
    store.publish(measured(10.0, 1, str(tmp_path)))
    objects()
    made = objects._made
    objects()

    assert objects._made is made

    store.publish(measured(20.0, 2, str(tmp_path)))
    assert json.loads(objects())["objects"][0]["allocated_bytes"] == 2


def test_the_server_answers_with_it_or_says_that_it_is_not_ready(start, pages, store, objects, tmp_path):

    url = start(application(pages, store, objects)).urls[0] + "/api/v1/objects"
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url, timeout=10)
    assert error.value.code == 503
    error.value.close()

    store.publish(measured(10.0, 1, str(tmp_path)))
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        assert json.load(answer)["origin"]["engine"] == "e"
