"""What every engine offers that can be measured."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from docker_storage_exporter.model.objects import Inventory


@dataclass(frozen=True, slots=True)
class Listing:
    """One question to an engine. `ask` may take long; it keeps the answer in the engine, and raises ExporterError.

    A list can do for a while without the answer to one that `can_wait`.
    """

    name: str
    ask: Callable[[], None]
    can_wait: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What an event says: at least that the lists may have changed.

    `inspect` is the id of a container that has to be inspected again. `destroyed` is the kind, `volume` or
    `container`, and the id of an object that is gone: one that has its name later is another one.
    """

    inspect: str = ""
    destroyed: tuple[str, str] | None = None


class EngineStatus(Protocol):
    """How an engine is."""

    @property
    def product(self) -> str:
        """What it is called, such as docker."""

    @property
    def up(self) -> bool | None:
        """Whether it answered the last time; None where no API is asked."""

    @property
    def events_heard(self) -> bool | None:
        """Whether the event stream is open now; None where events are not listened to."""

    @property
    def last_event(self) -> float:
        """When the last event came, in seconds since the epoch; 0 for never."""

    @property
    def trouble(self) -> str:
        """The line to tell when it gave no answer, or not all of it."""

    @property
    def refusal(self) -> str:
        """The line to tell when no size can be taken from the disk."""


class Engine(Protocol):
    """One engine, which one process measures. Everything here may be called from any thread at any time."""

    @property
    def status(self) -> EngineStatus:
        """How it is."""

    def listings(self) -> tuple[Listing, ...]:
        """What can be asked now, each in a thread of its own. What still waits for its answer is not among them."""

    def assemble(self) -> Inventory:
        """The inventory that the newest answers make. It looks at the disk, so it may take long.

        Raises ExporterError as long as nothing is known.
        """

    def progress(self) -> int:
        """A number that grows as long as `assemble` gets on. It never waits."""

    def inspect_again(self, ids: Collection[str]) -> None:
        """Ask for these containers' details again at the next listing."""

    def watch(self, changed: Callable[[Change], None]) -> None:
        """From now on tell what changes, from a thread of its own."""

    def close(self) -> None:
        """Hang up, without waiting for answers."""
