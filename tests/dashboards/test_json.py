"""The generated dashboards: fresh, and held to the rules that Grafana's own linter has."""

from __future__ import annotations

import json
import re

import promql_parser
import pytest
from monitoring import MACROS, panel_queries, substituted

from dashboards.generate import HERE, all_dashboards, documents
from dashboards.recording import recorded_names
from dashboards.settings import Settings
from docker_storage_exporter.collector import catalogue as c

BOARDS = all_dashboards()
CORE_PANELS = {"timeseries", "stat", "table", "bargauge", "gauge", "text", "state-timeline", "row"}
UNITS = {"bytes", "binBps", "s", "short", "percentunit", "ops", "dateTimeFromNow", "bool_yes_no"}
FOREIGN = {
    "ALERTS": ("alertname", "alertstate", "severity", "job", "instance"),
    "up": (),
    "scrape_duration_seconds": (),
    "scrape_samples_scraped": (),
    "process_cpu_seconds_total": (),
    "process_resident_memory_bytes": (),
}
"""What is not ours: from Prometheus itself, and from the client library."""
COUNTERS = {f.name for f in c.LIVE_FAMILIES if f.type == "counter"} | {"process_cpu_seconds_total"}
LABELS = {label for f in (*c.OBJECT_FAMILIES, *c.LIVE_FAMILIES) for label in f.labels}
TARGET_LABELS = {"job", "instance", "alertname", "alertstate", "severity"}


def panels(*types):
    """Every panel of every dashboard, of these types."""
    return [
        pytest.param(panel, id=f"{name}:{panel['title']}")
        for name, board in BOARDS.items()
        for panel in board["panels"]
        if (panel["type"] in types if types else panel["type"] != "row")
    ]


def expressions():
    """Every query of every dashboard."""
    return [
        pytest.param(expr, id=f"{name}:{title}:{ref}")
        for name, board in BOARDS.items()
        for title, ref, expr in panel_queries(board)
    ]


def walk(node):
    """A parsed expression and everything below it."""
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector", "param"):
        child = getattr(node, name, None)
        if isinstance(child, promql_parser.Expr):
            yield from walk(child)
    for argument in getattr(node, "args", None) or ():
        yield from walk(argument)


def parsed(expr):
    return list(walk(promql_parser.parse(substituted(expr))))


def selectors(expr):
    return [node for node in parsed(expr) if isinstance(node, promql_parser.VectorSelector)]


def test_what_is_committed_is_what_the_sources_say():
    for name, text in documents(Settings()).items():
        assert (HERE / name).read_text() == text, f"{name} is stale: run make dashboards"
    generated = {HERE / name for name in documents(Settings())}
    assert set(HERE.glob("json/*")) | set(HERE.glob("rules/*.yaml")) == generated


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
class TestDashboard:
    def test_it_can_be_imported_by_every_supported_grafana(self, board):
        assert board["schemaVersion"] == 39
        assert re.fullmatch(r"docker-storage-[a-z-]+", board["uid"])
        assert len(board["uid"]) <= 40
        assert board["title"].startswith("Docker storage / ")
        assert board["description"]
        assert board["editable"] is True
        assert board["graphTooltip"] == 1
        assert board["timezone"] == "browser"
        assert {panel["type"] for panel in board["panels"]} <= CORE_PANELS
        assert not {"rows", "__inputs", "id", "style", "sharedCrosshair"} & board.keys()

    def test_ids_are_unique_and_panels_do_not_overlap(self, board):
        ids = [panel["id"] for panel in board["panels"]]
        assert len(ids) == len(set(ids))
        taken = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            assert not cells & taken, panel["title"]
            assert at["x"] + at["w"] <= 24
            taken |= cells

    def test_the_data_source_job_and_instance_are_variables(self, board):
        variables = {entry["name"]: entry for entry in board["templating"]["list"]}
        source = variables.pop("datasource")
        assert (source["type"], source["query"], source["label"]) == ("datasource", "prometheus", "Data source")
        assert (variables["job"]["label"], variables["instance"]["label"]) == ("Job", "Instance")
        for entry in variables.values():
            assert entry["type"] == "query"
            assert entry["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert (entry["refresh"], entry["multi"], entry["includeAll"], entry["allValue"]) == (2, True, True, ".+")
            match = re.fullmatch(r"label_values\((.+), ([a-z_]+)\)", entry["query"])
            promql_parser.parse(substituted(match[1]))
            assert match[2] == entry["name"]
        assert variables.keys() - {"job", "instance"} <= MACROS.keys() | {"volume", "container", "source"}

    def test_it_links_to_the_others_and_its_links_lead_somewhere(self, board):
        (link,) = board["links"]
        assert link["type"] == "dashboards"
        assert link["tags"] == board["tags"] == ["docker-storage"]
        assert link["keepTime"]
        assert link["includeVars"]
        uids = {other["uid"]: other for other in BOARDS.values()}
        targets = re.findall(r'"/d/([a-z-]+)\?([^"]*)"', json.dumps(board))
        assert targets
        for uid, query in targets:
            names = {entry["name"] for entry in uids[uid]["templating"]["list"]}
            assert set(re.findall(r"var-([a-z_]+)=", query)) <= names

    def test_links_in_tables_use_columns_that_are_there(self, board):
        for panel in board["panels"]:
            if panel["type"] == "table":
                organize = panel["transformations"][1]["options"]
                shown = set(organize["renameByName"].values())
                used = set(re.findall(r"__data\.fields\.(\w+)", json.dumps(panel["fieldConfig"])))
                assert used <= shown, panel["title"]
                assert {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]} <= shown


