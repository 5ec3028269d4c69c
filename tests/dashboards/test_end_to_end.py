"""The main promise on real parts: a container fills a volume, and somebody is told in time, and told when it is over.

An engine on a small filesystem, the exporter, Prometheus with the shipped rules, Alertmanager, and a webhook. The rules
are lived through 720 times as fast: an hour takes 5 seconds and a day two minutes.
"""

from __future__ import annotations

import subprocess
import time

import pytest
import yaml
from conftest import need
from engine.dockerd import Dockerd, Running
from monitoring import MACROS, Alertmanager, Prometheus, Webhook, panel_queries, substituted

from dashboards.generate import all_dashboards, main
from dashboards.recording import recorded_names
from dashboards.settings import Settings
from docker_storage_exporter.settings import from_texts
from grafana import answered, findings
from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

SCALE = 1 / 720
_QUICK = {"scan_interval": "200ms", "publish_interval": "100ms", "inventory_interval": "500ms", "scan_duty": "1"}
_SLOWLY = "while sleep 0.3; do echo $(seq 1 400); dd if=/dev/zero bs=16k count=1 conv=fsync of=%s/$(date +%%s%%N); done"
_FILL = (
    "i=0; while [ $i -lt 160 ]; do dd if=/dev/zero of=/data/f$i bs=1M count=1 conv=fsync; i=$((i+1)); sleep 0.05; done"
)

