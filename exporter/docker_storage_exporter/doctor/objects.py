"""The objects themselves: each place that would be measured is opened once, and nothing is walked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import LOST, Finding, State
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.layout import SUBJECTS, Subject, rules_of
from docker_storage_exporter.measure import device_of, try_opening
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.places import Place, Unmeasured
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.jobs import Job, OverdueError, Work
from docker_storage_exporter.schedule.listing import Locator

_REMEDIES = {
    Unmeasured.FOREIGN_ENGINE: "see same host",
    Unmeasured.UNKNOWN_ROOT: "see data root",
    Unmeasured.DRIVER: "see storage driver",
    Unmeasured.PERMISSION: "see rights and processes",
}


def findings(facts: Facts) -> Iterator[Finding]:
    """One for each kind of object that there is."""
    inventory = facts.probe.inventory
    if inventory is None:
        return
    crew = Crew(facts.settings.scan_timeout)
    crew.begin_watching()
    try:
        plan = Locator(facts.host, crew).locate(inventory, rules_of(facts.settings)).plan
        tried = {key: (place, _trouble(place, facts.host, crew)) for key, place in plan.places.items()}
    finally:
        crew.stop()
    for subject in SUBJECTS:
        outcomes = [outcome for key, outcome in tried.items() if key.kind == subject.kind]
        if outcomes:
            yield _finding(facts, subject, [place for place, _ in outcomes], Counter(r for _, r in outcomes if r))


def _finding(facts: Facts, subject: Subject, places: list[Place], reasons: Counter[Unmeasured]) -> Finding:
    skipped = sum(place.skip is not None for place in places)
    wanted = len(places) - skipped
    what = f"{wanted - reasons.total()} of {wanted} can be opened"
    if skipped:
        what += f", {skipped} more left out by rule"
    if not reasons:
        return Finding(subject.plural, State.OK, what)
    what += "; " + ", ".join(f"{number} {reason.value}" for reason, number in sorted(reasons.items()))
    do = ", ".join(dict.fromkeys(_remedy(facts, subject.kind, reason) for reason in sorted(reasons)))
    return Finding(subject.plural, State.WARNING, what, (LOST[subject.kind],), do)


def _remedy(facts: Facts, kind: Kind, reason: Unmeasured) -> str:
    if reason is Unmeasured.VANISHED and kind is Kind.TMPFS:
        return "see processes"
    if reason is Unmeasured.VANISHED and kind is Kind.BIND and facts.apart:
        return f"mount the sources below {facts.host.rootfs or '/'} as well, where the host has them"
    return _REMEDIES.get(reason, f"see docs/concepts.md for {reason.value}")


def _trouble(place: Place, host: Host, crew: Crew) -> Unmeasured | None:
    """Why a place will have no number, None when it will or is left out."""
    source = place.source
    if source is None:
        return place.unmeasured
    device = partial(device_of, source, host)
    if not crew.may_touch(device):
        return Unmeasured.STUCK
    try:
        crew.call(Job(Work.LOOK, source.path, device), lambda: try_opening(source, host))
    except OSError as error:
        return reason_for(error)
    except OverdueError:
        return Unmeasured.STUCK
    return None
