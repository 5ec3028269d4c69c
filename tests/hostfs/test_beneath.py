"""No link leads out of an opened directory, with openat2 and without it."""

import os
import stat

import pytest

from docker_storage_exporter.hostfs import beneath


@pytest.fixture
def folder(tmp_path):
    """An open directory with a file deep inside and links that lead away."""
    (tmp_path / "root/a/b").mkdir(parents=True)
    (tmp_path / "root/a/b/file").write_text("x")
    (tmp_path / "secret").write_text("y")
    (tmp_path / "root/absolute").symlink_to("/etc")
    (tmp_path / "root/a/up").symlink_to("../../secret")
    (tmp_path / "root/a/inside").symlink_to("b")
    descriptor = os.open(tmp_path / "root", os.O_PATH)
    yield descriptor
    os.close(descriptor)


@pytest.fixture(params=["openat2", "stepwise", "openat2 forbidden"])
def open_beneath(request, monkeypatch):
    """Every way to open, also that of a kernel or a seccomp filter which knows no openat2."""
    if request.param == "stepwise":
        return beneath.open_stepwise
    if request.param == "openat2 forbidden":

        def forbidden(folder, path):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(beneath, "_openat2", forbidden)
    return beneath.open_beneath


@pytest.mark.parametrize("path", ["a", "a/b", "a/b/file", "a//b/./file"])
def test_what_is_inside_is_opened(folder, open_beneath, path):
    descriptor = open_beneath(folder, path)

    assert os.fstat(descriptor).st_ino == os.stat(path, dir_fd=folder).st_ino
    os.close(descriptor)


def test_an_empty_path_is_the_directory_itself(folder, open_beneath):
    descriptor = open_beneath(folder, "")

    assert stat.S_ISDIR(os.fstat(descriptor).st_mode)
    os.close(descriptor)


@pytest.mark.parametrize("path", ["absolute", "absolute/passwd", "a/up", "a/inside", "a/inside/file"])
def test_no_link_is_followed_wherever_it_leads(folder, open_beneath, path):
    with pytest.raises(OSError, match=r"symbolic link|Not a directory"):
        open_beneath(folder, path)


@pytest.mark.parametrize("path", ["..", "../secret", "a/../../secret"])
def test_there_is_no_way_up_and_out(folder, open_beneath, path):
    with pytest.raises(OSError, match="cross-device"):
        open_beneath(folder, path)


def test_names_that_are_no_utf8(folder, open_beneath):
    os.mkdir(b"\xff\n", dir_fd=folder)

    os.close(open_beneath(folder, os.fsdecode(b"\xff\n")))


def test_nothing_stays_open_after_a_failure(folder, open_beneath):
    before = len(os.listdir("/proc/self/fd"))
    for path in ("missing", "a/missing/x", "a/up", "..", "a/b/file/x"):
        with pytest.raises(OSError, match=r".+"):
            open_beneath(folder, path)

    assert len(os.listdir("/proc/self/fd")) == before
