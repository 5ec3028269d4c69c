"""Where objects are, and why some are not looked at."""

import re

import pytest

from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.hostfs.mounts import MountEntry, MountTable
from docker_storage_exporter.layout import (
    SUBJECTS,
    HostView,
    Rules,
    bind_key,
    container_key,
    plan_of,
    rules_of,
    volume_key,
)
from docker_storage_exporter.measure import LogFiles, Statfs, Tmpfs, Walk
from docker_storage_exporter.measure.logs import log_files
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Container, Engine, Inventory, LogSettings, Mount, StorageRoot, Volume
from docker_storage_exporter.model.places import Location, Place, Skip, Unmeasured
from docker_storage_exporter.settings import from_texts
from docker_storage_exporter.storage import Stores
from docker_storage_exporter.storage.graph import GraphFacts
from docker_storage_exporter.storage.overlay2 import DRIVER

ROOT = "/var/lib/docker"
ROOTS = (StorageRoot(ROOT),)
PLAIN = MountTable([MountEntry("/", "ext4", (8, 1))])
EVERYTHING = Rules()
(VOLUMES,) = (subject for subject in SUBJECTS if subject.kind is Kind.VOLUME)
STORES = Stores((GraphFacts(DRIVER, f"{ROOT}/overlay2"),))


def plan(*, volumes=(), containers=(), mounts=PLAIN, found=None, rules=EVERYTHING, stores=STORES, **changes):
    facts = {"engine": Engine(storage_driver="overlay2"), "roots": (StorageRoot(ROOT),)} | changes
    inventory = Inventory(volumes=tuple(volumes), containers=tuple(containers), **facts)
    return plan_of(HostView(inventory, mounts, found or {}, stores), rules)


def container(number=1, **facts):
    identity = f"{number:064x}"
    defaults = {"driver": "overlay2", "layer": "ab", "state": "running", "pid": 7, "log": LogSettings("json-file")}
    return Container(identity, f"c{number}", **(defaults | facts))


def volume_place(volume, **facts):
    return plan(volumes=[volume], **facts).places[volume_key(volume.name)]


def bind_place(path, **facts):
    user = container(mounts=(Mount("bind", path, "/x"),))
    return plan(containers=[user], found={path: HostPath(path, **facts)}).places[bind_key(path)]


def layer_place(**facts):
    """The place of the only container's layer."""
    return plan(containers=[container(**facts)]).places[container_key(f"{1:064x}")]


def of_kind(found, kind):
    """The places of a kind, by the objects' ids."""
    return {key.id: place for key, place in found.places.items() if key.kind is kind}


def test_a_plain_volume_is_its_data_folder():
    path = f"{ROOT}/volumes/v/_data"

    assert volume_place(Volume("v")) == Place(Walk((path,)), device=(8, 1), inside=path, mountpoint="/")


def test_a_plain_volume_with_a_quota_is_no_different():
    assert volume_place(Volume("v", limit_bytes=10)).source == volume_place(Volume("v")).source


def test_a_volume_of_a_plugin_is_skipped():
    assert volume_place(Volume("v", driver="rexray")).skip is Skip.DRIVER


def test_a_volume_with_a_filesystem_is_asked_while_it_is_mounted_and_skipped_otherwise():
    mounted = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry(f"{ROOT}/volumes/v/_data", "tmpfs", (0, 9))])

    assert volume_place(Volume("v", filesystem="tmpfs")).skip is Skip.NOT_MOUNTED
    assert volume_place(Volume("v", filesystem="tmpfs"), mounts=mounted).source == Statfs(f"{ROOT}/volumes/v/_data")


def test_a_volume_on_a_remote_filesystem_is_skipped_whatever_it_was_told():
    mounted = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry(f"{ROOT}/volumes/v/_data", "nfs4", (0, 9))])

    assert volume_place(Volume("v", filesystem="nfs"), mounts=mounted).skip is Skip.REMOTE
    assert volume_place(Volume("v"), mounts=mounted).skip is Skip.REMOTE


def test_a_volume_that_is_a_bind_is_the_folder_it_was_given_and_shares_its_source_with_bind_mounts_of_it():
    user = container(mounts=(Mount("bind", "/srv/x", "/x"),))
    found = plan(
        volumes=[Volume("v", filesystem="bind", device="/srv/x")],
        containers=[user],
        found={"/srv/x": HostPath("/srv/x")},
    )

    places = found.places
    assert places[volume_key("v")].source == places[bind_key("/srv/x")].source == Walk(("/srv/x",))
    assert list(found.sources().values()).count(Kind.BIND) == 0


