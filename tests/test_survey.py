"""Snapshots: everything that exists with what was last measured of it."""

import dataclasses
from random import Random

import pytest

from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.layout import HostView, Rules, plan_of, rules_of
from docker_storage_exporter.measure import Tmpfs, Walk
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Container, Engine, Inventory, LogSettings, Mount, StorageRoot, Volume
from docker_storage_exporter.model.places import Skip, Unmeasured
from docker_storage_exporter.model.sizes import Identity, Lineage, Measurement, Size
from docker_storage_exporter.settings import from_texts
from docker_storage_exporter.storage import Stores
from docker_storage_exporter.storage.graph import GraphFacts
from docker_storage_exporter.storage.overlay2 import DRIVER
from docker_storage_exporter.survey import Known, Survey, assemble

MOUNTS = MountTable([MountEntry("/", "ext4", (8, 1))])
ROOTS = (StorageRoot("/d"),)
STORES = Stores((GraphFacts(DRIVER, "/d/overlay2"),))


def container(number, name=None, **facts):
    return Container(f"{number:064x}", name or f"c{number}", driver="overlay2", layer=f"l{number}", **facts)


def measured(source, size, identity=(0, 0)):
    return Measurement(Size(size), 1.0, source, Lineage(*Identity(*identity), source.meaning, 1.0))


def survey(
    *,
    volumes=(),
    containers=(),
    sizes=(),
    failures=(),
    rules=None,
    limit=10_000,
    previous=None,
    links=None,
    mounts=MOUNTS,
    roots=ROOTS,
):
    """A snapshot of these objects; `sizes` and `failures` are by the path of the source."""
    inventory = Inventory(Engine(), tuple(volumes), tuple(containers), roots=roots)
    paths = {m.source for c in containers for m in c.mounts if m.type == "bind"}
    paths |= {volume.device for volume in volumes if volume.filesystem == "bind"}
    found = {path: HostPath((links or {}).get(path, path)) for path in paths}
    plan = plan_of(HostView(inventory, mounts, found, STORES), rules or Rules())
    by_path = {source.path: source for source in plan.sources()}
    measurements = {}
    for number, (path, given) in enumerate(dict(sizes).items()):
        size, identity = given if isinstance(given, tuple) else (given, (1, number + 1))
        measurements[by_path[path]] = measured(by_path[path], size, identity)
    known = Known(measurements, {by_path[path]: reason for path, reason in dict(failures).items()})
    return assemble(inventory, plan, known, at=5.0, limit=limit, previous=previous)


def bind(number, *sources):
    return container(number, mounts=tuple(Mount("bind", source, f"/m{i}") for i, source in enumerate(sources)))


def test_an_object_is_shown_before_it_is_measured_and_counted_as_pending():
    found = survey(volumes=[Volume("v")], containers=[container(1)])

    assert found.of(Kind.VOLUME)[0].sized.measurement is None
    assert found.pending == {Kind.VOLUME: 1, Kind.LAYER: 1}
    assert not found.unmeasured


def test_a_failure_without_an_older_number_is_unmeasured_and_one_with_it_is_not():
    path = "/d/volumes/v/_data"
    failures = {path: Unmeasured.PERMISSION}

    assert survey(volumes=[Volume("v")], failures=failures).unmeasured == {(Kind.VOLUME, Unmeasured.PERMISSION): 1}
    kept = survey(volumes=[Volume("v")], failures=failures, sizes={path: 5})
    assert not kept.unmeasured
    assert kept.of(Kind.VOLUME)[0].sized.measurement.size.allocated == 5


def test_a_volume_counts_the_containers_that_mount_it_each_once():
    twice = (Mount("volume", "v", "/a"), Mount("volume", "v", "/b"))

    found = survey(
        volumes=[Volume("v"), Volume("w")], containers=[container(1, mounts=twice), container(2, mounts=twice)]
    )

    assert {row.label: len({user for user, _ in row.facts.users}) for row in found.of(Kind.VOLUME)} == {"v": 2, "w": 0}


