"""Table: aligned, one line for each object whatever its name holds."""

import pytest

from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.listing.table import human_bytes, render_table


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (48 * 2**20, "48.0 MiB"),
        (2**20 - 1, "1.0 MiB"),
        (5 * 2**30, "5.0 GiB"),
        (2**40, "1.0 TiB"),
        (2**60, "1024.0 PiB"),
    ],
)
def test_bytes_are_shown_in_the_largest_unit_with_a_whole_part(number, shown):
    assert human_bytes(number) == shown


def test_numbers_are_aligned_to_the_right_and_lines_have_no_trailing_space():
    text = render_table(
        [Row("volume", "data", 48 * 2**20, 2**20, 1200, 0), Row("container_log", "x", note="not measured yet")]
    )

    assert text == (
        "KIND           ALLOCATED  APPARENT  INODES  NAME  NOTE\n"
        "volume          48.0 MiB   1.0 MiB    1200  data\n"
        "container_log          -         -       -  x     not measured yet\n"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb", r"a\nb"), ("a\x1b[2J", r"a\x1b[2J"), ("a\u202eb", r"a\u202eb"), ("größe \N{WHALE}", "größe \N{WHALE}")],
)
def test_a_name_neither_breaks_its_line_nor_reaches_the_terminal_as_a_command(name, shown):
    text = render_table([Row("volume", name, 1, 1, 1, 0)])

    assert text.splitlines()[1].endswith(f"  {shown}")
    assert text.count("\n") == 2


def test_an_empty_host_still_has_a_heading():
    assert render_table([]) == "KIND  ALLOCATED  APPARENT  INODES  NAME  NOTE\n"
