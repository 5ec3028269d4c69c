"""The objects themselves: each place that would be measured is opened once, and nothing is walked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from docker_storage_exporter.doctor.facts import Facts
from docker_storage_exporter.doctor.finding import LOST, Finding, State
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.hostfs.reasons import reason_for
from docker_storage_exporter.layout import SUBJECTS, Item, Subject, rules_of
from docker_storage_exporter.measure import device_of, try_opening
from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.model.places import Place, Unmeasured
from docker_storage_exporter.model.sizes import Source
from docker_storage_exporter.model.text import some_of
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.jobs import Job, OverdueError, Work
from docker_storage_exporter.schedule.listing import Locator

_REMEDIES = {
    Unmeasured.FOREIGN_ENGINE: "see same host",
    Unmeasured.UNKNOWN_ROOT: "see data root",
    Unmeasured.UNKNOWN_IMAGES_ROOT: "see containerd root",
    Unmeasured.UNKNOWN_LAYER: "run this again: a container that is just made has no layer yet",
    Unmeasured.DRIVER: "see storage driver",
    Unmeasured.PERMISSION: "see rights and processes",
    Unmeasured.LINK: "put a mount or the directory itself there: a link that a container can write is not followed",
    Unmeasured.VANISHED: "if it should be there, look for it: the engine knows it, the disk does not",
    Unmeasured.STUCK: "see whether its filesystem answers: stat -f on the path hangs as well",
    Unmeasured.DISCONNECTED: "mount it again: the program that served this filesystem has ended",
    Unmeasured.IO: "look for errors of its disk in the kernel's log: dmesg",
    Unmeasured.INTERNAL: "report it with what --log.level debug says",
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
        items = list(plan.items())
        reasons = {item.key: _trouble(item.place, facts.host, crew) for item in items}
    finally:
        crew.stop()
    names = {item.key: item.name for item in items}
    for subject in SUBJECTS:
        of_kind = [item for item in items if item.key.kind == subject.kind]
        if of_kind:
            failed = [
                _Failed(_name(item, names), item.place, reason) for item in of_kind if (reason := reasons[item.key])
            ]
            yield _finding(facts, subject, [item.place for item in of_kind], failed)


@dataclass(frozen=True, slots=True)
class _Failed:
    """An object that will have no number, and why."""

    name: str
    place: Place
    reason: Unmeasured

    def __str__(self) -> str:
        path = f" at {self.place.source.path}" if self.place.source is not None else ""
        return f"{self.name}{path} ({self.reason.value})"


def _name(item: Item, names: Mapping[ObjectKey, str]) -> str:
    """What `df` calls an object."""
    owner = names.get(item.owner, item.name) if item.owner is not None else item.name
    return ":".join((owner, *item.more))


def _finding(facts: Facts, subject: Subject, places: list[Place], failed: list[_Failed]) -> Finding:
    skipped = sum(place.skip is not None for place in places)
    wanted = len(places) - skipped
    what = f"{wanted - len(failed)} of {wanted} can be opened"
    if skipped:
        what += f", {skipped} more left out by rule"
    if not failed:
        return Finding(subject.plural, State.OK, what)
    what += f"; not {some_of(list(map(str, failed)))}"
    reasons = sorted({one.reason for one in failed})
    do = ", ".join(dict.fromkeys(_remedy(facts, subject.kind, reason) for reason in reasons))
    return Finding(subject.plural, State.WARNING, what, (LOST[subject.kind],), do, partly=len(failed) < wanted)


def _remedy(facts: Facts, kind: Kind, reason: Unmeasured) -> str:
    if reason is Unmeasured.VANISHED and kind is Kind.TMPFS:
        return "see processes"
    if reason is Unmeasured.VANISHED and kind is Kind.BIND and facts.apart:
        return f"mount the sources below {facts.host.rootfs or '/'} as well, where the host has them"
    return _REMEDIES[reason]


def _trouble(place: Place, host: Host, crew: Crew) -> Unmeasured | None:
    """Why a place will have no number, None when it will or is left out."""
    troubles = (_trouble_of(source, host, crew) for source in place.sources)
    return next(filter(None, troubles), place.unmeasured)


def _trouble_of(source: Source, host: Host, crew: Crew) -> Unmeasured | None:
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
