"""A real node_exporter serves what `textfile` wrote beside a real engine, at any moment, whatever names there are."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import urllib.request

import pytest
from conftest import need
from engine.dockerd import Page, du
from monitoring import Prometheus, Server, free_port

from cli.conftest import COMMAND
from dashboards.generate import HERE
from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.root]
NAMES = (b'quote"', b"back\\slash", b"line\nfeed", b"bad\xff", "whale \N{SPOUTING WHALE}".encode())


class NodeExporter(Server):
    """A node_exporter that has its textfile collector only, and another folder to look at."""

    def __init__(self, folder):
        self.textfiles = folder / "textfile"
        self.textfiles.mkdir()
        self.address = f"127.0.0.1:{free_port()}"
        command = ["prometheus-node-exporter", f"--web.listen-address={self.address}", "--collector.disable-defaults"]
        command += ["--collector.textfile", f"--collector.textfile.directory={self.textfiles}"]
        super().__init__(folder, command, f"http://{self.address}/")

    def page(self):
        """Scrape it."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=20) as answer:
            return Page(answer.read().decode())


@pytest.fixture
def node_exporter(tmp_path):
    """A node_exporter that ends with the test."""
    need("prometheus-node-exporter")
    running = NodeExporter(tmp_path)
    yield running
    running.stop()


def textfile(target, *options, host="unix:///nowhere/docker.sock"):
    """Run the command; it has to succeed."""
    command = [*COMMAND, "textfile", str(target), *options]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "DOCKER_HOST": host}, timeout=60)
    assert done.returncode == 0, done.stderr


def test_node_exporter_serves_the_true_sizes_of_volumes_and_writable_layers(dockerd, node_exporter):
    container = dockerd.run("textfile", "seq 50000 >/v/file; seq 10000 >/layer", "-v", "textfile:/v")
    wait_until((dockerd.layer_path(container) / "done").exists, "the container")

    textfile(node_exporter.textfiles / "docker.prom", host=dockerd.host)
    page = node_exporter.page()

    volume = page.value("docker_volume_allocated_bytes", volume="textfile")
    assert volume == du(dockerd.volume_path("textfile")) > 200_000
    layer = page.value("docker_container_layer_allocated_bytes", container="textfile")
    assert layer == du(dockerd.layer_path(container)) > 40_000
    assert page.value("docker_engine_up", engine="docker") == 1
    assert page.value("node_textfile_scrape_error") == 0
    assert page.value("node_textfile_mtime_seconds", file=str(node_exporter.textfiles / "docker.prom"))


def test_a_link_beside_other_files_leads_it_to_the_file_as_the_timer_s_instructions_say(
    dockerd, node_exporter, tmp_path
):
    (tmp_path / "own").mkdir()
    textfile(tmp_path / "own/docker_storage.prom", host=dockerd.host)
    (node_exporter.textfiles / "docker_storage.prom").symlink_to(tmp_path / "own/docker_storage.prom")
    (node_exporter.textfiles / "other.prom").write_text("# HELP other One.\n# TYPE other gauge\nother 1\n")

    page = node_exporter.page()

    assert page.value("docker_engine_up", engine="docker") == 1
    assert page.value("other") == 1
    assert page.value("node_textfile_scrape_error") == 0


def test_whoever_scrapes_while_it_is_written_gets_all_of_one_run(node_exporter, tmp_path):
    for name in NAMES:
        os.makedirs(os.fsencode(tmp_path) + b"/docker/volumes/" + name + b"/_data")
    root = f"--path.data-root={tmp_path}/docker"
    target = node_exporter.textfiles / "docker.prom"
    textfile(target, root)
    stopping, written = threading.Event(), []

    def write_on():
        while not stopping.is_set():
            textfile(target, root)
            written.append(target.stat().st_ino)

    writing = threading.Thread(target=write_on)
    writing.start()
    try:
        pages = []
        while len(written) < 4:
            assert writing.is_alive()
            pages.append(node_exporter.page())
    finally:
        stopping.set()
        writing.join()

    names = {name.decode("utf-8", "backslashreplace") for name in NAMES}
    assert all(set(page.by("volume", "docker_volume_allocated_bytes")) == names for page in pages)
    assert {page.value("node_textfile_scrape_error") for page in pages} == {0}
    assert len(set(written)) > 1


def test_rules_and_queries_work_on_what_node_exporter_serves(dockerd, node_exporter, tmp_path):
    need("prometheus")
    dockerd.docker("volume", "create", "for-rules")
    textfile(node_exporter.textfiles / "docker.prom", host=dockerd.host)
    jobs = [{"job_name": "node", "static_configs": [{"targets": [node_exporter.address]}]}]
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    recording = str(HERE / "rules/recording.yaml")
    prometheus = Prometheus(
        tmp_path / "prometheus", {"global": every, "scrape_configs": jobs, "rule_files": [recording]}
    )
    try:
        size, identity = "docker_volume_allocated_bytes", 'docker_volume_info{volume="for-rules"}'
        query = f"{size} * on (volume, instance) group_left (driver) {identity}"
        (found,) = wait_until(lambda: prometheus.query(query), "the join")
        rules = [rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]]
    finally:
        prometheus.stop()

    assert found["metric"]["driver"] == "local"
    assert rules
    assert {rule["lastError"] for rule in rules if "lastError" in rule} == set(), json.dumps(rules, indent=1)
