"""What exists and where it is: asks the engine, reads the stores, looks at paths, each as a job that may not end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from docker_storage_exporter.errors import AccessError, ExporterError
from docker_storage_exporter.hostfs.host import Host, HostPath
from docker_storage_exporter.hostfs.mounts import FilesystemNames, MountTable
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.hostfs.sources import BindUser
from docker_storage_exporter.inventory.client import DEFAULT_REGISTRY
from docker_storage_exporter.inventory.engine import Engine, Listing
from docker_storage_exporter.layout import HostView, Plan, Rules, plan_of
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import RUNNING_STATES, Inventory
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.sizes import Source
from docker_storage_exporter.schedule.crew import Crew, Pending
from docker_storage_exporter.schedule.jobs import Job, OverdueError, Steps, Work
from docker_storage_exporter.schedule.looks import look_at, moved_folders
from docker_storage_exporter.storage import Driver, StoreFacts, Stores
from docker_storage_exporter.storage.reading import wanted_drivers

_LATE_SECONDS = 2.0
"""How long an answer is waited for that can come later, once all others are there."""

_ASK_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Listed:
    """One listing: what exists, where, and each distinct source with the kind of the first object that wants it.

    `stores` are what the places of layers were found by.
    """

    inventory: Inventory
    plan: Plan
    sources: dict[Source, Kind] = field(default_factory=dict)
    stores: Stores = Stores()


class Locator:
    """Finds where the objects of an inventory are. `crew` does the jobs, so nothing here waits without end."""

    def __init__(self, host: Host, crew: Crew) -> None:
        self._host = host
        self._crew = crew
        self._facts: dict[str, StoreFacts] = {}
        self._found: dict[str, HostPath] = {}
        self._moved: dict[str, str] = {}
        self._plan: Plan | None = None
        self._sources: dict[Source, Kind] = {}

    def locate(self, inventory: Inventory, rules: Rules) -> Listed:
        """The plan for an inventory; what did not change since the last one is taken over from it."""
        mounts = self._host.mounts()
        names = FilesystemNames(mounts, self._host.rootfs)
        roots = tuple(replace(root, mountpoint=names.of(root.path)) for root in inventory.roots)
        inventory = replace(inventory, roots=roots)
        stores = self._stores(inventory)
        users = bind_users(inventory)
        self._moved = self._look_for_links(inventory, mounts, users)
        standing = look_at(self._host, mounts, users, self._crew, self._found)
        self._found = {path: here for path, here in standing.items() if here.error is None}
        view = HostView(
            inventory,
            mounts,
            standing,
            stores,
            self._host.rootfs,
            self._moved,
            self._host.enters_processes,
            DEFAULT_REGISTRY,
        )
        plan = plan_of(view, rules, self._plan)
        if plan is not self._plan:
            self._plan, self._sources = plan, plan.sources()
        return Listed(inventory, plan, self._sources, stores)

    def _look_for_links(
        self, inventory: Inventory, mounts: MountTable, users: dict[str, list[BindUser]]
    ) -> dict[str, str]:
        """The engine's own folders that are links; where that does not end, as they were found before."""
        if inventory.refused is not None:
            return {}
        guarded = [path for path, them in users.items() if any(user.writable for user in them)]
        plain = [v.name for v in inventory.volumes if v.driver == "local" and not v.filesystem]
        moved = moved_folders(self._host, mounts, inventory.root, plain, guarded, self._crew)
        return self._moved if moved is None else moved

    def _stores(self, inventory: Inventory) -> Stores:
        """The stores as read now; where that fails or does not end, as they were read before."""
        if inventory.refused is not None:
            return Stores()
        reasons: dict[str, Unmeasured] = {}
        facts: dict[str, StoreFacts] = {}
        for driver in wanted_drivers(inventory):
            known = self._facts.get(driver.name)
            try:
                known = self._read(driver, inventory, known)
            except OSError as error:
                reasons[driver.name] = reason_for(error)
            except OverdueError:
                reasons[driver.name] = Unmeasured.STUCK
            if known is not None:
                facts[driver.name] = known
        self._facts = facts
        return Stores(tuple(facts.values()), reasons)

    def _read(self, driver: Driver, inventory: Inventory, known: StoreFacts | None) -> StoreFacts | None:
        device = partial(self._host.device, inventory.root_of(driver.role) or inventory.root)
        if not self._crew.may_touch(device):
            raise OverdueError(driver.name)
        steps = Steps()
        job = Job(Work.STORE, driver.name, device, steps.progress)
        return self._crew.call(job, lambda: driver.read(inventory.roots, self._host, known, steps.make))


class Lister:
    """Asks an engine what exists, each question in a thread of its own, and locates the answers.

    `late` is called when an answer came after it had been waited for.
    """

    def __init__(self, engine: Engine, host: Host, crew: Crew, late: Callable[[], None]) -> None:
        self._engine = engine
        self._crew = crew
        self._late = late
        self._host = host
        self._locator = Locator(host, crew)

    def list(self, rules: Rules) -> Listed:
        """List everything. Raises ExporterError as Engine.assemble does; StoppedError at the end."""
        self._ask()
        try:
            job = Job(Work.LISTING, "data root", progress=self._engine.progress)
            inventory = self._crew.call(job, self._engine.assemble)
        except OverdueError as error:
            raise AccessError("the data root does not answer: is its disk, or a mount on it, dead?") from error
        return self._locator.locate(inventory, rules)

    def _ask(self) -> None:
        """Ask all questions at once, and wait for the answers that the list cannot do without."""
        asked = [(listing, self._start(listing)) for listing in self._engine.listings()]
        for listing, pending in asked:
            if not listing.can_wait:
                pending.wait()
        due = time.monotonic() + _LATE_SECONDS
        for _, pending in asked:
            pending.wait(max(0.0, due - time.monotonic()))
        for _, pending in asked:
            if not pending.wait(0):
                pending.then(self._late)

    def _start(self, listing: Listing) -> Pending[None]:
        # The client has a timeout for each request; this one is for what it does not see.
        return self._crew.start(Job(Work.LISTING, listing.name, timeout=_ASK_SECONDS), partial(_ask, listing))


def _ask(listing: Listing) -> None:
    """Ask one question; an engine that gives no answer says so when the answers are put together."""
    try:
        listing.ask()
    except ExporterError:
        return


def bind_users(inventory: Inventory) -> dict[str, list[BindUser]]:
    """The host paths to look at, with who mounts them: bind sources, and the devices of volumes that are binds."""
    users: dict[str, list[BindUser]] = {}
    for container in inventory.containers:
        pid = container.pid if container.state in RUNNING_STATES else 0
        for mount in container.mounts:
            if mount.type == "bind" and mount.source.startswith("/"):
                user = BindUser(container.id, mount.destination, mount.access == "rw", pid)
                users.setdefault(mount.source, []).append(user)
    for volume in inventory.volumes:
        if volume.filesystem == "bind" and volume.device.startswith("/"):
            users.setdefault(volume.device, []).append(BindUser("", "", writable=True))
    return users
