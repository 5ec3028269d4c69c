"""What the chart renders, run: the pod's mounts, rights, arguments and configuration make an exporter that measures."""

import os
import subprocess
import sys

import pytest
import yaml
from conftest import need
from monitoring import Prometheus, free_port
from prometheus_client.parser import text_string_to_metric_families as parse

from docker_storage_exporter.demo.data_root import Demo
from helm.node import PROGRAM
from helm.rendering import exporter, find
from waiting import wait_until

pytestmark = pytest.mark.root
OWNER = 999


@pytest.fixture(scope="module")
def data_root(tmp_path_factory):
    """A data root whose volumes belong to somebody else, who closed them."""
    need(root=True)
    demo = Demo(str(tmp_path_factory.mktemp("node")))
    demo.build()
    for name in os.listdir(f"{demo.data_root}/volumes"):
        path = f"{demo.data_root}/volumes/{name}/_data"
        os.chown(path, OWNER, OWNER)
        os.chmod(path, 0o700)
    return demo.data_root


@pytest.fixture
def start(start_pod, data_root):
    """Render the chart with a feature's values for that data root, and run its pod."""

    def start(feature, *options):
        return start_pod(feature, data_root, *options)

    start.node = lambda feature, *options: start_pod.node(feature, data_root, *options)
    return start


def series(text, family):
    """The numbers of a family by the value of its first label."""
    return {next(iter(s.labels.values())): s.value for f in parse(text) for s in f.samples if s.name == family}


def du(path):
    """What du says."""
    return int(subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout.split()[0])


def measured(running, family, number):
    """The page, once a family has so many series."""
    wait_until(lambda: len(series(running.get("/metrics"), family)) == number, family)
    return series(running.get("/metrics"), family)


@pytest.mark.parametrize("feature", ["default", "whole-host", "recursive-read-only"])
def test_every_volume_has_its_true_size(start, data_root, feature):
    _, running = start(feature)

    def is_true():
        """What was just written may still be given its blocks, so both are asked again."""
        found = series(running.get("/metrics"), "docker_volume_allocated_bytes")
        return len(found) == 12 and found == {name: du(f"{data_root}/volumes/{name}/_data") for name in found}

    wait_until(is_true, "the sizes that du says")
    assert running.stop() == 0


def test_bind_mounts_have_sizes_where_values_name_their_directories(start, data_root):
    """Sources lie beside the data root, which alone is mounted by default."""
    folder = os.path.dirname(data_root) + "/srv"

    _, plain = start("default")
    _, more = start("default", f"--set=hostMounts.paths={{{folder}}}")

    assert len(measured(more, "docker_bind_mount_allocated_bytes", 3)) == 3
    assert measured(plain, "docker_volume_allocated_bytes", 12)
    assert not series(plain.get("/metrics"), "docker_bind_mount_allocated_bytes")


def test_the_configuration_in_the_configmap_holds(start):
    _, running = start("config", "--set=config.collector\\.volume-exclude=shop_.*")

    found = measured(running, "docker_volume_allocated_bytes", 7)

    assert not [name for name in found if name.startswith("shop_")]
    assert not series(running.get("/metrics"), "docker_container_log_bytes")


def test_the_state_is_written_where_the_pod_may_write(start, tmp_path):
    _, running = start("state")
    measured(running, "docker_volume_allocated_bytes", 12)

    assert running.stop() == 0
    assert (tmp_path / "state/ledger.json").stat().st_size > 1000


def test_without_rights_it_serves_what_is_left_and_says_what_is_not(start):
    told = '\ndocker_storage_unmeasured_objects{kind="volume",reason="permission_denied"} 12\n'
    _, running = start("non-root")

    wait_until(lambda: told in running.get("/metrics"), told)

    assert not series(running.get("/metrics"), "docker_volume_allocated_bytes")
    assert measured(running, "docker_container_layer_allocated_bytes", 12)


def test_the_container_can_write_nowhere(start, data_root):
    _, node = start.node("default")

    for path in (f"/host{data_root}/x", "/x", "/etc/x", f"/host{data_root}/volumes/shop_cache/_data/x"):
        done = node.run("touch", path)
        assert done.returncode == 1
        assert "Read-only file system" in done.stderr
    assert node.run("ls", f"/host{data_root}/volumes/shop_cache/_data").returncode == 0


@pytest.fixture
def mounted_below(data_root):
    """A filesystem that is mounted in the data root and belongs to root, such as a container's root; its path."""
    path = f"{data_root}/mounted"
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    yield path
    subprocess.run(["umount", path], check=True)
    os.rmdir(path)


@pytest.mark.parametrize(("feature", "code"), [("default", 0), ("recursive-read-only", 1)])
def test_what_is_mounted_below_is_read_only_when_asked_for(start, mounted_below, feature, code):
    """The hole that docs/kubernetes.md tells of, and what closes it."""
    _, node = start.node(feature)

    assert node.run("touch", f"/host{mounted_below}/x").returncode == code
    assert os.path.exists(f"{mounted_below}/x") is (code == 0)


def test_the_connection_test_and_the_probe_say_whether_it_answers(start):
    """The Service's name is known to no resolver here: this machine takes its place."""
    objects, running = start("default")
    asking = find(objects, "Pod")["spec"]["containers"][0]["args"]
    probing = exporter("web-config")["livenessProbe"]["exec"]["command"]
    address = "release-docker-storage-exporter:10054"

    def ask(arguments, was, port):
        command = [*PROGRAM, *(text.replace(was, f"127.0.0.1:{port}") for text in arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    for arguments, was in ((asking, address), (probing[1:], ":10054")):
        assert ask(arguments, was, running.port).returncode == 0
        assert ask(arguments, was, free_port()).returncode == 1


def test_prometheus_keeps_the_exporter_s_labels_and_names_the_node(start, tmp_path):
    """Relabelings as the operator writes them from the monitor, after its own for pods."""
    need("prometheus")
    objects, running = start("service-monitor")
    (endpoint,) = find(objects, "ServiceMonitor")["spec"]["endpoints"]
    found = {"__meta_kubernetes_pod_node_name": "node-1", "pod": "x-1", "container": "exporter", "namespace": "storage"}
    targets = {"targets": [f"127.0.0.1:{running.port}"], "labels": found}
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    relabelings = [{names.get(key, key): value for key, value in one.items()} for one in endpoint["relabelings"]]
    scrape = {"job_name": "docker-storage-exporter", "static_configs": [targets], "relabel_configs": relabelings}
    measured(running, "docker_volume_allocated_bytes", 12)

    server = Prometheus(tmp_path / "prometheus", {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]})
    try:
        layers = wait_until(lambda: server.query("docker_container_layer_allocated_bytes"), "a scrape")
    finally:
        server.stop()

    assert "ci-runner-1" in {one["metric"]["container"] for one in layers}
    assert {one["metric"]["instance"] for one in layers} == {"node-1"}
    assert not {"pod", "exported_container"} & {label for one in layers for label in one["metric"]}


def test_the_rendered_page_of_settings_is_what_the_pod_uses(start):
    objects, node = start.node("config")
    arguments = find(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]["args"]

    done = node.run(sys.executable, "-m", "docker_storage_exporter", *arguments, "--config.print")

    assert done.returncode == 0, done.stderr
    printed = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert printed["log.level"].startswith("warn  # /etc/docker-storage-exporter/exporter.yaml:")
    assert printed["scan.interval"] == "500ms  # DSE_SCAN_INTERVAL"
    assert printed["path.rootfs"] == "/host  # --path.rootfs"
    assert yaml.safe_load(done.stdout)["collector.logs"] is False
