"""The overlay2 driver's store, which stands for every graph driver's."""

import os

import pytest
from conftest import need

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container, Engine, Inventory, StorageRoot
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.storage import Claim, Stores, drivers, knows, read_stores
from docker_storage_exporter.storage.overlay2 import DRIVER


@pytest.fixture
def root(root_of):
    """An empty data root."""
    return root_of(DRIVER)


def read(root, previous=None):
    return DRIVER.read(root.roots, Host(), previous)


def claim(root, container, layer):
    path = f"{root.path}/overlay2/{layer}/diff"
    return Claim(ObjectKey(Kind.LAYER, "", container.id), (path,))


def test_a_writable_layer_is_found_by_what_the_engine_says_or_else_by_layerdb(root):
    told, untold = root.container(1, told="f" * 64), root.container(2)
    facts = read(root)

    assert facts.writable_layer(told) == claim(root, told, "f" * 64)
    assert facts.writable_layer(untold) == claim(root, untold, "2" * 64)
    assert facts.complete


def test_reading_says_that_it_gets_on(root):
    containers, steps = [root.container(number) for number in range(3)], []

    DRIVER.read(root.roots, Host(), None, lambda: steps.append(1))

    assert len(steps) == len(containers)


@pytest.mark.parametrize("name", ["../../etc", "", "x" * 64, "A" * 64, "a" * 63])
def test_a_name_that_no_engine_writes_leads_nowhere(root, name):
    container = root.container(1)
    (root.mounts / container.id / "mount-id").write_text(name)

    assert read(root).writable_layer(container) is Unmeasured.UNKNOWN_LAYER


def test_layers_and_images_are_those_on_the_disk(root):
    root.container(1)
    root.image("a" * 64)
    for name in ("b" * 64, "b" * 64 + "-init", "l", "lost+found"):
        (root.path / "overlay2" / name).mkdir()
    facts = read(root)

    assert facts.layers() == ("1" * 64, "b" * 64, "b" * 64 + "-init")
    assert [image.id for image in facts.images()] == ["sha256:" + "a" * 64]


def test_claims_are_the_writable_layers_in_a_fixed_order(root):
    second, first = root.container(2), root.container(1)
    other = Container("c" * 64, "other", driver="btrfs")

    claims = read(root).claims(root.inventory(second, other, first))

    assert list(claims) == [claim(root, first, "1" * 64), claim(root, second, "2" * 64)]


def test_a_directory_belongs_to_the_layer_that_it_is_in_by_whatever_mount_it_is_seen(root, host):
    container = root.container(1)
    facts, mounts = read(root), host.mounts()
    layer = f"{root.path}/overlay2/{'1' * 64}"

    def whose(path):
        return facts.whose(host.location(path, mounts))

    assert [whose(path) for path in (layer, f"{layer}/diff/etc")] == ["1" * 64] * 2
    assert [whose(path) for path in (f"{root.path}/overlay2", f"{root.path}/overlay2/l", "/proc", str(root.path))] == [
        None
    ] * 4
    assert facts.keeps(container)


def test_what_goes_with_a_container_are_its_layers_directories_and_its_entry_in_layerdb(root):
    container, unknown = root.container(1), Container("c" * 64, "other", driver="overlay2")
    (root.path / "overlay2" / ("1" * 64 + "-init")).mkdir()

    facts = read(root)

    layer = f"{root.path}/overlay2/{'1' * 64}"
    assert facts.directories(container) == (layer, f"{layer}-init", str(root.mounts / container.id))
    assert facts.directories(unknown) == ()


def test_what_was_read_once_is_not_read_again(root):
    container = root.container(1)
    facts = read(root)
    (root.mounts / container.id / "mount-id").write_text("e" * 64)

    assert read(root, facts).mounts == {container.id: "1" * 64}
    (root.mounts / container.id / "mount-id").unlink()
    (root.mounts / container.id).rmdir()
    assert read(root, facts).mounts == {}


def test_a_data_root_without_the_driver_has_no_layers(tmp_path):
    roots = (StorageRoot(str(tmp_path)),)
    facts = DRIVER.read(roots, Host(), None)

    assert (facts.layers(), facts.images(), facts.complete) == ((), (), True)
    assert DRIVER.read((), Host(), None) is None


def test_a_store_that_may_not_be_read_says_so_and_keeps_what_was_known(root):
    need("unshare", root=True)
    container, new = root.container(1), root.container(2)
    facts = read(root)
    for folder in root.path.parents:
        if folder.name.startswith(("pytest", "popen", "test_")):
            folder.chmod(0o755)
    (root.path / "overlay2").chmod(0o700)
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            closed = DRIVER.read(root.roots, Host(), facts)
            first = closed.writable_layer(container) == facts.writable_layer(container)
            second = DRIVER.read(root.roots, Host(), None).writable_layer(new) is Unmeasured.PERMISSION
            os._exit(0 if (closed.reason, first, second) == (Unmeasured.PERMISSION, True, True) else 1)
        finally:
            os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_stores_are_read_for_the_drivers_that_containers_were_made_with(root):
    container = root.container(1)
    stores = read_stores(root.inventory(container), Host())

    assert list(stores) == ["overlay2"]
    assert Stores(tuple(stores.values())).of(container) is stores["overlay2"]
    assert Stores(tuple(stores.values())).of(Container("c" * 64, "c", driver="btrfs")) is None
    assert list(read_stores(root.inventory(), Host())) == ["overlay2"]  # the engine's own


def test_the_containerd_image_store_keeps_no_graph_driver_s_layers(root):
    inventory = Inventory(Engine(image_store="containerd"), containers=(root.container(1),), roots=root.roots)

    assert read_stores(inventory, Host()) == {}
    assert not knows("overlay2", "containerd")


def test_every_driver_is_known_by_its_name_once():
    names = [(driver.name, driver.image_store) for driver in drivers()]

    assert ("overlay2", "graphdriver") in names
    assert len(set(names)) == len(names)
