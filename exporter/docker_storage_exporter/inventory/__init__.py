"""What one engine keeps: asked through its API, or read from its metadata on disk when it does not answer.

The only room that knows an engine. `CurrentInventory.renew` is its entry point; everything it returns is model values.
"""

from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.inventory.disk import check_data_root, read_disk
from docker_storage_exporter.inventory.endpoints import ENDPOINTS
from docker_storage_exporter.inventory.events import EventListener
from docker_storage_exporter.inventory.identity import Proof
from docker_storage_exporter.inventory.probe import Probe, probe

__all__ = ["ENDPOINTS", "CurrentInventory", "EventListener", "Probe", "Proof", "check_data_root", "probe", "read_disk"]
