"""The demo's images, as Docker's own store keeps them: layers that several share, an old one, and a dangling one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import accumulate

from docker_storage_exporter.demo.files import fill, hexadecimal, write

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
    return f"sha256:{hexadecimal('image', tag)}"


def build_images(data_root: str) -> None:
    """Write all of them into a data root. Raises OSError."""
    references: dict[str, dict[str, str]] = {}
    for tag, (base, own) in _IMAGES.items():
        _build(data_root, image_id(tag), [(base, _LAYERS[base]), (tag, own)])
        for name in (tag, *_MORE_TAGS.get(tag, ())):
            references.setdefault(name.partition(":")[0], {})[name] = image_id(tag)
    _build(data_root, image_id(""), [(_DANGLING[0], _LAYERS[_DANGLING[0]]), ("", _DANGLING[1])])
    write(f"{data_root}/image/overlay2/repositories.json", json.dumps({"Repositories": references}))


def _build(data_root: str, identity: str, layers: Sequence[tuple[str, int]]) -> None:
    """An image's configuration, and its layers."""
    store = f"{data_root}/image/overlay2"
    digests = [f"sha256:{hexadecimal('layer', name)}" for name, _ in layers]
    document = {"created": "2025-01-02T03:04:05Z", "rootfs": {"type": "layers", "diff_ids": digests}}
    write(f"{store}/imagedb/content/{identity.replace(':', '/')}", json.dumps(document))
    chains = [*accumulate(digests, lambda below, digest: f"sha256:{hexadecimal(f'{below} {digest}')}")]
    for number, (chain, (name, size)) in enumerate(zip(chains, layers, strict=True)):
        folder, directory = f"{store}/layerdb/{chain.replace(':', '/')}", hexadecimal("directory", name)
        write(f"{folder}/cache-id", directory)
        if number:
            write(f"{folder}/parent", chains[number - 1])
        fill(f"{data_root}/overlay2/{directory}/diff/usr/lib/data", size * _UNIT)
