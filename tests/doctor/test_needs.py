"""The table of needs: complete, and answered by what is there."""

import dataclasses
from collections import Counter

import pytest

from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES
from docker_storage_exporter.confine.confinement import Confinement
from docker_storage_exporter.confine.rights import Rights
from docker_storage_exporter.confine.sandbox import Sandbox
from docker_storage_exporter.doctor import NEEDS, Need, needs_table
from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.hostfs.kernel import Kernel
from docker_storage_exporter.hostfs.mounts import MountEntry
from docker_storage_exporter.inventory.probe import Probe
from docker_storage_exporter.model.objects import Container, Mount
from docker_storage_exporter.model.places import Unmeasured


def _present(make_facts):
    return {need: here for line in needs_table(make_facts) for need, here in line.present.items()}


def _complete(make_facts):
    return {line.row.metrics: line.complete for line in needs_table(make_facts)}


def test_every_family_is_in_exactly_one_row():
    counted = Counter(family.name for row in NEEDS for family in row.families)

    assert counted == Counter(family.name for family in (*OBJECT_FAMILIES, *LIVE_FAMILIES))


def test_every_need_is_somebodys_and_says_what_is_lost():
    assert {need for row in NEEDS for need in row.needs} == set(Need)
    assert all(lost for row in NEEDS for lost in row.needs.values())


def test_where_all_is_well_every_row_is_complete(make_facts, rootfs):
    container = Container("a" * 64, "c", state="running", pid=41, driver="overlay2", layer="b" * 64)
    _process(rootfs, 41, container.id)

    assert set(_complete(make_facts(containers=[container])).values()) == {True}


@pytest.mark.parametrize(
    ("changes", "need"),
    [
        ({"trouble": "no engine answers", "source": "disk"}, Need.API),
        ({"refused": Unmeasured.FOREIGN_ENGINE}, Need.DATA_ROOT),
        ({"root": HostPath("/var/lib/docker", error=PermissionError(13, "Permission denied"))}, Need.DATA_ROOT),
        ({"rights": Rights(0, frozenset({"CAP_SYS_PTRACE"}))}, Need.READ),
        ({"rights": Rights(0, frozenset({"CAP_DAC_READ_SEARCH"}))}, Need.PTRACE),
        ({"sandbox": Sandbox(7)}, Need.PTRACE),
        ({"kernel": Kernel("6.1", idle_class=False)}, Need.IDLE),
        ({"kernel": Kernel("6.1", idle_io=False)}, Need.IDLE),
    ],
)
def test_one_thing_that_is_missing_costs_those_that_need_it_and_no_others(make_facts, changes, need):
    lines = needs_table(make_facts(**changes))

    assert {line.row.metrics for line in lines if line.complete is False} == {
        row.metrics for row in NEEDS if need in row.needs
    }
    assert all(line.lost == (line.row.needs[need],) for line in lines if line.complete is False)


def test_neither_engine_nor_disk_is_both(make_facts):
    nothing = make_facts(probe=Probe("unix:///engine.sock", trouble="permission denied"), root=HostPath("/elsewhere"))

    present = _present(nothing)

    assert (present[Need.API], present[Need.DATA_ROOT]) == (False, False)


def test_in_a_user_namespace_a_capability_may_hold_or_not(make_facts):
    remapped = make_facts(confinement=Confinement(users=((0, 100000, 65536),)))

    assert _present(remapped)[Need.READ] is None
    assert _complete(remapped)["volumes"] is None


@pytest.mark.parametrize(
    ("apart", "propagation", "here"),
    [(True, "private", False), (True, "slave", True), (False, "private", True), (None, "private", True)],
)
def test_late_mounts_arrive_by_propagation(make_facts, rootfs, apart, propagation, here):
    view = MountEntry(str(rootfs), "ext4", (8, 1), propagation=propagation)

    assert _present(make_facts(view, apart=apart))[Need.LATE_MOUNTS] is here


def _bound(*sources):
    mounts = tuple(Mount("bind", source, f"/{number}") for number, source in enumerate(sources))
    return Container("a" * 64, "c", mounts=mounts, driver="overlay2", layer="b" * 64)


def test_sources_are_looked_for_where_this_process_would_find_them(make_facts, rootfs):
    (rootfs / "srv").mkdir()

    assert _present(make_facts(containers=[_bound("/srv")], apart=True))[Need.SOURCES] is True
    assert _present(make_facts(containers=[_bound("/srv", "/gone")], apart=True))[Need.SOURCES] is False
    assert _present(make_facts(containers=[_bound("/gone")], apart=False))[Need.SOURCES] is True


def test_without_a_bind_mount_the_whole_host_has_to_be_there(make_facts, rootfs):
    whole = MountEntry(str(rootfs), "ext4", (8, 1))

    assert _present(make_facts(whole, apart=True))[Need.SOURCES] is True
    assert _present(make_facts(apart=True))[Need.SOURCES] is False
    assert _present(make_facts(apart=None))[Need.SOURCES] is True


def _process(rootfs, pid, container):
    folder = rootfs / "proc" / str(pid)
    (folder / "root").mkdir(parents=True)
    (folder / "cgroup").write_text(f"0::/docker/{container}\n")


def test_running_containers_tell_more_than_capabilities(make_facts, rootfs):
    container = Container("a" * 64, "c", state="running", pid=41, driver="overlay2", layer="b" * 64)
    without = {"containers": [container], "rights": Rights(1000)}

    missing = _present(make_facts(**without))
    _process(rootfs, 41, container.id)
    found = _present(make_facts(**without))

    assert (missing[Need.PTRACE], missing[Need.PIDS]) == (False, False)
    assert (found[Need.PTRACE], found[Need.PIDS]) == (True, True)


def test_an_engine_behind_another_pid_namespace_hides_its_containers(make_facts):
    well = make_facts()
    hidden = dataclasses.replace(
        well, host=type(well.host)(well.host.rootfs, "/proc"), probe=dataclasses.replace(well.probe, engine_pid=0)
    )

    assert _present(hidden)[Need.PIDS] is False
