"""A snapshot as samples: for each family of objects, label values and a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from docker_storage_exporter.collector import catalogue as c
from docker_storage_exporter.collector.family import Context, Samples
from docker_storage_exporter.layout import KINDS, SUBJECTS
from docker_storage_exporter.limits import Limits
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.places import Skip, Unmeasured
from docker_storage_exporter.model.snapshot import Snapshot

_NO_LIMITS = Limits()


def samples(snapshot: Snapshot, labels: tuple[str, ...] = (), limits: Limits = _NO_LIMITS) -> Iterator[Samples]:
    """Every family with its samples, in the catalogue's order. `labels` are engine labels to carry over to _info."""
    context = context_of(snapshot, labels, limits)
    yield from before(snapshot)
    for file in c.OF_KIND.values():
        for part in file.PARTS:
            yield from part.samples(snapshot.of(part.kind), context)
        yield from totals(file, snapshot)
    yield from after(snapshot)


def context_of(snapshot: Snapshot, labels: tuple[str, ...], limits: Limits) -> Context:
    """What the samples of rows depend on besides the rows."""
    return Context(labels, {row.key.id: row.label for row in snapshot.of(Kind.LAYER)}, limits)


def before(snapshot: Snapshot) -> Iterator[Samples]:
    """The families in front of those of the kinds."""
    engine, roots = snapshot.inventory.engine, snapshot.inventory.roots
    facts = (engine.product, engine.version, engine.storage_driver, engine.image_store, engine.data_root)
    yield c.ENGINE_INFO, [(facts, 1)]
    yield c.ROOT_INFO, (((root.path, root.role, root.mountpoint), 1) for root in roots if root.mountpoint)


def totals(file: c.KindFile, snapshot: Snapshot) -> Iterator[Samples]:
    """What a kind has besides its rows."""
    totals: Callable[[Snapshot], Iterator[Samples]] | None = getattr(file, "totals", None)
    return totals(snapshot) if totals is not None else iter(())


def after(snapshot: Snapshot) -> Iterator[Samples]:
    """The closed sets behind them, 0 where there is none: a series that is always there can be asked about."""
    skipped, unmeasured, pending, cut = snapshot.skipped, snapshot.unmeasured, snapshot.pending, snapshot.cut
    yield c.SKIPPED, (((k.value, r.value), skipped.get((k, r), 0)) for k, r in skippable())
    yield c.UNMEASURED, (((k.value, r.value), unmeasured.get((k, r), 0)) for k in KINDS for r in Unmeasured)
    yield c.PENDING, (((k.value,), pending.get(k, 0)) for k in KINDS)
    yield c.CUT, (((k.value,), number) for k, number in cut.items())


def skippable() -> Iterator[tuple[Kind, Skip]]:
    """Which kinds can be skipped for which reasons."""
    for subject in SUBJECTS:
        yield subject.kind, Skip.EXCLUDED
        for reason in Skip:
            if reason in subject.skips:
                yield subject.kind, reason
