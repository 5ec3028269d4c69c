"""Text: hostile label values stay inside their quotes, numbers lose nothing, a label set comes once."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from docker_storage_exporter.collector.family import Family
from docker_storage_exporter.collector.text import block, escaped
from docker_storage_exporter.model.text import printable

FAMILY = Family("docker_x_bytes", "X.", ("name",))
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)


def test_a_family_is_a_header_for_each_format_and_lines_for_both():
    made = block(FAMILY, [(("a",), 1), (("b",), 2.5)])

    assert made.plain_header == b"# HELP docker_x_bytes X.\n# TYPE docker_x_bytes gauge\n"
    assert made.openmetrics_header == made.plain_header + b"# UNIT docker_x_bytes bytes\n"
    assert made.lines == b'docker_x_bytes{name="a"} 1\ndocker_x_bytes{name="b"} 2.5\n'


def test_a_family_without_a_unit_has_no_unit_line():
    assert b"UNIT" not in block(Family("docker_x", "X."), [((), 1)]).openmetrics_header


def test_a_family_without_samples_is_not_on_the_page():
    assert block(FAMILY, []) is None


def test_a_family_without_labels_has_no_braces():
    assert block(Family("docker_x", "X."), [((), True)]).lines == b"docker_x 1\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ('quote"', r"quote\""),
        ("back\\slash", r"back\\slash"),
        ("line\nfeed", r"line\nfeed"),
        ("bad\udcff", r"bad\\xff"),
        ("nul\0", r"nul\\x00"),
        ("\N{SPOUTING WHALE}", "\N{SPOUTING WHALE}"),
        ("\r\t", "\r\t"),
    ],
)
def test_a_label_value_is_escaped_as_both_formats_want_it(value, shown):
    assert escaped(value) == shown


@given(st.lists(ANY_TEXT, min_size=1, max_size=5, unique_by=printable))
def test_any_label_values_are_read_back_by_both_parsers(values):
    made = block(FAMILY, [((value,), number) for number, value in enumerate(values)])

    expected = [(printable(value), float(number)) for number, value in enumerate(values)]
    for parse, text in (
        (parse_plain, made.plain_header + made.lines),
        (parse_openmetrics, made.openmetrics_header + made.lines + b"# EOF\n"),
    ):
        (family,) = parse(text.decode())
        assert [(sample.labels["name"], sample.value) for sample in family.samples] == expected


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (7.0, "7"), (2**53 + 1, "9007199254740993"), (1760000000.25, "1760000000.25"), (0.1, "0.1"), (-3, "-3")],
)
def test_a_number_is_written_without_loss_and_whole_ones_without_a_fraction(number, shown):
    assert block(Family("docker_x", "X."), [((), number)]).lines == f"docker_x {shown}\n".encode()


def test_of_two_samples_with_one_label_set_the_first_is_kept_and_the_other_logged(caplog):
    with caplog.at_level(logging.ERROR):
        made = block(FAMILY, [(("a",), 1), (("b",), 2), (("a",), 3)])

    assert made.lines == b'docker_x_bytes{name="a"} 1\ndocker_x_bytes{name="b"} 2\n'
    assert 'docker_x_bytes{name="a"} comes twice' in caplog.text


def test_two_names_that_look_the_same_once_printable_are_one_label_set(caplog):
    made = block(FAMILY, [(("a\udcff",), 1), ((r"a\xff",), 2)])

    assert made.lines.count(b"\n") == 1
    assert "comes twice" in caplog.text
