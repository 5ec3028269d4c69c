"""The demo's images, as Docker's own store keeps them: layers that several share, an old one, and a dangling one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from itertools import accumulate

_UNIT = 512 * 1024
_LAYERS = {"debian": 8, "alpine": 1, "java": 6, "node": 4}  # units of those that several images are built on
_IMAGES: dict[str, tuple[str, int]] = {  # what each is built on, and units of its own
    "postgres:17": ("debian", 3),
    "shop/web:4.2": ("node", 2),
    "shop/web:4.1": ("node", 2),
    "opensearch:2": ("java", 5),
    "redis:8": ("alpine", 1),
    "registry:3": ("alpine", 1),
    "ci/runner:9": ("debian", 4),
    "prometheus:3": ("alpine", 3),
    "grafana:12": ("alpine", 4),
    "mail:1": ("debian", 1),
    "caddy:2": ("alpine", 1),
    "importer:1": ("debian", 1),
}
_DANGLING = ("debian", 6)  # an earlier build of an image whose tag has moved on
_MORE_TAGS = {"shop/web:4.2": ("shop/web:latest",)}


def image_id(tag: str) -> str:
    """The id of the image with that tag."""
    return f"sha256:{_digest('image', tag)}"


def build_images(data_root: str) -> None:
    """Write all of them into a data root. Raises OSError."""
    references: dict[str, dict[str, str]] = {}
    for tag, (base, own) in _IMAGES.items():
        _build(data_root, image_id(tag), [(base, _LAYERS[base]), (tag, own)])
        for name in (tag, *_MORE_TAGS.get(tag, ())):
            references.setdefault(name.partition(":")[0], {})[name] = image_id(tag)
    _build(data_root, image_id(""), [(_DANGLING[0], _LAYERS[_DANGLING[0]]), ("", _DANGLING[1])])
    _write(f"{data_root}/image/overlay2/repositories.json", json.dumps({"Repositories": references}))


def _build(data_root: str, identity: str, layers: Sequence[tuple[str, int]]) -> None:
    """An image's configuration, and those of its layers that are not there yet."""
    store = f"{data_root}/image/overlay2"
    digests = [f"sha256:{_digest('layer', name)}" for name, _ in layers]
    document = {"created": "2025-01-02T03:04:05Z", "rootfs": {"type": "layers", "diff_ids": digests}}
    _write(f"{store}/imagedb/content/{identity.replace(':', '/')}", json.dumps(document))
    chains = [*accumulate(digests, lambda below, digest: f"sha256:{_digest_of(f'{below} {digest}')}")]
    for number, (chain, (name, size)) in enumerate(zip(chains, layers, strict=True)):
        folder, directory = f"{store}/layerdb/{chain.replace(':', '/')}", _digest("directory", name)
        _write(f"{folder}/cache-id", directory)
        if number:
            _write(f"{folder}/parent", chains[number - 1])
        _fill(f"{data_root}/overlay2/{directory}/diff/usr/lib/data", size * _UNIT)


def _digest(*words: str) -> str:
    return _digest_of("/".join(words))


def _digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _fill(path: str, size: int) -> None:
    """A file that takes its room on disk, unless it is there already."""
    if os.path.exists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"." * size)
