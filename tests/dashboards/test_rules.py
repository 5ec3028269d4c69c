"""The rules: what they read exists, each is tested by promtool in every state, and each alert tells what to do."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml
from conftest import need
from monitoring import metric_names

from dashboards.generate import HERE, all_dashboards, main
from dashboards.recording import recorded_names
from dashboards.rules import all_alerts, files
from dashboards.settings import Duration, Settings
from docker_storage_exporter.collector import catalogue as c

ROOT = HERE.parent
CASES = sorted((HERE / "rules/tests").glob("*.yaml"))
ALERTS = all_alerts(Settings())
GROUPS = [group for text in files(Settings()).values() for group in yaml.safe_load(text)["groups"]]
RULES = [rule for group in GROUPS for rule in group["rules"]]
FAMILIES = {f.name for f in (*c.OBJECT_FAMILIES, *c.LIVE_FAMILIES)}


def asserted(alert):
    """What the cases say of an alert: for each moment in order, the states and names of who is concerned."""
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            moments = [test for test in case["promql_expr_test"] if f'ALERTS{{alertname="{alert}"' in test["expr"]]
            if moments:
                yield case, [" ".join(sample["labels"] for sample in test["exp_samples"]) for test in moments]


def test_promtool_accepts_them():
    need("promtool")
    subprocess.run(["promtool", "check", "rules", *map(str, HERE.glob("rules/*.yaml"))], check=True)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_promtool_finds_them_right(path):
    need("promtool")
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_cases_evaluate_groups_in_their_order():
    for path in CASES:
        assert yaml.safe_load(path.read_text())["group_eval_order"] == [group["name"] for group in reversed_files()]


def reversed_files():
    """Recording rules before alerts."""
    return sorted(GROUPS, key=lambda group: "alert" in group["rules"][0])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("record") or rule["alert"])
def test_every_expression_parses_and_reads_what_exists(rule):
    promql_parser.parse(rule["expr"])
    assert metric_names(rule["expr"]) <= FAMILIES | recorded_names()


@pytest.mark.parametrize("name", sorted(recorded_names()))
def test_every_recorded_series_is_named_by_the_convention_and_tested(name):
    assert re.fullmatch(r"[a-z_]+:docker_[a-z_]+:[a-z0-9_]+", name)
    assert any(name in path.read_text() for path in CASES)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert.name}-{alert.severity}")
class TestAlert:
    def test_it_is_seen_pending_firing_and_resolved(self, alert):
        severity, seen = f'severity="{alert.severity}"', set()
        for _, moments in asserted(alert.name):
            for before, after in itertools.pairwise(moments):
                seen |= {state for state in ("pending", "firing") if f'"{state}"' in before}
                seen |= {"severe"} if severity in before or "severity" not in before else set()
                seen |= {"resolved"} if '"firing"' in before and not after else set()
        assert seen == {"pending", "firing", "severe", "resolved"}

    def test_a_host_that_is_fine_is_there_and_never_fires(self, alert):
        cases = list(asserted(alert.name))
        assert any("fine" in str(case["input_series"]) for case, _ in cases)
        for _, moments in cases:
            for moment in moments:
                assert not re.search(r'"firing"[^}]*"fine|"fine[^}]*"firing"', moment)

    def test_its_words_are_tested_as_they_are_rendered(self, alert):
        name = f"alertname: {alert.name}\n"
        assert any(name in path.read_text() for path in CASES)

    def test_it_says_what_is_wrong_and_what_to_do(self, alert):
        rule = next(rule for rule in RULES if rule.get("alert") == alert.name)
        words = rule["annotations"]
        assert words["summary"].endswith(".")
        assert "{{" not in words["summary"]
        assert words["description"].endswith((".", "?"))
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert words["runbook_url"] == f"docs/runbooks/{alert.name}.md"
        page = (ROOT / words["runbook_url"]).read_text()
        assert page.startswith(f"# {alert.name}\n")
        assert "\n## Now\n" in page
        assert "\n## For good\n" in page


def test_every_runbook_has_an_alert():
    pages = {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")}
    assert pages == {alert.name for alert in ALERTS}


def test_scaling_changes_every_window_and_no_threshold():
    plain, quick = Settings(), Settings().scaled(1 / 720)
    assert (quick.day, quick.hour, quick.abnormal_floor) == (Duration(120), Duration(5), plain.abnormal_floor)
    assert str(quick.keep) == "1250ms"
    assert str(plain.abnormal_history) == "7d"


def test_prefixes_and_the_selector_reach_every_rule(tmp_path: Path):
    options = [
        "--selector",
        'env="prod"',
        "--runbook-prefix",
        "https://wiki.example/",
        "--grafana-prefix",
        "https://g.example",
    ]
    assert main(["--output", str(tmp_path), *options]) == 0
    for group in yaml.safe_load((tmp_path / "rules/alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["expr"].count('env="prod"') >= 1
            assert rule["annotations"]["runbook_url"].startswith("https://wiki.example/docs/runbooks/")
            assert rule["annotations"]["dashboard_url"].startswith("https://g.example/d/docker-storage-")


def test_the_documentation_lists_every_alert():
    text = (ROOT / "docs/dashboards.md").read_text()
    for alert in ALERTS:
        assert f"| [{alert.name}](runbooks/{alert.name}.md) |" in text
        assert alert.summary in text


def test_the_links_of_alerts_lead_to_dashboards_that_know_their_variables():
    boards = {
        board["uid"]: {entry["name"] for entry in board["templating"]["list"]} for board in all_dashboards().values()
    }
    for rule in RULES:
        if "alert" in rule:
            uid, *variables = re.findall(r"/d/([a-z-]+)|var-([a-z]+)=", rule["annotations"]["dashboard_url"])
            assert {name for _, name in variables} <= boards[uid[0]]
