"""The rights of this process: whose files it may read, and whether it may look into containers."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from docker_storage_exporter.doctor.finding import LOST, Finding, State
from docker_storage_exporter.doctor.scene import Scene
from docker_storage_exporter.hostfs import enter
from docker_storage_exporter.model import RUNNING_STATES, Container, Kind

_READ = (LOST[Kind.VOLUME], LOST[Kind.LAYER], LOST[Kind.LOG], LOST[Kind.BIND])
_LOOK = (LOST[Kind.TMPFS],)
_PTRACE = "add CAP_SYS_PTRACE: docker run --cap-add SYS_PTRACE, or AmbientCapabilities= in systemd"
_HOST_PID = "share the host's PID namespace: docker run --pid host; or mount its /proc and name it with --path.procfs"


def findings(scene: Scene) -> Iterator[Finding]:
    """About user, capabilities and the processes of containers."""
    yield _reading(scene)
    yield _processes(scene)


def _reading(scene: Scene) -> Finding:
    rights = scene.rights
    held = ", ".join(sorted(rights.capabilities)) or "none that matters"
    what = f"uid {rights.uid}, capabilities: {held}"
    if rights.reads_everything:
        return Finding("rights", State.OK, what)
    do = "add CAP_DAC_READ_SEARCH: docker run --cap-add DAC_READ_SEARCH as root, or AmbientCapabilities= in systemd"
    return Finding("rights", State.WARNING, f"{what}: what others closed to uid {rights.uid} is unreadable", _READ, do)


def _processes(scene: Scene) -> Finding:
    """Whether the processes of containers can be found and entered: tried on one that runs, if there is one."""
    inventory = scene.probe.inventory
    running = [c for c in inventory.containers if c.state in RUNNING_STATES and c.pid > 0] if inventory else []
    procfs = scene.host.procfs
    if running and not scene.probe.trouble:
        return _entered(procfs, running)
    if not scene.rights.enters_processes:
        what = "without CAP_SYS_PTRACE containers of other users cannot be entered; no container runs to try it on"
        return Finding("processes", State.WARNING, what, _LOOK, _PTRACE)
    if procfs == "/proc" and not scene.probe.trouble and _unseen(scene):
        what = "the engine's process is outside the PID namespace of this one, and so are its containers"
        return Finding("processes", State.ERROR, what, _LOOK, _HOST_PID)
    return Finding("processes", State.OK, "containers can be entered with CAP_SYS_PTRACE; none runs to try it on")


def _unseen(scene: Scene) -> bool:
    return scene.probe.engine_pid == 0 and scene.probe.address.startswith("unix://")


def _entered(procfs: str, running: list[Container]) -> Finding:
    failures: list[tuple[str, OSError]] = []
    for container in running:
        try:
            enter(procfs, container.pid, container.id)
        except OSError as error:
            failures.append((container.name, error))
    if not failures:
        noun = "container" if len(running) == 1 else "containers"
        return Finding("processes", State.OK, f"{len(running)} running {noun} found in {procfs} and entered")
    name, first = failures[0]
    denied = first.errno in (errno.EACCES, errno.EPERM)
    why = "may not be entered" if denied else f"not found in {procfs}, which is not the host's"
    what = f"{len(failures)} of {len(running)} running containers, such as {name}: {why}"
    state = State.ERROR if len(failures) == len(running) else State.WARNING
    return Finding("processes", state, what, _LOOK, _PTRACE if denied else _HOST_PID)
