"""Families of objects as exposition text, in both formats at once.

The object families are gauges, whose sample lines are the same in the Prometheus text format 0.0.4 and in OpenMetrics
1.0; only the headers differ. So each line is made once for both, several times faster than a general encoder makes it
for one: that is what lets ten thousand volumes fit the budget.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from docker_storage_exporter.collector.family import Family, Sample
from docker_storage_exporter.model.text import printable

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Block:
    """One family as text: the header for each format, and the lines they share."""

    plain_header: bytes
    openmetrics_header: bytes
    lines: bytes


def block(family: Family, samples: Iterable[Sample]) -> Block | None:
    """A family with its samples; None when it has none."""
    made = lines(family, samples, {})
    return Block(*heads(family), made) if made else None


def heads(family: Family) -> tuple[bytes, bytes]:
    """What stands above the lines of a family, in the text format and in OpenMetrics."""
    head = f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.type}\n"
    unit = f"# UNIT {family.name} {family.unit}\n" if family.unit else ""
    return head.encode(), (head + unit).encode()


def lines(family: Family, samples: Iterable[Sample], known: dict[tuple[str, tuple[str, ...]], str]) -> bytes:
    """The samples of a family as text; `known` keeps label sets for the next family with the same ones.

    A label set that comes twice would make the page invalid: the first one is kept, the rest logged. They are compared
    as they are shown, since two names on disk may look the same once they are made printable.
    """
    seen: set[str] = set()
    made = []
    name, names = family.name, family.labels
    single = names[0] if len(names) == 1 else ""
    for values, number in samples:
        labels = known.get((single, values), "") if single else ""
        if not labels:
            labels = _labels(names, values)
            if single:
                known[single, values] = labels
        if labels in seen:
            _log.error("%s%s comes twice: only the first one is shown", name, labels)
            continue
        seen.add(labels)
        made.append(f"{name}{labels} {_number(number)}\n")
    return "".join(made).encode()


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def escaped(value: str) -> str:
    """A label value: valid UTF-8, with backslash, quote and line feed escaped as both formats want them."""
    text = printable(value)
    if "\\" in text or '"' in text or "\n" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return text


def _number(number: float) -> str:
    """A number without loss; whole numbers without a fraction, which both formats read as well."""
    if isinstance(number, float) and not number.is_integer():
        return repr(number)
    return str(int(number))
