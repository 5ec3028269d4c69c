"""Each subject finds what is wrong, names what that costs, and says nothing of what is well."""

import dataclasses
import os

import pytest

from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES
from docker_storage_exporter.confine.rights import Rights
from docker_storage_exporter.confine.sandbox import Sandbox
from docker_storage_exporter.doctor import State, engine, examine, gather, kernel, objects, propagation, rights, roots
from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.hostfs.kernel import Kernel
from docker_storage_exporter.hostfs.mounts import MountEntry
from docker_storage_exporter.inventory.probe import Probe
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.model.objects import Container, Engine, Mount, Volume
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.settings import from_texts

LAYERS = "docker_container_layer_allocated_bytes"
TMPFS = ("docker_container_tmpfs_used_bytes", "docker_container_tmpfs_size_bytes")


def _one(subject, make_facts, check):
    found = [finding for finding in subject.findings(make_facts) if finding.check == check]
    assert len(found) == 1
    return found[0]


def test_all_is_well(make_facts):
    found = examine(make_facts(kernel=Kernel("6.1")))

    assert {finding.state for finding in found} == {State.OK}
    assert not any(finding.bad or finding.do for finding in found)
    assert [finding.check for finding in found] == [
        "engine", "same host", "storage driver", "data root", "mounts", "rights", "processes", "landlock",
        "privileges", "kernel", "walker",
    ]  # fmt: skip


def test_an_engine_that_is_down_costs_labels_but_no_sizes(make_facts):
    found = _one(engine, make_facts(trouble="no engine answers at unix:///engine.sock", source="disk"), "engine")

    assert (found.state, found.families) == (State.WARNING, ("docker_engine_info",))
    assert found.what.startswith("no engine answers at unix:///engine.sock; the disk is read instead")


def test_with_neither_engine_nor_disk_everything_is_lost_and_nothing_else_is_said_of_the_engine(make_facts):
    probe = Probe("unix:///engine.sock", trouble="engine at unix:///engine.sock: permission denied; join the group")

    found = list(engine.findings(make_facts(probe=probe)))

    assert [(one.state, one.do) for one in found] == [(State.ERROR, "join the group")]
    assert found[0].families == tuple(family.name for family in OBJECT_FAMILIES)


def test_a_foreign_engine_costs_every_size(make_facts):
    found = _one(engine, make_facts(refused=Unmeasured.FOREIGN_ENGINE), "same host")

    assert found.state is State.ERROR
    for name in ("docker_volume_allocated_bytes", LAYERS, "docker_storage_filesystem_avail_bytes"):
        assert name in found.families
    assert "docker_volume_info" not in found.families


@pytest.mark.parametrize(("driver", "store"), [("btrfs", "graphdriver"), ("stargz", "containerd")])
def test_an_unknown_storage_driver_costs_the_layers_alone(make_facts, driver, store):
    unknown = Engine(version="29", storage_driver=driver, image_store=store, data_root="/var/lib/docker")

    found = _one(engine, make_facts(engine=unknown), "storage driver")

    assert found.state is State.WARNING
    assert {name.rpartition("layer_")[0] for name in found.families} == {"docker_container_"}


@pytest.mark.parametrize(
    ("root", "said"),
    [
        (HostPath("/var/lib/docker", remote=True), "remote filesystem"),
        (HostPath("/var/lib/docker", error=PermissionError(13, "Permission denied")), "Permission denied"),
        (HostPath("/elsewhere"), "No such file or directory"),
        (HostPath("/var/lib"), "no containers directory"),
    ],
)
def test_a_data_root_that_cannot_be_used_costs_every_size(make_facts, root, said):
    found = _one(roots, make_facts(root=root), "data root")

    assert found.state is State.ERROR
    assert said in found.what
    assert found.do
    assert {"docker_volume_allocated_bytes", LAYERS, *TMPFS} < set(found.families)


