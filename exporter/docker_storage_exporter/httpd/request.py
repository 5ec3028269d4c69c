"""One connection: TLS where it is wanted, then one request within a time limit, and its answer."""

from __future__ import annotations

import http.client
import io
import logging
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler

from docker_storage_exporter.httpd import PRODUCT
from docker_storage_exporter.httpd.security import WebSecurity
from docker_storage_exporter.httpd.tls import subject_names

_log = logging.getLogger(__name__)
_LARGEST_HEAD = 65536
_PART = 16384
_HEAD_ENDS = re.compile(rb"\n\r?\n")
_HANDSHAKE = b"\x16"  # what every TLS connection begins with, and no HTTP request
_DRAIN_SECONDS, _DRAIN_BYTES = 1.0, 4 * 1024**2


class _Answer(ServerHandler):
    """Runs the application for one request."""

    server_software = PRODUCT

    def finish_content(self) -> None:
        """All of the answer was made."""
        super().finish_content()
        self.stdout.end()  # type: ignore[attr-defined]  # the _DeadlineWriter that it was given

    def log_exception(self, exc_info: Any) -> None:
        """A client that stops reading is not logged; anything else is a defect, but only of this request."""
        level = logging.DEBUG if isinstance(exc_info[1], (TimeoutError, ssl.SSLError)) else logging.ERROR
        _log.log(level, "request failed", exc_info=exc_info)


