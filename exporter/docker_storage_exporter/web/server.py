"""A threaded WSGI server in which a client that says nothing, or reads nothing, holds up nobody but itself."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from docker_storage_exporter.errors import ListenError
from docker_storage_exporter.settings import Address

_log = logging.getLogger(__name__)
_BACKLOG = 1024  # a burst of connections waits here; beyond it the kernel makes each wait a second
_LONGEST_LINE = 65536
_PRODUCT = "docker-storage-exporter"


class _Answer(ServerHandler):
    """Runs the application for one request."""

    server_software = _PRODUCT

    def log_exception(self, exc_info: Any) -> None:
        """A client that does not read is no news; anything else is a defect, but only of this request."""
        level = logging.DEBUG if isinstance(exc_info[1], TimeoutError) else logging.ERROR
        _log.log(level, "request failed", exc_info=exc_info)


class _Handler(WSGIRequestHandler):
    """One request. The socket's time-out ends every single wait; the connection is then dropped without a word."""

    server_version, sys_version = _PRODUCT, ""
    server: Server

    def setup(self) -> None:
        """Make every wait end."""
        super().setup()
        self.connection.settimeout(self.server.patience)

    def handle(self) -> None:
        """Read the request and answer it; what is no request gets an error."""
        self.raw_requestline = self.rfile.readline(_LONGEST_LINE + 1)
        if len(self.raw_requestline) > _LONGEST_LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
        elif self.parse_request():
            answer = _Answer(self.rfile, self.wfile, sys.stderr, self.get_environ())  # type: ignore[arg-type]
            answer.request_handler = self  # type: ignore[attr-defined]
            answer.run(self.server.get_app())  # type: ignore[arg-type]

    def get_environ(self) -> dict[str, Any]:
        """The request's environment: from here on the client has said what it wants."""
        self.server.asked(self.connection)
        return super().get_environ()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests go to the debug log only."""
        _log.debug("%s %s", self.address_string(), format % args)

    def address_string(self) -> str:
        """The client's address; never its name, which would be asked of a resolver."""
        return str(self.client_address[0])


class Server(ThreadingMixIn, WSGIServer):
    """Serves a WSGI application on one address, each connection in a thread.

    With `most` connections open the oldest one is closed for the sake of the new one, those first that have not yet
    asked for anything: whoever sends a request is served, however many others stay silent. A client that keeps the
    server waiting for more than `patience` seconds is dropped. Raises ListenError when the address cannot be used.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = _BACKLOG
    allow_reuse_address = True

    def __init__(
        self, address: Address, application: Callable[..., Any], most: int = 64, patience: float = 10.0
    ) -> None:
        self.patience = patience
        self._most = most
        self._silent: OrderedDict[int, socket.socket] = OrderedDict()
        self._asking: OrderedDict[int, socket.socket] = OrderedDict()
        self._lock = threading.Lock()
        self.address_family, target = _family(address)
        try:
            super().__init__(target, _Handler)
        except (OSError, OverflowError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ListenError(f"cannot listen on {address}: {reason}; choose another --web.listen-address") from error
        self.set_app(application)

    @property
    def url(self) -> str:
        """Where the page is, with the port that was really given."""
        host, port = self.server_address[:2]
        shown = "0.0.0.0" if host == "::" and self.address_family == socket.AF_INET6 else str(host)  # noqa: S104
        return f"http://{Address(shown, int(port))}"

    def server_bind(self) -> None:
        """Bind without asking a resolver for the host's name; an empty host takes IPv4 along with IPv6."""
        if self.address_family == socket.AF_INET6 and self.server_address[0] == "::":
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, closing the oldest one if there are too many."""
        oldest = None
        with self._lock:
            if len(self._silent) + len(self._asking) >= self._most:
                oldest = (self._silent or self._asking).popitem(last=False)[1]
            self._silent[id(request)] = request
        if oldest is not None:
            _shut(oldest)
        super().process_request(request, client_address)

    def asked(self, request: Any) -> None:
        """A connection has sent its request."""
        with self._lock:
            if self._silent.pop(id(request), None) is not None:
                self._asking[id(request)] = request

    def shutdown_request(self, request: Any) -> None:
        """A connection ends."""
        with self._lock:
            self._silent.pop(id(request), None)
            self._asking.pop(id(request), None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """A client that went away is no news; anything else is a defect, but only of this request."""
        _log.debug("request of %s failed", client_address, exc_info=True)


def _family(address: Address) -> tuple[socket.AddressFamily, tuple[str, int]]:
    if address.host:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return family, (address.host, address.port)
    return (socket.AF_INET6, ("::", address.port)) if _has_ipv6() else (socket.AF_INET, ("", address.port))


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
