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

from cli.conftest import servers

pytestmark = pytest.mark.slow
NAMES = (b"plain", b'quote"', b"back\\slash", b"line\nfeed", b"bad\xff", "whale \N{SPOUTING WHALE}".encode())


class Prometheus:
    """A Prometheus of its own, on a free port of 127.0.0.1, which scrapes each target every second."""

    def __init__(self, folder, targets):
        self.targets = targets
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._url = f"http://127.0.0.1:{free.getsockname()[1]}"
        jobs = [
            {"job_name": job, "static_configs": [{"targets": [serving.url.removeprefix("http://")]}]}
            for job, serving in targets.items()
        ]
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
        (folder / "prometheus.yml").write_text(json.dumps(config))
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


@pytest.fixture(scope="module")
def asked(demo, tmp_path_factory):
    """A Prometheus that scrapes two exporters: one of the made-up data root, one of a data root with odd names."""
    need("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    for name in NAMES:
        os.makedirs(os.fsencode(folder) + b"/docker/volumes/" + name + b"/_data")
    with servers(folder) as serve:
        targets = {}
        for job, root, volumes in (("demo", demo.data_root, 12), ("odd", f"{folder}/docker", len(NAMES))):
            targets[job] = serve(f"--path.data-root={root}")
            targets[job].until("docker_volume_allocated_bytes", lambda found, volumes=volumes: len(found) == volumes)
        prometheus = Prometheus(folder, targets)
        yield prometheus
        prometheus.end()


def test_prometheus_names_the_three_largest_volumes(asked, demo):
    asked.until("docker_volume_allocated_bytes", 12 + len(NAMES))  # both targets were scraped

    found = asked.until("topk(3, docker_volume_allocated_bytes)", 3)

    assert [labels["volume"] for labels, _ in found] == ["shop_db-data", "ci_registry", "shop_db-backup"]
    path = f"{demo.data_root}/volumes/shop_db-data/_data"
    said = subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout
    assert found[0][1] == int(said.split()[0])


def test_prometheus_takes_every_sample_of_every_page(asked):
    found = asked.until("scrape_samples_scraped", 2)

    for labels, number in found:
        page = asked.targets[labels["job"]].get()
        assert number == sum(1 for line in page.split("\n") if line and not line.startswith("#"))
    assert {(target["health"], target["lastError"]) for target in asked.ask("targets")["activeTargets"]} == {("up", "")}


def test_prometheus_joins_numbers_and_identity_whatever_the_names_are(asked):
    joined = 'docker_volume_allocated_bytes{job="odd"} * on (volume) group_left (driver) docker_volume_info{job="odd"}'

    found = asked.until(joined, len(NAMES))

    assert {labels["volume"] for labels, _ in found} == {name.decode("utf-8", "backslashreplace") for name in NAMES}
    assert {labels["driver"] for labels, _ in found} == {"local"}


def test_prometheus_knows_type_and_unit_from_openmetrics(asked):
    asked.until("scrape_samples_scraped", 2)

    (metadata,) = asked.ask("metadata", metric="docker_volume_allocated_bytes").values()

    assert (metadata[0]["type"], metadata[0]["unit"]) == ("gauge", "bytes")
