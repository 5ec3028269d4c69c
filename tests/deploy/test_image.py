"""The image, built for real and run on a real engine: what it measures, and what it cannot do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import need
from deploy.deployed import IMAGE, LEAST, PROJECT, Exporter, start
from engine.dockerd import du
from monitoring import free_port

from docker_storage_exporter import __version__
from docker_storage_exporter.settings import DEFAULT_PORT
from waiting import wait_until

# The build takes longer than a test, and belongs to the first one.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

PROBE = """
import errno, os, sys
from docker_storage_exporter.confine.landlock import deny_writes

def attempt(what, *given):
    try:
        done = what(*given)
    except OSError as error:
        return errno.errorcode[error.errno]
    if isinstance(done, int):
        os.close(done)
    return "done"

if sys.argv[1] == "restricted":
    deny_writes()
for folder in sys.argv[2:]:
    file = folder + "/file"
    print(
        attempt(os.open, folder + "/new", os.O_CREAT | os.O_EXCL | os.O_WRONLY),
        attempt(os.open, file, os.O_WRONLY),
        attempt(os.truncate, file, 1),
        moved := attempt(os.rename, file, file + "2"),
        attempt(os.unlink, file + "2" * (moved == "done")),
        attempt(os.chmod, folder, 0o755),
    )
"""
"""Prints for each folder what becomes of attempts to create, open, cut, rename and delete in it, and to chmod it."""

AT = "-e DSE_WEB_LISTEN_ADDRESS=127.0.0.1:{} -e DSE_PUBLISH_INTERVAL=1s -e DSE_SCAN_DUTY=1"
UNMEASURED = "docker_storage_unmeasured_objects"

COMPILED = """
import os, sys, docker_storage_exporter.cli.commands.health, docker_storage_exporter.cli.commands.serve

files = {module.__name__: getattr(module, "__cached__", None) or "" for module in sys.modules.values()}
print(len(files), [name for name, file in files.items() if file.endswith(".pyc") and not os.path.exists(file)])
"""


class Workload:
    """Volumes of many shapes, and a container that uses some of them."""

    def __init__(self, host):
        self.host = host
        self.volumes = ["plain", "secret", "sparse"]
        for name in self.volumes:
            host.docker("volume", "create", name)
        (host.volume_path("plain") / "file").write_bytes(b"p" * 300_000)
        (host.volume_path("plain") / "again").hardlink_to(host.volume_path("plain") / "file")
        hidden = host.volume_path("secret") / "hidden"
        hidden.mkdir()
        (hidden / "file").write_bytes(b"s" * 200_000)
        for path in (hidden / "file", hidden, host.volume_path("secret")):
            subprocess.run(["chown", "1234:1234", path], check=True)
            path.chmod(0o700 if path.is_dir() else 0o600)
        with (host.volume_path("sparse") / "file").open("wb") as file:
            file.truncate(64 * 1024**2)
        self.container = host.run("busy", "echo hello; dd if=/dev/zero of=/layer bs=1k count=700", "-v", "plain:/data")
        wait_until((host.layer_path(self.container) / "done").exists, "a container to have written")
        subprocess.run(["sync", "-f", host.data_root], check=True)  # ext4 allocates blocks late


@pytest.fixture(scope="module")
def workload(host):
    """What there is to measure before any exporter starts."""
    return Workload(host)


@pytest.fixture(scope="module")
def exporter(host, image, workload):
    """The exporter as it is meant to run."""
    running = start(host, "exporter", image["exporter"], *LEAST, "--health-interval", "1s")
    yield running
    running.remove()


@pytest.fixture(scope="module")
def late(host, exporter):
    """Volumes that are mounted, and a container that is started, after the exporter was; the container's id."""
    need("losetup", "mkfs.ext4")
    exporter.settled()
    disk = host.folder / "disk"
    with disk.open("wb") as file:
        file.truncate(16 * 1024**2)
    subprocess.run(["mkfs.ext4", "-q", disk], check=True)
    made = subprocess.run(["losetup", "--find", "--show", disk], check=True, capture_output=True, text=True)
    device = made.stdout.strip()
    tmpfs = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=8m")
    host.docker("volume", "create", "late-tmpfs", *tmpfs)
    host.docker("volume", "create", "late-disk", "--opt", "type=ext4", "--opt", f"device={device}")
    script = "for v in tmpfs disk plain; do dd if=/dev/zero of=/$v/file bs=1k count=900; done; mkdir /probe /mine;"
    script += "for f in /probe /mine /tmpfs/probe /disk/probe; do mkdir -p $f; echo there >$f/file; done"
    mounts = ("-v", "late-tmpfs:/tmpfs", "-v", "late-disk:/disk", "-v", "late-plain:/plain")
    identity = host.run("late", script, *mounts)
    wait_until((host.layer_path(identity) / "done").exists, "a container to have written")
    for path in (host.data_root, host.volume_path("late-disk")):
        subprocess.run(["sync", "-f", path], check=True)
    yield identity
    host.docker("rm", "-fv", "late")
    host.docker("volume", "rm", "late-disk")
    subprocess.run(["losetup", "--detach", device], check=True)


