"""The sockets that are listened on: bound here, all of them or none, or handed over by systemd."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, MutableMapping, Sequence
from contextlib import ExitStack

from docker_storage_exporter.errors import ListenError, SettingError
from docker_storage_exporter.httpd.address import Address

_BACKLOG = 1024  # a burst of connections waits here; beyond it the kernel makes each wait a second
_FIRST_HANDED_OVER = 3  # see sd_listen_fds(3)


def listen(addresses: Sequence[Address]) -> list[socket.socket]:
    """Sockets that listen on these addresses. Raises ListenError when one cannot be used; none is open then."""
    with ExitStack() as opened:
        listeners = [opened.enter_context(_bound(address, addresses)) for address in addresses]
        for each, address in zip(listeners, addresses, strict=True):
            try:
                each.listen(_BACKLOG)
            except OSError as error:  # another program bound the same port meanwhile and was faster
                raise _refusal(address, error) from error
        opened.pop_all()
    return listeners


def handed_over(
    environment: MutableMapping[str, str] = os.environ, first: int = _FIRST_HANDED_OVER
) -> list[socket.socket]:
    """The sockets that systemd passed to this process. Raises SettingError when there are none, or none of use."""
    is_ours = environment.pop("LISTEN_PID", "") == str(os.getpid())
    number = environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", "")
    if not is_ours or not number.isdecimal() or int(number) == 0:
        raise SettingError("--web.systemd-socket: no socket was passed; start this from a .socket unit of systemd")
    with ExitStack() as opened:
        listeners = [opened.enter_context(_handed_over(first + at)) for at in range(int(number))]
        opened.pop_all()
    return listeners


def url(listener: socket.socket, *, secure: bool) -> str:
    """Where the page is, with the port that was really given."""
    # Numbers, without a question to a resolver, and with the zone of an address that has one.
    host, port = socket.getnameinfo(listener.getsockname(), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    shown = "" if host == "::" and not listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) else host
    return f"{'https' if secure else 'http'}://{Address(shown, int(port))}"


def _bound(address: Address, all_addresses: Iterable[Address]) -> socket.socket:
    family, target = _family(address)
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not _takes_ipv4(address, all_addresses))
        # bind forgets the zone of a link-local address, as in fe80::1%eth0, unless it is given as a number.
        listener.bind(socket.getaddrinfo(*target, family)[0][4] if "%" in address.host else target)
        listener.setblocking(False)
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        raise _refusal(address, error) from error
    return listener


def _takes_ipv4(address: Address, all_addresses: Iterable[Address]) -> bool:
    """Whether a socket on IPv6 takes IPv4 along: one for every address does, unless another is there for IPv4."""
    others = (other for other in all_addresses if other.port == address.port and other.port)
    return address.host in ("", "::") and not any(other.host and ":" not in other.host for other in others)


def _handed_over(descriptor: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise SettingError(f"--web.systemd-socket: descriptor {descriptor}: {error.strerror}") from error
    is_tcp = listener.family in (socket.AF_INET, socket.AF_INET6) and listener.type == socket.SOCK_STREAM
    if not is_tcp or not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.close()
        raise SettingError(
            f"--web.systemd-socket: descriptor {descriptor} does not listen on TCP;"
            " the .socket unit needs ListenStream= with a port, and Accept=no"
        )
    listener.set_inheritable(False)
    listener.setblocking(False)
    return listener


def _refusal(address: Address, error: Exception) -> ListenError:
    reason = getattr(error, "strerror", None) or error
    return ListenError(f"cannot listen on {address}: {reason}; choose another --web.listen-address")


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