def test_a_part_of_the_data_root_that_is_no_directory_costs_what_lies_in_it(make_facts, rootfs):
    (rootfs / "var/lib/docker/volumes").rmdir()
    (rootfs / "var/lib/docker/volumes").touch()

    found = _one(roots, make_facts(), "data root")

    assert found.what == "/var/lib/docker: volumes: Not a directory"
    assert {name.rpartition("_volume_")[0] for name in found.families} == {"docker"}


def test_the_root_of_containerd_costs_the_layers_where_it_is_not_seen(make_facts, rootfs):
    with_images = Engine(version="29", image_store="containerd", data_root="/var/lib/docker")
    (rootfs / "var/lib/containerd").mkdir()

    nowhere = _one(roots, make_facts(engine=with_images), "containerd root")
    seen = _one(roots, make_facts(engine=with_images, images="/var/lib/containerd"), "containerd root")
    wrong = _one(roots, make_facts(engine=with_images, images="/var/lib/elsewhere"), "containerd root")

    assert (nowhere.state, seen.state, wrong.state) == (State.ERROR, State.OK, State.ERROR)
    assert LAYERS in nowhere.families
    assert LAYERS in wrong.families
    assert "--path.containerd-root" in nowhere.do
    assert (seen.what, seen.families) == ("/var/lib/containerd can be listed, on ext4", ())
    assert wrong.what == "/var/lib/elsewhere: No such file or directory"


def test_layers_of_a_driver_that_the_engine_does_not_use_are_told_and_cost_no_metric(make_facts, rootfs):
    def left_over(*drivers):
        for driver in drivers:
            (rootfs / f"var/lib/docker/image/{driver}/layerdb/sha256/{'1' * 64}").mkdir(parents=True)
        return [found for found in roots.findings(make_facts()) if found.check == "other drivers"]

    assert left_over("overlay2") == []  # the engine's own
    (found,) = left_over("vfs", "aufs")
    assert (found.state, found.families) == (State.WARNING, ())
    assert found.what.startswith("layers of aufs, vfs are in /var/lib/docker, and the engine uses overlay2")


def _below(rootfs, part="", **facts):
    return MountEntry(f"{rootfs}{part}", "ext4", (8, 1), **facts)


def test_private_propagation_is_an_error(make_facts, rootfs):
    apart = make_facts(_below(rootfs, read_only=True), apart=True)

    found = _one(propagation, apart, "propagation")

    assert found.state is State.ERROR
    assert "docker_volume_filesystem_size_bytes" in found.families
    assert "rslave" in found.do


@pytest.mark.parametrize("kind", ["slave", "shared"])
def test_mounts_that_arrive_later_are_well(make_facts, rootfs, kind):
    apart = make_facts(_below(rootfs, read_only=True, propagation=kind), apart=True)

    assert [finding.state for finding in propagation.findings(apart)] == [State.OK, State.OK]


@pytest.mark.parametrize(("apart", "said"), [(False, "the engine's mount namespace"), (None, "no sign of a container")])
def test_on_the_host_itself_propagation_does_not_matter(make_facts, rootfs, apart, said):
    found = list(propagation.findings(make_facts(_below(rootfs), apart=apart)))

    assert [(one.check, one.state) for one in found] == [("mounts", State.OK)]
    assert said in found[0].what


def test_a_writable_mount_is_told_but_costs_nothing(make_facts, rootfs):
    found = _one(propagation, make_facts(_below(rootfs, propagation="slave"), apart=True), "read-only")

    assert (found.state, found.bad) == (State.WARNING, False)


