"""Limits that people set themselves: read from a file, taken from labels, and on the page."""

import re

import pytest
from prometheus_client import CollectorRegistry

from docker_storage_exporter.collector.pages import Pages
from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.limits import Limits, labelled_limit
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.labels import LOG_LIMIT, STORAGE_LIMIT
from docker_storage_exporter.model.objects import Container, LogSettings, Volume
from docker_storage_exporter.settings import limits, size
from pages import layer_row, page_of, volume_row

GIB = 2**30


@pytest.fixture
def read(tmp_path):
    """The limits in a file with this text."""

    def read(text):
        (tmp_path / "limits.yaml").write_text(text)
        return limits(str(tmp_path / "limits.yaml"))

    return read


def test_the_first_pattern_that_matches_a_whole_name_counts(read):
    found = read("volumes:\n  shop_db: 20GiB\n  shop_.*: 5g\nlogs:\n  .*: 100m\n")

    assert found.of(Kind.VOLUME, "shop_db") == 20 * GIB
    assert found.of(Kind.VOLUME, "shop_cache") == 5 * GIB
    assert found.of(Kind.VOLUME, "workshop_db") is None
    assert found.of(Kind.LOG, "anything") == 100 * 2**20
    assert found.of(Kind.LAYER, "anything") is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "volumes: {}\n"])
def test_a_file_without_limits_limits_nothing(read, text):
    assert read(text).of(Kind.VOLUME, "v") is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("volume:\n  a: 1g\n", 1, "each of volumes, layers, logs may stand here once, and nothing else"),
        ("volumes:\n  a: 1g\nvolumes:\n  b: 1g\n", 3, "may stand here once"),
        ("volumes: 20GiB\n", 1, "has to hold lines of PATTERN: SIZE"),
        ("volumes:\n  a: 1g\n  b(: 1g\n", 3, "'b(' is not a regular expression"),
        ("volumes:\n  a: much\n", 2, "'much' is not a size: write it like 512, 10m or 1g"),
        ("volumes:\n  a: [1g]\n", 2, "has to be a line of PATTERN: SIZE"),
        ("volumes:\n\t- a\n", 2, "is not YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line(read, tmp_path, text, line, words):
    with pytest.raises(SettingError, match=re.escape(f"{tmp_path}/limits.yaml:{line}: ")) as raised:
        read(text)

    assert words in str(raised.value)


def test_a_file_that_is_not_there_is_told_with_its_flag(tmp_path):
    with pytest.raises(SettingError, match=r"No such file or directory; see --limits\.file$"):
        limits(str(tmp_path / "missing"))


def test_a_label_that_is_no_size_is_no_limit_and_said_once(caplog):
    assert [labelled_limit("a lot", size) for _ in range(3)] == [None] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "a label that limits storage is ignored: 'a lot' is not a size: write it like 512, 10m or 1g"
    ]


def test_a_label_of_a_megabyte_costs_no_more_than_a_line(caplog):
    assert labelled_limit("9" * 10**6 + "g", size) is None
    assert labelled_limit("x" * 10**6, size) is None
    assert all(len(record.getMessage()) < 200 for record in caplog.records)


def test_every_limit_of_an_object_is_on_the_page_with_its_source():
    volume = Volume("db", labels={STORAGE_LIMIT: "20GiB"}, limit_bytes=10 * GIB)
    labels = {STORAGE_LIMIT: "1g", LOG_LIMIT: "50m"}
    container = Container("a" * 64, "web", labels=labels, log=LogSettings("json-file", 30_000_000))
    pages = Pages(CollectorRegistry())
    pages.render(page_of(volume_row("db", volume=volume), layer_row(container)))
    before = lines(pages)
    pages.limits = limits_of({Kind.VOLUME: 5, Kind.LAYER: 6, Kind.LOG: 7})

    pages.render(page_of(volume_row("db", volume=volume), layer_row(container)))

    assert before == {
        'docker_volume_limit_bytes{volume="db",source="engine"} 10737418240',
        'docker_volume_limit_bytes{volume="db",source="label"} 21474836480',
        'docker_container_layer_limit_bytes{container="web",source="label"} 1073741824',
        'docker_container_log_limit_bytes{container="web",source="engine"} 30000000',
        'docker_container_log_limit_bytes{container="web",source="label"} 52428800',
    }
    assert lines(pages) - before == {
        'docker_volume_limit_bytes{volume="db",source="file"} 5',
        'docker_container_layer_limit_bytes{container="web",source="file"} 6',
        'docker_container_log_limit_bytes{container="web",source="file"} 7',
    }


def limits_of(numbers):
    """Limits of everything, by kind."""
    return Limits({kind: ((re.compile(".*"), number),) for kind, number in numbers.items()})


def lines(pages):
    """The lines of limits on the page."""
    text = b"".join(pages.page("", gzip=False).body).decode()
    return {line for line in text.splitlines() if "_limit_bytes{" in line}
