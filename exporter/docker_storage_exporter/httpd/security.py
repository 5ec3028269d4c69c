"""How connections are secured: the web configuration in force, read again whenever one of its files changes."""

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
class WebSecurity:
    """A web configuration and the TLS context made from it; `context` is None for plain HTTP."""

    config: WebConfig = field(default_factory=WebConfig)
    context: ssl.SSLContext | None = None


_PLAIN = WebSecurity()


def no_security() -> WebSecurity:
    """Plain HTTP without a password: there is no web configuration."""
    return _PLAIN


class CurrentWebSecurity:
    """The security that a file asks for. Calling it returns the one in force; checking the files takes microseconds.

    An unusable file changes nothing and is logged once. The same goes for a file that would remove TLS, client
    certificates or passwords: a half-written file must never open the door. `successful` says whether the last reload
    succeeded, `succeeded_at` when the last successful one was. Safe for several threads.
    Raises SettingError at the start, when there is nothing to fall back on.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._files: tuple[str, ...] = (path,)
        self._seen = self._states()
        self._security = self._read()
        self.successful, self.succeeded_at = True, time.time()

    def __call__(self) -> WebSecurity:
        """The security in force."""
        # While one thread reloads, the others use what is there.
        if self._states() != self._seen and self._lock.acquire(blocking=False):
            try:
                if self._states() != self._seen:  # no other thread was faster
                    self._renew()
            finally:
                self._lock.release()
        return self._security

    def _renew(self) -> None:
        self._seen = self._states()  # before the files are read: a later change is seen next time
        try:
            new = self._read()
        except SettingError as error:
            self._keep(str(error))
            return
        lost = [name for name in self._security.config.protections if name not in new.config.protections]
        if lost:
            self._keep(f"{self._path}: is without {', '.join(lost)}, which takes a restart")
            return
        self._security = new
        self.successful, self.succeeded_at = True, time.time()
        _log.info("the web configuration was read again")

    def _keep(self, trouble: str) -> None:
        self.successful = False
        _log.error("the web configuration stays as it was: %s", trouble)

    def _read(self) -> WebSecurity:
        config = read_web_config(self._path)
        files = (self._path, *(config.tls.files if config.tls else ()))
        if files != self._files:
            self._files, self._seen = files, (self._seen[0], *map(_state, files[1:]))
        try:
            return WebSecurity(config, server_context(config.tls) if config.tls else None)
        except SettingError as error:
            raise SettingError(f"{self._path}: tls_server_config: {error}") from error

    def _states(self) -> tuple[_State, ...]:
        return tuple(map(_state, self._files))


def _state(path: str) -> _State:
    """What changes when a file changes, or when a symbolic link on its path points elsewhere."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
