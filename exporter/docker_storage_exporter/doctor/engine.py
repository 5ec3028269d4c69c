"""The engine: does it answer, is it this host's, and are the directories of its storage driver known."""

from __future__ import annotations

from collections.abc import Iterator

from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import EVERYTHING, LOST, ROOT_FILESYSTEM, SIZES, Finding, State
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.storage import knows

_HERE = "run the exporter on the engine's host; in a container, mount the host's / and name it with --path.rootfs"


def findings(facts: Facts) -> Iterator[Finding]:
    """About the engine."""
    yield _answers(facts)
    inventory = facts.probe.inventory
    if inventory is None:
        return
    if inventory.source == "api":
        yield _same_host(facts, inventory)
    yield _driver(inventory)


def _answers(facts: Facts) -> Finding:
    asked, inventory = facts.probe, facts.probe.inventory
    if inventory is not None and not asked.trouble:
        engine = inventory.engine
        what = f"{engine.product} {engine.version} answers at {asked.address} in API {asked.api_version}"
        return Finding("engine", State.OK, what)
    what, _, remedy = asked.trouble.partition("; ")
    do = remedy or "start the engine, or name its address with --docker.host"
    if inventory is None:
        return Finding("engine", State.ERROR, what, EVERYTHING, do)
    what += "; the disk is read instead, and events are not heard"
    return Finding("engine", State.WARNING, what, ((c.ENGINE_INFO,),), do)


def _same_host(facts: Facts, inventory: Inventory) -> Finding:
    if facts.probe.proof is not None:
        return Finding("same host", State.OK, f"engine and disk are one host: {facts.probe.proof.value}")
    costs = (*SIZES, ROOT_FILESYSTEM)
    if inventory.refused is Unmeasured.FOREIGN_ENGINE:
        what = f"nothing shows that {facts.root.path} is the data root of the engine that was asked"
        return Finding("same host", State.ERROR, what, costs, _HERE)
    return Finding("same host", State.ERROR, "cannot be proven while the data root cannot be read", costs)


def _driver(inventory: Inventory) -> Finding:
    engine = inventory.engine
    name = f"{engine.storage_driver or 'unknown'} ({engine.image_store} image store)"
    if knows(engine.storage_driver, engine.image_store):
        return Finding("storage driver", State.OK, f"{name} is supported")
    what = f"{name} is not supported: writable layers have no sizes, everything else has"
    return Finding(
        "storage driver", State.WARNING, what, (LOST[Kind.LAYER],), "nothing can be done but a newer version"
    )