def test_a_writable_layer_is_the_diff_folder_in_every_state_and_never_merged():
    for state in ("created", "running", "exited", "dead"):
        assert layer_place(state=state).source == Walk((f"{ROOT}/overlay2/ab/diff",))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [({"driver": "btrfs"}, Unmeasured.DRIVER), ({"layer": ""}, Unmeasured.UNKNOWN_LAYER)],
)
def test_a_layer_that_cannot_be_found_is_said_to_be_unmeasured(facts, reason):
    assert layer_place(**facts).unmeasured is reason


def test_a_layer_whose_store_could_not_be_read_says_why():
    stores = Stores(reasons={"overlay2": Unmeasured.STUCK})

    found = plan(containers=[container()], stores=stores).places

    assert found[container_key(f"{1:064x}")].unmeasured is Unmeasured.STUCK


@pytest.mark.parametrize(
    ("driver", "kept"), [("json-file", True), ("local", True), ("gelf", True), ("journald", False)]
)
def test_logs_have_a_place_when_the_driver_keeps_any(driver, kept):
    assert bool(of_kind(plan(containers=[container(log=LogSettings(driver))]), Kind.LOG)) is kept


def test_log_files_of_every_driver_are_known():
    assert ("", "abc-json.log") in log_files("abc")
    assert ("local-logs", "container.log") in log_files("abc")
    assert ("", "container-cached.log") in log_files("abc")


def test_a_tmpfs_mount_exists_only_while_its_container_runs():
    mount = Mount("tmpfs", "", "/t")

    identity = f"{1:064x}"
    running = plan(containers=[container(mounts=(mount,))]).places
    assert running[ObjectKey(Kind.TMPFS, "", f"{identity}/t")] == Place(Tmpfs("/t", identity, 7))
    assert not of_kind(plan(containers=[container(mounts=(mount,), state="exited", pid=0)]), Kind.TMPFS)


SYSTEM = ("/", "/proc", "/proc/1", "/sys/fs/cgroup", "/dev/dri", "/run", "/run/docker", "/var/run/docker.sock")


@pytest.mark.parametrize("path", SYSTEM)
def test_system_paths_are_not_walked(path):
    assert bind_place(path).skip is Skip.SYSTEM


@pytest.mark.parametrize("path", [ROOT, "/var", "/var/lib", f"{ROOT}/containers", f"{ROOT}/volumes"])
def test_the_data_root_and_what_contains_it_or_is_part_of_it_is_not_walked(path):
    assert bind_place(path).skip is Skip.STORAGE_ROOT


@pytest.mark.parametrize(
    "path", [f"{ROOT}/volumes/v/_data", f"{ROOT}/volumes/v/_data/sub", "/runner", "/var/lib/docker2"]
)
def test_the_data_of_a_volume_and_mere_namesakes_are_walked(path):
    assert bind_place(path).source == Walk((path,))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"entry": "special"}, Place(skip=Skip.SPECIAL)),
        ({"remote": True}, Place(skip=Skip.REMOTE)),
        ({"error": FileNotFoundError(2, "gone")}, Place(unmeasured=Unmeasured.VANISHED)),
        ({"error": PermissionError(13, "no")}, Place(unmeasured=Unmeasured.PERMISSION)),
        ({"error": OSError(5, "broken")}, Place(unmeasured=Unmeasured.IO)),
    ],
)
def test_sources_that_cannot_be_walked_say_why(facts, expected):
    assert bind_place("/srv/x", **facts) == expected


def test_two_spellings_of_one_source_are_one_source():
    users = [container(1, mounts=(Mount("bind", "/a", "/x"),)), container(2, mounts=(Mount("bind", "/b", "/y"),))]
    found = plan(containers=users, found={"/a": HostPath("/srv"), "/b": HostPath("/srv")})

    (item,) = found.of(Kind.BIND)
    assert item.key == bind_key("/srv")
    assert [mount.destination for _, mount in item.facts.users] == ["/x", "/y"]


