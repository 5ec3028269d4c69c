"""Turns: one at a time, and nobody waits for all of somebody else's."""

import threading
import time

import pytest

from docker_storage_exporter.httpd.turns import BusyError, Turns

MANY, ALONE = "192.0.2.1", "192.0.2.2"


class Queue:
    """Threads that wait for their turn, and the order in which they had it."""

    def __init__(self, each=8):
        self.turns = Turns(each)
        self.order = []
        self._threads = []

    def wait(self, address):
        """Ask for a turn in a thread; returns once it waits, or was refused."""
        before = self._waiting()
        thread = threading.Thread(target=self._have, args=[address])
        self._threads.append(thread)
        thread.start()
        while self._waiting() == before and thread.is_alive():
            time.sleep(0.001)

    def join(self):
        for thread in self._threads:
            thread.join(10)

    def _have(self, address):
        try:
            with self.turns.turn(address):
                self.order.append(address)
        except BusyError:
            self.order.append(f"busy {address}")

    def _waiting(self):
        return sum(map(len, self.turns._waiting.values()))


def test_one_of_a_client_that_waits_alone_is_next_however_many_another_one_has():
    queue = Queue()
    with queue.turns.turn(MANY):
        for _ in range(6):
            queue.wait(MANY)
        queue.wait(ALONE)
    queue.join()

    assert queue.order.index(ALONE) <= 1
    assert queue.order.count(MANY) == 6


def test_only_so_many_of_a_client_wait_and_others_still_do():
    queue = Queue(each=4)
    with queue.turns.turn(MANY):
        for _ in range(5):
            queue.wait(MANY)
        assert queue.order == [f"busy {MANY}"] * 2
        queue.wait(ALONE)
    queue.join()

    assert sorted(queue.order[2:]) == sorted([MANY] * 3 + [ALONE])


def test_one_is_let_in_at_a_time_and_an_error_ends_its_turn():
    turns, inside = Turns(8), []

    def have(number):
        with turns.turn(str(number)):
            inside.append(number)
            assert len(inside) == 1
            time.sleep(0.001)
            inside.remove(number)

    threads = [threading.Thread(target=have, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    with pytest.raises(KeyError), turns.turn("x"):
        raise KeyError

    with turns.turn("x"):
        assert not turns._waiting


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_whoever_has_a_network_of_ipv6_is_one_client(one, other, same):
    queue = Queue(each=1)
    with queue.turns.turn("elsewhere"):
        queue.wait(one)
        queue.wait(other)
        assert (queue.order == [f"busy {other}"]) is same
    queue.join()
