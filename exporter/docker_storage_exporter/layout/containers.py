"""Where a container's writable layer, logs and tmpfs mounts are."""

from __future__ import annotations

from docker_storage_exporter.layout import overlay2
from docker_storage_exporter.model import RUNNING_STATES, Container, Engine, Method, Mount, Place, Tree, Unmeasured

_DRIVERS = {"overlay2": overlay2.writable_layer}
_LOGS_ELSEWHERE = frozenset({"journald", "none", ""})


def knows(driver: str, image_store: str) -> bool:
    """Whether the directories of this storage driver's writable layers are known."""
    return image_store == "graphdriver" and driver in _DRIVERS


def layer_place(container: Container, engine: Engine, root: str) -> Place:
    """The writable layer, in whatever state the container is."""
    if not knows(container.driver, engine.image_store):
        return Place(unmeasured=Unmeasured.DRIVER)
    if not container.layer:
        return Place(unmeasured=Unmeasured.UNKNOWN_LAYER)
    return Place(Tree(Method.WALK, _DRIVERS[container.driver](root, container.layer)))


def log_place(container: Container, root: str) -> Place | None:
    """The folder with the log files; None for log drivers that keep nothing there.

    Drivers that send logs away keep a local cache for `docker logs` all the same, so only two keep nothing.
    """
    if container.log.driver in _LOGS_ELSEWHERE:
        return None
    return Place(Tree(Method.LOGS, f"{root}/containers/{container.id}", container=container.id))


def log_files(container: str) -> tuple[tuple[str, str], ...]:
    """The log files of every driver: pairs of subfolder and beginning of the name, in the container's folder.

    json-file: ID-json.log, .1, .2.gz; local: local-logs/container.log; the cache of the others: container-cached.log.
    """
    return (("", f"{container}-json.log"), ("local-logs", "container.log"), ("", "container-cached.log"))


def tmpfs_place(container: Container, mount: Mount) -> Place | None:
    """A tmpfs mount; None while the container does not run, since the tmpfs then does not exist."""
    if container.state not in RUNNING_STATES or container.pid <= 0:
        return None
    return Place(Tree(Method.TMPFS, mount.destination, container=container.id, pid=container.pid))
