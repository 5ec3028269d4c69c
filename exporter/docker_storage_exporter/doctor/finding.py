"""A finding: one fact about what can be seen, with its price and its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.collector.family import Family
from docker_storage_exporter.model.keys import Kind

Group = tuple[Family, ...]
"""Families that are lost together; the first one speaks for them."""

LOST: dict[Kind, Group] = {kind: file.LOST for kind, file in c.OF_KIND.items()}
"""What an object of each kind has no number in when it cannot be measured."""

ROOT_FILESYSTEM: Group = (c.FILESYSTEM_SIZE, c.FILESYSTEM_AVAIL, c.FILESYSTEM_INODES, c.FILESYSTEM_INODES_FREE)
VOLUME_FILESYSTEMS: Group = (c.VOLUME_FILESYSTEM_SIZE, c.VOLUME_FILESYSTEM_AVAIL)
SIZES: tuple[Group, ...] = tuple(LOST.values())
EVERYTHING: tuple[Group, ...] = (c.OBJECT_FAMILIES,)


class State(str, Enum):
    """How good or bad a finding is."""

    OK = "ok"
    WARNING = "warning"  # some numbers are missing, or something is not as it should be
    ERROR = "error"  # a whole kind of numbers is missing, or a promise is broken


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was checked and found, which groups of families that costs, and what to do.

    `partly` says that only some objects lack those families, and all others have them.
    """

    check: str
    state: State
    what: str
    costs: tuple[Group, ...] = ()
    do: str = ""
    partly: bool = False

    @property
    def families(self) -> tuple[str, ...]:
        """The names of all families that are lost, wholly or in part."""
        return tuple(family.name for group in self.costs for family in group)

    @property
    def bad(self) -> bool:
        """Whether the operator should act: it costs metrics, or it breaks a promise."""
        return bool(self.costs) or self.state is State.ERROR
