"""How large people want objects to become at most, where no engine holds them to it: from a file, or from labels."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import yaml

from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.text import printable
from docker_storage_exporter.yaml_file import YamlFile

_log = logging.getLogger(__name__)
_EXAMPLE = "volumes: {'shop_.*': 20GiB}"
_KINDS = {"volumes": Kind.VOLUME, "layers": Kind.LAYER, "logs": Kind.LOG}
_KNOWN_TEXTS = 4096
_LONGEST_SIZE = 40  # characters; any that is written out is shorter

Rule = tuple[re.Pattern[str], int]
"""A pattern that has to match a whole name, and the limit of what is called so, in bytes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits by kind and name; of several patterns that match the first one counts."""

    rules: Mapping[Kind, tuple[Rule, ...]] = field(default_factory=dict)

    def of(self, kind: Kind, name: str) -> int | None:
        """The limit of an object in bytes; None where there is none."""
        return next((limit for pattern, limit in self.rules.get(kind, ()) if pattern.fullmatch(name)), None)


def read_limits(path: str, size: Callable[[str], int]) -> Limits:
    """The limits in a YAML file: below `volumes`, `layers` and `logs` lines of PATTERN: SIZE.

    `size` makes bytes of a size's text, or raises ValueError. Raises SettingError, with the line.
    """
    file = YamlFile(path, "limits.file", _EXAMPLE)
    root = file.root()
    rules: dict[Kind, tuple[Rule, ...]] = {}
    for key, value in root.value if root is not None else ():
        kind = _KINDS.get(key.value) if isinstance(key, yaml.ScalarNode) else None
        if kind is None or kind in rules:
            file.refuse(key.start_mark.line, f"each of {', '.join(_KINDS)} may stand here once, and nothing else")
        if not isinstance(value, yaml.MappingNode):
            file.refuse(value.start_mark.line, f"has to hold lines of PATTERN: SIZE, such as {_EXAMPLE}")
        rules[kind] = tuple(_rule(file, pattern, limit, size) for pattern, limit in value.value)
    return Limits(rules)


def _rule(file: YamlFile, pattern: yaml.Node, limit: yaml.Node, size: Callable[[str], int]) -> Rule:
    line = pattern.start_mark.line
    if not isinstance(pattern, yaml.ScalarNode) or not isinstance(limit, yaml.ScalarNode):
        file.refuse(line, f"has to be a line of PATTERN: SIZE, such as {_EXAMPLE}")
    try:
        return re.compile(pattern.value), size(limit.value)
    except re.error as error:
        file.refuse(line, f"{pattern.value!r} is not a regular expression: {error}")
    except ValueError as error:
        file.refuse(line, str(error))


def labelled_limit(text: str, size: Callable[[str], int]) -> int | None:
    """The limit that a label's value names; None for a value that is no size, which is logged once."""
    return _labelled_limit(text[:_LONGEST_SIZE], size)  # a label may hold a megabyte, and a log line should not


@lru_cache(_KNOWN_TEXTS)
def _labelled_limit(text: str, size: Callable[[str], int]) -> int | None:
    try:
        return size(text)
    except ValueError as error:
        _log.warning("a label that limits storage is ignored: %s", printable(str(error)))
        return None
