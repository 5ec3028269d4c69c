"""The sockets: all or none, IPv4 and IPv6, and those that are handed over by systemd."""

import http.client
import ipaddress
import os
import select
import socket
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from docker_storage_exporter.errors import ListenError, SettingError
from docker_storage_exporter.httpd.address import Address
from docker_storage_exporter.httpd.listening import handed_over, listen, url
from httpd.conftest import place

LOOPBACK = Address("127.0.0.1", 0)


def healthy(host, port):
    """Ask for health."""
    with closing(http.client.HTTPConnection(host, port, timeout=20)) as client:
        client.request("GET", "/-/healthy")
        return client.getresponse().status


@pytest.fixture
def opened():
    """Sockets that are closed in the end."""
    with ExitStack() as stack:
        yield lambda *addresses: [stack.enter_context(each) for each in listen(addresses)]


def test_the_url_has_the_port_that_was_given(opened):
    (listener,) = opened(LOOPBACK)

    assert url(listener, secure=False) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert url(listener, secure=True) == f"https://127.0.0.1:{listener.getsockname()[1]}"


def test_a_taken_port_is_one_clear_line_and_leaves_no_other_open(opened):
    (taken,) = opened(LOOPBACK)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    port = taken.getsockname()[1]

    with pytest.raises(ListenError) as caught:
        listen([Address("127.0.0.1", free), Address("127.0.0.1", port), Address("::1", free)])

    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another --web.listen-address"
    )
    with socket.create_server(("127.0.0.1", free)):
        pass


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 300, "a..b", "fe80::1%nowhere"])
def test_an_address_that_is_not_ours_is_one_clear_line(host):
    with pytest.raises(ListenError, match="cannot listen on") as caught:
        listen([Address(host, 0)])

    assert "\n" not in str(caught.value)


def test_ipv6_is_served_where_it_is_asked_for(start, app):
    server = start(app, Address("::1", 0))

    assert server.urls[0] == f"http://[::1]:{place(server)[1]}"
    assert healthy(*place(server)) == 200


@pytest.mark.parametrize("host", ["", "::"])
def test_an_empty_host_takes_ipv4_and_ipv6(start, app, host):
    server = start(app, Address(host, 0))
    port = place(server)[1]

    assert server.urls[0] == f"http://0.0.0.0:{port}"
    assert [healthy("127.0.0.1", port), healthy("::1", port)] == [200, 200]


def test_every_address_is_served(start, app):
    server = start(app, LOOPBACK, Address("::1", 0), Address("127.0.0.2", 0))

    assert [healthy(*place(server, at)) for at in range(3)] == [200] * 3


def test_both_protocols_may_be_named_with_one_port(start, app):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    server = start(app, Address("0.0.0.0", port), Address("::", port))

    assert server.urls == (f"http://0.0.0.0:{port}", f"http://[::]:{port}")
    assert [healthy("127.0.0.1", port), healthy("::1", port)] == [200, 200]


def test_the_limit_of_connections_is_one_for_all_addresses(start, app):
    server = start(app, LOOPBACK, Address("127.0.0.2", 0), limit=2, timeout=60)
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(place(server, 0), timeout=20)) for _ in range(3)]

        assert healthy(*place(server, 1)) == 200
        closed = select.select(silent, [], [], 20)[0]
        assert closed
        assert closed[0].recv(1) == b""


def given(*descriptors, pid=None, number=None):
    """The environment in which so many descriptors are handed over."""
    number = len(descriptors) if number is None else number
    return {"LISTEN_PID": str(pid or os.getpid()), "LISTEN_FDS": str(number), "LISTEN_FDNAMES": "a:b"}


@pytest.fixture
def passed():
    """Put sockets at descriptors in a row, as systemd does; the first of them."""
    first, used = 200, []

    def passed(*sockets):
        for at, each in enumerate(sockets):
            used.append(os.dup2(each.fileno(), first + at))
        return first

    yield passed
    for descriptor in used:
        try:
            os.close(descriptor)
        except OSError:
            continue


def test_sockets_of_systemd_are_taken_once_and_not_passed_on(opened, passed):
    sockets = opened(LOOPBACK, Address("::1", 0))
    environment = given(*sockets)

    found = handed_over(environment, passed(*sockets))

    assert [each.getsockname() for each in found] == [each.getsockname() for each in sockets]
    assert not any(os.get_inheritable(each.fileno()) for each in found)
    assert environment == {}
    for each in found:
        each.close()


@pytest.mark.parametrize(
    "environment", [{}, given(pid=1, number=1), given(number=0), given(number="x"), {"LISTEN_FDS": "1"}]
)
def test_without_sockets_it_says_how_to_get_them(environment):
    with pytest.raises(SettingError, match=r"no socket was passed; start this from a \.socket unit of systemd"):
        handed_over(dict(environment))


def test_a_socket_of_another_kind_is_refused_and_none_stays_open(opened, passed, tmp_path):
    with socket.socket(socket.AF_UNIX) as unix, socket.socket() as idle, socket.socket(type=socket.SOCK_DGRAM) as udp:
        unix.bind(str(tmp_path / "socket"))
        unix.listen()
        for wrong in (unix, idle, udp):
            first = passed(*opened(LOOPBACK), wrong)
            with pytest.raises(SettingError, match=f"descriptor {first + 1} does not listen on TCP"):
                handed_over(given(1, 2), first)
            for descriptor in (first, first + 1):
                with pytest.raises(OSError, match="Bad file descriptor"):
                    os.fstat(descriptor)


def test_a_descriptor_that_is_none_is_told():
    with pytest.raises(SettingError, match="descriptor 999: Bad file descriptor"):
        handed_over(given(number=1), 999)


def test_a_link_local_address_is_listened_on_with_its_zone(start, app):
    lines = [line.split() for line in Path("/proc/net/if_inet6").read_text().splitlines()]
    found = [f"{ipaddress.ip_address(int(line[0], 16))}%{line[5]}" for line in lines if line[3] == "20"]
    if not found:
        pytest.skip("needs a link-local address")

    server = start(app, Address(found[0], 0))

    assert server.urls[0].startswith(f"http://[{found[0]}]:")
    assert healthy(found[0], server._listeners[0].getsockname()[1]) == 200
