"""The log: each record one line that a parser of its style understands, whatever is in it."""

import json
import logging
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_storage_exporter.cli.log import announce, set_up_log

LINE = re.compile(r'ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} level=(\w+) msg="((?:[^"\\]|\\.)*)"')


@pytest.fixture(autouse=True)
def _as_before():
    ours = logging.getLogger("docker_storage_exporter")
    before = ours.handlers, ours.propagate, ours.level
    yield
    ours.handlers, ours.propagate = before[:2]
    ours.setLevel(before[2])


def written(style, message, *, level=logging.WARNING, exc_info=None):
    """The line of a record."""
    set_up_log("debug", style)
    formatter = logging.getLogger("docker_storage_exporter").handlers[0].formatter
    return formatter.format(logging.LogRecord("x", level, "", 0, message, None, exc_info))


@given(st.text())
def test_a_record_is_one_line_in_both_styles_whatever_is_in_it(message):
    logfmt, made = written("logfmt", message), written("json", message)

    assert LINE.fullmatch(logfmt)[1] == "warn"
    assert logfmt.isprintable()
    assert made.isascii()
    assert "\n" not in made
    assert set(json.loads(made)) == {"ts", "level", "msg"}


def test_json_says_the_message_as_it_is():
    assert json.loads(written("json", 'a "b"\n\\c ü'))["msg"] == 'a "b"\n\\c ü'


def test_a_traceback_stays_on_the_line_of_its_object():
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        line = written("json", "broken", exc_info=sys.exc_info())

    assert "ZeroDivisionError" in json.loads(line)["traceback"]


@pytest.mark.parametrize(("level", "said"), [("debug", 4), ("info", 3), ("warn", 2), ("error", 1)])
def test_a_level_leaves_out_what_is_below_it(capsys, level, said):
    set_up_log(level)
    log = logging.getLogger("docker_storage_exporter.x")
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        log.log(number, "said")

    assert capsys.readouterr().err.count("said") == said


def test_an_announcement_is_a_bare_line_or_an_object_like_all_others(capsys):
    announce("listening", "logfmt")
    announce("listening", "json")

    bare, made = capsys.readouterr().err.splitlines()
    assert bare == "listening"
    assert json.loads(made).keys() == {"ts", "level", "msg"}
