"""Scenes: hosts as a process might see them, made of values and of small trees."""

import pytest

from docker_storage_exporter.confine.rights import Rights
from docker_storage_exporter.doctor import Facts
from docker_storage_exporter.hostfs.host import Host, HostPath
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.inventory.identity import Proof
from docker_storage_exporter.inventory.probe import Probe
from docker_storage_exporter.model.objects import Engine, Inventory, StorageRoot
from docker_storage_exporter.settings import Settings

ENGINE = Engine(version="27.0.0", storage_driver="overlay2", data_root="/var/lib/docker")
EVERY_RIGHT = Rights(0, frozenset({"CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"}))


@pytest.fixture
def rootfs(tmp_path):
    """A host's root with an empty data root."""
    for part in ("containers", "volumes", "overlay2"):
        (tmp_path / "host/var/lib/docker" / part).mkdir(parents=True)
    return tmp_path / "host"


@pytest.fixture
def make_facts(rootfs):
    """Facts of a host on which all is well, but for the changes."""

    def make(
        *mounts,
        containers=(),
        volumes=(),
        engine=ENGINE,
        images="",
        trouble="",
        source="api",
        refused=None,
        probe=None,
        **changes,
    ):
        inventory = Inventory(
            engine,
            tuple(volumes),
            tuple(containers),
            source=source,
            roots=(StorageRoot("/var/lib/docker"), *([StorageRoot(images, "images")] if images else [])),
            refused=refused,
        )
        proof = None if refused or source == "disk" else Proof.ID
        facts = {
            "settings": Settings(),
            "host": Host(str(rootfs), str(rootfs / "proc")),
            "mounts": MountTable([MountEntry("/", "ext4", (8, 1)), *mounts]),
            "probe": probe or Probe("unix:///engine.sock", inventory, trouble, "1.46", proof, 1),
            "root": HostPath("/var/lib/docker"),
            "rights": EVERY_RIGHT,
        }
        return Facts(**(facts | changes))

    return make
