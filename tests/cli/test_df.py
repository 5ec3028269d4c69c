"""`df`: everything measured once, largest first, and nothing but data on stdout."""

import json
import os
import pty
import re
import select
import shutil
import subprocess

from conftest import need

from cli.conftest import COMMAND

FIELDS = ["kind", "name", "allocated_bytes", "apparent_bytes", "inodes", "unreadable", "note"]


def test_json_has_every_object_of_the_data_root_largest_first(run, data_root, demo):
    need("du")
    done = run("df", "--format=json", data_root)
    rows = json.loads(done.stdout)

    assert done.returncode == 0
    assert all(list(row) == FIELDS for row in rows)
    sizes = [row["allocated_bytes"] for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    kinds = [row["kind"] for row in rows]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "volume": 12,
        "container_layer": 12,
        "container_log": 12,
        "bind_mount": 3,
    }
    for row in rows:
        if row["kind"] == "volume":
            path = f"{demo.data_root}/volumes/{row['name']}/_data"
            said = subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout
            assert row["allocated_bytes"] == int(said.split()[0])


def test_the_table_shows_the_same_in_the_same_order(run, data_root):
    rows = json.loads(run("df", "--format=json", data_root).stdout)
    lines = run("df", data_root).stdout.splitlines()

    assert lines[0].split() == ["KIND", "ALLOCATED", "APPARENT", "INODES", "NAME", "NOTE"]
    assert [(line.split()[0], line.split()[6]) for line in lines[1:]] == [(row["kind"], row["name"]) for row in rows]
    assert lines[1].split()[:3] == ["volume", "48.0", "MiB"]


def test_piped_it_says_on_stderr_where_the_facts_are_from_and_nothing_else(run, data_root, tmp_path):
    done = run("df", data_root)

    assert done.stderr == f"no engine answers at unix://{tmp_path}/no-engine.sock; this is what the disk says\n"
    assert "\x1b" not in done.stdout + done.stderr


def test_an_object_that_is_gone_or_excluded_is_left_out_or_says_so(run, demo, tmp_path):
    root = tmp_path / "docker"
    shutil.copytree(demo.data_root, root)
    shutil.rmtree(next((root / "overlay2").iterdir()))

    done = run("df", "--format=json", f"--path.data-root={root}", "--collector.volume-exclude=shop_.*")
    rows = json.loads(done.stdout)

    assert sum(row["kind"] == "volume" for row in rows) == 7
    assert [row["note"] for row in rows if row["allocated_bytes"] is None] == ["unmeasured: vanished"]
    assert rows[-1]["allocated_bytes"] is None


def test_what_is_cut_is_told(run, data_root):
    done = run("df", "--format=json", data_root, "--collector.max-objects=3")

    assert [row["name"] for row in json.loads(done.stdout) if row["kind"] == "volume"] == [
        "shop_db-data",
        "ci_registry",
        "shop_db-backup",
    ]
    assert done.stderr.endswith("\n18 objects, the smallest, are left out: see --collector.max-objects\n")


def test_a_name_that_is_no_utf8_is_shown_escaped(run, demo, tmp_path):
    name = os.fsencode(tmp_path) + b"/docker/volumes/odd\xff\n/_data"
    os.makedirs(name)

    done = run("df", f"--path.data-root={tmp_path}/docker")

    assert [line for line in done.stdout.splitlines() if r"odd\xff\n" in line]


def test_a_terminal_that_lacks_a_letter_gets_it_escaped(run, tmp_path):
    os.makedirs(tmp_path / "docker/volumes/whale\N{SPOUTING WHALE}/_data")

    done = run("df", f"--path.data-root={tmp_path}/docker", environment={"PYTHONIOENCODING": "ascii"})

    assert done.returncode == 0
    assert r"whale\U0001f433" in done.stdout


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_is_gone_in_the_end(data_root, engine):
    address = engine(None)  # it keeps the command waiting long enough for the bar to be seen

    code, shown = _on_a_terminal("df", data_root, f"--docker.host={address}", "--docker.timeout=1s")

    assert code == 0
    assert re.search(r"\r\x1b\[K\[[#-]{30}\] \d+/\d+ objects, \d+ entries, \d\S* \w+", shown)
    bar, _, rest = shown.rpartition("\r\x1b[K")
    assert "objects" in bar
    assert rest.splitlines()[0] == f"engine at {address} did not answer within 1 s; this is what the disk says"
    assert rest.splitlines()[1].startswith("KIND")
    assert rest.count("\nvolume ") == 12
    assert "objects" not in rest


def _on_a_terminal(*arguments):
    """Run with stdin, stdout and stderr on a terminal; the exit code and what was shown."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen([*COMMAND, *arguments], stdin=inside, stdout=inside, stderr=inside)
    os.close(inside)
    shown = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other side was closed
            break
        shown += part
    os.close(terminal)
    return process.wait(20), shown.decode()