def test_of_two_containers_with_one_name_the_newest_keeps_it():
    found = survey(containers=[container(1, "web", created=10.0), container(2, "web", created=20.0)])

    assert {row.label: row.facts.created for row in found.of(Kind.LAYER)} == {"web": 20.0, "web~000000000000": 10.0}


def test_names_that_only_differ_in_undecodable_bytes_stay_apart():
    found = survey(volumes=[Volume("\udcff"), Volume(r"\xff")])

    labels = {row.key.id: row.label for row in found.of(Kind.VOLUME)}
    assert labels[r"\xff"] == r"\xff"
    assert labels["\udcff"].startswith(r"\xff~")


def test_which_of_two_equal_names_keeps_the_plain_label_does_not_depend_on_the_order_of_listing():
    volumes = [Volume("\udcff"), Volume(r"\xff")]

    listed = [survey(volumes=found).of(Kind.VOLUME) for found in (volumes, volumes[::-1])]

    assert listed[0] == listed[1]


def test_even_the_second_name_of_a_third_container_is_unique():
    found = survey(containers=[container(n, "web") for n in (1, 2, 3)])

    assert len({row.label for row in found.of(Kind.LAYER)}) == 3


def test_excluded_objects_are_counted_and_nothing_else():
    rules = rules_of(from_texts({"collector_volume_exclude": "secret", "collector_container_exclude": "c1"}))

    found = survey(volumes=[Volume("secret"), Volume("v")], containers=[container(1)], rules=rules)

    assert [row.label for row in found.of(Kind.VOLUME)] == ["v"]
    assert found.of(Kind.LAYER) == ()
    assert found.skipped[Kind.VOLUME, Skip.EXCLUDED] == 1
    assert found.skipped[Kind.LAYER, Skip.EXCLUDED] == 1


def test_a_kind_that_is_switched_off_keeps_its_identity_and_has_no_numbers():
    rules = rules_of(from_texts({"collector_volumes": "0"}))

    found = survey(volumes=[Volume("v")], rules=rules)

    assert [row.label for row in found.of(Kind.VOLUME)] == ["v"]
    assert found.of(Kind.VOLUME)[0].sized.place.source is None
    assert not found.pending


def test_bind_sources_inside_each_other_are_shown_both_and_counted_once():
    found = survey(containers=[bind(1, "/srv", "/srv/a/b")], sizes={"/srv": 100, "/srv/a/b": 30})

    assert {row.label: row.within for row in found.of(Kind.BIND)} == {"/srv": "", "/srv/a/b": "/srv"}
    assert found.distinct_bytes[Kind.BIND] == 100


def test_a_bind_source_whose_outer_one_is_not_measured_yet_counts_itself():
    found = survey(containers=[bind(1, "/srv", "/srv/a")], sizes={"/srv/a": 30})

    assert found.distinct_bytes[Kind.BIND] == 30


def test_the_same_folder_under_two_paths_counts_once():
    found = survey(containers=[bind(1, "/a", "/b")], sizes={"/a": (70, (8, 5)), "/b": (70, (8, 5))})

    assert [row.sized.measurement.size.allocated for row in found.of(Kind.BIND)] == [70, 70]
    assert found.distinct_bytes[Kind.BIND] == 70


def test_what_a_volume_holds_is_not_counted_as_a_bind_mount_again():
    user = bind(1, "/d/volumes/v/_data", "/d/volumes/v/_data/sub")
    sizes = {"/d/volumes/v/_data": 40, "/d/volumes/v/_data/sub": 10}

    found = survey(volumes=[Volume("v")], containers=[user], sizes=sizes)

    assert found.distinct_bytes[Kind.BIND] == 0
    assert {row.within for row in found.of(Kind.BIND)} == {"", "/d/volumes/v/_data"}


