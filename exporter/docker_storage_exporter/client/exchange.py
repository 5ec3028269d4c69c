"""One request to an exporter, and its answer. HTTP/1.0, so an answer ends where the connection does.

http.client takes longer to load than an exporter to answer, and a health check is asked for as long as a host runs.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

_CHUNK = 1024 * 1024
_LONGEST_HEAD = 64 * 1024
_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(connection: socket.socket, path: str, headers: Mapping[str, str] = _NO_HEADERS) -> Answer:
    """GET a path over a connection to a server. Raises OSError, and ValueError for what is no HTTP or is cut short."""
    lines = [f"GET {path} HTTP/1.0", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _LONGEST_HEAD and (more := connection.recv(_CHUNK)):
        received += more
    head, end, body = received.partition(b"\r\n\r\n")
    status, answered = _parsed(head)
    if not end:
        raise ValueError("the answer ends in its headers")
    parts = [body]
    while more := connection.recv(_CHUNK):
        parts.append(more)
    body = b"".join(parts)
    if len(body) < int(answered.get("content-length", "0")):
        raise ValueError("the answer is cut short")
    return Answer(status, answered, body)


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    """The status and the headers. Raises ValueError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"no HTTP: {first[:80]!r}")
    fields = (line.partition(":") for line in lines)
    return int(rest[:3]), {name.lower(): value.strip() for name, _, value in fields}
