"""What is known of a store once it was read: frozen data that answers without touching anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from docker_storage_exporter.model.keys import ObjectKey
from docker_storage_exporter.model.objects import Container, Image, Inventory
from docker_storage_exporter.model.places import Location, Unmeasured
from docker_storage_exporter.model.sizes import Size


@dataclass(frozen=True, slots=True)
class Claim:
    """What of a store is one object's own: the directories with its bytes, or their number where the store has it.

    `size` is None where the directories have to be walked; `with_apparent` is False where the sum of the file lengths
    in them would not be what the engine means by an apparent size.
    """

    owner: ObjectKey
    paths: tuple[str, ...]
    size: Size | None = None
    with_apparent: bool = True


class StoreFacts(Protocol):
    """A store as it was read.

    `complete` is False where some of it could not be read, for `reason`, or where these are the facts of an earlier
    reading because the last one failed.
    """

    @property
    def complete(self) -> bool:
        """Whether all of it was read."""

    @property
    def reason(self) -> Unmeasured | None:
        """Why it is not complete; None when it is."""

    @property
    def stored_bytes(self) -> int:
        """The bytes of all that the store sizes itself, whoever needs it; 0 for a store that tells no sizes."""

    def keeps(self, container: Container) -> bool:
        """Whether this store is the one that a container's writable layer is in."""

    def writable_layer(self, container: Container) -> Claim | Unmeasured:
        """A container's writable layer, or why it cannot be found."""

    def directories(self, container: Container) -> tuple[str, ...]:
        """The directories that go with a container when it is removed, what holds its writable layer among them."""

    def layers(self) -> tuple[str, ...]:
        """The names of all layers, writable or not."""

    def images(self) -> tuple[Image, ...]:
        """The images whose metadata lie in this store, by their ids."""

    def claims(self, inventory: Inventory) -> Iterator[Claim]:
        """What belongs to whom, in a fixed order of owners."""

    def whose(self, location: Location) -> str | None:
        """The name of the layer that a directory inside a filesystem belongs to; None for what is no layer's."""

    def called(self, location: Location) -> str:
        """What a place in this store is and who needs it, in words; empty where the store has no say."""


@dataclass(frozen=True, slots=True)
class Stores:
    """All stores of an engine: the active one, and those left over from another driver.

    `reasons` says by the driver's name why a store that was never read could not be.
    """

    facts: tuple[StoreFacts, ...] = ()
    reasons: Mapping[str, Unmeasured] = field(default_factory=dict)

    def of(self, container: Container) -> StoreFacts | None:
        """The store that keeps a container's writable layer; None where its kind of store is not known."""
        return next((facts for facts in self.facts if facts.keeps(container)), None)
