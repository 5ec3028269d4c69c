"""What a metric family is, and where the numbers of one can come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Literal

from docker_storage_exporter.limits import Limits
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.snapshot import Row

_UNITS = ("bytes", "seconds", "ratio")


class Origin(Enum):
    """Where numbers come from, and what getting them costs."""

    WALK = "a walk over every inode of the tree", "CPU time and disk reads, all of it paid from `--scan.duty`"
    LISTING = "the log files' own inodes", "a listing and a `stat` for each file, paid from `--scan.duty`"
    STATFS = "`statfs` of the object's own filesystem", "one system call when the object is due"
    LIVE_STATFS = "`statfs` of the filesystem", "one system call per scrape, given up after 250 ms"
    ENGINE = "the engine's API, or its metadata on disk", "five kinds of `GET` request, see [endpoints](endpoints.md)"
    SURVEY = "the exporter's own bookkeeping", "nothing beyond what the numbers themselves cost"

    def __init__(self, source: str, cost: str) -> None:
        self.source = source
        self.cost = cost


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family. `name` includes `_total` for counters; `labels` are in the order values are given in.

    `since` is the first release that has it.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    type: Literal["gauge", "counter"] = "gauge"
    origin: Origin = Origin.SURVEY
    since: str = "0.1.0"

    @property
    def base(self) -> str:
        """The name without `_total`, as OpenMetrics calls the family of a counter."""
        return self.name.removesuffix("_total") if self.type == "counter" else self.name

    @property
    def unit(self) -> str:
        """The unit that the name ends in, or an empty text."""
        return next((unit for unit in _UNITS if self.base.endswith("_" + unit)), "")

    def with_labels(self, extra: tuple[str, ...]) -> Family:
        """The same family with more labels at the end."""
        return replace(self, labels=self.labels + extra) if extra else self


Sample = tuple[tuple[str, ...], float]
"""The label values of a family, in the order of its labels, and a number."""

Samples = tuple[Family, Iterable[Sample]]
"""A family with its samples."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the samples of rows may depend on besides the rows.

    `labels` are the engine labels that _info series carry over, `names` the containers on the page: label by id.
    `limits` are those of the user's own.
    """

    labels: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Part:
    """Families that are made from the rows of one kind, each row by itself: any run of rows can be made alone.

    `samples` gives the families, always all of them and in one order, each with the samples of the rows given.
    """

    kind: Kind
    samples: Callable[[Sequence[Row], Context], Iterator[Samples]]
