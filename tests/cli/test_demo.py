"""`demo`: what a newcomer sees, from the first line to the last."""

import os
import signal
import subprocess
import time

import pytest
from conftest import need

from cli.conftest import COMMAND, INTERRUPTIBLE


@pytest.mark.slow
def test_a_newcomer_sees_sizes_sees_them_grow_and_keeps_nothing(serve, tmp_path):
    serving = serve("--publish.interval=100ms", command=("demo",), environment={"TMPDIR": str(tmp_path)})
    (folder,) = tmp_path.glob("docker-storage-exporter-demo-*")

    first = serving.until("docker_volume_allocated_bytes", lambda found: len(found) == 12)
    serving.until("docker_volume_allocated_bytes", lambda found: found["ci_runner-cache"] > first["ci_runner-cache"])

    assert serving.lines[0] == f"demo: a made-up engine with its data root in {folder}/docker, removed when this ends"
    assert serving.series("docker_engine_up") == {"docker": 1}
    assert serving.end() == 0
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_demo_that_is_ended_while_it_is_built_keeps_nothing_either(tmp_path, number):
    command = [*INTERRUPTIBLE, *COMMAND, "demo"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)})
    while not list(tmp_path.glob("*/docker/volumes")):
        time.sleep(0.001)
    process.send_signal(number)

    _, errors = process.communicate(timeout=20)

    assert process.returncode in (0, 130)
    assert b"Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_a_disk_too_small_for_it_is_one_line(fails, tmp_path):
    need("prlimit")

    line = fails(1, "demo", before=("prlimit", "--fsize=1000000"), environment={"TMPDIR": str(tmp_path)})

    assert line.startswith(f"cannot build the demo in {tmp_path}/docker-storage-exporter-demo-")
    assert line.endswith("; set TMPDIR elsewhere")
    assert list(tmp_path.iterdir()) == []
