"""An exchange ends, whatever program listens at the port: nothing that it sends is waited for without end."""

import socket
import threading
import time
from contextlib import suppress

import pytest

from docker_storage_exporter.client import exchange as module
from docker_storage_exporter.client.exchange import exchange

HEAD = b"HTTP/1.0 200 OK\r\nServer: docker-storage-exporter\r\n"


@pytest.fixture
def served():
    """A connection to a server that sends these parts, one every hundredth of a second, and then closes or not."""
    ended = threading.Event()
    sockets = []

    def served(parts, *, closes=True):
        ours, theirs = socket.socketpair()
        sockets.extend((ours, theirs))

        def serve():
            with suppress(OSError):
                for part in parts:
                    theirs.sendall(part)
                    if ended.wait(0.01):
                        return
                if closes:
                    theirs.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=serve, daemon=True).start()
        return ours

    yield served
    ended.set()
    for one in sockets:
        one.close()


def endless(part):
    while True:
        yield part


def test_a_body_ends_with_the_connection_or_at_its_length(served):
    whole = exchange(served([HEAD, b"\r\nab", b"cd"]), "/", timeout=20)
    kept_open = exchange(served([HEAD + b"Content-Length: 4\r\n\r\nabcd"], closes=False), "/", timeout=20)

    assert (whole.status, whole.body, kept_open.body) == (200, b"abcd", b"abcd")
    assert whole.headers["server"] == "docker-storage-exporter"


@pytest.mark.parametrize("parts", [[b"x"], [HEAD], [HEAD, b"Content-Length: 9\r\n\r\nabcd"], [b"220 smtp\r\n\r\n"]])
def test_what_is_no_answer_or_is_cut_short_is_refused(served, parts):
    with pytest.raises(ValueError, match=r"no HTTP|ends in its headers|cut short"):
        exchange(served(parts), "/", timeout=20)


def test_a_server_that_drips_for_ever_is_given_up(served):
    begun = time.monotonic()

    with pytest.raises(TimeoutError):
        exchange(served(endless(b"x")), "/", timeout=0.3)
    with pytest.raises(TimeoutError):
        exchange(served([HEAD + b"\r\n", *[b"x"] * 10_000]), "/", timeout=0.3)
    assert time.monotonic() - begun < 20


def test_a_head_is_enough_for_who_asks_for_no_more(served):
    answer = exchange(served([HEAD + b"\r\n", *[b"x"] * 10_000]), "/", timeout=20, head_only=True)

    assert (answer.status, answer.body) == (200, b"")


def test_a_body_without_end_is_not_kept(served, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST_BODY", 1000)

    with pytest.raises(ValueError, match="larger than any listing"):
        exchange(served([HEAD + b"\r\n", *[b"x" * 600] * 5], closes=False), "/", timeout=20)
