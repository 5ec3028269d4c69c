"""Where an exporter with these settings is reached from this host."""

from __future__ import annotations

import socket

from docker_storage_exporter.httpd.address import Address
from docker_storage_exporter.settings import Settings

TIMEOUT_SECONDS = 5.0
"""How long an exporter may take to be connected to, and to begin an answer."""

_EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound


def exporter_address(settings: Settings) -> Address:
    """Where an exporter with these settings is reached from this host: the first address that it listens on."""
    address = settings.web_listen_address[0]
    return Address(_EVERY_ADDRESS.get(address.host, address.host), address.port)


def plain_connection(settings: Settings) -> socket.socket:
    """A connection to that address, unencrypted. No proxy is asked. Raises OSError."""
    address = exporter_address(settings)
    return socket.create_connection((address.host, address.port), TIMEOUT_SECONDS)
