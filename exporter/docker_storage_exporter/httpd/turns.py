"""One at a time, and each client in its turn: who asks for much waits for itself."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

_NETWORK_BITS = 64  # of an IPv6 address; the rest of it is a client's to choose


class BusyError(Exception):
    """So many of a client's requests wait for their turn that this one has to come again."""


class Turns:
    """Lets one thread at a time do something; at most `each` of a client do it or wait. Safe for several threads.

    Clients take turns: one that waits alone is next but for one of every other client's, however many those have.
    """

    def __init__(self, each: int) -> None:
        self._each = each
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[object]] = OrderedDict()
        self._now: str | None = None  # whose turn it is

    @contextmanager
    def turn(self, address: str) -> Iterator[None]:
        """Wait for the turn of a client by its address, and have it. Raises BusyError where too many wait already."""
        client, ticket = _client(address), object()
        with self._changed:
            if len(self._waiting.get(client, ())) + (self._now == client) >= self._each:
                raise BusyError
            waiting = self._waiting.setdefault(client, deque())
            waiting.append(ticket)
            self._changed.wait_for(lambda: self._now is None and self._next() is ticket)
            self._now = client
            waiting.popleft()
            self._waiting.move_to_end(client)
            if not waiting:
                del self._waiting[client]
        try:
            yield
        finally:
            with self._changed:
                self._now = None
                self._changed.notify_all()

    def _next(self) -> object:
        return next(iter(self._waiting.values()))[0]


def _client(address: str) -> str:
    """Who stands behind an address: of IPv6 the network, within which a client has as many as it likes."""
    try:
        client = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(client, ipaddress.IPv4Address):
        return str(client)
    return str(client.ipv4_mapped or ipaddress.ip_network((client, _NETWORK_BITS), strict=False))
