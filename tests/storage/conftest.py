"""Data roots as a graph driver leaves them, and hosts that see them."""

import pytest

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.model.objects import Container, Engine, Inventory, StorageRoot


class Root:
    """A data root in a driver's layout."""

    def __init__(self, path, driver, folder):
        self.path = path
        self._driver = driver
        self._folder = path / folder
        self._folder.mkdir(parents=True)

    @property
    def roots(self):
        return (StorageRoot(str(self.path)),)

    @property
    def mounts(self):
        """Where layerdb says whose layer is whose."""
        return self.path / "image" / self._driver / "layerdb/mounts"

    def container(self, number, layer=None, *, told=""):
        """A container with a layer on the disk; `told` is the layer's name as the engine tells it."""
        identity, name = f"{number:064x}", layer or f"{number:x}" * 64
        (self._folder / name).mkdir()
        (self.mounts / identity).mkdir(parents=True)
        (self.mounts / identity / "mount-id").write_text(name)
        return Container(identity, f"c{number}", driver=self._driver, layer=told)

    def image(self, digest):
        """An image's metadata."""
        folder = self.path / "image" / self._driver / "imagedb/content/sha256"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / digest).write_text('{"rootfs": {}}')

    def inventory(self, *containers):
        """An inventory of these containers."""
        return Inventory(Engine(storage_driver=self._driver), containers=containers, roots=self.roots)


@pytest.fixture
def root_of(tmp_path):
    """Make a data root for a driver."""

    def make(driver):
        return Root(tmp_path / "docker", driver.name, driver.folder)

    return make


@pytest.fixture
def host():
    """The host that the tests run on."""
    return Host()
