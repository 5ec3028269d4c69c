"""State across restarts beside a real engine: bound to its id, and right where the engine has the disk to itself."""

import hashlib
import json
import re

import pytest

pytestmark = pytest.mark.engine

SIZES = {
    "docker_volume_allocated_bytes": "volume",
    "docker_volume_measured_timestamp_seconds": "volume",
    "docker_container_layer_allocated_bytes": "container",
    "docker_container_log_bytes": "container",
}


def test_the_first_page_after_a_restart_has_every_size_and_its_time(dockerd, exporter, tmp_path):
    dockerd.docker("volume", "create", "remembered")
    (dockerd.volume_path("remembered") / "data").write_bytes(b"r" * 100_000)
    dockerd.docker("run", "-d", "--name=remembering", "-v", "remembered:/data", "busybox:test", "sleep", "1d")
    texts = {"state_file": f"{tmp_path}/state.json", "scan_interval": "1h"}
    first = exporter(**texts)
    page = first.settled()
    first.exporter.stop()

    again = exporter(**texts).page()

    assert {name: again.by(label, name) for name, label in SIZES.items()} == {
        name: page.by(label, name) for name, label in SIZES.items()
    }
    assert again.value("docker_volume_allocated_bytes", volume="remembered") >= 100_000
    assert not any(again.by("kind", "docker_storage_pending_objects").values())
    engine = json.loads((tmp_path / "state.json").read_text())["host"]["engine"]
    assert engine == dockerd.docker("info", "--format={{.ID}}").strip()


def test_the_state_of_another_engine_is_not_taken_for_this_ones(dockerd, exporter, tmp_path, caplog):
    path = tmp_path / "state.json"
    dockerd.docker("volume", "create", "mine")
    first = exporter(state_file=str(path))
    first.settled()
    first.exporter.stop()
    text = path.read_text()
    content = re.sub(r'"allocated":\d+', '"allocated":12345', text.partition(', "sha256"')[0])
    content = re.sub(r'"engine": "[^"]*"', '"engine": "SOME-OTHER"', content)
    path.write_text(f'{content}, "sha256": "{hashlib.sha256(content.encode()).hexdigest()}"}}\n')

    page = exporter(state_file=str(path)).settled()

    assert "belongs to another engine or data root" in caplog.text
    assert 12345 not in page.by("volume", "docker_volume_allocated_bytes").values()
