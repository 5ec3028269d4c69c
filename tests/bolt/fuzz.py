"""Broken databases: reading one ends in an answer or in CorruptError, soon and in little memory.

    make fuzz-bolt

A run takes a database of containerd's, turns some of its bits, bytes and pages into others, and reads all of it as the
program does. An error names the seed of its run.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bolt_file import uvarint, varint, write_bolt
from docker_storage_exporter.bolt import Bucket, CorruptError, read
from docker_storage_exporter.storage.containerd.metadata import namespaces_in
from docker_storage_exporter.storage.containerd.snapshots import snapshots_in

_PAGE = 4096
_MOST_SECONDS = 2.0
_MOST_BYTES = 64 * 1024**2
_TEMPTING = (b"\x00" * 4, b"\xff" * 4, b"\xff" * 8, b"\x01\x00\x00\x00", b"\x02\x00", b"\x01\x00")


def database(path: Path) -> bytes:
    """A database with what both kinds of containerd's databases have."""
    snapshots = {
        f"moby/{n}/name{n}".encode(): {b"id": uvarint(n), b"kind": bytes([n % 3 + 1]), b"size": varint(n * 4096)}
        for n in range(1, 40)
    }
    digests = [f"sha256:{n:064x}" for n in range(30)]
    blobs = {
        digest.encode(): {b"size": varint(n), b"labels": {b"containerd.io/gc.ref.content.0": digests[n - 1].encode()}}
        for n, digest in enumerate(digests)
    }
    moby = {b"content": {b"blob": blobs}, b"images": {b"a:1": {b"target": {b"digest": digests[5].encode()}}}}
    tree = {b"v1": {b"snapshots": snapshots, b"moby": moby, b"version": b"\x08"}}
    return write_bolt(path, tree).read_bytes()


def broken(content: bytes, dice: random.Random) -> bytes:
    """The content with some of it changed. Its first two pages stay as they are, mostly: else nothing more is read."""
    data = bytearray(content)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(0 if dice.random() < 0.02 else 2 * _PAGE, len(data))
        way = dice.randrange(5)
        if way == 0:
            data[at] ^= 1 << dice.randrange(8)
        elif way == 1:
            data[at] = dice.randrange(256)
        elif way == 2:  # what stands at the beginning of a page decides most
            page = at // _PAGE * _PAGE
            word = dice.choice(_TEMPTING)
            start = page + dice.randrange(64)
            data[start : start + len(word)] = word
        elif way == 3:
            one, other = (dice.randrange(2, len(data) // _PAGE) * _PAGE for _ in range(2))
            data[one : one + _PAGE] = data[other : other + _PAGE]
        else:
            del data[dice.randrange(2 * _PAGE, len(data)) :]
            data += b"\0" * dice.randrange(_PAGE)
            if len(data) <= 3 * _PAGE:
                data += content[len(data) :]
    return bytes(data)


def everything(bucket: Bucket) -> int:
    """How many keys there are."""
    return sum(1 for _ in bucket.items()) + sum(everything(below) for _, below in bucket.buckets())


def fuzz(folder: Path, runs: int, seed: int = 0) -> tuple[int, int]:
    """How many readings were answered, and how many refused. Raises AssertionError for one that ended otherwise."""
    content = database(folder / "fuzz.db")
    descriptor = os.memfd_create("fuzz")
    ends = [0, 0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        for run in range(seed, seed + runs):
            data = broken(content, random.Random(run))
            os.ftruncate(descriptor, len(data))
            os.pwrite(descriptor, data, 0)
            start = time.monotonic()
            for take in (everything, snapshots_in, namespaces_in):
                ends[is_refused(descriptor, take, run)] += 1
            assert time.monotonic() - start < _MOST_SECONDS, f"seed {run} took too long"
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        assert grown < _MOST_BYTES, f"reading took {grown} bytes"
    finally:
        os.close(descriptor)
    return ends[0], ends[1]


def is_refused(descriptor: int, take: Callable[[Bucket], object], seed: int) -> bool:
    """Read once; whether that was refused."""
    try:
        read(descriptor, take)
    except CorruptError:
        return True
    except Exception as error:
        raise AssertionError(f"seed {seed} ends with {error!r} in {take.__name__}") from error
    return False


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.stdout.write("{} answers, {} refusals\n".format(*fuzz(Path(place), int(sys.argv[1]))))
