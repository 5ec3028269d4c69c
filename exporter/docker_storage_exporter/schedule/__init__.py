"""Decides what is measured next and how fast, keeps the results, and hands each new snapshot on.

`Scheduler` is the living program; `measure_everything` is the same work done once, for a command that waits for it.
Whatever may hang is a job of a `Crew`.
"""

from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.history import History
from docker_storage_exporter.schedule.jobs import Job, OverdueError, Work
from docker_storage_exporter.schedule.ledger import Ledger
from docker_storage_exporter.schedule.listing import Listed, Locator, bind_users
from docker_storage_exporter.schedule.once import measure_everything
from docker_storage_exporter.schedule.scheduler import Scheduler
from docker_storage_exporter.schedule.tally import Tally

__all__ = [
    "Budget",
    "Crew",
    "History",
    "Job",
    "Ledger",
    "Listed",
    "Locator",
    "OverdueError",
    "Scheduler",
    "Tally",
    "Work",
    "bind_users",
    "measure_everything",
]
