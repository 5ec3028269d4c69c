"""What `df --explain` says of one thing, as a value, as text and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from docker_storage_exporter.listing.table import PLAIN, TableStyle, fold
from docker_storage_exporter.model.text import counted, one_line, printable
from docker_storage_exporter.model.units import human_bytes, human_growth

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
class Retained:
    """What deleting it would not free, and why; the bytes are None where they are not known or not its own."""

    why: str
    allocated_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way to free bytes: what is done, the command for it, how much it frees, and what is lost with it.

    `frees_bytes` is None where it is not known; `loses` is empty where nothing is lost.
    """

    what: str
    command: str
    frees_bytes: int | None = None
    loses: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whose bytes these are, and what can be done about them.

    `largest` are the largest entries of it, directories and files, with their allocated bytes. Where there are no
    `remedies`, nothing here is proven to be of no use, or it is not the user's to delete: `remark` says so.
    """

    target: str
    owner: str
    facts: Mapping[str, str] = field(default_factory=dict)
    uses: tuple[Use, ...] = ()
    parts: tuple[Part, ...] = ()
    largest: tuple[tuple[str, int], ...] = ()
    stays: tuple[Retained, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    remark: str = ""


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON values."""
    document = dataclasses.asdict(explanation)
    document["largest"] = [{"path": path, "allocated_bytes": size} for path, size in explanation.largest]
    return document


def render_explanation(explanation: Explanation, style: TableStyle = PLAIN) -> str:
    """The explanation as lines of a label and a text, the first of them what it is."""
    lines = [style.bold(line) for line in fold(_shown(f"{explanation.target}: {explanation.owner}"), style.width, 2)]
    for label, text in _lines(explanation):
        lines += _folded(label, text, style) if text else []
    for remedy in explanation.remedies:
        lines += _folded("remedy", _told(remedy), style)
        lines += [_line("", style.bold(command)) for command in _commands(remedy.command, style)]
    return "\n".join(lines) + "\n"


def _lines(explanation: Explanation) -> Iterator[tuple[str, str]]:
    yield from explanation.facts.items()
    for part in explanation.parts:
        yield part.what, _size(part) + (f"  {part.path}" if part.path not in ("", explanation.target) else "")
        if part.growth_bytes_per_hour is not None:
            now, hour = human_growth(part.growth_bytes_per_second), human_growth(part.growth_bytes_per_hour)
            yield "growth", f"{now} per second now, {hour} per hour"
    for number, (path, allocated) in enumerate(explanation.largest):
        yield "largest" if number == 0 else "", f"{human_bytes(allocated)}  {path}"
    for number, use in enumerate(explanation.uses):
        yield "used by" if number == 0 else "", f"{use.container} ({use.state}) at {use.destination}, {use.access}"
    for number, stay in enumerate(explanation.stays):
        size = "" if stay.allocated_bytes is None else f"{human_bytes(stay.allocated_bytes)}  "
        yield "stays" if number == 0 else "", size + stay.why
    yield "note", explanation.remark


def _told(remedy: Remedy) -> str:
    frees = "" if remedy.frees_bytes is None else f"frees {human_bytes(remedy.frees_bytes)}, "
    return f"{remedy.what}: {frees}loses {remedy.loses or 'nothing'}"


def _size(part: Part) -> str:
    if part.allocated_bytes is None:
        return part.note
    apparent = "" if part.apparent_bytes is None else f", {human_bytes(part.apparent_bytes)} apparent"
    note = f", {part.note}" if part.note else ""
    inodes = "" if part.inodes is None else f", {counted(part.inodes, 'inode')}"
    return f"{human_bytes(part.allocated_bytes)} allocated{apparent}{inodes}{note}"


def _folded(label: str, text: str, style: TableStyle) -> list[str]:
    first, *others = fold(_shown(text), style.narrowed(len(_line("", ""))).width)
    return [_line(label, first), *(_line("", other) for other in others)]


def _commands(command: str, style: TableStyle) -> list[str]:
    """A command as lines that a shell takes as they are: it goes on after &&. One with quotes is not taken apart."""
    if style.width is None or "'" in command or len(_line("", command)) <= style.width:
        return [command]
    return command.replace(" && ", " &&\n").split("\n")


def _line(label: str, text: str) -> str:
    return f"  {label:{_LABEL_WIDTH}}{text}"


def _shown(text: str) -> str:
    return one_line(printable(text))
