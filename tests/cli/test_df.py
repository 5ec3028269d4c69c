"""`df`: everything measured once, largest first, and nothing but data on stdout."""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import need

from cli.conftest import GOOD
from docker_storage_exporter.listing.document import ROW_FIELDS

NOT_LISTENING = {"DSE_WEB_LISTEN_ADDRESS": "127.0.0.1:1"}


@pytest.fixture
def df(run):
    """Run df where no exporter listens."""
    return lambda *arguments, environment=(), **options: run(
        "df", *arguments, environment={**NOT_LISTENING, **dict(environment)}, **options
    )


def with_volume(name, root):
    """The answers of an engine with this data root and one volume."""
    volume = {"Name": name, "Driver": "local", "Mountpoint": f"{root}/volumes/{name}/_data"}
    return {**GOOD, "/info": {**GOOD["/info"], "DockerRootDir": str(root)}, "/volumes": {"Volumes": [volume]}}


def objects(done):
    """The rows of a JSON document."""
    return json.loads(done.stdout)["objects"]


def test_json_has_every_object_of_the_data_root_largest_first(df, data_root, demo):
    need("du")
    done = df("--format=json", data_root)
    rows = objects(done)

    assert done.returncode == 0
    assert all(tuple(row) == ROW_FIELDS for row in rows)
    sizes = [row["allocated_bytes"] for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    kinds = [row["kind"] for row in rows]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "volume": 12,
        "container_layer": 12,
        "container_log": 12,
        "bind_mount": 3,
        "image": 14,  # with what they share
    }
    for row in rows:
        if row["kind"] == "volume":
            path = f"{demo.data_root}/volumes/{row['name']}/_data"
            said = subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout
            assert row["allocated_bytes"] == int(said.split()[0])


def test_json_has_totals_and_the_filesystem_of_the_data_root(df, data_root, demo):
    found = json.loads(df("--format=json", data_root).stdout)
    (filesystem,) = found["filesystems"]
    stats = os.statvfs(demo.data_root)

    for total in found["totals"]:
        rows = [row for row in found["objects"] if row["kind"] == total["kind"]]
        assert total["objects"] == len(rows) - (total["kind"] == "image")  # what images share is none
        assert total["allocated_bytes"] == sum(row["allocated_bytes"] for row in rows)
    assert filesystem["size_bytes"] == stats.f_blocks * stats.f_frsize
    assert os.stat(filesystem["mountpoint"]).st_dev == os.stat(demo.data_root).st_dev


def test_the_table_shows_the_same_in_the_same_order(df, data_root):
    rows = objects(df("--format=json", data_root))
    lines = df(data_root).stdout.splitlines()

    assert lines[0].split() == ["KIND", "ALLOCATED", "APPARENT", "INODES", "NAME", "NOTE"]
    assert [line.split()[0] for line in lines[1:]] == [row["kind"] for row in rows]
    assert all(f"  {row['name']}" in line for line, row in zip(lines[1:], rows, strict=True))
    assert lines[1].split()[:3] == ["volume", "12.0", "MiB"]


def test_csv_holds_what_json_holds(df, data_root):
    rows = objects(df("--format=json", "--sort=name", data_root))

    found = list(csv.DictReader(io.StringIO(df("--format=csv", "--sort=name", data_root).stdout)))

    assert tuple(found[0]) == ROW_FIELDS
    assert [(row["kind"], row["name"], row["allocated_bytes"], row["users"]) for row in found] == [
        (row["kind"], row["name"], str(row["allocated_bytes"]), " ".join(row["users"])) for row in rows
    ]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_data_comes_alone_with_the_origin_of_the_facts_on_stderr(df, data_root, tmp_path, form):
    done = df(data_root, f"--format={form}")

    assert done.stderr == f"no engine answers at unix://{tmp_path}/no-engine.sock; this is what the disk says\n"
    assert "\x1b" not in done.stdout


