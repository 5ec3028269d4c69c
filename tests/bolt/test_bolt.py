"""bbolt: what a real writer wrote is read while it goes on writing, and a broken file is refused."""

import fcntl
import json
import os
import random
import subprocess
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bolt.conftest import dump, opened, step
from docker_storage_exporter.bolt import BusyError, CorruptError

NAMES = st.sampled_from([b"a", b"b", b"\x00", b"bucket", b"z" * 40])
STEPS = st.tuples(
    st.sampled_from(["put", "put", "put", "delete"]),
    st.lists(NAMES.map(lambda name: b"B" + name), min_size=1, max_size=3),
    NAMES,
    st.binary(max_size=200) | st.sampled_from([b"", b"x" * 5000]),
)


def applied(transactions):
    """What a database holds after these transactions, by a model of dictionaries."""
    root = {}
    for steps in transactions:
        for op, path, key, value in steps:
            here = root
            for name in path:
                here = here.setdefault(name, {})
            if op == "put":
                here[key] = value
            else:
                here.pop(key, None)
    return root


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(STEPS, max_size=12), max_size=6), st.sampled_from([1024, 4096, 16384]), st.booleans())
def test_it_holds_what_was_written(write, tmp_path, transactions, page_size, keeps_freelist):
    (tmp_path / "test.db").unlink(missing_ok=True)

    path = write(*transactions, page_size=page_size, options=() if keeps_freelist else ("no-freelist",))

    assert opened(path) == applied(transactions)


@pytest.fixture
def large(write):
    """Some thousand keys in nested buckets, on several levels of pages, one of them longer than a page."""
    many = [("put", [b"many"], b"%06d" % n, b"value %d" % n) for n in range(5000)]
    nested = [("put", [b"v1", b"%03d" % n, b"labels"], b"key", b"%d" % n) for n in range(300)]
    return write(many, [*nested, ("put", [b"many"], b"long", b"y" * 300_000)])


def test_keys_and_buckets_are_found_by_name(large):
    def take(root):
        many = root.bucket(b"many")
        return (
            [many.value(b"%06d" % n) for n in (0, 2500, 4999)],
            many.value(b"005000"),
            len(many.value(b"long")),
            root.bucket(b"v1", b"123", b"labels").value(b"key"),
            [root.bucket(b"v1", b"missing"), root.bucket(b"many", b"000001"), root.value(b"many")],
        )

    assert opened(large, take) == (
        [b"value 0", b"value 2500", b"value 4999"], None, 300_000, b"123", [None, None, None],
    )  # fmt: skip


def test_entries_come_in_the_order_of_their_keys(large):
    keys = opened(large, lambda root: [key for key, _ in root.bucket(b"many").items()])

    assert keys == sorted(keys)
    assert len(keys) == 5001


def test_a_database_that_is_locked_is_read_all_the_same_and_is_not_touched(large):
    before = large.read_bytes(), large.stat().st_mtime_ns
    with large.open("rb") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        assert len(opened(large)[b"many"]) == 5001

    assert (large.read_bytes(), large.stat().st_mtime_ns) == before


def test_of_a_large_database_little_is_in_memory(write):
    path = write([("put", [b"big"], b"%06d" % n, bytes(1000)) for n in range(15_000)])
    tracemalloc.start()
    try:
        count = opened(path, lambda root: sum(1 for _ in root.bucket(b"big").items()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 15_000
    assert path.stat().st_size > 16 * 2**20
    assert peak < 6 * 2**20


def test_every_answer_is_one_transaction_s_while_a_writer_commits(writer, write, tmp_path):
    """Each transaction writes its number to three hundred keys: a mixture would show."""
    path = write([("put", [b"B"], b"%03d" % key, b"0") for key in range(300)])
    transactions = [
        [step("put", [b"B"], b"%03d" % key, b"%d" % number) for key in range(300)] for number in range(1, 150)
    ]
    process = subprocess.Popen([writer, path, "4096"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    process.stdin.write(json.dumps(transactions))
    process.stdin.close()
    seen, busy = [], 0
    while process.poll() is None:
        try:
            seen.append(opened(path, lambda root: {value for _, value in root.bucket(b"B").items()}))
        except BusyError:
            busy += 1
    assert process.returncode == 0

    assert all(len(values) == 1 for values in seen)
    assert len({min(values) for values in seen}) > 1
    assert busy <= len(seen)


def test_a_writer_that_is_always_faster_is_said(large, write):
    tries = []

    def overtaken(root):
        tries.append(dump(root.bucket(b"v1")))
        write([("put", [b"other"], b"key", b"%d" % len(tries))])

    with pytest.raises(BusyError, match="during each of 3 tries"):
        opened(large, overtaken, tries=3)
    assert len(tries) == 3


@pytest.mark.parametrize("content", [b"", b"x", bytes(4096), bytes(1024**2), random.Random(1).randbytes(100_000)])
def test_what_is_no_database_is_refused(tmp_path, content):
    (tmp_path / "test.db").write_bytes(content)

    with pytest.raises(CorruptError):
        opened(tmp_path / "test.db")


def test_a_file_of_a_tebibyte_without_anything_is_refused_at_once(tmp_path):
    with (tmp_path / "test.db").open("wb") as file:
        file.truncate(2**40)

    with pytest.raises(CorruptError):
        opened(tmp_path / "test.db")


def test_one_torn_meta_page_leaves_the_other(large):
    whole = opened(large)
    for at in (20, 4096 + 20):
        content = bytearray(large.read_bytes())
        content[at] ^= 0xFF
        large.write_bytes(content)
        found = opened(large)
        content[at] ^= 0xFF
        large.write_bytes(content)
        assert found == whole or found.keys() <= whole.keys()  # the transaction before


def test_whatever_is_cut_off_it_is_refused_or_whole(large):
    whole, content = opened(large), large.read_bytes()
    for size in range(0, len(content), 4096 * 7 + 512):
        large.write_bytes(content[:size])
        try:
            assert opened(large) == whole
        except CorruptError:
            continue


def test_no_flipped_bit_does_more_than_change_what_it_is_in(large):
    """Pages have no checksum, so a value may be another one; nothing else may happen."""
    content, chance = bytearray(large.read_bytes()), random.Random(7)
    for _ in range(400):
        at, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        content[at] ^= bit
        large.write_bytes(content)
        with suppress(CorruptError):
            opened(large)
        content[at] ^= bit


def test_pages_that_refer_to_each_other_in_a_circle_are_refused(large):
    """Every branch leads to the page of its own."""
    content = bytearray(large.read_bytes())
    branches = 0
    for page in range(2, len(content) // 4096):
        at = page * 4096
        if int.from_bytes(content[at + 8 : at + 10], "little") == 1 and content[at : at + 8] == page.to_bytes(
            8, "little"
        ):
            content[at + 16 + 8 : at + 16 + 16] = page.to_bytes(8, "little")
            branches += 1
    assert branches
    large.write_bytes(content)

    with pytest.raises(CorruptError):
        opened(large, lambda root: dump(root.bucket(b"many")))
    with pytest.raises(CorruptError):
        opened(large, lambda root: root.bucket(b"many").value(b"000000"))


def test_reading_needs_no_right_to_write(large):
    os.chmod(large, 0o400)

    assert len(opened(large)[b"v1"]) == 300
