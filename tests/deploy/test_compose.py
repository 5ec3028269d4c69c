"""The Compose and stack files: valid, as restricted as they say, and true to each other and to what they point at."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import need
from deploy.deployed import DEPLOY, IMAGE, PROJECT

from dashboards.settings import Settings as RuleSettings
from docker_storage_exporter.settings import DEFAULT_DATA_ROOT, DEFAULT_HOST, DEFAULT_PORT

FILES = ("compose.yaml", "compose.socket.yaml", "compose.demo.yaml", "stack.yaml")
EXPORTERS = ("compose.yaml", "compose.socket.yaml", "stack.yaml")
CONTAINERD = [("/var/lib/containerd", "/var/lib/containerd", "/host/var/lib/containerd")]
SOCKET = DEFAULT_HOST.removeprefix("unix://")


def read(name):
    return yaml.safe_load((DEPLOY / name).read_text())


def check(*files):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def mounts(service):
    """The mounts of a service: target to (source, whether it is read-only)."""
    found = {}
    for volume in service.get("volumes", ()):
        if isinstance(volume, str):
            source, target, *mode = volume.split(":")
            found[target] = (source, mode == ["ro"])
        else:
            found[volume["target"]] = (volume["source"], volume.get("read_only", False))
    return found


def test_all_are_valid():
    done = check(*(DEPLOY / name for name in FILES))

    assert done.returncode == 0, done.stdout


def test_a_mistake_would_be_noticed(tmp_path):
    broken = read("compose.yaml")
    broken["services"]["exporter"]["read-only"] = True
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(broken))

    assert check(tmp_path / "compose.yaml").returncode == 1


@pytest.mark.parametrize("name", EXPORTERS)
def test_the_exporter_may_read_and_nothing_else(name):
    exporter = read(name)["services"]["exporter"]

    rights = {key: exporter[key] for key in ("user", "read_only", "cap_drop", "cap_add")}
    assert rights == {"user": "0:0", "read_only": True, "cap_drop": ["ALL"], "cap_add": ["DAC_READ_SEARCH"]}
    assert exporter.get("security_opt") == (None if name == "stack.yaml" else ["no-new-privileges:true"])
    assert not {"privileged", "pid", "devices", "network_mode"} & set(exporter)
    limits = exporter["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory"} | ({"pids"} if name != "stack.yaml" else set())
    writable = {target for target, (_, read_only) in mounts(exporter).items() if not read_only}
    assert writable == ({SOCKET} if name == "compose.socket.yaml" else set())


@pytest.mark.parametrize("name", EXPORTERS)
def test_the_data_root_is_below_the_rootfs_of_the_image_and_shows_later_mounts(name):
    root = read(name)["services"]["exporter"]["volumes"][0]

    path = "${DOCKER_ROOT:-" + DEFAULT_DATA_ROOT + "}"
    rootfs = re.search(r"DSE_PATH_ROOTFS=(\S+)", (PROJECT / "Dockerfile").read_text())[1]
    assert (root["source"], root["target"]) == (path, rootfs + path)
    assert root["bind"] == {"propagation": "rslave"}


@pytest.mark.parametrize(("wanted", "source", "target"), [("", "/srv/docker", "/.no-containerd"), *CONTAINERD])
def test_containerd_s_root_is_mounted_where_it_is_named_and_otherwise_nothing_that_may_be_missing(
    wanted, source, target
):
    for name in ("compose.yaml", "compose.socket.yaml"):
        volume = read(name)["services"]["exporter"]["volumes"][1]
        variables = {"DOCKER_ROOT": "/srv/docker", "CONTAINERD_ROOT": wanted}
        assert [interpolated(volume[key], variables) for key in ("source", "target")] == [source, target]
        assert (volume["read_only"], volume["bind"]) == (True, {"propagation": "rslave"})


def interpolated(text, variables):
    """The text as Compose makes it: ${NAME:-else} and ${NAME:+then}, the innermost first."""
    pattern = re.compile(r"\$\{(\w+):([-+])([^${}]*)\}")
    while match := pattern.search(text):
        value, is_else, word = variables.get(match[1], ""), match[2] == "-", match[3]
        text = text.replace(match[0], (value or word) if is_else else (word if value else ""))
    return text


@pytest.mark.parametrize("name", EXPORTERS)
def test_image_and_port_are_ours(name):
    exporter = read(name)["services"]["exporter"]

    assert exporter["image"] in (IMAGE, f"${{DOCKER_STORAGE_IMAGE:-{IMAGE}}}")
    (port,) = exporter["ports"]
    if name == "stack.yaml":
        assert port == {"target": DEFAULT_PORT, "published": DEFAULT_PORT, "protocol": "tcp", "mode": "host"}
    else:
        assert port == f"${{LISTEN:-127.0.0.1:{DEFAULT_PORT}}}:{DEFAULT_PORT}"


def test_the_variants_differ_in_the_engine_alone():
    proxied, direct = (read(name)["services"]["exporter"] for name in ("compose.yaml", "compose.socket.yaml"))

    assert proxied.pop("depends_on") == ["engine"]
    assert proxied.pop("environment") == {"DOCKER_HOST": "unix:///run/engine/docker.sock"}
    assert proxied["volumes"].pop() == "engine:/run/engine:ro"
    assert direct["volumes"].pop() == f"{SOCKET}:{SOCKET}"
    assert proxied == direct


@pytest.mark.parametrize("name", ["compose.yaml", "stack.yaml"])
def test_the_proxy_alone_has_the_socket_and_no_way_out(name):
    document = read(name)
    proxy, exporter = document["services"]["engine"], document["services"]["exporter"]

    assert mounts(proxy)[SOCKET] == (SOCKET, True)
    assert SOCKET not in {source for source, _ in mounts(exporter).values()}
    assert (proxy["user"], proxy["read_only"], proxy["cap_drop"]) == ("0:0", True, ["ALL"])
    assert "cap_add" not in proxy
    assert "ports" not in proxy
    networks = [document["networks"][network] for network in proxy.get("networks", ())]
    assert proxy.get("network_mode") == "none" or networks == [{"internal": True}]
    assert mounts(proxy)["/run/engine"][0] == mounts(exporter)["/run/engine"][0] == "engine"


@pytest.mark.parametrize("name", FILES)
def test_every_log_is_bounded(name):
    for service in read(name)["services"].values():
        assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_is_mounted_is_here(name):
    document = read(name)
    paths = [source for service in document["services"].values() for source, _ in mounts(service).values()]
    paths += [config["file"] for config in document.get("configs", {}).values()]
    for path in paths:
        assert not path.startswith(".") or (DEPLOY / path).exists(), path


def test_the_demos_prometheus_takes_its_configuration_and_our_rules(tmp_path):
    need("promtool")
    for target, (source, _) in mounts(read("compose.demo.yaml")["services"]["prometheus"]).items():
        if source.startswith("."):
            inside = tmp_path / target.removeprefix("/etc/prometheus/")
            (shutil.copytree if (DEPLOY / source).is_dir() else shutil.copy)(DEPLOY / source, inside)
    done = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("recording", "alerts"):
        assert f"{name}.yaml" in done.stdout
    (job,) = yaml.safe_load((tmp_path / "prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"exporter:{DEFAULT_PORT}"]}]
    selector = re.fullmatch(r'job=~"(.*)"', RuleSettings().exporter_job)[1]
    assert re.fullmatch(selector, job["job_name"])


def test_the_demos_grafana_finds_its_source_and_our_dashboards():
    demo = read("compose.demo.yaml")["services"]
    mounted = {target: source for target, (source, _) in mounts(demo["grafana"]).items()}
    (provider,) = read("demo/grafana/dashboards.yaml")["providers"]
    (source,) = read("demo/grafana/datasources.yaml")["datasources"]

    assert mounted[provider["options"]["path"]] == "../dashboards/json"
    home = demo["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (PROJECT / "dashboards/json" / home.removeprefix(f"{provider['options']['path']}/")).exists()
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in demo
