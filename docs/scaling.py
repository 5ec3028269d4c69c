"""Counts the series of pages that the real collector makes, and writes the figures of docs/scaling.md: `make docs`."""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dashboards.recording import recorded_names
from docker_storage_exporter.collector.live import LiveCollector, live_registry
from docker_storage_exporter.collector.pages import Pages
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.layout import (
    BindFacts,
    ImageFacts,
    TmpfsFacts,
    VolumeFacts,
    bind_key,
    container_key,
    image_key,
    volume_key,
)
from docker_storage_exporter.layout.images import Pieces
from docker_storage_exporter.measure import LogFiles, Tmpfs, Walk
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.objects import (
    Container,
    Engine,
    Image,
    Inventory,
    LogSettings,
    Mount,
    StorageRoot,
    Volume,
)
from docker_storage_exporter.model.places import Place, Sized
from docker_storage_exporter.model.sizes import Lineage, Measurement, Size, Source
from docker_storage_exporter.model.snapshot import Row, Snapshot
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.tally import Tally
from docker_storage_exporter.store import Store

DOCUMENT = Path(__file__).parent / "scaling.md"
HOSTS = (10, 100, 1_000, 10_000)
SCRAPE_SECONDS = 60
SERIES_BYTES = 8 * 1024
SAMPLE_BYTES = 2
RETENTION_DAYS = 15
_MARKS = "<!-- figures: written by make docs -->\n", "<!-- end of figures -->"
_AT = 1_790_000_000.123


@dataclass(frozen=True)
class Load:
    """What is on a host. Each container has a log, each bind source one user, each image one tag.

    Mounts are those of volumes.
    """

    name: str
    volumes: int = 0
    containers: int = 0
    binds: int = 0
    tmpfs: int = 0
    mounts: int = 0
    log_limits: int = 0
    images: int = 0


LOADS = (
    Load("small: one application", volumes=10, containers=10, binds=5, mounts=12, log_limits=10, images=10),
    Load("medium: a dozen of them", volumes=60, containers=80, binds=40, tmpfs=10, mounts=80, log_limits=80, images=60),
    Load(
        "large: a build host", volumes=500, containers=300, binds=100, tmpfs=50, mounts=500, log_limits=300, images=400
    ),
)
_UNITS = {
    "volume": Load("", volumes=1),
    "mount of a volume": Load("", volumes=1, containers=1, mounts=1),
    "container": Load("", containers=1),
    "limit of a container's log": Load("", containers=1, log_limits=1),
    "tmpfs mount": Load("", containers=1, tmpfs=1),
    "source of bind mounts, with one user": Load("", containers=1, binds=1),
    "image, with one tag": Load("", images=1),
}


def page(load: Load, *, gzip: bool = False) -> bytes:
    """The page that an exporter serves on such a host."""
    host = Host()
    status = _Status()
    tally = Tally(inventory_seconds=0.1, last_inventory=_AT, last_measurement=_AT)
    registry = live_registry(LiveCollector(_published(load), tally, Budget(0.1), status, status, host, status))
    pages = Pages(registry)
    pages.render(snapshot(load))
    return b"".join(pages.page("", gzip=gzip).body)


def count(load: Load) -> int:
    """The series of that page."""
    return sum(1 for line in page(load).splitlines() if line and not line.startswith(b"#"))


def per_object() -> dict[str, int]:
    """How many series one more object of each sort makes, and how many there always are."""
    empty, one_image, two_images = (count(Load("", images=number)) for number in range(3))
    alone = {name: count(load) - empty for name, load in _UNITS.items()}
    alone["image, with one tag"] = two_images - one_image
    nothing = one_image - alone["image, with one tag"]  # every host has images, and their sum is a series
    container, volume = alone["container"], alone["volume"]
    bound = {"limit of a container's log", "tmpfs mount", "source of bind mounts, with one user"}
    found = {name: number - container if name in bound else number for name, number in alone.items()}
    found["mount of a volume"] -= container + volume
    return {"every host": nothing, **found}


