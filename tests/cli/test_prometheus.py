"""A real Prometheus scrapes the exporter and answers the question that it was made for."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from conftest import need

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: docker-storage
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """A Prometheus of its own, on a free port of 127.0.0.1, which scrapes one target every second."""

    def __init__(self, folder, target):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._url = f"http://127.0.0.1:{free.getsockname()[1]}"
        (folder / "prometheus.yml").write_text(CONFIG.format(target=target))
        command = [
            "prometheus",
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={self._url.removeprefix('http://')}",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)

    def ask(self, path, **parameters):
        """The data that the API answers; None while it does not."""
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}") as answer:
                return json.load(answer)["data"]
        except (urllib.error.URLError, ConnectionError):
            return None

    def until(self, query, number):
        """Ask again until a query has so many results; labels of each without the target's, with its value."""
        ends = time.monotonic() + 60
        while True:
            found = (self.ask("query", query=query) or {"result": []})["result"]
            if len(found) == number:
                return [(result["metric"], float(result["value"][1])) for result in found]
            assert time.monotonic() < ends, (found, self.ask("targets"))
            time.sleep(0.2)

    def end(self):
        """Stop it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def prometheus(tmp_path):
    """Start a Prometheus for a target; it ends with the test."""
    need("prometheus")
    (tmp_path / "prometheus").mkdir()
    running = []

    def start(target):
        running.append(Prometheus(tmp_path / "prometheus", target))
        return running[-1]

    yield start
    for started in running:
        started.end()


def test_prometheus_names_the_three_largest_volumes(serve, prometheus, data_root, demo):
    serving = serve(data_root)
    serving.until("docker_volume_allocated_bytes", lambda found: len(found) == 12)
    asked = prometheus(serving.url.removeprefix("http://"))

    found = asked.until("topk(3, docker_volume_allocated_bytes)", 3)

    assert [labels["volume"] for labels, _ in found] == ["shop_db-data", "ci_registry", "shop_db-backup"]
    path = f"{demo.data_root}/volumes/shop_db-data/_data"
    said = subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout
    assert found[0][1] == int(said.split()[0])


def test_prometheus_takes_every_sample_whatever_the_names_are_and_joins_them(serve, prometheus, tmp_path):
    names = [b"plain", b'quote"', b"back\\slash", b"line\nfeed", b"bad\xff", "whale \N{SPOUTING WHALE}".encode()]
    for name in names:
        os.makedirs(os.fsencode(tmp_path) + b"/docker/volumes/" + name + b"/_data")
    serving = serve(f"--path.data-root={tmp_path}/docker")
    serving.until("docker_volume_allocated_bytes", lambda found: len(found) == len(names))
    asked = prometheus(serving.url.removeprefix("http://"))

    found = asked.until(
        "docker_volume_allocated_bytes * on (volume) group_left (driver) docker_volume_info", len(names)
    )

    assert {labels["volume"] for labels, _ in found} == {name.decode("utf-8", "backslashreplace") for name in names}
    assert {labels["driver"] for labels, _ in found} == {"local"}
    ((_, scraped),) = asked.until("scrape_samples_scraped", 1)
    page = serving.get()
    assert scraped == sum(1 for line in page.split("\n") if line and not line.startswith("#"))
    (target,) = asked.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    (metadata,) = asked.ask("metadata", metric="docker_volume_allocated_bytes").values()
    assert (metadata[0]["type"], metadata[0]["unit"]) == ("gauge", "bytes")
