"""The terms on which connections are served: the web configuration that holds, read anew when a file of it changes."""

from __future__ import annotations

import logging
import os
import ssl
import threading
import time
from dataclasses import dataclass, field

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.httpd.config import WebConfig, read_web_config
from docker_storage_exporter.httpd.tls import server_context

_log = logging.getLogger(__name__)
_State = tuple[int, ...] | None  # of a file; None for one that cannot be looked at


@dataclass(frozen=True, slots=True)
class Terms:
    """A configuration with what was made of it: `context` is None where plain HTTP is spoken."""

    config: WebConfig = field(default_factory=WebConfig)
    context: ssl.SSLContext | None = None


_PLAIN = Terms()


def plain_terms() -> Terms:
    """The terms without a web configuration: anybody, unencrypted."""
    return _PLAIN


class CurrentTerms:
    """The terms of a file. Calling it gives those that hold now; it looks at the files, which takes microseconds.

    A file that cannot be used keeps the terms that hold and is told once, in the log. So does one by which TLS, client
    certificates or passwords would go away: a file that is half written must never open the door. `successful` says
    whether the last reading was good, `succeeded_at` when the last good one was. Safe for several threads.
    Raises SettingError at the start, when there is nothing to keep.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._files: tuple[str, ...] = (path,)
        self._seen = self._states()
        self._terms = self._read()
        self.successful, self.succeeded_at = True, time.time()

    def __call__(self) -> Terms:
        """The terms that hold."""
        # While one thread reads, the others go on with what they have.
        if self._states() != self._seen and self._lock.acquire(blocking=False):
            try:
                if self._states() != self._seen:  # nobody else was faster
                    self._renew()
            finally:
                self._lock.release()
        return self._terms

    def _renew(self) -> None:
        self._seen = self._states()  # before the files are read: what changes later is seen by the next look
        try:
            new = self._read()
        except SettingError as error:
            self._keep(str(error))
            return
        lost = [name for name in self._terms.config.protections if name not in new.config.protections]
        if lost:
            self._keep(f"{self._path}: is without {', '.join(lost)}, which takes a restart")
            return
        self._terms = new
        self.successful, self.succeeded_at = True, time.time()
        _log.info("the web configuration was read again")

    def _keep(self, trouble: str) -> None:
        self.successful = False
        _log.error("the web configuration stays as it was: %s", trouble)

    def _read(self) -> Terms:
        config = read_web_config(self._path)
        files = (self._path, *(config.tls.files if config.tls else ()))
        if files != self._files:
            self._files, self._seen = files, (self._seen[0], *map(_state, files[1:]))
        try:
            return Terms(config, server_context(config.tls) if config.tls else None)
        except SettingError as error:
            raise SettingError(f"{self._path}: tls_server_config: {error}") from error

    def _states(self) -> tuple[_State, ...]:
        return tuple(map(_state, self._files))


def _state(path: str) -> _State:
    """What changes when a file does, also when a symbolic link on the way to it is turned to another."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
