"""Objects: the golden page of everything, read back by every parser at hand."""

import dataclasses
import subprocess

import pytest
from conftest import need
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from docker_storage_exporter.collector.catalogue import OBJECT_FAMILIES
from docker_storage_exporter.collector.objects import samples, skippable
from docker_storage_exporter.collector.text import block
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Engine, Inventory
from docker_storage_exporter.model.places import Skip, Unmeasured
from docker_storage_exporter.model.snapshot import Snapshot
from docker_storage_exporter.model.text import printable


def page(snapshot, labels=(), *, openmetrics=False):
    """The object part of a page."""
    parts = []
    for family, found in samples(snapshot, labels):
        if made := block(family, found):
            parts += [made.openmetrics_header if openmetrics else made.plain_header, made.lines]
    return b"".join(parts).decode()


def read(families):
    """Every sample that a parser found, by name and labels."""
    found = [(s.name, tuple(sorted(s.labels.items())), s.value) for family in families for s in family.samples]
    assert len({key[:2] for key in found}) == len(found)
    return sorted(found)


def series(snapshot, name, labels=()):
    """The samples of one family as dictionaries of labels with their values."""
    (family,) = [family for family in parse_plain(page(snapshot, labels)) if family.name == name]
    return [(sample.labels, sample.value) for sample in family.samples]


class Slow:
    """The same samples as prometheus_client's own families, for its own encoders."""

    def __init__(self, snapshot):
        self._snapshot = snapshot

    def collect(self):
        for family, found in samples(self._snapshot):
            metric = GaugeMetricFamily(family.name, family.help, labels=family.labels, unit=family.unit)
            for values, number in found:
                metric.add_metric([printable(value) for value in values], float(number))
            if metric.samples:
                yield metric


@pytest.fixture
def encoded(snapshot):
    """prometheus_client's registry of the same samples."""
    registry = CollectorRegistry()
    registry.register(Slow(snapshot))
    return registry


def test_the_text_page_is_the_golden_one(snapshot, golden):
    golden("page.txt", page(snapshot))


def test_the_openmetrics_page_is_the_golden_one(snapshot, golden):
    golden("page.openmetrics.txt", page(snapshot, openmetrics=True))


def test_promtool_finds_nothing_to_say_about_the_text_page(snapshot):
    need("promtool")

    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page(snapshot).encode(), capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_both_formats_are_read_back_to_the_same_samples(snapshot):
    plain = read(parse_plain(page(snapshot)))

    assert plain == read(parse_openmetrics(page(snapshot, openmetrics=True) + "# EOF\n"))
    assert len(plain) > 200


def test_the_text_page_says_what_prometheus_client_s_own_encoder_says(snapshot, encoded):
    assert read(parse_plain(page(snapshot))) == read(parse_plain(generate_latest(encoded).decode()))


def test_the_openmetrics_page_says_what_prometheus_client_s_own_encoder_says(snapshot, encoded):
    theirs = list(parse_openmetrics(generate_openmetrics(encoded).decode()))
    ours = list(parse_openmetrics(page(snapshot, openmetrics=True) + "# EOF\n"))

    assert read(ours) == read(theirs)
    assert [(f.name, f.type, f.unit, f.documentation) for f in ours] == [
        (f.name, f.type, f.unit, f.documentation) for f in theirs
    ]


def test_every_object_family_of_the_catalogue_comes_once_and_in_its_order(snapshot):
    assert [family for family, _ in samples(snapshot)] == list(OBJECT_FAMILIES)


def test_the_snapshot_of_these_tests_fills_every_family(snapshot):
    assert {family.name for family in parse_plain(page(snapshot))} == {family.name for family in OBJECT_FAMILIES}


def test_an_empty_engine_still_has_its_identity_and_all_closed_sets():
    found = {family.name: len(family.samples) for family in parse_plain(page(Snapshot(Inventory(Engine()), at=1.0)))}

    assert found == {
        "docker_engine_info": 1,
        "docker_bind_mounts_distinct_bytes": 1,
        "docker_storage_skipped_objects": len(set(skippable())),
        "docker_storage_unmeasured_objects": len(KINDS) * len(Unmeasured),
        "docker_storage_pending_objects": len(KINDS),
    }


def test_an_object_without_a_number_has_identity_and_no_size(snapshot):
    sized = {labels["volume"] for labels, _ in series(snapshot, "docker_volume_allocated_bytes")}
    known = {labels["volume"] for labels, _ in series(snapshot, "docker_volume_info")}

    assert known - sized == {"0" * 64, "plugin"}


def test_a_filesystem_of_its_own_has_size_and_space_but_no_lengths_of_files(snapshot):
    assert series(snapshot, "docker_volume_filesystem_size_bytes") == [({"volume": "own-fs"}, 65536)]
    assert series(snapshot, "docker_volume_filesystem_avail_bytes") == [({"volume": "own-fs"}, 61440)]
    assert ({"volume": "own-fs"}, 4096) in series(snapshot, "docker_volume_allocated_bytes")
    for name in ("docker_volume_apparent_bytes", "docker_volume_unreadable_entries"):
        assert "own-fs" not in {labels["volume"] for labels, _ in series(snapshot, name)}


def test_a_container_is_in_exactly_one_of_all_states(snapshot):
    found = series(snapshot, "docker_container_state")

    assert {(labels["container"], labels["state"]) for labels, value in found if value == 1} == {
        ("shop-db-1", "running"),
        ("odd", "exited"),
        ("new", "created"),
    }
    assert len(found) == 3 * 7


def test_a_limit_is_absent_where_there_is_none(snapshot):
    assert series(snapshot, "docker_container_log_limit_bytes") == [
        ({"container": "shop-db-1", "source": "engine"}, 30_000_000)
    ]
    assert series(snapshot, "docker_container_layer_limit_bytes") == [
        ({"container": "shop-db-1", "source": "engine"}, 2**30)
    ]
    assert series(snapshot, "docker_volume_limit_bytes") == [({"volume": "quota", "source": "engine"}, 10 * 2**20)]


def test_a_mount_of_a_container_that_is_not_on_the_page_is_not_either(snapshot):
    users = {labels["container"] for labels, _ in series(snapshot, "docker_bind_mount_info")}

    assert users == {"shop-db-1"}


def test_a_mount_of_a_volume_that_is_not_on_the_page_is_not_either(snapshot):
    smaller = dataclasses.replace(snapshot, rows=snapshot.rows | {Kind.VOLUME: snapshot.of(Kind.VOLUME)[1:]})
    found = {labels["volume"] for labels, _ in series(smaller, "docker_volume_mount_info")}

    assert "shop_db" in {labels["volume"] for labels, _ in series(snapshot, "docker_volume_mount_info")}
    assert "shop_db" not in found


def test_engine_labels_are_carried_over_where_they_are_asked_for(snapshot):
    volumes = series(snapshot, "docker_volume_info", ("team", "com.example.x"))
    containers = {labels["container"]: labels for labels, _ in series(snapshot, "docker_container_info", ("team",))}

    assert volumes[0][0]["label_team"] == "a\\b\n\\xff"
    assert volumes[0][0]["label_com_example_x"] == ""
    assert volumes[1][0]["label_team"] == ""
    assert containers["shop-db-1"]["label_team"] == "core"
    assert "label_team" not in series(snapshot, "docker_volume_info")[0][0]


def test_what_can_be_skipped_is_a_closed_set_in_which_each_reason_has_its_kinds():
    assert len(set(skippable())) == len(list(skippable()))
    assert {reason for _, reason in skippable()} == set(Skip)
