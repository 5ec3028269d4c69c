"""An engine, a clock and measurements as a test sets them, and a scheduler that lives by them."""

import pytest

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.measure import Outcome
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Engine, Inventory, StorageRoot, Volume
from docker_storage_exporter.model.sizes import Identity, Size
from docker_storage_exporter.schedule.agenda import Lane
from docker_storage_exporter.schedule.scheduler import Scheduler
from docker_storage_exporter.settings import from_texts

ROOTS = (StorageRoot("/d"),)


class World:
    """An engine whose inventory the test sets, a clock, measurements that cost what the test says, and the pages."""

    def __init__(self):
        self.now = 1000.0
        self.listed = Inventory(Engine(storage_driver="overlay2"), roots=ROOTS)
        self.inspected_again = []
        self.measured = []
        self.published = []
        self.cost = 0.0
        self.sizes = {}
        self.entries = {}
        self.identities = {}

    def clock(self):
        return self.now

    # the engine
    def listings(self):
        return ()

    def assemble(self):
        return self.listed

    def progress(self):
        return 0

    def inspect_again(self, ids):
        self.inspected_again += ids

    def close(self):
        pass

    # the measurements
    def measure(self, source, host, control):
        self.measured.append(source.path)
        size = self.sizes.get(source.path, 1)
        if isinstance(size, Exception):
            raise size
        entries = self.entries.get(source.path, 1)
        if entries > control.max_entries:
            return Outcome(None, self.now, entries=int(control.max_entries), cpu_seconds=self.cost)
        identity = self.identities.get(source.path, Identity(1, 1))
        return Outcome(Size(size), self.now, identity, entries=entries, cpu_seconds=self.cost)

    def list_volumes(self, *names):
        self.listed = Inventory(self.listed.engine, tuple(Volume(name) for name in names), roots=ROOTS)

    def size_of(self, name):
        return {row.label: row.sized.measurement for row in self.published[-1].of(Kind.VOLUME)}[name]


@pytest.fixture
def world():
    return World()


@pytest.fixture
def scheduler(world):
    settings = from_texts({"scan_interval": "5m", "publish_interval": "10s", "scan_duty": "0.1"}, {})
    return Scheduler(settings, world, Host(), world.published.append, measure=world.measure, clock=world.clock)


def measure_all(scheduler, lane=Lane.SMALL):
    while scheduler.lanes.measure_next(lane) == 0:
        pass


def path(name):
    return f"/d/volumes/{name}/_data"
