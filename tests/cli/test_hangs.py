"""A filesystem that goes silent below a volume, a bind mount or a log: everything else goes on, and it comes back."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import need
from fake_engine import FakeEngine, container_document, good_answers
from monitoring import free_port

from cli.conftest import COMMAND
from silent_fuse import SilentFuse
from waiting import wait_until

STOPPED, SWALLOWED = SilentFuse.stop_reading, SilentFuse.swallow
VOLUMES = [f"v{number:02}" for number in range(21)]
SILENT = VOLUMES[10]
LOGGING = f"{2:064x}"
MEASURED = "docker_volume_measured_timestamp_seconds"


@dataclass
class Place:
    """Where a silent filesystem is mounted, the kind and label of the object that it is, and the family of its size."""

    mountpoint: Path
    kind: str
    label: str
    family: str


class Laid:
    """A data root with an engine: 21 volumes, two containers with logs and layers, a bind mount."""

    def __init__(self, folder):
        self.folder = folder
        self.root, self.source = folder / "docker", folder / "srv/data"
        self.source.mkdir(parents=True)
        self.engine = FakeEngine(folder / "engine.sock", good_answers(str(self.root)))
        for name in VOLUMES:
            _write(self.root / "volumes" / name / "_data/file", 5000)
        volumes = [{"Name": name, "Driver": "local", "Scope": "local", "Mountpoint": ""} for name in VOLUMES]
        options = {"type": "ext4", "device": "/dev/of-its-own"}
        volumes.append({"Name": "own", "Driver": "local", "Options": options})
        (self.root / "volumes/own/_data").mkdir(parents=True)
        self.engine.routes["/volumes"] = {"Volumes": volumes}
        mount = {"Type": "bind", "Source": str(self.source), "Destination": "/data", "RW": True}
        self._add_container(1, Mounts=[mount])
        self._add_container(2)
        self.port = free_port()
        self.state = folder / "state.json"

    def _add_container(self, number, **changes):
        layer = f"{number}" * 64
        graph = {"Name": "overlay2", "Data": {"UpperDir": f"{self.root}/overlay2/{layer}/diff"}}
        document = container_document(number, GraphDriver=graph, **changes)
        _write(self.root / "overlay2" / layer / "diff/file", 3000)
        _write(self.root / "containers" / document["Id"] / f"{document['Id']}-json.log", 2000)
        self.engine.add_container(document)

    def place(self, name):
        """One of the places that a filesystem can be mounted on."""
        return {
            "volume": Place(
                self.root / "volumes" / SILENT / "_data", "volume", SILENT, "docker_volume_allocated_bytes"
            ),
            "bind": Place(self.source, "bind_mount", str(self.source), "docker_bind_mount_allocated_bytes"),
            "own": Place(self.root / "volumes/own/_data", "volume", "own", "docker_volume_filesystem_size_bytes"),
            "log": Place(self.root / "containers" / LOGGING, "container_log", "c2", "docker_container_log_bytes"),
        }[name]

    @property
    def flags(self):
        """How an exporter is started that looks at all this often."""
        quick = ["--scan.timeout=1s", "--scan.interval=500ms", "--inventory.interval=1s", "--scan.duty=1"]
        return [
            *quick,
            f"--docker.host={self.engine.host}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--state.file={self.state}",
            "--state.interval=1h",  # so that only the end writes it
        ]


def _write(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


@pytest.fixture
def laid(tmp_path):
    """The data root with its engine."""
    need("mount", root=True)
    made = Laid(tmp_path)
    yield made
    made.engine.close()


@pytest.fixture
def block_device(tmp_path):
    """Make a block device of a file, as a filesystem of a volume's own has it."""
    made = []

    def make():
        need("losetup")
        (tmp_path / "disk").write_bytes(bytes(2**20))
        attach = ["losetup", "-f", "--show", tmp_path / "disk"]
        done = subprocess.run(attach, capture_output=True, text=True, check=True)
        made.append(done.stdout.strip())
        return made[-1]

    yield make
    for device in made:
        subprocess.run(["losetup", "-d", device], check=True)


