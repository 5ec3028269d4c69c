"""Docker's own image store: layers by chain ids, and who else needs them."""

from __future__ import annotations

import hashlib
import json

import pytest

from bolt_file import write_bolt
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.model.objects import Piece, StorageRoot
from docker_storage_exporter.storage.overlay2 import DRIVER

BASE, TOP, OTHER = (f"sha256:{digit * 64}" for digit in "123")


def chain_of(*digests):
    """The chain id of some layers, the lowest first."""
    chain = digests[0].removeprefix("sha256:")
    for digest in digests[1:]:
        chain = hashlib.sha256(f"sha256:{chain} {digest}".encode()).hexdigest()
    return chain


class Store:
    """A data root with images."""

    def __init__(self, path):
        self.path = path
        self.images = path / "image/overlay2"
        self._references = {}
        (path / "overlay2").mkdir(parents=True)

    def image(self, digit, *digests, tags=(), parent=""):
        """An image with these layers."""
        digest = digit * 64
        document = {"created": "2023-11-14T22:13:20.5Z", "rootfs": {"type": "layers", "diff_ids": list(digests)}}
        self._write(self.images / f"imagedb/content/sha256/{digest}", json.dumps(document))
        if parent:
            self._write(self.images / f"imagedb/metadata/sha256/{digest}/parent", f"sha256:{parent * 64}")
        for tag in tags:
            self._references.setdefault(tag.partition(":")[0], {})[tag] = f"sha256:{digest}"
        self._write(self.images / "repositories.json", json.dumps({"Repositories": self._references}))
        for number in range(1, len(digests) + 1):
            folder = self.images / "layerdb/sha256" / chain_of(*digests[:number])
            self._write(folder / "cache-id", self.directory(*digests[:number]))
            if number > 1:
                self._write(folder / "parent", f"sha256:{chain_of(*digests[: number - 1])}")
        return f"sha256:{digest}"

    def directory(self, *digests):
        """The name of a layer's directory."""
        return hashlib.sha256(chain_of(*digests).encode()).hexdigest()

    def build_cache(self, *chains):
        """The index of BuildKit, with a record for each of these chains, and one that has none."""
        records = {f"{n:025}".encode(): {b"chainid": f"sha256:{chain}".encode()} for n, chain in enumerate(chains)}
        write_bolt(self.path / "buildkit/snapshots.db", {**records, b"x" * 25: {b"committed": b"y" * 25}})

    def piece(self, *digests):
        """What an image is made of."""
        return Piece(chain_of(*digests), path=f"{self.path}/overlay2/{self.directory(*digests)}/diff")

    def read(self, previous=None):
        """The facts of the store."""
        return DRIVER.read((StorageRoot(str(self.path)),), Host(), previous)

    @staticmethod
    def _write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def store(tmp_path):
    """An empty one."""
    return Store(tmp_path / "docker")


def test_an_image_is_the_layers_of_its_chain_and_all_of_them_are_its_own(store):
    digest = store.image("a", BASE, TOP, tags=("shop:1", "shop:latest", "shop@sha256:1"))

    (image,) = store.read().images()

    assert (image.id, image.names, image.created) == (digest, ("shop:1", "shop:latest"), 1_700_000_000.5)
    assert image.unique == (store.piece(BASE), store.piece(BASE, TOP))
    assert image.shared == ()


def test_a_layer_that_two_images_have_is_shared(store):
    store.image("a", BASE, TOP, tags=("shop:1",))
    store.image("b", BASE, OTHER, tags=("other:1",))

    first, second = store.read().images()

    assert first.shared == second.shared == (store.piece(BASE),)
    assert (first.unique, second.unique) == ((store.piece(BASE, TOP),), (store.piece(BASE, OTHER),))


def test_a_layer_of_the_build_cache_is_shared_with_all_below_it(store):
    store.image("a", BASE, TOP, OTHER, tags=("shop:1",))
    store.build_cache(chain_of(BASE, TOP))

    (image,) = store.read().images()

    assert image.shared == (store.piece(BASE), store.piece(BASE, TOP))
    assert image.unique == (store.piece(BASE, TOP, OTHER),)


def test_while_the_build_cache_cannot_be_read_nothing_is_said_to_be_an_image_s_alone(store):
    store.image("a", BASE, tags=("shop:1",))
    index = store.path / "buildkit/snapshots.db"
    index.parent.mkdir()
    index.write_bytes(b"x" * 9000)

    first = store.read()
    store.build_cache(chain_of(BASE))
    after = store.read(first)
    index.write_bytes(b"x" * 9000)

    assert first.images()[0].unique == (Piece(chain_of(BASE)),)  # which has no number
    assert (after.images()[0].unique, after.images()[0].shared) == ((), (store.piece(BASE),))
    assert store.read(after).images() == after.images()


def test_steps_of_the_classic_builder_are_shown_only_with_a_tag(store):
    store.image("a", BASE, tags=("base:1",))
    store.image("b", BASE, TOP, parent="a")
    store.image("c", BASE, TOP, OTHER, tags=("shop:1",), parent="b")
    dangling = store.image("d", OTHER)

    images = {image.id[-1]: image for image in store.read().images()}

    assert images.keys() == {"a", "c", "d"}
    assert images["c"].unique == (store.piece(BASE, TOP), store.piece(BASE, TOP, OTHER))
    assert (images["d"].id, images["d"].names) == (dangling, ())


def test_a_layer_that_is_named_by_no_directory_has_no_number(store):
    store.image("a", BASE, tags=("shop:1",))
    (store.images / "layerdb/sha256" / chain_of(BASE) / "cache-id").write_text("../../etc")

    (image,) = store.read().images()

    assert image.unique == (Piece(chain_of(BASE)),)


@pytest.mark.parametrize("text", ["", "[]", '{"rootfs": {"diff_ids": 7}}', '{"rootfs": null}', "{" * 100_000])
def test_what_no_engine_writes_costs_only_itself(store, text):
    store.image("a", BASE, tags=("shop:1",))
    (store.images / f"imagedb/content/sha256/{'e' * 64}").write_text(text)

    assert [image.names for image in store.read().images()] == [("shop:1",)]


def test_without_a_list_of_tags_images_are_dangling(store):
    store.image("a", BASE, tags=("shop:1",))
    (store.images / "repositories.json").unlink()

    assert [image.names for image in store.read().images()] == [()]


def test_the_images_are_the_very_same_until_something_changes(store):
    store.image("a", BASE, tags=("shop:1",))
    before = store.read()

    assert store.read(before).images() is before.images()
    store.image("a", BASE, tags=("shop:2",))
    assert [image.names for image in store.read(before).images()] == [("shop:1", "shop:2")]


def test_a_layer_s_directory_is_called_by_the_images_that_it_belongs_to(store):
    store.image("a", BASE, TOP, tags=("shop:1",))
    store.image("b", BASE, tags=("base:1",))
    host = Host()
    for digests in ((BASE,), (BASE, TOP)):
        (store.path / "overlay2" / store.directory(*digests)).mkdir()
    (store.path / "overlay2" / ("0" * 64)).mkdir()
    facts = store.read()

    def called(name):
        return facts.called(host.location(f"{store.path}/overlay2/{name}", host.mounts()))

    assert called(store.directory(BASE)) == "a layer of image shop:1, base:1"
    assert called(store.directory(BASE, TOP)) == "a layer of image shop:1"
    assert called("0" * 64) == "a layer that no container has: an image's, the build cache's, or left over"
    assert called("l") == ""