def test_the_largest_objects_are_kept_and_totals_include_the_rest():
    found = survey(containers=[bind(1, "/a", "/b", "/c")], sizes={"/a": 1, "/b": 3, "/c": 2}, limit=2)

    assert [row.label for row in found.of(Kind.BIND)] == ["/b", "/c"]
    assert found.cut[Kind.BIND] == 1
    assert found.distinct_bytes[Kind.BIND] == 6


@pytest.mark.parametrize(("size", "shown"), [(105, "/old"), (120, "/new")])
def test_an_object_on_the_page_stays_until_another_is_a_tenth_larger(size, shown):
    users = [bind(1, "/old", "/new")]
    before = survey(containers=users, sizes={"/old": 100, "/new": 1}, limit=1)

    after = survey(containers=users, sizes={"/old": 100, "/new": size}, limit=1, previous=before)

    assert [row.label for row in after.of(Kind.BIND)] == [shown]


def test_a_snapshot_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        survey().at = 7.0


def test_a_tmpfs_mount_is_never_taken_for_a_folder_of_the_host():
    user = container(1, state="running", pid=7, mounts=(Mount("tmpfs", "", "/srv"), Mount("bind", "/srv/a", "/x")))
    inventory = Inventory(Engine(), (), (user,), roots=(StorageRoot("/d"),))
    plan = plan_of(HostView(inventory, MOUNTS, {"/srv/a": HostPath("/srv/a")}, STORES))
    known = Known({source: measured(source, 9) for source in plan.sources()})

    assert {type(source) for source in known.measurements} >= {Tmpfs, Walk}
    assert assemble(inventory, plan, known, at=5.0).of(Kind.BIND)[0].within == ""


def test_volumes_that_are_binds_of_one_folder_count_once():
    volumes = [Volume(name, filesystem="bind", device="/srv") for name in ("a", "b")]

    found = survey(volumes=volumes, sizes={"/srv": 5})

    assert [row.counted for row in found.of(Kind.VOLUME)] == [True, False]
    assert found.distinct_bytes[Kind.VOLUME] == 5


def test_what_lies_in_another_mount_of_a_measured_folder_is_within_it():
    """The host mounts /data/a at /x as well: a source below /x is below /data too, whatever it is called."""
    mounts = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry("/x", "ext4", (8, 1), root="/data/a")])

    found = survey(containers=[bind(1, "/data", "/x/b")], sizes={"/data": 100, "/x/b": 30}, mounts=mounts)

    assert {row.label: row.within for row in found.of(Kind.BIND)} == {"/data": "", "/x/b": "/data"}
    assert found.distinct_bytes[Kind.BIND] == 100


def test_what_lies_on_another_filesystem_is_not_within_a_folder_above_it():
    mounts = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry("/srv/disk", "ext4", (8, 2))])

    found = survey(containers=[bind(1, "/srv", "/srv/disk")], sizes={"/srv": 1, "/srv/disk": 2}, mounts=mounts)

    assert found.distinct_bytes[Kind.BIND] == 3


def test_each_filesystem_under_roots_and_objects_is_named_once():
    mounts = MountTable([
        MountEntry("/", "ext4", (8, 1)),
        MountEntry("/d/volumes", "xfs", (8, 2)),
        MountEntry("/elsewhere", "xfs", (8, 2)),
        MountEntry("/unused", "xfs", (8, 3)),
    ])  # fmt: skip

    found = survey(
        volumes=[Volume("v")],
        containers=[bind(1, "/elsewhere/x")],
        mounts=mounts,
        roots=(StorageRoot("/d", mountpoint="/"),),
    )

    assert found.mountpoints == ("/", "/d/volumes")
    assert {row.sized.place.mountpoint for row in found.of(Kind.BIND)} == {"/d/volumes"}


