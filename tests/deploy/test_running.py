"""The services of compose.yaml together on a real engine, each started with what the file says of it."""

from __future__ import annotations

import pytest
import yaml
from deploy.deployed import DEPLOY, QUICK, Exporter
from engine.dockerd import du
from monitoring import free_port

from docker_storage_exporter.settings import DEFAULT_DATA_ROOT
from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

FLAGS = {"user": "--user", "cap_drop": "--cap-drop", "cap_add": "--cap-add", "security_opt": "--security-opt"}
LIMITS = {"cpus": "--cpus", "memory": "--memory", "pids": "--pids-limit"}


def options(service, places):
    """The options of `docker run` that say the same; `places` are the paths that are elsewhere in a test."""
    found = ["--read-only"] if service["read_only"] else []
    for key, flag in FLAGS.items():
        values = service.get(key, [])
        found += [f"{flag}={value}" for value in ([values] if isinstance(values, str) else values)]
    for key, value in service["deploy"]["resources"]["limits"].items():
        found.append(f"{LIMITS[key]}={value}")
    for key, value in service.get("environment", {}).items():
        found.append(f"--env={key}={value}")
    for volume in service["volumes"]:
        text = volume if isinstance(volume, str) else _bind(volume)
        for name, place in places.items():
            text = text.replace(name, str(place))
        found.append(f"--volume={text}")
    return found


def _bind(volume):
    mode = f"{'ro' if volume['read_only'] else 'rw'},{volume['bind']['propagation']}"
    return f"{volume['source']}:{volume['target']}:{mode}"


@pytest.fixture
def deployment(host, image, proxy_image):
    """Both services, started as the file says but for the network: this engine has only the host's and none."""
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services, given = document["services"], document["volumes"]["engine"]["driver_opts"]
    host.docker("volume", "create", "engine", *(f"--opt={key}={value}" for key, value in given.items()))
    root, socket = "${DOCKER_ROOT:-" + DEFAULT_DATA_ROOT + "}", host.host.removeprefix("unix://")
    images = {"${CONTAINERD_ROOT:-" + root + "}": host.data_root}
    images["${CONTAINERD_ROOT:+/host}${CONTAINERD_ROOT:-/.no-containerd}"] = "/.no-containerd"
    places = {**images, root: host.data_root, "./proxy/haproxy.cfg": DEPLOY / "proxy/haproxy.cfg"}
    places["/var/run/docker.sock:/var/run/docker.sock"] = f"{socket}:/var/run/docker.sock"
    port = free_port()
    proxy, exporter = services["engine"], services["exporter"]
    proxied = [f"--network={proxy['network_mode']}", *options(proxy, places)]
    settings = {**QUICK, "WEB_LISTEN_ADDRESS": f"127.0.0.1:{port}"}
    scraped = ["--network=host", *options(exporter, places), *(f"--env=DSE_{key}={settings[key]}" for key in settings)]
    try:
        host.docker("run", "-d", "--name", "compose-engine", *proxied, proxy["image"])
        host.docker("run", "-d", "--name", "compose-exporter", *scraped, exporter["image"])
        yield Exporter(host, "compose-exporter", port)
    finally:
        for name in ("compose-exporter", "compose-engine"):
            host.docker("rm", "-f", name)
        host.docker("volume", "rm", "engine")


def test_the_exporter_measures_through_the_proxy_with_no_more_rights_than_the_file_gives(host, deployment):
    host.docker("volume", "create", "composed")
    (host.volume_path("composed") / "file").write_bytes(b"c" * 90_000)
    deployment.wait_for(lambda page: page.value("docker_engine_up", engine="docker") == 1, "the engine")
    deployment.wait_for(
        lambda page: page.value("docker_volume_allocated_bytes", volume="composed") == du(host.volume_path("composed")),
        "a volume's size",
    )

    reach = "import os; print(os.path.exists('/var/run/docker.sock'), os.environ['DOCKER_HOST'])"
    assert deployment.python(reach) == "False unix:///run/engine/docker.sock"
    assert host.docker("exec", "compose-exporter", "docker-storage-exporter", "health").endswith(" answers")


def test_it_finds_the_engine_again_after_the_proxy_was_started_anew(host, deployment):
    deployment.wait_for(lambda page: page.value("docker_engine_up", engine="docker") == 1, "the engine")
    host.docker("stop", "-t", "5", "compose-engine")
    deployment.wait_for(lambda page: page.value("docker_engine_up", engine="docker") == 0, "the proxy to be missed")
    host.docker("start", "compose-engine")

    deployment.wait_for(lambda page: page.value("docker_engine_up", engine="docker") == 1, "the engine again")
    wait_until(lambda: deployment.state()["Running"], "it to run still")
