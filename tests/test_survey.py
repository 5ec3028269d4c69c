"""Snapshots: everything that exists with what was last measured of it."""

import dataclasses

import pytest

from docker_storage_exporter.hostfs import MountEntry, MountTable, Source
from docker_storage_exporter.layout import Rules, locate
from docker_storage_exporter.model import (
    Container,
    Engine,
    Inventory,
    Kind,
    Measurement,
    Method,
    Mount,
    Skip,
    Unmeasured,
    Volume,
)
from docker_storage_exporter.settings import from_texts
from docker_storage_exporter.sizer import Usage
from docker_storage_exporter.survey import Known, assemble

MOUNTS = MountTable([MountEntry("/", "ext4", (8, 1))])


def container(number, name=None, **facts):
    return Container(f"{number:064x}", name or f"c{number}", driver="overlay2", layer=f"l{number}", **facts)


def survey(*, volumes=(), containers=(), sizes=(), failures=(), rules=None, most=10_000, previous=None, links=None):
    """A snapshot of these objects; `sizes` and `failures` are by the path of the tree."""
    inventory = Inventory(Engine(), tuple(volumes), tuple(containers), root="/d")
    binds = {m.source for c in containers for m in c.mounts if m.type == "bind"}
    sources = {path: Source((links or {}).get(path, path)) for path in binds}
    plan = locate(inventory, rules or Rules(), MOUNTS, sources)
    by_path = {tree.path: tree for tree in plan.trees()}
    measurements = {}
    for number, (path, given) in enumerate(dict(sizes).items()):
        size, identity = given if isinstance(given, tuple) else (given, (1, number))
        measurements[by_path[path]] = Measurement(Usage(allocated_bytes=size), at=1.0, identity=identity)
    known = Known(measurements, {by_path[path]: reason for path, reason in dict(failures).items()})
    return assemble(inventory, plan, known, at=5.0, most=most, previous=previous)


def bind(number, *sources):
    return container(number, mounts=tuple(Mount("bind", source, f"/m{i}") for i, source in enumerate(sources)))


def test_an_object_is_shown_before_it_is_measured_and_counted_as_pending():
    found = survey(volumes=[Volume("v")], containers=[container(1)])

    assert found.volumes[0].sized.measurement is None
    assert found.pending == {Kind.VOLUME: 1, Kind.LAYER: 1}
    assert not found.unmeasured


def test_a_failure_without_an_older_number_is_unmeasured_and_one_with_it_is_not():
    path = "/d/volumes/v/_data"
    failures = {path: Unmeasured.PERMISSION}

    assert survey(volumes=[Volume("v")], failures=failures).unmeasured == {(Kind.VOLUME, Unmeasured.PERMISSION): 1}
    kept = survey(volumes=[Volume("v")], failures=failures, sizes={path: 5})
    assert not kept.unmeasured
    assert kept.volumes[0].sized.measurement.usage.allocated_bytes == 5


def test_a_volume_counts_the_containers_that_mount_it_each_once():
    twice = (Mount("volume", "v", "/a"), Mount("volume", "v", "/b"))

    found = survey(
        volumes=[Volume("v"), Volume("w")], containers=[container(1, mounts=twice), container(2, mounts=twice)]
    )

    assert {row.key: row.containers for row in found.volumes} == {"v": 2, "w": 0}


def test_of_two_containers_with_one_name_the_newest_keeps_it():
    found = survey(containers=[container(1, "web", created=10.0), container(2, "web", created=20.0)])

    assert {row.key: row.container.created for row in found.containers} == {"web": 20.0, "web~000000000000": 10.0}


def test_names_that_only_differ_in_undecodable_bytes_stay_apart():
    found = survey(volumes=[Volume("\udcff"), Volume(r"\xff")])

    keys = [row.key for row in found.volumes]
    assert keys[0] == r"\xff"
    assert keys[1].startswith(r"\xff~")
    assert len(set(keys)) == 2


def test_even_the_second_name_of_a_third_container_is_unique():
    found = survey(containers=[container(n, "web") for n in (1, 2, 3)])

    assert len({row.key for row in found.containers}) == 3