def test_logs_and_tmpfs_mounts_go_with_their_container():
    users = [container(n, log=LogSettings("json-file")) for n in (1, 2)]
    folder = f"/d/containers/{users[1].id}"

    found = survey(containers=users, sizes={folder: 10}, limit=1)

    assert [row.label for row in found.of(Kind.LAYER)] == [row.label for row in found.of(Kind.LOG)] == ["c2"]
    assert found.cut == {Kind.VOLUME: 0, Kind.LAYER: 1, Kind.BIND: 0, Kind.IMAGE: 0}


def test_a_row_that_did_not_change_is_the_very_same_one_in_the_next_snapshot():
    volumes = (Volume("a"), Volume("b"))
    inventory = Inventory(Engine(), volumes, (container(1),), roots=ROOTS)
    plan = plan_of(HostView(inventory, MOUNTS, {}, STORES))
    a, b, *_ = plan.sources()
    known = {a: measured(a, 1), b: measured(b, 2)}
    survey = Survey()

    before = survey.assemble(inventory, plan, Known(known), at=5.0)
    after = survey.assemble(inventory, plan, Known(known | {b: measured(b, 3)}), at=6.0)

    assert after.of(Kind.VOLUME)[0] is before.of(Kind.VOLUME)[0]
    assert after.of(Kind.VOLUME)[1].sized.measurement.size.allocated == 3
    assert after.of(Kind.LAYER)[0] is before.of(Kind.LAYER)[0]


def changes(random, names):
    """A world that goes on: volumes and containers come and go, are measured, fail and are bound into each other."""
    sizes = {}
    for _ in range(40):
        volumes = [Volume(name) for name in sorted(random.sample(names, random.randint(0, len(names))))]
        containers = [
            container(
                number,
                name=random.choice(("web", "db")),
                state="running",
                pid=7,
                log=LogSettings("json-file"),
                mounts=(
                    Mount("tmpfs", "", "/t"),
                    Mount("bind", random.choice(("/srv", "/srv/a", "/d/volumes/v1/_data")), "/b"),
                ),
            )
            for number in range(random.randint(0, 5))
        ]
        inventory = Inventory(Engine(), tuple(volumes), tuple(containers), roots=ROOTS)
        found = {m.source: HostPath(m.source) for c in containers for m in c.mounts if m.type == "bind"}
        for _ in range(random.randint(1, 3)):
            yield inventory, found, sizes
            for source in random.sample(sorted(sizes, key=str), len(sizes) // 3):
                sizes.pop(source)
            plan = plan_of(HostView(inventory, MOUNTS, found, STORES))
            for source in plan.sources():
                if random.random() < 0.5:
                    sizes[source] = measured(source, random.randint(1, 9), (1, random.randint(1, 6)))


@pytest.mark.parametrize("seed", range(5))
def test_what_is_taken_over_from_before_is_what_would_be_made_anew(seed):
    survey, plan, previous = Survey(), None, None
    for inventory, found, sizes in changes(Random(seed), [f"v{number}" for number in range(8)]):
        view = HostView(inventory, MOUNTS, found, STORES)
        plan = plan_of(view, Rules(), plan)
        assert plan == plan_of(view)
        known = Known(dict(sizes), {source: Unmeasured.IO for source in plan.sources() if hash(source) % 3 == 0})

        kept = survey.assemble(inventory, plan, known, at=5.0, limit=4)

        assert kept == assemble(inventory, plan, known, at=5.0, limit=4, previous=previous)
        previous = kept


def test_mounts_that_are_called_the_same_once_they_are_printable_stay_apart():
    odd = container(1, state="running", pid=7, mounts=(Mount("tmpfs", "", "/\udcff"), Mount("tmpfs", "", r"/\xff")))

    labels = [row.labels for row in survey(containers=[odd]).of(Kind.TMPFS)]

    assert len(set(labels)) == 2
    assert labels[0] == ("c1", r"/\xff")
    assert labels[1][1].startswith(r"/\xff~")
