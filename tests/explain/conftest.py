"""One made-up host: objects, where they are, and who owns what."""

from dataclasses import dataclass

import pytest

from docker_storage_exporter.explain.owners import Owners
from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.layout import HostView, Plan, Rules, plan_of
from docker_storage_exporter.model.objects import Container, Engine, Inventory, LogSettings, Mount, StorageRoot, Volume
from docker_storage_exporter.storage import Stores
from docker_storage_exporter.storage.graph import GraphFacts
from docker_storage_exporter.storage.overlay2 import DRIVER

ROOT = "/var/lib/docker"
WEB, JOB = "a" * 64, "ab" + "c" * 62


@dataclass(frozen=True)
class Made:
    """Objects with the owners of their bytes."""

    inventory: Inventory
    plan: Plan
    stores: Stores
    owners: Owners


def container(identity, name, layer, *mounts, state="running", driver="json-file"):
    return Container(
        identity,
        name,
        state=state,
        pid=7 if state == "running" else 0,
        mounts=mounts,
        log=LogSettings(driver),
        driver="overlay2",
        layer=layer,
    )


@pytest.fixture
def made():
    """Two volumes, one of them a bind of /srv/data, and two containers, one of which binds /srv/site as well."""
    volumes = (Volume("data"), Volume("folder", filesystem="bind", device="/srv/data"))
    web = container(
        WEB,
        "web",
        "web-layer",
        Mount("volume", "data", "/data"),
        Mount("bind", "/srv/site", "/site", "ro"),
        Mount("tmpfs", "", "/run"),
    )
    job = container(JOB, "job", "job-layer", Mount("volume", "data", "/again", "ro"), state="exited", driver="local")
    inventory = Inventory(Engine(storage_driver="overlay2"), volumes, (web, job), roots=(StorageRoot(ROOT),))
    stores = Stores((GraphFacts(DRIVER, f"{ROOT}/overlay2"),))
    sources = {path: HostPath(path) for path in ("/srv/site", "/srv/data")}
    mounts = MountTable([MountEntry("/", "ext4", (8, 1))])
    plan = plan_of(HostView(inventory, mounts, sources, stores), Rules())
    return Made(inventory, plan, stores, Owners(inventory, plan, stores))
