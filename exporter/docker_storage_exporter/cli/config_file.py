"""The configuration file: YAML whose keys are the flags' names, dotted or nested, and whose values are their texts.

Nothing is guessed from YAML's own types (`no`, `0123`, `1:30`): a value is the text that stands there, and the
setting's parser says whether it is one.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import NoReturn

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
                self._refuse(at.start_mark.line, f"unknown key {key!r}: {self._suggestion(key)}")
            if key in found:
                self._refuse(at.start_mark.line, f"{key}: is given twice")
            found[key] = self._text(key, value)
            self.places[key] = f"{printable(self._path)}:{at.start_mark.line + 1}: {key}"
        return found

    def _root(self) -> yaml.Node | None:
        text = self._content()
        try:
            root: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
        except yaml.reader.ReaderError as error:
            self._refuse(text.count("\n", 0, error.position), "is not YAML: a control character is in the line")
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line if error.problem_mark is not None else None
            self._refuse(line, f"is not YAML: {str(error.problem).removeprefix('but ')}")
        except RecursionError:
            self._refuse(None, "is not YAML: nested too deeply")
        # Nothing but comments, or a document's beginning, is a file without settings.
        is_empty = root is None or (isinstance(root, yaml.ScalarNode) and not root.value)
        if root is not None and not is_empty and not isinstance(root, yaml.MappingNode):
            self._refuse(root.start_mark.line, "has to hold lines of KEY: VALUE, such as scan.interval: 5m")
        return None if is_empty else root

    def _content(self) -> str:
        try:
            with open(self._path, "rb") as file:
                content = file.read(_LARGEST_FILE + 1)
        except OSError as error:
            self._refuse(None, f"{error.strerror}; see --config.file")
        if len(content) > _LARGEST_FILE:
            self._refuse(None, "is no configuration: it is larger than a mebibyte")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._refuse(content.count(b"\n", 0, error.start), "is not UTF-8")

    def _leaves(self, node: yaml.Node | None, above: str = "") -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Each key with its node and its value's. Only a beginning of known keys is nested: no file recurses."""
        for at, value in node.value if node is not None else ():
            if not isinstance(at, yaml.ScalarNode):
                self._refuse(at.start_mark.line, "a key has to be the name of a setting, such as scan.interval")
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
            given = "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
            self._refuse(node.start_mark.line, f"{key}: has to be one value, not {given}")
        if node.style is None and node.value in _NOTHING:
            self._refuse(node.start_mark.line, f"{key}: has no value; give one or remove the line")
        return str(node.value)

    def _suggestion(self, key: str) -> str:
        spelled = key.lower().strip("-").replace("_", ".")
        close = difflib.get_close_matches(spelled, self._keys, n=1)
        return f"did you mean {close[0]}?" if close else "keys are the flags of --help without the dashes"

    def _refuse(self, line: int | None, message: str) -> NoReturn:
        place = self._path if line is None else f"{self._path}:{line + 1}"
        raise SettingError(printable(f"{place}: {message}"))
