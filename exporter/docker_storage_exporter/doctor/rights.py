"""The rights of this process: whose files it may read, and whether it may look into containers."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import Finding, State
from docker_storage_exporter.doctor.needs import Need, needing
from docker_storage_exporter.hostfs.process import enter
from docker_storage_exporter.model.objects import RUNNING_STATES, Container

_READ = needing(Need.READ)
_LOOK = needing(Need.PTRACE)
_PTRACE = "add CAP_SYS_PTRACE: docker run --cap-add SYS_PTRACE, or AmbientCapabilities= in systemd"
_NO_FENCE = "--security.landlock=auto, which leaves Landlock away where CAP_SYS_PTRACE is held"
_NO_APPARMOR = "leave AppArmor's profile: docker run --security-opt apparmor=unconfined"
_HOST_PID = "share the host's PID namespace: docker run --pid host; or mount its /proc and name it with --path.procfs"


def findings(facts: Facts) -> Iterator[Finding]:
    """About user, capabilities and the processes of containers."""
    yield _reading(facts)
    yield _processes(facts)


def _reading(facts: Facts) -> Finding:
    rights = facts.rights
    held = ", ".join(sorted(rights.capabilities)) or "none that matters"
    what = f"uid {rights.uid}, capabilities: {held}"
    if rights.reads_everything:
        return Finding("rights", State.OK, what)
    do = "add CAP_DAC_READ_SEARCH: docker run --cap-add DAC_READ_SEARCH as root, or AmbientCapabilities= in systemd"
    return Finding("rights", State.WARNING, f"{what}: what others closed to uid {rights.uid} is unreadable", _READ, do)


def running(facts: Facts) -> list[Container]:
    """The containers that run now, as far as the engine itself says so."""
    inventory = facts.probe.inventory
    if inventory is None or facts.probe.trouble:
        return []
    return [container for container in inventory.containers if container.state in RUNNING_STATES and container.pid > 0]


def failures(procfs: str, containers: list[Container]) -> list[tuple[str, OSError]]:
    """The names of those whose process cannot be entered, with why: EACCES without the rights, ESRCH if not found."""
    failed: list[tuple[str, OSError]] = []
    for container in containers:
        try:
            enter(procfs, container.pid, container.id)
        except OSError as error:
            failed.append((container.name, error))
    return failed


def engine_is_hidden(facts: Facts) -> bool:
    """Whether the engine's process is outside of this PID namespace, and so are its containers."""
    return not facts.probe.trouble and facts.probe.engine_pid == 0 and facts.probe.address.startswith("unix://")


def _processes(facts: Facts) -> Finding:
    """Whether the processes of containers can be found and entered: tried on those that run, if there are any."""
    there = running(facts)
    if there:
        return _entered(facts, there)
    if not facts.rights.enters_processes:
        what = "without CAP_SYS_PTRACE containers of other users cannot be entered; no container runs to try it on"
        return Finding("processes", State.WARNING, what, _LOOK, _PTRACE)
    if facts.sandbox.stands:
        what = "Landlock forbids to enter containers; none runs to try it on"
        return Finding("processes", State.WARNING, what, _LOOK, _NO_FENCE)
    if facts.host.procfs == "/proc" and engine_is_hidden(facts):
        what = "the engine's process is outside the PID namespace of this one, and so are its containers"
        return Finding("processes", State.ERROR, what, _LOOK, _HOST_PID)
    return Finding("processes", State.OK, "containers can be entered with CAP_SYS_PTRACE; none runs to try it on")


def _entered(facts: Facts, there: list[Container]) -> Finding:
    procfs, failed = facts.host.procfs, failures(facts.host.procfs, there)
    if not failed:
        noun = "container" if len(there) == 1 else "containers"
        return Finding("processes", State.OK, f"{len(there)} running {noun} found in {procfs} and entered")
    name, first = failed[0]
    denied = first.errno in (errno.EACCES, errno.EPERM)
    why = "may not be entered" if denied else f"not found in {procfs}, which is not the host's"
    what = f"{len(failed)} of {len(there)} running containers, such as {name}: {why}"
    state = State.ERROR if len(failed) == len(there) else State.WARNING
    return Finding("processes", state, what, _LOOK, _remedy(facts) if denied else _HOST_PID)


def _remedy(facts: Facts) -> str:
    """What lets a process be entered that is there: the capability, or less that stands against it."""
    if not facts.rights.enters_processes:
        return _PTRACE
    if facts.sandbox.stands:
        return _NO_FENCE
    return _NO_APPARMOR if facts.confinement.apparmor else _PTRACE
