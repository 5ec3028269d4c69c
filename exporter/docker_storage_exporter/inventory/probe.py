"""What an engine tells at this moment, whatever state it is in: facts for a report, never an exception."""

from __future__ import annotations

from dataclasses import dataclass

from docker_storage_exporter.errors import ExporterError
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.inventory.identity import Proof, same_host, socket_owner
from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.settings import Settings


@dataclass(frozen=True, slots=True)
class Probe:
    """One question to an engine, answered.

    `inventory` is what the exporter would start with, None when it would not start; `trouble` is the line about an
    engine that did not answer, empty when it did, and then `api_version` is what was spoken. `proof` shows that engine
    and disk are one host. `engine_pid` is the process behind a unix socket, 0 when it cannot be seen.
    """

    address: str
    inventory: Inventory | None = None
    trouble: str = ""
    api_version: str = ""
    proof: Proof | None = None
    engine_pid: int = 0


def probe(settings: Settings, host: Host) -> Probe:
    """Ask the engine once."""
    client = EngineClient(settings)
    current = CurrentInventory(settings, host, client)
    trouble, inventory = "", None
    try:
        inventory = current.renew()
    except ExporterError as error:
        trouble = str(error)
    finally:
        current.close()
    return Probe(
        address=settings.docker_host,
        inventory=inventory,
        trouble="" if current.up else current.trouble or trouble,
        api_version=client.api_version,
        proof=_proof(inventory, host, settings.docker_host),
        engine_pid=socket_owner(settings.docker_host),
    )


def _proof(inventory: Inventory | None, host: Host, address: str) -> Proof | None:
    if inventory is None or inventory.source != "api" or inventory.refused is not None:
        return None
    ids = [container.id for container in inventory.containers]
    return same_host(inventory.engine, ids, bool(inventory.volumes), inventory.root, host, address)