NO_DATA = {
    (
        "containers.json",
        "Use of layer quotas",
        "A",
    ): "a quota needs XFS with project quotas, which not every kernel has",
    ("volumes.json", "Own filesystem or quota", "B"): "the same",
    ("health.json", "Still to be measured", "A"): "the lines below the number: nothing waits any more",
    ("health.json", "Failed measurements", "A"): "nothing fails, and a line of zeros says nothing",
    ("health.json", "Objects without a number", "A"): "the same",
    ("health.json", "Objects cut from the page", "A"): "the same",
}
"""The queries that rightly have no answer on this host, and why."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """An engine whose data root is a filesystem of 320 MiB, with something of everything that panels show."""
    need("dockerd", "docker", "busybox", "mkfs.ext4", "prometheus", "prometheus-alertmanager", root=True)
    folder = tmp_path_factory.mktemp("small-engine")
    (folder / "data").mkdir()
    subprocess.run(["truncate", "-s", "320M", folder / "disk"], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", folder / "disk"], check=True)
    subprocess.run(["mount", "-o", "loop", folder / "disk", folder / "data"], check=True)
    made = Dockerd(folder)
    try:
        made.start()
        made.import_image(folder / "image")
        _populate(made)
        yield made
    finally:
        subprocess.run(["docker", "-H", made.host, "rm", "-f", *_NAMES], capture_output=True, check=False)
        made.clean_up()


_NAMES = ("filler", "writer", "steady", "stopped")


def _populate(engine: Dockerd) -> None:
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=8m"}
    engine.docker("volume", "create", *(f"--opt={k}={v}" for k, v in options.items()), "in-memory")
    engine.docker("volume", "create", "left-behind")
    (engine.volume_path("left-behind") / "old").write_bytes(b"o" * 2_000_000)
    (engine.folder / "srv/inner").mkdir(parents=True)
    binds = [f"{engine.folder}/srv:/srv", f"{engine.folder}/srv/inner:/inner:ro", "/sys:/host-sys:ro"]
    mounts = [part for bind in [*binds, "database:/data", "in-memory:/memory"] for part in ("-v", bind)]
    shell = ("busybox:test", "/bin/busybox", "sh", "-c")
    run = ("run", "-d", "--network", "none")
    engine.docker(*run, "--name", "filler", "-v", "filling:/data", *shell, "sleep 100000")
    engine.docker(*run, "--name", "writer", *shell, "mkdir /tmp; " + _SLOWLY.replace("date", "busybox date") % "/tmp")
    limits = ("--log-opt", "max-size=1m", "--log-opt", "max-file=2", "--tmpfs", "/scratch:size=4m")
    script = "dd if=/dev/zero of=/scratch/f bs=1M count=1; " + _SLOWLY.replace("date", "busybox date") % "/data"
    engine.docker(*run, "--name", "steady", *limits, *mounts, *shell, script)
    engine.docker("run", "--network", "none", "--name", "stopped", *shell, "echo over > /result")
    engine.docker("commit", "stopped", "unused:1")  # an image without a container, on layers that another one has


@pytest.fixture(scope="module")
def webhook():
    """Where alerts end."""
    receiver = Webhook()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def prometheus(engine, webhook, tmp_path_factory):
    """Prometheus with the scaled rules, scraping an exporter of the engine, and an Alertmanager behind it."""
    folder = tmp_path_factory.mktemp("monitoring")
    exporter = Running(from_texts(_QUICK | {"docker_host": engine.host, "web_listen_address": "127.0.0.1:0"}, {}))
    assert main(["--output", str(folder), "--scale", str(SCALE), "--grafana-prefix", "https://grafana.example"]) == 0
    alertmanager = Alertmanager(folder / "alertmanager", webhook.url)
    target = {"job_name": "docker-storage-exporter", "static_configs": [{"targets": [exporter.url.split("//")[1]]}]}
    config = {
        "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
        "scrape_configs": [target],
        "rule_files": [str(folder / "rules/*.yaml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager.port}"]}]}]},
    }
    server = Prometheus(folder / "prometheus", config)
    yield server
    server.stop()
    alertmanager.stop()
    exporter.exporter.stop()


def test_a_volume_that_fills_its_disk_is_told_of_and_told_to_be_over(engine, prometheus, webhook):
    check_recordings(prometheus)
    assert webhook.find("DockerVolumeFillsFilesystem", "firing") is None

    fill(engine)
    alert = wait_until(lambda: webhook.find("DockerVolumeFillsFilesystem", "firing"), "the alert")
    check_panels(prometheus)
    check_alert(alert)

    engine.docker("exec", "filler", "/bin/sh", "-c", "rm -f /data/f*")
    over = wait_until(lambda: webhook.find("DockerVolumeFillsFilesystem", "resolved"), "the end of the alert")
    assert over["labels"] == alert["labels"]
    assert {alert["labels"]["alertname"] for alert in webhook.alerts if "volume" in alert["labels"]} <= {
        "DockerVolumeFillsFilesystem",
        "DockerVolumeGrowthAbnormal",
    }
    assert not any("steady" in str(alert["labels"]) for alert in webhook.alerts)


def fill(engine: Dockerd) -> None:
    """Let a container write 160 MiB into its volume, as fast as a runaway does."""
    engine.docker("exec", "-d", "filler", "/bin/sh", "-c", _FILL)


def check_recordings(prometheus: Prometheus) -> None:
    """Every recording rule comes to have a value, the growth over a day after half of it; and no rule fails."""
    missing = set(recorded_names())

    def complete() -> bool:
        missing.difference_update([name for name in missing if prometheus.query(name)])
        return not missing

    try:
        wait_until(complete, "recording rules", seconds=200)
    except AssertionError:
        pytest.fail(f"never had a value: {sorted(missing)}")
    grown = prometheus.query('instance_volume:docker_volume_allocated_bytes:deriv1h{volume="database"} > 0')
    assert len(grown) == 1
    groups = prometheus.api("rules")["groups"]
    assert [rule for group in groups for rule in group["rules"] if rule["health"] == "err"] == []


def check_alert(alert: dict) -> None:
    """The alert says who, how bad, and where to look."""
    labels, words = alert["labels"], alert["annotations"]
    assert (labels["volume"], labels["severity"], labels["job"]) == ("filling", "critical", "docker-storage-exporter")
    assert words["runbook_url"] == "docs/runbooks/DockerVolumeFillsFilesystem.md"
    assert words["dashboard_url"].startswith(
        "https://grafana.example/d/docker-storage-volumes?var-instance=127.0.0.1%3A"
    )
    assert words["dashboard_url"].endswith("&var-volume=filling")
    assert words["description"].startswith(f"Volume filling on {labels['instance']} grows by ")


def check_panels(prometheus: Prometheus) -> None:
    """Every query of every panel has an answer."""
    now, macros = time.time(), MACROS | {"$__rate_interval": str(Settings().hour * SCALE)}
    empty = {
        (name, title, ref)
        for name, board in all_dashboards().items()
        for title, ref, expr in panel_queries(board)
        if not prometheus.query_range(substituted(expr, macros), now - 20, now, 1)
    }
    assert empty == NO_DATA.keys()


def test_grafana_s_own_code_finds_nothing_wrong_with_what_it_is_to_show(prometheus):
    need("node", "npm")
    wait_until(lambda: prometheus.query("instance:docker_volume_allocated_bytes:deriv1h"), "growth", seconds=200)
    now, macros = time.time(), MACROS | {"$__rate_interval": str(Settings().hour * SCALE)}

    panels = answered(prometheus, all_dashboards(), macros, now - 20, now)

    assert len(panels) > 60
    assert findings(panels) == []


def test_the_scale_is_the_only_difference_between_these_rules_and_the_shipped_ones(tmp_path):
    shipped, scaled = tmp_path / "shipped", tmp_path / "scaled"
    main(["--output", str(shipped)])
    main(["--output", str(scaled), "--scale", str(SCALE)])
    for name in ("recording.yaml", "alerts.yaml"):
        one, other = ((folder / "rules" / name).read_text() for folder in (shipped, scaled))
        names = [
            [r.get("record") or r["alert"] for g in yaml.safe_load(t)["groups"] for r in g["rules"]]
            for t in (one, other)
        ]
        assert names[0] == names[1]
