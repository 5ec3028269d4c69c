"""Files: the old one or the new one, whole, whoever ends the writing and whoever writes at the same time."""

import os
import stat
import threading

import pytest

from docker_storage_exporter.files import lies_below, replace_file
from docker_storage_exporter.hostfs.host import Host


@pytest.fixture
def path(tmp_path):
    """Where a file is to be; another one stands there."""
    found = tmp_path / "x.prom"
    found.write_text("old")
    return found


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_new_file_is_whole_and_has_the_mode_that_was_asked_for(path, tmp_path, umask):
    before = os.umask(umask)
    try:
        replace_file(str(path), [b"new ", b"file\n"], 0o644)
    finally:
        os.umask(before)

    assert path.read_text() == "new file\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["x.prom"]


@pytest.mark.parametrize("end", [OSError("disk"), SystemExit(143), KeyboardInterrupt()])
def test_whatever_ends_the_writing_leaves_the_old_file_and_nothing_else(path, tmp_path, end):
    seen = []

    def parts():
        yield b"half a file"
        seen.extend(os.listdir(tmp_path))
        raise end

    with pytest.raises(type(end)):
        replace_file(str(path), parts())

    assert len(seen) == 2  # it had begun
    assert [name for name in seen if name.endswith(".prom")] == ["x.prom"]  # and was not to be taken for the file
    assert os.listdir(tmp_path) == ["x.prom"]
    assert path.read_text() == "old"


def test_two_who_write_at_the_same_time_do_not_mix(path, tmp_path):
    both_began = threading.Barrier(2, timeout=30)

    def write(text):
        def parts():
            yield text
            both_began.wait()
            yield text

        replace_file(str(path), parts())

    threads = [threading.Thread(target=write, args=(text,)) for text in (b"aaaa", b"bbbb")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert path.read_text() in ("aaaa" * 2, "bbbb" * 2)
    assert os.listdir(tmp_path) == ["x.prom"]


def test_what_a_killed_process_left_goes_and_what_is_written_now_or_by_others_stays(path, tmp_path):
    for name in ("x.prom.0123abcd.new", "x.prom.ffffffff.new", "x.prom.backup.new", "y.prom.0123abcd.new"):
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (1, 1))
    os.utime(tmp_path / "x.prom.ffffffff.new")

    replace_file(str(path), [b"new"])

    assert sorted(os.listdir(tmp_path)) == ["x.prom", "x.prom.backup.new", "x.prom.ffffffff.new", "y.prom.0123abcd.new"]


def test_a_link_is_replaced_and_what_it_led_to_is_untouched(path, tmp_path):
    (tmp_path / "precious").write_text("kept")
    path.unlink()
    path.symlink_to(tmp_path / "precious")

    replace_file(str(path), [b"new"])

    assert not path.is_symlink()
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_path_below_a_root_is_known_by_whichever_way_it_leads_there(tmp_path, monkeypatch):
    (tmp_path / "docker/volumes").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "docker/volumes")
    root = str(tmp_path / "docker")
    monkeypatch.chdir(tmp_path / "docker")

    below = [f"{root}/x", f"{root}/volumes/x", f"{tmp_path}/link/x", "x", "volumes/x", f"{root}/gone/x"]
    beside = [f"{tmp_path}/x", f"{tmp_path}/docker-2/x", "../x"]

    assert [lies_below(path, root, Host()) for path in below] == [True] * len(below)
    assert [lies_below(path, root, Host()) for path in beside] == [False] * len(beside)
    assert lies_below(f"{root}/x", "/docker", Host(str(tmp_path)))
    assert not lies_below(f"{root}/x", "/nowhere", Host())
