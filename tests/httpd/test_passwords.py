"""Passwords: who gets in, and that asking again costs nothing."""

import base64
import threading
import time

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_storage_exporter.httpd.passwords import Passwords, _nobodys_hash
from docker_storage_exporter.httpd.turns import BusyError

SECRET = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
LONG = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
USERS = {"prometheus": SECRET, "alice": SECRET.replace("$2b$", "$2y$"), "jos\N{LATIN SMALL LETTER E WITH ACUTE}": LONG}


def basic(name, password, scheme="Basic"):
    """The header of a client."""
    return f"{scheme} {base64.b64encode(name.encode() + b':' + password).decode()}"


@pytest.fixture
def hashing(monkeypatch):
    """The hashes that were computed, in their order; None for more than one at a time."""
    computed, real, busy = [], bcrypt.checkpw, threading.Lock()

    def checkpw(password, hashed):
        if not busy.acquire(blocking=False):
            computed.append(None)
            return False
        try:
            computed.append(hashed.decode())
            return real(password, hashed)
        finally:
            busy.release()

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return computed


@pytest.mark.parametrize(
    ("header", "is_let_in"),
    [
        (basic("prometheus", b"secret"), True),
        (basic("prometheus", b"secret", "bAsIc"), True),
        (basic("alice", b"secret"), True),
        (basic("jos\N{LATIN SMALL LETTER E WITH ACUTE}", b"x" * 72), True),
        (basic("jos\N{LATIN SMALL LETTER E WITH ACUTE}", b"x" * 73), False),
        (basic("prometheus", b"Secret"), False),
        (basic("prometheus", b""), False),
        (basic("prometheus", b"\0secret"), False),
        (basic("prometheus", b"\xff\xfe"), False),
        (basic("mallory", b"secret"), False),
        (basic("", b"secret"), False),
        ("", False),
        ("Basic", False),
        ("Basic !!!", False),
        ("Basic " + base64.b64encode(b"prometheus").decode(), False),
        ("Bearer secret", False),
    ],
)
def test_only_the_right_password_of_a_known_user_gets_in(header, is_let_in):
    passwords = Passwords()

    assert [passwords.admit(USERS, header), passwords.admit(USERS, header)] == [is_let_in] * 2


@given(st.text(max_size=200))
def test_whatever_a_header_says_it_is_an_answer(header):
    assert Passwords().admit({"a": SECRET}, header) is False


def test_a_hash_is_computed_once_for_each_user_and_password(hashing):
    passwords = Passwords()
    for _ in range(3):
        assert passwords.admit(USERS, basic("prometheus", b"secret"))
        assert not passwords.admit(USERS, basic("prometheus", b"wrong"))

    assert hashing == [SECRET, SECRET]


def test_a_new_hash_is_a_new_question(hashing):
    passwords = Passwords()
    assert passwords.admit({"a": SECRET}, basic("a", b"secret"))

    assert not passwords.admit({"a": LONG}, basic("a", b"secret"))
    assert hashing == [SECRET, LONG]


def test_an_unknown_user_costs_as_much_as_the_costliest_known_one(hashing):
    users = {"a": SECRET, "b": SECRET.replace("$04$", "$06$")}

    assert not Passwords().admit(users, basic("mallory", b"secret"))

    (hashed,) = hashing
    assert hashed == _nobodys_hash(users)
    assert hashed.startswith("$2b$06$")
    assert bcrypt.checkpw(b"anything", hashed.encode()) is False  # a hash that bcrypt takes, not one that it refuses


def test_guessing_does_not_drive_out_who_is_known(hashing):
    passwords = Passwords()
    assert passwords.admit(USERS, basic("prometheus", b"secret"))
    for number in range(150):
        assert not passwords.admit(USERS, basic("prometheus", str(number).encode()))
    before = len(hashing)

    assert passwords.admit(USERS, basic("prometheus", b"secret"))
    assert len(hashing) == before
    assert not passwords.admit(USERS, basic("prometheus", b"0"))  # so many are not kept
    assert len(hashing) == before + 1


def test_one_hash_is_computed_at_a_time(hashing):
    passwords, found = Passwords(), []
    headers = [basic("prometheus", b"secret"), *(basic("prometheus", str(number).encode()) for number in range(3))]
    threads = [threading.Thread(target=lambda h=h: found.append(passwords.admit(USERS, h))) for h in headers * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [False] * 6 + [True] * 2
    assert hashing == [SECRET] * 4


def test_few_wait_for_a_hash_and_who_is_known_never_does(monkeypatch):
    passwords, go_on = Passwords(), threading.Event()
    assert passwords.admit(USERS, basic("prometheus", b"secret"))
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: not go_on.wait(60))
    found = []

    def guess(number):
        try:
            found.append(passwords.admit(USERS, basic("prometheus", str(number).encode())))
        except BusyError:
            found.append(None)

    threads = [threading.Thread(target=guess, args=[number]) for number in range(50)]
    for thread in threads:
        thread.start()
    while len(found) < 42:
        time.sleep(0.01)

    assert found == [None] * 42
    assert passwords.admit(USERS, basic("prometheus", b"secret"))
    go_on.set()
    for thread in threads:
        thread.join()
    assert found[42:] == [False] * 8


def test_who_logs_in_for_the_first_time_is_let_in_while_another_one_guesses(monkeypatch):
    """It was told to come again, six times of twelve, while all places were taken by guesses."""
    passwords, stop, real = Passwords(), threading.Event(), bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *given: (time.sleep(0.02), real(*given))[1])

    def guess(number):
        while not stop.is_set():
            number += 1
            try:
                passwords.admit(USERS, basic("prometheus", str(number).encode()), "192.0.2.1")
            except BusyError:
                time.sleep(0.001)

    guessers = [threading.Thread(target=guess, args=[number * 10_000]) for number in range(20)]
    for guesser in guessers:
        guesser.start()
    try:
        time.sleep(0.2)
        users = {f"user{number}": SECRET for number in range(12)}
        found = [passwords.admit(users, basic(name, b"secret"), "192.0.2.2") for name in users]
    finally:
        stop.set()
        for guesser in guessers:
            guesser.join()

    assert found == [True] * 12
