"""The overlay2 graph driver (Docker 20.10 to 29): `ROOT/overlay2/NAME/` holds diff, link, lower, work and merged."""

from __future__ import annotations


def writable_layer(root: str, layer: str) -> str:
    """The directory with what a container wrote: never `merged`, which is a live mount of the whole image."""
    return f"{root}/overlay2/{layer}/diff"
