"""containerd's store: layers by their containers' ids, images by who needs what."""

from __future__ import annotations

import os

import pytest

from bolt_file import write_bolt
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container, Inventory, StorageRoot
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.sizes import Size
from docker_storage_exporter.storage import Claim, knows
from docker_storage_exporter.storage.containerd import DRIVER
from docker_storage_exporter.storage.containerd.store import lists_any
from storage.containerd_root import ContainerdRoot

WRITER, IDLE = "a" * 64, "b" * 64
RECORD = "0123456789abcdefghijklmno"
BASE, TOP, OTHER = (f"sha256:{digit * 64}" for digit in "123")
MANIFEST, CONFIG, TAR = (f"sha256:{digit * 64}" for digit in "abc")
SECOND, SECOND_CONFIG = (f"sha256:{digit * 64}" for digit in "de")
BLOCK = 4096


@pytest.fixture
def root(tmp_path):
    """A root with an image of two layers, and a container with its init layer on it."""
    root = ContainerdRoot(tmp_path / "containerd")
    root.snapshot(BASE, 1, size=100 * BLOCK)
    root.snapshot(TOP, 2, parent=BASE, size=20 * BLOCK)
    root.snapshot(f"{WRITER}-init", 3, parent=TOP)
    root.snapshot(WRITER, 4, "active", parent=f"{WRITER}-init")
    root.blob(MANIFEST, content=(CONFIG, TAR))
    root.blob(CONFIG, snapshot=TOP)
    root.blob(TAR, 2 * BLOCK + 1)
    root.image("registry/shop:1", MANIFEST)
    root.lease(WRITER, snapshots=(WRITER, f"{WRITER}-init"))
    return root.write()


def read(root, previous=None):
    """The facts of a root."""
    return DRIVER.read((StorageRoot("/d"), StorageRoot(str(root.path), "images")), Host(), previous)


def container(identity=WRITER, driver="overlayfs"):
    return Container(identity, "c", driver=driver)


def test_a_writable_layer_is_the_snapshot_that_is_called_by_the_container_s_id(root):
    facts = read(root)

    assert facts.complete
    assert facts.keeps(container())
    assert facts.writable_layer(container()) == Claim(ObjectKey(Kind.LAYER, "", WRITER), (str(root.folder(4)),))
    assert facts.writable_layer(container(IDLE)) is Unmeasured.UNKNOWN_LAYER


def test_the_init_layer_and_what_is_around_the_layer_go_with_the_container(root):
    folders = (str(root.folder(4).parent), str(root.folder(3).parent))

    assert read(root).directories(container()) == folders
    assert read(root).directories(container(IDLE)) == ()


def test_a_layer_of_native_is_the_whole_directory(tmp_path):
    root = ContainerdRoot(tmp_path)
    root.snapshot(WRITER, 7, "active", store="native")

    claim = read(root.write()).writable_layer(container(driver="native"))

    assert claim == Claim(ObjectKey(Kind.LAYER, "", WRITER), (str(root.folder(7, "native")),))


def test_the_store_is_known_for_its_snapshotters_and_for_no_graph_driver():
    assert [knows(name, "containerd") for name in ("overlayfs", "native", "overlay2", "stargz")] == [True, True] + [
        False
    ] * 2
    assert not knows("overlayfs", "graphdriver")


def test_all_of_an_image_that_nothing_else_needs_is_its_own_whatever_containers_it_has(root):
    (image,) = read(root).images()

    assert (image.id, image.names, image.created) == (MANIFEST, ("registry/shop:1",), 1_700_000_000)
    assert sum(piece.allocated for piece in image.unique) == (100 + 20 + 3 + 1 + 1) * BLOCK
    assert image.shared == ()


def test_a_layer_that_two_images_need_is_shared_and_the_rest_is_not(root):
    root.snapshot(OTHER, 5, parent=BASE, size=7 * BLOCK)
    root.blob(SECOND, content=(SECOND_CONFIG,))
    root.blob(SECOND_CONFIG, snapshot=OTHER)
    root.image("other:2", SECOND)

    first, second = read(root.write()).images()

    assert {piece.name for piece in first.shared} == {piece.name for piece in second.shared} == {f"overlayfs/{BASE}"}
    assert {piece.name for piece in second.unique} == {f"overlayfs/{OTHER}", SECOND, SECOND_CONFIG}


def test_two_tags_of_one_digest_are_one_image(root):
    root.image("registry/shop:latest", MANIFEST)

    (image,) = read(root.write()).images()

    assert image.names == ("registry/shop:1", "registry/shop:latest")
    assert image.shared == ()