@pytest.fixture
def fuse_at(laid, serve, block_device):
    """Mount a filesystem at a place; it is gone before the exporters of the test have to end."""
    mounted = []

    def mount(place):
        files = {f"{LOGGING}-json.log": 9000} if place.kind == "container_log" else None
        fuse = SilentFuse(place.mountpoint, files, block_device() if place.label == "own" else None).__enter__()
        mounted.append(fuse)
        return fuse

    yield mount
    for fuse in mounted:
        fuse.__exit__()


def failures(serving, place, reason="timeout"):
    """How often measuring it failed, and whether it has no number now."""
    failed = serving.series("docker_storage_measurement_failures").get(f"{place.kind} {reason}", 0)
    return failed + serving.series("docker_storage_unmeasured_objects").get(f"{place.kind} {reason}", 0)


def others_are_fresh(serving, place):
    """Wait until every other volume was measured again."""
    before = time.time()
    names = [name for name in VOLUMES if name != place.label]
    serving.until(MEASURED, lambda found: all(found.get(name, 0) > before for name in names))


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.mark.slow
@pytest.mark.parametrize("silence", [STOPPED, SWALLOWED])
@pytest.mark.parametrize("name", ["volume", "own", "bind", "log"])
@pytest.mark.parametrize("when", ["before the start", "while running"])
def test_one_silent_filesystem_holds_up_nobody_and_comes_back(laid, serve, fuse_at, name, silence, when):
    place = laid.place(name)
    fuse = fuse_at(place)
    if when == "before the start":
        silence(fuse)
    serving = serve(*laid.flags)
    if when == "while running":
        serving.until(place.family, lambda found: place.label in found)
        silence(fuse)

    wait_until(lambda: failures(serving, place) >= 1)
    others_are_fresh(serving, place)
    assert (place.label in serving.series(place.family)) is (when == "while running")
    assert serving.series("docker_storage_abandoned_jobs")[""] >= 1

    serving.process.send_signal(signal.SIGTERM)
    wait_until(
        lambda: is_free(laid.port), seconds=5
    )  # the promise is two seconds, of a machine that has nothing else to do
    kept = json.loads(laid.state.read_text())["sources"]
    assert len(kept) >= len(VOLUMES) - 1

    again = serve(*laid.flags)
    others_are_fresh(again, place)
    answered = time.time()
    fuse.answer()
    again.until(place.family, lambda found: place.label in found)
    if place.kind == "volume":
        again.until(MEASURED, lambda found: found.get(SILENT, 0) > answered)
    again.until("docker_storage_unmeasured_objects", lambda found: not found[f"{place.kind} timeout"])
    again.until("docker_storage_abandoned_jobs", lambda found: not found[""])
    assert serving.end() == 0


@pytest.mark.slow
def test_a_server_that_was_killed_has_a_reason_of_its_own(laid, serve, fuse_at):
    place = laid.place("volume")
    fuse = fuse_at(place)
    serving = serve(*laid.flags)
    serving.until(place.family, lambda found: place.label in found)
    fuse.kill()

    wait_until(lambda: failures(serving, place, "disconnected") >= 1)
    others_are_fresh(serving, place)
    assert serving.series("docker_storage_abandoned_jobs")[""] == 0


@pytest.mark.slow
def test_what_hangs_is_said_once(laid, serve, fuse_at):
    place = laid.place("volume")
    fuse = fuse_at(place)
    serving = serve(*laid.flags)
    serving.until(place.family, lambda found: place.label in found)
    fuse.stop_reading()
    serving.until("docker_storage_measurement_failures", lambda found: found["volume timeout"] >= 2)

    told = [line for line in serving.lines if str(place.mountpoint) in line]
    assert len(told) == 1
    assert "no progress for 1 s; it is tried again later" in told[0]


