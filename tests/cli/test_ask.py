"""`df` beside an exporter that runs: the same answer at once, and only from the one that is meant."""

import json
import os
import re
import time
import urllib.request
from contextlib import suppress

import pytest

from cli.conftest import servers
from docker_storage_exporter.demo.data_root import Demo


@pytest.fixture(scope="module")
def exporter(tmp_path_factory):
    """An exporter on a made-up data root that has measured everything."""
    folder = tmp_path_factory.mktemp("asked")
    made = Demo(str(folder))
    made.build()
    with servers(folder) as serve:
        serving = serve(f"--path.data-root={made.data_root}", "--scan.duty=1")
        serving.until("docker_storage_pending_objects", lambda found: found and not any(found.values()))
        serving.demo = made
        yield serving


@pytest.fixture
def df(run, exporter):
    """Run df where that exporter listens."""
    address = exporter.url.removeprefix("http://")
    environment = {"DSE_WEB_LISTEN_ADDRESS": address}
    return lambda *arguments: run(
        "df", f"--path.data-root={exporter.demo.data_root}", *arguments, environment=environment
    )


def settled(objects):
    """Rows without what changes by the minute."""
    moving = ("measured_timestamp", "growth_bytes_per_second", "growth_bytes_per_hour")
    return [{name: value for name, value in row.items() if name not in moving} for row in objects]


def test_the_answer_is_the_exporter_s_and_says_so_and_equals_a_measurement(df, exporter):
    asked, measured = df("--format=json"), df("--format=json", "--no-exporter")

    address = exporter.url.removeprefix("http://")
    assert re.fullmatch(rf"from the exporter at {address}, up to .* old; --no-exporter measures now\n", asked.stderr)
    assert "exporter" not in measured.stderr
    asked, measured = json.loads(asked.stdout), json.loads(measured.stdout)
    assert settled(asked["objects"]) == settled(measured["objects"])
    assert asked["totals"] == measured["totals"]
    assert asked["origin"] == measured["origin"]


def test_the_address_that_everybody_may_reach_is_asked_on_this_host(df, exporter):
    port = exporter.url.rpartition(":")[2]

    assert df(f"--web.listen-address=:{port}").stderr.startswith(f"from the exporter at 127.0.0.1:{port}, ")


def test_numbers_older_than_wanted_are_measured_anew(df):
    done = df("--max-age=1ms", "--format=json")

    assert re.match(r"the oldest number of the exporter at \S+ is .* old; measuring now\n", done.stderr)
    assert len(json.loads(done.stdout)["objects"]) == 53


def test_explain_that_finds_nothing_names_what_the_exporter_here_measures(fails, exporter, nothing_there):
    address = exporter.url.removeprefix("http://")

    line = fails(3, "df", "--explain", "shop_db-data", nothing_there, f"--web.listen-address={address}")

    assert line.endswith(
        f"; the exporter at {address} measures {exporter.demo.data_root}: "
        "name its engine with --docker.host (a demo prints how)"
    )


def test_an_exporter_of_another_data_root_is_not_taken(df, demo):
    done = df(f"--path.data-root={demo.data_root}", "--format=json")

    assert re.match(r"the exporter at \S+ measures another data root, /\S+; measuring now\n", done.stderr)
    assert json.loads(done.stdout)["origin"]["root"] == demo.data_root


def test_without_a_data_root_named_the_engine_says_which_one_is_meant(run, exporter, engine):
    address = exporter.url.removeprefix("http://")
    info = {"ID": "x", "ServerVersion": "27.0.0", "Driver": "overlay2", "DockerRootDir": exporter.demo.data_root}
    host = engine({"/version": {"ApiVersion": "1.46", "MinAPIVersion": "1.24", "Version": "27"}, "/info": info})

    done = run("df", f"--docker.host={host}", f"--web.listen-address={address}")

    assert done.stderr.startswith(f"from the exporter at {address}, ")


def test_own_rules_are_kept_by_measuring(df):
    done = df("--collector.volume-exclude=shop_.*", "--format=json")

    assert "exporter" not in done.stderr
    assert not [row for row in json.loads(done.stdout)["objects"] if row["name"].startswith("shop_c")]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"garbage",
        b"HTTP/1.0 200 OK\r\nContent-Length: 9000\r\n\r\n{",
    ],
)
def test_whatever_else_listens_there_is_not_believed(df, engine, answer):
    address = engine(answer, tcp=True).removeprefix("tcp://")

    done = df(f"--web.listen-address={address}", "--format=json")

    assert re.match(rf"what listens at {address} .*; measuring now\n", done.stderr)
    assert len(json.loads(done.stdout)["objects"]) == 53