def test_when_the_disk_is_not_the_engines_nothing_has_a_place():
    everything = {
        "volumes": [Volume("v"), Volume("p", driver="plugin")],
        "containers": [container(mounts=(Mount("bind", "/srv", "/x"), Mount("tmpfs", "", "/t")))],
        "found": {"/srv": HostPath("/srv")},
    }

    found = plan(**everything, refused=Unmeasured.FOREIGN_ENGINE)

    assert not found.sources()
    reasons = {place.unmeasured for place in found.places.values() if place.skip is None}
    assert reasons == {Unmeasured.FOREIGN_ENGINE}


def test_expressions_include_and_exclude_by_the_whole_name():
    texts = {
        "collector_volume_include": "app-.*",
        "collector_volume_exclude": ".*-tmp",
        "collector_container_exclude": "c1",
        "collector_bind_mount_exclude": "/srv/.*",
    }
    rules = rules_of(from_texts(texts))
    found = plan(
        volumes=[Volume("app-db"), Volume("app-tmp"), Volume("my-app-db")],
        containers=[container(1), container(2, mounts=(Mount("bind", "/srv/x", "/x"), Mount("bind", "/srv", "/y")))],
        found={"/srv/x": HostPath("/srv/x"), "/srv": HostPath("/srv")},
        rules=rules,
    )

    places = found.places
    assert {key.id for key, place in places.items() if key.kind is Kind.VOLUME and place.source} == {"app-db"}
    first, second = f"{1:064x}", f"{2:064x}"
    assert places[container_key(first)].skip is places[container_key(first, Kind.LOG)].skip is Skip.EXCLUDED
    assert places[container_key(second)].source
    assert places[bind_key("/srv/x")].skip is Skip.EXCLUDED
    assert places[bind_key("/srv")].source


def test_a_kind_that_is_switched_off_has_no_places():
    rules = rules_of(from_texts({"collector_volumes": "0", "collector_bind_mounts": "0", "collector_logs": "0"}))
    user = container(mounts=(Mount("bind", "/srv", "/x"),))

    found = plan(volumes=[Volume("v")], containers=[user], found={"/srv": HostPath("/srv")}, rules=rules)

    assert {key.kind for key in found.places} == {Kind.LAYER}


def test_rules_match_names_with_line_feeds():
    assert rules_of(from_texts({})).wants(VOLUMES, "two\nlines")
    assert not Rules(exclude={"collector_volume": re.compile("x")}).wants(VOLUMES, "x")


def test_a_log_is_found_by_its_container():
    identity = f"{1:064x}"

    found = of_kind(plan(containers=[container()]), Kind.LOG)

    assert found[identity].source == LogFiles(f"{ROOT}/containers/{identity}", identity)


def test_what_a_place_is_on_is_known_by_mountinfo_alone():
    mounts = MountTable([
        MountEntry("/", "ext4", (8, 1)),
        MountEntry(f"{ROOT}/volumes", "xfs", (8, 2), root="/docker/volumes"),
        MountEntry("/data", "xfs", (8, 2)),
    ])  # fmt: skip

    place = volume_place(Volume("v"), mounts=mounts)

    assert place.location == Location((8, 2), "/docker/volumes/v/_data")
    assert place.mountpoint == "/data"


def test_a_filesystem_of_a_volume_s_own_is_nobody_else_s():
    mounted = MountTable([MountEntry("/", "ext4", (8, 1)), MountEntry(f"{ROOT}/volumes/v/_data", "ext4", (8, 9))])

    assert volume_place(Volume("v", filesystem="ext4"), mounts=mounted).mountpoint == ""


OWN = f"{ROOT}/volumes/v/_data"


@pytest.mark.parametrize(
    "mounts",
    [
        [MountEntry(OWN, "overlay", (0, 9))],  # a view of the host's disk
        [MountEntry(OWN, "btrfs", (0, 9), root="/subvolume")],
        [MountEntry(OWN, "ext4", (8, 9)), MountEntry("/elsewhere", "ext4", (8, 9), root="/folder")],
    ],
)
def test_a_filesystem_that_others_have_a_part_of_says_nothing_of_the_volume(mounts):
    table = MountTable([MountEntry("/", "ext4", (8, 1)), *mounts])

    assert volume_place(Volume("v", filesystem="overlay"), mounts=table).skip is Skip.SHARED


