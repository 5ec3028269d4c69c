"""`doctor` as a command: where there is nothing, on a made-up data root, and beside an engine of another host."""

import json
import re

from cli.conftest import GOOD
from docker_storage_exporter.collector.catalogue import OBJECT_FAMILIES
from docker_storage_exporter.doctor import NEEDS, Need

OF_THIS_PROCESS = (
    "rights",
    "processes",
    "landlock",
    "privileges",
    "apparmor",
    "selinux",
    "user",
    "root",
    "kernel",
    "walker",
)


def _findings(done):
    return {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_where_there_is_nothing_everything_is_lost(run, nothing_there):
    done = run("doctor", nothing_there, "--format=json")

    found = _findings(done)
    assert (done.returncode, done.stderr) == (1, "")
    assert found["engine"]["costs"] == [family.name for family in OBJECT_FAMILIES]
    assert found["data root"]["what"] == "/var/lib/docker: No such file or directory"


def test_beside_an_engine_of_another_host_no_size_is_taken(run, engine, data_root):
    done = run("doctor", data_root, "--format=json", environment={"DOCKER_HOST": engine(GOOD)})

    found = _findings(done)
    assert done.returncode == 1
    assert found["engine"]["state"] == "ok"
    assert found["same host"]["state"] == "error"
    assert "docker_volume_allocated_bytes" in found["same host"]["costs"]
    assert found["volumes"]["what"] == "0 of 1 can be opened; not elsewhere (foreign_engine)"


def test_a_made_up_data_root_has_all_but_an_engine(run, data_root, demo, tmp_path, golden):
    done = run("doctor", data_root)

    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.partition("\n\n")[0].splitlines()
    steady = [line for line in lines if line.split()[1] not in OF_THIS_PROCESS]
    text = "\n".join(steady).replace(demo.data_root, "ROOT").replace(str(tmp_path), "FOLDER")
    golden("doctor.txt", re.sub(r"on \w+$", "on FILESYSTEM", text, flags=re.MULTILINE) + "\n")


_LABELS = len("warning  ") + len("data root        ")


def test_on_a_terminal_everything_is_folded_to_its_width(terminal, data_root):
    shown = terminal("doctor", data_root, size=(24, 80))
    shown.end()

    lines = shown.text.replace("\r\n", "\n").splitlines()
    # A path that is too long stands alone, or beside its label.
    assert [line for line in lines if len(line) > 80 and " " in line[_LABELS:].strip()] == []
    assert "volumes                  DATA ROOT yes, LATE MOUNTS yes, DAC_READ_SEARCH" in shown.text
    wide = terminal("doctor", data_root, size=(24, 300))
    wide.end()
    assert re.search(r"^METRICS +API  DATA ROOT  ", wide.text, re.MULTILINE)


def test_the_table_of_needs_follows(run, data_root):
    shown = run("doctor", data_root).stdout.partition("\n\n")[2].splitlines()
    told = json.loads(run("doctor", data_root, "--format=json").stdout)["needs"]

    assert shown[0].split("  ")[0] == "METRICS"
    assert (
        [line.split("  ")[0] for line in shown[1:]]
        == [row.metrics for row in NEEDS]
        == [row["metrics"] for row in told]
    )
    up, volumes = told[0], next(row for row in told if row["metrics"] == "volumes")
    assert up == {
        "metrics": "engine up",
        "families": ["docker_engine_up"],
        "needs": {"API": False},
        "complete": False,
        "lost": [NEEDS[0].needs[Need.API]],
    }
    assert volumes["needs"]["DATA ROOT"] is True
    assert shown[1].endswith(up["lost"][0])


def test_a_line_stays_a_line_whatever_the_data_root_is_called(run, tmp_path):
    done = run("doctor", f"--path.data-root={tmp_path}/line\nfeed\x1b[31m")

    assert f"{tmp_path}/line\\nfeed\\x1b[31m: No such file or directory" in done.stdout
    assert "\x1b" not in done.stdout


def test_bad_options_are_one_line(fails):
    assert fails(2, "doctor", "--format=xml").startswith("argument --format: invalid choice: 'xml'")
    assert fails(2, "doctor", "--path.rootfs=relative").endswith("'relative' is not an absolute path")
