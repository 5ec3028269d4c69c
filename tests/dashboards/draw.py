"""Draws docs/images: every panel from what a real Prometheus answers that scrapes the exporter's demo.

Grafana's own components draw them in Chromium, see pictures/page.jsx; there is no Grafana server. The rules run 240
times as fast, so that six minutes of demo are a day of theirs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from monitoring import MACROS, Prometheus, free_port, substituted

from dashboards.generate import HERE, all_dashboards
from dashboards.generate import main as write_dashboards
from dashboards.settings import Settings

SCALE = 1 / 240
_RUN, _START, _STEP = 390.0, 30.0, 3.0
_ROOT = HERE.parent
_IMAGES = _ROOT / "docs/images"
_PROGRAM = Path(__file__).parent / "pictures/draw.cjs"
_MODULES = _ROOT / ".venv/pictures/node_modules"

Json = dict[str, Any]


def collect(folder: Path) -> dict[str, Json]:
    """Run demo and Prometheus for a scaled day; what each dashboard's queries then answer."""
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
        return {name: answered(prometheus, board) for name, board in all_dashboards().items()}
    finally:
        prometheus.stop()
        demo.terminate()
        demo.wait(60)


def answered(prometheus: Prometheus, board: Json) -> Json:
    """The series of each panel's queries, by the panel's id, and the times between which they were asked for."""
    now, macros = time.time(), MACROS | {"$__rate_interval": str(Settings().hour * SCALE)}
    start = now - _RUN + _START
    answers = {
        panel["id"]: [
            prometheus.query(expr, now) if target["instant"] else prometheus.query_range(expr, start, now, _STEP)
            for target in panel["targets"]
            for expr in [substituted(target["expr"], macros)]
        ]
        for panel in board["panels"]
        if panel.get("targets")
    }
    return {"answers": answers, "from": start, "to": now}


def draw(collected: dict[str, Json]) -> None:
    """Draw the dashboards into PNG files."""
    pictures = [
        {"path": str(_IMAGES / name.replace(".json", ".png")), "board": board, **collected[name]}
        for name, board in all_dashboards().items()
    ]
    # The demo's data root is wherever temporary files are.
    shown = re.sub(rf"{tempfile.gettempdir()}/docker-storage-exporter-demo-\w+", "", json.dumps(pictures))
    subprocess.run(
        ["node", _PROGRAM, shutil.which("chromium") or "chromium"],
        input=shown.encode(),
        env=os.environ | {"NODE_PATH": str(_MODULES)},
        check=True,
    )


def main() -> int:
    """Collect, or read what was collected, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--results", type=Path, help="file to keep the query results in, or to draw from when it is there"
    )
    chosen = parser.parse_args()
    if chosen.results and chosen.results.exists():
        collected = json.loads(chosen.results.read_text())
    else:
        with tempfile.TemporaryDirectory() as folder:
            collected = collect(Path(folder))
        if chosen.results:
            chosen.results.write_text(json.dumps(collected))
    _IMAGES.mkdir(exist_ok=True)
    draw(collected)
    return 0


if __name__ == "__main__":
    sys.exit(main())
