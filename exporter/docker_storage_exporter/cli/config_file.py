"""The configuration file: YAML whose keys are the flags' names, dotted or nested, and whose values are their texts.

Nothing is guessed from YAML's own types (`no`, `0123`, `1:30`): a value is the text that stands there, and the
setting's parser says whether it is one.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Any, NoReturn

import configargparse
import yaml

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.model import printable

_LARGEST_FILE = 1024**2
_NOTHING = ("", "~", "null")


class Named:
    """A file that is yet to be opened: what is wrong with it is told by whoever reads it."""

    def __init__(self, path: str) -> None:
        self.name = path


class ConfigFile(configargparse.ConfigFileParser):
    """Reads one file. `keys` are those there are, `lists` those whose texts may be written as a list.

    `places` holds, for each key that was read, where: the file, the line and the key.
    """

    def __init__(self, keys: Collection[str], lists: Collection[str]) -> None:
        self.places: dict[str, str] = {}
        self._keys = keys
        self._lists = lists
        self._path = ""

    def parse(self, stream: Named) -> dict[str, str]:
        """The text of each key. Raises SettingError, naming the file, the line and the key."""
        self._path = stream.name
        self.places = {}
        found: dict[str, str] = {}
        for key, at, value in self._leaves(self._root()):
            if key not in self._keys:
                self._refuse(at, f"unknown key {key!r}: {self._suggestion(key)}")
            if key in found:
                self._refuse(at, f"{key}: is given twice")
            found[key] = self._text(key, value)
            self.places[key] = f"{printable(self._path)}:{at.start_mark.line + 1}: {key}"
        return found

    def _root(self) -> yaml.Node | None:
        try:
            with open(self._path, "rb") as file:
                text = file.read(_LARGEST_FILE + 1)
            if len(text) > _LARGEST_FILE:
                self._refuse(None, "is no configuration: it is larger than a mebibyte")
            root: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
        except OSError as error:
            self._refuse(None, f"{error.strerror}; see --config.file")
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "nested too deeply"
            self._refuse(error, f"is not YAML: {problem}")
        if root is not None and not isinstance(root, yaml.MappingNode):
            self._refuse(root, "has to hold lines of KEY: VALUE, such as scan.interval: 5m")
        return root

    def _leaves(self, node: yaml.Node | None, above: str = "") -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Each key with its node and its value's. Only a beginning of known keys is nested: no file recurses."""
        for at, value in node.value if node is not None else ():
            if not isinstance(at, yaml.ScalarNode):
                self._refuse(at, "a key has to be the name of a setting, such as scan.interval")
            key = above + at.value
            if isinstance(value, yaml.MappingNode) and any(known.startswith(key + ".") for known in self._keys):
                yield from self._leaves(value, key + ".")
            else:
                yield key, at, value

    def _text(self, key: str, node: yaml.Node) -> str:
        if isinstance(node, yaml.SequenceNode) and key in self._lists:
            return ",".join(self._text(key, item) for item in node.value if item is not node)
        if not isinstance(node, yaml.ScalarNode):
            given = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
            self._refuse(node, f"{key}: has to be one value, not {given}")
        if node.style is None and node.value in _NOTHING:
            self._refuse(node, f"{key}: has no value; give one or remove the line")
        return str(node.value)

    def _suggestion(self, key: str) -> str:
        spelled = key.lower().strip("-").replace("_", ".")
        close = difflib.get_close_matches(spelled, self._keys, n=1, cutoff=0.5)
        return f"did you mean {close[0]}?" if close else "keys are the flags of --help without the dashes"

    def _refuse(self, at: Any, message: str) -> NoReturn:
        mark = getattr(at, "start_mark", None) or getattr(at, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise SettingError(printable(f"{self._path}{line}: {message}"))