def test_a_writable_mount_below_a_read_only_one_is_an_error_but_the_engines_own_are_not(make_facts, rootfs):
    root = "/var/lib/docker"
    own = [
        _below(rootfs, f"{root}/overlay2/abc/merged"),
        _below(rootfs, f"{root}/overlay2/abc/merged/dev/pts"),
        _below(rootfs, f"{root}/containers/{'a' * 64}/mounts/shm"),
        _below(rootfs, f"{root}/volumes/v/_data"),
    ]
    read_only = _below(rootfs, read_only=True, propagation="slave")

    well = _one(propagation, make_facts(read_only, *own, apart=True), "read-only")
    others = [_below(rootfs, part) for part in ("/boot", "/home", "/proc", f"{root}/volumes/v/_data/x")]
    bad = _one(propagation, make_facts(read_only, *own, *others, apart=True), "read-only")

    assert well.state is State.OK
    assert (bad.state, bad.bad) == (State.ERROR, True)
    assert bad.what.endswith(f"below it: {rootfs}/boot, {rootfs}/home, {rootfs}/proc and 1 more")

    restricted = _one(propagation, make_facts(read_only, *own, *others, apart=True, sandbox=Sandbox(7)), "read-only")
    assert (restricted.state, restricted.bad) == (State.WARNING, False)


@pytest.mark.parametrize(
    ("capability", "state"),
    [("CAP_DAC_READ_SEARCH", State.OK), ("CAP_DAC_OVERRIDE", State.OK), ("CAP_SYS_ADMIN", State.WARNING)],
)
def test_which_capability_reads_everybodys_files(make_facts, capability, state):
    found = _one(rights, make_facts(rights=Rights(0, frozenset({capability}))), "rights")

    assert found.state is state
    assert (LAYERS in found.families) is (state is State.WARNING)


def test_without_a_running_container_the_capability_alone_counts(make_facts):
    found = _one(rights, make_facts(rights=Rights(0)), "processes")

    assert (found.state, found.families) == (State.WARNING, TMPFS)
    assert "CAP_SYS_PTRACE" in found.do


def test_an_engine_that_hides_behind_another_pid_namespace(make_facts):
    well = make_facts()
    hidden = dataclasses.replace(
        well, host=type(well.host)(well.host.rootfs, "/proc"), probe=dataclasses.replace(well.probe, engine_pid=0)
    )

    found = _one(rights, hidden, "processes")

    assert (found.state, found.families) == (State.ERROR, TMPFS)
    assert "--pid host" in found.do


def _process(rootfs, pid, container):
    folder = rootfs / "proc" / str(pid)
    (folder / "root").mkdir(parents=True)
    (folder / "cgroup").write_text(f"0::/docker/{container}\n")


def test_running_containers_are_entered_one_by_one(make_facts, rootfs):
    containers = [Container(str(n) * 64, f"c{n}", state="running", pid=40 + n, driver="overlay2") for n in range(3)]
    for container in containers[:2]:
        _process(rootfs, container.pid, container.id)

    both = _one(rights, make_facts(containers=containers[:2]), "processes")
    most = _one(rights, make_facts(containers=containers), "processes")
    none = _one(rights, make_facts(containers=containers[2:]), "processes")

    assert (both.state, most.state, none.state) == (State.OK, State.WARNING, State.ERROR)
    assert both.what == f"2 running containers found in {rootfs}/proc and entered"
    assert most.what.startswith("1 of 3 running containers, such as c2: not found in ")
    assert (none.families, "--path.procfs" in none.do) == (TMPFS, True)


def test_each_kind_of_object_is_opened_and_what_fails_is_counted(make_facts, rootfs):
    identity, layer = "a" * 64, "b" * 64
    mounts = (Mount("tmpfs", "", "/t"), Mount("bind", "/srv/file", "/f"), Mount("bind", "/proc", "/p"))
    container = Container(identity, "c", state="running", pid=4, driver="overlay2", layer=layer, mounts=mounts)
    (rootfs / "var/lib/docker/overlay2" / layer / "diff").mkdir(parents=True)
    (rootfs / "srv").mkdir()
    (rootfs / "srv/file").touch()
    (rootfs / "proc").mkdir()

    found = {finding.check: finding for finding in objects.findings(make_facts(containers=[container]))}

    assert {check: finding.what for check, finding in found.items()} == {
        "writable layers": "1 of 1 can be opened",
        "tmpfs mounts": "0 of 1 can be opened; not c:/t at /t (vanished)",
        "bind mounts": "1 of 1 can be opened, 1 more left out by rule",
    }
    assert found["tmpfs mounts"].families == TMPFS
    assert found["tmpfs mounts"].bad


