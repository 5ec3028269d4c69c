"""The file that carries what was measured across restarts."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, cast

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.files import replace_file, storage_root_of
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.measure import SOURCES, Measurable
from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.model.sizes import Lineage, Measurement, Size, Source

_log = logging.getLogger(__name__)
_VERSION = 2
_CHECKSUM = b', "sha256": "'
_LARGEST_FILE = 512 * 1024**2
_LARGEST_NUMBER = 2**64
_SIZE_FIELDS = tuple(entry.name for entry in fields(Size))


class StateFile:
    """Measurements in one file, which is the old one or the new one at any moment, never half of either.

    It belongs to one host: to the data root and the engine that it was written for. It is a convenience: whatever is
    wrong with it is logged in one line and costs only the time to measure again. Not for several threads.
    """

    def __init__(self, path: str, host: Host) -> None:
        self._path = path
        self._host = host
        self._trouble = ""

    def recall(self, inventory: Inventory) -> dict[Source, Measurement]:
        """What the file holds, if it is this host's. Raises SettingError when it lies where nothing is written."""
        if root := storage_root_of(self._path, inventory.roots, self._host):
            raise SettingError(
                f"--state.file: {self._path!r} lies in the {root}, where nothing is written: choose another place"
            )
        try:
            return dict(_decoded(_document(self._path), _binding(inventory)))
        except FileNotFoundError:  # the first start
            return {}
        except OSError as error:
            self._tell(f"cannot be read ({error.strerror}): everything is measured again")
        except _UnusableError as error:
            self._tell(f"{error}: it is ignored and everything is measured again")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._tell("is damaged or cut short: it is ignored and everything is measured again")
        return {}

    def keep(self, inventory: Inventory, measurements: Mapping[Source, Measurement]) -> bool:
        """Write all of them; whether that went well."""
        try:
            if root := storage_root_of(self._path, inventory.roots, self._host):
                self._tell(f"lies in the {root}: nothing is written there")
                return False
            replace_file(self._path, _encoded(_binding(inventory), measurements))
        except OSError as error:
            self._tell(f"cannot be written ({error.strerror}): a restart would measure everything again")
            return False
        if self._trouble:
            _log.info("state file %s is written", self._path)
            self._trouble = ""
        return True

    def _tell(self, trouble: str) -> None:
        """Say what is wrong, once as long as it stays the same."""
        if trouble != self._trouble:
            _log.error("state file %s %s", self._path, trouble)
        self._trouble = trouble


class _UnusableError(Exception):
    """A file that is in order and not for us."""


def _binding(inventory: Inventory) -> dict[str, str]:
    return {"data_root": inventory.root, "engine": inventory.engine.id}


def _document(path: str) -> Any:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo must not be waited for
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
            raise _UnusableError("is not a file of this program")
        text = file.read()
    document = json.loads(text)
    if document["version"] == _VERSION:  # before anything in it is believed
        content, _, checksum = text.rpartition(_CHECKSUM)
        if checksum != _ending(hashlib.sha256(content).hexdigest()):
            raise ValueError("a bit has changed")
    return document


def _encoded(binding: Mapping[str, str], measurements: Mapping[Source, Measurement]) -> Iterator[bytes]:
    """The file in parts, a line for each source, so that other threads get their turn in between."""
    digest = hashlib.sha256()
    for part in _content(binding, measurements):
        digest.update(part)
        yield part
    yield _CHECKSUM + _ending(digest.hexdigest())


def _ending(checksum: str) -> bytes:
    return f'{checksum}"}}\n'.encode()


def _content(binding: Mapping[str, str], measurements: Mapping[Source, Measurement]) -> Iterator[bytes]:
    """All that the checksum is of."""
    yield f'{{"version": {_VERSION}, "written": {time.time()}, "host": {json.dumps(binding)}, "sources": ['.encode()
    separator = "\n"
    for measurement in measurements.values():
        yield (separator + json.dumps(_row(measurement), separators=(",", ":"))).encode()
        separator = ",\n"
    yield b"\n]"


def _row(measurement: Measurement) -> dict[str, Any]:
    source, lineage = cast("Measurable", measurement.source), measurement.lineage
    size = {name: value for name in _SIZE_FIELDS if (value := getattr(measurement.size, name)) is not None}
    if size.get("changed", 0) < 0:  # before 1970, which no clock that was right can have written
        del size["changed"]
    return {
        "source": source.name,
        **source.kept(),
        "at": measurement.at,
        "size": size,
        "lineage": list(lineage),
    }


def _decoded(document: Any, binding: Mapping[str, str]) -> Iterator[tuple[Source, Measurement]]:
    """Everything in the file. Raises _UnusableError for one that is not ours, any error of Python for a damaged one."""
    version = _whole(document["version"])
    if version != _VERSION:
        raise _UnusableError(f"was written by {'a newer' if version > _VERSION else 'an older'} version")
    host = document["host"]
    engines = {_text(host["engine"]), binding["engine"]} - {""}  # unknown as long as the engine never answered
    if _text(host["data_root"]) != binding["data_root"] or len(engines) > 1:
        raise _UnusableError(f"belongs to another engine or data root ({host['data_root']!r})")
    for row in document["sources"]:
        source = SOURCES[_text(row["source"])].from_kept(row)
        device, inode, born, meaning, start = row["lineage"]
        numbers = _whole(device), _whole(inode), _whole(born)
        lineage = Lineage(*numbers, sys.intern(_text(meaning)), _real(start))
        yield source, Measurement(_size(row["size"]), _real(row["at"]), source, lineage)


def _size(values: Mapping[str, Any]) -> Size:
    numbers = {name: _whole(values[name]) for name in _SIZE_FIELDS if name in values and name != "changed"}
    return Size(**numbers, changed=_real(values["changed"]) if "changed" in values else None)


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST_NUMBER:
        raise ValueError(value)
    return value


def _real(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value < _LARGEST_NUMBER:
        raise ValueError(value)
    return float(value)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError(value)
    return value
