"""Table: aligned, one line for each object whatever its name holds."""

import pytest

from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.listing.table import Column, TableStyle, render_columns, render_table
from docker_storage_exporter.model.units import human_bytes


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


ROWS = [
    Row("container_layer", "a" * 10 + "-web-1", 5 * 2**30, 2**30, 1200, 0, growth_bytes_per_hour=1024.0),
    Row("container_layer", "a" * 10 + "-web-2", 2**30, 2**30, 1200, 0, note="3 unreadable"),
    Row("volume", "f" * 64, note="skipped: not_mounted"),
]


def table(width, rows=ROWS, **options):
    return render_table(rows, TableStyle(width=width), **options).splitlines()


def test_a_wide_terminal_shows_everything():
    heading, first, *_ = table(200, whole=6 * 2**30)

    columns = ["KIND", "ALLOCATED", "SHARE", "APPARENT", "INODES", "GROWTH/S", "GROWTH/H", "NAME", "NOTE"]
    assert heading.split() == columns
    assert first.startswith(
        "container_layer    5.0 GiB   83% #######   1.0 GiB    1200         -  +1.0 KiB  aaaaaaaaaa-web-1"
    )


@pytest.mark.parametrize(
    ("width", "heading"),
    [
        (120, ["KIND", "ALLOCATED", "APPARENT", "INODES", "GROWTH/S", "GROWTH/H", "NAME", "NOTE"]),
        (80, ["KIND", "ALLOCATED", "APPARENT", "GROWTH/S", "GROWTH/H", "NAME"]),
        (64, ["KIND", "ALLOCATED", "GROWTH/S", "GROWTH/H", "NAME"]),
        (50, ["KIND", "ALLOCATED", "GROWTH/S", "NAME"]),
    ],
)
def test_names_are_told_apart_on_every_terminal_and_columns_go_before_them(width, heading):
    lines = table(width)

    assert lines[0].split() == heading
    assert max(map(len, lines)) <= width
    names = [line.split()[-1] if "NOTE" not in heading else line for line in lines[1:3]]
    assert all(name.endswith(end) or end in name for name, end in zip(names, ("web-1", "web-2"), strict=True))


def test_kinds_are_shortened_before_a_column_goes():
    assert [line.split()[0] for line in table(80)[1:]] == ["layer", "layer", "volume"]
    assert [line.split()[0] for line in table(200)[1:]] == ["container_layer", "container_layer", "volume"]


def test_a_note_takes_no_room_where_there_is_none_to_show():
    lines = table(100, [Row("volume", "data", 1, 1, 1, 0)])

    assert lines == ["KIND    ALLOCATED  APPARENT  INODES  NAME", "volume        1 B       1 B       1  data"]


def test_a_note_that_does_not_fit_is_cut_and_keeps_its_colour():
    rows = [Row("volume", "data", 1, 1, 1, 0, note="skipped: remote_filesystem")]
    text = render_table(rows, TableStyle(colour=True, width=60))

    assert "\x1b[33mskipped: remote_f\x1b[0m" in text


def test_only_remarks_have_the_colour_of_remarks():
    columns = [Column("A", ["1"]), Column("OBJECTS", ["12"], numbers=True)]

    assert "\x1b[33m" not in render_columns(columns, TableStyle(colour=True, width=60))


def test_a_row_whose_bytes_are_in_another_one_s_has_no_share():
    lines = table(
        100, [Row("volume", "a", 2**20, 0, 1, 0), Row("bind_mount", "b", 2**20, 0, 1, 0, counted=False)], whole=2**20
    )

    assert "100% ########" in lines[1]
    assert "%" not in lines[2]
