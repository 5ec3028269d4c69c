"""What this process can and cannot see of a host's storage, why, which metrics that costs, and what to do about it.

Each subject is a module with `findings(scene)`, which yields findings and never raises for what it finds; `examine`
asks them all. Facts are read through `hostfs` and `inventory`; nothing is measured and nothing is changed.
"""

from docker_storage_exporter.doctor.examination import examine
from docker_storage_exporter.doctor.finding import Finding, State
from docker_storage_exporter.doctor.needs import NEEDS, Need
from docker_storage_exporter.doctor.presence import Line, needs_table
from docker_storage_exporter.doctor.scene import Scene, gather

__all__ = ["NEEDS", "Finding", "Line", "Need", "Scene", "State", "examine", "gather", "needs_table"]
