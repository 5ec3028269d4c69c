"""What is listed, measured and published when, by a clock that only the test moves."""

import threading

import pytest

from docker_storage_exporter.inventory import Change
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.measure import Outcome
from docker_storage_exporter.model import Container as ModelContainer
from docker_storage_exporter.model import Inventory, Kind, Mount, Unmeasured, Volume
from docker_storage_exporter.schedule import Work
from docker_storage_exporter.schedule.agenda import LARGE_ENTRIES, Lane
from docker_storage_exporter.settings import from_texts
from schedule.conftest import ROOTS, measure_all, path


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

    assert scheduler.measure_next(Lane.SMALL) == 0
    assert scheduler.measure_next(Lane.SMALL) == pytest.approx(20, abs=0.5)
    assert len(world.measured) == 1
    world.now += 21
    assert scheduler.measure_next(Lane.SMALL) == 0
    assert len(world.measured) == 2


def test_a_walk_is_given_what_is_saved_up_and_then_its_lanes_share_of_the_duty(world, scheduler):
    seen = []
    scheduler._measure = lambda source, host, control: seen.append(control) or world.measure(source, host, control)
    world.list_volumes("a")
    scheduler.renew()
    measure_all(scheduler)

    assert seen[0].burst == pytest.approx(1.0, abs=0.01)
    assert seen[0].share == pytest.approx(0.05)


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
    assert scheduler._hint.is_set()


def test_an_event_that_names_a_container_has_it_inspected_again(world, scheduler):
    scheduler.hint(Change(inspect="abc"))
    scheduler.hint(Change())

    assert world.inspected_again == ["abc"]
    assert scheduler._hint.is_set()


def test_walks_are_tallied(world, scheduler):
    world.list_volumes("a", "b")
    world.sizes = {path("a"): 10, path("b"): 20}
    world.entries = {path("a"): 3, path("b"): 4}
    world.cost = 0.01
    scheduler.renew()
    measure_all(scheduler)

    tally = scheduler.tally
    assert (tally.entries, tally.allocated_bytes) == (7, 30)
    assert tally.cpu[Work.MEASUREMENT] == pytest.approx(0.02)
    assert tally.last_inventory == world.listed.at


def test_measurements_and_their_time_are_tallied_by_kind(world, scheduler):
    user = ModelContainer("e" * 64, "c", driver="overlay2", layer="l", state="exited")
    world.listed = Inventory(world.listed.engine, (Volume("a"), Volume("b")), (user,), roots=ROOTS)
    world.sizes[path("b")] = OSError(5, "broken")
    scheduler.renew()
    measure_all(scheduler)

    assert scheduler.tally.measurements == {Kind.VOLUME: 1, Kind.LAYER: 1}
    assert set(scheduler.tally.measuring_seconds) == set(KINDS)


def test_a_defect_in_one_step_is_logged_and_the_loop_goes_on(world, scheduler, caplog):
    calls = []

    def step():
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError
        scheduler._stopping.set()
        return 0.0

    scheduler._stopping.wait = lambda seconds: None
    loop = threading.Thread(target=scheduler._loop, args=(step,))  # it lowers its thread's I/O priority
    loop.start()
    loop.join()

    assert len(calls) == 2
    assert "this is a defect" in caplog.text


def test_stopping_ends_running_walks(world, scheduler, tmp_path):
    inside = threading.Event()

    def endless(source, host, control):
        inside.set()
        while not control.stopped:
            control.sleep(0.01)
        return Outcome(None, 0.0)

    scheduler._measure = endless
    world.list_volumes("a")
    scheduler.start()
    assert inside.wait(10)

    scheduler.stop()

    assert not any(thread.is_alive() for thread in scheduler._threads)


def test_other_settings_hold_from_the_next_list_page_and_measurement_on(world, scheduler):
    world.list_volumes("a", "b", "c")
    scheduler.renew()
    measure_all(scheduler)
    scheduler.publish_due()
    texts = {"scan_interval": "1m", "publish_interval": "1s", "collector_volume_exclude": "c", "scan_duty": "0.5"}
    scheduler.apply(from_texts(texts | {"collector_max_objects": "1"}))

    assert scheduler._hint.is_set()
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
