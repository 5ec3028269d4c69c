"""What `df --explain` says of one thing, as a value, as text and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from docker_storage_exporter.model import printable
from docker_storage_exporter.report.table import PLAIN, Look, human_bytes, human_growth, one_line

_LABEL_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Use:
    """A container that mounts it."""

    container: str
    state: str
    destination: str
    access: str


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes in one place; without a number `note` says why."""

    what: str
    path: str
    allocated_bytes: int | None = None
    apparent_bytes: int | None = None
    inodes: int | None = None
    note: str = ""
    growth_bytes_per_second: float | None = None
    growth_bytes_per_hour: float | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """What deleting it would not free, and why; the bytes are None where they are not known or not its own."""

    why: str
    allocated_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whose bytes these are and what became of them if they were deleted.

    `largest` are directories below it with their allocated bytes. `frees_bytes` is None where it is not known;
    `command` is empty where nothing of the user's should be deleted, and `remark` then says what to do instead.
    """

    target: str
    owner: str
    facts: Mapping[str, str] = field(default_factory=dict)
    uses: tuple[Use, ...] = ()
    parts: tuple[Part, ...] = ()
    largest: tuple[tuple[str, int], ...] = ()
    frees_bytes: int | None = None
    stays: tuple[Stay, ...] = ()
    command: str = ""
    remark: str = ""


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON values."""
    found = dataclasses.asdict(explanation)
    found["largest"] = [{"path": path, "allocated_bytes": size} for path, size in explanation.largest]
    return found


def render_explanation(explanation: Explanation, look: Look = PLAIN) -> str:
    """The explanation as lines of a label and a text, the first of them what it is."""
    head = look.bold(_shown(f"{explanation.target}: {explanation.owner}"))
    lines = [head, *(_line(label, _shown(text)) for label, text in _lines(explanation) if text)]
    if explanation.command:
        lines.append(_line("remove", look.bold(explanation.command)))
    return "\n".join(lines) + "\n"


def _lines(found: Explanation) -> Iterator[tuple[str, str]]:
    yield from found.facts.items()
    for part in found.parts:
        yield part.what, f"{_size(part)}  {part.path}"
        if part.growth_bytes_per_hour is not None:
            now, hour = human_growth(part.growth_bytes_per_second), human_growth(part.growth_bytes_per_hour)
            yield "growth", f"{now} per second now, {hour} per hour"
    for number, (path, allocated) in enumerate(found.largest):
        yield "largest" if number == 0 else "", f"{human_bytes(allocated)}  {path}"
    for number, use in enumerate(found.uses):
        yield "used by" if number == 0 else "", f"{use.container} ({use.state}) at {use.destination}, {use.access}"
    if found.frees_bytes is not None:
        yield "frees", human_bytes(found.frees_bytes)
    for number, stay in enumerate(found.stays):
        size = "" if stay.allocated_bytes is None else f"{human_bytes(stay.allocated_bytes)}  "
        yield "stays" if number == 0 else "", size + stay.why
    yield "note", found.remark


def _size(part: Part) -> str:
    if part.allocated_bytes is None:
        return part.note
    apparent = "" if part.apparent_bytes is None else f", {human_bytes(part.apparent_bytes)} apparent"
    note = f", {part.note}" if part.note else ""
    return f"{human_bytes(part.allocated_bytes)} allocated{apparent}, {part.inodes} inodes{note}"


def _line(label: str, text: str) -> str:
    return f"  {label:{_LABEL_WIDTH}}{text}"


def _shown(text: str) -> str:
    return one_line(printable(text))
