"""Pages: one answer in each format and encoding, whole at any moment."""

import gzip
import subprocess
import threading
import zlib
from random import Random

import pytest
from conftest import need
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from docker_storage_exporter.collector import rendering
from docker_storage_exporter.collector.pages import Pages, accepts
from docker_storage_exporter.model.objects import Container, Mount
from pages import layer_row, page_of, volume_row, walked

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
    "version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,/;q=0.1"
)


@pytest.fixture
def pages():
    """Pages with one live counter."""
    registry = CollectorRegistry()
    Counter("live", "Something live.", registry=registry).inc(3)
    return Pages(registry)


def body(page):
    """The bytes of an answer."""
    return b"".join(page.body)


def named(name, number=1):
    """A snapshot with volumes of a name."""
    return page_of(*(volume_row(f"{name}{i}") for i in range(number)))


LIKED_EQUALLY = "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.5"


@pytest.mark.parametrize(
    "accept", [OPENMETRICS, PROMETHEUS_2, PROMETHEUS_3, LIKED_EQUALLY, "application/openmetrics-text"]
)
def test_openmetrics_is_given_to_whom_it_is_asked_by(pages, snapshot, accept):
    pages.render(snapshot)

    page = pages.page(accept, gzip=False)

    assert page.content_type == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    names = [family.name for family in parse_openmetrics(body(page).decode())]
    assert names[0] == "docker_engine_info"
    assert names[-1] == "live"


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/plain",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.7",
        "text/plain, application/openmetrics-text;version=1.0.0;q=0.999",
        "application/openmetrics-text;q=high",
        "application/openmetrics-text;version=0.0.1",
        "text/plain;version=bogus",
        "text/plain; version=1.0.0; escaping=bogus",
        ";;;,,,",
        "ÿ",
        "application/json",
    ],
)
def test_everybody_else_gets_the_text_format_whatever_they_send(pages, snapshot, accept):
    pages.render(snapshot)

    page = pages.page(accept, gzip=False)

    assert page.content_type == "text/plain; version=0.0.4; charset=utf-8"
    names = [family.name for family in parse_plain(body(page).decode())]
    assert names[0] == "docker_engine_info"
    assert "live" in names


@pytest.mark.parametrize(
    ("header", "yes"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=1.0, identity", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=0.2, identity;q=0.8", False),
        ("identity;q=0.8, gzip;q=0.8", True),
        ("gzip;q=2", False),
        ("xgzip", False),
        ("*", False),
    ],
)
def test_gzip_is_used_where_it_is_named_and_not_refused(header, yes):
    assert accepts(header, "gzip", "identity") is yes


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_the_compressed_page_is_one_gzip_member_equal_to_the_plain_one(pages, snapshot, accept):
    pages.render(snapshot)

    packed = pages.page(accept, gzip=True)

    assert packed.encoding == "gzip"
    assert packed.length == len(body(packed)) < pages.page(accept, gzip=False).length / 4
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert stream.decompress(body(packed)) == body(pages.page(accept, gzip=False))
    assert stream.eof
    assert stream.unused_data == b""


