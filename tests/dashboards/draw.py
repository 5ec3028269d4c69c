"""Draws docs/images: every panel from what a real Prometheus answers that scrapes the exporter's demo.

There is no Grafana in it: the pictures are renderings from query results. The rules run 240 times as fast, so that six
minutes of demo are a day of theirs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from monitoring import MACROS, Prometheus, free_port, substituted
from picture import picture

from dashboards.generate import HERE, all_dashboards
from dashboards.generate import main as write_dashboards
from dashboards.settings import Settings

SCALE = 1 / 240
_RUN, _STEP = 390.0, 3.0
_IMAGES = HERE.parent / "docs/images"


def collect(folder: Path) -> dict[str, Any]:
    """Run demo and Prometheus for a scaled day; what each panel's queries then answer."""
    port = free_port()
    quick = [
        "--scan.interval=1s",
        "--scan.duty=1",
        "--publish.interval=500ms",
        "--inventory.interval=1s",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    demo = subprocess.Popen([sys.executable, "-m", "docker_storage_exporter", "demo", *quick])
    write_dashboards(["--output", str(folder), "--scale", str(SCALE)])
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"instance": "demo:10054"}}]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{"job_name": "docker-storage-exporter", "static_configs": targets}],
        "rule_files": [str(folder / "rules/*.yaml")],
    }
    prometheus = Prometheus(folder / "prometheus", config)
    try:
        time.sleep(_RUN)
        return {name: answers(prometheus, board) for name, board in all_dashboards().items()}
    finally:
        prometheus.stop()
        demo.terminate()
        demo.wait(60)


def answers(prometheus: Prometheus, board: dict[str, Any]) -> dict[str, list[Any]]:
    """The series of each panel's queries, by the panel's id."""
    now, macros = time.time(), MACROS | {"$__rate_interval": str(Settings().hour * SCALE)}
    found = {}
    for panel in board["panels"]:
        found[str(panel["id"])] = [
            prometheus.query(expr) if target["instant"] else prometheus.query_range(expr, now - _RUN + 30, now, _STEP)
            for target in panel.get("targets", ())
            for expr in [substituted(target["expr"], macros)]
        ]
    return found


def main() -> int:
    """Collect, or read what was collected, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--results", type=Path, help="file to keep the query results in, or to draw from when it is there"
    )
    chosen = parser.parse_args()
    if chosen.results and chosen.results.exists():
        results = json.loads(chosen.results.read_text())
    else:
        with tempfile.TemporaryDirectory() as folder:
            results = collect(Path(folder))
        if chosen.results:
            chosen.results.write_text(json.dumps(results))
    _IMAGES.mkdir(exist_ok=True)
    for name, board in all_dashboards().items():
        picture(board, results[name], _IMAGES / name.replace(".json", ".png"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
