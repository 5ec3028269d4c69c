"""Who keeps what in which storage root: one file for each storage driver or image store.

Reading a store is a job, since it touches the disk; what comes of it are facts, frozen data with pure answers.
"""

from docker_storage_exporter.storage.facts import Claim, StoreFacts, Stores
from docker_storage_exporter.storage.graph import GRAPH_DRIVERS, GraphDriver, GraphFacts
from docker_storage_exporter.storage.reading import Driver, drivers, knows, read_stores

__all__ = [
    "GRAPH_DRIVERS",
    "Claim",
    "Driver",
    "GraphDriver",
    "GraphFacts",
    "StoreFacts",
    "Stores",
    "drivers",
    "knows",
    "read_stores",
]
