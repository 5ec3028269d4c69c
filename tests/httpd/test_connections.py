"""The limit on connections: which one is closed for a new one, and when."""

import socket
import threading
import time

import pytest

from docker_storage_exporter.httpd.connections import ConnectionLimit


@pytest.fixture
def pairs():
    """Connections with their other ends."""
    made = [socket.socketpair() for _ in range(4)]
    yield made
    for pair in made:
        for end in pair:
            end.close()


def is_closed(pair):
    """Whether our end of a connection was shut."""
    pair[1].setblocking(False)
    try:
        return pair[1].recv(1) == b""
    except BlockingIOError:
        return False


def test_the_oldest_silent_one_goes_before_the_oldest_that_asked(pairs):
    connections = ConnectionLimit(2, grace=0)
    connections.admit(pairs[0][0])
    connections.asked(pairs[0][0])
    connections.admit(pairs[1][0])

    connections.admit(pairs[2][0])
    assert [is_closed(pair) for pair in pairs] == [False, True, False, False]
    connections.asked(pairs[2][0])
    connections.admit(pairs[3][0])

    assert [is_closed(pair) for pair in pairs] == [True, True, False, False]


def test_who_was_closed_and_is_at_work_still_is_borne_up_to_a_number(pairs):
    connections = ConnectionLimit(1, grace=0)
    connections.admit(pairs[0][0])
    connections.asked(pairs[0][0])
    assert connections.admit(pairs[1][0])

    assert not connections.admit(pairs[2][0])
    assert not is_closed(pairs[1])
    connections.leave(pairs[0][0])
    assert connections.admit(pairs[2][0])


def test_in_the_end_the_silent_are_closed_and_the_others_waited_for(pairs):
    connections = ConnectionLimit(4, grace=60)
    for pair in pairs[:2]:
        connections.admit(pair[0])
    connections.asked(pairs[0][0])
    for pair in pairs[:2]:
        threading.Timer(0.05, connections.leave, [pair[0]]).start()
    began = time.monotonic()

    connections.disperse(60)

    assert time.monotonic() - began < 50
    assert [is_closed(pair) for pair in pairs[:2]] == [False, True]


def test_nobody_goes_in_the_first_moments(pairs):
    connections = ConnectionLimit(1, grace=0.3)
    began = time.monotonic()
    connections.admit(pairs[0][0])

    connections.admit(pairs[1][0])

    assert time.monotonic() - began >= 0.3
    assert is_closed(pairs[0])


def test_a_place_that_becomes_free_is_taken_at_once_and_nobody_goes(pairs):
    connections = ConnectionLimit(2, grace=60)
    for pair in pairs[:2]:
        connections.admit(pair[0])
    threading.Timer(0.05, connections.leave, [pairs[1][0]]).start()

    connections.admit(pairs[2][0])

    assert not any(map(is_closed, pairs))
