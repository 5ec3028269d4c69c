"""Model: names fit for a page, and what a volume says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docker_storage_exporter.model.objects import Volume
from docker_storage_exporter.model.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("shop_db-data", "shop_db-data"),
        ("größe \N{WHALE}", "größe \N{WHALE}"),
        ("bad\udcff", r"bad\xff"),
        ("nul\0", r"nul\x00"),
        ("json\ud800", r"json\ud800"),
        ("line\nfeed", "line\nfeed"),
        ("\udcc3\udca9", "é"),
        ("größe\udcfe", r"größe\xfe"),
    ],
)
def test_printable_keeps_valid_text_and_spells_out_the_rest(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_printable_text_is_always_utf8_without_nul_and_printable_again(text):
    shown = printable(text)

    assert "\0" not in shown
    assert printable(shown.encode().decode()) == shown


@given(st.binary().filter(lambda raw: b"\0" not in raw))
def test_a_name_on_disk_that_is_utf8_is_shown_as_it_is(raw):
    shown = printable(raw.decode("utf-8", "surrogateescape"))

    assert shown == raw.decode("utf-8", "backslashreplace")


def test_a_volume_is_anonymous_by_label_or_by_the_shape_of_its_name():
    assert Volume("data", labels={"com.docker.volume.anonymous": ""}).anonymous
    assert Volume("0123456789abcdef" * 4).anonymous
    assert not Volume("0123456789abcdef").anonymous
    assert not Volume("0123456789ABCDEF" * 4).anonymous
