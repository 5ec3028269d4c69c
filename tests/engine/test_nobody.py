"""A user without any right: a useful page as long as the engine answers, else one line."""

import os
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.conftest import Serving

pytestmark = [pytest.mark.engine, pytest.mark.root]
# Imports come first: the interpreter need not be readable for everybody.
AS_NOBODY = """
import os, sys
from docker_storage_exporter.cli import main
from docker_storage_exporter.cli.commands import serve
os.setgroups([int(sys.argv[1])]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def as_nobody(dockerd, public_host):
    """The command that serves as uid 65534, in the group that the engine's socket is open to; and its environment."""
    dockerd.docker("volume", "create", "nobodys")
    dockerd.run("nobodys", "true", "-v", "nobodys:/data", "--tmpfs", "/t")
    socket = public_host.removeprefix("unix://")
    group = os.stat(socket).st_gid
    flags = ("serve", "--web.listen-address=127.0.0.1:0", f"--path.data-root={dockerd.data_root}")
    yield [sys.executable, "-c", AS_NOBODY, str(group), *flags], {**os.environ, "DOCKER_HOST": public_host}
    os.chmod(socket, 0o660)
    dockerd.docker("rm", "-f", "nobodys")
    dockerd.docker("volume", "rm", "nobodys")


def _samples(text):
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def test_with_the_api_alone_everything_is_named_and_what_is_lost_is_counted(as_nobody, dockerd):
    command, environment = as_nobody
    os.chmod(dockerd.host.removeprefix("unix://"), 0o660)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    serving = Serving(process)
    try:
        page = _samples(serving.get())
        ready = serving.get("/-/ready")
    finally:
        code = serving.end()

    names = {sample.name for sample in page if "nobodys" in sample.labels.values()}
    assert {
        "docker_volume_info",
        "docker_volume_containers",
        "docker_container_info",
        "docker_container_state",
    } <= names
    assert not any(name.endswith("_allocated_bytes") for name in names)
    lost = {sample.labels["kind"]: sample.value for sample in page if _is_loss(sample)}
    assert all(lost[kind] >= 1 for kind in ("volume", "container_layer", "container_log", "tmpfs_mount"))
    values = {sample.name: sample.value for sample in page if set(sample.labels) <= {"engine"}}
    assert (values["docker_engine_up"], values["docker_storage_exporter_landlock_restricted"]) == (1, 1)
    assert (ready, code) == ("ready\n", 0)
    assert any("permission denied; run as root or with CAP_DAC_READ_SEARCH" in line for line in serving.lines)


def _is_loss(sample):
    return sample.name == "docker_storage_unmeasured_objects" and sample.labels["reason"] == "permission_denied"


def test_with_neither_it_ends_with_one_line(as_nobody, dockerd):
    command, environment = as_nobody
    os.chmod(dockerd.host.removeprefix("unix://"), 0o600)

    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "permission denied; run as root" in done.stderr
