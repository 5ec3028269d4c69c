"""`du`: any path, in the shape that scripts rely on, equal to what du says."""

import json
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import need

from cli.conftest import COMMAND, INTERRUPTIBLE

KEYS = {"path", "allocated_bytes", "apparent_bytes", "inodes", "unreadable", "errors", "complete"}


@pytest.fixture
def tree(tmp_path):
    """A folder with a sparse file, hard links, a symbolic link and an odd name."""
    root = tmp_path / "tree"
    (root / "sub/deep").mkdir(parents=True)
    (root / "data").write_bytes(b"x" * 100_000)
    os.link(root / "data", root / "sub/again")
    os.symlink("/usr", root / "elsewhere")
    with open(root / "sparse", "wb") as file:
        file.truncate(2**30)
    (root / 'sub/deep/odd\n\udcff"').write_bytes(b"y" * 5000)
    return root


def du(path):
    """What du says."""
    need("du")
    return int(subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout.split()[0])


def test_json_is_a_list_of_objects_in_one_shape(run, tree):
    done = run("du", "--format=json", str(tree), str(tree / "data"))
    folder, file = json.loads(done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert set(folder) == set(file) == KEYS
    assert folder == {
        "path": str(tree),
        "allocated_bytes": du(tree),
        "apparent_bytes": 100_000 + len("/usr") + 2**30 + 5000,
        "inodes": 7,
        "unreadable": 0,
        "errors": {},
        "complete": True,
    }
    assert (file["apparent_bytes"], file["inodes"]) == (100_000, 1)


def test_the_table_is_tab_separated_like_du_s(run, tree):
    done = run("du", str(tree))

    assert done.stdout == f"{du(tree)}\t{100_000 + 4 + 2**30 + 5000}\t7\t{tree}\n"


@pytest.mark.parametrize("path", ["/usr/share/doc", os.path.dirname(os.__file__), "/usr/bin"])
def test_real_folders_are_what_du_says(run, path):
    (found,) = json.loads(run("du", "--format=json", path).stdout)

    assert found["allocated_bytes"] == du(path)


def test_a_path_is_written_byte_by_byte_as_it_was_given(tree):
    path = os.fsencode(tree / 'sub/deep/odd\n\udcff"')

    done = subprocess.run([*COMMAND, "du", path], capture_output=True, check=True)

    assert done.stdout.endswith(b"\t5000\t1\t" + path + b"\n")


def test_a_path_that_is_no_utf8_survives_json(tree):
    path = os.fsencode(tree / 'sub/deep/odd\n\udcff"')

    done = subprocess.run([*COMMAND, "du", "--format=json", path], capture_output=True, check=True)

    assert os.fsencode(json.loads(done.stdout)[0]["path"]) == path


def test_a_link_is_measured_itself_and_not_followed(run, tree):
    (found,) = json.loads(run("du", "--format=json", str(tree / "elsewhere")).stdout)

    assert (found["apparent_bytes"], found["inodes"]) == (4, 1)


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_missing_path_is_a_line_and_the_others_are_still_measured(run, tree, form):
    done = run("du", f"--format={form}", str(tree / "missing"), str(tree / "data"))

    assert done.returncode == 1
    assert done.stderr == f"docker-storage-exporter: {tree}/missing: No such file or directory\n"
    assert str(tree / "data") in done.stdout
    assert "/missing" not in done.stdout


@pytest.mark.root
def test_what_cannot_be_read_is_counted_and_costs_the_exit_code(run, tree):
    need("setpriv", root=True)
    os.chown(tree / "sub", 12345, 12345)
    os.chmod(tree / "sub", 0)

    done = run("du", "--format=json", str(tree), before=("setpriv", "--bounding-set=-all", "--inh-caps=-all"))

    (found,) = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert (found["unreadable"], found["errors"], found["complete"]) == (1, {"EACCES": 1}, True)


def test_without_a_path_the_usage_is_shown(run):
    done = run("du")

    assert done.returncode == 2
    assert "usage: docker-storage-exporter du" in done.stderr


@pytest.mark.parametrize(("command", "opens"), [(("du", "/"), "/"), (("df",), "socket:.*")])
def test_ctrl_c_ends_the_command_with_130_and_without_a_traceback(command, opens, engine):
    address = engine(None)  # a df that waits for its engine
    process = subprocess.Popen(
        [*INTERRUPTIBLE, *COMMAND, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "DOCKER_HOST": address},
    )
    while not any(re.fullmatch(opens, target) for child in _children(process.pid) for target in _open(child)):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)

    output, errors = process.communicate(timeout=20)

    assert (process.returncode, output, errors) == (130, b"", b"")


def _children(pid):
    """The processes that a process has started: a command looks at paths in one of them."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _open(pid):
    """What a process has open now."""
    with suppress(FileNotFoundError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):
                yield os.readlink(f"/proc/{pid}/fd/{number}")
