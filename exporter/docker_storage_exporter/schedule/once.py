"""Everything measured once, now and without a budget: for a command whose user waits."""

from __future__ import annotations

import time
from collections.abc import Callable

from docker_storage_exporter.hostfs import Host, examine, reason_for
from docker_storage_exporter.inventory import CurrentInventory
from docker_storage_exporter.layout import Rules, locate
from docker_storage_exporter.model import Snapshot
from docker_storage_exporter.schedule.ledger import Ledger
from docker_storage_exporter.schedule.measure import measure_tree
from docker_storage_exporter.schedule.scheduler import bind_users
from docker_storage_exporter.settings import Settings
from docker_storage_exporter.sizer import Control
from docker_storage_exporter.survey import assemble

Progress = Callable[[int, int, Control], None]


def measure_everything(
    settings: Settings, inventory: CurrentInventory, host: Host, progress: Progress, control: Control
) -> Snapshot:
    """One complete snapshot.

    `progress` is called with the number of trees done, of all trees, and the control of the walk, before each tree.
    Raises ExporterError when there is neither an engine nor a data root.
    """
    listed = inventory.renew()
    mounts = host.mounts()
    sources = examine(host, mounts, bind_users(listed))
    plan = locate(listed, Rules.of(settings), mounts, sources, host.rootfs)
    trees, ledger = plan.trees(), Ledger()
    for done, tree in enumerate(trees):
        progress(done, len(trees), control)
        try:
            outcome = measure_tree(tree, host, control)
        except OSError as error:
            ledger.fail(tree, reason_for(error))
            continue
        if outcome.measurement is not None:
            ledger.record(tree, outcome.measurement)
    progress(len(trees), len(trees), control)
    return assemble(listed, plan, ledger.known(), time.time(), settings.collector_max_objects)
