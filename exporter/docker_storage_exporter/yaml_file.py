"""A YAML file as nodes, so that an error names its line; nothing is guessed from YAML's own types."""

from __future__ import annotations

from typing import NoReturn

import yaml

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.model.text import one_line, printable

_LARGEST_FILE = 1024**2
_NULL = ("", "~", "null", "Null", "NULL")


class YamlFile:
    """One file. `flag` is what named it, `example` a line as it could stand in it: error messages show both."""

    def __init__(self, path: str, flag: str, example: str) -> None:
        self.path = path
        self._flag = flag
        self._example = example

    def root(self) -> yaml.MappingNode | None:
        """The mapping that the file holds, None for a file that says nothing. Raises SettingError."""
        text = self._content()
        try:
            root: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
        except yaml.reader.ReaderError as error:
            self.refuse(text.count("\n", 0, error.position), "is not YAML: a control character is in the line")
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line if error.problem_mark is not None else None
            self.refuse(line, f"is not YAML: {str(error.problem).removeprefix('but ')}")
        except RecursionError:
            self.refuse(None, "is not YAML: nested too deeply")
        # Nothing but comments, or a document's beginning, is a file without settings.
        if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
            return None
        if not isinstance(root, yaml.MappingNode):
            self.refuse(root.start_mark.line, f"has to hold lines of KEY: VALUE, such as {self._example}")
        return root

    def refuse(self, line: int | None, message: str) -> NoReturn:
        """Raise SettingError with the file, the line, counted from 0 as YAML's marks do, and the message."""
        place = self.path if line is None else f"{self.path}:{line + 1}"
        raise SettingError(one_line(printable(f"{place}: {message}")))

    def _content(self) -> str:
        try:
            with open(self.path, "rb") as file:
                content = file.read(_LARGEST_FILE + 1)
        except (OSError, ValueError) as error:
            self.refuse(None, f"{getattr(error, 'strerror', None) or error}; see --{self._flag}")
        if len(content) > _LARGEST_FILE:
            self.refuse(None, "is no configuration: it is larger than a mebibyte")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.refuse(content.count(b"\n", 0, error.start), "is not UTF-8")


def is_null(node: yaml.Node) -> bool:
    """Whether nothing is given where a value could be."""
    return isinstance(node, yaml.ScalarNode) and node.style is None and node.value in _NULL
