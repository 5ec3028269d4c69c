"""What one engine keeps: asked through its API, or read from its metadata on disk when it does not answer.

The only room that knows an engine. `Engine` is what every engine offers; everything it returns is model values.
"""

from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.inventory.disk import check_data_root, read_disk
from docker_storage_exporter.inventory.endpoints import ENDPOINTS
from docker_storage_exporter.inventory.engine import Change, Engine, EngineStatus, Listing
from docker_storage_exporter.inventory.events import EventListener
from docker_storage_exporter.inventory.identity import Proof
from docker_storage_exporter.inventory.probe import Probe, probe

__all__ = [
    "ENDPOINTS",
    "Change",
    "CurrentInventory",
    "Engine",
    "EngineStatus",
    "EventListener",
    "Listing",
    "Probe",
    "Proof",
    "check_data_root",
    "probe",
    "read_disk",
]