def test_a_filesystem_that_is_mounted_whole_in_several_places_is_still_the_volume_s():
    whole = [MountEntry(OWN, "ext4", (8, 9)), MountEntry("/backup", "ext4", (8, 9))]
    table = MountTable([MountEntry("/", "ext4", (8, 1)), *whole])

    assert volume_place(Volume("v", filesystem="ext4"), mounts=table).source == Statfs(OWN)


ALIAS = MountTable([
    MountEntry("/", "ext4", (8, 1)),
    MountEntry("/alias", "ext4", (8, 1), root=ROOT),
    MountEntry(f"{ROOT}/volumes/disk/_data", "xfs", (8, 2)),
])  # fmt: skip


def test_the_data_root_bound_elsewhere_is_the_data_root():
    def place(path):
        user = container(mounts=(Mount("bind", path, "/x"),))
        return plan(containers=[user], found={path: HostPath(path)}, mounts=ALIAS).places[bind_key(path)]

    assert {place(path).skip for path in ("/alias", "/alias/overlay2", "/alias/volumes")} == {Skip.STORAGE_ROOT}
    assert place("/alias/volumes/v/_data").source == Walk((OWN,))
    assert place("/alias/volumes/v/_data/sub").source == Walk((f"{OWN}/sub",))
    # what the alias shows below a mount of the root's own is not what the root shows there
    assert place("/alias/volumes/disk/_data").source == Walk(("/alias/volumes/disk/_data",))


def scene_of(*volumes, containers=(), mounts=PLAIN, found=None, roots=ROOTS, **facts):
    inventory = Inventory(Engine(storage_driver="overlay2"), tuple(volumes), tuple(containers), roots=roots)
    return HostView(inventory, mounts, found or {}, STORES, **facts)


def with_mounts(*entries):
    return MountTable([MountEntry("/", "ext4", (8, 1)), *entries])


def test_a_plan_of_the_same_is_the_plan_itself():
    everything = container(mounts=(Mount("volume", "v", "/v"), Mount("tmpfs", "", "/t"), Mount("bind", "/srv", "/s")))
    found = {"/srv": HostPath("/srv")}
    before = plan_of(scene_of(Volume("v"), containers=[everything], found=found))

    assert plan_of(scene_of(Volume("v"), containers=[everything], found=found), EVERYTHING, before) is before


def test_one_more_volume_leaves_the_others_and_the_other_kinds_as_they_are():
    before = plan_of(scene_of(Volume("a"), Volume("c"), containers=[container()]))

    now = plan_of(scene_of(Volume("a"), Volume("b"), Volume("c"), containers=[container()]), EVERYTHING, before)

    assert [item.key.id for item in now.of(Kind.VOLUME)] == ["a", "b", "c"]
    assert all(now.objects[Kind.VOLUME][key] is item for key, item in before.objects[Kind.VOLUME].items())
    assert now.objects[Kind.LAYER] is before.objects[Kind.LAYER]


def test_a_container_that_comes_with_its_mounts_leaves_plain_volumes_where_they_are():
    before = plan_of(scene_of(Volume("a")))
    merged = MountEntry(f"{ROOT}/overlay2/ab/merged", "overlay", (0, 40))

    now = plan_of(scene_of(Volume("a"), containers=[container()], mounts=with_mounts(merged)), EVERYTHING, before)

    assert now.objects[Kind.VOLUME] is before.objects[Kind.VOLUME]


@pytest.mark.parametrize(
    "change",
    [
        {"mounts": with_mounts(MountEntry(f"{ROOT}/volumes", "xfs", (8, 2)))},
        {"mounts": with_mounts(MountEntry(f"{ROOT}/volumes/a/_data", "nfs4", (0, 9)))},
        {"mounts": MountTable([MountEntry("/", "ext4", (8, 3))])},
        {"roots": (StorageRoot("/mnt/docker"),)},
        {"moved": {f"{ROOT}/volumes/a/_data": "/srv/a"}},
        {"moved": {f"{ROOT}/volumes": "/srv/volumes"}},
    ],
    ids=["another disk", "a remote mount", "another device", "another root", "a link", "a link above"],
)
def test_a_volume_is_placed_anew_when_what_its_place_depends_on_changes(change):
    before = plan_of(scene_of(Volume("a")))

    now = plan_of(scene_of(Volume("a"), **change), EVERYTHING, before)

    assert now == plan_of(scene_of(Volume("a"), **change))
    assert now != before


