"""What tells objects apart: their kind, and within a kind their scope and id."""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Kind(str):
    """A kind of object that gets numbers; the `kind` label of every count. Equal texts are one and the same value.

    The set is open: a kind that is not named here is made by the file that describes its subject.
    """

    __slots__ = ()
    _known: ClassVar[dict[str, Kind]] = {}

    VOLUME: ClassVar[Kind]
    LAYER: ClassVar[Kind]
    LOG: ClassVar[Kind]
    TMPFS: ClassVar[Kind]
    BIND: ClassVar[Kind]
    IMAGE: ClassVar[Kind]

    def __new__(cls, text: str) -> Kind:  # noqa: PYI034 - there are no subclasses
        return cls._known.get(text) or cls._known.setdefault(text, super().__new__(cls, text))

    def __reduce__(self) -> tuple[type[Kind], tuple[str]]:
        return Kind, (str(self),)

    @property
    def value(self) -> str:
        """The kind as a label shows it."""
        return str(self)


Kind.VOLUME = Kind("volume")
Kind.LAYER = Kind("container_layer")
Kind.LOG = Kind("container_log")
Kind.TMPFS = Kind("tmpfs_mount")
Kind.BIND = Kind("bind_mount")
Kind.IMAGE = Kind("image")


class ObjectKey(NamedTuple):
    """One object of one engine.

    `scope` is the storage root's or the user's name where an engine has several, empty otherwise. `id` is what never
    changes and is never shared: a volume's name, a container's id (for its layer and its log), a container's id
    followed by the mount's destination (a tmpfs mount), the canonical host path of a bind mount's source, an image's
    digest.
    """

    kind: Kind
    scope: str
    id: str
