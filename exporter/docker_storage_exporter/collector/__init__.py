"""Turns a snapshot into Prometheus metrics. `catalogue` is the one list of every family; nothing here knows an engine."""

from docker_storage_exporter.collector.live import LiveCollector, live_registry
from docker_storage_exporter.collector.pages import Pages

__all__ = ["LiveCollector", "Pages", "live_registry"]