def test_what_grows_is_sorted_by_growth_once_it_was_measured_twice(run, serve, tmp_path):
    made = Demo(str(tmp_path))
    made.build()
    serving = serve(f"--path.data-root={made.data_root}", "--scan.duty=1", "--scan.interval=300ms")
    address = serving.url.removeprefix("http://")
    arguments = (f"--path.data-root={made.data_root}", f"--web.listen-address={address}")
    ends = time.monotonic() + 40
    while True:
        made.grow()
        done = run("df", *arguments, "--sort=growth", "--top=2", "--format=json")
        with suppress(ValueError):
            rows = json.loads(done.stdout)["objects"]
            if [row["name"] for row in rows] == ["ci_runner-cache", "shop_db-data"] and rows[1][
                "growth_bytes_per_hour"
            ]:
                break
        assert time.monotonic() < ends, done

    table = run("df", *arguments, "--sort=growth", "--top=1").stdout.splitlines()
    assert table[0].split()[4:6] == ["GROWTH/S", "GROWTH/H"]
    assert re.search(r" \+\d+\.\d [KMG]iB  ci_runner-cache", table[1])
    explained = run("df", *arguments, "--explain=ci_runner-cache").stdout
    assert re.search(r"\n  growth +[+-]?\d\S* \w+ per second now, \+\d\S* \w+ per hour\n", explained)


def test_watch_shows_once_what_grows_to_whom_has_no_terminal(run, exporter):
    address = exporter.url.removeprefix("http://")
    done = run("watch", f"--path.data-root={exporter.demo.data_root}", f"--web.listen-address={address}", "--top=3")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split()[4:6] == ["GROWTH/S", "GROWTH/H"]
    assert len(done.stdout.splitlines()) == 4
    assert "\x1b" not in done.stdout


def test_watch_without_an_exporter_says_how_to_get_one(fails):
    line = fails(1, "watch", environment={"DSE_WEB_LISTEN_ADDRESS": "127.0.0.1:1"})

    assert line == (
        "no exporter answers at 127.0.0.1:1: Connection refused; start one with docker-storage-exporter serve"
    )


@pytest.fixture
def watching(exporter, terminal):
    """`watch` on a terminal."""

    def watching(*arguments, size=(24, 100), **options):
        address = exporter.url.removeprefix("http://")
        given = (f"--path.data-root={exporter.demo.data_root}", f"--web.listen-address={address}", "--every=200ms")
        shown = terminal("watch", *given, *arguments, size=size, docker=False, **options)
        shown.until("\x1b[J")
        return shown

    return watching


def screens(text):
    """What was drawn, screen by screen, without colours."""
    plain = re.sub(r"\x1b\[\d*m", "", text)
    return [
        [line.replace("\x1b[K", "") for line in part.split("\r\n")]
        for part in re.findall(r"\x1b\[H(.*?)\x1b\[J", plain, re.DOTALL)
    ]


def test_watch_takes_another_screen_and_gives_it_back_at_ctrl_c_with_130(watching):
    shown = watching()
    shown.type("\x03")

    assert shown.end() == 130
    assert shown.text.startswith("\x1b[?1049h\x1b[?25l")
    assert shown.text.endswith("\x1b[?25h\x1b[?1049l")
    assert "Traceback" not in shown.text


def test_watch_ends_at_q_and_leaves_the_keyboard_as_it_was(watching):
    shown = watching("--every=1h")
    shown.type("xq")

    assert shown.end() == 0
    assert shown.text.endswith("\x1b[?25h\x1b[?1049l")
    assert "xq" not in shown.text


def test_watch_scrolls_and_sorts_by_the_arrow_keys(watching):
    shown = watching("--every=1h", "--sort=allocated", size=(12, 100))
    first = screens(shown.text)[-1]
    seen = len(shown.text)
    shown.type("\x1b[B")
    shown.until("\x1b[J", after=seen)
    second = screens(shown.text)[-1]
    seen = len(shown.text)
    shown.type("\x1b[D")
    shown.until("\x1b[J", after=seen)
    shown.type("q")

    assert first[-7:][1:] == second[-7:][:-1]
    assert "by size;" in second[0]
    assert "by size until growth is known;" in screens(shown.text)[-1][0]
    assert shown.end() == 0