class _DeadlineWriter:
    """Sends a response before a deadline: small parts are joined, large ones are sent without a copy.

    A part that is not joined is in memory once for all clients, however slowly they read.
    """

    def __init__(self, connection: socket.socket, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._deadline: float | None = None
        self._kept = bytearray()

    def write(self, part: bytes) -> None:
        """Take a part. Raises OSError when the client does not take it, or what came before it, in time."""
        if len(self._kept) + len(part) > _PART:
            self.end()
        if len(part) > _PART:
            self._send(part)
        else:
            self._kept += part

    def flush(self) -> None:
        """Asked for after each part; small ones wait for the next."""

    def end(self) -> None:
        """Send what is kept. Raises OSError as `write` does."""
        kept, self._kept = bytes(self._kept), bytearray()
        if kept:
            self._send(kept)

    def _send(self, part: bytes) -> None:
        if self._deadline is None:
            self._deadline = time.monotonic() + self._timeout
        self._connection.settimeout(_remaining(self._deadline))
        self._connection.sendall(part)


class _Headers(http.client.HTTPMessage):
    """A request's headers. No body is ever read, so what type one claims to have is not taken apart.

    `email` does that before anybody was asked for a password, and 64 KiB of semicolons keep it busy for seconds.
    """

    def get_content_type(self) -> str:
        """The plainest, whatever the header says."""
        return "text/plain"


class Request(WSGIRequestHandler):
    """Reads one request from a connection and responds to it; anything else gets an error.

    The whole request has to arrive before `deadline`; otherwise the connection is dropped without a response. Sending
    the response may take `timeout` seconds.
    """

    server_version, sys_version = PRODUCT, ""
    MessageClass = _Headers

    def __init__(
        self,
        connection: socket.socket,
        client: tuple[Any, ...],
        application: Callable[..., Any],
        deadline: float,
        timeout: float,
        asked: Callable[[], None],
    ) -> None:
        self._application = application
        self._deadline = deadline
        self._timeout = timeout
        self._asked = asked
        super().__init__(connection, client, None)  # type: ignore[arg-type]  # what a server knows is given above

    def handle(self) -> None:
        """Read and answer."""
        head = _head(self.connection, self._deadline)
        self.connection.settimeout(self._timeout)
        self.rfile.close()
        self.rfile = io.BytesIO(head)
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline:
            return
        self._asked()
        if len(head) > _LARGEST_HEAD:
            self.requestline = self.request_version = self.command = ""
            self.send_error(431 if b"\n" in head else 414)
            _drain(self.connection)
        elif self.parse_request():
            body = _DeadlineWriter(self.connection, self._timeout)
            answer = _Answer(self.rfile, body, sys.stderr, self.get_environ())  # type: ignore[arg-type]
            answer.request_handler = self  # type: ignore[attr-defined]
            answer.run(self._application)

    def get_environ(self) -> dict[str, Any]:
        """The request's environment, without the names that a resolver would have to be asked for."""
        host, port = self.connection.getsockname()[:2]
        self.server = _Place(str(host), port)  # type: ignore[assignment]  # what is read of a server
        if self.request_version == "HTTP/0.9":
            self.headers = _Headers()  # Python 3.14's parser leaves a dict, which get_environ of the base class refuses
        environ = super().get_environ()
        return environ | {"HTTPS": "on"} if isinstance(self.connection, ssl.SSLSocket) else environ

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests go to the debug log only."""
        _log.debug("%s %s", self.address_string(), format % args)

    def address_string(self) -> str:
        """The client's address; never its name, which would be asked of a resolver."""
        return str(self.client_address[0])


class _Place:
    """Where a request came in."""

    def __init__(self, host: str, port: int) -> None:
        self.base_environ = {
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "GATEWAY_INTERFACE": "CGI/1.1",
            "REMOTE_HOST": "",
            "CONTENT_LENGTH": "",
            "SCRIPT_NAME": "",
        }


@contextmanager
def secured(raw: socket.socket, security: WebSecurity, deadline: float) -> Iterator[socket.socket | None]:
    """The connection to use, with TLS if `security` has it. None when the client is refused or cannot speak it.

    `raw` stays open and is the caller's. Raises OSError when the client does not get on with it in time.
    """
    raw.settimeout(_remaining(deadline))
    first = raw.recv(1, socket.MSG_PEEK)
    if (first == _HANDSHAKE) != (security.context is not None):
        if first:
            _refuse(raw, "https" if security.context else "http")
        yield None
    elif security.context is None:
        yield raw
    else:
        raw.settimeout(_remaining(deadline))
        # What is wrapped is taken over; the original has to stay usable from other threads.
        with raw.dup() as copy, _wrapped(copy, security.context) as connection:
            _shake_hands(connection, raw)
            yield connection if _is_allowed(connection, security) else None
            connection.settimeout(0)
            with suppress(OSError, ValueError):
                connection.unwrap()  # says goodbye; does not wait for the other side to say it


def _wrapped(raw: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)


def _shake_hands(connection: ssl.SSLSocket, raw: socket.socket) -> None:
    try:
        connection.do_handshake()
    except ssl.SSLError:
        _drain(raw)  # the client's request may be on the way already
        raise


def _is_allowed(connection: ssl.SSLSocket, security: WebSecurity) -> bool:
    allowed = security.config.tls.client_allowed_sans if security.config.tls else None
    if allowed is None:
        return True
    names = subject_names(connection.getpeercert() or {})
    if names.isdisjoint(allowed):
        _log.debug("client certificate for %s is not in client_allowed_sans", ", ".join(sorted(names)) or "nobody")
        return False
    return True


def _refuse(raw: socket.socket, scheme: str) -> None:
    """Say which of the two is spoken here."""
    raw.recv(_LARGEST_HEAD)
    text = f"this port speaks {scheme}: ask {scheme}://\n"
    head = f"HTTP/1.0 400 Bad Request\r\nServer: {PRODUCT}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}"
    raw.sendall(f"{head}\r\n\r\n{text}".encode())


def _head(connection: socket.socket, deadline: float) -> bytes:
    """What came up to the empty line, or the end, and a little beyond; more than _LARGEST_HEAD if there is no end."""
    received = bytearray()
    while len(received) <= _LARGEST_HEAD:
        connection.settimeout(_remaining(deadline))
        part = connection.recv(_PART)
        seen = max(len(received) - 2, 0)
        received += part
        if not part or _HEAD_ENDS.search(received, seen):
            break
    return bytes(received)


def _drain(connection: socket.socket) -> None:
    """End our side and read on for a moment: to close while a client still writes would take the answer from it."""
    ends, left = time.monotonic() + _DRAIN_SECONDS, _DRAIN_BYTES
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while left > 0:
            connection.settimeout(_remaining(ends))
            part = connection.recv(_PART)
            if not part:
                break
            left -= len(part)


def _remaining(deadline: float) -> float:
    """Seconds until then. Raises TimeoutError when there are none."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