def formula(load: Load) -> int:
    """The series of a host, by what each object adds."""
    each = per_object()
    numbers = (load.volumes, load.mounts, load.containers, load.log_limits, load.tmpfs, load.binds, load.images)
    return each["every host"] + sum(each[name] * number for name, number in zip(_UNITS, numbers, strict=True))


def recorded(load: Load) -> tuple[int, int]:
    """The series that the recording rules add for a host, and those of them that a global server wants."""
    objects = {"volume": load.volumes, "container": load.containers, "source": load.binds, "root": 1}
    levels = [name.partition(":")[0].rpartition("_")[2] for name in recorded_names()]
    per_host = levels.count("instance")
    return sum(objects.get(level, 0) for level in levels) + per_host, per_host


def snapshot(load: Load) -> Snapshot:
    """Everything on such a host, measured, with names as long as people and engines make them."""
    containers = [_container(load, number) for number in range(load.containers)]
    users: dict[str, list[tuple[str, Mount]]] = {}
    for container in containers:
        for mount in container.mounts:
            users.setdefault(mount.source, []).append((container.id, mount))
    tmpfs = [(containers[number % load.containers], f"/run/tmp-{number}") for number in range(load.tmpfs)]
    return Snapshot(
        inventory=Inventory(
            Engine(storage_driver="overlay2", data_root="/var/lib/docker"),
            containers=tuple(containers),
            roots=(StorageRoot("/var/lib/docker", mountpoint="/"),),
        ),
        at=_AT,
        rows={
            Kind.VOLUME: tuple(_volume_row(number, users) for number in range(load.volumes)),
            Kind.LAYER: tuple(
                Row(container_key(c.id), (c.name,), c, _measured(Walk((f"/var/lib/docker/overlay2/{c.id}/diff",))))
                for c in containers
            ),
            Kind.LOG: tuple(
                Row(container_key(c.id, Kind.LOG), (c.name,), c, _measured(LogFiles("/", c.id))) for c in containers
            ),
            Kind.TMPFS: tuple(_tmpfs_row(container, destination) for container, destination in tmpfs),
            Kind.BIND: tuple(_bind_row(number) for number in range(load.binds)),
            Kind.IMAGE: tuple(_image_row(number) for number in range(load.images)),
        },
        cut=dict.fromkeys((Kind.VOLUME, Kind.LAYER, Kind.BIND, Kind.IMAGE), 0),
        mountpoints=("/",),
    )


def _volume_row(number: int, users: dict[str, list[tuple[str, Mount]]]) -> Row:
    volume = _volume(number)
    facts = VolumeFacts(volume, tuple(users.get(volume.name, ())))
    path = f"/var/lib/docker/volumes/{volume.name}/_data"
    return Row(volume_key(volume.name), (volume.name,), facts, _measured(Walk((path,))))


def _volume(number: int) -> Volume:
    labels = {
        "com.docker.compose.project": f"project-{number % 12}",
        "com.docker.compose.volume": f"database-{number:03}",
    }
    return Volume(f"project-{number % 12}_database-{number:03}", labels=labels)


def _container(load: Load, number: int) -> Container:
    name, key = f"project-{number % 12}-service-{number:03}-1", f"{number:064x}"
    ours = range(number, load.mounts, load.containers)
    mounts = [Mount("volume", _volume(one % load.volumes).name, f"/var/lib/data/{one}") for one in ours]
    limit = 30_000_000 if number < load.log_limits else None
    return Container(
        key,
        name,
        image_id=f"sha256:{key}",
        image="registry.example/project/service:1.2.3",
        state="running",
        created=_AT,
        labels={"com.docker.compose.project": f"project-{number % 12}", "com.docker.compose.service": "service"},
        mounts=tuple(mounts),
        log=LogSettings("json-file", limit),
    )


def _tmpfs_row(container: Container, destination: str) -> Row:
    key = ObjectKey(Kind.TMPFS, "", container.id + destination)
    facts = TmpfsFacts(container, Mount("tmpfs", "", destination))
    return Row(key, (container.name, destination), facts, _measured(Tmpfs(destination, container.id, 7)))


