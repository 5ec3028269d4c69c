"""A threaded WSGI server in which a client that sends nothing, or reads nothing, blocks only itself."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from docker_storage_exporter.httpd.connections import ConnectionLimit
from docker_storage_exporter.httpd.listening import url
from docker_storage_exporter.httpd.request import Request, secured
from docker_storage_exporter.httpd.security import WebSecurity, no_security
from docker_storage_exporter.threads import NamedThread

_log = logging.getLogger(__name__)
_EXHAUSTED_SECONDS = 0.1
_PARTING_SECONDS = 0.8  # an engine or systemd waits for the end, and a new instance for the address


class Server:
    """Serves a WSGI application on sockets that listen, each connection in a thread, TLS handshakes included.

    At most `limit` connections are open on all sockets together; for `grace` see ConnectionLimit. A client has
    `timeout` seconds to send its whole request, TLS handshake included, and as many to read the response; then it is
    dropped.
    `security` is called for each connection. The sockets are closed with the server.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        application: Callable[..., Any],
        *,
        security: Callable[[], WebSecurity] = no_security,
        limit: int = 64,
        timeout: float = 10.0,
        grace: float = 0.2,
    ) -> None:
        self._listeners = tuple(listeners)
        self._application = application
        self._security = security
        self._timeout = timeout
        self._connections = ConnectionLimit(limit, grace)
        self._woken, self._waker = socket.socketpair()
        self._ended = threading.Event()
        self._exhausted = False

    @property
    def urls(self) -> tuple[str, ...]:
        """Where the page is, on each of the sockets."""
        secure = self._security().context is not None
        return tuple(url(listener, secure=secure) for listener in self._listeners)

    def serve_forever(self) -> None:
        """Take connections until `shutdown`. Once."""
        try:
            with selectors.DefaultSelector() as selector:
                for each in (self._woken, *self._listeners):
                    selector.register(each, selectors.EVENT_READ)
                while True:
                    ready = [key.fileobj for key, _ in selector.select()]
                    if self._woken in ready:
                        self._woken.recv(1)
                        return
                    for listener in self._listeners:
                        if listener in ready:
                            self._accept(listener)
        finally:
            self._ended.set()

    def shutdown(self) -> None:
        """End `serve_forever`, which another thread runs or is about to; returns when it has ended.

        Who has asked gets the answer, within a few seconds. A process that ends while a password is hashed is aborted:
        bcrypt cannot be left in the middle (Python before 3.14).
        """
        if not self._ended.is_set():
            self._waker.send(b"x")
            self._ended.wait()
        self._connections.disperse(_PARTING_SECONDS)

    def close(self) -> None:
        """Close the sockets."""
        for each in (*self._listeners, self._woken, self._waker):
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, client = listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # it went away again
        except OSError as error:
            if not self._exhausted:
                _log.warning("cannot take connections for now: %s", error.strerror)
            self._exhausted = True
            time.sleep(_EXHAUSTED_SECONDS)  # out of descriptors or memory: others have to end first
            return
        self._exhausted = False
        if not self._connections.admit(connection):
            self._end(connection)
            return
        worker = NamedThread(target=self._serve, args=(connection, client), name="request", daemon=True)
        try:
            worker.start()
        except RuntimeError:
            _log.warning("cannot start a thread for a connection")
            self._end(connection)

    def _serve(self, raw: socket.socket, client: tuple[Any, ...]) -> None:
        deadline = time.monotonic() + self._timeout
        try:
            with secured(raw, self._security(), deadline) as connection:
                if connection is not None:
                    Request(
                        connection,
                        client,
                        self._application,
                        deadline,
                        self._timeout,
                        lambda: self._connections.asked(raw),
                    )
        except OSError:  # it went away, was too slow, or could not agree on TLS: not worth a line
            _log.debug("connection of %s failed", client[0], exc_info=True)
        except Exception:  # noqa: BLE001 - a defect costs this connection, and goes to our log
            _log.exception("connection of %s failed", client[0])
        finally:
            self._end(raw)

    def _end(self, connection: socket.socket) -> None:
        self._connections.leave(connection)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        connection.close()
