"""`df --explain` beside a real engine: the commands that it prints do what it says, and free what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from engine.dockerd import du

from waiting import wait_until

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
    """Run the last of the commands that were printed, in a shell, as a user would; what it was to free."""
    remedy = found["remedies"][-1]
    done = subprocess.run(["bash", "-c", remedy["command"]], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return remedy["frees_bytes"]


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
        assert stay["why"].startswith("in 1 file open in sleep (")
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

    assert found["remedies"][0]["frees_bytes"] == 0
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
    assert found["remedies"] == []
    assert found["remark"].startswith("the host's own files")


def test_removing_a_container_frees_what_was_said_and_its_two_links(dockerd, explain):
    """`overlay2/l` has a link for each of its layers, which takes a block where the path in it is long."""
    identity = dockerd.run("ex-exact", "for i in 1 2 3; do echo line; done; dd if=/dev/zero of=/data bs=1M count=3")
    while not (dockerd.layer_path(identity) / "done").exists():
        pass
    dockerd.docker("stop", "--time=0", "ex-exact")
    folder = dockerd.data_root / "containers" / identity
    (folder / f"{identity}-json.log-20261124").write_bytes(b"x" * 1_000_000)
    subprocess.run(["sync", "-f", dockerd.data_root], check=True)  # ext4 allocates blocks late
    found, before = explain("ex-exact"), du(dockerd.data_root)

    frees = follow(found)

    assert before - du(dockerd.data_root) - frees in (0, 2 * 4096)
    assert frees > 4_000_000


def test_emptying_the_log_of_a_running_container_frees_it_and_the_container_goes_on(dockerd, explain):
    identity = dockerd.run("ex-log", "yes x | head -c 90000; echo the end")
    log = dockerd.data_root / "containers" / identity / f"{identity}-json.log"
    wait_until(lambda: "the end" in log.read_text(), "the last line")

    subprocess.run(["sync", "-f", log], check=True)
    by_log, by_name = explain(log), explain("ex-log")

    assert by_log["stays"] == []
    assert by_log["remedies"] == by_name["remedies"][:1]
    assert by_log["remedies"][0]["frees_bytes"] == os.stat(log).st_blocks * 512 > 900_000
    follow(by_log)
    assert os.stat(log).st_blocks == 0
    assert dockerd.docker("inspect", "-f", "{{.State.Status}}", "ex-log") == "running"


def test_the_directories_of_a_running_container_name_it_and_its_mounted_root_is_a_view(dockerd, explain):
    layer = dockerd.layer_path(dockerd.run("ex-around", "true"))

    around, merged, inside = (
        explain(layer.parent),
        explain(layer.parent / "merged"),
        explain(f"{layer.parent}/merged/bin"),
    )

    assert around["owner"] == "the engine's directory for container ex-around"
    assert merged["owner"] == inside["owner"] == "the mounted root of container ex-around: its image with what it wrote"
    for found in (merged, inside):
        assert found["parts"][0]["note"] == "not measured: it shows what lies elsewhere"
    for found in (around, merged, inside):
        assert found["remedies"] == []
        assert found["remark"].endswith("see --explain ex-around")


def test_a_layer_of_an_image_is_no_container_s_and_has_no_remedy(dockerd, explain):
    writable = {dockerd.layer_path(i).parent.name for i in dockerd.docker("ps", "-aq", "--no-trunc").split()}
    images = [path for path in (dockerd.data_root / "overlay2").iterdir() if path.name not in writable | {"l"}]
    image = next(path for path in images if not path.name.endswith("-init") and (path / "diff").exists())

    found = explain(image)

    assert found["owner"].startswith("a layer of image ")
    assert found["remedies"] == []
