"""Bad input and bad hosts: each is one clear line on stderr and an exit code, never a traceback."""

import os
import socket

import pytest
from conftest import need

from docker_storage_exporter.cli import COMMANDS

GARBAGE = {
    "bytes": b"\x00\xff garbage without end",
    "html": b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>it works</html>",
    "an error": b"HTTP/1.0 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "another shape": b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\n["no"]',
    "no answer": b"",
    "half an answer": b"HTTP/1.0 200 OK\r\nContent-Length: 600\r\n\r\n{",
}
OLD = {"/version": {"ApiVersion": "1.12", "Version": "1.0.0"}}
NEW = {"/version": {"ApiVersion": "1.99", "MinAPIVersion": "1.90", "Version": "99.0.0"}}
# Root without a single capability: what belongs to others and is closed to them is closed to it.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
SOMEBODY = 12345


both = pytest.mark.parametrize("command", ["serve", "df"])


def test_an_unknown_command_names_those_there_are(fails):
    assert fails(2, "dff") == f"unknown command 'dff': one of {', '.join(COMMANDS)}"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ("serve", "--scan.interval=soon"),
            "--scan.interval: 'soon' is not a duration: write it like 30s, 5m or 1h30m",
        ),
        (("df", "--collector.volume-include=("), "--collector.volume-include: '(' is not a regular expression: "),
        (("demo", "--scan.duty=0"), "--scan.duty: '0' is not a share of a core: write it like 0.1"),
        (("--web.listen-address=here",), "--web.listen-address: 'here' is not an address: "),
        (("--docker.host=ssh://host",), "--docker.host: 'ssh://host': ssh is not supported"),
        (("--no-such-flag",), "unrecognized arguments: --no-such-flag; see docker-storage-exporter serve --help"),
        (("df", "--format=yaml"), "argument --format: invalid choice: 'yaml'"),
    ],
)
def test_a_bad_argument_is_named_with_what_would_be_good(fails, arguments, line):
    assert fails(2, *arguments).startswith(line)


def test_a_bad_variable_is_named(fails):
    assert fails(2, "df", environment={"DSE_SCAN_INTERVAL": "soon"}).startswith("DSE_SCAN_INTERVAL: 'soon' is not")


@both
def test_neither_engine_nor_data_root_is_told_at_once(fails, command, nothing_there, tmp_path):
    line = fails(3, command, nothing_there)

    assert line == f"no engine answers at unix://{tmp_path}/no-engine.sock, and no Docker data root at /var/lib/docker"


@both
def test_a_data_root_that_is_not_one_says_what_is_missing_in_it(fails, command, tmp_path):
    (tmp_path / "folder").mkdir()

    line = fails(2, command, f"--path.data-root={tmp_path}/folder")

    assert line == f"{tmp_path}/folder is not a Docker data root: none of containers, image, volumes is in it"


@both
def test_a_data_root_that_is_a_file_says_so(fails, command, tmp_path):
    (tmp_path / "file").touch()

    assert fails(2, command, f"--path.data-root={tmp_path}/file") == f"data root {tmp_path}/file: Not a directory"


@both
def test_a_data_root_that_is_not_there_says_so(fails, command, tmp_path):
    line = fails(3, command, f"--path.data-root={tmp_path}/missing")

    assert line.endswith(f"and no Docker data root at {tmp_path}/missing")


@pytest.mark.root
@both
def test_a_data_root_without_the_rights_says_which_would_do(fails, command, tmp_path):
    need("setpriv", root=True)
    (tmp_path / "docker/containers").mkdir(parents=True)
    os.chown(tmp_path / "docker", SOMEBODY, SOMEBODY)
    os.chmod(tmp_path / "docker", 0o700)

    line = fails(4, command, f"--path.data-root={tmp_path}/docker", before=POWERLESS)

    assert line == (f"data root {tmp_path}/docker: permission denied; run as root or with CAP_DAC_READ_SEARCH")


@pytest.mark.root
@both
def test_a_socket_without_the_rights_says_so(fails, engine, command, nothing_there):
    need("setpriv", root=True)
    address = engine(OLD)
    os.chown(address.removeprefix("unix://"), SOMEBODY, SOMEBODY)

    line = fails(4, command, nothing_there, f"--docker.host={address}", before=POWERLESS)

    assert line == f"engine at {address}: permission denied; run as root or in the socket's group"


def test_a_taken_port_is_told_before_anything_is_measured(fails, data_root):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        line = fails(5, "serve", data_root, f"--web.listen-address=127.0.0.1:{port}")

    assert line == f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another --web.listen-address"


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_an_engine_that_answers_garbage_is_an_error_where_there_is_no_data_root(fails, engine, nothing_there, answer):
    address = engine(answer)

    line = fails(6, "df", nothing_there, f"--docker.host={address}", "--docker.timeout=500ms")

    assert line.startswith(f"engine at {address} ")


def test_serve_says_the_same_of_garbage(fails, engine, nothing_there):
    address = engine(GARBAGE["html"])

    assert fails(6, "serve", nothing_there, f"--docker.host={address}").startswith(
        f"engine at {address} gave no usable"
    )


@both
def test_an_engine_that_hangs_is_given_up_after_the_time_out(fails, engine, command, nothing_there):
    address = engine(None)

    line = fails(6, command, nothing_there, f"--docker.host={address}", "--docker.timeout=500ms")

    assert line == f"engine at {address} did not answer within 0.5 s"


@pytest.mark.parametrize(
    ("documents", "rest"),
    [
        (OLD, "speaks API 1.12 to 1.12, this exporter 1.24 to 1.51: upgrade the engine"),
        (NEW, "speaks API 1.90 to 1.99, this exporter 1.24 to 1.51: upgrade the exporter"),
    ],
)
def test_an_engine_of_another_age_says_who_has_to_be_upgraded(fails, engine, nothing_there, documents, rest):
    address = engine(documents)

    assert fails(6, "df", nothing_there, f"--docker.host={address}") == f"engine at {address} {rest}"


@pytest.mark.parametrize("answer", [GARBAGE["html"], None, OLD], ids=["garbage", "hanging", "too old"])
def test_where_the_disk_can_be_read_such_an_engine_costs_its_answer_only(serve, engine, data_root, answer):
    address = engine(answer)

    serving = serve(data_root, f"--docker.host={address}", "--docker.timeout=500ms")

    assert serving.series("docker_engine_up") == {"docker": 0}
    assert serving.until("docker_volume_allocated_bytes", lambda found: len(found) == 12)["shop_db-data"] >= 12 * 2**20
    assert any(f"engine at {address} " in line for line in serving.lines)
    assert not any("Traceback" in line for line in serving.lines)


@pytest.mark.parametrize("arguments", [("du", "/dev/null"), ("du", "--format=json", "/dev/null"), ("df",)])
def test_output_that_cannot_be_written_is_an_error(run, demo, arguments):
    with open("/dev/full", "w") as output:
        done = run(*arguments, stdout=output, environment={"DSE_PATH_DATA_ROOT": demo.data_root})

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "docker-storage-exporter: output: No space left on device"


def test_a_reader_that_had_enough_is_no_error(run, data_root):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as output:
        done = run("df", data_root, stdout=output)

    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
