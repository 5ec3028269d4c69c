"""The storage roots: can they be listed, down to where the engine keeps each kind of thing."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import LOST, ROOT_FILESYSTEM, SIZES, Finding, Group, State
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.storage import GRAPH_DRIVERS, drivers

_RIGHTS = "run as root or with CAP_DAC_READ_SEARCH"
_PARTS: tuple[tuple[str, tuple[Group, ...]], ...] = (
    ("containers", (LOST[Kind.LOG],)),
    ("volumes", (LOST[Kind.VOLUME],)),
    *((driver.folder, (LOST[Kind.LAYER],)) for driver in drivers() if driver.folder),
)
_CONTAINERD = "containerd root"


def findings(facts: Facts) -> Iterator[Finding]:
    """About the data root and, where images lie there, containerd's."""
    yield data_root(facts)
    inventory = facts.probe.inventory
    if inventory is None:
        return
    if inventory.engine.image_store == "containerd":
        yield _containerd_root(facts, inventory.root_of("images"))
    yield from _left_over(facts, inventory.engine.storage_driver)


def data_root(facts: Facts) -> Finding:
    """Whether the data root can be listed, with the folders in it that hold sizes."""
    root, everything = facts.root, (*SIZES, ROOT_FILESYSTEM)
    if root.remote:
        what = f"{root.path} lies on a remote filesystem, which is never touched"
        return Finding("data root", State.ERROR, what, everything, "keep the data root on a local disk")
    if root.error is not None:
        return Finding("data root", State.ERROR, f"{root.path}: {root.error.strerror}", everything, _remedy(root.error))
    closed: list[str] = []
    costs: list[Group] = []
    error = _cannot_list(facts, root.path)
    if error is not None:
        return Finding("data root", State.ERROR, f"{root.path}: {error.strerror}", everything, _remedy(error))
    for name, lost in _PARTS:
        error = _cannot_list(facts, f"{root.path}/{name}")
        if error is not None and error.errno != errno.ENOENT:
            closed.append(f"{name}: {error.strerror}")
            costs += lost
    if closed:
        return Finding("data root", State.ERROR, f"{root.path}: {', '.join(closed)}", tuple(costs), _RIGHTS)
    if _cannot_list(facts, f"{root.path}/containers"):
        what = f"{root.path} has no containers directory: it is not the data root of an engine"
        return Finding("data root", State.ERROR, what, everything, "name it with --path.data-root")
    covering = facts.mounts.covering(facts.host.view(root.path))
    where = f", on {covering.filesystem}" if covering else ""
    return Finding("data root", State.OK, f"{root.path} can be listed{where}")


def _left_over(facts: Facts, active: str) -> Iterator[Finding]:
    """What other storage drivers left in the data root: the engine tells of nothing in it, and it takes room."""
    others = [name for name in GRAPH_DRIVERS if active and name != active and _has_layers(facts, name)]
    if others:
        where = f"layers of {', '.join(others)} are in {facts.root.path}"
        what = f"{where}, and the engine uses {active}: they have no numbers"
        do = "to see how much it is: docker-storage-exporter du on that folder"
        yield Finding("other drivers", State.WARNING, what, (), do)


def _has_layers(facts: Facts, driver: str) -> bool:
    """Whether there is a layer of a driver: `image/DRIVER/layerdb` names them, whatever the folder looks like."""
    try:
        with os.scandir(facts.host.view(f"{facts.root.path}/image/{driver}/layerdb/sha256")) as layers:
            return next(layers, None) is not None
    except OSError:
        return False


def _containerd_root(facts: Facts, path: str) -> Finding:
    """Whether the root can be listed that was found to be containerd's; empty where none was."""
    layers = (LOST[Kind.LAYER],)
    if not path:
        what = "not seen from here, and this engine keeps layers and images in it"
        do = "mount it, as a rule /var/lib/containerd, where the host has it; or name it with --path.containerd-root"
        return Finding(_CONTAINERD, State.ERROR, what, layers, do)
    error = _cannot_list(facts, path)
    if error is not None:
        do = _RIGHTS if error.errno in (errno.EACCES, errno.EPERM) else "name the right one with --path.containerd-root"
        return Finding(_CONTAINERD, State.ERROR, f"{path}: {error.strerror}", layers, do)
    covering = facts.mounts.covering(facts.host.view(path))
    where = f", on {covering.filesystem}" if covering else ""
    return Finding(_CONTAINERD, State.OK, f"{path} can be listed{where}")


def _cannot_list(facts: Facts, path: str) -> OSError | None:
    try:
        with os.scandir(facts.host.view(path)) as entries:
            next(entries, None)
    except OSError as error:
        return error
    return None


def _remedy(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return _RIGHTS
    return "name it with --path.data-root; in a container, mount the host's / and name it with --path.rootfs"
