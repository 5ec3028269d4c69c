"""Store: readers get nothing or a whole snapshot; and the state file, which is whole or told of and ignored."""

import dataclasses
import json
import os
import resource
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.hostfs import Host
from docker_storage_exporter.model import Engine, Inventory, Measurement, Method, Snapshot, Tree
from docker_storage_exporter.sizer import Usage
from docker_storage_exporter.store import StateFile, Store


def test_there_is_nothing_before_the_first_snapshot_and_then_always_the_latest():
    store = Store()
    first, second = (Snapshot(Inventory(Engine()), at=at) for at in (1.0, 2.0))

    assert store.latest is None
    store.publish(first)
    assert store.latest is first
    store.publish(second)
    assert store.latest is second


TREE = Tree(Method.WALK, "/d/volumes/a/_data")
MEASURED = Measurement(Usage(4096, 10, 2, {"EACCES": 1}, entries=3, cpu_seconds=0.5), at=1_760_000_000.25)
HERE = Inventory(Engine(id="ENGINE"), root="/d")

_NAMES = st.binary(max_size=30).map(os.fsdecode)
_NUMBERS = st.integers(0, 2**63 - 1)
_REALS = st.floats(0, 1e15)
_TREES = st.builds(Tree, st.sampled_from(Method), _NAMES, _NAMES, _NUMBERS)
_USAGES = st.builds(
    Usage,
    _NUMBERS,
    _NUMBERS,
    _NUMBERS,
    st.dictionaries(_NAMES, _NUMBERS, max_size=3),
    st.just(value=True),
    _NUMBERS,
    _REALS,
)
_MEASUREMENTS = st.builds(
    Measurement, _USAGES, _REALS, _REALS, st.tuples(_NUMBERS, _NUMBERS), st.none() | _NUMBERS, st.none() | _NUMBERS
)


@pytest.fixture
def path(tmp_path):
    """Where the state is kept."""
    return str(tmp_path / "state.json")


@pytest.fixture
def state(path):
    """A state file of this host."""
    return StateFile(path, Host())


@given(measurements=st.dictionaries(_TREES, _MEASUREMENTS, max_size=5), root=_NAMES, engine=_NAMES)
def test_what_is_kept_is_recalled_exactly_whatever_things_are_called(tmp_path_factory, measurements, root, engine):
    path = str(tmp_path_factory.getbasetemp() / "any.json")
    inventory = Inventory(Engine(id=engine), root="/nowhere/" + root)

    assert StateFile(path, Host()).keep(inventory, measurements)
    recalled = StateFile(path, Host()).recall(inventory)

    assert recalled == measurements
    assert [m.usage.entries for m in recalled.values()] == [m.usage.entries for m in measurements.values()]
    assert [m.usage.cpu_seconds for m in recalled.values()] == [m.usage.cpu_seconds for m in measurements.values()]


def test_nobody_else_may_read_it_and_nothing_else_is_left_beside_it(state, path, tmp_path):
    state.keep(HERE, {TREE: MEASURED})
    state.keep(HERE, {})

    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_file_that_is_not_there_is_no_trouble(state, caplog):
    caplog.set_level("WARNING")

    assert state.recall(HERE) == {}
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("inventory", "is_ours"),
    [
        (HERE, True),
        (Inventory(Engine(id=""), root="/d"), True),  # it has not answered yet
        (Inventory(Engine(id="ANOTHER"), root="/d"), False),
        (Inventory(Engine(id="ENGINE"), root="/e"), False),
    ],
)
def test_it_belongs_to_the_engine_and_data_root_that_it_was_written_for(state, inventory, is_ours, caplog):
    state.keep(HERE, {TREE: MEASURED})
    caplog.clear()

    assert state.recall(inventory) == ({TREE: MEASURED} if is_ours else {})
    assert [m.split(" ", 3)[3] for m in caplog.messages] == [
        "belongs to another engine or data root ('/d'): it is ignored and everything is measured anew"
    ] * (not is_ours)


def _changed(**changes):
    def change(document):
        document["trees"][0].update(changes)

    return change


DAMAGES = {
    "a negative size": _changed(allocated_bytes=-1),
    "a size that no disk has": _changed(allocated_bytes=2**64),
    "a size of text": _changed(apparent_bytes="12"),
    "a size that is true": _changed(inodes=True),
    "a time that is no number": _changed(at=float("nan")),
    "a time without end": _changed(at=float("inf")),
    "an unknown method": _changed(method="guess"),
    "a path that is no text": _changed(path=7),
    "half an identity": _changed(identity=[1]),
    "errors that are a list": _changed(unreadable=["EACCES"]),
    "a tree without a path": lambda document: document["trees"][0].pop("path"),
    "a tree that is a list": lambda document: document["trees"].append([]),
    "no trees": lambda document: document.pop("trees"),
    "trees that are a number": lambda document: document.update(trees=3),
    "no host": lambda document: document.pop("host"),
    "no version": lambda document: document.pop("version"),
    "a version of text": lambda document: document.update(version="1"),
}
DAMAGED = "is damaged or cut short: it is ignored and everything is measured anew"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_told_in_a_line_and_not_used_in_part(state, path, damage, caplog):
    state.keep(HERE, {TREE: MEASURED, dataclasses.replace(TREE, path="/d/b"): MEASURED})
    document = json.loads(Path(path).read_text())
    damage(document)
    Path(path).write_text(json.dumps(document))
    caplog.clear()

    assert state.recall(HERE) == {}
    assert caplog.messages == [f"state file {path} {DAMAGED}"]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"{" * 9, b"[" * 100_000, b'"text"', b"1" * 9999]
)
def test_what_is_no_state_at_all_is_damaged_too(state, path, content, caplog):
    Path(path).write_bytes(content)

    assert state.recall(HERE) == {}
    assert caplog.messages == [f"state file {path} {DAMAGED}"]


