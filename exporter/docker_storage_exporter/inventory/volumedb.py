"""What an engine notes of volumes in `volumes/metadata.db`: driver and labels, those of plugins' volumes too.

The bucket `volumes` has a JSON document {Name, Driver, Labels, Options} for each name (Docker 20.10 to 29, moby:
daemon/volume/service/db.go). The daemon holds the file locked for as long as it runs, so it is read without a lock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from docker_storage_exporter.bolt import Bucket, BusyError, CorruptError, Reading, read_file
from docker_storage_exporter.inventory.documents import as_text, wanted_labels
from docker_storage_exporter.model.labels import USED_LABELS

_BUCKET = b"volumes"
_BAD_NOTE = (TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class VolumeNote:
    """What the engine noted of a volume: its driver, and those of its labels that are wanted."""

    driver: str
    labels: Mapping[str, str]


_NOTHING: Reading[Mapping[str, VolumeNote]] = Reading((0, 0), {})


class VolumeNotes:
    """Reads the database of one data root again and again: only when it has a new transaction.

    Of labels it keeps those that are named: a volume may have a megabyte of others. A database that cannot be read now
    is taken as it was read before, since labels never change; one that is not there holds nothing.
    """

    def __init__(self, labels: Collection[str] = USED_LABELS) -> None:
        self._labels = labels
        self._reading: Reading[Mapping[str, VolumeNote]] = _NOTHING

    def read(self, path: str) -> Mapping[str, VolumeNote]:
        """The notes by the volumes' names, of the data root at `path`. The same mapping while nothing changed."""
        try:
            self._reading = read_file(f"{path}/volumes/metadata.db", partial(_notes, self._labels), self._reading)
        except FileNotFoundError:
            self._reading = _NOTHING
        except (OSError, CorruptError, BusyError):
            pass
        return self._reading.content


def _notes(labels: Collection[str], root: Bucket) -> Mapping[str, VolumeNote]:
    bucket = root.bucket(_BUCKET)
    notes = {}
    for name, value in bucket.items() if bucket is not None else ():
        with suppress(*_BAD_NOTE):  # what no engine writes costs only itself
            document = json.loads(value)
            notes[os.fsdecode(name)] = VolumeNote(
                as_text(document.get("Driver")), wanted_labels(document.get("Labels"), labels)
            )
    return notes
