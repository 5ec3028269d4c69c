"""A fake engine on a unix socket: answers with documents, records every request, misbehaves on demand."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24", "Components": [{"Name": "Engine"}]}


class FakeEngine:
    """Serves `routes`, from path without version prefix to a document or a function of the handler.

    `requests` holds (method, path with version, query) of everything that was ever asked.
    """

    def __init__(self, folder: Path, data_root: str = "/nonexistent") -> None:
        self.path = folder / "fake.sock"
        self.host = f"unix://{self.path}"
        self.requests: list[tuple[str, str, str]] = []
        info = {"ID": "FAKE", "ServerVersion": "20.10.24", "Driver": "overlay2", "DockerRootDir": data_root}
        self.routes: dict[str, Any] = {
            "/version": dict(VERSION),
            "/info": info,
            "/volumes": {"Volumes": [], "Warnings": None},
            "/containers/json": [],
            "/events": b"",
        }
        self._server = _Server(str(self.path), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def add_container(self, document: dict[str, Any]) -> None:
        """List a container and answer its inspection."""
        names = [document["Name"]]
        self.routes["/containers/json"].append({"Id": document["Id"], "Names": names, "State": "running"})
        self.routes[f"/containers/{document['Id']}/json"] = document

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(1 for _, asked, _ in self.requests if re.sub(r"^/v[\d.]+", "", asked) == path)

    def close(self) -> None:
        """Stop answering; the socket disappears."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.path.unlink()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def _handler(engine: FakeEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self) -> str:
            return "client"

        def log_message(self, *_: Any) -> None:
            pass

        def _record(self) -> None:
            parts = urlsplit(self.path)
            engine.requests.append((self.command, parts.path, parts.query))
            answer = engine.routes.get(re.sub(r"^/v[\d.]+", "", parts.path))
            if isinstance(answer, Callable):
                answer(self)
            elif answer is None:
                self.reply(404, json.dumps({"message": "no such thing"}).encode())
            else:
                self.reply(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _record  # noqa: N815 - the base class asks for these names

    return Handler


def container_document(number: int, **changes: Any) -> dict[str, Any]:
    """What an engine answers to an inspection, as far as it is looked at."""
    identity = f"{number:064x}"
    document: dict[str, Any] = {
        "Id": identity,
        "Name": f"/c{number}",
        "Created": "2026-01-02T03:04:05.678901234Z",
        "Image": "sha256:" + "a" * 64,
        "Driver": "overlay2",
        "State": {"Status": "running", "Running": True, "Pid": 4242, "StartedAt": "2026-01-02T03:04:06Z"},
        "Config": {"Image": "busybox", "Labels": {}},
        "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}},
        "GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": f"/root/overlay2/{'b' * 64}/diff"}},
        "Mounts": [],
    }
    return document | changes
