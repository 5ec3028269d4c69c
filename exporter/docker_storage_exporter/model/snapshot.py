"""The whole of what exists and what was measured of it, at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.model.places import Sized, Skip, Unmeasured


@dataclass(frozen=True, slots=True)
class Row:
    """One object on the page.

    `labels` are the label values that name it on the page, unique within its kind. `facts` is what its kind knows of
    it: see the files in `layout`. `counted` says whether its bytes belong to a sum in which nothing counts twice;
    `within` is the path of the measured tree that encloses it, or empty.
    """

    key: ObjectKey
    labels: tuple[str, ...]
    facts: Any
    sized: Sized
    counted: bool = True
    within: str = ""

    @property
    def label(self) -> str:
        """The first of the label values."""
        return self.labels[0]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the page shows, taken together at one moment and never changed afterwards.

    `distinct_bytes` are the allocated bytes of all objects of a kind, those not on the page included, with nothing
    counted twice. `mountpoints` are the filesystems that storage roots and objects lie on, each once.
    """

    inventory: Inventory
    at: float
    rows: Mapping[Kind, tuple[Row, ...]] = field(default_factory=dict)
    distinct_bytes: Mapping[Kind, int] = field(default_factory=dict)
    skipped: Mapping[tuple[Kind, Skip], int] = field(default_factory=dict)
    unmeasured: Mapping[tuple[Kind, Unmeasured], int] = field(default_factory=dict)
    pending: Mapping[Kind, int] = field(default_factory=dict)
    cut: Mapping[Kind, int] = field(default_factory=dict)
    mountpoints: tuple[str, ...] = ()

    def of(self, kind: Kind) -> tuple[Row, ...]:
        """The rows of a kind."""
        return self.rows.get(kind, ())

    def all_rows(self) -> Iterator[Row]:
        """The rows of every kind."""
        for rows in self.rows.values():
            yield from rows