def test_the_gzip_program_finds_the_compressed_page_sound(pages, snapshot):
    need("gzip")
    pages.render(snapshot)

    done = subprocess.run(["gzip", "-dc"], input=body(pages.page("", gzip=True)), capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == body(pages.page("", gzip=False))


def test_before_the_first_snapshot_there_is_the_live_part_alone(pages):
    plain = body(pages.page("", gzip=False))

    assert b"live_total 3.0" in plain
    assert b"docker_" not in plain
    assert gzip.decompress(body(pages.page("", gzip=True))) == plain


def test_the_live_part_is_read_for_each_answer():
    registry = CollectorRegistry()
    counter = Counter("live", "Something live.", registry=registry)
    pages = Pages(registry)
    pages.render(named("v"))

    first = gzip.decompress(body(pages.page("", gzip=True)))
    counter.inc()
    second = gzip.decompress(body(pages.page("", gzip=True)))

    assert b"live_total 0.0" in first
    assert b"live_total 1.0" in second


def test_a_new_snapshot_is_on_the_next_page_in_every_format(pages):
    pages.render(named("before"))
    for accept in ("", OPENMETRICS):
        pages.page(accept, gzip=True)

    pages.render(named("after"))

    for accept in ("", OPENMETRICS):
        text = gzip.decompress(body(pages.page(accept, gzip=True)))
        assert b"after0" in text
        assert b"before0" not in text


def test_what_was_asked_for_compressed_is_compressed_before_it_is_asked_for_again(pages):
    pages.render(named("v"))
    assert pages._rendered.compressed == {}

    pages.page(OPENMETRICS, gzip=True)
    pages.render(named("v"))

    assert list(pages._rendered.compressed) == [True]


def test_every_answer_is_whole_while_new_snapshots_are_rendered(pages):
    snapshots = [named(f"generation-{number}-", 50) for number in range(4)]
    pages.render(snapshots[0])
    stopping = threading.Event()

    def publish():
        while not stopping.is_set():
            for snapshot in snapshots:
                pages.render(snapshot)

    thread = threading.Thread(target=publish)
    thread.start()
    seen = set()
    try:
        for number in range(150):
            accept = (OPENMETRICS, "")[number % 2]
            text = gzip.decompress(body(pages.page(accept, gzip=True))).decode()
            parse = parse_openmetrics if accept else parse_plain
            (info,) = [family for family in parse(text) if family.name == "docker_volume_info"]
            generations = {sample.labels["volume"].rpartition("-")[0] for sample in info.samples}
            assert len(info.samples) == 50
            assert len(generations) == 1
            seen |= generations
    finally:
        stopping.set()
        thread.join()
    assert len(seen) > 1


def test_labels_are_carried_over_onto_the_page(snapshot):
    pages = Pages(CollectorRegistry(), ("team",))
    pages.render(snapshot)

    assert b'label_team="core"' in body(pages.page("", gzip=False))


def many(sizes, at=1.0):
    """A snapshot of volumes of these sizes by name."""
    return page_of(*(volume_row(name, walked(f"/v/{name}", size)) for name, size in sizes.items()), at=at)


def changed(snapshot, *rows):
    """The snapshot with some rows instead of, or beside, those of the same names."""
    known = {row.key: row for row in snapshot.all_rows()} | {row.key: row for row in rows}
    return page_of(*(known[key] for key in sorted(known)))


def test_a_row_that_changed_costs_the_text_of_its_neighbours_and_no_more(monkeypatch):
    made = []
    real = rendering.lines
    monkeypatch.setattr(
        rendering, "lines", lambda family, samples, known: made.append(real(family, samples, known)) or made[-1]
    )
    first = many({f"volume-{number:05}": 4096 for number in range(5_000)})
    renderer = rendering.Renderer()
    renderer.render(first, ())
    whole = sum(map(len, made))
    made.clear()

    renderer.render(changed(first, volume_row("volume-02500", walked("/v/volume-02500", 8192))), ())

    assert sum(map(len, made)) < whole / 2  # 256 rows on average, but their number is up to their hashes


@pytest.mark.parametrize("seed", range(3))
def test_a_page_of_which_parts_are_kept_is_the_page_that_would_be_made_anew(pages, seed):
    random = Random(seed)
    snapshot = many({f"volume-{number}": 4096 for number in range(600)})
    for accept in ("", OPENMETRICS):
        pages.page(accept, gzip=True)
    for step in range(12):
        names = {f"volume-{random.randint(0, 700)}" for _ in range(random.choice((0, 1, 40)))}
        snapshot = changed(snapshot, *(volume_row(n, walked(f"/v/{n}", 4096 * random.randint(1, 9))) for n in names))
        fresh = Pages(CollectorRegistry(), ("team",) if step > 8 else ())
        pages.labels = fresh.labels
        pages.render(snapshot)
        fresh.render(snapshot)
        for accept in ("", OPENMETRICS):
            plain = body(pages.page(accept, gzip=False))
            assert plain.startswith(body(fresh.page(accept, gzip=False)).removesuffix(b"# EOF\n"))
            assert without_live(gzip.decompress(body(pages.page(accept, gzip=True)))) == without_live(plain)


def without_live(page):
    """A page as it was before the live part, which says when it was made."""
    return page.partition(b"# HELP live")[0]


def test_a_container_s_new_name_is_on_its_volumes_series_although_they_did_not_change(pages):
    users = (("a" * 64, Mount("volume", "v", "/v")),)
    volume = volume_row("v", walked("/v", 4096), users=users)
    for name in ("old", "new"):
        pages.render(page_of(volume, layer_row(Container("a" * 64, name))))
        assert f'docker_volume_mount_info{{volume="v",container="{name}"'.encode() in body(pages.page("", gzip=False))
