"""Which host paths are walked, and which are left out because a walk there means something else."""

from __future__ import annotations

import re

from docker_storage_exporter.hostfs.host import HostPath
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.layout.subject import HostView
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.places import Place, Skip, Unmeasured
from docker_storage_exporter.model.text import is_inside

_SYSTEM = ("/proc", "/sys", "/dev", "/run", "/var/run")
_VOLUME_DATA = re.compile(r"/volumes/[^/]+/_data(?:/|$)")
SKIPS = frozenset({Skip.REMOTE, Skip.SYSTEM, Skip.STORAGE_ROOT, Skip.SPECIAL})
"""The rules by which a path is left out."""


def path_place(standing: HostPath, view: HostView) -> Place:
    """The place of what stands at a host path.

    A path that a container may have redirected by a link is not measured, see `hostfs.examine`.
    Left out: what is remote; sockets, devices and fifos; /, /proc, /sys, /dev, /run and what is below them; a storage
    root, whatever contains it and, but for the data of a volume, what is inside it. /var/run is a link to /run, which
    cannot be seen where only the data root is.
    """
    path, roots = view.canonical(standing.path), [root.path for root in view.inventory.roots]
    if standing.remote:
        return Place(skip=Skip.REMOTE)
    if path == "/" or any(is_inside(path, system) for system in _SYSTEM):
        return Place(skip=Skip.SYSTEM)
    if any(is_inside(root, path) or (is_inside(path, root) and not _is_volume_data(path, root)) for root in roots):
        return Place(skip=Skip.STORAGE_ROOT)
    if standing.error is not None:
        return Place(unmeasured=reason_for(standing.error))
    if standing.distrusted:
        return Place(unmeasured=Unmeasured.LINK)
    if standing.entry == "special":
        return Place(skip=Skip.SPECIAL)
    return Place(Walk((path,)))


def _is_volume_data(path: str, root: str) -> bool:
    return _VOLUME_DATA.match(path[len(root) :]) is not None