def test_what_a_build_record_needs_is_shared_with_the_image(root):
    root.lease(RECORD, snapshots=(TOP,), labels=("gc.flat",))
    root.lease(f"{RECORD}-variants", content=(TAR,))

    (image,) = read(root.write()).images()

    assert {piece.name for piece in image.shared} == {f"overlayfs/{BASE}", f"overlayfs/{TOP}", TAR}
    assert {piece.name for piece in image.unique} == {MANIFEST, CONFIG}


def test_what_the_build_history_needs_and_what_another_namespace_has_is_shared(root):
    root.blob(MANIFEST, namespace="moby_history")
    root.lease("ref_1", content=(MANIFEST,), namespace="moby_history")
    root.blob(TAR, 2 * BLOCK + 1, namespace="k8s.io")

    (image,) = read(root.write()).images()

    assert {piece.name for piece in image.shared} == {MANIFEST, TAR}


@pytest.mark.parametrize("label", ["gc.expire", "gc.flat"])
def test_a_temporary_lease_makes_nothing_shared(root, label):
    root.lease("1-abcd" if label == "gc.expire" else "not-an-id", content=(TAR,), labels=(label,))

    (image,) = read(root.write()).images()

    assert image.shared == ()


def test_an_untagged_image_that_a_container_keeps_is_dangling(root):
    root.blob(SECOND)
    root.image(f"moby-dangling@{SECOND}", SECOND)

    images = {image.id: image.names for image in read(root.write()).images()}

    assert images == {MANIFEST: ("registry/shop:1",), SECOND: ()}


def test_content_that_was_never_fetched_takes_nothing(root):
    root.blob(MANIFEST, content=(CONFIG, TAR, f"sha256:{'9' * 64}"))

    (image,) = read(root.write()).images()

    assert sum(piece.allocated for piece in image.unique) == (100 + 20 + 3 + 1 + 1) * BLOCK


def test_claims_are_the_layers_and_what_images_have_alone(root):
    claims = list(read(root).claims(Inventory(None, containers=(container(),))))

    assert claims == [
        Claim(ObjectKey(Kind.LAYER, "", WRITER), (str(root.folder(4)),)),
        Claim(ObjectKey(Kind.IMAGE, "", MANIFEST), (), Size(125 * BLOCK)),
    ]


def called(root, path):
    """What a path is."""
    host = Host()
    return read(root).called(host.location(str(path), host.mounts()))


def test_every_place_is_called_by_who_needs_it(root):
    root.snapshot(RECORD, 8)
    root.lease(RECORD, snapshots=(RECORD,), labels=("gc.flat",))
    root.snapshot("extract-1", 9, "active")
    root.lease("1-abcd", snapshots=("extract-1",), labels=("gc.expire",))
    root.snapshot("sha256:nobody", 10)
    root.snapshot("f" * 64, 12, "active", parent=TOP)
    root.lease("f" * 64, snapshots=("f" * 64,))
    root.snapshot("pod", 11, "active", namespace="k8s.io")
    root.write()
    content = root.path / "io.containerd.content.v1.content"

    below = f"a layer of image registry/shop:1, container {WRITER[:12]}, an image that a container mounts"
    assert called(root, root.folder(2)) == below
    assert called(root, root.folder(4) / "etc") == f"a layer of container {WRITER[:12]}"
    assert called(root, root.folder(8)) == f"a layer of the build cache, record {RECORD}"
    assert called(root, root.folder(9)) == (
        "a layer of a download, an import or a build in progress, or given up (lease 1-abcd)"
    )
    assert called(root, root.folder(12)) == "a layer of an image that a container mounts"
    assert called(root, root.folder(10)) == "a layer that nothing needs: containerd removes it by itself"
    assert called(root, root.folder(11)) == "a layer of the namespace k8s.io, which is not Docker's"
    assert called(root, root.folder(99)) == (
        "a layer that containerd does not list: being deleted, just made, or left over"
    )
    assert called(root, content / "blobs" / TAR.replace(":", "/")) == "content of image registry/shop:1"
    assert called(root, content / "ingest/1/data") == "a download or an import in progress, or given up"
    assert called(root, root.path / "tmpmounts") == "containerd's own files"
    assert called(root, "/proc") == ""


def test_the_layers_are_numbered_by_snapshotter_and_a_place_is_in_one_of_them(root):
    facts, host = read(root), Host()

    assert facts.layers() == ("overlayfs/1", "overlayfs/2", "overlayfs/3", "overlayfs/4")
    assert facts.whose(host.location(str(root.folder(4) / "etc"), host.mounts())) == "overlayfs/4"
    assert facts.whose(host.location(str(root.path), host.mounts())) is None


def test_nothing_is_read_again_until_a_database_has_a_new_transaction(root):
    before = read(root)

    assert read(root, before) is before
    root.snapshot(IDLE, 6, "active")
    after = read(root.write(), before)
    assert after is not before
    assert after.writable_layer(container(IDLE)).paths == (str(root.folder(6)),)


