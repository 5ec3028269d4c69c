"""Turns a snapshot into Prometheus metrics. `catalogue` is the one list of every family. Knows no engine."""

from docker_storage_exporter.collector.live import LiveCollector, live_registry
from docker_storage_exporter.collector.pages import Pages, accepts

__all__ = ["LiveCollector", "Pages", "accepts", "live_registry"]