def _mounted_use(path):
    command = ["df", "-B1", "--output=used", path]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[-1])


def test_every_size_is_dus(host, workload, exporter):
    page = exporter.settled()

    volumes = page.by("volume", "docker_volume_allocated_bytes")
    assert {name: volumes[name] for name in workload.volumes} == {
        name: du(host.volume_path(name)) for name in workload.volumes
    }
    assert set(page.by("volume", "docker_volume_unreadable_entries").values()) == {0}
    layer = page.value("docker_container_layer_allocated_bytes", container="busy")
    assert layer == du(host.layer_path(workload.container)) > 700 * 1024
    assert page.value("docker_container_log_bytes", container="busy") > 0
    assert page.value("docker_engine_up", engine="docker") == 1


def test_the_page_is_complete(exporter, workload):
    page = exporter.settled()

    build = [dict(labels) for name, labels in page.samples if name == "docker_storage_exporter_build_info"]
    assert [(labels["version"], labels["sizer"]) for labels in build] == [(__version__, "c")]
    unmeasured = {labels: value for (name, labels), value in page.samples.items() if name == UNMEASURED and value}
    socket = {"kind": "bind_mount", "reason": "vanished"}  # elsewhere than a host's own, which is left out by rule
    assert unmeasured == {frozenset(socket.items()): 1}
    for name in ("docker_storage_filesystem_size_bytes", "docker_container_info", "process_resident_memory_bytes"):
        assert any(sample == name for sample, _ in page.samples), name


def test_what_is_mounted_and_started_later_is_measured_too(host, exporter, late):
    wanted = {"late-tmpfs", "late-disk", "late-plain"}
    exporter.wait_for(lambda page: wanted <= page.by("volume", "docker_volume_allocated_bytes").keys(), "late volumes")
    page = exporter.settled()

    volumes = page.by("volume", "docker_volume_allocated_bytes")
    assert volumes["late-plain"] == du(host.volume_path("late-plain")) > 900 * 1024
    for name in ("late-tmpfs", "late-disk"):
        assert volumes[name] == _mounted_use(host.volume_path(name)) > 900 * 1024
    assert page.value("docker_container_layer_allocated_bytes", container="late") == du(host.layer_path(late))


