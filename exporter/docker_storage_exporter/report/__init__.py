"""A snapshot for people and programs other than Prometheus."""

from docker_storage_exporter.report.rows import Row, rows
from docker_storage_exporter.report.table import human_bytes, render_table

__all__ = ["Row", "human_bytes", "render_table", "rows"]
