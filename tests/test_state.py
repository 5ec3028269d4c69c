"""The state file: it is whole, or told of and ignored."""

import hashlib
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
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.measure import LogFiles, Statfs, Tmpfs, Walk
from docker_storage_exporter.model.objects import Engine, Inventory, StorageRoot
from docker_storage_exporter.model.sizes import Identity, Lineage, Measurement, Size
from docker_storage_exporter.state import StateFile

SOURCE = Walk(("/d/volumes/a/_data",))
IDENTITY = Identity(65024, 12, 1_750_000_000_123_456_789)
HERE = Inventory(Engine(id="ENGINE"), roots=(StorageRoot("/d"),))


def measured(source, size=Size(4096, 10, 2, 1, changed=1_759_999_999.5)):  # noqa: B008 - a frozen value
    return Measurement(size, 1_760_000_000.25, source, Lineage(*IDENTITY, source.meaning, 1_750_000_000.5))


def kept(*sources):
    return {source: measured(source) for source in sources}


_NAMES = st.binary(max_size=30).map(os.fsdecode)
_NUMBERS = st.integers(0, 2**63 - 1)
_REALS = st.floats(0, 1e15)
_MAYBE = st.none() | _NUMBERS
_SOURCES = st.one_of(
    st.builds(Walk, st.lists(_NAMES, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(LogFiles, _NAMES, _NAMES),
    st.builds(Statfs, _NAMES),
    st.builds(Tmpfs, _NAMES, _NAMES, st.integers(0, 2**31 - 1)),
)
_SIZES = st.builds(Size, _NUMBERS, _MAYBE, _MAYBE, _MAYBE, _MAYBE, _MAYBE, st.none() | _REALS)
_LINEAGES = st.builds(Lineage, _NUMBERS, _NUMBERS, _NUMBERS, _NAMES, _REALS)


@st.composite
def _ledgers(draw):
    sources = draw(st.lists(_SOURCES, max_size=5, unique=True))
    return {source: Measurement(draw(_SIZES), draw(_REALS), source, draw(_LINEAGES)) for source in sources}


@pytest.fixture
def path(tmp_path):
    """Where the state is kept."""
    return str(tmp_path / "state.json")


@pytest.fixture
def state(path):
    """A state file of this host."""
    return StateFile(path, Host())


@given(measurements=_ledgers(), root=_NAMES, engine=_NAMES)
def test_what_is_kept_is_recalled_exactly_whatever_things_are_called(tmp_path_factory, measurements, root, engine):
    path = str(tmp_path_factory.getbasetemp() / "any.json")
    inventory = Inventory(Engine(id=engine), roots=(StorageRoot("/nowhere/" + root),))

    assert StateFile(path, Host()).keep(inventory, measurements)
    recalled = StateFile(path, Host()).recall(inventory)

    assert recalled == measurements


def test_nobody_else_may_read_it_and_nothing_else_is_left_beside_it(state, path, tmp_path):
    state.keep(HERE, kept(SOURCE))
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
        (Inventory(Engine(id=""), roots=(StorageRoot("/d"),)), True),  # it has not answered yet
        (Inventory(Engine(id="ANOTHER"), roots=(StorageRoot("/d"),)), False),
        (Inventory(Engine(id="ENGINE"), roots=(StorageRoot("/e"),)), False),
    ],
)
def test_it_belongs_to_the_engine_and_data_root_that_it_was_written_for(state, inventory, is_ours, caplog):
    state.keep(HERE, kept(SOURCE))
    caplog.clear()

    assert state.recall(inventory) == (kept(SOURCE) if is_ours else {})
    assert [m.split(" ", 3)[3] for m in caplog.messages] == [
        "belongs to another engine or data root ('/d'): it is ignored and everything is measured again"
    ] * (not is_ours)


def _changed(**changes):
    def change(document):
        document["sources"][0].update(changes)

    return change


def _resized(**changes):
    def change(document):
        document["sources"][0]["size"].update(changes)

    return change


DAMAGES = {
    "a negative size": _resized(allocated=-1),
    "a size that no disk has": _resized(allocated=2**64),
    "a size of text": _resized(apparent="12"),
    "a size that is true": _resized(inodes=True),
    "a size that is a number": _changed(size=7),
    "a size without allocated bytes": _changed(size={}),
    "a change that is no time": _resized(changed="now"),
    "a time that is no number": _changed(at=float("nan")),
    "a time without end": _changed(at=float("inf")),
    "an unknown source": _changed(source="guess"),
    "a path that is no text": _changed(paths=[7]),
    "no path at all": _changed(paths=[]),
    "half a lineage": _changed(lineage=[1]),
    "a lineage of another shape": _changed(lineage={"device": 1}),
    "a meaning that is a number": _changed(lineage=[1, 2, 3, 4, 5.0]),
    "a source without a path": lambda document: document["sources"][0].pop("paths"),
    "a source that is a list": lambda document: document["sources"].append([]),
    "no sources": lambda document: document.pop("sources"),
    "sources that are a number": lambda document: document.update(sources=3),
    "no host": lambda document: document.pop("host"),
    "no version": lambda document: document.pop("version"),
    "a version of text": lambda document: document.update(version="1"),
}
DAMAGED = "is damaged or cut short: it is ignored and everything is measured again"


