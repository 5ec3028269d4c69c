"""The table of needs against the truth: what is measured with each set of rights is what the table says."""

import json
import os
import subprocess
import sys

import pytest
from conftest import need_landlock
from engine.dockerd import Page

from cli.conftest import Serving
from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.root]
NOBODY = 65534
CAPABILITIES = {"dac_read_search": 2, "sys_ptrace": 19}
# Imports come first: the interpreter need not be readable for everybody.
AS = """
import ctypes, os, sys
from docker_storage_exporter.cli import main
from docker_storage_exporter.cli.commands import df, doctor
uid, group, mask = map(int, sys.argv[1:4])
libc = ctypes.CDLL(None, use_errno=True)
keep_capabilities, version = 8, 0x20080522
libc.prctl(keep_capabilities, 1, 0, 0, 0)
os.setgroups([group]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
header, rights = (ctypes.c_uint32 * 2)(version, 0), (ctypes.c_uint32 * 6)(mask, mask)
assert libc.capset(header, rights) == 0
main(["df", "--no-exporter", *sys.argv[4:]])
print("---")
sys.exit(main(["doctor", *sys.argv[4:]]))  # last, since it restricts this process like serve
"""
# What is closed to everybody but its owner, in each place that is walked.
CLOSED = "mkdir -m 0700 {0}/closed && yes | head -c 300000 >{0}/closed/file && busybox chown -R 1234:1234 {0}/closed"
ROWS = {
    "volumes": "volume",
    "writable layers": "container_layer",
    "logs": "container_log",
    "bind mounts": "bind_mount",
    "tmpfs mounts": "tmpfs_mount",
}


@pytest.fixture(scope="module")
def closed(dockerd, public_host, tmp_path_factory):
    """A running container that closed a folder of each of its places to everybody else."""
    source = tmp_path_factory.mktemp("bound")
    places = " && ".join(CLOSED.format(place) for place in ("/data", "/srv", "/layer"))
    options = ("-v", "closed:/data", "-v", f"{source}:/srv", "--tmpfs", "/t:size=1m", "--ipc=none")
    dockerd.docker("volume", "create", "closed")
    dockerd.run("closed", f"mkdir /layer; {places}; yes | head -c 50000 >/t/file; seq 5000", *options)
    wait_until((dockerd.data_root / "volumes/closed/_data/closed/file").exists, "the files")
    wait_until(
        lambda: dockerd.docker("exec", "closed", "sh", "-c", "cat /done && echo yes || true") == "yes", "the rest"
    )
    dockerd.public_host = public_host
    os.chmod(public_host.removeprefix("unix://"), 0o660)
    yield dockerd
    dockerd.docker("rm", "-f", "closed")
    dockerd.docker("volume", "rm", "closed")


def _said(dockerd, uid, capabilities, *options):
    """What a user with these capabilities alone, in the socket's group, measures, and the table that doctor prints.

    Allocated bytes by kind for the one container's objects, None where there is no number or not the whole.
    """
    group = os.stat(dockerd.public_host.removeprefix("unix://")).st_gid
    environment = {**os.environ, "DOCKER_HOST": dockerd.public_host}
    given = [sys.executable, "-c", AS, str(uid), str(group), str(sum(1 << CAPABILITIES[name] for name in capabilities))]
    given += [f"--path.data-root={dockerd.data_root}", "--format=json", *options]
    done = subprocess.run(given, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    measured, _, told = done.stdout.partition("---\n")
    found = {
        entry["kind"]: None if entry["unreadable"] else entry["allocated_bytes"]
        for entry in json.loads(measured)["objects"]
        if entry["name"].startswith("closed") or (entry["kind"] == "bind_mount" and "bound" in entry["name"])
    }
    return found, {row["metrics"]: row for row in json.loads(told)["needs"]}


@pytest.fixture(scope="module")
def everything(closed):
    """What root with all capabilities measures."""
    found, _ = _said(closed, 0, CAPABILITIES)
    assert set(found) == set(ROWS.values())
    assert all(found.values())
    return found


@pytest.mark.parametrize("uid", [0, NOBODY])
@pytest.mark.parametrize(
    "capabilities",
    [(), ("dac_read_search",), ("sys_ptrace",), tuple(CAPABILITIES)],
    ids=lambda names: "+".join(names) or "none",
)
def test_what_is_measured_is_what_the_table_says(closed, everything, uid, capabilities):
    measured, table = _said(closed, uid, capabilities)

    assert {kind: measured.get(kind) == everything[kind] for kind in everything} == {
        kind: table[row]["complete"] for row, kind in ROWS.items()
    }
    assert table["engine up"]["complete"]
    assert table["volumes"]["needs"]["DAC_READ_SEARCH"] is ("dac_read_search" in capabilities)
    assert table["tmpfs mounts"]["needs"]["SYS_PTRACE"] is ("sys_ptrace" in capabilities)
    assert table["logs"]["complete"] is (uid == 0 or "dac_read_search" in capabilities)


def test_landlock_at_any_price_costs_tmpfs_mounts_and_nothing_else(closed, everything):
    need_landlock()
    _, table = _said(closed, 0, CAPABILITIES, "--security.landlock=on")
    flags = ("serve", "--web.listen-address=127.0.0.1:0", f"--path.data-root={closed.data_root}", "--scan.duty=1")
    process = subprocess.Popen(
        [sys.executable, "-m", "docker_storage_exporter", *flags, "--security.landlock=on", "--publish.interval=100ms"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DOCKER_HOST": closed.host},
    )
    serving = Serving(process)
    try:
        serving.until("docker_storage_pending_objects", lambda found: found and not any(found.values()))
        page = Page(serving.get())
    finally:
        serving.end()

    assert [metrics for metrics, row in table.items() if row["complete"] is False] == ["tmpfs mounts"]
    assert page.value("docker_volume_allocated_bytes", volume="closed") == everything["volume"]
    assert page.value("docker_container_layer_allocated_bytes", container="closed") == everything["container_layer"]
    assert page.value("docker_container_log_bytes", container="closed") == everything["container_log"]
    assert everything["bind_mount"] in page.by("source", "docker_bind_mount_allocated_bytes").values()
    assert not page.by("container", "docker_container_tmpfs_used_bytes")
    lost = {"kind": "tmpfs_mount", "reason": "permission_denied"}
    assert page.value("docker_storage_unmeasured_objects", **lost) >= 1
