"""Explanation: the same facts as text for a terminal and as JSON."""

import json
from dataclasses import replace

from docker_storage_exporter.explain.explanation import (
    Explanation,
    Part,
    Remedy,
    Retained,
    Use,
    explanation_document,
    render_explanation,
)
from docker_storage_exporter.listing.table import TableStyle

WHOLE = Explanation(
    target="data",
    owner="volume",
    facts={"driver": "local", "project": ""},
    uses=(Use("web", "running", "/data", "rw"), Use("job", "exited", "/again", "ro")),
    parts=(
        Part("volume", "/v/data", 4096, 1000, 3, "2 unreadable", 1.0, 3600.0),
        Part("log files", "/c/log", note="not measured: permission_denied"),
    ),
    largest=(("base", 4096), ("wal", 512)),
    stays=(
        Retained("in 1 file open in sh (7), until that ends", 512),
        Retained("bind mount /srv is the same directory"),
    ),
    remedies=(Remedy("remove it", "docker volume rm data", 4096, "its data"), Remedy("leave it", "true")),
    remark="a note",
)


def test_the_text_has_a_line_for_each_fact_and_none_for_what_is_empty():
    assert render_explanation(WHOLE).splitlines() == [
        "data: volume",
        "  driver          local",
        "  volume          4.0 KiB allocated, 1000 B apparent, 3 inodes, 2 unreadable  /v/data",
        "  growth          +1 B per second now, +3.5 KiB per hour",
        "  log files       not measured: permission_denied  /c/log",
        "  largest         4.0 KiB  base",
        "                  512 B  wal",
        "  used by         web (running) at /data, rw",
        "                  job (exited) at /again, ro",
        "  stays           512 B  in 1 file open in sh (7), until that ends",
        "                  bind mount /srv is the same directory",
        "  note            a note",
        "  remedy          remove it: frees 4.0 KiB, loses its data",
        "                  docker volume rm data",
        "  remedy          leave it: loses nothing",
        "                  true",
    ]


def test_on_a_terminal_sentences_are_folded_below_their_beginning_and_paths_stay_whole():
    path = "/var/lib/docker/volumes/a-volume-with-a-long-name/_data"
    beside = replace(WHOLE, facts={"inside": path})
    shown = replace(WHOLE, facts={}, uses=(), parts=(Part("volume", path, 4096, 1000, 3),), largest=(), stays=())

    assert render_explanation(shown, TableStyle(width=60)).splitlines()[:4] == [
        "data: volume",
        "  volume          4.0 KiB allocated, 1000 B apparent, 3",
        "                  inodes",
        f"                  {path}",
    ]
    assert f"  inside          {path}" in render_explanation(beside, TableStyle(width=60)).splitlines()


def test_on_a_terminal_each_command_has_its_line_and_the_shell_goes_on_after_it():
    stop, quoted = "docker stop web && docker rm web && docker volume rm data", "rm -- 'a && b' && true"
    shown = replace(WHOLE, remedies=(Remedy("remove it", stop), Remedy("delete it", quoted)))

    lines = [line.strip() for line in render_explanation(shown, TableStyle(width=30)).splitlines()]

    at = lines.index("docker stop web &&")
    assert lines[at : at + 3] == ["docker stop web &&", "docker rm web &&", "docker volume rm data"]
    assert quoted in lines
    assert stop in render_explanation(shown)


def test_a_path_that_is_explained_is_named_once():
    shown = Explanation("/srv/x", "volume a", parts=(Part("bytes", "/srv/x", 4096, 1000, 3), Part("rest", "")))

    assert render_explanation(shown).splitlines() == [
        "/srv/x: volume a",
        "  bytes           4.0 KiB allocated, 1000 B apparent, 3 inodes",
    ]


def test_the_document_is_the_whole_explanation():
    found = json.loads(json.dumps(explanation_document(WHOLE)))

    assert found.keys() == {
        "target", "owner", "facts", "uses", "parts", "largest", "stays", "remedies", "remark",
    }  # fmt: skip
    assert found["largest"] == [{"path": "base", "allocated_bytes": 4096}, {"path": "wal", "allocated_bytes": 512}]
    assert found["remedies"][0] == {
        "what": "remove it", "command": "docker volume rm data", "frees_bytes": 4096, "loses": "its data",
    }  # fmt: skip


def test_what_a_terminal_would_obey_is_escaped():
    text = render_explanation(Explanation("evil\x1b[2J\n", "volume"))

    assert text == "evil\\x1b[2J\\n: volume\n"
