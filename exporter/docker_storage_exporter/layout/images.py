"""Images, each digest once: what only it needs, and what something else needs as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from docker_storage_exporter.layout.subject import HostView, Item, Subject
from docker_storage_exporter.measure import Layer
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import Image, Piece
from docker_storage_exporter.model.places import Place, Unmeasured
from docker_storage_exporter.model.sizes import Lineage, Measurement, Size, Source

_DIGEST_LENGTH = len("sha256:") + 12
_ROOTS = {"containerd": "images"}  # by image store: the role of the root with the images, if not the data root


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image with its tags as people write them, in order, and how many containers were made from it."""

    image: Image
    tags: tuple[str, ...] = ()
    containers: int = 0

    @property
    def called(self) -> str:
        """What people call it: by its first tag, or the beginning of its digest."""
        return self.tags[0] if self.tags else self.image.id[:_DIGEST_LENGTH]


def image_key(digest: str) -> ObjectKey:
    """The key of the image with that id."""
    return ObjectKey(Kind.IMAGE, "", digest)


def _objects(view: HostView) -> Iterator[tuple[ObjectKey, ImageFacts]]:
    used = Counter(container.image_id for container in view.inventory.containers)
    for facts in view.stores.facts:
        for image in facts.images():
            tags = tuple(sorted(_familiar(name, view.default_registry) for name in image.names))
            yield image_key(image.id), ImageFacts(image, tags, used[image.id])


def _familiar(name: str, registry: str) -> str:
    """An image's name as people write it: without the registry that is meant anyway, and `library/` behind it.

    containerd keeps names in full, Docker's own store as people write them (distribution: reference/normalize.go).
    """
    rest = name.removeprefix(f"{registry}/")
    return rest.removeprefix("library/") if rest != name else name


def _item(key: ObjectKey, facts: ImageFacts, view: HostView) -> Item:
    pieces = (*facts.image.unique, *facts.image.shared)
    unknown = any(piece.allocated is None and not piece.path for piece in pieces)
    inventory = view.inventory
    role = _ROOTS.get(inventory.engine.image_store, "data")
    mountpoint = next((root.mountpoint for root in inventory.roots if root.role == role), "")
    layers: tuple[Source, ...] = tuple(
        Layer((piece.path,)) for piece in pieces if piece.allocated is None and piece.path
    )
    place = Place(unmeasured=Unmeasured.UNKNOWN_LAYER if unknown else None, parts=layers, mountpoint=mountpoint)
    return Item(key, facts.image.id, facts, place)


def _measured(item: Item, measurements: Mapping[Source, Measurement]) -> Measurement | None:
    """The sums of the pieces; None as long as one of them has no number."""
    image: Image = item.facts.image
    unique, shared = _sum(image.unique, measurements), _sum(image.shared, measurements)
    if unique is None or shared is None:
        return None
    parts = [found for source in item.place.parts if (found := measurements.get(source))]
    at = max((found.at for found in parts), default=image.at)
    # What is its own depends on other images, so no two numbers can be compared: each has a lineage to itself.
    return Measurement(Size(unique, shared=shared), at, Pieces(image.id), Lineage(0, 0, 0, Pieces.name, at))


@dataclass(frozen=True, slots=True)
class Pieces(Source):
    """Stands for the pieces of an image, which are measured by themselves or not at all."""

    name: ClassVar[str] = "pieces"

    image: str

    @property
    def path(self) -> str:
        """It has none: the pieces have."""
        return ""


def _distinct(items: Iterable[Item], measurements: Mapping[Source, Measurement]) -> int:
    """The bytes of all images together, each piece once."""
    pieces = {piece for item in items for piece in (*item.facts.image.unique, *item.facts.image.shared)}
    return sum(_size(piece, measurements) or 0 for piece in pieces)


def _sum(pieces: Iterable[Piece], measurements: Mapping[Source, Measurement]) -> int | None:
    sizes = [_size(piece, measurements) for piece in pieces]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _size(piece: Piece, measurements: Mapping[Source, Measurement]) -> int | None:
    if piece.allocated is not None or not piece.path:
        return piece.allocated
    found = measurements.get(Layer((piece.path,)))
    return found.size.allocated if found is not None else None


SUBJECT = Subject(
    kind=Kind.IMAGE,
    order=6,
    noun="image",
    plural="images",
    labels=("image_id",),
    prefix="docker_image",
    objects=_objects,
    item=_item,
    measured=_measured,
    distinct=_distinct,
    called=lambda facts: facts.called,
    switch="collector_images",
)
