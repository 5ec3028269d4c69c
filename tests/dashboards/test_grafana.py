"""The judge itself: each fault that Grafana's own code is asked to find is found, and nothing else is."""

from __future__ import annotations

import copy

import pytest
from conftest import need

from dashboards import panels
from dashboards.panels import Column, Query, Row, Steps
from grafana import findings

SERIES = [
    {"metric": {"volume": "a", "instance": "h"}, "values": [[1.0, "10"], [2.0, "20"]], "value": [2.0, "20"]},
    {"metric": {"volume": "b", "instance": "h"}, "values": [[1.0, "1"], [2.0, "2"]], "value": [2.0, "2"]},
]
LEGEND = "{{volume}} on {{instance}}"
KEPT = "sum by (volume, instance) (docker_volume_allocated_bytes)"


@pytest.fixture(scope="module")
def boards():
    """A panel of each kind, as the factory makes it."""
    need("node", "npm")
    columns = {"volume": Column("Volume", width=200), "size": Column("Size", "bytes")}
    made = [
        panels.stat("Stat", "Words.", "bytes", Query(KEPT, LEGEND), steps=Steps(1, 2), none="not known yet"),
        panels.timeseries("Lines", "Words.", "bytes", Query(KEPT, LEGEND), per_object=True),
        panels.bars("Bars", "Words.", "bytes", Query(KEPT, LEGEND)),
        panels.table("Table", "Words.", columns, Query(KEPT, "size")),
    ]
    board = panels.dashboard("docker-storage-test", "Test", "Words.", [Row("Row", made, [6, 6, 6, 6])], [])
    return {panel["type"]: panel for panel in board["panels"] if panel["type"] != "row"}


def judged(panel, series=SERIES):
    return findings([{"board": "test", "panel": panel, "answers": [series]}])


def test_what_the_factory_makes_is_well(boards):
    assert [judged(panel) for panel in boards.values()] == [[], [], [], []]


@pytest.mark.parametrize("kind", ["stat", "timeseries", "bargauge", "table"])
def test_a_unit_that_grafana_does_not_know_is_found(boards, kind):
    panel = copy.deepcopy(boards[kind])
    panel["fieldConfig"]["defaults"]["unit"] = "bites"

    assert judged(panel) == [f"test: {panel['title']}: unknown unit bites"]


def test_a_transformation_that_it_does_not_know_is_found(boards):
    panel = copy.deepcopy(boards["bargauge"])
    panel["transformations"][0]["id"] = "renameByRegexp"

    assert judged(panel) == ["test: Bars: unknown transformation renameByRegexp"]


def test_an_override_of_a_column_that_is_not_there_is_found(boards):
    panel = copy.deepcopy(boards["table"])
    panel["fieldConfig"]["overrides"][0]["matcher"]["options"] = "Volumes"
    panel["fieldConfig"]["overrides"][1]["properties"][0]["id"] = "units"

    first, second = judged(panel)

    assert first == "test: Table: unknown property units"
    assert second.startswith("test: Table: nothing is called Volumes, only ")


def test_a_colour_of_alarm_where_there_is_no_number_is_found(boards):
    panel = copy.deepcopy(boards["stat"])
    del panel["fieldConfig"]["defaults"]["mappings"][0]["options"]["result"]["color"]

    (found,) = judged(panel)

    assert found.startswith("test: Stat: without a series it shows not known yet in #")


def test_names_that_are_long_or_equal_and_lines_of_zeros_are_found(boards):
    zeros = [{"metric": {"volume": f"v{n}"}, "values": [[1.0, "0"]], "value": [1.0, "0"]} for n in range(6)]

    assert judged(boards["timeseries"], zeros) == ["test: Lines: 6 series of zeros alone"]
    (long,) = judged(boards["timeseries"], [{**SERIES[0], "metric": {"volume": "x" * 120, "instance": "h"}}])
    assert long.startswith("test: Lines: a name of 125 characters: xxx")
    (equal,) = judged(boards["timeseries"], [SERIES[0], SERIES[0]])
    assert equal == "test: Lines: two series have one name: a on h, a on h"


def test_an_anonymous_volume_is_shortened_by_grafana_itself(boards):
    assert judged(boards["timeseries"], [{**SERIES[0], "metric": {"volume": "f" * 64, "instance": "h" * 50}}]) == []
