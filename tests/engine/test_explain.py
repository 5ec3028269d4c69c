"""`df --explain` beside a real engine: the commands that it prints do what it says, and free what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.engine
COMMAND = (sys.executable, "-m", "docker_storage_exporter")


@pytest.fixture
def explain(dockerd):
    """The explanation of a target, by the command itself."""

    def explain(target):
        env = {**os.environ, "DOCKER_HOST": dockerd.host, "DSE_WEB_LISTEN_ADDRESS": "127.0.0.1:1"}
        given = ["df", "--format=json", f"--explain={target}"]
        done = subprocess.run([*COMMAND, *given], capture_output=True, text=True, check=False, env=env, timeout=60)
        assert done.returncode == 0, done.stderr
        (found,) = json.loads(done.stdout)
        return found

    return explain


def follow(found):
    """Run the command that was printed, in a shell, as a user would."""
    done = subprocess.run(["bash", "-c", found["command"]], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_volume_in_use_by_containers_in_three_states_goes_with_the_printed_command(dockerd, explain):
    dockerd.run("ex-running", "dd if=/dev/zero of=/v/data bs=1M count=3", "-v", "ex-volume:/v")
    dockerd.run("ex-paused", "true", "-v", "ex-volume:/v:ro")
    dockerd.docker("create", "--name", "ex-created", "-v", "ex-volume:/v", "busybox:test", "sh")
    dockerd.docker("pause", "ex-paused")
    while len(list(dockerd.volume_path("ex-volume").iterdir())) == 0:
        pass

    found = explain("ex-volume")

    assert {(use["container"], use["state"], use["access"]) for use in found["uses"]} == {
        ("ex-running", "running", "rw"),
        ("ex-paused", "paused", "ro"),
        ("ex-created", "created", "rw"),
    }
    follow(found)
    assert "ex-volume" not in dockerd.docker("volume", "ls", "-q").split()
    assert not dockerd.volume_path("ex-volume").exists()
    assert not set(dockerd.docker("ps", "-a", "--format", "{{.Names}}").split()) & {
        "ex-running",
        "ex-paused",
        "ex-created",
    }


def test_deleted_files_that_a_container_holds_are_told_for_its_volume_and_its_layer(dockerd, explain):
    script = (
        "for place in /v /; do dd if=/dev/zero of=$place/held bs=1M count=2; done; "
        "exec 3</v/held 4</held; rm /v/held /held"
    )
    dockerd.run("ex-holder", script, "-v", "ex-held:/v")
    container = dockerd.docker("inspect", "-f", "{{.Id}}", "ex-holder")
    while not (dockerd.layer_path(container) / "done").exists():
        pass

    for target in ("ex-held", "ex-holder"):
        stay = explain(target)["stays"][0]
        assert stay["why"].startswith("in 1 files open in sleep (")
        assert stay["allocated_bytes"] == 2 * 2**20
    follow(explain("ex-holder"))
    follow(explain("ex-held"))
    assert "ex-held" not in dockerd.docker("volume", "ls", "-q").split()


def test_a_path_in_a_running_layer_is_removed_inside_the_container(dockerd, explain):
    identity = dockerd.run("ex-layer", "mkdir '/a b'; dd if=/dev/zero of='/a b/data' bs=1M count=1")
    layer = dockerd.layer_path(identity)
    while not (layer / "done").exists():
        pass

    found = explain(f"{layer}/a b")

    assert found["owner"] == "writable layer of container ex-layer"
    follow(found)
    assert not (layer / "a b").exists()


def test_a_bind_volume_frees_nothing_and_its_folder_stays(dockerd, explain, tmp_path):
    (tmp_path / "data").write_bytes(b"x" * 100_000)
    dockerd.docker("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", f"device={tmp_path}", "ex-bind")

    found = explain("ex-bind")

    assert found["frees_bytes"] == 0
    assert found["stays"][0] == {
        "why": f"in {tmp_path}, which removing the volume leaves alone",
        "allocated_bytes": found["parts"][0]["allocated_bytes"],
    }
    follow(found)
    assert (tmp_path / "data").exists()


def test_a_bind_source_belongs_to_who_mounts_it(dockerd, explain, tmp_path):
    (tmp_path / "site").mkdir()
    dockerd.run("ex-web", "true", "-v", f"{tmp_path}/site:/srv:ro")

    found = explain(f"{tmp_path}/site")

    assert found["owner"] == f"bind mount {tmp_path}/site"
    assert [(use["container"], use["access"]) for use in found["uses"]] == [("ex-web", "ro")]
    follow(found)
    assert not (tmp_path / "site").exists()
