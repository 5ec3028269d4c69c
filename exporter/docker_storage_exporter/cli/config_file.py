"""The configuration file: YAML whose keys are the flags' names, dotted or nested, and whose values are their texts.

Nothing is guessed from YAML's own types (`no`, `0123`, `1:30`): a value is the text that stands there, and the
setting's parser says whether it is one.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

import yaml

from docker_storage_exporter.model.text import printable
from docker_storage_exporter.yaml_file import YamlFile, is_null

_OWN_FLAG = "config.file"
_EXAMPLE = "scan.interval: 5m"


def read_config(path: str, keys: Collection[str], lists: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The text of each key in a file, and for each of them where it stands: the file, the line and the key.

    `keys` are those there are, `lists` those whose texts may be written as a list. Raises SettingError, naming the
    file, the line and the key.
    """
    return _Reader(YamlFile(path, _OWN_FLAG, _EXAMPLE), keys, lists).read()


class _Reader:
    """Reads one file."""

    def __init__(self, file: YamlFile, keys: Collection[str], lists: Collection[str]) -> None:
        self._file = file
        self._keys = keys
        self._lists = lists

    def read(self) -> tuple[dict[str, str], dict[str, str]]:
        texts: dict[str, str] = {}
        places: dict[str, str] = {}
        for key, at, value in self._leaves(self._file.root()):
            if key not in self._keys:
                self._file.refuse(at.start_mark.line, f"unknown key {key!r}: {self._suggestion(key)}")
            if key in texts:
                self._file.refuse(at.start_mark.line, f"{key}: is given twice")
            texts[key] = self._text(key, value)
            places[key] = f"{printable(self._file.path)}:{at.start_mark.line + 1}: {key}"
        return texts, places

    def _leaves(self, node: yaml.Node | None, above: str = "") -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Each key with its node and its value's. Only a beginning of known keys is nested: no file recurses."""
        for at, value in node.value if node is not None else ():
            if not isinstance(at, yaml.ScalarNode):
                self._file.refuse(at.start_mark.line, "a key has to be the name of a setting, such as scan.interval")
            key = above + at.value
            if isinstance(value, yaml.MappingNode) and any(known.startswith(key + ".") for known in self._keys):
                yield from self._leaves(value, key + ".")
            else:
                yield key, at, value

    def _text(self, key: str, node: yaml.Node) -> str:
        if isinstance(node, yaml.SequenceNode) and key in self._lists:
            return ",".join(self._scalar(key, item) for item in node.value)
        return self._scalar(key, node)

    def _scalar(self, key: str, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            kind = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
            self._file.refuse(node.start_mark.line, f"{key}: has to be one value, not {kind}")
        if is_null(node):
            self._file.refuse(node.start_mark.line, f"{key}: has no value; give one or remove the line")
        return str(node.value)

    def _suggestion(self, key: str) -> str:
        if key == _OWN_FLAG:
            return "it names this file, which cannot name another"
        spelled = key.lower().strip("-").replace("_", ".")
        close = difflib.get_close_matches(spelled, self._keys, n=1)
        return f"did you mean {close[0]}?" if close else "keys are the flags of --help without the dashes"
