"""Which of the needs this process has met, found out by the same trials as the findings."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass

from docker_storage_exporter.doctor import rights, roots
from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import State
from docker_storage_exporter.doctor.needs import NEEDS, Need, Row
from docker_storage_exporter.schedule.listing import bind_users

Present = Mapping[Need, bool | None]
"""Whether each need is met; None where nothing tells."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table with what of it is here. `complete` is None where nothing tells."""

    row: Row
    present: Present

    @property
    def complete(self) -> bool | None:
        """Whether the numbers of these families will be there, and whole."""
        answers = [self.present[need] for need in self.row.needs]
        return False if False in answers else None if None in answers else True

    @property
    def lost(self) -> tuple[str, ...]:
        """What is lost here, by each need that is not met."""
        missing = (text for need, text in self.row.needs.items() if self.present[need] is False)
        return tuple(dict.fromkeys(missing))


def needs_table(facts: Facts) -> list[Line]:
    """A line for each group of families."""
    present = _present(facts)
    return [Line(row, {need: present[need] for need in row.needs}) for row in NEEDS]


def _present(facts: Facts) -> dict[Need, bool | None]:
    entered, found = _processes(facts)
    return {
        Need.API: facts.probe.inventory is not None and not facts.probe.trouble,
        Need.DATA_ROOT: _data_root(facts),
        Need.SOURCES: _sources(facts),
        Need.LATE_MOUNTS: _late_mounts(facts),
        Need.READ: _reads(facts),
        Need.PTRACE: entered,
        Need.PIDS: found,
        Need.IDLE: facts.kernel.idle_class and facts.kernel.idle_io,
    }


def _data_root(facts: Facts) -> bool:
    inventory = facts.probe.inventory
    refused = inventory is not None and inventory.refused is not None
    return not refused and roots.data_root(facts).state is not State.ERROR


def _sources(facts: Facts) -> bool:
    """Whether each source of a bind mount is there. Without any, a root of the host's that is mounted whole will do."""
    inventory = facts.probe.inventory
    if not facts.apart:
        return True
    paths = bind_users(inventory) if inventory is not None else {}
    if paths:
        resolved = (facts.host.resolve(path, facts.mounts) for path in paths)
        return not any(source.error is not None and source.error.errno == errno.ENOENT for source in resolved)
    return bool(facts.host.rootfs) and facts.mounts.at(facts.host.rootfs) is not None


def _late_mounts(facts: Facts) -> bool:
    covering = facts.mounts.covering(facts.host.view(facts.root.path))
    if not facts.apart or covering is None:
        return True  # without any sign of a container every mount is seen as it is
    return covering.propagation != "private"


def _reads(facts: Facts) -> bool | None:
    """In a user namespace of its own a capability holds for some files and not for others."""
    if facts.rights.reads_everything and facts.confinement.is_remapped:
        return None
    return facts.rights.reads_everything


def _processes(facts: Facts) -> tuple[bool | None, bool | None]:
    """Whether containers can be entered, and whether they can be found: tried on those that run."""
    running = rights.running(facts)
    can_enter = facts.rights.enters_processes and not facts.sandbox.stands
    if not running:
        untold = facts.host.procfs != "/proc" or bool(facts.probe.trouble)
        return can_enter, None if untold else not rights.engine_is_hidden(facts)
    failures = rights.failures(facts.host.procfs, running)
    denied = [error for _, error in failures if error.errno in (errno.EACCES, errno.EPERM)]
    if len(denied) < len(failures):
        return can_enter, False
    return not denied, True
