"""A store over two roots, as an image store has: what the rest of the program makes of its facts."""

from dataclasses import dataclass

import pytest

from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.layout import HostView, container_key, plan_of
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container, Engine, Image, Inventory, StorageRoot
from docker_storage_exporter.model.places import Location, Unmeasured
from docker_storage_exporter.model.sizes import Size
from docker_storage_exporter.model.snapshot import Row
from docker_storage_exporter.storage import Claim, Stores
from docker_storage_exporter.survey import Known, assemble

ROOTS = (
    StorageRoot("/var/lib/docker", "data", "/"),
    StorageRoot("/images/containerd", "images", "/images"),
)
MOUNTS = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry("/images", "xfs", (8, 2))])


@dataclass(frozen=True)
class TwoRoots:
    """Facts of a made-up store: snapshots below the images' root, what the engine adds to them below the data root."""

    images_root: str
    data_root: str
    snapshots: tuple[str, ...] = ("7", "8")
    reason: Unmeasured | None = None

    @property
    def complete(self):
        return self.reason is None

    @property
    def stored_bytes(self):
        return 4096

    def keeps(self, container):
        return container.driver == "two-roots"

    def writable_layer(self, container):
        if container.layer not in self.snapshots:
            return Unmeasured.UNKNOWN_LAYER
        snapshot = f"{self.images_root}/snapshots/{container.layer}/fs"
        owner = ObjectKey(Kind.LAYER, "", container.id)
        return Claim(owner, (snapshot, f"{self.data_root}/rootfs/{container.id}"), with_apparent=False)

    def directories(self, container):
        return (f"{self.images_root}/snapshots/{container.layer}", f"{self.data_root}/rootfs/{container.id}")

    def layers(self):
        return self.snapshots

    def images(self):
        return (Image("sha256:1"),)

    def called(self, location):
        return "a snapshot" if self.whose(location) else ""

    def claims(self, inventory):
        for container in inventory.containers:
            if isinstance(claim := self.writable_layer(container), Claim):
                yield claim
        yield Claim(ObjectKey(Kind("image"), "images", "sha256:1"), (), Size(4096))

    def whose(self, location):
        folder = "/containerd/snapshots/"
        inside = location.device == (8, 2) and location.path.startswith(folder)
        return location.path[len(folder) :].partition("/")[0] if inside else None


@pytest.fixture
def inventory():
    """Three containers: one of the store, one that it does not know, one of a driver left over."""
    containers = (
        Container("a" * 64, "a", driver="two-roots", layer="7"),
        Container("b" * 64, "b", driver="two-roots", layer="9"),
        Container("c" * 64, "c", driver="overlay2", layer="f" * 64),
    )
    return Inventory(Engine(), containers=containers, roots=ROOTS)


@pytest.fixture
def facts(inventory):
    """The facts of the store in these roots."""
    return TwoRoots(inventory.root_of("images"), inventory.root_of("data"))


@pytest.fixture
def plan(inventory, facts):
    """Where everything is."""
    return plan_of(HostView(inventory, MOUNTS, stores=Stores((facts,))))


def test_a_layer_in_two_roots_is_one_object_with_two_folders(plan):
    place = plan.places[container_key("a" * 64)]

    folders = ("/images/containerd/snapshots/7/fs", f"/var/lib/docker/rootfs/{'a' * 64}")
    assert place.source == Walk(folders, with_apparent=False)
    assert (place.mountpoint, place.location) == ("/images", Location((8, 2), "/containerd/snapshots/7/fs"))


def test_what_the_store_does_not_know_and_what_is_another_s_say_why(plan):
    assert plan.places[container_key("b" * 64)].unmeasured is Unmeasured.UNKNOWN_LAYER
    assert plan.places[container_key("c" * 64)].unmeasured is Unmeasured.DRIVER


def test_both_filesystems_are_on_the_page_once(inventory, plan):
    snapshot = assemble(inventory, plan, Known(), 1.0)

    assert snapshot.mountpoints == ("/", "/images")
    assert all(isinstance(row, Row) for row in snapshot.all_rows())


def test_a_claim_may_have_its_number_and_a_scope(inventory, facts):
    claims = {claim.owner: claim for claim in facts.claims(inventory)}

    assert claims[ObjectKey(Kind("image"), "images", "sha256:1")].size == Size(4096)
    assert facts.whose(Location((8, 2), "/containerd/snapshots/8/work")) == "8"
    assert facts.whose(Location((8, 1), "/containerd/snapshots/8/work")) is None
