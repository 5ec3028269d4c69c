"""Grafana's own code (@grafana/data in Node) as a judge of dashboards: see dashboards/grafana/check.cjs."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from monitoring import Prometheus, substituted

SOURCES = Path(__file__).parent / "dashboards/grafana"
_CACHE = Path(__file__).parents[1] / ".venv/grafana"


def installed() -> Path:
    """A folder with the packages that package-lock.json pins, installed once for each version of it."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pins = (SOURCES / "package-lock.json").read_bytes()
        done = _CACHE / "installed"
        if not done.exists() or done.read_bytes() != pins:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCES / name, _CACHE)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            fetched = subprocess.run(command, cwd=_CACHE, capture_output=True, text=True, check=False, timeout=300)
            if fetched.returncode:
                pytest.skip(f"npm cannot install what Grafana's code needs: {fetched.stderr[:300]}")
            done.write_bytes(pins)
    return _CACHE


def findings(panels: Sequence[Mapping[str, Any]]) -> list[str]:
    """What Grafana's code finds wrong with panels: `board`, `panel` and `answers`, the series of each query."""
    folder = installed()
    for program in SOURCES.glob("*.cjs"):
        shutil.copy(program, folder)
    done = subprocess.run(
        ["node", "check.cjs"],
        input=json.dumps({"panels": panels}),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def answered(
    prometheus: Prometheus, boards: Mapping[str, Mapping[str, Any]], macros: Mapping[str, str], start: float, end: float
) -> list[dict[str, Any]]:
    """Every panel that has queries, with what a Prometheus answers to them."""
    return [
        {
            "board": name,
            "panel": panel,
            "answers": [
                prometheus.query(expr, end) if target["instant"] else prometheus.query_range(expr, start, end, 1)
                for target in panel["targets"]
                for expr in [substituted(target["expr"], macros)]
            ],
        }
        for name, board in boards.items()
        for panel in board["panels"]
        if panel.get("targets")
    ]