@pytest.mark.parametrize("panel", panels())
def test_every_panel_says_what_it_shows(panel):
    assert panel["title"]
    assert panel["description"].endswith((".", "?"))
    if panel["type"] != "text":
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["targets"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(refs) == len(set(refs))
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert target["expr"]


@pytest.mark.parametrize("panel", panels("timeseries", "stat", "table", "bargauge"))
def test_every_number_has_a_unit_that_grafana_knows(panel):
    defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
    assert defaults["unit"] in UNITS
    units = [entry["value"] for o in overrides for entry in o["properties"] if entry["id"] == "unit"]
    assert set(units) <= UNITS
    steps = [step["value"] for step in defaults["thresholds"]["steps"]]
    assert steps[0] is None
    assert steps[1:] == sorted(steps[1:])


@pytest.mark.parametrize("panel", panels("timeseries", "bargauge"))
def test_every_series_has_a_name_that_its_query_keeps(panel):
    for target in panel["targets"]:
        assert target["legendFormat"]
        used = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
        assert used <= kept | {"kind"}


@pytest.mark.parametrize("panel", panels("timeseries"))
def test_a_legend_shows_whole_rows_the_largest_first(panel):
    assert panel["gridPos"]["h"] in (7, 9)
    legend = panel["options"]["legend"]
    assert (legend["sortBy"], legend["sortDesc"]) == ("Last *", panel["title"] != "Free space")


@pytest.mark.parametrize("panel", panels("bargauge"))
def test_a_bar_is_named_even_where_it_is_alone(panel):
    (target,) = panel["targets"]
    labels = re.findall(r"{{(\w+)}}", target["legendFormat"])
    assert re.findall(r"\${__field\.labels\.(\w+)}", panel["fieldConfig"]["defaults"]["displayName"]) == labels


@pytest.mark.parametrize("panel", panels("table"))
def test_a_bar_in_a_table_ends_where_its_own_column_does(panel):
    for override in panel["fieldConfig"]["overrides"]:
        properties = {entry["id"]: entry["value"] for entry in override["properties"]}
        if properties.get("custom.cellOptions", {}).get("type") == "gauge":
            assert properties.get("max") == 1 or properties["fieldMinMax"] is True


@pytest.mark.parametrize("expr", expressions())
class TestExpression:
    def test_it_reads_only_the_chosen_targets(self, expr):
        for selector in selectors(expr):
            matchers = {(m.name, str(m.op), m.value) for m in selector.matchers.matchers}
            found = {(name, value) for name, _, value in matchers if name in ("job", "instance")}
            assert found == {("job", ".+"), ("instance", ".+")}, selector.name
        assert expr.count('job=~"$job",instance=~"$instance"') == len(selectors(expr))

    def test_it_reads_series_that_exist(self, expr):
        families = {f.name for f in (*c.OBJECT_FAMILIES, *c.LIVE_FAMILIES)}
        for selector in selectors(expr):
            assert selector.name in families | recorded_names() | FOREIGN.keys()

    def test_it_uses_labels_that_exist(self, expr):
        for node in parsed(expr):
            if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
                assert set(node.modifier.labels) <= LABELS | TARGET_LABELS
            if isinstance(node, promql_parser.VectorSelector):
                assert {m.name for m in node.matchers.matchers} <= LABELS | TARGET_LABELS

    def test_counters_are_rates_over_the_interval_that_grafana_computes(self, expr):
        calls = [node for node in parsed(expr) if isinstance(node, promql_parser.Call)]
        rates = [node for node in calls if node.func.name in ("rate", "irate", "increase")]
        assert expr.count("[$__rate_interval]") == len(rates)
        assert bool(rates) == bool({s.name for s in selectors(expr)} & COUNTERS)
        if rates:
            assert any(isinstance(node, promql_parser.AggregateExpr) for node in parsed(expr))
