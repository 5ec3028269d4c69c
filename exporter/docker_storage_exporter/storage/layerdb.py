"""Docker's own image store: which layers each image is made of, and who else needs them.

`image/DRIVER/imagedb` has the images' configurations, `layerdb` a folder for each layer by its chain id, `buildkit/
snapshots.db` the layers that the build cache needs (moby: daemon/images, layer/filestore.go, builder-next/adapters/
snapshot; Docker 20.10 to 29).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from docker_storage_exporter.bolt import Bucket, BusyError, CorruptError, Reading, read_file
from docker_storage_exporter.model.objects import Image, Piece
from docker_storage_exporter.model.times import epoch_seconds

_PREFIX = "sha256:"
_LARGEST_DOCUMENT = 4 * 1024**2
_BAD_DOCUMENT = (AttributeError, FileNotFoundError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
_NO_CHAINS: Reading[frozenset[str]] = Reading((0, 0), frozenset())


@dataclass(frozen=True, slots=True)
class Config:
    """What never changes of an image: the chain ids of its layers, the lowest first, and when it was made."""

    chains: tuple[str, ...]
    created: float


@dataclass(frozen=True, slots=True)
class Layer:
    """What never changes of a layer: its directory's name in the driver's folder, and the chain id below it."""

    directory: str
    parent: str


@dataclass(frozen=True, slots=True)
class LayerDatabase:
    """The image store of one driver as it was read. `images` are those that people can see.

    `built` are the chain ids that the build cache names, None while they could never be read: then nothing tells which
    layers an image has alone.
    """

    configs: Mapping[str, Config] = field(default_factory=dict)
    layers: Mapping[str, Layer] = field(default_factory=dict)
    built: Reading[frozenset[str]] | None = _NO_CHAINS
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    images: tuple[Image, ...] = ()


class LayerDatabaseReader:
    """Reads the store at `path`, this process's for the data root, for the driver of that name.

    `directory` makes the host path of a layer's files out of its directory's name. What was `before` is not read again
    where it cannot have changed. Raises OSError where the store cannot be listed.
    """

    def __init__(self, path: str, driver: str, directory: Callable[[str], str], step: Callable[[], None]) -> None:
        self._images = f"{path}/image/{driver}"
        self._built = f"{path}/buildkit/snapshots.db"
        self._directory = directory
        self._step = step

    def read(self, before: LayerDatabase) -> LayerDatabase:
        """The store as it is now; the very same value while nothing changed."""
        configs = dict(self._configs(before.configs))
        layers = dict(self._layers(configs, before.layers))
        built, tags = self._built_chains(before.built), self._tags()
        same = (configs, layers, tags) == (before.configs, before.layers, before.tags) and built is before.built
        if same:
            return before
        known = layers if built is not None else {}
        chains = built.content if built is not None else ()
        return LayerDatabase(configs, layers, built, tags, tuple(self._made(configs, known, chains, tags)))

    def _configs(self, known: Mapping[str, Config]) -> Iterator[tuple[str, Config]]:
        for name in sorted(listed(f"{self._images}/imagedb/content/sha256")):
            digest = _PREFIX + name
            if digest in known:
                yield digest, known[digest]
                continue
            self._step()
            with suppress(*_BAD_DOCUMENT):  # what no engine writes costs only itself
                yield digest, _config(_document(f"{self._images}/imagedb/content/sha256/{name}"))

    def _layers(self, configs: Mapping[str, Config], known: Mapping[str, Layer]) -> Iterator[tuple[str, Layer]]:
        for chain in sorted({chain for config in configs.values() for chain in config.chains}):
            if (layer := known.get(chain)) is None:
                self._step()
                folder = f"{self._images}/layerdb/sha256/{chain}"
                directory = _text(f"{folder}/cache-id")
                layer = Layer(directory, _text(f"{folder}/parent").removeprefix(_PREFIX))
            if layer.directory and "/" not in layer.directory:
                yield chain, layer

    def _built_chains(self, known: Reading[frozenset[str]] | None) -> Reading[frozenset[str]] | None:
        """The chain ids that the build cache names; those read before where they cannot be read now."""
        try:
            return read_file(self._built, _chains, known)
        except FileNotFoundError:
            return _NO_CHAINS
        except (OSError, CorruptError, BusyError):
            return known if known is not _NO_CHAINS else None

    def _tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of each image, in order; a name with a digest is no tag."""
        tags: dict[str, list[str]] = {}
        with suppress(*_BAD_DOCUMENT):
            for references in _document(f"{self._images}/repositories.json")["Repositories"].values():
                for name, digest in references.items():
                    if "@" not in name:
                        tags.setdefault(str(digest), []).append(str(name))
        return {digest: tuple(sorted(names)) for digest, names in sorted(tags.items())}

    def _made(
        self,
        configs: Mapping[str, Config],
        layers: Mapping[str, Layer],
        built: Collection[str],
        tags: Mapping[str, tuple[str, ...]],
    ) -> Iterator[Image]:
        now, steps = time.time(), self._steps()
        visible = {digest: config for digest, config in configs.items() if digest in tags or digest not in steps}
        users = Counter(chain for config in visible.values() for chain in set(config.chains))
        held = set(_with_parents(built, layers))
        pieces = {chain: Piece(chain, path=self._directory(layer.directory)) for chain, layer in layers.items()}
        for digest, config in visible.items():
            alone = [users[chain] == 1 and chain not in held for chain in config.chains]
            made_of = [pieces.get(chain, Piece(chain)) for chain in config.chains]
            yield Image(
                id=digest,
                names=tags.get(digest, ()),
                created=config.created,
                unique=tuple(piece for piece, is_alone in zip(made_of, alone, strict=True) if is_alone),
                shared=tuple(piece for piece, is_alone in zip(made_of, alone, strict=True) if not is_alone),
                at=now,
            )

    def _steps(self) -> frozenset[str]:
        """The images that others were built on by the classic builder. Without a tag, no engine shows them."""
        metadata = f"{self._images}/imagedb/metadata/sha256"
        return frozenset(_text(f"{metadata}/{name}/parent") for name in listed(metadata))


def _config(document: Mapping[str, Any]) -> Config:
    digests = [str(digest) for digest in document["rootfs"].get("diff_ids") or ()]
    chains = accumulate(digests, lambda chain, digest: _PREFIX + _digest(f"{chain} {digest}"))
    return Config(tuple(chain.removeprefix(_PREFIX) for chain in chains), epoch_seconds(str(document.get("created"))))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _chains(root: Bucket) -> frozenset[str]:
    chains = (bucket.value(b"chainid") for _, bucket in root.buckets())
    return frozenset(os.fsdecode(chain).removeprefix(_PREFIX) for chain in chains if chain)


def _with_parents(chains: Collection[str], layers: Mapping[str, Layer]) -> Iterator[str]:
    """Chains with all those below them."""
    seen: set[str] = set()
    pending = list(chains)
    while pending:
        chain = pending.pop()
        if chain and chain not in seen:
            seen.add(chain)
            yield chain
            pending += [layers[chain].parent] if chain in layers else []


def _document(path: str) -> Any:
    with open(path, "rb") as file:
        text = file.read(_LARGEST_DOCUMENT + 1)
    if len(text) > _LARGEST_DOCUMENT:
        raise ValueError(path)
    return json.loads(text)


def _text(path: str) -> str:
    """What is in a small file; empty where there is none."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read(256).strip()
    except (OSError, UnicodeDecodeError):
        return ""


def listed(folder: str) -> list[str]:
    """The names in a folder; none where there is no such folder. Raises OSError."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
