"""Live collector: what is true at the moment of the scrape, and nothing where that is not known."""

import os

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from docker_storage_exporter import __version__
from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES
from docker_storage_exporter.collector.live import LiveCollector, live_registry
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Engine, Inventory, StorageRoot
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.jobs import Work
from docker_storage_exporter.schedule.tally import Tally
from docker_storage_exporter.store import Store


class World:
    """Everything that the live collector looks at."""

    def __init__(self, root, rootfs="/"):
        self.host = Host(rootfs)
        self.store, self.tally = Store(), Tally()
        self.now = 0.0
        self.budget = Budget(0.1, lambda: self.now)
        self.product, self.up = "docker", True
        self.events_heard, self.last_event = True, 1_760_000_002.0
        self.abandoned, self.is_measuring, self.unexplained = 0, True, {}
        self.inventory = Inventory(Engine(), roots=(StorageRoot(root),))
        self.successful, self.succeeded_at = True, 1_760_000_001.0
        live = LiveCollector(self.store, self.tally, self.budget, self, self, self.host, self, "abc123")
        self.registry = live_registry(live)

    def unexplained_growth(self):
        return self.unexplained

    def publish(self, *mountpoints):
        """A snapshot of what lies on these filesystems."""
        self.store.publish(Snapshot(self.inventory, at=1_760_000_000.5, mountpoints=mountpoints))

    def page(self):
        """The page that a scrape gets."""
        return generate_latest(self.registry).decode()

    def families(self):
        """Families by name, each a list of labels and values."""
        return {f.name: [(s.labels, s.value) for s in f.samples] for f in parse_plain(self.page())}


@pytest.fixture
def world(tmp_path):
    """A world with a data root on this disk."""
    return World(str(tmp_path))


def test_engine_up_is_what_the_engine_says_at_this_moment(world):
    assert world.families()["docker_engine_up"] == [({"engine": "docker"}, 1)]

    world.up = False

    assert world.families()["docker_engine_up"] == [({"engine": "docker"}, 0)]


def test_whether_events_are_heard_and_when_the_last_one_came_is_there_once_somebody_listens(world):
    found = world.families()
    assert found["docker_engine_events_heard"] == [({"engine": "docker"}, 1)]
    assert found["docker_engine_last_event_timestamp_seconds"] == [({"engine": "docker"}, 1_760_000_002)]

    world.events_heard, world.last_event = None, 0.0
    found = world.families()
    assert found["docker_engine_events_heard"] == found["docker_engine_last_event_timestamp_seconds"] == []


def test_where_no_engine_is_asked_there_is_nothing_to_be_up(world):
    world.up = None

    assert world.families()["docker_engine_up"] == []


def test_each_filesystem_is_what_statvfs_says(world, tmp_path):
    world.publish(str(tmp_path), "/proc")

    stats, found = os.statvfs(tmp_path), world.families()

    sizes = {labels["mountpoint"]: size for labels, size in found["docker_storage_filesystem_size_bytes"]}
    assert sizes == {str(tmp_path): stats.f_blocks * stats.f_frsize, "/proc": 0}
    assert found["docker_storage_filesystem_inodes"][0][1] == stats.f_files
    available = found["docker_storage_filesystem_avail_bytes"][0][1]
    assert abs(available - stats.f_bavail * stats.f_frsize) < 2**30


def test_a_filesystem_that_is_gone_is_absent_and_the_others_stay(world, tmp_path):
    world.publish("/not/there", str(tmp_path))

    labels = [labels for labels, _ in world.families()["docker_storage_filesystem_size_bytes"]]

    assert labels == [{"mountpoint": str(tmp_path)}]


def test_a_mount_point_whose_name_is_not_utf8_does_not_cost_the_page(world, tmp_path):
    folder = tmp_path / "data\udcff"
    folder.mkdir()
    world.publish(str(folder))

    ((labels, _),) = world.families()["docker_storage_filesystem_size_bytes"]

    assert labels == {"mountpoint": str(tmp_path) + r"/data\xff"}


def test_below_a_rootfs_the_labels_are_the_host_s_own_paths(tmp_path):
    (tmp_path / "var/lib/docker").mkdir(parents=True)
    world = World("/var/lib/docker", str(tmp_path))
    world.publish("/var/lib/docker")

    ((labels, _),) = world.families()["docker_storage_filesystem_size_bytes"]

    assert labels == {"mountpoint": "/var/lib/docker"}


def test_jobs_that_did_not_end_are_counted(world):
    world.abandoned = 3

    assert world.families()["docker_storage_abandoned_jobs"] == [({}, 3)]


def test_failures_are_counted_for_every_kind_and_reason_from_zero(world):
    world.tally.failed(Kind.VOLUME, Unmeasured.IO)

    found = world.families()["docker_storage_measurement_failures"]

    assert len(found) == len(KINDS) * len(Unmeasured)
    assert ({"kind": "volume", "reason": "io_error"}, 1) in found
    assert sum(value for _, value in found) == 1


