"""What doctor says of the process's own confinement."""

import pytest

from docker_storage_exporter.confine.confinement import Confinement
from docker_storage_exporter.confine.rights import Rights
from docker_storage_exporter.confine.sandbox import Sandbox
from docker_storage_exporter.doctor import State, confinement, rights
from docker_storage_exporter.hostfs.mounts import MountEntry
from docker_storage_exporter.model.objects import Container

CONTAINER_ROOT = MountEntry("/", "overlay", (0, 50))


def _found(make_facts):
    return {finding.check: finding for finding in confinement.findings(make_facts)}


@pytest.mark.parametrize(
    ("sandbox", "state", "said"),
    [
        (Sandbox(7), State.OK, "Landlock (ABI 7) lets this process write nowhere"),
        (Sandbox(7, folder="/state"), State.OK, "write below /state"),
        (Sandbox(why="--security.landlock=off"), State.OK, "does not keep this process from writing"),
        (Sandbox(why="the kernel does not offer it", missing=True), State.WARNING, "the kernel does not offer it"),
    ],
)
def test_landlock(make_facts, sandbox, state, said):
    found = _found(make_facts(sandbox=sandbox))["landlock"]

    assert (found.state, found.bad) == (state, False)
    assert said in found.what


def test_a_state_file_whose_folder_holds_the_data_root_opens_it(make_facts, rootfs):
    found = _found(make_facts(sandbox=Sandbox(7, folder=f"{rootfs}/var/lib")))["landlock"]

    assert (found.state, found.do) == (State.WARNING, "give --state.file a folder of its own")


@pytest.mark.parametrize(
    ("flag", "sandbox", "mounts", "state"),
    [
        (True, Sandbox(), [CONTAINER_ROOT], State.OK),
        (False, Sandbox(), [CONTAINER_ROOT], State.WARNING),
        (False, Sandbox(7), [CONTAINER_ROOT], State.OK),  # serve sets it itself then
        (False, Sandbox(), [], State.OK),
        (None, Sandbox(), [CONTAINER_ROOT], State.OK),
    ],
)
def test_in_a_container_privileges_should_not_be_gained(make_facts, flag, sandbox, mounts, state):
    facts = Confinement(no_new_privileges=flag, seccomp="filter")

    found = _found(make_facts(*mounts, confinement=facts, sandbox=sandbox))["privileges"]

    assert found.state is state
    assert "seccomp filter" in found.what


def test_a_container_should_not_hold_what_writes_everywhere(make_facts):
    held = Rights(0, frozenset({"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"}))

    inside, outside = _found(make_facts(CONTAINER_ROOT, rights=held)), _found(make_facts(rights=held))

    assert inside["privileges"].state is State.WARNING
    assert inside["privileges"].do == "docker run --cap-drop ALL --cap-add DAC_READ_SEARCH"
    assert outside["privileges"].state is State.OK


@pytest.mark.parametrize("read_only", [True, False])
def test_the_root_of_a_container_should_be_read_only(make_facts, read_only):
    root = MountEntry("/", "overlay", (0, 50), read_only=read_only)

    found = _found(make_facts(root))["root filesystem"]

    assert (found.state is State.OK) is read_only
    assert "root filesystem" not in _found(make_facts())


@pytest.mark.parametrize(
    ("facts", "check", "state", "said"),
    [
        ({"apparmor": "unconfined"}, "apparmor", State.OK, "unconfined"),
        ({"apparmor": "docker-default (enforce)"}, "apparmor", State.OK, "the same profile"),
        ({"selinux": "system_u:system_r:spc_t:s0"}, "selinux", State.OK, "spc_t"),
        ({"selinux": "system_u:system_r:container_t:s0:c1,c2"}, "selinux", State.WARNING, "labelled for it alone"),
        ({"users": ((0, 100000, 65536),)}, "user namespace", State.WARNING, "uid 0 here is uid 100000 of the host"),
        ({"users": ((0, 1000, 1),)}, "user namespace", State.WARNING, "that user's files alone"),
    ],
)
def test_what_confines_beyond_capabilities(make_facts, facts, check, state, said):
    found = _found(make_facts(confinement=Confinement(**facts)))[check]

    assert (found.state, found.bad) == (state, False)
    assert said in found.what


def test_where_nothing_confines_nothing_more_is_said(make_facts):
    assert list(_found(make_facts())) == ["landlock", "privileges"]


@pytest.mark.parametrize(
    ("capabilities", "facts", "do"),
    [
        ((), {}, "add CAP_SYS_PTRACE"),
        (("CAP_SYS_PTRACE",), {"sandbox": Sandbox(7)}, "--security.landlock=auto"),
        (("CAP_SYS_PTRACE",), {"confinement": Confinement(apparmor="docker-default (enforce)")}, "leave AppArmor's"),
    ],
)
def test_who_may_not_enter_a_container_is_told_what_stands_against_it(
    make_facts, rootfs, monkeypatch, capabilities, facts, do
):
    container = Container("a" * 64, "c", state="running", pid=41, driver="overlay2", layer="b" * 64)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(rights, "enter", refuse)
    there = make_facts(containers=[container], rights=Rights(0, frozenset(capabilities)), **facts)

    found = next(finding for finding in rights.findings(there) if finding.check == "processes")

    assert found.do.startswith(do)


def test_landlock_that_is_on_at_any_price_costs_tmpfs_mounts(make_facts):
    found = next(one for one in rights.findings(make_facts(sandbox=Sandbox(7))) if one.check == "processes")

    assert (found.state, found.families[0]) == (State.WARNING, "docker_container_tmpfs_used_bytes")
    assert found.do.startswith("--security.landlock=auto")
