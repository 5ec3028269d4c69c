"""How the snapshotters lay out their directories below containerd's root."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLUGIN = "io.containerd.snapshotter.v1."
_SNAPSHOT = re.compile(r"(.*)/io\.containerd\.snapshotter\.v1\.([a-z]+)/snapshots/(\d+)(/fs)?")


@dataclass(frozen=True, slots=True)
class Layout:
    """A snapshotter's. `below` is where the files of a snapshot are in its directory."""

    name: str
    below: str = ""

    @property
    def folder(self) -> str:
        """Its folder in containerd's root."""
        return f"{_PLUGIN}{self.name}"

    def directory(self, number: int) -> str:
        """A snapshot's directory, in the snapshotter's folder."""
        return f"snapshots/{number}"


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout("overlayfs", "/fs"),  # beside it is `work`
        Layout("native"),  # a whole copy of what is below it
    )
}
"""Those that are known by the engine's word for them (containerd 1.6 to 2.1: plugins/snapshots)."""


def snapshot_of(path: str) -> tuple[str, str, int] | None:
    """The containerd root, the snapshotter and the number in the path of a snapshot's files; None for another path."""
    match = _SNAPSHOT.fullmatch(path)
    return (match[1], match[2], int(match[3])) if match else None