def test_what_measuring_costs_is_counted(world):
    world.tally.walked(10, 4096)
    world.tally.walked(5, 0)
    world.tally.paid(Work.MEASUREMENT, 0.5)
    world.tally.paid(Work.MEASUREMENT, 0.25)
    world.budget.charge(3)

    found = world.families()

    assert found["docker_storage_exporter_walked_entries"] == [({}, 15)]
    assert found["docker_storage_exporter_walked_bytes"] == [({}, 4096)]
    works = {labels["work"]: seconds for labels, seconds in found["docker_storage_exporter_cpu_seconds"]}
    assert works == {work.value: 0.75 if work is Work.MEASUREMENT else 0 for work in Work}
    assert found["docker_storage_exporter_budget_used_ratio"] == [({}, 0.5)]


def test_the_times_of_inventory_and_snapshot_are_absent_until_there_are_any(world):
    times = {
        "docker_storage_exporter_inventory_duration_seconds": 0.125,
        "docker_storage_exporter_last_inventory_timestamp_seconds": 1_760_000_000,
        "docker_storage_exporter_snapshot_timestamp_seconds": 1_760_000_000.5,
    }
    assert all(world.families()[name] == [] for name in times)

    world.tally.listed(1_760_000_000, 0.125)
    world.publish()

    assert {name: world.families()[name] for name in times} == {name: [({}, value)] for name, value in times.items()}


def test_settings_that_were_refused_are_told_with_when_others_were_last_taken(world):
    assert world.families()["docker_storage_exporter_config_last_reload_successful"] == [({}, 1)]

    world.successful = False

    found = world.families()
    assert found["docker_storage_exporter_config_last_reload_successful"] == [({}, 0)]
    assert found["docker_storage_exporter_config_last_reload_success_timestamp_seconds"] == [({}, 1_760_000_001)]


def test_the_web_configuration_is_told_apart_where_there_is_one(world):
    name = "docker_storage_exporter_web_config_last_reload"
    assert world.families()[f"{name}_successful"] == []

    world.successful = False
    live = LiveCollector(world.store, world.tally, world.budget, world, world, world.host, world, web=world)
    world.registry = live_registry(live)

    found = world.families()
    assert found[f"{name}_successful"] == [({}, 0)]
    assert found[f"{name}_success_timestamp_seconds"] == [({}, 1_760_000_001)]


def test_the_build_says_version_revision_and_walker(world):
    ((labels, value),) = world.families()["docker_storage_exporter_build_info"]

    assert (labels["version"], labels["revision"], value) == (__version__, "abc123", 1)
    assert labels["sizer"]


def test_the_process_and_its_python_are_on_the_page(world):
    found = world.families()

    assert {"process_resident_memory_bytes", "process_cpu_seconds", "process_open_fds", "python_info"} <= set(found)


def test_every_live_family_of_the_catalogue_is_there_in_both_formats(world):
    world.publish()
    openmetrics = {f.name: f for f in parse_openmetrics(generate_openmetrics(world.registry).decode())}

    assert {family.base for family in LIVE_FAMILIES} <= set(world.families()) & set(openmetrics)
    for family in LIVE_FAMILIES:
        assert (openmetrics[family.base].type, openmetrics[family.base].unit) == (family.type, family.unit)
        assert f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.type}\n" in world.page()


def test_describing_reads_nothing_and_names_every_family(world):
    collector = LiveCollector(None, None, None, None, None, Host(), None)

    assert {family.name for family in collector.describe()} == {family.base for family in LIVE_FAMILIES}
    assert not any(family.samples for family in collector.describe())


def test_nothing_that_a_scrape_reads_grows_with_the_host(world, tmp_path, monkeypatch):
    """The mount table of a host can have tens of thousands of lines."""
    monkeypatch.setattr(Host, "mounts", lambda _: pytest.fail("the mount table was read"))
    world.publish(str(tmp_path))

    assert world.families()["docker_storage_filesystem_size_bytes"]


def test_whether_measuring_gets_on_and_when_it_last_did(world):
    assert world.families()["docker_storage_exporter_measuring"] == [({}, 1)]
    assert world.families()["docker_storage_exporter_last_measurement_timestamp_seconds"] == []

    world.is_measuring = False
    world.tally.measured(Kind.VOLUME, 0.1, 1_760_000_003.0)

    found = world.families()
    assert found["docker_storage_exporter_measuring"] == [({}, 0)]
    assert found["docker_storage_exporter_last_measurement_timestamp_seconds"] == [({}, 1_760_000_003)]


def test_what_nothing_explains_is_told_by_filesystem(world):
    assert world.families()["docker_storage_filesystem_unexplained_growth_bytes"] == []

    world.unexplained = {"/": 4096}

    assert world.families()["docker_storage_filesystem_unexplained_growth_bytes"] == [({"mountpoint": "/"}, 4096)]
