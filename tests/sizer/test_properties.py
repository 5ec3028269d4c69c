"""Whatever the tree, all walkers say the same, and it is what du says."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from docker_storage_exporter.sizer import Control, Root, walk
from sizer import trees
from sizer.conftest import du, opened

names = st.one_of(
    st.sampled_from([b"a", b"b", b"a b", b"ab", b"a.b", b"-", b"..."]),
    st.binary(min_size=1, max_size=40).filter(
        lambda name: b"/" not in name and b"\0" not in name and name not in {b".", b".."}
    ),
)
leaves = st.one_of(
    st.tuples(st.just("file"), st.integers(0, 100_000)),
    st.tuples(st.just("sparse"), st.integers(0, 1 << 40)),
    st.tuples(st.just("symlink"), st.sampled_from([b".", b"..", b"/", b"nowhere", b"x" * 500])),
    st.tuples(st.just("link"), st.integers(0, 1000)),
    st.tuples(st.just("fifo"), st.none()),
)
forests = st.recursive(
    st.dictionaries(names, leaves, max_size=6),
    lambda inner: st.dictionaries(names, st.one_of(leaves, inner), max_size=6),
    max_leaves=25,
)


class Builder:
    """Makes a described tree; remembers its files for links and its directories for mount points."""

    def __init__(self, path):
        self.files = []
        self.directories = []
        self._root = path

    def build(self, description, parent=None):
        for name, what in description.items():
            path = (parent or self._root) / os.fsdecode(name)
            if isinstance(what, dict):
                path.mkdir()
                self.directories.append(str(path.relative_to(self._root)))
                self.build(what, path)
            else:
                self._leaf(path, *what)

    def _leaf(self, path, kind, detail):
        if kind == "link" and self.files:
            os.link(self.files[detail % len(self.files)], path)
        elif kind == "symlink":
            path.symlink_to(os.fsdecode(detail))
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            with path.open("wb") as file:
                file.write(b"x" * detail) if kind == "file" else file.truncate(detail or 0)
            self.files.append(path)


@pytest.fixture(scope="module", params=["disk", "memory"])
def scratch(request, tmp_path_factory):
    """Filesystems list and account differently."""
    return request.getfixturevalue("memory") if request.param == "memory" else tmp_path_factory.mktemp("properties")


@given(description=forests, data=st.data())
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_all_walkers_agree_with_each_other_and_with_du(core, scratch, description, data):
    path = scratch / "tree"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    builder = Builder(path)
    builder.build(description)
    event(f"{len(builder.directories) // 5 * 5}+ directories, links: {len(builder.files) > 0}")

    with opened(path) as descriptor:
        plain = walk.measure([Root(descriptor)])[0]
        assert (du(path), du(path, "--inodes")) == (plain.allocated_bytes, plain.inodes)
        for threads in (1, 3):
            usage = core.measure([Root(descriptor)], Control(threads=threads))[0]
            assert (usage, usage.entries) == (plain, plain.entries)

        mountpoints = [p for p in builder.directories if data.draw(st.booleans(), label=p)]
        plain = walk.measure([Root(descriptor, mountpoints)])[0]
        for threads in (1, 3):
            usage = core.measure([Root(descriptor, mountpoints)], Control(threads=threads))[0]
            assert (usage, usage.entries) == (plain, plain.entries)


@given(limit=st.integers(0, 700), roots=st.integers(1, 4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_walkers_agree_which_roots_are_complete_under_a_limit(core, scratch, limit, roots):
    path = scratch / "limited"
    if not path.exists():
        trees.bush(path, directories=8)

    with opened(path) as descriptor:
        plain = walk.measure([Root(descriptor)] * roots, Control(max_entries=limit))
        usages = core.measure([Root(descriptor)] * roots, Control(max_entries=limit))

    assert [usage.complete for usage in plain] == [usage.complete for usage in usages]
