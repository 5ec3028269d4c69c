"""The alerts on what is stored: the filesystem, volumes and containers. Those on the exporter are in `alerts_health`.

Each names who is concerned by the labels of its expression, says what happens in a sentence, and links to what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dashboards import common
from dashboards.query import Scope, without
from dashboards.recording import LAYERS, VOLUMES, comparable
from dashboards.settings import Duration, Settings
from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.collector.family import Family
from docker_storage_exporter.model.keys import Kind

_WHERE = "{{ $labels.mountpoint }} on {{ $labels.instance }}"
Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule. `dashboard` is the uid of the one that shows it, `link` its variables from the labels."""

    name: str
    severity: Severity
    expr: str
    pending: Duration
    keep: Duration | None
    summary: str
    description: str
    dashboard: str
    link: tuple[str, ...] = ("instance",)


def filesystem(settings: Settings, scope: Scope) -> Iterator[Alert]:
    """Each filesystem that Docker stores things on, in bytes and in inodes: soon full, and almost full."""
    for what, avail, size in (
        ("bytes", c.FILESYSTEM_AVAIL, c.FILESYSTEM_SIZE),
        ("inodes", c.FILESYSTEM_INODES_FREE, c.FILESYSTEM_INODES),
    ):
        yield from _filling_up(settings, scope, what, avail, size)
        yield from _almost_full(settings, scope, what, avail, size)
    yield _unattributed(settings, scope)


def _unattributed(settings: Settings, scope: Scope) -> Alert:
    """Space that is lost, still, and that nothing measured grew by."""
    lost = scope(c.UNEXPLAINED_GROWTH)
    return Alert(
        "DockerStorageGrowthUnattributed",
        "info",
        f"({lost} > {settings.unattributed_floor})\n"
        f"and ({lost} > {settings.unattributed_share:g} * {scope(c.FILESYSTEM_SIZE)})\n"
        f"and ({scope(c.FILESYSTEM_AVAIL)} < {scope(c.FILESYSTEM_AVAIL)} offset {settings.still})",
        settings.unattributed_for,
        settings.keep,
        "A filesystem loses space and nothing that was measured explains it.",
        f"{_WHERE} lost {{{{ $value | humanize1024 }}}}B in the last hour beyond what was measured to grow on it: "
        "images, build cache, something that is not Docker's, or a tree that was not measured since.",
        common.OVERVIEW,
    )


def _share(scope: Scope, avail: Family, size: Family) -> str:
    """What is left; nothing where the number has no end, as inodes have none on btrfs."""
    return f"({scope(avail)} / ({scope(size)} > 0))"


def _filling_up(settings: Settings, scope: Scope, what: str, avail: Family, size: Family) -> Iterator[Alert]:
    noun = "Inodes" if what == "inodes" else ""
    for severity, share, horizon in (
        ("warning", settings.fill_warning_avail, settings.fill_warning_horizon),
        ("critical", settings.fill_critical_avail, settings.fill_critical_horizon),
    ):
        line = f"predict_linear({scope(avail, window=settings.trend)}, {horizon.seconds:g}) < 0"
        yield Alert(
            f"DockerStorageFilesystem{noun}FillingUp",
            severity,  # type: ignore[arg-type]
            f"({_share(scope, avail, size)} < {share:g})\nand ({line})",
            settings.fill_for,
            settings.keep,
            f"A filesystem that Docker stores things on runs out of {what} within {horizon.words}.",
            f"{_WHERE} has {{{{ $value | humanizePercentage }}}} of its {what} left and, going on as in the last "
            f"{settings.trend.past}, none within {horizon.words}.",
            common.OVERVIEW,
        )


def _almost_full(settings: Settings, scope: Scope, what: str, avail: Family, size: Family) -> Iterator[Alert]:
    noun = "Inodes" if what == "inodes" else ""
    for severity, share in (
        ("warning", settings.full_warning_avail),
        ("critical", settings.full_critical_avail),
    ):
        yield Alert(
            f"DockerStorageFilesystem{noun}AlmostFull",
            severity,  # type: ignore[arg-type]
            f"{_share(scope, avail, size)} < {share:g}",
            settings.full_for,
            settings.keep,
            f"A filesystem that Docker stores things on has less than {share:.0%} of its {what} left.",
            f"{_WHERE} has {{{{ $value | humanizePercentage }}}} of its {what} left.",
            common.OVERVIEW,
        )


