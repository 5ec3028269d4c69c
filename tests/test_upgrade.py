"""The version before against this one: whatever changed for rules and dashboards that are in use is named."""

import json
import re
from pathlib import Path

import promql_parser
import pytest

from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES

BEFORE = Path(__file__).parent / "fixtures/before"
FAMILIES = {name: tuple(labels) for name, labels in json.loads((BEFORE / "families.json").read_text()).items()}
EXPRESSIONS = (BEFORE / "expressions.txt").read_text().splitlines()
NOW = {family.name: family.labels for family in (*OBJECT_FAMILIES, *LIVE_FAMILIES)}
BREAKING = (Path(__file__).parent.parent / "CHANGELOG.md").read_text().partition("### Changed, breaking")[2]
BREAKING = BREAKING.partition("\n### ")[0]

GONE = {"docker_storage_exporter_walk_cpu_seconds_total"}
LESS = {
    "docker_storage_filesystem_size_bytes",
    "docker_storage_filesystem_avail_bytes",
    "docker_storage_filesystem_inodes",
    "docker_storage_filesystem_inodes_free",
}
MORE = {
    "docker_engine_up",
    "docker_storage_exporter_build_info",
    "docker_volume_limit_bytes",
    "docker_container_layer_limit_bytes",
    "docker_container_log_limit_bytes",
}


def is_named(name):
    """Whether the changelog names a family as one that changed, by itself or in braces with others."""
    spelled = re.sub(
        r"(\w+)\{([a-z_,]+)\}(_bytes)?\{",
        lambda m: " ".join(f"{m[1]}{part}{m[3] or ''}{{" for part in m[2].split(",")),
        BREAKING,
    )
    return re.search(rf"\b{name}\b", spelled) is not None


def selectors(expression):
    """The names of series and the labels that an expression matches by."""

    def walk(node):
        if isinstance(node, promql_parser.VectorSelector):
            yield node.name, {matcher.name for matcher in node.matchers.matchers}
        for name in ("expr", "lhs", "rhs", "vs", "vector_selector"):
            child = getattr(node, name, None)
            if child is not None and not isinstance(child, str):
                yield from walk(child)
        for child in getattr(node, "args", None) or ():
            yield from walk(child)

    plain = expression.replace("$__rate_interval", "5m").replace("$__range", "1h")
    return list(walk(promql_parser.parse(plain)))


def test_the_families_that_are_gone_or_have_other_labels_are_known():
    changed = {name for name, labels in FAMILIES.items() if name in NOW and NOW[name] != labels}

    assert FAMILIES.keys() - NOW.keys() == GONE
    assert changed == LESS | MORE
    assert all(set(NOW[name]) < set(FAMILIES[name]) for name in LESS)
    assert all(set(NOW[name]) > set(FAMILIES[name]) for name in MORE)


@pytest.mark.parametrize("name", sorted(GONE | LESS | MORE))
def test_the_changelog_names_each_of_them(name):
    assert is_named(name)


@pytest.mark.parametrize("name", sorted(NOW.keys() - FAMILIES.keys()))
def test_a_family_that_is_new_is_named_somewhere(name):
    changelog = (Path(__file__).parent.parent / "CHANGELOG.md").read_text()

    assert name in changelog or re.sub(r"^docker_(container_layer|container_log|bind_mount)_", "", name) in changelog


def test_rules_and_dashboards_of_before_only_miss_what_is_named():
    """By names alone: a label that is missing from an aggregation is an empty one, which PromQL takes in silence."""
    asked = {name for expression in EXPRESSIONS for name, _ in selectors(expression) if name in FAMILIES}

    assert len(asked) > 30
    assert asked - NOW.keys() == GONE
    assert {name for name in asked if name in LESS} == LESS


def test_no_rule_or_panel_of_before_matches_by_a_label_that_is_gone():
    missing = {
        (name, label)
        for expression in EXPRESSIONS
        for name, labels in selectors(expression)
        if name in NOW
        for label in labels - {"__name__", "job", "instance"} - set(NOW[name])
    }

    assert missing == set()
