"""Every query of docs/reading.md, asked of a real Prometheus that scrapes an exporter beside a real engine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import need
from engine.dockerd import Dockerd

from cli.conftest import COMMAND, Serving
from cli.test_prometheus import Prometheus
from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES
from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PAGE = Path(__file__).parent.parent.parent / "docs" / "reading.md"
QUERIES: dict[str, str] = dict(
    re.findall(r"^### (.+?)\n.*?^```promql\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
)
RIGHTLY_EMPTY = {
    "How much of its quota does a volume use?",  # quotas need a filesystem made for them
    "Which sizes are older than three hours?",  # the exporter has just started
    "Which engines do not answer?",  # the one there is does
}
_COMPOSE = ("--label", "com.docker.compose.project=shop")
_GROW = """while :; do seq 1 900; yes | head -c 9000 >>/db/grow; yes | head -c 9000 >>/memory/grow; sleep 0.2; done"""
_SOMEBODY = 999


def _volume(dockerd: Dockerd, name: str, *options: str) -> Path:
    dockerd.docker("volume", "create", *options, name)
    return dockerd.volume_path(name)


def _make(dockerd: Dockerd, srv: Path) -> None:
    """Objects about which every query has something to say, but for those that are rightly empty."""
    _volume(dockerd, "query-db", *_COMPOSE, "--label", "com.docker.compose.volume=db")
    _volume(dockerd, "query-memory", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=64m")
    _volume(dockerd, "query-unused", "-o", "type=tmpfs", "-o", "device=tmpfs")
    with (_volume(dockerd, "query-holes") / "file").open("wb") as file:
        file.truncate(1 << 30)
    for folder in (_volume(dockerd, "query-shut"), _volume(dockerd, "query-closed") / "folder"):
        folder.mkdir(exist_ok=True)
        (folder / "file").write_bytes(b"x")
        folder.chmod(0o700)
        os.chown(folder, _SOMEBODY, _SOMEBODY)
    dockerd.docker("volume", "create")
    (srv / "file").write_bytes(b"b" * 5000)
    logs = ("--log-opt", "max-size=50m", "--log-opt", "max-file=2")
    mounts = ("-v", "query-db:/db", "-v", "query-memory:/memory", "-v", f"{srv}:/srv:ro", "--tmpfs", "/t:size=1m")
    image = ("busybox:test", "/bin/sh", "-c")
    started = ("run", "-d", "--network", "none", "--name")
    dockerd.docker(*started, "query-web", *_COMPOSE, *logs, *mounts, *image, f"echo x >/t/file; {_GROW}")
    dockerd.docker(*started, "query-over", *image, "yes | head -c 50000 >/file")
    wait_until(lambda: "exited" in dockerd.docker("ps", "-a", "--filter", "name=query-over", "--format", "{{.State}}"),
               "a container to end")  # fmt: skip


@pytest.fixture(scope="module")
def prometheus(dockerd, tmp_path_factory):
    """A Prometheus that scrapes an exporter without the right to read what is closed to root."""
    need("prometheus", "setpriv", root=True)
    folder = tmp_path_factory.mktemp("queries")
    _make(dockerd, tmp_path_factory.mktemp("srv"))
    quick = ("--scan.interval=500ms", "--publish.interval=200ms", "--scan.duty=1", "--web.listen-address=127.0.0.1:0")
    command = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", *COMMAND, "serve", *quick)
    environment = {**os.environ, "DOCKER_HOST": dockerd.host}
    serving = Serving(
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    )
    try:
        assert serving.url, serving.lines
        asked = Prometheus(folder, {"exporter": serving})
        yield asked
        asked.end()
    finally:
        serving.end()
        dockerd.docker("rm", "-f", "query-web", "query-over")
        unused = dockerd.docker("volume", "ls", "-q", "--filter", "dangling=true").split()
        dockerd.docker("volume", "rm", *unused)


def _answer(prometheus: Prometheus, query: str) -> list[dict]:
    """What a query returns; a query that Prometheus does not understand has no answer at all."""
    answered = prometheus.ask("query", query=query)
    assert answered is not None, query
    return answered["result"]


@pytest.mark.parametrize("question", [question for question in QUERIES if question not in RIGHTLY_EMPTY])
def test_a_query_of_the_page_has_an_answer(prometheus, question):
    wait_until(lambda: prometheus.ask("targets") is not None, "Prometheus to answer")

    wait_until(lambda: bool(_answer(prometheus, QUERIES[question])), f"an answer to {QUERIES[question]}")


@pytest.mark.parametrize("question", sorted(RIGHTLY_EMPTY))
def test_a_query_that_finds_nothing_here_is_understood(prometheus, question):
    wait_until(lambda: bool(prometheus.ask("query", query="docker_engine_up == 1")), "a scrape")

    assert _answer(prometheus, QUERIES[question]) == []


@pytest.mark.parametrize(
    ("question", "label", "expected"),
    [
        ("Which compose projects hold how much in volumes?", "compose_project", {"shop"}),
        ("What do containers that have ended still hold?", "container", {"query-over"}),
        ("Which sizes lack something that could not be read?", "volume", {"query-closed"}),
        ("Which volumes look larger than they are?", "volume", {"query-holes"}),
        ("Which volumes does no container mount?", "volume", {"query-holes", "query-closed"}),
        ("Which volumes grow, in bytes per day?", "volume", {"query-db", "query-memory"}),
        ("In how many days is a volume with a filesystem of its own full?", "volume", {"query-memory"}),
        ("How much of its limit does a log use?", "container", {"query-web"}),
        ("Which logs may grow without end?", "container", {"query-over"}),
    ],
)
def test_a_query_names_what_it_is_about(prometheus, question, label, expected):
    def named() -> bool:
        answer = prometheus.ask("query", query=QUERIES[question]) or {"result": []}
        return expected <= {result["metric"].get(label) for result in answer["result"]}

    wait_until(named, f"{expected} in the answer to {QUERIES[question]}")


def test_there_are_twenty_queries_of_families_that_exist():
    known = {family.name for family in (*OBJECT_FAMILIES, *LIVE_FAMILIES)}

    assert len(QUERIES) >= 20
    assert len(QUERIES) == PAGE.read_text(encoding="utf-8").count("```promql")
    assert QUERIES.keys() >= RIGHTLY_EMPTY
    for question, query in QUERIES.items():
        named = set(re.findall(r"\bdocker_\w+", query))
        assert named, question
        assert named <= known, question