def test_other_rules_are_applied_to_what_did_not_change():
    before = plan_of(scene_of(Volume("a")))
    rules = Rules(exclude={VOLUMES.names: re.compile("a")})

    now = plan_of(scene_of(Volume("a")), rules, before)

    assert now.place(volume_key("a")).skip is Skip.EXCLUDED
    assert plan_of(scene_of(Volume("a")), EVERYTHING, now) == before


def test_a_filesystem_is_called_what_it_was_called_by_what_did_not_change():
    parts = MountTable([MountEntry("/v", "ext4", (8, 1), "/docker"), MountEntry("/srv", "ext4", (8, 1), "/srv")])
    user = container(mounts=(Mount("bind", "/srv/x", "/x"),))
    roots = (StorageRoot("/v"),)
    before = plan_of(scene_of(Volume("a"), mounts=parts, roots=roots))

    now = plan_of(
        scene_of(Volume("a"), containers=[user], mounts=parts, found={"/srv/x": HostPath("/srv/x")}, roots=roots),
        EVERYTHING,
        before,
    )

    assert {place.mountpoint for place in now.places.values()} <= {"/v", ""}


def test_a_source_that_one_spelling_proves_to_be_the_engine_s_is_measured():
    users = [container(1, mounts=(Mount("bind", "/a", "/x"),)), container(2, mounts=(Mount("bind", "/b", "/y"),))]
    for distrusted in ("/a", "/b"):
        found = {path: HostPath("/srv", distrusted=path == distrusted) for path in ("/a", "/b")}
        assert plan(containers=users, found=found).place(bind_key("/srv")).source == Walk(("/srv",))


SHM = "/dev/shm"


def tmpfs_place(destination, mounts=PLAIN, *, enters=True, **facts):
    """The place of a tmpfs mount of the only container."""
    user = container(mounts=(Mount("tmpfs", "", SHM), Mount("tmpfs", "", "/t")), **facts)
    view = scene_of(containers=[user], mounts=mounts, enters_processes=enters)
    return plan_of(view).place(ObjectKey(Kind.TMPFS, "", user.id + destination))


def test_shared_memory_is_asked_for_in_the_container_by_who_may_enter_it():
    assert tmpfs_place(SHM).source == Tmpfs(SHM, f"{1:064x}", 7)
    assert tmpfs_place(SHM, enters=False).skip is Skip.PROCESS


def test_a_tmpfs_that_the_user_asked_for_should_have_a_number_whoever_measures():
    assert tmpfs_place("/t", enters=False).source == Tmpfs("/t", f"{1:064x}", 7)


@pytest.mark.parametrize("enters", [True, False])
@pytest.mark.parametrize(("name", "destination"), [("shm", SHM), ("secrets", "/run/secrets")])
def test_what_the_engine_mounts_on_the_host_is_asked_there(name, destination, enters):
    path = f"{ROOT}/containers/{1:064x}/mounts/{name}"

    assert tmpfs_place(destination, with_mounts(MountEntry(path, "tmpfs", (0, 9))), enters=enters).source == Statfs(
        path
    )


def test_what_the_engine_mounts_on_the_host_needs_no_process():
    path = f"{ROOT}/containers/{1:064x}/mounts/shm"

    assert tmpfs_place(SHM, with_mounts(MountEntry(path, "tmpfs", (0, 9))), pid=0).source == Statfs(path)
    assert tmpfs_place("/t", with_mounts(MountEntry(path, "tmpfs", (0, 9))), pid=0) == Place()


def test_a_container_without_secrets_has_none():
    assert tmpfs_place("/run/secrets") == Place()


def test_what_is_placed_anew_and_is_where_it_was_is_not_placed_anew_for_ever():
    before = plan_of(scene_of(Volume("a")))
    mounted = with_mounts(MountEntry(f"{ROOT}/volumes/b", "tmpfs", (0, 9)))

    now = plan_of(scene_of(Volume("a"), mounts=mounted), EVERYTHING, before)
    again = plan_of(scene_of(Volume("a")), EVERYTHING, now)

    assert now == before == again
    assert now.bases != before.bases == again.bases
    assert again.objects[Kind.VOLUME] is before.objects[Kind.VOLUME]
