"""What docs/scaling.md says of series is what the real collector makes, and its snippets are what Prometheus takes."""

import importlib.util
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import promql_parser
import pytest
import yaml
from conftest import need
from monitoring import Prometheus, metric_names

from dashboards.recording import recorded_names
from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES
from waiting import wait_until

DOCUMENT = Path(__file__).parent.parent / "docs/scaling.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
SIZE = re.compile(r"(\d+) KiB")


def _load():
    specification = importlib.util.spec_from_file_location("scaling", DOCUMENT.with_suffix(".py"))
    module = sys.modules["scaling"] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


scaling = _load()


def blocks(language):
    """The blocks of the document in a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_figures_are_those_of_the_collector_s_pages():
    written = TEXT.partition("written by make docs -->\n")[2].partition("<!-- end")[0]
    counted = scaling.figures()

    assert SIZE.sub("", written) == SIZE.sub("", counted), "run make docs"
    for was, now in zip(SIZE.findall(written), SIZE.findall(counted), strict=True):
        assert int(now) == pytest.approx(int(was), rel=0.1, abs=5)


@pytest.mark.parametrize("load", scaling.LOADS, ids=lambda load: load.name.partition(":")[0])
def test_the_formula_adds_up(load):
    assert scaling.formula(load) == scaling.count(load)


def test_the_formula_is_that_of_a_page_with_everything():
    load = scaling.Load("", volumes=7, containers=5, binds=3, tmpfs=11, mounts=13, log_limits=2, images=17)

    assert scaling.formula(load) == scaling.count(load)


def test_nothing_that_every_host_has_is_left_out():
    """What is missing is what the document counts in words."""
    page = scaling.page(
        scaling.Load("", volumes=1, containers=1, binds=1, tmpfs=1, mounts=1, log_limits=1, images=1)
    ).decode()
    there = {re.match(r"\w+", line)[0] for line in page.splitlines() if not line.startswith("#")}
    missing = {family.name for family in (*OBJECT_FAMILIES, *LIVE_FAMILIES)} - there

    assert missing == {
        "docker_volume_limit_bytes",
        "docker_volume_filesystem_size_bytes",
        "docker_volume_filesystem_avail_bytes",
        "docker_container_layer_limit_bytes",
        "docker_storage_exporter_web_config_last_reload_successful",
        "docker_storage_exporter_web_config_last_reload_success_timestamp_seconds",
    }


def test_every_query_reads_what_exists():
    known = {family.name for family in (*OBJECT_FAMILIES, *LIVE_FAMILIES)} | recorded_names()

    for query in "".join(blocks("promql")).splitlines():
        promql_parser.parse(query)
        assert metric_names(query) <= known


def test_the_federated_names_are_recorded_ones():
    sums = re.compile("instance:docker_.+")

    assert sum(1 for name in recorded_names() if sums.fullmatch(name)) == scaling.recorded(scaling.LOADS[0])[1]


def test_promtool_accepts_every_snippet(tmp_path):
    need("promtool")
    for name in ("recording", "alerts"):
        (tmp_path / f"{name}.yaml").write_text((DOCUMENT.parent.parent / f"dashboards/rules/{name}.yaml").read_text())

    for number, block in enumerate(blocks("yaml")):
        config = yaml.safe_load(block)
        if "metric_relabel_configs" in config:
            config = {"scrape_configs": [{"job_name": "x", **config}]}
        path = tmp_path / f"{number}.yml"
        path.write_text(yaml.safe_dump(config))
        done = subprocess.run(["promtool", "check", "config", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _active(server, least):
    """The server's targets once there are so many: jobs get theirs one after another."""
    found = server.api("targets")["activeTargets"]
    return found if len(found) >= least else None


def test_every_host_belongs_to_exactly_one_shard(tmp_path):
    """Four shards by the document's own relabelings, as jobs of one real server, and hosts that need not exist."""
    need("prometheus")
    config = next(yaml.safe_load(block) for block in blocks("yaml") if "hashmod" in block)
    hosts = [f"host-{number}:10054" for number in range(100)]
    jobs = [json.loads(json.dumps(config["scrape_configs"][0])) for _ in range(4)]
    for shard, job in enumerate(jobs):
        job.update(job_name=str(shard), static_configs=[{"targets": hosts}], scrape_interval="1d")
        job["relabel_configs"][1]["regex"] = str(shard)

    server = Prometheus(tmp_path, {"scrape_configs": jobs})
    try:
        targets = wait_until(lambda: _active(server, len(hosts)), "targets")
        sizes = Counter(target["labels"]["job"] for target in targets)
    finally:
        server.stop()

    assert sorted(target["labels"]["instance"] for target in targets) == sorted(hosts)
    assert all(10 <= size <= 40 for size in sizes.values())
    assert len(sizes) == 4