def test_watch_shows_what_the_exporter_there_measures_whatever_this_shell_means(run, exporter):
    address = exporter.url.removeprefix("http://")
    done = run("watch", "--path.data-root=/elsewhere", f"--web.listen-address={address}", "--top=1")

    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2)


def test_watch_ends_cleanly_also_when_it_is_killed_politely(watching):
    shown = watching()
    os.kill(shown.pid, 15)

    assert shown.end() == 143
    assert shown.text.endswith("\x1b[?25h\x1b[?1049l")


def test_watch_fits_the_terminal_and_follows_its_size_at_once(watching):
    shown = watching("--every=1h", size=(10, 90))
    (first,) = screens(shown.text)
    seen = len(shown.text)
    shown.resize(16, 50)
    shown.until("\x1b[J", after=seen)

    last = screens(shown.text)[-1]
    assert (len(first), len(last)) == (10, 16)
    assert max(map(len, first)) <= 90
    assert max(map(len, last)) <= 50
    assert any(line.startswith("KIND") for line in last)


def test_the_heading_of_watch_ends_with_a_whole_part_and_a_long_mount_point_keeps_its_numbers(watching):
    shown = watching("--every=1h", size=(16, 50))
    shown.type("q")
    assert shown.end() == 0

    heading, filesystem = screens(shown.text)[-1][:2]
    assert heading.endswith(("; q ends", "arrows scroll and sort"))
    assert re.search(r": [\d.]+ \w+ used, [\d.]+ \w+ free of [\d.]+ \w+$", filesystem)


def test_watch_keeps_showing_the_last_numbers_while_nobody_answers(terminal, serve, demo):
    serving = serve(f"--path.data-root={demo.data_root}", "--scan.duty=1")
    address = serving.url.removeprefix("http://")
    given = (f"--path.data-root={demo.data_root}", f"--web.listen-address={address}", "--every=100ms", "--kind=volume")
    shown = terminal("watch", *given, size=(20, 100), docker=False)
    shown.until("shop_db-data")
    serving.end()

    shown.until(f"no exporter answers at {address}")

    shown.until("\x1b[J", after=shown.text.rindex("no exporter answers"))
    assert "shop_db-data" in "".join(screens(shown.text)[-1])
    shown.type("\x03")
    assert shown.end() == 130


def test_watch_that_is_stopped_gives_the_screen_back_and_takes_it_again(watching):
    shown = watching("--every=1h")
    seen = len(shown.text)
    os.kill(shown.pid, 20)
    shown.until("\x1b[?1049l", after=seen)
    os.waitid(os.P_PID, shown.pid, os.WSTOPPED)
    os.kill(shown.pid, 18)
    shown.until("\x1b[?1049h", after=seen)
    shown.until("\x1b[J", after=shown.text.rindex("\x1b[?1049h"))

    shown.type("\x03")
    assert shown.end() == 130


def test_the_document_is_there_for_everybody(exporter):
    with urllib.request.urlopen(f"{exporter.url}/api/v1/objects", timeout=20) as answer:
        found = json.load(answer)

    (volume,) = (row for row in found["objects"] if row["name"] == "shop_db-data")
    assert volume["users"] == ["shop-db-1"]
    assert volume["allocated_bytes"] > 12 * 2**20
    assert abs(volume["measured_timestamp"] - time.time()) < 600
    device = os.stat(exporter.demo.data_root).st_dev
    assert [os.stat(f["mountpoint"]).st_dev for f in found["filesystems"]] == [device]


def test_an_engine_that_hangs_is_not_asked_where_an_exporter_runs(exporter, run):
    """The usual socket is meant, which no test has: whatever it would say, the exporter's answer comes first."""
    address = exporter.url.removeprefix("http://")
    environment = {"DSE_WEB_LISTEN_ADDRESS": address, "DOCKER_HOST": "unix:///var/run/docker.sock"}

    done = run("df", "--format=json", environment=environment)

    assert f"from the exporter at {address}" in done.stderr
    assert json.loads(done.stdout)["origin"]["root"] == exporter.demo.data_root