def test_sources_that_were_not_mounted_into_a_container_are_missed(make_facts, rootfs):
    container = Container("a" * 64, "c", mounts=(Mount("bind", "/srv/not-here", "/f"),), driver="overlay2", layer="b")

    found = _one(objects, make_facts(containers=[container], apart=True), "bind mounts")

    assert found.what == "0 of 1 can be opened; not /srv/not-here (vanished)"
    assert found.do == f"mount the sources below {rootfs} as well, where the host has them"


def test_objects_of_a_foreign_engine_point_to_the_cause(make_facts):
    container = Container("a" * 64, "c", driver="overlay2", layer="b" * 64)

    found = _one(objects, make_facts(containers=[container], refused=Unmeasured.FOREIGN_ENGINE), "writable layers")

    assert found.what == "0 of 1 can be opened; not c (foreign_engine)"
    assert (found.do, found.partly) == ("see same host", False)


def test_one_object_that_cannot_be_opened_is_named_and_costs_only_itself(make_facts, rootfs):
    (rootfs / "var/lib/docker/volumes/kept/_data").mkdir(parents=True)
    gone = [Volume(f"gone-{number}") for number in range(5)]

    found = _one(objects, make_facts(volumes=[Volume("kept"), *gone]), "volumes")

    path = "/var/lib/docker/volumes/gone-{}/_data"
    named = ", ".join(f"gone-{number} at {path.format(number)} (vanished)" for number in range(3))
    assert found.what == f"1 of 6 can be opened; not {named} and 2 more"
    assert (found.partly, found.bad) == (True, True)


def test_every_reason_has_a_remedy_that_needs_no_other_page():
    assert objects._REMEDIES.keys() == set(Unmeasured)
    assert not any("docs/" in remedy for remedy in objects._REMEDIES.values())


@pytest.mark.parametrize(
    ("missing", "state", "said"),
    [
        ("idle_class", State.WARNING, "not SCHED_IDLE: walks compete"),
        ("idle_io", State.WARNING, "not idle I/O: walks compete"),
        ("openat2", State.WARNING, "not openat2: each component"),
        ("fanotify", State.OK, "not fanotify"),
        ("birth_times", State.OK, "not birth times"),
    ],
)
def test_what_the_kernel_lacks_costs_no_numbers(make_facts, missing, state, said):
    found = _one(kernel, make_facts(kernel=Kernel("5.4", **{missing: False})), "kernel")

    assert (found.state, found.bad) == (state, False)
    assert said in found.what


def test_the_plain_walker_is_slow_but_no_failure(make_facts):
    found = _one(kernel, make_facts(sizer="python"), "walker")

    assert (found.state, found.bad) == (State.WARNING, False)


def test_every_cost_is_a_family_of_the_catalogue(make_facts):
    bad = make_facts(refused=Unmeasured.UNKNOWN_ROOT, rights=Rights(1), root=HostPath("/x", remote=True), apart=True)

    named = {name for finding in examine(bad) for name in finding.families}

    assert named
    assert named <= {family.name for family in (*OBJECT_FAMILIES, *LIVE_FAMILIES)}


def test_every_kind_has_a_price(make_facts):
    assert set(objects.LOST) == set(KINDS)


def test_the_scene_of_this_process_is_gathered(tmp_path):
    here = gather(from_texts({"docker_host": f"unix://{tmp_path}/none", "path_data_root": str(tmp_path)}, {}))

    assert here.rights.uid == os.geteuid()
    assert here.kernel.release == os.uname().release
    assert here.probe.trouble == f"no engine answers at unix://{tmp_path}/none"
    assert [finding.check for finding in examine(here) if finding.bad][:2] == ["engine", "data root"]
