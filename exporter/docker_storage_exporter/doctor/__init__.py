"""What this process can and cannot see of a host's storage, why, which metrics that costs, and what to do about it.

Each subject is a module with `findings(facts)`, which yields findings and never raises for what it finds; `examine`
asks them all. Facts are read through `hostfs` and `inventory`; nothing is measured and nothing is changed.
"""

from docker_storage_exporter.doctor.examination import examine
from docker_storage_exporter.doctor.facts import Facts, gather
from docker_storage_exporter.doctor.finding import Finding, State
from docker_storage_exporter.doctor.needs import NEEDS, Need
from docker_storage_exporter.doctor.presence import Line, needs_table

__all__ = ["NEEDS", "Facts", "Finding", "Line", "Need", "State", "examine", "gather", "needs_table"]
