"""Every way through the C core leaves memory, descriptors and threads as they were, however often it is taken."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from docker_storage_exporter.sizer import Control, Root
from sizer import trees
from sizer.conftest import opened, threads_of_this_process

TIMES = int(os.environ.get("LEAK_ROUNDS", "600"))
PAGE = resource.getpagesize()


def descriptors_and_threads():
    return len(list(Path("/proc/self/fd").iterdir())), len(threads_of_this_process())


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def stopped():
    control = Control(threads=2)
    control.stop()
    return control


def no_descriptor(core, _):
    with pytest.raises(OSError, match="Bad file descriptor"):
        core.measure([Root(9999)])


def wrong_arguments(core, root):
    for wrong in (None, ((root, (b"x", "y"), 0),), ((root, (b"nul\0",), 0),)):
        with pytest.raises((TypeError, ValueError)):
            core._walk.measure(wrong, Control().meter_address, 0.0, 0.0, 0, 1, 1, 0)


WAYS = {
    "one thread": lambda core, root: core.measure([Root(root)]),
    "three threads": lambda core, root: core.measure([Root(root)], Control(threads=3)),
    "many roots with mount points": lambda core, root: core.measure(
        [Root(root, ["m/x", "m/y"])] * 5, Control(threads=2)
    ),
    "parts": lambda core, root: core.measure([Root(root, depth=3)], Control(threads=2)),
    "parts of what is cut short": lambda core, root: core.measure([Root(root, depth=2)], Control(max_entries=200)),
    "no roots": lambda core, _: core.measure([]),
    "stopped": lambda core, root: core.measure([Root(root)] * 3, stopped()),
    "too many entries": lambda core, root: core.measure([Root(root)] * 3, Control(threads=2, max_entries=200)),
    "deadline passed": lambda core, root: core.measure([Root(root)], Control(deadline=0)),
    "no descriptor": no_descriptor,
    "wrong arguments": wrong_arguments,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    path = tmp_path_factory.mktemp("leaks")
    trees.comb(path / "comb", 30)
    trees.linked(path / "linked", 20, 3)
    trees.bush(path / "bush", directories=3)
    return path


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_behind(core, tree, way):
    with opened(tree) as root:
        for _ in range(TIMES // 10):
            WAYS[way](core, root)
        before, memory = descriptors_and_threads(), resident()
        for _ in range(TIMES):
            WAYS[way](core, root)

        assert before == descriptors_and_threads()
        assert resident() - memory < 256 * 1024 + TIMES * 16


def test_every_entry_point_of_the_core_is_among_the_ways(core):
    assert [name for name in dir(core._walk) if not name.startswith("__")] == ["measure"]
