"""Which directories hold an object, or why none is looked at. Pure path logic: it opens nothing and sizes nothing.

A storage driver is a module here with one function, `writable_layer(root, layer) -> path`, and a line in `_DRIVERS`.
"""

from docker_storage_exporter.layout.containers import knows, log_files
from docker_storage_exporter.layout.plan import Plan, Rules, locate

__all__ = ["Plan", "Rules", "knows", "locate", "log_files"]
