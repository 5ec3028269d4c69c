"""What a filesystem loses its space to: how much of it measurements explain, and what to measure for the rest."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from docker_storage_exporter.hostfs.filesystem import Filesystem
from docker_storage_exporter.layout import SUBJECTS, Plan
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.objects import RUNNING_STATES, Inventory
from docker_storage_exporter.model.sizes import Source

WINDOW_SECONDS = 3600.0
"""How far back unexplained growth looks."""

_LEAST_BYTES = 64 * 1024**2
_LEAST_SHARE = 0.001  # of a filesystem's size; what grows by less is measured when it is due


@dataclass(slots=True)
class _Space:
    """A filesystem: what was measured to grow on it so far, and what was used besides, by time, oldest first."""

    size_bytes: int = 0
    explained: int = 0
    times: deque[float] = field(default_factory=deque)
    rests: deque[int] = field(default_factory=deque)

    def note(self, filesystem: Filesystem, at: float) -> None:
        if filesystem.size_bytes != self.size_bytes:  # another filesystem, or one that was made larger
            self.size_bytes, self.explained = filesystem.size_bytes, 0
            self.times.clear()
            self.rests.clear()
        self.times.append(at)
        self.rests.append(filesystem.used_bytes - self.explained)
        while len(self.times) > 1 and self.times[1] <= at - WINDOW_SECONDS:
            self.times.popleft()
            self.rests.popleft()

    def growth_since(self, at: float) -> int:
        """Bytes that nothing explains since a time, as far back as is known."""
        if not self.times:
            return 0
        before = max(0, bisect_right(self.times, at) - 1)
        return self.rests[-1] - self.rests[before]

    @property
    def worth_a_look(self) -> float:
        """Bytes that are worth measuring something for."""
        return max(_LEAST_BYTES, _LEAST_SHARE * self.size_bytes)


class Attribution:
    """Follows the used space of filesystems and what measurements say of it. Safe for several threads.

    `began` is when this process did, in seconds since the epoch: what came into being since then is growth as a whole.
    `mountpoints` are the filesystems under storage roots and objects, none where the disk is refused.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._lock = threading.Lock()
        self.mountpoints: frozenset[str] = frozenset()
        self._spaces: dict[str, _Space] = {}
        self._answering: frozenset[str] = frozenset()
        self._sources: Collection[Source] = frozenset()
        self._common = ""  # the mount point of those that `_mountpoints` does not name
        self._mountpoints: Mapping[Source, str] = {}
        self._busy: frozenset[Source] = frozenset()
        self._rates: dict[Source, float] = {}
        self._stored: dict[str, int] = {}

    def watch(self, inventory: Inventory, plan: Plan, sources: Collection[Source]) -> None:
        """These objects there are from now on, with these sources: a set, or a mapping that never changes."""
        common = _common_mountpoint(plan)
        # The first object of a source decides, also where it says the common one: so nothing is left out before that.
        mountpoints = {source: found for source, found in dict(_mountpoints(plan)).items() if found != common}
        busy = frozenset(_busy(inventory, plan))
        roots = () if inventory.refused is not None else (root.mountpoint for root in inventory.roots)
        with self._lock:
            self.mountpoints = frozenset({*roots, *mountpoints.values(), common} - {""})
            self._sources, self._common, self._mountpoints, self._busy = sources, common, mountpoints, busy
            self._spaces = {name: space for name, space in self._spaces.items() if name in self.mountpoints}
            self._rates = {source: rate for source, rate in self._rates.items() if source in busy}

    def explain(self, source: Source, growth: int, seconds: float) -> None:
        """A source was measured to hold so many bytes more than so many seconds before, 0 for never before."""
        with self._lock:
            space = self._space(source)
            if space is not None:
                space.explained += growth
            if seconds > 0 and source in self._busy:
                self._rates[source] = growth / seconds

    def explain_stored(self, mountpoint: str, total: int) -> None:
        """What an image store sizes itself, on that filesystem, is so many bytes by now."""
        with self._lock:
            before = self._stored.get(mountpoint)
            space = self._spaces.get(mountpoint)
            if before is not None and space is not None:
                space.explained += total - before
            self._stored[mountpoint] = total

    def born(self, born_nanoseconds: int) -> bool:
        """Whether something came into being in this process's time, so that all it holds is growth."""
        return born_nanoseconds > self._began * 1e9

    def look(self, filesystems: Mapping[str, Filesystem], at: float) -> None:
        """These are the filesystems by mount point now; those that do not answer are missing."""
        with self._lock:
            self._answering = frozenset(filesystems)
            for mountpoint, filesystem in filesystems.items():
                self._spaces.setdefault(mountpoint, _Space()).note(filesystem, at)

    def unexplained(self) -> dict[str, int]:
        """Bytes by mount point that nothing measured explains, over the last hour; 0 where less was lost.

        One that does not answer now, or was looked at only once, is missing: nothing is known of what it lost.
        """
        with self._lock:
            return {
                mountpoint: max(0, space.growth_since(float("-inf")))
                for mountpoint, space in self._spaces.items()
                if len(space.times) > 1 and mountpoint in self._answering
            }

    def suspects(self, measured_at: Callable[[Source], float | None]) -> list[Source]:
        """What running containers may write to and may hold the rest, the fastest growing first.

        That is where a filesystem has lost much since it was last measured: then it is not asked for again until as
        much was lost again.
        """
        with self._lock:
            busy = tuple(self._busy)
        # Not while the lock is held: who records a measurement holds another one, and asks for this.
        ages = [(source, at) for source in busy if (at := measured_at(source)) is not None]
        with self._lock:
            suspects = [source for source, at in ages if self._may_hold_the_rest(source, at)]
            return sorted(suspects, key=lambda source: (-self._rates.get(source, 0.0), source.path))

    def _may_hold_the_rest(self, source: Source, at: float) -> bool:
        space = self._space(source)
        return space is not None and space.growth_since(at) >= space.worth_a_look

    def _space(self, source: Source) -> _Space | None:
        if source not in self._sources:
            return None
        return self._spaces.get(self._mountpoints.get(source, self._common))


