"""What was measured before a restart: recalled at the first list, and kept by the clock."""

from dataclasses import replace

import pytest

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.sizes import Identity, Lineage, Measurement, Size
from docker_storage_exporter.schedule.agenda import LARGE_ENTRIES, Lane
from docker_storage_exporter.schedule.scheduler import Scheduler
from docker_storage_exporter.settings import from_texts
from schedule.conftest import ROOTS, measure_all, path


class Memory:
    """What another life left behind, and what this one leaves."""

    def __init__(self, **sizes):
        self.held = {Walk((path(name),)): at for name, at in sizes.items()}
        self.asked, self.kept, self.works = 0, [], True
        self.inodes = None

    def recall(self, inventory):
        self.asked += 1
        return {source: _measured(source, at, self.inodes) for source, at in self.held.items()}

    def keep(self, inventory, measurements):
        self.kept.append({source.path: m.size.allocated for source, m in measurements.items()})
        return self.works


def _measured(source, at, inodes):
    return Measurement(Size(7, inodes=inodes), at, source, Lineage(1, 1, 0, source.meaning, 100.0))


@pytest.fixture
def remembering(world):
    def remembering(memory):
        settings = from_texts({"scan_interval": "5m", "publish_interval": "10s", "state_interval": "1m"})
        return Scheduler(
            settings, world, Host(), world.published.append, measure=world.measure, clock=world.clock, memory=memory
        )

    return remembering


def test_what_was_measured_before_is_on_the_first_page_with_its_time_and_due_by_its_age(world, remembering):
    memory = Memory(old=4000.0, young=4900.0, gone=4900.0)
    world.list_volumes("old", "young", "new")
    world.listed = replace(world.listed, at=5000.0)
    scheduler = remembering(memory)

    scheduler.renew()
    scheduler.publish_due()

    assert (world.size_of("old").at, world.size_of("young").at, world.size_of("new")) == (4000.0, 4900.0, None)
    assert world.published[0].pending == {Kind.VOLUME: 1}
    assert path("gone") not in [source.path for source in scheduler.ledger.known().measurements]
    measure_all(scheduler)
    assert world.measured == [path("old"), path("new")]
    world.now += 200
    measure_all(scheduler)
    assert world.measured == [path("old"), path("new"), path("young")]


def test_the_memory_is_asked_once_and_only_when_the_disk_is_the_engines(world, remembering):
    memory = Memory(a=1.0)
    world.list_volumes("a")
    proven = world.listed
    scheduler = remembering(memory)

    world.listed = replace(proven, refused=Unmeasured.FOREIGN_ENGINE)
    scheduler.renew()
    assert memory.asked == 0
    world.listed = proven
    scheduler.renew()
    scheduler.renew()
    assert memory.asked == 1


def test_what_was_measured_is_kept_once_per_interval_if_it_changed_and_at_the_end(world, remembering):
    memory = Memory()
    world.list_volumes("a")
    scheduler = remembering(memory)
    scheduler.renew()
    measure_all(scheduler)

    assert scheduler.save_due() == pytest.approx(60)
    assert memory.kept == []
    world.now += 60
    scheduler.save_due()
    assert memory.kept == [{path("a"): 1}]
    world.now += 60
    scheduler.save_due()
    assert len(memory.kept) == 1

    world.sizes[path("a")] = 2
    world.now += 300
    measure_all(scheduler)
    scheduler.stop()
    assert memory.kept == [{path("a"): 1}, {path("a"): 2}]


def test_a_memory_that_failed_is_tried_again_after_the_interval(world, remembering):
    memory = Memory()
    memory.works = False
    world.list_volumes("a")
    scheduler = remembering(memory)
    scheduler.renew()
    measure_all(scheduler)
    for _ in range(2):
        world.now += 60
        scheduler.save_due()
        scheduler.save_due()

    assert memory.kept == [{path("a"): 1}] * 2


def test_a_disk_that_is_refused_now_does_not_wipe_what_is_kept(world, remembering):
    memory = Memory()
    world.list_volumes("a")
    scheduler = remembering(memory)
    scheduler.renew()
    measure_all(scheduler)
    world.listed = Inventory(world.listed.engine, roots=ROOTS, refused=Unmeasured.PERMISSION)
    scheduler.renew()
    scheduler.stop()

    assert memory.kept == []


def test_a_restart_does_not_end_a_lineage_unless_what_is_there_is_something_else(world, remembering):
    memory = Memory(same=4000.0, other=4000.0)
    world.list_volumes("same", "other")
    world.listed = replace(world.listed, at=5000.0)
    world.identities[path("other")] = Identity(1, 2)
    scheduler = remembering(memory)
    scheduler.renew()
    measure_all(scheduler)
    scheduler.publish_due()

    assert world.size_of("same").lineage.start == 100.0
    assert world.size_of("other").lineage.start == world.now


def test_what_was_large_before_begins_in_the_lane_for_large_ones(world, remembering):
    memory = Memory(huge=1.0)
    memory.inodes = LARGE_ENTRIES + 1
    world.list_volumes("huge", "small")
    world.listed = replace(world.listed, at=5000.0)
    scheduler = remembering(memory)
    scheduler.renew()

    measure_all(scheduler, Lane.SMALL)
    assert world.measured == [path("small")]
    measure_all(scheduler, Lane.LARGE)
    assert world.measured == [path("small"), path("huge")]
