"""The exporter under the rights and the filter of its systemd units, beside a real engine: it lacks nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need
from deploy.units import FOLDER
from engine.dockerd import Page, du

from cli.conftest import COMMAND, Serving
from docker_storage_exporter.confine.landlock import landlock_abi
from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.root]
CONFINE = Path(__file__).parent.parent / "deploy/confine.py"
NOBODY = 65534


@pytest.fixture(scope="module")
def volume(dockerd):
    """A volume whose files are closed to all but their owner, and a container that uses it and a tmpfs."""
    need("systemd-analyze", "setpriv")
    dockerd.run(
        "confined", "umask 077; mkdir /v/closed; seq 200000 >/v/closed/file", "-v", "confined:/v", "--tmpfs", "/t"
    )
    path = dockerd.volume_path("confined")
    wait_until(
        lambda: (path / "closed/file").exists() and (path / "closed/file").stat().st_size > 1_000_000, "the file"
    )
    return path


def confined(unit, *command, group=NOBODY):
    """A command as the unit's user would run it: one capability, and whatever the filter does not allow kills it."""
    rights = ["setpriv", f"--reuid={NOBODY}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
    rights += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    rights += ["--bounding-set=-all,+dac_read_search"]
    return [*rights, sys.executable, str(CONFINE), str(FOLDER / f"{unit}.service"), *command]


@pytest.fixture
def state(tmp_path):
    """A folder of the confined user's own, as StateDirectory= makes it."""
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, NOBODY, 0)
    return folder


def test_the_exporter_starts_measures_reloads_and_stops_within_its_filter(dockerd, volume, state):
    options = ["--web.listen-address=127.0.0.1:0", f"--state.file={state}/ledger.json", "--publish.interval=200ms"]
    options.append(f"--path.data-root={dockerd.data_root}")
    docker = os.stat(dockerd.host.removeprefix("unix://")).st_gid  # what drop-ins/docker-socket.conf gives
    command = confined("docker-storage-exporter", *COMMAND, *options, group=docker)
    environment = {**os.environ, "DOCKER_HOST": dockerd.host}
    serving = Serving(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment))
    try:
        assert serving.url, serving.lines
        sizes = serving.until("docker_volume_allocated_bytes", lambda found: found.get("confined", 0) > 1_000_000)
        status = Path(f"/proc/{serving.process.pid}/status").read_text()
        serving.process.send_signal(signal.SIGHUP)
        serving.until("docker_storage_exporter_config_last_reload_successful", lambda found: found == {"": 1})
        subprocess.run(["curl", "-sf", "--compressed", f"{serving.url}/metrics"], stdout=subprocess.DEVNULL, check=True)
        page = Page(serving.get())
    finally:
        code = serving.end()

    assert code == 0, serving.lines
    assert sizes["confined"] == du(volume)
    assert page.value("docker_volume_unreadable_entries", volume="confined") == 0
    assert page.value("docker_engine_up", engine="docker") == 1
    assert page.value("docker_storage_exporter_landlock_restricted") == has_landlock()
    assert (state / "ledger.json").stat().st_size > 0
    assert re.search(r"^CapEff:\t0000000000000004$", status, re.MULTILINE)  # 1 << CAP_DAC_READ_SEARCH
    assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
    assert re.search(rf"^Uid:\t{NOBODY}\t", status, re.MULTILINE)


def test_without_the_engine_s_socket_volumes_have_the_same_sizes(dockerd, volume, state):
    target = state / "docker.prom"
    command = confined("docker-storage-textfile", *COMMAND, "textfile", str(target))
    command.append(f"--path.data-root={dockerd.data_root}")

    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "DOCKER_HOST": dockerd.host})

    assert done.returncode == 0, done.stderr
    assert "permission denied" in done.stderr.lower()
    page = Page(target.read_text())
    assert page.value("docker_volume_allocated_bytes", volume="confined") == du(volume)
    assert page.value("docker_engine_up", engine="docker") == 0
    assert page.value("docker_storage_exporter_landlock_restricted") == has_landlock()


def has_landlock():
    """Whether this kernel has it, so that the calls it takes were made."""
    try:
        return landlock_abi() > 0
    except OSError:
        return False


def test_a_call_that_the_filter_does_not_allow_would_have_been_noticed():
    need("systemd-analyze", "setpriv", root=True)
    harmless = confined("docker-storage-exporter", sys.executable, "-c", "import os; os.getpid()")
    harmful = confined("docker-storage-exporter", sys.executable, "-c", "import os; os.chroot('/')")
    code = "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)"
    self_made = confined("docker-storage-exporter", sys.executable, "-c", code)

    codes = [subprocess.run(command, capture_output=True).returncode for command in (harmless, harmful, self_made)]

    assert codes == [0, -signal.SIGSYS, -signal.SIGSYS]
