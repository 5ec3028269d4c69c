"""What stands before the application: the limit of requests, passwords, and headers, as the web configuration says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from docker_storage_exporter.httpd import PRODUCT
from docker_storage_exporter.httpd.config import RateLimit
from docker_storage_exporter.httpd.passwords import Passwords
from docker_storage_exporter.httpd.security import WebSecurity
from docker_storage_exporter.httpd.turns import BusyError

_Environ = dict[str, Any]
_Application = Callable[[_Environ, Callable[..., Any]], Iterable[bytes]]

_CHALLENGE = ("WWW-Authenticate", f'Basic realm="{PRODUCT}", charset="UTF-8"')


class Bucket:
    """A bucket of tokens, one for each request: full at first, and one more every so often."""

    def __init__(self, limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._tokens = float(limit.burst)
        self._at = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether there was one."""
        if not self.limit.interval:
            return True
        with self._lock:
            now = self._clock()
            self._tokens = min(self.limit.burst, self._tokens + (now - self._at) / self.limit.interval)
            self._at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


def guarded(application: _Application, security: Callable[[], WebSecurity]) -> _Application:
    """The application, only reachable by clients that passed authentication; it sees no request of any other."""
    passwords = Passwords()
    bucket = Bucket(security().config.rate_limit)

    def serve(environ: _Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        nonlocal bucket
        config = security().config

        def start(status: str, headers: list[tuple[str, str]], *trouble: Any) -> Any:
            return start_response(status, [*headers, *config.headers], *trouble)

        if bucket.limit != config.rate_limit:
            bucket = Bucket(config.rate_limit)
        if not bucket.take():
            return _refuse(environ, start, "429 Too Many Requests")
        try:
            given, address = environ.get("HTTP_AUTHORIZATION", ""), environ.get("REMOTE_ADDR", "")
            if config.users and not passwords.admit(config.users, given, address):
                return _refuse(environ, start, "401 Unauthorized", _CHALLENGE)
        except BusyError:
            return _refuse(environ, start, "429 Too Many Requests")
        return application(environ, start)

    return serve


def _refuse(environ: _Environ, start: Callable[..., Any], status: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    body = f"{status[4:]}\n".encode()
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))), *headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
