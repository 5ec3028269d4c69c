"""One request to an exporter, and its answer. HTTP/1.0, so an answer ends where the connection does.

http.client takes longer to load than an exporter to answer, and a health check runs for as long as a host does.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

_CHUNK = 1024 * 1024
_LARGEST_HEAD, _LARGEST_BODY = 64 * 1024, 1024**3
_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; the names of `headers` are in lower case. `body` is empty where only the head was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    connection: socket.socket,
    path: str,
    headers: Mapping[str, str] = _NO_HEADERS,
    *,
    timeout: float,
    head_only: bool = False,
) -> Answer:
    """GET a path over a connection to a server, in `timeout` seconds altogether: any program may listen on a port.

    Raises OSError, and ValueError for what is no HTTP, is cut short, or is larger than any listing.
    """
    deadline = time.monotonic() + timeout
    lines = [f"GET {path} HTTP/1.0", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _LARGEST_HEAD and (part := _part(connection, deadline)):
        received += part
    head, end, body = received.partition(b"\r\n\r\n")
    status, answered = _parsed(head)
    if not end:
        raise ValueError("the answer ends in its headers")
    if head_only:
        return Answer(status, answered, b"")
    return Answer(status, answered, _body(connection, body, answered.get("content-length"), deadline))


def _body(connection: socket.socket, begun: bytes, length: str | None, deadline: float) -> bytes:
    """The body, of which so much has come with the head already. Raises like `exchange`."""
    expected = int(length) if length is not None else _LARGEST_BODY + 1
    parts, size = [begun], len(begun)
    while size < expected and size <= _LARGEST_BODY and (part := _part(connection, deadline)):
        parts.append(part)
        size += len(part)
    if size > _LARGEST_BODY:
        raise ValueError("the answer is larger than any listing")
    if length is not None and size < expected:
        raise ValueError("the answer is cut short")
    return b"".join(parts)


def _part(connection: socket.socket, deadline: float) -> bytes:
    """What comes next; empty at the end. Raises TimeoutError once the deadline has passed."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError("timed out")
    connection.settimeout(remaining)
    return connection.recv(_CHUNK)


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    """The status and the headers. Raises ValueError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"no HTTP: {first[:80]!r}")
    fields = (line.partition(":") for line in lines)
    return int(rest[:3]), {name.lower(): value.strip() for name, _, value in fields}
