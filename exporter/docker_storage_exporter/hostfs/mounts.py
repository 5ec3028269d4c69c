"""What is mounted where, from mountinfo: known before any path is touched, so that nothing remote is touched at all."""

from __future__ import annotations

import os
import re
import select
import threading
import weakref
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from docker_storage_exporter.model.places import Location
from docker_storage_exporter.model.text import is_inside

_REMOTE = frozenset(
    "9p acfs afs autofs beegfs ceph cifs coda cvmfs davfs fhgfs glusterfs gpfs lustre moosefs ncpfs nfs nfs4 ocfs2 "
    "orangefs pvfs2 smb3 smbfs vboxsf virtiofs vmhgfs".split()
)
_LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuseblk"})
_VIEWS = frozenset({"overlay", "aufs", "ecryptfs", "fuse.fuse-overlayfs", "fuse.mergerfs", "fuse.bindfs"})
_PART = 1 << 20
_ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class MountEntry:
    """One line of mountinfo. `root` is the path inside the filesystem that is mounted; `options` the superblock's.

    `propagation` is `shared`, `slave` or `private`: whether mounts that the host makes below it later arrive here.
    `id` tells mounts apart and `parent` is the id of the one that it is mounted on; both are 0 where that is not known.
    """

    mountpoint: str
    filesystem: str
    device: tuple[int, int]
    root: str = "/"
    options: str = ""
    read_only: bool = False
    propagation: str = "private"
    id: int = 0
    parent: int = 0

    @property
    def is_view(self) -> bool:
        """Whether it shows what lies on other filesystems, as a container's root does."""
        return self.filesystem in _VIEWS

    @property
    def upper(self) -> str:
        """The directory that an overlay writes to, as it was spelled at the mount; empty for any other filesystem."""
        directories = (
            option[len("upperdir=") :] for option in self.options.split(",") if option.startswith("upperdir=")
        )
        return next(directories, "") if self.is_view else ""

    def mountpoint_below(self, rootfs: str) -> str:
        """The mount point as a host calls it whose root this process sees at `rootfs`, an empty text for its own."""
        if rootfs and is_inside(self.mountpoint, rootfs):
            return self.mountpoint[len(rootfs) :] or "/"
        return self.mountpoint

    @property
    def remote(self) -> bool:
        """Whether another machine or a user's process has to answer before anything on it can be read.

        ext4 and its like never wait for anybody. A FUSE server may be dead, so every fuse type counts, except
        fuse-overlayfs and block devices served by FUSE, which containers themselves stand on.
        """
        if self.filesystem in _REMOTE or self.filesystem.startswith("nfs"):
            return True
        return (
            self.filesystem.startswith("fuse")
            and self.filesystem not in _LOCAL_FUSE
            and (self.filesystem == "fuse" or self.filesystem.startswith("fuse."))
        )


class MountTable:
    """The mounts of one mount namespace at one moment, as far as a path leads to them.

    A mount is on top of others, and hides what was mounted below its mount point before it; only its parent in the tree
    of mounts tells which is which, since all of them are listed under the paths that they once had.
    """

    def __init__(self, entries: Iterable[MountEntry]) -> None:
        self._by_path = {entry.mountpoint: entry for entry in _reachable(tuple(entries))}
        self._paths = sorted(self._by_path)
        # Of several mounts of a whole filesystem the one with the shortest path.
        whole = [entry for entry in self._by_path.values() if entry.root == "/"]
        whole.sort(key=lambda entry: (len(entry.mountpoint), entry.mountpoint), reverse=True)
        self._whole = {entry.device: entry for entry in whole}
        self._remote = frozenset(entry.mountpoint for entry in self._by_path.values() if entry.remote)

    @classmethod
    def parse(cls, text: bytes) -> MountTable:
        """The table in the text of a mountinfo file (man 5 proc); a line that cannot be understood is left out."""
        return cls(entry for entry in map(_entry, text.splitlines()) if entry is not None)

    def at(self, path: str) -> MountEntry | None:
        """The mount on exactly this path."""
        return self._by_path.get(path)

    def __iter__(self) -> Iterator[MountEntry]:
        """Each mount, by its mount point."""
        return iter(self._by_path.values())

    def covering(self, path: str) -> MountEntry | None:
        """The mount that a path is on: the deepest one at or above it."""
        while True:
            entry = self._by_path.get(path)
            if entry is not None or path == "/":
                return entry
            path = os.path.dirname(path)

    def filesystem(self, path: str) -> MountEntry | None:
        """A mount of the whole filesystem that a path is on; where there is none, as in a container, the path's own."""
        covering = self.covering(path)
        return None if covering is None else self._whole.get(covering.device, covering)

    def is_alone(self, entry: MountEntry) -> bool:
        """Whether a mount shows a filesystem that no other mount shares: only then its numbers are the mount's.

        A part of one, such as a bind or a btrfs subvolume, has another root than "/"; an overlay is a view of others.
        """
        if entry.root != "/" or entry.is_view:
            return False
        return all(other.root == "/" for other in self._by_path.values() if other.device == entry.device)

    def location(self, path: str) -> Location | None:
        """The filesystem that a path is on, and the path inside of it."""
        covering = self.covering(path)
        if covering is None:
            return None
        below = path[len(covering.mountpoint.rstrip("/")) :].strip("/")
        inside = f"{covering.root.rstrip('/')}/{below}" if below else covering.root
        return Location(covering.device, path if inside == path else inside)  # one text for both: there are many

    def remote(self, path: str) -> bool:
        """Whether reaching a path would touch a remote filesystem, itself or on the way.

        A remote root filesystem counts only for what lies on it: everything would be remote below it otherwise.
        """
        if not self._remote:
            return False
        covering = self.covering(path)
        if covering is not None and covering.remote:
            return True
        while path != "/":
            entry = self._by_path.get(path)
            if entry is not None and entry.remote:
                return True
            path = os.path.dirname(path)
        return False

    def silent(self) -> frozenset[str]:
        """The mount points that may never answer: those of remote filesystems."""
        return self._remote

    def below(self, path: str) -> list[str]:
        """The mount points below a path, relative to it."""
        prefix = path.rstrip("/") + "/"
        first = bisect_left(self._paths, prefix)
        below = []
        for mountpoint in self._paths[first:]:
            if not mountpoint.startswith(prefix):
                break
            if mountpoint != prefix:
                below.append(mountpoint[len(prefix) :])
        return below


