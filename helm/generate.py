"""Writes what the chart is generated from elsewhere: `make chart`.

The table of values and the schema come from the comments in values.yaml, the schema of `config` from the exporter's
own settings. The rules, dashboards and the proxy's configuration are links to `dashboards` and `deploy`: helm follows
them when it installs or packages the chart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from dashboards import rules
from dashboards.settings import Settings as RuleSettings
from docker_storage_exporter.settings import Settings, label_names

HERE = Path(__file__).parent
CHART = HERE / "docker-storage-exporter"
SET_BY_THE_CHART = frozenset(
    {
        "path.rootfs",
        "path.data-root",
        "path.containerd-root",
        "docker.host",
        "web.listen-address",
        "web.systemd-socket",
        "web.config.file",
        "state.file",
    }
)
"""Settings that other values decide: as an argument they win, so a configuration file would say them in vain."""

Json = dict[str, Any]
_KEY = re.compile(r"^( *)([\w./-]+):(?: |$)")
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
_SCALAR = ["string", "number", "boolean"]
_TEXTS = re.compile("(labels|annotations|nodeselector)$", re.IGNORECASE)


@dataclass
class Comment:
    """What stands above a key of values.yaml: its description, and what the schema says beyond the value's type."""

    text: list[str] = field(default_factory=list)
    schema: Json = field(default_factory=dict)

    @property
    def description(self) -> str:
        """The description in one line."""
        return " ".join(self.text)


def documents() -> dict[str, str]:
    """Every generated file by its path below the chart."""
    return {
        "values.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
        "README.md": readme(),
    }


def schema() -> Json:
    """The JSON schema of the values: draft-07, the one that Helm reads."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    root = _object(yaml.safe_load(text), comments(text), ())
    properties = root["properties"]
    properties["config"].update(_settings())
    properties["global"]["additionalProperties"] = True
    properties["prometheusRule"]["properties"].update(_rule_names())
    properties["enabled"] = {"description": "For parent charts: the condition of the dependency", "type": "boolean"}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of docker-storage-exporter", **root}


def readme() -> str:
    """The chart's README: its source, with the table of values in the place of the mark."""
    return (HERE / "README.md.in").read_text(encoding="utf-8").replace("{{VALUES}}\n", "\n".join(_rows()) + "\n")


def comments(text: str) -> dict[tuple[str, ...], Comment]:
    """The comment of each key that has one, by the key's path."""
    found: dict[tuple[str, ...], Comment] = {}
    path: list[tuple[int, str]] = []
    pending = Comment()
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("#"):
            _read(words, pending)
            continue
        key = _KEY.match(line)
        if key is not None:
            indent = len(key[1])
            path = [step for step in path if step[0] < indent] + [(indent, key[2])]
            if pending.text:
                found[tuple(name for _, name in path)] = pending
        pending = Comment()
    return found


def _read(line: str, comment: Comment) -> None:
    if line.startswith("# -- "):
        comment.text = [line.removeprefix("# -- ")]
    elif line.startswith("# @schema "):
        comment.schema = json.loads(line.removeprefix("# @schema "))
    elif comment.text:
        comment.text.append(line.removeprefix("# "))


def _object(values: Mapping[str, Any], known: Mapping[tuple[str, ...], Comment], path: tuple[str, ...]) -> Json:
    """The schema of a section: a key that it does not know is refused."""
    properties = {name: _property(value, known, (*path, name)) for name, value in values.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _property(value: Any, known: Mapping[tuple[str, ...], Comment], path: tuple[str, ...]) -> Json:
    comment = known[path]
    if _is_section(value, known, path):
        return {"description": comment.description, **_object(value, known, path)}
    kind: Json = {} if value is None else {"type": _TYPES[type(value)]}
    if isinstance(value, dict) and _TEXTS.search(path[-1]):
        kind["additionalProperties"] = {"type": "string"}  # Kubernetes takes neither numbers nor booleans there
    return {"description": comment.description, **kind, **comment.schema}


def _is_section(value: Any, known: Mapping[tuple[str, ...], Comment], path: tuple[str, ...]) -> bool:
    """Whether the keys below are the chart's own, each with a comment, and not the user's."""
    return isinstance(value, dict) and any((*path, name) in known for name in value)


def _settings() -> Json:
    """The schema of `config`: every setting under its flag's name, dotted or nested."""
    dotted: Json = {}
    nested: Json = {}
    for entry in fields(Settings):
        flag, help_text, parse = (entry.metadata[name] for name in ("flag", "help", "parse"))
        if flag in SET_BY_THE_CHART:
            continue
        types = [*_SCALAR, "array"] if parse is label_names else _SCALAR
        dotted[flag] = {"description": help_text, "type": types}
        room, _, noun = flag.partition(".")
        nested.setdefault(room, {"type": "object", "additionalProperties": False, "properties": {}})
        nested[room]["properties"][noun] = dotted[flag]
    return {"additionalProperties": False, "properties": {**nested, **dotted}}


def _rule_names() -> Json:
    """The schemas of what names rules: a name that no rule has is refused."""
    groups = [group for text in rules.files(RuleSettings()).values() for group in yaml.safe_load(text)["groups"]]
    names = {rule.get("alert") or rule["record"] for group in groups for rule in group["rules"]}
    return {
        key: {
            "description": text,
            "type": "object",
            "additionalProperties": False,
            "properties": {name: {"type": "boolean"} for name in sorted(known)},
        }
        for key, text, known in (
            ("disabled", "Rules to leave out, by name", names),
            ("disabledGroups", "Groups of rules to leave out, by name", {group["name"] for group in groups}),
        )
    }


def _rows() -> Iterator[str]:
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    known = comments(text)
    yield "| value | default | meaning |"
    yield "|---|---|---|"
    for path, value in _leaves(yaml.safe_load(text), known):
        shown = json.dumps(value, ensure_ascii=False)
        yield f"| `{'.'.join(path)}` | `{shown}` | {known[path].description} |"


def _leaves(
    values: Mapping[str, Any], known: Mapping[tuple[str, ...], Comment], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in values.items():
        here = (*path, name)
        if _is_section(value, known, here):
            yield from _leaves(value, known, here)
        else:
            yield here, value


def main() -> None:
    """Write every generated file."""
    for name, text in documents().items():
        path = CHART / name
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
