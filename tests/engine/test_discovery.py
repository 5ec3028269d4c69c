"""A real Prometheus with the example configurations finds exporters through a real engine, and a Swarm of one node."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import need
from engine.dockerd import IMAGE, Dockerd
from monitoring import Prometheus, free_port

from docker_storage_exporter.settings import DEFAULT_PORT
from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.root, pytest.mark.slow]
FOLDER = Path(__file__).parent.parent.parent / "deploy/prometheus"
LABEL = "prometheus-job=docker-storage-exporter"


def example(name, host, **discovery):
    """An example as it is shipped, but that it asks this engine, soon and again and again, and loads no rules."""
    config = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    (job,) = config["scrape_configs"]
    (found,) = job[f"{name}_sd_configs"]
    found.update(host=host, refresh_interval="1s", **discovery)
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}


def targets(prometheus):
    """What is scraped: the address of each target with its labels and its health."""
    found = prometheus.api("targets")["activeTargets"]
    return {target["discoveredLabels"]["__address__"]: (target["labels"], target["health"]) for target in found}


@pytest.fixture
def prometheus(tmp_path):
    """Start a Prometheus; it ends with the test."""
    need("prometheus")
    started = []

    def start(config):
        started.append(Prometheus(tmp_path / "prometheus", config))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def bridge():
    """A bridge that containers' ports can be published from; it goes with the test, as does the one a Swarm makes."""
    need("ip", root=True)
    made = ("dse-test0", "docker_gwbridge")
    here = [name for name in made if Path(f"/sys/class/net/{name}").exists()]
    for command in (("link", "add", made[0], "type", "bridge"), ("addr", "add", "10.253.253.1/28", "dev", made[0])):
        subprocess.run(["ip", *command], check=True)
    yield made[0]
    for name in set(made) - set(here):
        subprocess.run(["ip", "link", "delete", name], capture_output=True)


@pytest.fixture
def swarm(tmp_path_factory, bridge):
    """An engine of its own that is a Swarm of one node."""
    need("dockerd", "docker", "busybox", root=True)
    engine = Dockerd(tmp_path_factory.mktemp("swarm"))
    try:
        engine.start(f"--bridge={bridge}")
        engine.import_image(engine.folder / "image")
        engine.docker("swarm", "init", "--advertise-addr=127.0.0.1", f"--listen-addr=127.0.0.1:{free_port()}")
        yield engine
        engine.docker("swarm", "leave", "--force")
    finally:
        engine.clean_up()


def page_server(port):
    """A shell command that serves a page at a port, as an exporter would."""
    return ["/bin/sh", "-c", f"mkdir -p /w; echo served 1 >/w/metrics; exec busybox httpd -f -h /w -p {port}"]


def test_an_exporter_in_a_container_is_found_by_its_label_in_any_network(dockerd, exporter, prometheus):
    running = exporter()
    address = running.url.removeprefix("http://")
    dockerd.docker("network", "create", "discovery")
    try:
        serving = page_server(DEFAULT_PORT)
        net = ("--network", "discovery")
        ports = ("--expose", str(DEFAULT_PORT), "--expose", "9999")
        dockerd.docker("run", "-d", *net, *ports, "--label", LABEL, "--name", "found", IMAGE, *serving)
        dockerd.docker("run", "-d", *net, *ports, "--name", "another", IMAGE, *serving)
        found = prometheus(example("docker", dockerd.host, host_networking_host=address))
        template = "{{.NetworkSettings.Networks.discovery.IPAddress}}"
        own = dockerd.docker("inspect", "--format", template, "found") + f":{DEFAULT_PORT}"
        labels = {"instance": "docker-1", "job": "docker-storage-exporter"}

        wait_until(lambda: targets(found) == {own: (labels, "up")}, "the container's own address")

        dockerd.docker("rm", "-f", "found")
        dockerd.docker("run", "-d", "--network", "host", "--label", LABEL, "--name", "found", IMAGE, "sleep", "1000")
        wait_until(lambda: targets(found) == {address: (labels, "up")}, "the address of the host")
        (up,) = wait_until(lambda: found.query("docker_engine_up == 1"), "a sample")
        assert up["metric"]["instance"] == "docker-1"
    finally:
        dockerd.docker("rm", "-f", "found", "another")
        dockerd.docker("network", "rm", "discovery")


def test_the_exporters_of_a_swarm_are_found_on_their_nodes_under_the_nodes_names(swarm, prometheus):
    port = free_port()
    usual = ["--detach", "--mode", "global", "--no-resolve-image"]
    ours = ["--name", "found", "--label", LABEL, "--publish", f"mode=host,target=8080,published={port}"]
    swarm.docker("service", "create", *usual, *ours, IMAGE, *page_server(8080))
    swarm.docker("service", "create", *usual, "--name", "another", IMAGE, "sleep", "1000")

    found = prometheus(example("dockerswarm", swarm.host))

    labels = {"instance": socket.gethostname(), "job": "docker-storage-exporter"}
    wait_until(lambda: targets(found) == {f"127.0.0.1:{port}": (labels, "up")}, "the node")
