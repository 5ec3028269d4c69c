"""`demo`: what a newcomer sees, from the first line to the last."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import may_mount, need

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


@pytest.mark.slow
@pytest.mark.parametrize("user", ["root", "ordinary"])
def test_it_shows_every_family_and_other_commands_find_it_by_the_line_that_it_prints(serve, tmp_path, user):
    before = may_mount(user)
    (tmp_path / "demo").mkdir()
    serving = serve(command=("demo",), before=before, environment={"TMPDIR": str(tmp_path / "demo")})
    (folder,) = (tmp_path / "demo").iterdir()

    sizes = serving.until("docker_container_tmpfs_size_bytes", lambda found: len(found) == 2)
    assert set(sizes) == {"shop-db-1 /dev/shm", "ci-runner-1 /dev/shm"}
    assert serving.series("docker_volume_filesystem_size_bytes") == {"shop_cache": 16 * 2**20}
    assert serving.series("docker_storage_filesystem_size_bytes")[f"{folder}/docker"] == 256 * 2**20
    assert set(serving.series("docker_volume_limit_bytes")) == {"ci_registry engine", "shop_db-backup engine"}
    serving.until("docker_image_unique_bytes", lambda found: len(found) == 13)
    assert os.listdir(folder / "docker") == []  # seen in its namespace only
    (told,) = re.findall(r"for the other commands: (.+); df and watch need nothing", "\n".join(serving.lines))
    assert _in_a_shell(told, before, tmp_path, "df --explain shop_cache").startswith("shop_cache: volume\n")
    assert "shop_cache" in _in_a_shell(told, before, tmp_path, "df --no-exporter --format=csv")
    assert serving.end() == 0
    assert not folder.exists()


def _in_a_shell(told, before, folder, words):
    """What a command says in the shell that a line of the demo starts."""
    shell = folder / "shell"
    shell.write_text(f"#!/bin/sh\nexec {' '.join(COMMAND)} {words}\n")
    shell.chmod(0o755)
    environment = {**os.environ, "SHELL": str(shell)}
    return subprocess.run(
        [*before, "sh", "-c", told], capture_output=True, text=True, check=True, env=environment
    ).stdout


def test_where_nothing_may_be_mounted_it_says_so_and_goes_on(serve, tmp_path):
    need("unshare")
    no_more = 'echo 0 >/proc/sys/user/max_mnt_namespaces && exec "$@"'
    before = ("unshare", "--user", "--map-root-user", "sh", "-c", no_more, "sh")

    serving = serve(command=("demo",), before=before, environment={"TMPDIR": str(tmp_path)})

    assert serving.lines[0] == (
        "demo: nothing can be mounted here (no more namespaces are allowed: see /proc/sys/user): "
        "no tmpfs mounts, and no disk of its own"
    )
    assert "for the other commands: export DOCKER_HOST=tcp://127.0.0.1:" in serving.lines[2]
    assert len(serving.until("docker_volume_allocated_bytes", lambda found: len(found) == 12)) == 12
    assert serving.end() == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_demo_that_is_ended_while_it_is_built_keeps_nothing_either(tmp_path, number):
    command = [*INTERRUPTIBLE, *COMMAND, "demo"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)})
    while not list(Path(f"/proc/{process.pid}/root{tmp_path}").glob("*/docker/volumes")):  # its mounts are its own
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