def test_excluded_objects_are_counted_and_nothing_else():
    rules = Rules.of(from_texts({"collector_volume_exclude": "secret", "collector_container_exclude": "c1"}, {}))

    found = survey(volumes=[Volume("secret"), Volume("v")], containers=[container(1)], rules=rules)

    assert [row.key for row in found.volumes] == ["v"]
    assert found.containers == ()
    assert found.skipped[Kind.VOLUME, Skip.EXCLUDED] == 1
    assert found.skipped[Kind.LAYER, Skip.EXCLUDED] == 1


def test_a_kind_that_is_switched_off_keeps_its_identity_and_has_no_numbers():
    rules = Rules.of(from_texts({"collector_volumes": "0"}, {}))

    found = survey(volumes=[Volume("v")], rules=rules)

    assert [row.key for row in found.volumes] == ["v"]
    assert found.volumes[0].sized.place.tree is None
    assert not found.pending


def test_bind_sources_inside_each_other_are_shown_both_and_counted_once():
    found = survey(containers=[bind(1, "/srv", "/srv/a/b")], sizes={"/srv": 100, "/srv/a/b": 30})

    assert {row.source: row.within for row in found.binds} == {"/srv": "", "/srv/a/b": "/srv"}
    assert found.bind_distinct_bytes == 100


def test_a_bind_source_whose_outer_one_is_not_measured_yet_counts_itself():
    found = survey(containers=[bind(1, "/srv", "/srv/a")], sizes={"/srv/a": 30})

    assert found.bind_distinct_bytes == 30


def test_the_same_folder_under_two_paths_counts_once():
    found = survey(containers=[bind(1, "/a", "/b")], sizes={"/a": (70, (8, 5)), "/b": (70, (8, 5))})

    assert [row.sized.measurement.usage.allocated_bytes for row in found.binds] == [70, 70]
    assert found.bind_distinct_bytes == 70


def test_what_a_volume_holds_is_not_counted_as_a_bind_mount_again():
    user = bind(1, "/d/volumes/v/_data", "/d/volumes/v/_data/sub")
    sizes = {"/d/volumes/v/_data": 40, "/d/volumes/v/_data/sub": 10}

    found = survey(volumes=[Volume("v")], containers=[user], sizes=sizes)

    assert found.bind_distinct_bytes == 0
    assert {row.within for row in found.binds} == {"", "/d/volumes/v/_data"}


def test_the_largest_objects_are_kept_and_totals_include_the_rest():
    found = survey(containers=[bind(1, "/a", "/b", "/c")], sizes={"/a": 1, "/b": 3, "/c": 2}, most=2)

    assert [row.source for row in found.binds] == ["/b", "/c"]
    assert found.cut[Kind.BIND] == 1
    assert found.bind_distinct_bytes == 6


@pytest.mark.parametrize(("size", "shown"), [(105, "/old"), (120, "/new")])
def test_an_object_on_the_page_stays_until_another_is_a_tenth_larger(size, shown):
    users = [bind(1, "/old", "/new")]
    before = survey(containers=users, sizes={"/old": 100, "/new": 1}, most=1)

    after = survey(containers=users, sizes={"/old": 100, "/new": size}, most=1, previous=before)

    assert [row.source for row in after.binds] == [shown]


def test_a_snapshot_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        survey().at = 7.0


def test_a_tmpfs_mount_is_never_taken_for_a_folder_of_the_host():
    user = container(1, state="running", pid=7, mounts=(Mount("tmpfs", "", "/srv"), Mount("bind", "/srv/a", "/x")))
    inventory = Inventory(Engine(), (), (user,), root="/d")
    plan = locate(inventory, Rules(), MOUNTS, {"/srv/a": Source("/srv/a")})
    known = Known({tree: Measurement(Usage(allocated_bytes=9), at=1.0) for tree in plan.trees()})

    assert {tree.method for tree in known.measurements} >= {Method.TMPFS, Method.WALK}
    assert assemble(inventory, plan, known, at=5.0).binds[0].within == ""