@pytest.mark.slow
@pytest.mark.parametrize("silence", [STOPPED, SWALLOWED])
@pytest.mark.parametrize("command", ["du", "df", "doctor"])
def test_ctrl_c_brings_the_prompt_back_whatever_hangs(laid, fuse_at, command, silence):
    place = laid.place("volume")
    fuse = fuse_at(place)
    silence(fuse)
    arguments = [place.mountpoint / "folder"] if command == "du" else [f"--docker.host={laid.engine.host}"]
    arguments += ["--no-exporter"] if command == "df" else []
    process = subprocess.Popen(
        [*COMMAND, command, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_until(lambda: _waits_for_fuse(process.pid))
        os.killpg(process.pid, signal.SIGINT)

        assert process.wait(10) == 130
    finally:
        process.kill()
        process.wait(10)


def _waits_for_fuse(pid):
    """Whether a thread of a process's child waits for an answer of a FUSE server."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):  # of a thread that ends meanwhile
            for task in Path(f"/proc/{child}/task").iterdir():
                if re.search("fuse|request_wait", (task / "wchan").read_text()):
                    return True
    return False


@pytest.mark.slow
def test_df_leaves_out_what_hangs_and_says_so(laid, fuse_at):
    fuse_at(laid.place("volume")).stop_reading()

    flags = [f"--docker.host={laid.engine.host}", "--no-exporter", "--scan.timeout=1s", "--format=json"]
    done = subprocess.run([*COMMAND, "df", *flags], capture_output=True, text=True, timeout=60)

    rows = {row["name"]: row for row in json.loads(done.stdout)["objects"]}
    assert done.returncode == 1  # the total is a lower bound
    assert rows[SILENT]["note"] == "unmeasured: timeout"
    assert all(rows[name]["allocated_bytes"] for name in VOLUMES if name != SILENT)


@pytest.mark.slow
@pytest.mark.parametrize("silence", [STOPPED, SWALLOWED])
def test_a_data_root_that_does_not_answer_ends_the_start_with_one_line(tmp_path, silence):
    need("mount", root=True)
    root = tmp_path / "docker"
    root.mkdir()
    flags = [f"--docker.host=unix://{tmp_path}/none", f"--path.data-root={root}", "--scan.timeout=1s"]
    with SilentFuse(root, {"containers/file": 1, "volumes/v/_data/file": 1, "image/file": 1}) as fuse:
        silence(fuse)
        process = subprocess.Popen(
            [*COMMAND, "serve", *flags, "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE, text=True
        )
        line = process.stderr.readline()
    process.stderr.close()

    assert process.wait(20) == 4
    assert line == "docker-storage-exporter: the data root does not answer: is its disk, or a mount on it, dead?\n"


@pytest.mark.slow
def test_a_dead_mount_over_a_volume_s_whole_folder_holds_up_no_start(laid, serve):
    """While no engine answers every volume's folder is looked into: the table of mounts tells which must not be."""
    folder = laid.root / "volumes" / SILENT
    with SilentFuse(folder, {"_data/file": 1}, filesystem="fuse.sshfs") as fuse:
        fuse.stop_reading()
        serving = serve(*laid.flags[:4], f"--docker.host=unix://{laid.folder}/none", f"--path.data-root={laid.root}")

        others_are_fresh(serving, laid.place("volume"))
        assert serving.series("docker_storage_skipped_objects")["volume remote_filesystem"] == 1
        assert serving.series("docker_storage_abandoned_jobs")[""] == 0
        assert serving.end() == 0


@pytest.mark.slow
def test_that_nothing_is_measured_is_told_and_the_exporter_is_healthy_all_the_same(tmp_path, serve):
    need("mount", root=True)
    root = tmp_path / "docker"
    _write(root / "volumes/v/_data/file", 5000)
    (root / "containers").mkdir()
    flags = ["--scan.timeout=1s", "--scan.interval=1s", f"--docker.host=unix://{tmp_path}/none"]
    with SilentFuse(root / "volumes/v/_data") as fuse:
        fuse.stop_reading()
        serving = serve(*flags, f"--path.data-root={root}")

        serving.until("docker_storage_exporter_measuring", lambda found: found[""] == 0)
        assert "Nothing was measured so far" in serving.get("/")
        assert serving.get("/-/healthy") == "healthy\n"
        fuse.answer()
        serving.until("docker_storage_exporter_measuring", lambda found: found[""] == 1)
        assert "Nothing was measured" not in serving.get("/")
        assert serving.end() == 0