def test_a_database_that_cannot_be_read_leaves_what_was_known_with_a_reason(root):
    before = read(root)
    (root.path / "io.containerd.snapshotter.v1.overlayfs/metadata.db").write_bytes(b"x" * 9000)

    after = read(root, before)

    assert (after.complete, after.reason) == (False, Unmeasured.IO)
    assert after.writable_layer(container()) == before.writable_layer(container())
    assert after.images() == before.images()


@pytest.mark.parametrize("length", [0, 100, 5000, 3 * 4096 + 1])
def test_of_a_database_that_is_cut_short_nothing_is_believed(root, length):
    os.truncate(root.path / "io.containerd.snapshotter.v1.overlayfs/metadata.db", length)

    facts = read(root)

    assert facts.writable_layer(container()) is facts.reason is Unmeasured.IO
    assert facts.directories(container()) == facts.layers() == ()


def test_an_image_whose_layers_cannot_be_read_has_no_number(root):
    (root.path / "io.containerd.snapshotter.v1.overlayfs/metadata.db").write_bytes(b"x" * 9000)

    (image,) = read(root).images()

    assert None in [piece.allocated for piece in image.unique]


def test_a_running_container_s_layer_is_known_by_its_mount_where_the_database_is_not(root, monkeypatch):
    (root.path / "io.containerd.snapshotter.v1.overlayfs/metadata.db").write_bytes(b"")
    host = Host()
    mount = MountEntry(f"/d/rootfs/overlayfs/{WRITER}", "overlay", (0, 9), options=f"rw,upperdir={root.folder(4)}")
    monkeypatch.setattr(host, "mounts", lambda: MountTable([MountEntry("/", "ext4", (8, 1)), mount]))

    facts = DRIVER.read((StorageRoot(str(root.path), "images"),), host, None)

    assert facts.writable_layer(container()).paths == (str(root.folder(4)),)


def test_without_its_root_the_store_says_what_is_not_seen():
    facts = DRIVER.read((StorageRoot("/d"),), Host(), None)

    assert facts.writable_layer(container()) is facts.reason is Unmeasured.UNKNOWN_IMAGES_ROOT
    assert facts.images() == ()


def test_a_root_says_whether_it_lists_a_container(root):
    assert lists_any(str(root.path), {WRITER, IDLE})
    assert not lists_any(str(root.path), {IDLE})
    assert not lists_any("/nowhere", {WRITER})


@pytest.mark.parametrize(
    "entry", [{}, {b"id": b""}, {b"id": b"\xff" * 11, b"kind": b"\2"}, {b"id": b"\1", b"kind": b"\7"}]
)
def test_an_entry_that_no_containerd_writes_costs_only_itself(tmp_path, entry):
    root = ContainerdRoot(tmp_path)
    root.snapshot(WRITER, 4, "active")
    root.write()
    keys = {f"moby/4/{WRITER}".encode(): {b"id": b"\4", b"kind": b"\2"}, b"moby/5/odd": entry, b"nothing": {}}
    write_bolt(tmp_path / "io.containerd.snapshotter.v1.overlayfs/metadata.db", {b"v1": {b"snapshots": keys}}, 9)

    assert read(root).layers() == ("overlayfs/4",)


def test_the_layer_that_a_committed_image_stands_on_is_the_container_s(root):
    root.snapshot(OTHER, 5, parent=f"{WRITER}-init", size=BLOCK)
    root.blob(SECOND, snapshot=OTHER)
    root.image("kept:1", SECOND)

    kept = {image.names: image for image in read(root.write()).images()}[("kept:1",)]

    assert {piece.name for piece in kept.unique} == {f"overlayfs/{OTHER}", SECOND}
    assert f"overlayfs/{WRITER}-init" in {piece.name for piece in kept.shared}


def test_the_store_sizes_all_that_never_changes_whoever_needs_it(root):
    root.snapshot("pod", 11, size=5 * BLOCK, namespace="k8s.io")
    root.snapshot(IDLE, 12, "active")

    assert read(root.write()).stored_bytes == (100 + 20 + 1 + 5 + 3 + 1 + 1) * BLOCK


def test_an_image_that_is_pulled_while_the_root_is_read_is_never_without_its_layers(root):
    steps = []

    def pull():
        steps.append(1)
        if len(steps) == 2:  # between two of the databases
            root.snapshot(OTHER, 5, size=7 * BLOCK)
            root.blob(SECOND, snapshot=OTHER)
            root.image("pulled:1", SECOND)
            root.write()

    facts = DRIVER.read((StorageRoot(str(root.path), "images"),), Host(), None, pull)

    pieces = [piece for image in facts.images() for piece in image.unique if piece.name.startswith("overlayfs/")]
    assert len(pieces) >= 2
    assert all(piece.allocated for piece in pieces)
    assert {image.names for image in read(root, facts).images()} == {("pulled:1",), ("registry/shop:1",)}
