"""Every way of measuring, one in a file: what it is, how it is opened and measured, how the state file keeps it.

A source is a frozen value that says what to measure and how; `measure` measures one now. Adding a way of measuring is
adding a file with a `SOURCE`.
"""

from docker_storage_exporter.measure.layer import Layer
from docker_storage_exporter.measure.logs import LogFiles, is_log
from docker_storage_exporter.measure.source import SOURCES, Found, Measurable, Outcome, device_of, measure, try_opening
from docker_storage_exporter.measure.statfs import Statfs
from docker_storage_exporter.measure.tmpfs import Tmpfs
from docker_storage_exporter.measure.walk import Walk

__all__ = [
    "SOURCES",
    "Found",
    "Layer",
    "LogFiles",
    "Measurable",
    "Outcome",
    "Statfs",
    "Tmpfs",
    "Walk",
    "device_of",
    "is_log",
    "measure",
    "try_opening",
]