def test_a_table_that_is_piped_is_rows_only_and_plain_and_the_rest_is_talk(df, data_root, demo):
    done = df(data_root, environment={"TERM": "xterm-256color"})

    assert len(done.stdout.splitlines()) == 1 + 53
    assert "\x1b" not in done.stdout + done.stderr
    assert "\nTOTAL " in done.stderr
    assert re.search(r"\nFILESYSTEM .*\n/\S* +\S+ \w+ .* \d+%  ", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--volume=shop_.*", "--sort=name", "--top=2"), ["shop_cache", "shop_db-backup"]),
        (("--kind=bind_mount", "--kind=container_layer", "--top=1"), ["ci-runner-1"]),
        (("--dangling", "--sort=apparent"), ["old-wordpress", hashlib.sha256(b"anonymous").hexdigest()]),
        (("--volume=shop",), []),
    ],
)
def test_filters_and_sort_keys_choose_the_rows(df, data_root, arguments, names):
    assert [row["name"] for row in objects(df("--format=json", data_root, *arguments))] == names


def test_totals_are_those_of_all_that_was_chosen_also_of_what_top_hides(df, data_root):
    (total,) = json.loads(df("--format=json", data_root, "--kind=volume", "--top=1").stdout)["totals"]

    assert (total["kind"], total["objects"]) == ("volume", 12)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--volume=(",), "--volume: '(' is not a regular expression: "),
        (("--top=0",), "--top: '0' is not a whole number of at least 1"),
        (("--max-age=soon",), "--max-age: 'soon' is not a duration: "),
        (("--sort=growth",), "--sort growth: only a running exporter knows "),
        (("--explain=x", "--format=csv"), "--explain: an explanation has no rows"),
    ],
)
def test_a_bad_choice_is_one_line(fails, data_root, arguments, line):
    assert fails(2, "df", data_root, *arguments, environment=NOT_LISTENING).startswith(line)


def test_an_object_that_is_gone_or_excluded_is_left_out_or_says_so(df, demo, tmp_path):
    root = tmp_path / "docker"
    shutil.copytree(demo.data_root, root)
    shutil.rmtree(a_layer(root))

    done = df("--format=json", f"--path.data-root={root}", "--collector.volume-exclude=shop_.*")
    rows = objects(done)

    assert sum(row["kind"] == "volume" for row in rows) == 7
    assert [row["note"] for row in rows if row["allocated_bytes"] is None] == ["unmeasured: vanished"]
    assert rows[-1]["allocated_bytes"] is None
    talk = df(f"--path.data-root={root}", "--collector.volume-exclude=shop_.*").stderr
    assert "skipped: 5 volumes (excluded)\nunmeasured: 1 container_layer (vanished)\n" in talk


def test_a_number_that_is_missing_costs_the_exit_code_and_makes_the_total_a_lower_bound(df, demo, tmp_path):
    root = tmp_path / "docker"
    shutil.copytree(demo.data_root, root)
    shutil.rmtree(a_layer(root))

    done = df(f"--path.data-root={root}")

    assert done.returncode == 1
    assert re.search(r"^container_layer +≥ [\d.]+ MiB +≥ [\d.]+ MiB +≥ \d+ +12$", done.stderr, re.MULTILINE)
    assert re.search(r"^volume +[\d.]+ MiB ", done.stderr, re.MULTILINE)
    assert df(f"--path.data-root={root}", "--kind=volume").returncode == 0


@pytest.mark.root
def test_a_user_without_rights_is_told_of_sudo_and_gets_no_zero(df, engine, tmp_path):
    need("setpriv", root=True)
    root = tmp_path / "docker"
    (root / "containers").mkdir(parents=True)
    os.chown(root / "containers", 12345, 12345)
    os.chmod(root / "containers", 0)
    address = engine(with_volume("kept", root))

    before = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
    done = df("--no-exporter", f"--path.data-root={root}", f"--docker.host={address}", before=before)

    assert done.returncode == 1
    assert re.search(r"^volume +- +- +- +1$", done.stderr, re.MULTILINE)
    assert "\npermission_denied: this user may not read them; run it with sudo, " in done.stderr


