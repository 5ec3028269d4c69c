"""The overlay2 graph driver (Docker 20.10 to 29): `overlay2/NAME/` holds diff, link, lower, work and merged.

`merged` is a live mount of the whole image and is never looked at.
"""

from docker_storage_exporter.storage.graph import GraphDriver

DRIVER = GraphDriver("overlay2", "overlay2", "/diff")
