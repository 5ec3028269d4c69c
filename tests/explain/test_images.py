"""Images explained: found by any name, in parts, with what removing them frees and loses."""

from __future__ import annotations

import pytest

from docker_storage_exporter.explain.explainer import Explainer
from docker_storage_exporter.explain.looking import Looker
from docker_storage_exporter.explain.owners import Owners
from docker_storage_exporter.explain.removal import Removal
from docker_storage_exporter.explain.territory import Territories
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.layout import HostView, plan_of
from docker_storage_exporter.listing.row import SHARED_IMAGES
from docker_storage_exporter.model.objects import Container, Engine, Image, Inventory, Piece, StorageRoot
from docker_storage_exporter.storage import Stores
from docker_storage_exporter.storage.graph import GraphFacts
from docker_storage_exporter.storage.layerdb import LayerDatabase
from docker_storage_exporter.storage.overlay2 import DRIVER

SHOP, OLD, ODD = "sha256:12" + "3" * 62, "sha256:12" + "4" * 62, "sha256:5" + "6" * 63


@pytest.fixture
def explain(tmp_path):
    """Explain something of a host with three images, one of which cannot be measured."""
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "file").write_bytes(b"x" * 10_000)
    images = (
        Image(SHOP, ("shop:1", "team/shop:latest"), unique=(Piece("a", 100), Piece("b", path=str(layer))), shared=(
            Piece("base", 5000, "/c/base"),)),
        Image(OLD, unique=(Piece("c", 300),)),
        Image(ODD, ("odd:1",), unique=(Piece("d"),)),
    )  # fmt: skip
    users = (
        Container("a" * 64, "web", image_id=SHOP, state="running", driver="overlay2"),
        Container("b" * 64, "job", image_id=SHOP, state="exited", driver="overlay2"),
    )
    inventory = Inventory(Engine(), containers=users, roots=(StorageRoot("/d"),))
    stores = Stores((GraphFacts(DRIVER, "/d/overlay2", database=LayerDatabase(images=images)),))
    host = Host()
    plan = plan_of(HostView(inventory, MountTable([MountEntry("/", "ext4", (8, 1))]), stores=stores))
    owners = Owners(inventory, plan, stores)
    territories = Territories(inventory, owners, stores, host)
    return Explainer(inventory, owners, territories, host, Removal(), Looker(host, {})).explain


@pytest.mark.parametrize("name", ["shop:1", "team/shop:latest", SHOP, SHOP[:19], SHOP[7:19], "123333"])
def test_it_is_found_by_any_of_its_names(explain, name):
    (found,) = explain(name)

    assert (found.target, found.owner) == ("shop:1", "image")
    assert found.facts == {
        "id": SHOP,
        "tags": "shop:1, team/shop:latest",
        "made from it": "web (running), job (exited)",
    }


def test_its_own_part_is_what_removing_it_frees_and_the_shared_part_stays(explain):
    (found,) = explain("shop:1")

    alone, shared = found.parts
    assert (alone.what, alone.allocated_bytes) == ("its alone", 100 + 4096 + 12288)
    assert (shared.what, shared.allocated_bytes, shared.note) == ("shared", 5000, "1 layer or blob")
    assert [stay.allocated_bytes for stay in found.stays] == [5000]
    (remedy,) = found.remedies
    assert remedy.command == "docker stop web && docker rm job web && docker image rm shop:1 team/shop:latest"
    assert remedy.frees_bytes == alone.allocated_bytes
    assert remedy.loses == "the image, and what its containers wrote to their layers and logs"


def test_its_directories_are_named_the_largest_first(explain, tmp_path):
    (found,) = explain("shop:1")

    assert found.largest == ((f"{tmp_path}/layer", 4096 + 12288), ("/c/base", 5000), ("a", 100))


def test_a_dangling_one_is_removed_by_its_id(explain):
    (found,) = explain(OLD[:19])

    assert (found.target, found.remark) == (OLD[:19], "dangling: no tag names it")
    assert [remedy.command for remedy in found.remedies] == [f"docker image rm {OLD}"]
    assert found.stays == ()


def test_what_cannot_be_measured_frees_nobody_knows_what(explain):
    (found,) = explain("odd:1")

    assert (found.parts[0].allocated_bytes, found.parts[0].note) == (None, "not measured: some of it cannot be read")
    assert [remedy.frees_bytes for remedy in found.remedies] == [None]


def test_the_row_of_what_images_share_is_explained_as_well(explain):
    (found,) = explain(SHARED_IMAGES)

    assert found.remedies == ()
    assert "several images" in found.remark
