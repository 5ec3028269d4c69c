"""Which drivers there are, and reading the stores of an engine with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol, cast

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.model.objects import Inventory, StorageRoot
from docker_storage_exporter.model.parts import parts
from docker_storage_exporter.storage.facts import StoreFacts


class Driver(Protocol):
    """One storage driver or image store, called `name` here. `image_store` is where images are kept with it.

    `names` are the engine's words for the storage drivers that keep layers in it. `role` is that of the storage root
    that it is in, and `folder` where its layers lie below the data root, empty for a store in another root.
    """

    name: str
    role: str
    folder: str
    image_store: str

    @property
    def names(self) -> tuple[str, ...]:
        """The engine's words for it."""

    def read(
        self, roots: Sequence[StorageRoot], host: Host, previous: StoreFacts | None, step: Callable[[], None] = ...
    ) -> StoreFacts | None:
        """The facts of its store; None where these roots hold none. `previous` are the facts until now.

        It may hang like everything that touches a disk, so it is a job, and calls `step` whenever it gets on. Raises
        OSError where nothing can be read.
        """


@cache
def drivers() -> tuple[Driver, ...]:
    """Every driver that is known: the DRIVER of each file here."""
    return tuple(cast("list[Driver]", parts("docker_storage_exporter.storage", "DRIVER")))


def knows(driver: str, image_store: str) -> bool:
    """Whether the layout of this driver is known."""
    return any(driver in known.names and known.image_store == image_store for known in drivers())


def wanted_drivers(inventory: Inventory) -> tuple[Driver, ...]:
    """The drivers to read with: the engine's own, and those that a container was made with.

    Those of another image store are left out.
    """
    used = {container.driver for container in inventory.containers} | {inventory.engine.storage_driver}
    store = inventory.engine.image_store
    return tuple(known for known in drivers() if used.intersection(known.names) and known.image_store == store)


def read_stores(
    inventory: Inventory, host: Host, previous: dict[str, StoreFacts] | None = None
) -> dict[str, StoreFacts]:
    """The facts of every store that holds something of this inventory, by the driver's name. Raises OSError."""
    stores = {}
    for driver in wanted_drivers(inventory):
        facts = driver.read(inventory.roots, host, (previous or {}).get(driver.name))
        if facts is not None:
            stores[driver.name] = facts
    return stores
