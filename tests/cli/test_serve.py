"""`serve`: the whole program as a process, on a made-up data root, with and without an engine."""

import os
import re
import signal
import subprocess
import time

import pytest
from conftest import need

from cli.conftest import CONTAINER, GOOD, VOLUME


def du(path):
    """What du says."""
    need("du")
    return int(subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout.split()[0])


def test_every_volume_of_the_data_root_has_its_true_size(serve, data_root, demo):
    serving = serve(data_root)

    found = serving.until("docker_volume_allocated_bytes", lambda found: len(found) == 12)

    assert found == {name: du(f"{demo.data_root}/volumes/{name}/_data") for name in found}


def test_layers_logs_and_bind_mounts_have_theirs(serve, data_root):
    serving = serve(data_root)

    serving.until("docker_storage_pending_objects", lambda found: not any(found.values()))

    assert serving.series("docker_container_layer_allocated_bytes")["ci-runner-1"] >= 4608 * 1024
    assert 768 * 1024 <= serving.series("docker_container_log_bytes")["shop-search-1"] < 1024**2
    assert len(serving.series("docker_bind_mount_allocated_bytes")) == 3
    assert not any(serving.series("docker_storage_unmeasured_objects").values())


def test_it_says_where_it_listens_and_why_the_engine_is_down_each_once(serve, data_root, tmp_path):
    serving = serve(data_root, "--inventory.interval=100ms")
    time.sleep(0.5)

    logged = [line for line in serving.lines if line.startswith("ts=")]
    assert [line for line in serving.lines if line not in logged] == [f"listening on {serving.url}"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", serving.url)
    down = [
        line for line in logged if f'level=warn msg="no engine answers at unix://{tmp_path}/no-engine.sock"' in line
    ]
    assert len(down) == 1


def test_promtool_finds_nothing_to_say_about_the_whole_page(serve, data_root):
    need("promtool")
    page = serve(data_root).get()

    done = subprocess.run(["promtool", "check", "metrics"], input=page.encode(), capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_default_command_is_serve(serve, data_root):
    assert serve(data_root, command=()).get("/-/ready") == "ready\n"


def test_a_lower_log_level_says_less(serve, data_root):
    serving = serve(data_root, "--log.level=error")

    assert serving.lines == [f"listening on {serving.url}"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(serve, data_root, number):
    serving = serve(data_root)

    assert serving.end(number) == 0
    assert "Traceback" not in "".join(serving.lines)


def test_sigterm_ends_it_also_while_it_still_waits_for_the_engine(kept_waiting):
    kept_waiting.terminate()

    assert kept_waiting.communicate(timeout=20) == (None, "")
    assert kept_waiting.returncode == 0


def test_an_engine_of_another_host_gives_names_and_no_sizes(serve, engine, data_root):
    address = engine(GOOD, tcp=True)

    serving = serve(data_root, f"--docker.host={address}")

    assert serving.series("docker_engine_up") == {"docker": 1}
    assert set(serving.series("docker_volume_containers")) == {VOLUME}
    assert "far-away" in next(iter(serving.series("docker_container_info")))
    assert CONTAINER in next(iter(serving.series("docker_container_info")))
    unmeasured = serving.series("docker_storage_unmeasured_objects")
    assert {labels: number for labels, number in unmeasured.items() if number} == {
        "volume foreign_engine": 1,
        "container_layer foreign_engine": 1,
        "container_log foreign_engine": 1,
    }
    page = serving.get()
    for name in ("volume_allocated_bytes", "container_layer_allocated_bytes", "container_log_bytes"):
        assert f"\ndocker_{name}{{" not in page
    assert "\ndocker_storage_filesystem_size_bytes{" not in page


def test_an_engine_that_comes_back_is_seen_and_one_that_goes_is_too(serve, engine, data_root, tmp_path):
    serving = serve(data_root, f"--docker.host=unix://{tmp_path}/engine.sock", "--inventory.interval=100ms")
    assert serving.series("docker_engine_up") == {"docker": 0}

    engine(GOOD)

    assert serving.until("docker_engine_up", lambda found: found == {"docker": 1})
    os.remove(tmp_path / "engine.sock")
    assert serving.until("docker_engine_up", lambda found: found == {"docker": 0})
    assert serving.get("/-/healthy") == "healthy\n"


def test_a_removed_volume_is_gone_from_the_page_and_a_grown_one_has_grown(serve, tmp_path):
    volumes = tmp_path / "docker/volumes"
    for name in ("stays", "goes"):
        (volumes / name / "_data").mkdir(parents=True)
        (volumes / name / "_data/x").write_bytes(bytes(8192))
    serving = serve(
        f"--path.data-root={tmp_path}/docker", "--inventory.interval=100ms", "--scan.interval=100ms", "--scan.duty=1"
    )
    before = serving.until("docker_volume_allocated_bytes", lambda found: len(found) == 2)

    (volumes / "stays/_data/y").write_bytes(bytes(2**20))
    (volumes / "goes").rename(tmp_path / "gone")

    after = serving.until("docker_volume_allocated_bytes", lambda found: found.get("stays") != before["stays"])
    assert after["stays"] == du(volumes / "stays/_data")
    assert serving.until("docker_volume_info", lambda found: len(found) == 1)
