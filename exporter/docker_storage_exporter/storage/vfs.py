"""The vfs graph driver (Docker 20.10 to 29): `vfs/dir/NAME` is a whole copy of the image with what a container wrote.

Deleting the container frees the whole copy. The engine's own number is the difference to the image, which the copy does
not tell: the apparent size is absent.
"""

from docker_storage_exporter.storage.graph import GraphDriver

DRIVER = GraphDriver("vfs", "vfs/dir", with_apparent=False)