def signed(document):
    """The document as a file of a program that made all of these mistakes itself, with a checksum that is right."""
    del document["sha256"]
    content = json.dumps(document)[:-1]
    return f'{content}, "sha256": "{hashlib.sha256(content.encode()).hexdigest()}"}}\n'


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_told_in_a_line_and_not_used_in_part(state, path, damage, caplog):
    state.keep(HERE, kept(SOURCE, Walk(("/d/b",))))
    document = json.loads(Path(path).read_text())
    damage(document)
    Path(path).write_text(signed(document))
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


def test_a_flipped_bit_anywhere_is_never_a_number(state, path, caplog):
    state.keep(HERE, kept(SOURCE, Walk(("/d/b",))))
    whole = Path(path).read_bytes()
    for at in range(len(whole) - 1):  # the last byte is the end of the line
        Path(path).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert StateFile(path, Host()).recall(HERE) == {}


def test_a_file_cut_short_anywhere_is_recognised(state, path, caplog):
    state.keep(HERE, kept(SOURCE))
    whole = Path(path).read_bytes()
    for length in range(len(whole) - 2):  # the last two bytes are the end of the document and its line
        Path(path).write_bytes(whole[:length])
        assert StateFile(path, Host()).recall(HERE) == {}

    assert set(caplog.messages) == {f"state file {path} {DAMAGED}"}


@pytest.mark.parametrize(("version", "age"), [(1, "an older"), (3, "a newer")])
def test_a_file_of_another_version_is_ignored(state, path, version, age, caplog):
    Path(path).write_text(f'{{"version": {version}, "anything": "else"}}')

    assert state.recall(HERE) == {}
    assert f"was written by {age} version: it is ignored and everything is measured again" in caplog.text


def test_a_change_before_1970_is_not_kept_and_costs_nothing_else(state):
    state.keep(HERE, {SOURCE: measured(SOURCE, Size(5, changed=-1.0))})

    assert state.recall(HERE)[SOURCE].size == Size(5)


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

    assert [state.keep(HERE, kept(SOURCE)) for _ in range(3)] == [False] * 3
    os.makedirs(f"{path}/not/there")
    assert state.keep(HERE, kept(SOURCE))

    assert [message.split(" ", 3)[3] for message in caplog.messages] == [
        "cannot be written (No such file or directory): a restart would measure everything again",
        "is written",
    ]


def test_a_full_disk_costs_the_new_state_and_not_the_old_one(state, path, tmp_path, caplog):
    state.keep(HERE, kept(SOURCE))
    many = kept(*(Walk((f"/d/{number}",)) for number in range(1000)))
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
    assert state.recall(HERE) == kept(SOURCE)


def test_a_link_in_the_way_of_the_new_file_is_not_followed(state, path, tmp_path):
    (tmp_path / "precious").write_text("kept")
    os.symlink(tmp_path / "precious", f"{path}.new")

    assert state.keep(HERE, kept(SOURCE))
    assert (tmp_path / "precious").read_text() == "kept"
    assert state.recall(HERE) == kept(SOURCE)


@pytest.mark.parametrize(
    "where", ["state.json", "volumes/x/state.json", "../link/volumes/state.json", "gone/state.json"]
)
def test_nothing_is_written_below_the_data_root_by_whichever_path(tmp_path, where, caplog):
    root = tmp_path / "docker"
    (root / "volumes/x").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    inventory = Inventory(Engine(), roots=(StorageRoot(str(root)),))
    state = StateFile(f"{root}/{where}", Host())
    before = sorted(root.rglob("*"))

    with pytest.raises(SettingError, match=r"--state.file: .* lies in the data root .*: choose another place"):
        state.recall(inventory)
    assert not state.keep(inventory, kept(SOURCE))

    assert sorted(root.rglob("*")) == before
    assert "nothing is written there" in caplog.text


def test_nothing_is_written_below_containerd_s_root_either(tmp_path, caplog):
    (tmp_path / "images").mkdir()
    roots = (StorageRoot("/d"), StorageRoot(str(tmp_path / "images"), "images"))
    state = StateFile(str(tmp_path / "images/state.json"), Host())

    with pytest.raises(SettingError, match=r"lies in the containerd root .*: choose another place"):
        state.recall(Inventory(Engine(), roots=roots))
    assert not state.keep(Inventory(Engine(), roots=roots), kept(SOURCE))
    assert list((tmp_path / "images").iterdir()) == []


def test_a_data_root_below_a_rootfs_is_recognised(tmp_path):
    (tmp_path / "var/lib/docker").mkdir(parents=True)
    state = StateFile(str(tmp_path / "var/lib/docker/state.json"), Host(str(tmp_path)))

    with pytest.raises(SettingError):
        state.recall(Inventory(Engine(), roots=(StorageRoot("/var/lib/docker"),)))


WRITER = """
import sys
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.measure import Walk
from docker_storage_exporter.model.objects import Engine, Inventory, StorageRoot
from docker_storage_exporter.model.sizes import Identity, Lineage, Measurement, Size
from docker_storage_exporter.state import StateFile
state, number = StateFile(sys.argv[1], Host()), 0
while True:
    number += 1
    sources = [Walk((f"/d/volumes/{i}/_data",)) for i in range(200)]
    lineage = Lineage(*Identity(), "walk/1", 1.0)
    found = {source: Measurement(Size(number), 1.0, source, lineage) for source in sources}
    assert state.keep(Inventory(Engine(id="ENGINE"), roots=(StorageRoot("/d"),)), found)
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
        assert {m.size.allocated for m in recalled.values()} <= {written, written + 1}
        assert len({m.size.allocated for m in recalled.values()}) == 1
    assert caplog.messages == []
