"""Images as objects: their numbers come from their pieces."""

from __future__ import annotations

import pytest

from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.layout import HostView, image_key, plan_of
from docker_storage_exporter.listing.row import SHARED_IMAGES
from docker_storage_exporter.listing.rows import rows
from docker_storage_exporter.measure import Layer
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Container, Engine, Image, Inventory, Piece, StorageRoot
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.sizes import Lineage, Measurement, Size
from docker_storage_exporter.storage import Stores
from docker_storage_exporter.survey import Known, Survey, assemble

MOUNTS = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry("/images", "xfs", (8, 2))])
ROOTS = (StorageRoot("/d", mountpoint="/"), StorageRoot("/images/containerd", "images", "/images"))
FIRST, SECOND = "sha256:" + "1" * 64, "sha256:" + "2" * 64
BASE, TOP, BLOB = Piece("base", 100), Piece("top", 20), Piece("blob", 3)


class Facts:
    """A store that has images."""

    complete, reason = True, None

    def __init__(self, *images):
        self._images = images

    def images(self):
        return self._images

    def keeps(self, container):
        return False


def view(*images, store="containerd", containers=()):
    """A host with these images."""
    inventory = Inventory(Engine(image_store=store), containers=containers, roots=ROOTS)
    return HostView(inventory, MOUNTS, stores=Stores((Facts(*images),)), default_registry="index")


def snapshot(*images, known=None, **more):
    """The page."""
    shown = view(*images, **more)
    return assemble(shown.inventory, plan_of(shown), known or Known(), 5.0)


def layer(piece, size, at=2.0):
    """A layer that was measured."""
    source = Layer((piece.path,))
    return {source: Measurement(Size(size), at, source, Lineage(1, 2, 3, source.meaning, 1.0))}


def test_its_number_is_that_of_its_own_pieces_with_the_shared_ones_beside_it():
    page = snapshot(Image(FIRST, unique=(TOP, BLOB), shared=(BASE,), at=4.0))

    (row,) = page.of(Kind.IMAGE)
    assert row.labels == (FIRST,)
    assert (row.sized.measurement.size, row.sized.measurement.at) == (Size(23, shared=100), 4.0)
    assert (page.pending, page.unmeasured) == ({}, {})


def test_what_images_share_counts_once_in_their_sum():
    page = snapshot(Image(FIRST, unique=(TOP,), shared=(BASE,)), Image(SECOND, unique=(BLOB,), shared=(BASE,)))

    assert page.distinct_bytes[Kind.IMAGE] == 123
    listed = {row.name: row.allocated_bytes for row in rows(page)}
    assert listed == {f"{FIRST[:19]}": 20, f"{SECOND[:19]}": 3, SHARED_IMAGES: 100}


def test_it_is_called_by_its_first_tag_as_people_write_it():
    names = ("index/library/shop:1", "index/team/app:2", "elsewhere/library/x:3", "index:5000/y")
    page = snapshot(Image(FIRST, names, unique=(TOP,)))

    (row,) = page.of(Kind.IMAGE)
    assert row.facts.tags == ("elsewhere/library/x:3", "index:5000/y", "shop:1", "team/app:2")
    assert [row.name for row in rows(page)] == ["elsewhere/library/x:3"]


def test_it_knows_how_many_containers_were_made_from_it():
    containers = tuple(Container(f"{n:064x}", f"c{n}", image_id=FIRST, state="exited") for n in range(3))
    page = snapshot(Image(FIRST), Image(SECOND), containers=containers)

    assert [row.facts.containers for row in page.of(Kind.IMAGE)] == [3, 0]


def test_layers_that_the_store_does_not_size_are_measured_once_and_until_then_it_is_pending():
    lower, upper = Piece("lower", path="/d/overlay2/l/diff"), Piece("upper", path="/d/overlay2/u/diff")
    image = Image(FIRST, unique=(upper,), shared=(lower,))
    plan = plan_of(view(image, store="graphdriver"))

    before = snapshot(image, store="graphdriver", known=Known(layer(lower, 100)))
    after = snapshot(image, store="graphdriver", known=Known(layer(lower, 100) | layer(upper, 20, at=3.0)))

    assert plan.sources() == {Layer((upper.path,)): Kind.IMAGE, Layer((lower.path,)): Kind.IMAGE}
    assert all(source.settled for source in plan.sources())
    assert before.pending == {Kind.IMAGE: 1}
    assert [row.note for row in rows(before)] == ["not measured yet"]
    (row,) = after.of(Kind.IMAGE)
    assert (row.sized.measurement.size, row.sized.measurement.at) == (Size(20, shared=100), 3.0)


def test_a_number_that_never_changes_is_never_too_old():
    piece = Piece("layer", path="/d/overlay2/l/diff")
    page = snapshot(Image(FIRST, unique=(piece,)), store="graphdriver", known=Known(layer(piece, 100)))

    assert [(row.allocated_bytes, row.measured_timestamp) for row in rows(page)] == [(100, None)]


def test_without_one_of_its_layers_it_has_no_number_and_says_why():
    gone = Piece("gone", path="/d/overlay2/g/diff")
    image = Image(FIRST, unique=(TOP, gone))

    failed = snapshot(image, known=Known(failures={Layer((gone.path,)): Unmeasured.VANISHED}))
    unknown = snapshot(Image(FIRST, unique=(TOP, Piece("odd"))))

    assert failed.unmeasured == {(Kind.IMAGE, Unmeasured.VANISHED): 1}
    assert unknown.unmeasured == {(Kind.IMAGE, Unmeasured.UNKNOWN_LAYER): 1}
    assert (failed.pending, unknown.pending) == ({}, {})


@pytest.mark.parametrize(("store", "mountpoint"), [("containerd", "/images"), ("graphdriver", "/")])
def test_it_is_on_the_filesystem_of_the_root_with_the_images(store, mountpoint):
    plan = plan_of(view(Image(FIRST, unique=(TOP,)), store=store))

    assert plan.place(image_key(FIRST)).mountpoint == mountpoint


def test_a_row_stays_the_very_same_while_its_pieces_say_the_same():
    shown = view(Image(FIRST, unique=(TOP,)))
    plan, survey = plan_of(shown), Survey()

    before = survey.assemble(shown.inventory, plan, Known(), at=5.0)
    after = survey.assemble(shown.inventory, plan, Known(), at=6.0)

    assert after.of(Kind.IMAGE)[0] is before.of(Kind.IMAGE)[0]
