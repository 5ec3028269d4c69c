"""Catalogue: names, units, labels and help texts keep to the rules of the ecosystem."""

import re

import pytest

from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES, VOLUME_INFO
from docker_storage_exporter.collector.family import Family

FAMILIES = OBJECT_FAMILIES + LIVE_FAMILIES
OTHER_UNITS = ("kb", "mb", "gb", "kib", "mib", "gib", "kilobytes", "megabytes", "byte", "ms", "milliseconds", "minutes")
OTHER_UNITS += ("hours", "days", "percent", "second", "time", "age", "size", "used", "avail", "limit")
KEYS = {
    "volume",
    "container",
    "image",
    "engine",
    "root",
    "state",
}  # what a series is of; `state` as in any set of states
TARGET_LABELS = {
    "job",
    "instance",
    "cluster",
    "env",
    "environment",
    "service",
    "zone",
    "region",
    "type",
    "le",
    "quantile",
}

every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


@every_family
def test_a_name_is_plain_and_begins_with_the_exporter_s_prefix(family):
    assert re.fullmatch(r"docker_[a-z]+(_[a-z]+)*", family.name)


@every_family
def test_a_name_ends_in_its_unit_and_only_base_units_are_used(family):
    words = family.base.split("_")

    assert words[-1] not in OTHER_UNITS
    assert family.unit == (words[-1] if words[-1] in ("bytes", "seconds", "ratio") else "")
    assert not set(words[:-1]) & {"bytes", "seconds", "ratio"}


@every_family
def test_total_is_for_counters_and_no_name_ends_like_a_summary_s_series(family):
    assert family.name.endswith("_total") == (family.type == "counter")
    assert not family.base.endswith(("_total", "_count", "_sum", "_bucket", "_created"))


@every_family
def test_a_timestamp_says_so_and_is_in_seconds(family):
    assert ("timestamp" in family.name) == family.name.endswith("_timestamp_seconds")


@every_family
def test_a_help_text_is_a_sentence_on_one_line_that_needs_no_escaping(family):
    assert family.help[0].isupper() or family.help[0].isdigit()
    assert family.help.endswith(".")
    assert family.help.isascii()
    assert not set('\\"\n') & set(family.help)


@every_family
def test_labels_are_plain_distinct_and_leave_the_operator_s_own_alone(family):
    assert len(set(family.labels)) == len(family.labels)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in family.labels)
    assert not TARGET_LABELS & set(family.labels)


@every_family
def test_no_label_but_the_key_repeats_a_word_of_the_name(family):
    assert not (set(family.labels) - KEYS) & set(family.name.split("_"))


def test_a_number_of_many_objects_is_told_apart_by_two_labels_at_most():
    wide = {family.name for family in FAMILIES if len(family.labels) > 2}

    assert all(name.endswith("_info") for name in wide)


def test_names_are_unique_with_and_without_their_suffix():
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert len({family.base for family in FAMILIES}) == len(FAMILIES)


def test_no_name_is_what_another_one_s_openmetrics_suffix_would_make_of_it():
    names = {family.name for family in FAMILIES}

    for family in FAMILIES:
        assert not names & {family.base + suffix for suffix in ("_created", "_count", "_sum", "_bucket", "_gsum")}


def test_sizes_say_in_their_help_that_they_are_measured_in_the_background():
    for family in OBJECT_FAMILIES:
        if family.name.endswith(("_allocated_bytes", "_apparent_bytes", "_inodes", "_log_bytes", "_tmpfs_used_bytes")):
            assert "Measured in the background" in family.help


def test_whoever_adds_labels_gets_another_family_and_the_catalogue_stays_as_it_is():
    wider = VOLUME_INFO.with_labels(("label_team",))

    assert wider.labels == (*VOLUME_INFO.labels, "label_team")
    assert "label_team" not in VOLUME_INFO.labels
    assert VOLUME_INFO.with_labels(()) is VOLUME_INFO


def test_the_family_of_a_counter_is_called_without_its_suffix():
    family = Family("docker_x_bytes_total", "X.", (), "counter")

    assert (family.base, family.unit) == ("docker_x_bytes", "bytes")