class FilesystemNames:
    """Names each filesystem by one mount point, as the host spells it: of a whole mount, else of who is asked first.

    `rootfs` is the prefix of this process's mount points.
    """

    def __init__(self, mounts: MountTable, rootfs: str = "") -> None:
        self._mounts = mounts
        self._rootfs = rootfs
        self._names: dict[tuple[int, int], str] = {}

    def of(self, path: str) -> str:
        """The name of the filesystem that a host path is on; empty where nothing is known to cover it."""
        entry = self._mounts.filesystem(self._rootfs + path)
        return "" if entry is None else self._names.setdefault(entry.device, entry.mountpoint_below(self._rootfs))

    def keep(self, device: tuple[int, int] | None, name: str) -> None:
        """Go on to call the filesystem of a device by the name that it had."""
        if device is not None and name:
            self._names.setdefault(device, name)


class MountWatch:
    """The mount table of a mountinfo file, read again only when the kernel says that it changed (man 5 proc: poll)."""

    def __init__(self, path: str = "/proc/self/mountinfo") -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # stays open: changes are reported to readers
        weakref.finalize(self, os.close, self._file)
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLERR | select.POLLPRI)
        self._lock = threading.Lock()
        self._table: MountTable | None = None

    def current(self) -> MountTable:
        """The mounts now. Raises OSError when the file can no longer be read."""
        with self._lock:
            if self._poll.poll(0) or self._table is None:
                os.lseek(self._file, 0, os.SEEK_SET)
                parts = iter(lambda: os.read(self._file, _PART), b"")
                self._table = MountTable.parse(b"".join(parts))
            return self._table


def _reachable(entries: tuple[MountEntry, ...]) -> Iterator[MountEntry]:
    """The mounts that a path leads to. Those of unknown parents are on top of one another in their order."""
    known = {entry.id for entry in entries if entry.id}
    children: dict[int, list[MountEntry]] = {}
    for entry in entries:
        above = entry.parent if entry.parent in known and entry.parent != entry.id else 0
        children.setdefault(above, []).append(entry)
    pending = _not_hidden(children.get(0, []))
    while pending:
        entry = pending.pop()
        below = children.get(entry.id, []) if entry.id else []
        covering = next((child for child in reversed(below) if child.mountpoint == entry.mountpoint), None)
        if covering is not None:  # mounted on its root: no path leads to this one, nor to what else is mounted on it
            pending.append(covering)
            continue
        yield entry
        pending += _not_hidden(below)


def _not_hidden(siblings: list[MountEntry]) -> list[MountEntry]:
    """Of the mounts on one mount those that no other of them hides.

    What is mounted above another one's mount point came later: else the other one would be mounted on it.
    """
    last = {entry.mountpoint: entry for entry in siblings}
    if not any(entry.id for entry in siblings):  # nothing tells what is mounted on what
        return list(last.values())
    return [entry for path, entry in last.items() if not any(above in last for above in _above(path))]


def _above(path: str) -> Iterator[str]:
    """The directories above a path, without the root."""
    while (path := os.path.dirname(path)) not in ("/", ""):
        yield path


def _entry(line: bytes) -> MountEntry | None:
    """One line: ID PARENT MAJ:MIN ROOT MOUNTPOINT OPTIONS [TAG…] - TYPE SOURCE SUPEROPTIONS."""
    fields = line.split(b" ")
    try:
        tail = fields.index(b"-", 6)
        major, _, minor = fields[2].partition(b":")
        return MountEntry(
            mountpoint=_unescaped(fields[4]),
            filesystem=os.fsdecode(fields[tail + 1]),
            device=(int(major), int(minor)),
            root=_unescaped(fields[3]),
            options=(options := os.fsdecode(fields[tail + 3]) if len(fields) > tail + 3 else ""),
            read_only="ro" in (*os.fsdecode(fields[5]).split(","), *options.split(",")),
            propagation=_propagation(fields[6:tail]),
            id=int(fields[0]),
            parent=int(fields[1]),
        )
    except (ValueError, IndexError):
        return None


def _propagation(tags: list[bytes]) -> str:
    kinds = {tag.partition(b":")[0] for tag in tags}
    if b"master" in kinds:
        return "slave"
    return "shared" if b"shared" in kinds else "private"


def _unescaped(field: bytes) -> str:
    return os.fsdecode(_ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field))