def _common_mountpoint(plan: Plan) -> str:
    """The mount point of most objects."""
    counts = Counter(item.place.mountpoint for item in plan.items() if item.place.source is not None)
    return max(counts, key=lambda mountpoint: counts[mountpoint], default="")


def _mountpoints(plan: Plan) -> Iterator[tuple[Source, str]]:
    """The filesystem of each source; none for one that another encloses: what both hold would be explained twice."""
    inner = [item for subject in SUBJECTS if subject.overlaps for item in plan.of(subject.kind)]
    above = {where for item in inner if item.place.location for where in item.place.location.above()}
    walked = {
        item.place.location
        for item in (plan.items() if above else ())
        if item.place.location in above and isinstance(item.place.source, Walk)
    }
    for subject in reversed(SUBJECTS):  # of several objects with one source the first counts, as everywhere
        for item in plan.of(subject.kind):
            place = item.place
            if place.source is None:
                yield from ((source, place.mountpoint) for source in place.parts)
                continue
            location = place.location if subject.overlaps else None
            is_enclosed = location is not None and any(where in walked for where in location.above())
            yield place.source, "" if is_enclosed else place.mountpoint


def _busy(inventory: Inventory, plan: Plan) -> Iterator[Source]:
    """The sources that running containers can write to: their layers and logs, and what they mount to write."""
    running = {container.id for container in inventory.containers if container.state in RUNNING_STATES}
    for subject in SUBJECTS:
        for item in plan.of(subject.kind):
            users = [user for user, mount in subject.users(item.facts) if mount.access == "rw"]
            owner = (item.owner or item.key).id
            if item.place.source is not None and not running.isdisjoint([*users, owner]):
                yield item.place.source
