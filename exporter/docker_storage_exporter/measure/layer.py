"""A layer of images: a tree that never changes once it is there, and so is walked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from docker_storage_exporter.measure.walk import Walk


@dataclass(frozen=True, slots=True)
class Layer(Walk):
    """The tree of an immutable layer. Its directory's name is as random as it is unique, so its number is its own."""

    name: ClassVar[str] = "layer"
    settled: ClassVar[bool] = True


SOURCE = Layer
