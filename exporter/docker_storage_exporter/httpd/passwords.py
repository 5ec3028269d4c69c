"""Passwords of basic authentication against bcrypt hashes, which are slow on purpose."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping

import bcrypt

from docker_storage_exporter.httpd.turns import Turns

_LONGEST = 72  # bytes; bcrypt looks at no more, and a password that is only alike to there is another one
_REMEMBERED = 100
_WAITING = 8  # of one client's; half a second's worth of hashes at cost 10
_COST = slice(4, 6)  # of a hash: $2y$10$…
_NOBODYS = "Sfq2dNTvSQ9uXbEpTVN0BO1lDCmTJYQ4tcQ.TsGmvY5NaBbb4nBkS"


class Passwords:
    """Tells who is let in, and remembers it, so that a scrape costs no hashing. Safe for several threads.

    One hash is computed at a time, for each client in its turn, and few of a client's wait for it: guessing passwords
    keeps one core busy, not all, nor all connections, and locks no other client out. Right answers are remembered
    apart from wrong ones, so that guessing does not evict them. No password is kept, only a keyed hash.
    """

    def __init__(self) -> None:
        self._secret = os.urandom(32)
        self._remembered: dict[bool, OrderedDict[bytes, None]] = {True: OrderedDict(), False: OrderedDict()}
        self._looking = threading.Lock()
        self._turns = Turns(_WAITING)

    def admit(self, users: Mapping[str, str], authorization: str, address: str = "") -> bool:
        """Whether an Authorization header names one of these users, who have bcrypt hashes, with the right password.

        `address` is the client's. Raises BusyError when the answer is not remembered and too many of its other requests
        wait for one.
        """
        given = _given(authorization)
        if given is None:
            return False
        name, password = given
        hashes = {user.encode(): text for user, text in users.items()}
        hashed = hashes.get(name)
        # An unknown name takes as long as a known one, so that the time does not tell which is which.
        right = self._matches(name, password, hashed or _nobodys_hash(users), address)
        return right and hashed is not None

    def _matches(self, name: bytes, password: bytes, hashed: str, address: str) -> bool:
        if len(password) > _LONGEST:
            return False
        texts = b"".join(len(text).to_bytes(4, "big") + text for text in (name, hashed.encode(), password))
        key = hmac.new(self._secret, texts, hashlib.sha256).digest()
        known = self._recall(key)
        if known is not None:
            return known
        with self._turns.turn(address):
            known = self._recall(key)  # another thread may have found out meanwhile
            if known is None:
                known = _check(password, hashed)
                self._remember(key, known)
        return known

    def _recall(self, key: bytes) -> bool | None:
        with self._looking:
            for answer, keys in self._remembered.items():
                if key in keys:
                    keys.move_to_end(key)
                    return answer
        return None

    def _remember(self, key: bytes, answer: bool) -> None:
        with self._looking:
            keys = self._remembered[answer]
            keys[key] = None
            if len(keys) > _REMEMBERED:
                keys.popitem(last=False)


def _given(authorization: str) -> tuple[bytes, bytes] | None:
    """The name and the password in a header, None where there are none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, separator, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if separator else None


def _nobodys_hash(users: Mapping[str, str]) -> str:
    """A hash that no password matches, as costly as the costliest of these."""
    return f"$2b${max(hashed[_COST] for hashed in users.values())}${_NOBODYS}"


def _check(password: bytes, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password, hashed.encode())
    except ValueError:
        return False
