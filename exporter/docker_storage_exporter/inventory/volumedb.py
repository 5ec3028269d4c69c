"""What an engine notes of volumes in `volumes/metadata.db`: driver and labels, those of plugins' volumes too.

The bucket `volumes` has a JSON document {Name, Driver, Labels, Options} for each name (Docker 20.10 to 29, moby:
daemon/volume/service/db.go). The daemon holds the file locked for as long as it runs, so it is read without a lock.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from typing import Any

from docker_storage_exporter.bolt import Bucket, BusyError, CorruptError, read

_BUCKET = b"volumes"
_Version = tuple[int, int, int]


class VolumeNotes:
    """Reads the database of one data root again and again: only when it changed.

    What cannot be read now is as it was read before, since labels hardly ever change; at first it is nothing.
    """

    def __init__(self) -> None:
        self._version: _Version | None = None
        self._notes: Mapping[str, Mapping[str, Any]] = {}

    def read(self, path: str) -> Mapping[str, Mapping[str, Any]]:
        """The documents by the volumes' names, of the data root at `path`. The same mapping while nothing changed."""
        try:
            descriptor = os.open(
                f"{path}/volumes/metadata.db", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            )
        except OSError:
            return self._notes
        try:
            self._read(descriptor)
        except (OSError, CorruptError, BusyError):
            return self._notes
        finally:
            os.close(descriptor)
        return self._notes

    def _read(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        version = status.st_ino, status.st_size, status.st_mtime_ns
        if not stat.S_ISREG(status.st_mode) or version == self._version:
            return
        self._notes = read(descriptor, _documents)
        self._version = version


def _documents(root: Bucket) -> dict[str, Mapping[str, Any]]:
    bucket = root.bucket(_BUCKET)
    documents: dict[str, Mapping[str, Any]] = {}
    for name, value in bucket.items() if bucket is not None else ():
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            documents[os.fsdecode(name)] = document
    return documents