def test_a_file_cut_short_anywhere_is_recognised(state, path, caplog):
    state.keep(HERE, {TREE: MEASURED})
    whole = Path(path).read_bytes()
    for length in range(len(whole) - 2):  # the last two bytes are the end of the document and its line
        Path(path).write_bytes(whole[:length])
        assert StateFile(path, Host()).recall(HERE) == {}

    assert set(caplog.messages) == {f"state file {path} {DAMAGED}"}


def test_a_file_of_a_newer_version_is_ignored(state, path, caplog):
    Path(path).write_text('{"version": 2, "anything": "else"}')

    assert state.recall(HERE) == {}
    assert "was written by a newer version: it is ignored" in caplog.text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkdir, "cannot be read (Is a directory)"),
        (os.mkfifo, "is not a file of this program: it is ignored"),
        (lambda path: os.symlink(path, path), "cannot be read (Too many levels of symbolic links)"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(state, path, make, words, caplog):
    make(path)

    assert state.recall(HERE) == {}
    assert words in caplog.text
    assert len(caplog.messages) == 1


def test_what_cannot_be_written_is_told_once_and_again_when_it_can(path, caplog):
    caplog.set_level("INFO")
    state = StateFile(f"{path}/not/there/yet", Host())

    assert [state.keep(HERE, {TREE: MEASURED}) for _ in range(3)] == [False] * 3
    os.makedirs(f"{path}/not/there")
    assert state.keep(HERE, {TREE: MEASURED})

    assert [message.split(" ", 3)[3] for message in caplog.messages] == [
        "cannot be written (No such file or directory): a restart would measure everything anew",
        "is written",
    ]


def test_a_full_disk_costs_the_new_state_and_not_the_old_one(state, path, tmp_path, caplog):
    state.keep(HERE, {TREE: MEASURED})
    many = {dataclasses.replace(TREE, path=f"/d/{number}"): MEASURED for number in range(1000)}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        assert not state.keep(HERE, many)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)

    assert "cannot be written (File too large)" in caplog.text
    assert os.listdir(tmp_path) == ["state.json"]
    assert state.recall(HERE) == {TREE: MEASURED}


def test_a_link_in_the_way_of_the_new_file_is_not_followed(state, path, tmp_path):
    (tmp_path / "precious").write_text("kept")
    os.symlink(tmp_path / "precious", f"{path}.new")

    assert state.keep(HERE, {TREE: MEASURED})
    assert (tmp_path / "precious").read_text() == "kept"
    assert state.recall(HERE) == {TREE: MEASURED}


@pytest.mark.parametrize(
    "where", ["state.json", "volumes/x/state.json", "../link/volumes/state.json", "gone/state.json"]
)
def test_nothing_is_written_below_the_data_root_by_whichever_path(tmp_path, where, caplog):
    root = tmp_path / "docker"
    (root / "volumes/x").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    inventory = Inventory(Engine(), root=str(root))
    state = StateFile(f"{root}/{where}", Host())
    before = sorted(root.rglob("*"))

    with pytest.raises(SettingError, match=r"--state.file: .* lies in the data root .*: choose another place"):
        state.recall(inventory)
    assert not state.keep(inventory, {TREE: MEASURED})

    assert sorted(root.rglob("*")) == before
    assert "nothing is written there" in caplog.text


def test_a_data_root_below_a_rootfs_is_recognised(tmp_path):
    (tmp_path / "var/lib/docker").mkdir(parents=True)
    state = StateFile(str(tmp_path / "var/lib/docker/state.json"), Host(str(tmp_path)))

    with pytest.raises(SettingError):
        state.recall(Inventory(Engine(), root="/var/lib/docker"))


WRITER = """
import sys
from docker_storage_exporter.hostfs import Host
from docker_storage_exporter.model import Engine, Inventory, Measurement, Method, Tree
from docker_storage_exporter.sizer import Usage
from docker_storage_exporter.store import StateFile
state, number = StateFile(sys.argv[1], Host()), 0
while True:
    number += 1
    usage = Usage(allocated_bytes=number)
    trees = {Tree(Method.WALK, f"/d/volumes/{i}/_data"): Measurement(usage, at=1.0) for i in range(200)}
    assert state.keep(Inventory(Engine(id="ENGINE"), root="/d"), trees)
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_at_any_moment_leaves_the_state_whole(path, caplog):
    for attempt in range(20):
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) as writer:
            for _ in range(2):
                written = int(writer.stdout.readline())
            select.select([writer.stdout], [], [], attempt * 0.0002)
            writer.kill()
            written = max(written, *map(int, writer.stdout.read().split()), 0)

        recalled = StateFile(path, Host()).recall(HERE)
        assert len(recalled) == 200
        assert {m.usage.allocated_bytes for m in recalled.values()} <= {written, written + 1}
        assert len({m.usage.allocated_bytes for m in recalled.values()}) == 1
    assert caplog.messages == []