def volumes(settings: Settings, scope: Scope) -> Iterator[Alert]:
    """Volumes: one that alone fills its filesystem, one near its end, and those that nobody uses."""
    yield _fills_filesystem(settings, scope)
    used = f"1 - {scope(c.VOLUME_FILESYSTEM_AVAIL)} / {scope(c.VOLUME_FILESYSTEM_SIZE)}"
    what = "the filesystem that it has of its own"
    yield Alert(
        "DockerVolumeFilesystemAlmostFull",
        "warning",
        f"({used}) > {settings.limit_share:g}",
        settings.limit_for,
        settings.keep,
        f"A volume uses more than {settings.limit_share:.0%} of {what}.",
        "Volume {{ $labels.volume }} on {{ $labels.instance }} uses {{ $value | humanizePercentage }} of "
        f"{what}. Its writers will fail with 'no space left on device'.",
        common.VOLUMES,
        ("instance", "volume"),
    )
    yield _near_limit(settings, scope)
    dangling = f"({scope(c.VOLUME_ALLOCATED)} and ({scope(c.VOLUME_CONTAINERS)} == 0))"
    lying = f"{dangling} * ignoring (mountpoint) group_right () {scope(c.VOLUME_FILESYSTEM_INFO)}"
    yield Alert(
        "DockerVolumesDangling",
        "info",
        f"{without('sum', ['volume'], lying)}\n/ {scope(c.FILESYSTEM_SIZE)} > {settings.dangling_share:g}",
        settings.dangling_for,
        settings.keep,
        f"Volumes that no container uses hold more than {settings.dangling_share:.0%} of their filesystem.",
        "Dangling volumes on {{ $labels.instance }} hold {{ $value | humanizePercentage }} of the filesystem at "
        "{{ $labels.mountpoint }}.",
        common.VOLUMES,
    )


def _near_limit(settings: Settings, scope: Scope) -> Alert:
    """Everything that has a limit, whoever set it. A log that its engine rotates is always near its own."""
    shares = (
        (Kind.VOLUME, c.VOLUME_ALLOCATED, scope(c.VOLUME_LIMIT)),
        (Kind.LAYER, c.LAYER_ALLOCATED, scope(c.LAYER_LIMIT)),
        (Kind.LOG, c.LOG_BYTES, scope(c.LOG_LIMIT, source='!="engine"')),
    )
    used = "\n  or ".join(
        f'label_replace({scope(size)} / {without("min", ["source"], limit)}, "kind", "{kind.value}", "", "")'
        for kind, size, limit in shares
    )
    return Alert(
        "DockerStorageNearLimit",
        "warning",
        f"(\n  {used}\n) > {settings.limit_share:g}",
        settings.limit_for,
        settings.keep,
        f"An object uses more than {settings.limit_share:.0%} of its limit.",
        "The {{ $labels.kind }} of {{ $labels.volume }}{{ $labels.container }} on {{ $labels.instance }} uses "
        "{{ $value | humanizePercentage }} of its limit: at a quota writers fail with 'no space left on device', any "
        "other limit is a wish that nothing enforces.",
        common.OVERVIEW,
        ("instance",),
    )


