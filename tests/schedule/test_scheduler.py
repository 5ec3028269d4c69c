"""What is listed, measured and published when, by a clock that only the test moves."""

import dataclasses
import threading
import time

import pytest

from docker_storage_exporter.hostfs.filesystem import Filesystem
from docker_storage_exporter.inventory.engine import Change
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.measure import Outcome, Walk
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Container as ModelContainer
from docker_storage_exporter.model.objects import Inventory, LogSettings, Mount, Volume
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.sizes import Identity
from docker_storage_exporter.schedule.agenda import LARGE_ENTRIES, Lane
from docker_storage_exporter.schedule.jobs import Job, StoppedError, Work
from docker_storage_exporter.settings import from_texts
from docker_storage_exporter.sizer import Control
from schedule.conftest import ROOTS, measure_all, path
from waiting import wait_until


def test_the_first_page_comes_right_after_the_first_list_and_without_sizes(world, scheduler):
    world.list_volumes("a", "b")
    scheduler.renew()
    scheduler.publish_due()

    assert len(world.published) == 1
    assert world.published[0].pending == {Kind.VOLUME: 2}
    assert world.size_of("a") is None


def test_the_first_pages_follow_each_other_sooner_and_then_every_ten_seconds(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()
    measure_all(scheduler)
    scheduler.publish_due()
    for number, pause in enumerate((1, 2, 4, 8, 10, 10), start=1):
        world.list_volumes(*"abcdefg"[: number + 1])
        scheduler.renew()
        measure_all(scheduler)
        world.now += pause - 0.5
        assert scheduler.publish_due() == pytest.approx(0.5)
        assert len(world.published) == number
        world.now += 0.5
        scheduler.publish_due()

    assert len(world.published) == 7
    assert world.size_of("g").size.allocated == 1


def test_a_page_follows_only_when_something_changed(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()
    scheduler.publish_due()
    measure_all(scheduler)

    world.now += 1
    scheduler.publish_due()
    assert len(world.published) == 2
    assert world.size_of("a").size.allocated == 1
    world.now += 100
    scheduler.publish_due()
    assert len(world.published) == 2


def test_a_list_that_tells_nothing_new_makes_no_page_and_one_that_does_makes_one(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()
    scheduler.publish_due()
    world.now += 60
    scheduler.renew()
    scheduler.publish_due()
    assert len(world.published) == 1

    world.list_volumes("a", "b")
    scheduler.renew()
    scheduler.publish_due()
    assert len(world.published) == 2


def test_a_source_is_measured_again_after_the_interval(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()
    measure_all(scheduler)
    world.now += 299
    measure_all(scheduler)
    assert world.measured == [path("a")]

    world.now += 1
    measure_all(scheduler)
    assert world.measured == [path("a")] * 2


def test_nothing_is_measured_while_the_budget_is_in_debt(world, scheduler):
    world.list_volumes("a", "b")
    world.cost = 3.0
    scheduler.renew()

    assert scheduler.lanes.measure_next(Lane.SMALL) == 0
    assert scheduler.lanes.measure_next(Lane.SMALL) == pytest.approx(20, abs=0.5)
    assert len(world.measured) == 1
    world.now += 21
    assert scheduler.lanes.measure_next(Lane.SMALL) == 0
    assert len(world.measured) == 2


def test_a_walk_is_given_what_is_saved_up_and_then_the_whole_duty_while_it_walks_alone(world, scheduler):
    seen = []

    def look(source, host, control):
        seen.append((control.burst, control.share))
        scheduler.apply(from_texts({"scan_duty": "0.2"}))
        seen.append(control.share)
        return world.measure(source, host, control)

    scheduler.lanes.measure = look
    world.list_volumes("a")
    scheduler.renew()
    measure_all(scheduler)

    assert seen[0] == (pytest.approx(1.0, abs=0.01), pytest.approx(0.1))
    assert seen[1] == pytest.approx(0.2)


def test_two_walks_at_once_have_half_of_the_duty_each_and_the_last_one_the_whole(scheduler):
    one, two = Control(), Control()
    scheduler.lanes._begin(one)
    scheduler.lanes._begin(two)
    assert (one.share, two.share) == (0.05, 0.05)

    scheduler.lanes._leave(one)
    assert two.share == 0.1


def test_a_huge_source_moves_to_the_other_lane_and_holds_up_nobody(world, scheduler):
    world.list_volumes("huge", "small")
    world.entries[path("huge")] = LARGE_ENTRIES + 1
    scheduler.renew()

    measure_all(scheduler, Lane.SMALL)
    world.now += 10
    scheduler.publish_due()
    assert world.size_of("small") is not None
    assert world.size_of("huge") is None

    measure_all(scheduler, Lane.LARGE)
    world.now += 10
    scheduler.publish_due()
    assert world.size_of("huge") is not None
    world.measured.clear()
    world.now += 300
    measure_all(scheduler, Lane.SMALL)
    assert world.measured == [path("small")]


def test_a_walk_cut_short_keeps_the_last_complete_value(world, scheduler):
    world.list_volumes("a")
    world.sizes[path("a")] = 7
    scheduler.renew()
    measure_all(scheduler)
    world.sizes[path("a")], world.entries[path("a")] = 9, LARGE_ENTRIES + 1
    world.now += 300
    measure_all(scheduler, Lane.SMALL)
    scheduler.publish_due()

    assert world.size_of("a").size.allocated == 7


@pytest.mark.parametrize(
    ("error", "reason", "kept"),
    [
        (PermissionError(13, "no"), Unmeasured.PERMISSION, True),
        (OSError(5, "broken"), Unmeasured.IO, True),
        (FileNotFoundError(2, "gone"), Unmeasured.VANISHED, False),
    ],
)
def test_a_failure_is_counted_and_keeps_the_last_value_unless_it_is_gone(world, scheduler, error, reason, kept):
    world.list_volumes("a")
    scheduler.renew()
    measure_all(scheduler)
    world.sizes[path("a")] = error
    world.now += 300
    measure_all(scheduler)
    scheduler.publish_due()

    assert (world.size_of("a") is not None) is kept
    assert scheduler.tally.failures == {(Kind.VOLUME, reason): 1}
    assert bool(world.published[-1].unmeasured) is not kept


def test_a_failed_source_is_tried_again_after_the_interval_and_recovers(world, scheduler):
    world.list_volumes("a")
    world.sizes[path("a")] = OSError(5, "broken")
    scheduler.renew()
    measure_all(scheduler)
    world.sizes[path("a")] = 3
    world.now += 300
    measure_all(scheduler)
    scheduler.publish_due()

    assert world.size_of("a").size.allocated == 3
    assert not world.published[-1].unmeasured


def test_two_objects_on_one_folder_are_measured_once(world, scheduler, tmp_path):
    folder = str(tmp_path)
    user = ModelContainer("f" * 64, "c", mounts=(Mount("bind", folder, "/x"),))
    volume = Volume("v", filesystem="bind", device=folder)
    world.listed = Inventory(world.listed.engine, (volume,), (user,), roots=ROOTS)
    scheduler.renew()
    measure_all(scheduler)
    scheduler.publish_due()

    assert world.measured == [folder]
    snapshot = world.published[-1]
    assert snapshot.of(Kind.VOLUME)[0].sized.measurement is snapshot.of(Kind.BIND)[0].sized.measurement is not None


def test_an_object_that_vanishes_leaves_the_next_page_and_is_forgotten(world, scheduler):
    world.list_volumes("a", "b")
    scheduler.renew()
    measure_all(scheduler)
    world.list_volumes("b")
    scheduler.renew()
    world.now += 10
    scheduler.publish_due()

    assert [row.label for row in world.published[-1].of(Kind.VOLUME)] == ["b"]
    assert [source.path for source in scheduler.ledger.known().measurements] == [path("b")]


def test_a_container_whose_tmpfs_vanished_is_inspected_again_soon(world, scheduler):
    identity = "e" * 64
    user = ModelContainer(identity, "c", state="running", pid=7, mounts=(Mount("tmpfs", "", "/t"),))
    world.listed = Inventory(world.listed.engine, (), (user,), roots=ROOTS)
    world.sizes["/t"] = ProcessLookupError(3, "another process")
    scheduler.renew()
    measure_all(scheduler)

    assert world.inspected_again == [identity]
    assert scheduler.list_soon.is_set()


def test_an_event_that_names_a_container_has_it_inspected_again(world, scheduler):
    scheduler.hint(Change(inspect="abc"))
    scheduler.hint(Change())

    assert world.inspected_again == ["abc"]
    assert scheduler.list_soon.is_set()


def test_walks_are_tallied(world, scheduler):
    world.list_volumes("a", "b")
    world.sizes = {path("a"): 10, path("b"): 20}
    world.entries = {path("a"): 3, path("b"): 4}
    world.cost = 0.01
    scheduler.renew()
    measure_all(scheduler)

    tally = scheduler.tally
    assert (tally.entries, tally.allocated_bytes) == (7, 30)
    assert tally.cpu[Work.MEASUREMENT] == pytest.approx(0.02, abs=0.005)  # and what the lane itself costs
    assert tally.last_inventory == world.listed.at


def test_measurements_and_their_time_are_tallied_by_kind(world, scheduler):
    user = ModelContainer("e" * 64, "c", driver="overlay2", layer="l", state="exited")
    world.listed = Inventory(world.listed.engine, (Volume("a"), Volume("b")), (user,), roots=ROOTS)
    world.sizes[path("b")] = OSError(5, "broken")
    scheduler.renew()
    measure_all(scheduler)

    assert scheduler.tally.measurements == {Kind.VOLUME: 1, Kind.LAYER: 1}
    assert set(scheduler.tally.measuring_seconds) == set(KINDS)


def test_stopping_ends_running_walks(world, scheduler, tmp_path):
    inside = threading.Event()

    def endless(source, host, control):
        inside.set()
        while not control.stopped:
            control.sleep(0.01)
        return Outcome(None, 0.0)

    scheduler.lanes.measure = endless
    world.list_volumes("a")
    scheduler.start()
    assert inside.wait(10)

    scheduler.stop()

    assert not any(thread.is_alive() for thread in scheduler.loops._threads)


def test_other_settings_hold_from_the_next_list_page_and_measurement_on(world, scheduler):
    world.list_volumes("a", "b", "c")
    scheduler.renew()
    measure_all(scheduler)
    scheduler.publish_due()
    texts = {"scan_interval": "1m", "publish_interval": "1s", "collector_volume_exclude": "c", "scan_duty": "0.5"}
    scheduler.apply(from_texts(texts | {"collector_max_objects": "1"}))

    assert scheduler.list_soon.is_set()
    scheduler.renew()
    world.now += 1
    scheduler.publish_due()
    assert [row.label for row in world.published[-1].of(Kind.VOLUME)] == ["a"]
    assert world.published[-1].cut[Kind.VOLUME] == 1
    assert scheduler.budget.duty == 0.5
    world.measured.clear()
    world.now += 59
    measure_all(scheduler)
    assert world.measured == [path("a"), path("b")]


def test_a_failure_that_lasts_is_logged_once(world, scheduler, caplog):
    caplog.set_level("DEBUG")
    world.list_volumes("a")
    world.sizes[path("a")] = OSError(5, "broken")
    scheduler.renew()
    for _ in range(3):
        measure_all(scheduler)
        world.now += 300
    world.sizes[path("a")] = PermissionError(13, "no")
    measure_all(scheduler)

    assert [m for m in caplog.messages if "cannot measure" in m] == [
        f"cannot measure {path('a')}: [Errno 5] broken",
        f"cannot measure {path('a')}: [Errno 13] no",
    ]


@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError(), RecursionError()])
def test_whatever_a_measurement_raises_it_ends_in_the_ledger_and_the_lane_goes_on(world, scheduler, error, caplog):
    world.list_volumes("a", "b")
    world.sizes[path("a")] = error
    scheduler.renew()
    measure_all(scheduler)
    scheduler.publish_due()

    assert world.size_of("b") is not None
    assert world.published[-1].unmeasured == {(Kind.VOLUME, Unmeasured.INTERNAL): 1}
    assert scheduler.tally.failures == {(Kind.VOLUME, Unmeasured.INTERNAL): 1}
    assert f"cannot measure {path('a')}" in caplog.text
    world.sizes[path("a")] = 3
    world.now += 300
    measure_all(scheduler)
    world.now += 10
    scheduler.publish_due()
    assert world.size_of("a").size.allocated == 3


def test_an_event_during_a_listing_has_it_listed_again(world, scheduler):
    world.assemble = lambda: (scheduler.hint(Change()), world.listed)[1]

    scheduler.renew()

    assert scheduler.list_soon.is_set()


def test_a_measurement_that_ends_after_its_object_left_the_list_is_counted_and_not_kept(world, scheduler):
    user = ModelContainer("e" * 64, "c", driver="overlay2", layer="l", state="exited")
    world.listed = Inventory(world.listed.engine, (Volume("a"),), (user,), roots=ROOTS)
    scheduler.renew()

    def vanish(source, host, control):
        world.listed = Inventory(world.listed.engine, roots=ROOTS)
        scheduler.renew()
        if source.path == path("a"):
            raise FileNotFoundError(2, "gone")
        return world.measure(source, host, control)

    scheduler.lanes.measure = vanish
    measure_all(scheduler)

    assert scheduler.ledger.known().failures == scheduler.ledger.known().measurements == {}
    assert scheduler.tally.failures == {(Kind.VOLUME, Unmeasured.VANISHED): 1}


def test_a_failure_counts_for_the_kind_that_its_object_had_when_it_began(world, scheduler):
    user = ModelContainer("e" * 64, "c", driver="overlay2", layer="l", state="exited")
    world.listed = Inventory(world.listed.engine, (), (user,), roots=ROOTS)
    scheduler.renew()

    def vanish(source, host, control):
        world.listed = Inventory(world.listed.engine, roots=ROOTS)
        scheduler.renew()
        raise FileNotFoundError(2, "gone")

    scheduler.lanes.measure = vanish
    measure_all(scheduler)

    assert scheduler.tally.failures == {(Kind.LAYER, Unmeasured.VANISHED): 1}


def test_another_directory_of_the_same_path_begins_another_lineage(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()
    measure_all(scheduler)
    first = scheduler.ledger.known().measurements[Walk((path("a"),))].lineage
    world.now += 300
    measure_all(scheduler)
    same = scheduler.ledger.known().measurements[Walk((path("a"),))].lineage
    world.identities[path("a")] = Identity(1, 2)
    world.now += 300
    measure_all(scheduler)
    other = scheduler.ledger.known().measurements[Walk((path("a"),))].lineage

    assert same == first
    assert (first.start, other.start) == (1000.0, 1600.0)


def test_a_destroyed_volume_s_number_does_not_outlive_it_and_a_new_one_is_measured_at_once(world, scheduler):
    world.list_volumes("a", "b")
    scheduler.renew()
    measure_all(scheduler)
    world.measured.clear()
    world.now += 10
    scheduler.hint(Change(destroyed=("volume", "a")))
    scheduler.publish_due()

    assert world.size_of("a") is None
    assert world.size_of("b") is not None
    measure_all(scheduler)
    assert world.measured == [path("a")]
    assert scheduler.ledger.known().measurements[Walk((path("a"),))].lineage.start == world.now


def test_a_destroyed_container_s_layer_and_log_end_their_lineages(world, scheduler):
    user = ModelContainer("e" * 64, "c", driver="overlay2", layer="l", log=LogSettings("json-file"))
    world.listed = Inventory(world.listed.engine, (Volume("a"),), (user,), roots=ROOTS)
    scheduler.renew()
    measure_all(scheduler)

    scheduler.hint(Change(destroyed=("container", user.id)))

    assert [source.path for source in scheduler.ledger.known().measurements] == [path("a")]


class Hanging:
    """A measurement of one path that hangs until it is let go."""

    def __init__(self, world, hanging):
        self.released, self.inside = threading.Event(), threading.Event()
        self._world, self._hanging = world, hanging

    def __call__(self, source, host, control):
        if source.path == self._hanging and not self.released.is_set():
            self.inside.set()
            self.released.wait(30)
        return self._world.measure(source, host, control)


@pytest.fixture
def hanging(world, scheduler):
    """Volume a hangs; what the lane's thread is doing there."""
    world.list_volumes("a", "b")
    scheduler.renew()
    scheduler.lanes.measure = hanging = Hanging(world, path("a"))
    scheduler.begin_lane(Lane.SMALL)
    assert hanging.inside.wait(10)
    yield hanging
    hanging.released.set()
    scheduler.loops.stopping.set()


def test_a_measurement_that_hangs_is_given_up_and_another_thread_does_the_rest(world, scheduler, hanging):
    world.now += 30
    scheduler.crew.look_after()

    wait_until(lambda: path("b") in world.measured)
    assert scheduler.tally.failures == {(Kind.VOLUME, Unmeasured.STUCK): 1}
    assert scheduler.ledger.known().failures == {Walk((path("a"),)): Unmeasured.STUCK}
    assert scheduler.crew.abandoned == 1


def test_it_is_tried_again_at_growing_intervals_and_at_once_when_it_ended_after_all(world, scheduler, hanging):
    world.now += 30
    scheduler.crew.look_after()
    wait_until(lambda: path("b") in world.measured)
    assert scheduler.lanes.agenda.next_due(Lane.SMALL) == world.now + 300

    hanging.released.set()
    wait_until(lambda: path("a") in world.measured)
    wait_until(lambda: scheduler.crew.abandoned == 0)
    wait_until(lambda: Walk((path("a"),)) in scheduler.ledger.known().measurements)
    assert scheduler.ledger.known().failures == {}


def test_what_was_taken_from_the_budget_for_it_is_given_back(world, scheduler, hanging):
    world.now += 30
    scheduler.crew.look_after()
    wait_until(lambda: path("b") in world.measured)

    wait_until(lambda: scheduler.budget.wait_seconds() == 0, "all is paid for and given back")


def test_stopping_does_not_wait_for_what_hangs(world, scheduler, hanging):
    scheduler.stop()

    assert not hanging.released.is_set()
    with pytest.raises(StoppedError):
        scheduler.crew.do(Job(Work.LOOK, "look"), lambda: None)


def test_the_page_that_has_every_number_for_the_first_time_comes_at_once_and_no_later_one(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()
    scheduler.publish_due()
    measure_all(scheduler)

    scheduler.publish_due()
    assert world.size_of("a").size.allocated == 1

    world.list_volumes("a", "b")
    scheduler.renew()
    measure_all(scheduler)
    assert scheduler.publish_due() > 0
    assert len(world.published) == 2


def test_pages_that_cost_much_follow_each_other_less_often(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()
    measure_all(scheduler)
    scheduler.publisher._publish = lambda snapshot: (world.published.append(snapshot), use_cpu(0.5))
    scheduler.publish_due()
    world.list_volumes("b")
    scheduler.renew()

    world.now += 15
    assert scheduler.publish_due() > 0
    world.now += 45
    scheduler.publish_due()

    assert len(world.published) == 2


def use_cpu(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_the_lane_s_own_work_is_paid_for_as_well(world, scheduler):
    def measure(source, host, control):
        found = world.measure(source, host, control)
        use_cpu(0.02)
        return found

    world.list_volumes("a")
    scheduler.lanes.measure = measure
    scheduler.lanes._hearers = dataclasses.replace(scheduler.lanes._hearers, changed=lambda: use_cpu(0.05))
    scheduler.renew()
    scheduler.lanes.measure_next(Lane.SMALL)

    assert 0.05 <= scheduler.tally.cpu[Work.MEASUREMENT] < 0.07  # the source's own cost is what it says: nothing


def test_a_listing_of_the_same_changes_nothing_in_the_ledger_or_the_agenda(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()
    scheduler.ledger.keep = scheduler.lanes.replace = None  # neither is called

    scheduler.renew()

    world.list_volumes("b")
    with pytest.raises(TypeError):
        scheduler.renew()


def test_measuring_stands_still_once_nothing_was_measured_for_two_intervals(world, scheduler):
    world.now += 10_000
    assert scheduler.is_measuring  # there is nothing to measure

    world.list_volumes("a")
    scheduler.renew()
    measure_all(scheduler)
    world.now += 600
    assert scheduler.is_measuring
    world.now += 1
    assert not scheduler.is_measuring

    world.sizes[path("a")] = OSError(5, "broken")
    measure_all(scheduler)
    assert not scheduler.is_measuring  # whatever fails was not measured
    del world.sizes[path("a")]
    world.now += 301
    measure_all(scheduler)
    assert scheduler.is_measuring


def test_a_walk_that_gets_on_is_measuring_however_long_it_takes(world, scheduler):
    world.list_volumes("a")
    scheduler.renew()

    def walk(source, host, control):
        world.now += 2_000
        control.beat()
        scheduler.crew.look_after()
        assert scheduler.is_measuring
        world.now += 601
        assert not scheduler.is_measuring
        return world.measure(source, host, control)

    scheduler.lanes.measure = walk
    scheduler.lanes.measure_next(Lane.SMALL)

    assert world.measured == [path("a")]


def test_what_may_have_grown_is_measured_before_anything_else(world, scheduler, monkeypatch):
    used = [100]
    found = lambda paths: {path: Filesystem(2**30, 2**30 - used[0] * 2**20, 0, 0, 0) for path in paths}  # noqa: E731
    monkeypatch.setattr(scheduler._probes, "read", found)
    writer = ModelContainer("e" * 64, "c", state="running", pid=7, mounts=(Mount("volume", "b", "/b"),))
    world.listed = Inventory(world.listed.engine, (Volume("a"), Volume("b"), Volume("c")), (writer,), roots=ROOTS)
    world.now = time.time()  # measurements and looks at the disk are told by the same clock
    scheduler.renew()
    measure_all(scheduler)
    scheduler.look_at_space()
    world.measured.clear()

    world.now += 20
    measure_all(scheduler)
    assert world.measured == []
    used[0] += 100
    scheduler.look_at_space()
    measure_all(scheduler)

    assert world.measured == [path("b")]
    assert set(scheduler.unexplained_growth().values()) == {100 * 2**20}
