"""One object as `df`, `watch` and the API show it."""

from __future__ import annotations

from dataclasses import dataclass

from docker_storage_exporter.model.keys import Kind

SHARED_IMAGES = "(shared by images)"
"""The name of the row with what images do not need alone, which is no image."""


@dataclass(frozen=True, slots=True)
class Row:
    """One object. Numbers are None where there are none; `note` then says why, or how many entries are missing.

    `users` are the containers that mount a volume or a bind source, in any state; `project` is the compose project or
    Swarm stack. `counted` is False where the bytes are part of another row's. `complete` is False where a number that
    should be there is missing, or lacks entries. Growth needs two measurements. `shared_bytes` are what an image needs
    besides, and others as well. `mountpoint` is where its filesystem is mounted on the host; empty where that is not
    known.
    """

    kind: str
    name: str
    allocated_bytes: int | None = None
    apparent_bytes: int | None = None
    inodes: int | None = None
    unreadable: int | None = None
    note: str = ""
    users: tuple[str, ...] = ()
    project: str = ""
    counted: bool = True
    complete: bool = True
    measured_timestamp: float | None = None
    growth_bytes_per_second: float | None = None
    growth_bytes_per_hour: float | None = None
    shared_bytes: int | None = None
    mountpoint: str = ""

    @property
    def dangling(self) -> bool:
        """Whether this is a volume that no container mounts."""
        return self.kind == Kind.VOLUME.value and not self.users
