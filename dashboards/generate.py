"""Writes the dashboards as JSON and the rules as YAML."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dashboards import bind_mounts, containers, health, overview, rules, volumes
from dashboards.panels import Json
from dashboards.settings import Settings

HERE = Path(__file__).parent


def all_dashboards() -> dict[str, Json]:
    """Every dashboard by the name of its file."""
    rooms = {
        "overview": overview,
        "volumes": volumes,
        "containers": containers,
        "bind-mounts": bind_mounts,
        "health": health,
    }
    return {f"{name}.json": room.build() for name, room in rooms.items()}


def documents(settings: Settings) -> dict[str, str]:
    """Every generated file by its path below this folder."""
    boards = all_dashboards().items()
    pages = {f"json/{name}": json.dumps(board, indent=1, sort_keys=True) + "\n" for name, board in boards}
    return pages | {f"rules/{name}": text for name, text in rules.files(settings).items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write everything below a folder."""
    defaults = Settings()
    parser = argparse.ArgumentParser("python -m dashboards", description=__doc__)
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write into (default: the source's own)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply every window and wait of the rules by this")
    parser.add_argument("--runbook-prefix", default=defaults.runbook_prefix, help="put before docs/runbooks/NAME.md")
    parser.add_argument("--grafana-prefix", default=defaults.grafana_prefix, help="put before /d/UID")
    parser.add_argument("--selector", default=defaults.selector, help='matchers for every rule, such as env="prod"')
    chosen = parser.parse_args(arguments)
    settings = replace(
        defaults.scaled(chosen.scale) if chosen.scale != 1 else defaults,
        runbook_prefix=chosen.runbook_prefix,
        grafana_prefix=chosen.grafana_prefix,
        selector=chosen.selector,
    )
    for name, text in documents(settings).items():
        path = chosen.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0
