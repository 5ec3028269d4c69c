"""`textfile`: one file, whole, in a place and under a name that node_exporter reads; or one line and nothing."""

import json
import os
import signal
import socket
import stat
import subprocess

import pytest
from conftest import need
from prometheus_client.parser import text_string_to_metric_families as parse

from cli.conftest import COMMAND, INTERRUPTIBLE
from docker_storage_exporter.cli import main

POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@pytest.fixture
def target(tmp_path):
    """Where node_exporter would look."""
    (tmp_path / "textfile").mkdir()
    return tmp_path / "textfile/docker.prom"


def start(target, *options, **environment):
    """A run that goes on."""
    command = [*INTERRUPTIBLE, *COMMAND, "textfile", str(target), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **environment})


def volumes(text):
    """Allocated bytes of each volume."""
    found = {family.name: family for family in parse(text)}
    return {sample.labels["volume"]: sample.value for sample in found["docker_volume_allocated_bytes"].samples}


def test_it_writes_what_df_measures_for_others_to_read(run, data_root, target):
    done = run("textfile", str(target), data_root, before=("sh", "-c", 'umask 077; exec "$@"', "sh"))
    listed = json.loads(run("df", data_root, "--no-exporter", "--format=json", "--kind=volume").stdout)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("no-engine.sock; this is what the disk says\n")
    assert volumes(target.read_text()) == {row["name"]: row["allocated_bytes"] for row in listed["objects"]}
    assert '\ndocker_engine_up{engine="docker"} 0\n' in target.read_text()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert os.listdir(target.parent) == ["docker.prom"]


def test_a_second_run_replaces_the_first_and_a_dash_is_stdout(run, data_root, target):
    target.write_text("before")
    assert run("textfile", str(target), data_root).returncode == 0
    inode = target.stat().st_ino
    assert run("textfile", str(target), data_root).returncode == 0

    done = run("textfile", "-", data_root)

    assert target.stat().st_ino != inode
    assert len(volumes(target.read_text())) == 12
    assert volumes(done.stdout) == volumes(target.read_text())


def test_a_path_is_relative_to_where_it_is_run_and_settings_come_from_the_environment(run, data_root, target):
    root = {"DSE_PATH_DATA_ROOT": data_root.partition("=")[2], "DSE_COLLECTOR_VOLUME_INCLUDE": "shop_.*"}

    assert run("textfile", "docker.prom", cwd=target.parent, environment=root).returncode == 0

    assert {name.partition("_")[0] for name in volumes(target.read_text())} == {"shop"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("{}/docker.txt", "'{}/docker.txt' does not end in .prom: node_exporter reads no other file"),
        ("{}/docker.prom.new", "'{}/docker.prom.new' does not end in .prom: node_exporter reads no other file"),
        ("{}/", "'{}/' does not end in .prom: node_exporter reads no other file"),
        ("{}/folder.prom", "'{}/folder.prom' is a directory: name a file in it"),
        (
            "{}/gone/x.prom",
            "'{}/gone/x.prom': folder {}/gone: No such file or directory; name the one that node_exporter has",
        ),
    ],
)
def test_a_path_that_nobody_would_read_is_refused_before_anything_is_measured(capsys, target, path, line):
    (target.parent / "folder.prom").mkdir()

    code = main(["textfile", path.format(target.parent)])

    assert (code, capsys.readouterr()) == (
        2,
        ("", f"docker-storage-exporter: {line}\n".replace("{}", str(target.parent))),
    )


def test_a_path_is_asked_for(capsys):
    assert main(["textfile"]) == 2
    assert "the following arguments are required: PATH; see " in capsys.readouterr().err


@pytest.mark.parametrize("where", ["docker.prom", "volumes/docker.prom", "../link/docker.prom"])
def test_nothing_is_written_below_the_data_root(fails, tmp_path, where):
    root = tmp_path / "docker"
    (root / "volumes").mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    before = sorted(tmp_path.rglob("*"))

    line = fails(2, "textfile", f"{root}/{where}", f"--path.data-root={root}")

    assert line.endswith(f"lies in the data root {root}, where nothing is written: choose another place")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.root
def test_a_folder_that_is_closed_is_told_before_anything_is_measured(fails, target):
    need("setpriv", root=True)
    os.chown(target.parent, 12345, 12345)

    line = fails(2, "textfile", str(target), before=POWERLESS)

    assert line == f"'{target}': no file can be made in {target.parent} by uid 0"


def test_a_host_without_anything_to_measure_keeps_the_file_there_was(fails, nothing_there, target):
    target.write_text("before")

    fails(3, "textfile", str(target), nothing_there)

    assert target.read_text() == "before"
    assert os.listdir(target.parent) == ["docker.prom"]


def test_a_disk_too_small_is_one_line_and_keeps_the_file_there_was(run, data_root, target):
    need("prlimit")
    target.write_text("before")

    done = run("textfile", str(target), data_root, before=("prlimit", "--fsize=1000"))

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"docker-storage-exporter: cannot write {target}: File too large; what was there before stays as it was"
    )
    assert "Traceback" not in done.stderr
    assert target.read_text() == "before"
    assert os.listdir(target.parent) == ["docker.prom"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_while_an_engine_that_never_answers_is_asked(data_root, target, number, code):
    target.write_text("before")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(f"{target.parent.parent}/silent.sock")
        silent.listen()
        process = start(
            target, data_root, "--docker.timeout=50s", DOCKER_HOST=f"unix://{target.parent.parent}/silent.sock"
        )
        asking, _ = silent.accept()

        process.send_signal(number)
        _, errors = process.communicate(timeout=40)
        asking.close()

    assert (process.returncode, errors) == (code, b"")
    assert target.read_text() == "before"
    assert os.listdir(target.parent) == ["docker.prom"]


def test_a_signal_ends_it_while_its_budget_is_waited_for(data_root, target):
    target.write_text("before")
    process = start(target, data_root, "--scan.duty=0.0001", DOCKER_HOST=f"unix://{target.parent}/no-engine.sock")
    assert b"this is what the disk says" in process.stderr.readline()

    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=40)

    assert (process.returncode, errors) == (143, b"")
    assert target.read_text() == "before"
    assert os.listdir(target.parent) == ["docker.prom"]


def test_a_small_budget_is_kept_and_everything_is_measured_all_the_same(run, data_root):
    done = run("textfile", "-", data_root, "--scan.duty=0.02")

    assert len(volumes(done.stdout)) == 12
