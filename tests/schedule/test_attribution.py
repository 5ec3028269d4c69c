"""What a filesystem loses its space to."""

import pytest

from docker_storage_exporter.hostfs.filesystem import Filesystem
from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.layout import HostView, plan_of
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.objects import Container, Engine, Inventory, Mount, StorageRoot, Volume
from docker_storage_exporter.schedule.attribution import Attribution

MIB = 2**20
BEGAN = 1_000_000.0
MOUNTS = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry("/data", "ext4", (8, 2))])


def walk(name):
    return Walk((f"/d/volumes/{name}/_data",))


def listed(*volumes, containers=(), found=None):
    """An inventory with its plan."""
    roots = (StorageRoot("/d", mountpoint="/"),)
    inventory = Inventory(Engine(), tuple(map(Volume, volumes)), tuple(containers), roots=roots)
    plan = plan_of(HostView(inventory, MOUNTS, found or {}))
    return inventory, plan, plan.sources()


def writer(number, *mounts, state="running"):
    return Container(f"{number:064x}", f"c{number}", state=state, pid=7, mounts=mounts)


def rw(name, access="rw"):
    return Mount("volume", name, f"/{name}", access)


class Disk:
    """A disk of a gibibyte whose use a test sets, and what is told of it."""

    def __init__(self):
        self.told = Attribution(BEGAN)
        self.at = BEGAN
        self.used = 100 * MIB

    def look(self, seconds=15, lost=0):
        """Some time later, so much more of it is used."""
        self.at += seconds
        self.used += lost
        self.told.look({"/": Filesystem(1024 * MIB, 1024 * MIB - self.used, 0, 0, 0)}, self.at)

    @property
    def unexplained(self):
        return self.told.unexplained()["/"]


@pytest.fixture
def disk():
    made = Disk()
    made.told.watch(
        *listed("a", "b", containers=[writer(1, rw("a"), rw("b", "ro")), writer(2, rw("b"), state="exited")])
    )
    made.look()
    return made


def test_what_is_not_known_is_missing_and_not_nothing(disk):
    assert disk.told.unexplained() == {}  # looked at once

    disk.look(lost=300 * MIB)
    disk.told.look({}, disk.at + 15)
    assert disk.told.unexplained() == {}  # it does not answer

    disk.look(30)
    assert disk.unexplained == 300 * MIB


def test_what_was_measured_to_grow_is_explained_and_the_rest_is_not(disk):
    disk.look(lost=300 * MIB)
    assert disk.unexplained == 300 * MIB

    disk.told.explain(walk("a"), 200 * MIB, 60)
    disk.look()

    assert disk.unexplained == 100 * MIB


def test_what_was_freed_by_a_removal_is_explained_too(disk):
    disk.told.explain(walk("a"), -50 * MIB, 0)
    disk.look(lost=-50 * MIB)

    assert disk.unexplained == 0


def test_growth_that_was_measured_before_the_disk_was_looked_at_is_not_less_than_nothing(disk):
    disk.told.explain(walk("a"), 200 * MIB, 60)
    disk.look()

    assert disk.unexplained == 0


def test_it_is_forgotten_after_an_hour(disk):
    disk.look(lost=300 * MIB)
    for _ in range(239):
        disk.look()
    assert disk.unexplained == 300 * MIB

    for _ in range(3):
        disk.look()

    assert disk.unexplained == 0


def test_a_filesystem_that_became_larger_begins_anew(disk):
    disk.look(lost=300 * MIB)
    for later in (15, 30):
        disk.told.look({"/": Filesystem(2048 * MIB, 1024 * MIB, 0, 0, 0)}, disk.at + later)

    assert disk.unexplained == 0


def test_a_filesystem_without_objects_or_roots_is_not_told_of(disk):
    disk.look()

    assert disk.told.mountpoints == {"/"}
    assert set(disk.told.unexplained()) == {"/"}


def test_what_running_containers_may_write_to_is_to_be_measured_if_it_was_not_since(disk):
    disk.look(lost=100 * MIB)
    lost_at = disk.at
    disk.look()

    assert disk.told.suspects(lambda _: BEGAN + 15) == [walk("a")]
    assert disk.told.suspects(lambda _: lost_at) == []
    assert disk.told.suspects(lambda _: None) == []


def test_little_is_not_worth_a_walk(disk):
    disk.look(lost=63 * MIB)

    assert disk.told.suspects(lambda _: BEGAN + 15) == []


def test_the_fastest_growing_comes_first(disk):
    disk.told.watch(*listed("a", "b", "c", containers=[writer(1, rw("a"), rw("b"), rw("c"))]))
    disk.told.explain(walk("b"), 1000, 10)
    disk.told.explain(walk("c"), 2000, 10)
    disk.look(lost=100 * MIB)

    assert disk.told.suspects(lambda _: BEGAN + 15) == [walk("c"), walk("b"), walk("a")]


def test_what_lies_inside_another_measured_tree_explains_nothing_twice(disk):
    inside = Mount("bind", "/d/volumes/a/_data/sub", "/sub")
    outside = Mount("bind", "/srv", "/srv")
    found = {path: HostPath(path) for path in (inside.source, outside.source)}
    disk.told.watch(*listed("a", containers=[writer(1, inside, outside)], found=found))
    disk.look(lost=200 * MIB)

    disk.told.explain(Walk((inside.source,)), 50 * MIB, 10)
    disk.look()
    assert disk.unexplained == 200 * MIB
    disk.told.explain(Walk((outside.source,)), 50 * MIB, 10)
    disk.look()

    assert disk.unexplained == 150 * MIB


def test_a_volume_explains_what_a_bind_mount_of_its_folder_does_not(disk):
    inside, outside = Mount("bind", "/srv/x", "/x"), Mount("bind", "/srv", "/srv")
    found = {path: HostPath(path) for path in (inside.source, outside.source)}
    volume = Volume("v", filesystem="bind", device="/srv/x")
    roots = (StorageRoot("/d", mountpoint="/"),)
    inventory = Inventory(Engine(), (volume,), (writer(1, inside, outside),), roots=roots)
    plan = plan_of(HostView(inventory, MOUNTS, found))
    disk.told.watch(inventory, plan, plan.sources())
    disk.look(lost=200 * MIB)

    disk.told.explain(Walk(("/srv/x",)), 50 * MIB, 10)
    disk.look()

    assert disk.unexplained == 150 * MIB


def test_what_came_into_being_in_this_process_s_time_is_growth_as_a_whole():
    assert not Attribution(BEGAN).born(int((BEGAN - 1) * 1e9))
    assert Attribution(BEGAN).born(int((BEGAN + 1) * 1e9))
    assert not Attribution(BEGAN).born(0)  # where the filesystem does not tell


def test_who_is_asked_for_the_time_of_a_measurement_may_tell_of_one_meanwhile(disk):
    """A ledger does both under a lock of its own: each of them would wait for the other for ever."""
    disk.look(lost=100 * MIB)

    assert disk.told.suspects(lambda source: disk.told.explain(source, 1, 1) or BEGAN + 15) == [walk("a")]


def test_what_an_image_store_grew_by_is_explained_without_a_walk(disk):
    disk.told.explain_stored("/", 500 * MIB)
    disk.look(lost=300 * MIB)
    assert disk.unexplained == 300 * MIB

    disk.told.explain_stored("/", 700 * MIB)
    disk.look()
    assert disk.unexplained == 100 * MIB
    disk.told.explain_stored("/elsewhere", 700 * MIB)  # which nothing is known of
    assert disk.unexplained == 100 * MIB