def _fills_filesystem(settings: Settings, scope: Scope) -> Alert:
    """Growth over the last hour, still going on, against what is left in the filesystem that the volume is on."""
    own = scope(c.VOLUME_FILESYSTEM_AVAIL)
    shared = f"{scope(c.VOLUME_FILESYSTEM_INFO)} * ignoring (volume) group_left () {scope(c.FILESYSTEM_AVAIL)}"
    # One volume with two filesystems would make the join an error, which silences the rule for every host.
    fullest = without("min", ["mountpoint"], shared)
    faster = f"{scope(VOLUMES.growth('1h'))} * {settings.volume_horizon.seconds:g}"
    return Alert(
        "DockerVolumeFillsFilesystem",
        "critical",
        f"(\n  {faster} > {own}\n"
        f"  or ({faster} unless {own}) > {fullest}\n)\n"
        f"and ({scope(c.VOLUME_ALLOCATED)} > {scope(c.VOLUME_ALLOCATED)} offset {settings.still})",
        settings.volume_for,
        settings.keep,
        f"A volume alone will fill its filesystem within {settings.volume_horizon.words}.",
        "Volume {{ $labels.volume }} on {{ $labels.instance }} grows by {{ $value | humanize1024 }}B in "
        f"{settings.volume_horizon.words} at the pace of the last {settings.hour.past}: "
        "more than its filesystem has left.",
        common.VOLUMES,
        ("instance", "volume"),
    )


def abnormal(settings: Settings, scope: Scope) -> Iterator[Alert]:
    """Growth that a volume has not shown on any day of its past week."""
    growth, history = VOLUMES.growth("24h"), settings.abnormal_history
    past = f"max_over_time({scope(growth, window=history)} offset {settings.day})"
    known = comparable(scope, VOLUMES, Duration(history.seconds + settings.day.seconds))
    yield Alert(
        "DockerVolumeGrowthAbnormal",
        "warning",
        f"{scope(growth)} * {settings.day.seconds:g} > {settings.abnormal_floor}\n"
        f"and ({scope(growth)} > {settings.abnormal_factor:g} * clamp_min({past}, 0))\n"
        f"and {known}",
        settings.abnormal_for,
        settings.keep,
        "A volume grows faster than on any day of its past week.",
        "Volume {{ $labels.volume }} on {{ $labels.instance }} grew by {{ $value | humanize1024 }}B in the last "
        f"{settings.day.past}, more than {settings.abnormal_factor:g} times its fastest day of the "
        f"{history.words} before.",
        common.VOLUMES,
        ("instance", "volume"),
    )


def containers(settings: Settings, scope: Scope) -> Iterator[Alert]:
    """Containers: data that will be lost, logs without end, memory that is about to be used up."""
    yield Alert(
        "DockerContainerLayerGrowing",
        "warning",
        f"{scope(LAYERS.growth('24h'))} * {settings.day.seconds:g} > {settings.layer_floor}\n"
        f"and ({scope(c.LAYER_ALLOCATED)} > {settings.layer_floor})\n"
        f"and ({scope(c.LAYER_ALLOCATED)} > {scope(c.LAYER_ALLOCATED)} offset {settings.layer_still})",
        settings.layer_for,
        settings.keep,
        "A container writes data where it will be lost.",
        "The writable layer of {{ $labels.container }} on {{ $labels.instance }} grew by "
        f"{{{{ $value | humanize1024 }}}}B in the last {settings.day.past}. It is gone when the container is removed.",
        common.CONTAINERS,
        ("instance", "container"),
    )
    rotated = without("max", ["source"], scope(c.LOG_LIMIT, source='="engine"'))
    yield Alert(
        "DockerContainerLogUnlimited",
        "warning",
        f"({scope(c.LOG_BYTES)} > {settings.log_floor})\nunless {rotated}",
        settings.log_for,
        settings.keep,
        "A container's log grows without limit.",
        "The log files of {{ $labels.container }} on {{ $labels.instance }} take {{ $value | humanize1024 }}B and "
        "nothing rotates them.",
        common.CONTAINERS,
        ("instance", "container"),
    )
    yield Alert(
        "DockerContainerTmpfsAlmostFull",
        "warning",
        f"{scope(c.TMPFS_USED)} / ({scope(c.TMPFS_SIZE)} > 0) > {settings.tmpfs_share:g}",
        settings.tmpfs_for,
        settings.keep,
        f"A tmpfs mount uses more than {settings.tmpfs_share:.0%} of its size.",
        "The tmpfs mount {{ $labels.destination }} of {{ $labels.container }} on {{ $labels.instance }} is "
        "{{ $value | humanizePercentage }} full.",
        common.CONTAINERS,
        ("instance", "container"),
    )
