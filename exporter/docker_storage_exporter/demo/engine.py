"""An engine for a made-up data root: answers what the exporter asks, and nothing else, at a port of 127.0.0.1.

Its documents have the shapes of Docker 27's API 1.47, with the fields that the exporter reads.
"""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from docker_storage_exporter.demo.data_root import Demo
from docker_storage_exporter.threads import NamedThread

_VERSION = {"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Version": "27.5.1", "Components": [{"Name": "Engine"}]}
_LARGEST_WAIT_SECONDS = 3600.0
_WITH_VERSION = re.compile(r"/v1\.\d+")


class DemoEngine:
    """Listens until `close`. `host` is its address, as DOCKER_HOST spells it."""

    def __init__(self, demo: Demo) -> None:
        self._server = _Server(demo)
        self.host = f"tcp://127.0.0.1:{self._server.server_address[1]}"
        NamedThread(target=self._server.serve_forever, args=(0.1,), name="demo engine", daemon=True).start()

    def close(self) -> None:
        """End listening, and every event stream."""
        self._server.ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, demo: Demo) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.demo = demo
        self.ended = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer a request, or 404."""
        path = _WITH_VERSION.sub("", self.path.partition("?")[0], count=1)
        if path == "/events":
            self._stream()
            return
        demo = self.server.demo
        answers: dict[str, Callable[[], Any]] = {
            "/version": lambda: _VERSION,
            "/info": demo.info,
            "/volumes": demo.volumes,
            "/containers/json": demo.containers,
        }
        match = re.fullmatch(r"/containers/([0-9a-f]{64})/json", path)
        document = demo.inspect(match[1]) if match else answers.get(path, lambda: None)()
        status = HTTPStatus.NOT_FOUND if document is None else HTTPStatus.OK
        body = json.dumps({"message": "not found"} if document is None else document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        """Events: none ever comes."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.flush()
        self.server.ended.wait(_LARGEST_WAIT_SECONDS)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing: the demo's terminal belongs to the exporter's log."""