def _bind_row(number: int) -> Row:
    source = f"/srv/project-{number % 12}/configuration-{number:03}"
    users = ((f"{0:064x}", Mount("bind", source, "/etc/service", "ro")),)
    return Row(bind_key(source), (source,), BindFacts(source, users), _measured(Walk((source,))))


def _image_row(number: int) -> Row:
    image = Image(f"sha256:{number:064x}", created=_AT)
    facts = ImageFacts(image, (f"registry.example/project/service:1.2.{number}",), containers=1)
    size = Size(123_456_789_504, shared=123_456_123_456)
    measured = Measurement(size, _AT, Pieces(image.id), Lineage(0, 0, 0, Pieces.name, _AT))
    return Row(image_key(image.id), (image.id,), facts, Sized(Place(mountpoint="/"), measured))


def _measured(source: Source) -> Sized:
    limit = None if source.on_host else 64 * 2**20
    apparent = 123_456_123_456 if source.on_host else None
    size = Size(123_456_789_504, apparent, 12_345, 0 if source.on_host else None, limit, limit)
    lineage = Lineage(1, 1, 1, source.meaning, _AT)
    return Sized(Place(source, mountpoint="/" if source.on_host else ""), Measurement(size, _AT, source, lineage))


class _Status:
    """An engine that answers, settings that are good, jobs that end, measuring that gets on."""

    product, up, events_heard, last_event = "docker", True, True, _AT
    abandoned, is_measuring = 0, True

    def unexplained_growth(self) -> dict[str, int]:
        """Nothing on the one filesystem."""
        return {"/": 0}

    successful, succeeded_at = True, _AT


def _published(load: Load) -> Store:
    store = Store()
    store.publish(replace(snapshot(load)))
    return store


def figures() -> str:
    """The figures of the document."""
    return "\n".join(_figures()) + "\n"


def _figures() -> Iterator[str]:
    yield from ("| for | series |", "|---|--:|")
    yield from (
        f"| {name if name == 'every host' else f'each {name}'} | {number:,} |" for name, number in per_object().items()
    )
    yield from (
        "",
        "| host | volumes | containers | bind sources | images | series | page | gzip |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    )
    for load in LOADS:
        sizes = " | ".join(f"{_roughly(len(page(load, gzip=gzip)))} KiB" for gzip in (False, True))
        numbers = f"{load.volumes} | {load.containers} | {load.binds} | {load.images}"
        yield f"| {load.name} | {numbers} | {count(load):,} | {sizes} |"
    yield from ("", *_fleets())


def _roughly(size: int) -> int:
    """KiB in steps of five: the process's own numbers make the page a little longer or shorter each time."""
    return round(size / 1024 / 5) * 5


def _fleets() -> Iterator[str]:
    head = "| hosts | host | scraped series | with rules | samples/s | memory | disk, 15 days | `instance:` series |"
    yield from (head, "|--:|---|--:|--:|--:|--:|--:|--:|")
    for hosts in HOSTS:
        for load in LOADS:
            own, (added, per_host) = count(load), recorded(load)
            series, rate = hosts * (own + added), hosts * (own + added) / SCRAPE_SECONDS
            disk = rate * SAMPLE_BYTES * RETENTION_DAYS * 86400
            facts = [f"{hosts:,}", load.name.partition(":")[0], _short(hosts * own), _short(series), _short(rate)]
            facts += [f"{_short(series * SERIES_BYTES, 1024)}iB", f"{_short(disk, 1024)}iB", _short(hosts * per_host)]
            yield f"| {' | '.join(facts)} |"


def _short(number: float, base: int = 1000) -> str:
    """Two or three digits and a prefix."""
    for prefix in ("", "k" if base == 1000 else "K", "M", "G", "T"):  # noqa: PLR2004
        if number < base or prefix == "T":
            break
        number /= base
    digits = 0 if number >= 10 or not prefix else 1  # noqa: PLR2004
    return f"{number:.{digits}f} {prefix}".strip() if base == 1000 else f"{number:.{digits}f} {prefix}"  # noqa: PLR2004


def main() -> None:
    """Write the figures into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    start, end = _MARKS
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    DOCUMENT.write_text(pattern.sub(lambda _: start + figures() + end, text), encoding="utf-8")


if __name__ == "__main__":
    main()
