"""The alerts on measuring itself: numbers that are old, missing or partial; an engine or an exporter that is down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dashboards import common
from dashboards.alerts import Alert
from dashboards.query import Scope, without
from dashboards.recording import BINDS, LAYERS, VOLUMES
from dashboards.settings import Settings
from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.model.keys import Kind

_KIND = "kind {{ $labels.kind }} on {{ $labels.instance }}"

WALKED = {Kind.VOLUME: VOLUMES, Kind.LAYER: LAYERS, Kind.BIND: BINDS}
"""The kinds of object whose pages say when they were measured and what could not be read."""


def health(settings: Settings, scope: Scope) -> Iterator[Alert]:
    """Everything about numbers that are not what they should be."""
    yield _stale(settings, scope)
    yield _pending(settings, scope)
    yield from _failing(settings, scope)
    yield _partial(settings, scope)
    yield _stopped(settings, scope)
    yield _inventory(settings, scope)
    yield from _down(settings, scope)


def _stale(settings: Settings, scope: Scope) -> Alert:
    """Objects whose last complete measurement is old, counted per host and kind of object."""
    old = f"> {settings.stale_after.seconds:g}"
    walked = {key: f"time() - {scope(kind.measured)} {old}" for key, kind in WALKED.items() if kind.measured}
    return Alert(
        "DockerStorageMeasurementsStale",
        "warning",
        _count_by_kind(walked),
        settings.stale_for,
        settings.keep,
        f"Sizes are older than {settings.stale_after.words}.",
        "{{ $value }} objects of kind {{ $labels.kind }} on {{ $labels.instance }} were last measured to the end more "
        f"than {settings.stale_after.words} ago. Their sizes and all that is derived from them are history.",
        common.HEALTH,
    )


def _count_by_kind(conditions: Mapping[Kind, str]) -> str:
    """How many objects of each kind meet a condition, under the label that the exporter's own counts have."""
    counts = {kind: without("count", [WALKED[kind].key], condition) for kind, condition in conditions.items()}
    return "\nor ".join(f'label_replace({count}, "kind", "{kind.value}", "", "")' for kind, count in counts.items())


def _pending(settings: Settings, scope: Scope) -> Alert:
    return Alert(
        "DockerStorageMeasurementsPending",
        "warning",
        f"{scope(c.PENDING)} > 0",
        settings.stale_after,
        None,
        f"Objects wait for their first measurement for more than {settings.stale_after.words}.",
        "{{ $value }} objects of kind {{ $labels.kind }} on {{ $labels.instance }} are still to be measured.",
        common.HEALTH,
    )


def _failing(settings: Settings, scope: Scope) -> Iterator[Alert]:
    """Measurements that fail, and objects that have no number because of it."""
    harmful = f'!~"{settings.harmless_reasons}"'
    failures = f"increase({scope(c.FAILURES, window=settings.failing_window, reason=harmful)})"
    known = settings.known_reasons
    unmeasured = f"objects of {_KIND} have no size"
    for name, severity, expr, words in (
        (
            "DockerStorageMeasurementsFailing",
            "warning",
            failures,
            f"measurements of {_KIND} failed in the last {settings.failing_window.past}",
        ),
        ("DockerStorageObjectsUnmeasured", "warning", scope(c.UNMEASURED, reason=f'!~"{known}"'), unmeasured),
        ("DockerStorageObjectsUnmeasured", "info", scope(c.UNMEASURED, reason=f'=~"{known}"'), unmeasured),
    ):
        yield Alert(
            name,
            severity,  # type: ignore[arg-type]
            f"{expr} > 0",
            settings.failing_for,
            settings.keep,
            "Sizes cannot be measured.",
            f"{{{{ $value | humanize }}}} {words}: {{{{ $labels.reason }}}}.",
            common.HEALTH,
        )


def _partial(settings: Settings, scope: Scope) -> Alert:
    partial = {key: f"{scope(kind.unreadable)} > 0" for key, kind in WALKED.items() if kind.unreadable}
    return Alert(
        "DockerStorageMeasurementsPartial",
        "info",
        _count_by_kind(partial),
        settings.partial_for,
        settings.keep,
        "Sizes lack entries that could not be read.",
        "{{ $value }} objects of kind {{ $labels.kind }} on {{ $labels.instance }} hold entries that the exporter may "
        "not read: their sizes are too small, and no alert on growth watches them.",
        common.HEALTH,
    )


def _stopped(settings: Settings, scope: Scope) -> Alert:
    return Alert(
        "DockerStorageMeasuringStopped",
        "warning",
        f"{scope(c.MEASURING)} == 0",
        settings.inventory_for,
        settings.keep,
        "Nothing is measured any more.",
        "On {{ $labels.instance }} nothing was measured to the end for two scan intervals: a disk or a mount does not "
        "answer, or everything fails. All sizes are history.",
        common.HEALTH,
    )


def _inventory(settings: Settings, scope: Scope) -> Alert:
    return Alert(
        "DockerStorageInventoryStale",
        "warning",
        f"time() - {scope(c.LAST_INVENTORY)} > {settings.inventory_after.seconds:g}",
        settings.inventory_for,
        settings.keep,
        f"The objects of a host were last listed more than {settings.inventory_after.words} ago.",
        "What is on the page of {{ $labels.instance }} is {{ $value | humanizeDuration }} old: new objects are missing "
        "and removed ones are still there.",
        common.HEALTH,
    )


def _down(settings: Settings, scope: Scope) -> Iterator[Alert]:
    """The engine, the exporter, and every exporter at once."""
    yield Alert(
        "DockerEngineDown",
        "critical",
        f"{scope(c.ENGINE_UP)} == 0",
        settings.engine_for,
        None,
        "A Docker Engine does not answer.",
        "The engine of {{ $labels.instance }} does not answer. Sizes are still measured, from what is on its disk.",
        common.HEALTH,
    )
    job = Scope((*scope.matchers, settings.exporter_job))
    yield Alert(
        "DockerStorageExporterDown",
        "warning",
        f"{job.foreign('up')} == 0",
        settings.exporter_for,
        None,
        "An exporter cannot be scraped.",
        "Prometheus cannot scrape {{ $labels.instance }}: nothing watches the disk of that host.",
        common.HEALTH,
    )
    yield Alert(
        "DockerStorageExporterMissing",
        "warning",
        f"absent({job.foreign('up')})",
        settings.exporter_for,
        None,
        "Prometheus knows no exporter at all.",
        "No target's job has the exporter's name: was the scrape configuration lost, or the job renamed?",
        common.HEALTH,
        (),
    )