def test_a_mistyped_data_root_is_told_and_gives_no_zero(df, engine, tmp_path):
    address = engine(with_volume("kept", tmp_path / "docker"))

    done = df("--no-exporter", "--path.data-root=/var/lib/dokcer", f"--docker.host={address}")

    assert done.returncode == 1
    assert re.search(r"^volume +- +- +- +1$", done.stderr, re.MULTILINE)
    assert "\nunknown_data_root: no such data root is seen from here; check --path.data-root " in done.stderr


def test_what_is_cut_is_told(df, data_root):
    done = df("--format=json", data_root, "--collector.max-objects=3")

    assert [row["name"] for row in objects(done) if row["kind"] == "volume"] == [
        "shop_db-data",
        "ci_registry",
        "shop_db-backup",
    ]
    talk = df(data_root, "--collector.max-objects=3").stderr
    assert talk.endswith("\n28 objects, the smallest, left out: see --collector.max-objects\n")


def test_a_name_that_is_no_utf8_is_shown_escaped(df, tmp_path):
    name = os.fsencode(tmp_path) + b"/docker/volumes/odd\xff\n/_data"
    os.makedirs(name)

    done = df(f"--path.data-root={tmp_path}/docker")

    assert [line for line in done.stdout.splitlines() if r"odd\xff\n" in line]


@pytest.mark.parametrize("locale", ["C", "de_DE"])
def test_in_a_locale_that_is_not_utf8_paths_are_the_same_bytes(df, tmp_path, locale):
    """As a service with LANG=de_DE has it: Python would take names for Latin-1 there, and the engine writes UTF-8."""
    environment = {"LC_ALL": locale, "LOCPATH": str(tmp_path), "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    if locale == "de_DE":
        need("localedef")
        made = ["localedef", "-c", "-i", "de_DE", "-f", "ISO-8859-1", str(tmp_path / "de_DE")]
        if subprocess.run(made, check=False, capture_output=True).returncode:
            pytest.skip("the sources of locales are not installed")
    encoding = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.getfilesystemencoding())"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert encoding.stdout.strip() == {"C": "ascii", "de_DE": "iso8859-1"}[locale]
    data = tmp_path / "docker/volumes/größe/_data"
    data.mkdir(parents=True)
    (data / "über").write_bytes(b"x" * 1_000_000)

    done = df("--format=json", f"--path.data-root={tmp_path}/docker", environment=environment)

    (row,) = objects(done)
    assert (row["name"], row["allocated_bytes"] >= 1_000_000) == ("größe", True)


def test_a_terminal_that_lacks_a_letter_gets_it_escaped(df, tmp_path):
    os.makedirs(tmp_path / "docker/volumes/whale\N{SPOUTING WHALE}/_data")

    done = df(f"--path.data-root={tmp_path}/docker", environment={"PYTHONIOENCODING": "ascii"})

    assert done.returncode == 0
    assert r"whale\U0001f433" in done.stdout


def test_on_a_terminal_a_bar_shows_how_far_it_is_and_is_gone_in_the_end(data_root, engine, terminal):
    address = engine(None)  # it keeps the command waiting long enough for the bar to be seen

    given = ("--no-exporter", "--all", data_root, f"--docker.host={address}", "--docker.timeout=1s")
    shown = terminal("df", *given, size=(24, 300))

    assert shown.end() == 0
    assert re.search(r"\r\x1b\[K\[[#-]{30}\] \d+/\d+ objects, \d+ entries, \d\S* \w+", shown.text)
    bar, _, rest = shown.text.rpartition("\r\x1b[K")
    assert "objects" in bar
    assert rest.splitlines()[0] == f"engine at {address} did not answer within 1 s; this is what the disk says"
    assert rest.splitlines()[1].startswith("\x1b[1mKIND")
    assert rest.count("\nvolume ") == 12 + 1  # and the total
    assert "objects" not in rest


