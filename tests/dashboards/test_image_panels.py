"""The queries of image panels, asked of promtool about an image with two tags: none of them fails or counts twice."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import need

JSON = Path(__file__).parent.parent.parent / "dashboards/json"
LABELS = 'job="docker-storage-exporter",instance="a"'
ONE, TWO = (f'{LABELS},image_id="sha256:{digit}"' for digit in "12")
SERIES = {
    f"docker_image_unique_bytes{{{ONE}}}": 100,
    f"docker_image_unique_bytes{{{TWO}}}": 7,
    f"docker_image_shared_bytes{{{ONE}}}": 40,
    f"docker_image_shared_bytes{{{TWO}}}": 40,
    f"docker_image_containers{{{ONE}}}": 2,
    f"docker_image_containers{{{TWO}}}": 0,
    f"docker_image_created_timestamp_seconds{{{ONE}}}": -60,
    f"docker_image_created_timestamp_seconds{{{TWO}}}": -90,
    f'docker_image_info{{{ONE},image="shop:1"}}': 1,
    f'docker_image_info{{{TWO},image=""}}': 1,
    f'docker_image_tag_info{{{ONE},image="shop:1"}}': 1,
    f'docker_image_tag_info{{{ONE},image="shop:latest"}}': 1,
    f"docker_images_distinct_bytes{{{LABELS}}}": 147,
}
TABLE = {"A": (100, 7), "B": (40, 40), "C": (2, 0), "D": (60, 90)}
STATS = {"images": 147, "unused": 7}


def queries():
    """Every query of the dashboards that is about images: its panel, its legend, and the expression."""
    found = []
    for path in sorted(JSON.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            asked = [target for target in panel.get("targets", ()) if "docker_image" in target["expr"]]
            found += [(panel["title"], target["legendFormat"] or target["refId"], target["expr"]) for target in asked]
    return found


def expected(legend):
    """The samples of a query, by what its legend says that it is."""
    if legend in STATS:
        return [{"labels": "{}", "value": STATS[legend]}]
    first, second = TABLE[legend]
    row = '{{instance="a",image_id="sha256:{}",image="{}"}}'.format
    # An empty label is no label.
    return [
        {"labels": row(1, "shop:1"), "value": first},
        {"labels": row(2, "").replace(',image=""', ""), "value": second},
    ]


@pytest.mark.parametrize(("panel", "legend", "expression"), queries())
def test_two_tags_of_one_image_are_one_image(tmp_path, panel, legend, expression):
    need("promtool")
    chosen = re.sub(r"\$(job|instance)\b", ".*", expression)
    case = {"expr": chosen, "eval_time": "0s", "exp_samples": expected(legend)}
    series = [{"series": name, "values": str(value)} for name, value in SERIES.items()]
    (tmp_path / "case.yaml").write_text(
        yaml.safe_dump({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [case]}]})
    )

    done = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "case.yaml"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{panel}: {done.stdout}{done.stderr}"


def test_there_are_panels_for_images():
    assert {legend for _, legend, _ in queries()} == {*TABLE, *STATS}