def test_it_becomes_healthy(host, exporter):
    wait_until(lambda: exporter.state()["Health"]["Status"] == "healthy", "the health check")

    last = exporter.state()["Health"]["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (0, f"the exporter at 127.0.0.1:{exporter.port} answers\n")


def test_sigterm_ends_it_in_order(host, image, workload):
    ending = start(host, "ending", image["exporter"], *LEAST)
    try:
        ending.settled()
        started = time.monotonic()
        host.docker("stop", "-t", "50", "ending")

        assert ending.state()["ExitCode"] == 0, ending.log()
        assert time.monotonic() - started < 40  # it was not killed
        assert "Traceback" not in ending.log()
    finally:
        ending.remove()


@pytest.mark.parametrize("mode", ["free", "restricted"])
def test_it_cannot_write_where_the_mount_is_read_only(host, exporter, workload, mode):
    hidden = f"{host.volume_path('secret')}/hidden"
    plain, data_root, secret = (
        exporter.attempts(PROBE, mode, path) for path in (host.volume_path("plain"), host.data_root, hidden)
    )

    assert set(plain) == {"EROFS"} if mode == "free" else set(plain) <= {"EROFS", "EACCES"}
    assert set(data_root + secret) <= {"EROFS", "EACCES", "ENOENT"}  # the data root has no such file
    assert exporter.python("import os; print(os.access('/', os.W_OK), os.access('/tmp', os.W_OK))") == "False False"


def test_landlock_keeps_it_from_writing_where_a_later_mount_is_writable(host, exporter, late):
    """The hole of `ro,rslave`: what is mounted later, below the read-only mount, arrives as writable as it is."""
    assert exporter.page().value("docker_storage_exporter_landlock_restricted") == 1
    layer = host.docker("inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", late)
    folders = [f"{host.volume_path('late-tmpfs')}/probe", f"{host.volume_path('late-disk')}/probe", f"{layer}/probe"]
    for folder in folders:
        restricted, free = (exporter.attempts(PROBE, mode, folder) for mode in ("restricted", "free"))

        assert restricted[:5] == ["EACCES"] * 5
        assert free[:5] == ["done"] * 5  # so it was nothing else that kept it from writing
        assert restricted[5] == free[5] == "done"  # Landlock does not know chmod


def test_another_user_with_the_capability_reads_as_much_and_owns_nothing(host, image, workload, late):
    group = str(Path(host.host.removeprefix("unix://")).stat().st_gid)
    options = (*LEAST[:-2], "--group-add", group)  # no-new-privileges would take the file's capability away
    nonroot = start(host, "nonroot", image["nonroot"], *options)
    try:
        page = nonroot.settled()
        volumes = page.by("volume", "docker_volume_allocated_bytes")
        assert volumes["secret"] == du(host.volume_path("secret"))
        assert nonroot.python("import os; print(os.getuid())") == "65532"
        layer = host.docker("inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", late)
        assert set(nonroot.attempts(PROBE, "free", f"{layer}/mine")) <= {"EACCES", "EPERM"}
    finally:
        nonroot.remove()


def test_without_the_capability_the_page_is_still_useful_and_says_why(host, image, workload):
    weak = start(host, "weak", image["exporter"], "--read-only", "--cap-drop", "ALL")
    try:
        page = weak.settled()

        assert page.value("docker_volume_allocated_bytes", volume="plain") == du(host.volume_path("plain"))
        assert page.value("docker_volume_allocated_bytes", volume="secret") is None
        reason = {"kind": "volume", "reason": "permission_denied"}
        assert page.value(UNMEASURED, **reason) == 1
        assert page.value("docker_engine_up", engine="docker") == 1
    finally:
        weak.remove()


def test_the_readmes_line_works_as_it_stands_on_an_engine_with_another_data_root(host, image, workload):
    text = (PROJECT / "README.md").read_text().partition("### Docker\n")[2]
    build, line = re.search(r"```sh\n(docker build .*?\n)(.*?)```", text, re.DOTALL).groups()
    assert build == f"docker build -t {IMAGE} .\n"  # which is what made the image, but for the bases
    for option in (
        " ".join(LEAST[:5]),
        " ".join(LEAST[5:]),
        f"-p 127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}",
        ":ro,rslave",
    ):
        assert option in line
    # Only this engine has no network to publish a port of, and its socket is elsewhere.
    port, socket = free_port(), host.host.removeprefix("unix://")
    line = line.replace(f"-p 127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}", f"--network host {AT.format(port)}")
    line = line.replace("-v /var/run/docker.sock:", f"-v {socket}:")
    environment = {**os.environ, "DOCKER_HOST": host.host}
    subprocess.run(["sh", "-e", "-c", line], check=True, env=environment, capture_output=True)
    readme = Exporter(host, "docker-storage-exporter", port)
    try:
        volumes = readme.settled().by("volume", "docker_volume_allocated_bytes")
        assert {name: volumes[name] for name in workload.volumes} == {
            name: du(host.volume_path(name)) for name in workload.volumes
        }
    finally:
        readme.remove()


def test_nothing_is_left_that_builds_or_installs(exporter):
    script = (
        "import importlib.util as u, shutil; print([n for n in ('pip', 'ensurepip', 'setuptools') if u.find_spec(n)],"
    )
    script += " [n for n in ('pip', 'pip3', 'gcc', 'cc', 'sh') if shutil.which(n)])"

    assert exporter.python(script) == "[] []"


def test_every_module_is_compiled_already(exporter):
    """The root is read-only: without that each start, and each health check, would compile again."""
    count, missing = exporter.python(COMPILED).split(" ", 1)
    assert int(count) > 100
    assert missing == "[]"


def test_the_image_says_what_it_is(host, image):
    config = json.loads(host.docker("image", "inspect", "-f", "{{json .Config}}", image["exporter"]))

    label = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert (label["version"], label["revision"], label["licenses"]) == (__version__, "0123abc", "Apache-2.0")
    assert config["ExposedPorts"] == {f"{DEFAULT_PORT}/tcp": {}}
    assert config["User"] == "0:0"
    assert config["Entrypoint"] == ["docker-storage-exporter"]
    assert config["Healthcheck"]["Test"] == ["CMD", "docker-storage-exporter", "health"]


def test_the_version_is_the_packages():
    assert re.findall(r"^ARG VERSION=(.*)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE) == [__version__]
    assert IMAGE.endswith(f":{__version__}")


def test_what_is_installed_is_what_was_tested():
    """The image's requirements are the tested versions of what the package depends on, and nothing else."""
    pinned = dict(re.findall(r"^([\w.-]+)==([^;\s]+)", (PROJECT / "constraints.txt").read_text(), re.MULTILINE))
    tested = {_normal(name): version for name, version in pinned.items()}
    for name in ("requirements", "build"):
        lines = (PROJECT / f"deploy/image/{name}.txt").read_text()
        installed = {
            _normal(name): version for name, version in re.findall(r"^([\w.-]+)==([^;\s\\]+)", lines, re.MULTILINE)
        }
        assert installed
        assert installed == {name: tested[name] for name in installed}


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_hadolint_finds_nothing():
    hadolint = str(Path(sys.executable).with_name("hadolint"))
    need(hadolint)
    done = subprocess.run([hadolint, PROJECT / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