def test_on_a_terminal_no_line_is_wider_than_it_is_and_long_names_lose_their_middle(data_root, terminal):
    shown = terminal(
        "df", "--no-exporter", "--all", data_root, "--kind=volume", "--kind=bind_mount", size=(24, 64), docker=False
    )

    assert shown.end() == 0
    lines = re.sub(r"\x1b\[\d*[mK]", "", shown.text).replace("\r", "").split("\nTOTAL")[0].splitlines()
    table = [line for line in lines if line.startswith(("KIND", "volume", "bind"))]
    assert len(table) == 16
    assert max(map(len, table)) == 64
    anonymous = hashlib.sha256(b"anonymous").hexdigest()
    (cut,) = [line.split()[-1] for line in table if line.split()[-1].startswith(anonymous[:6])]
    assert re.fullmatch(r"(\w+)\.\.\.(\w+)", cut)
    assert anonymous.endswith(cut.partition("...")[2])


def a_layer(root):
    """The directory of some container's writable layer."""
    mount = next((root / "image/overlay2/layerdb/mounts").iterdir()) / "mount-id"
    return root / "overlay2" / mount.read_text()


def drawn(text):
    """The lines on a terminal, without colours and bars."""
    return re.sub(r"\x1b\[\d*[mK]", "", text).replace("\r", "").splitlines()


def test_a_terminal_gets_as_many_rows_as_it_has_room_for_and_is_told_of_the_rest(data_root, terminal):
    shown = terminal("df", "--no-exporter", data_root, size=(30, 100), docker=False)
    assert shown.end() == 0
    lines = drawn(shown.text)
    everything = terminal("df", "--no-exporter", data_root, "--all", size=(30, 100), docker=False)
    assert everything.end() == 0

    (at,) = (number for number, line in enumerate(lines) if line.startswith("... "))
    rows = at - next(number for number, line in enumerate(lines) if line.startswith("KIND")) - 1
    assert re.fullmatch(r"\.\.\. \d+ smaller \([\d.]+ \w+\), --all shows them", lines[at])
    assert rows + int(lines[at].split()[1]) == 53
    assert len(lines) <= 31
    assert not any(line.startswith("... ") for line in drawn(everything.text))
    assert re.search(r"^volume +12\.0 MiB +\d+% #", "\n".join(lines), re.MULTILINE)


def test_without_a_single_number_nothing_is_said_of_growth(run, engine, data_root):
    done = run("df", "--no-exporter", data_root, environment={"DOCKER_HOST": engine(GOOD)})

    assert "foreign_engine" in done.stdout
    assert "growth" not in done.stderr


def test_what_is_said_besides_follows_the_filters(df, demo, tmp_path):
    root = tmp_path / "docker"
    shutil.copytree(demo.data_root, root)
    shutil.rmtree(a_layer(root))

    whole = df(f"--path.data-root={root}").stderr
    volumes = df(f"--path.data-root={root}", "--kind=volume").stderr

    assert re.search(r"\naccounted for ≥ [\d.]+ MiB of [\d.]+ \w+ used; not measured: build cache, ", whole)
    assert "unmeasured: 1 container_layer (vanished)" in whole
    assert "accounted" not in volumes
    assert "unmeasured" not in volumes


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_is_shown_to_whom_wants_none(data_root, terminal, environment):
    shown = terminal("df", "--no-exporter", data_root, "--kind=volume", environment=environment, docker=False)

    assert shown.end() == 0
    assert "KIND" in shown.text
    assert not re.search(r"\x1b\[\d*m", shown.text)


def test_ctrl_c_takes_the_bar_away_and_ends_with_130(data_root, engine, terminal):
    address = engine(None)
    shown = terminal("df", "--no-exporter", data_root, f"--docker.host={address}", "--docker.timeout=50s")

    shown.until("objects")
    shown.type("\x03")

    assert shown.end() == 130
    assert shown.text.endswith("\r\x1b[K")
    assert "Traceback" not in shown.text


def test_volumes_that_an_administrator_moved_behind_a_link_are_measured(df, tmp_path):
    root = tmp_path / "r"
    for folder in (root / "containers", root / "image", tmp_path / "d/volumes/v/_data"):
        folder.mkdir(parents=True)
    (tmp_path / "d/volumes/v/_data/f").write_bytes(bytes(2**20))
    (root / "volumes").symlink_to(tmp_path / "d/volumes")

    (row,) = json.loads(df("--format=json", f"--path.data-root={root}").stdout)["objects"]

    assert (row["name"], row["apparent_bytes"]) == ("v", 2**20)
