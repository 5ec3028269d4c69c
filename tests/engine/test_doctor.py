"""What doctor says in the situations that people are in, on a real engine: real rights, real mounts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need

pytestmark = [pytest.mark.engine, pytest.mark.root]
COMMAND = (sys.executable, "-m", "docker_storage_exporter", "doctor")
PROJECT = Path(__file__).parent.parent.parent
# What the machine that runs the tests decides, not the situation.
OF_THE_MACHINE = (
    "landlock", "privileges", "apparmor", "selinux", "user namespace", "root filesystem", "kernel", "walker",
)  # fmt: skip
TMPFS = {"docker_container_tmpfs_used_bytes", "docker_container_tmpfs_size_bytes"}
# Imports come first: the interpreter need not be readable for everybody.
AS_NOBODY = """
import os, sys
from docker_storage_exporter.cli import main
from docker_storage_exporter.cli.commands import doctor
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(main(["doctor", *sys.argv[1:]]))
"""
# Mount the data root ($2) below a root of its own ($1), and a filesystem below it, then forget all other mounts.
APART = """
set -e
mkdir -p "$1$2"
mount --bind "$2" "$1$2"
mount -o remount,ro,bind "$1$2"
mount --make-"$3" "$1$2"
mount -t tmpfs -o "$4" tmpfs "$1$2/tmp"
root=$1; shift 4
exec "$@" --path.rootfs="$root"
"""


@pytest.fixture(scope="module")
def web(dockerd):
    """A running container with a tmpfs mount and a volume."""
    dockerd.docker("volume", "create", "patient")
    dockerd.run("patient", "true", "--tmpfs", "/t:size=1m", "-v", "patient:/data")
    yield dockerd
    dockerd.docker("rm", "-f", "patient")
    dockerd.docker("volume", "rm", "patient")


@pytest.fixture
def doctor(web):
    """Run doctor on that engine; its exit code and its findings by what was checked."""

    def run(*arguments, before=(), command=COMMAND, host=web.host):
        environment = {**os.environ, "DOCKER_HOST": host}
        given = [*before, *command, f"--path.data-root={web.data_root}", "--format=json", *arguments]
        done = subprocess.run(given, capture_output=True, text=True, check=False, env=environment, timeout=60)
        assert done.stderr == ""
        return done.returncode, {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}

    return run


def _bad(found):
    return {check for check, finding in found.items() if finding["costs"] or finding["state"] == "error"}


def test_root_on_the_host_itself_sees_everything(doctor, web):
    code, found = doctor()

    assert (code, _bad(found)) == (0, set())
    assert {finding["state"] for check, finding in found.items() if check not in OF_THE_MACHINE} == {"ok"}
    engine = web.get("/version")
    assert found["engine"]["what"].startswith(f"docker {engine['Version']} answers at {web.host} in API 1.")
    assert found["same host"]["what"].endswith("a container of the engine lies in the data root")
    for check in ("volumes", "writable layers", "logs", "tmpfs mounts"):
        opened, _, everything = found[check]["what"].partition(" of ")
        assert int(opened) == int(everything.split()[0]) > 0


def test_nobody_may_neither_ask_the_engine_nor_read_the_disk(doctor):
    code, found = doctor(command=(sys.executable, "-c", AS_NOBODY))

    assert code == 1
    assert {check: finding["state"] for check, finding in found.items() if check not in OF_THE_MACHINE} == {
        "engine": "error",
        "data root": "error",
        "rights": "warning",
        "processes": "warning",
    }
    assert found["engine"]["what"].endswith("permission denied")
    assert found["engine"]["do"] == "run as root or in the socket's group"
    assert found["data root"]["what"].endswith("Permission denied")
    assert found["rights"]["what"].startswith("uid 65534, capabilities: none that matters")


def test_root_in_name_only_misses_what_is_closed_to_it(doctor):
    need("setpriv")

    code, found = doctor(before=("setpriv", "--bounding-set=-all"))

    assert (code, _bad(found)) == (1, {"rights", "processes", "tmpfs mounts"})
    assert set(found["tmpfs mounts"]["costs"]) == TMPFS
    assert "permission_denied" in found["tmpfs mounts"]["what"]
    assert "may not be entered" in found["processes"]["what"]


def test_the_documented_capabilities_are_enough(doctor):
    need("setpriv")

    code, found = doctor(before=("setpriv", "--bounding-set=-all,+dac_read_search,+sys_ptrace"))

    assert (code, _bad(found)) == (0, set())
    assert found["rights"]["what"] == "uid 0, capabilities: CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE"


def test_without_its_engine_the_disk_is_enough_for_sizes(doctor, tmp_path):
    code, found = doctor(host=f"unix://{tmp_path}/none.sock")

    assert (code, _bad(found)) == (1, {"engine"})
    assert set(found["engine"]["costs"]) == {"docker_engine_info"}
    assert "same host" not in found


def _apart(web, tmp_path, propagation, options):
    need("unshare")
    (web.data_root / "tmp").mkdir(exist_ok=True)
    (tmp_path / "host").mkdir()
    root = (f"{tmp_path}/host", str(web.data_root), propagation, options)
    return ("unshare", "-m", "--propagation", "slave", "sh", "-c", APART, "sh", *root)


def test_a_private_mount_with_something_writable_below_it(doctor, web, tmp_path):
    code, found = doctor(before=_apart(web, tmp_path, "private", "rw"))

    assert (code, _bad(found)) == (1, {"propagation", "read-only"})
    assert found["same host"]["state"] == "ok"
    assert f"{web.data_root} is private" in found["propagation"]["what"]
    assert "docker_volume_filesystem_size_bytes" in found["propagation"]["costs"]
    writable = f"{tmp_path}/host{web.data_root}/tmp"
    assert found["read-only"]["what"].endswith(f"not what is mounted below it: {writable}")


def test_a_mount_as_it_should_be(doctor, web, tmp_path):
    code, found = doctor(before=_apart(web, tmp_path, "rslave", "ro"))

    assert (code, _bad(found)) == (0, set())
    assert found["propagation"]["state"] == found["read-only"]["state"] == "ok"


def test_a_pid_namespace_of_its_own_hides_the_containers(doctor):
    need("unshare")

    code, found = doctor(before=("unshare", "--pid", "--fork", "--mount-proc"))

    assert (code, _bad(found)) == (1, {"processes", "tmpfs mounts"})
    assert "not found in /proc, which is not the host's" in found["processes"]["what"]


def _contained(web, *options, arguments=()):
    """Run doctor in a container of that engine; its exit code and findings."""
    code, said = _told(web, *options, arguments=arguments)
    return code, {finding["check"]: finding for finding in said["findings"]}


def _told(web, *options, arguments=()):
    """Run doctor in a container of that engine, with the host's own interpreter; its exit code and all it says."""
    needed = {"/usr", "/lib", "/lib64", sys.base_prefix, sys.prefix, str(PROJECT)}
    binds = [f"{path}:{path}:ro" for path in sorted(needed) if os.path.isdir(path)]
    binds.append(f"{web.host.removeprefix('unix://')}:/var/run/docker.sock")
    mounts = [part for bind in binds for part in ("-v", bind)]
    given = ["docker", "-H", web.host, "run", "--rm", "--network", "none", *mounts, *options, "busybox:test"]
    given += [*COMMAND, "--format=json", *arguments]
    done = subprocess.run(given, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_in_a_container_with_all_that_it_takes(web):
    rights = ("--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH", "--cap-add", "SYS_PTRACE", "--pid", "host")
    root = str(web.data_root)

    _, found = _contained(web, *rights, "-v", f"{root}:/host{root}:ro,rslave", arguments=["--path.rootfs=/host"])

    assert _bad(found) <= {"bind mounts"}  # its own program is mounted into it from places that it cannot see
    assert found["propagation"]["what"] == f"/host{root} is slave: mounts made later are seen"
    assert found["read-only"]["state"] == "ok"
    assert found["rights"]["what"] == "uid 0, capabilities: CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE"
    assert "running containers found in /proc and entered" in found["processes"]["what"]


def test_in_a_container_with_the_default_rights_all_but_tmpfs_mounts_is_complete(web):
    """As it is deployed: read-only, one capability, no new ones, the data root below /host."""
    rights = ("--read-only", "--cap-drop", "ALL", "--cap-add", "DAC_READ_SEARCH", "--security-opt", "no-new-privileges")
    root = str(web.data_root)

    code, said = _told(web, *rights, "-v", f"{root}:/host{root}:ro,rslave", arguments=["--path.rootfs=/host"])

    found = {finding["check"]: finding for finding in said["findings"]}
    needs = {row["metrics"]: row for row in said["needs"]}
    assert code == 1
    assert [found[check]["state"] for check in ("privileges", "root filesystem", "propagation", "rights")] == ["ok"] * 4
    assert found["privileges"]["what"] == "no new privileges, seccomp filter, no file by handle"
    assert found["landlock"]["what"].startswith("Landlock ")
    lost = {metrics for metrics, row in needs.items() if row["complete"] is False}
    assert lost - {"bind mounts"} == {"tmpfs mounts"}  # its own program is mounted from where it cannot see
    assert needs["tmpfs mounts"]["needs"] == {"DATA ROOT": True, "SYS_PTRACE": False, "HOST PIDS": False}


def test_in_a_container_that_was_given_the_data_root_and_nothing_else(web):
    code, found = _contained(web, "-v", f"{web.data_root}:{web.data_root}")

    assert code == 1
    assert _bad(found) - {"bind mounts"} == {"processes", "tmpfs mounts"}
    assert found["propagation"]["state"] == "ok"  # an engine makes mounts of its own data root slaves by itself
    assert found["read-only"]["state"] == "warning"
    assert found["read-only"]["do"] == f"mount the data root with -v {web.data_root}:{web.data_root}:ro,rslave"
    assert found["processes"]["do"].startswith("share the host's PID namespace: docker run --pid host")
    assert found["tmpfs mounts"]["do"] == "see processes"


def test_in_a_container_without_the_data_root(web):
    code, found = _contained(web)

    assert code == 1
    assert found["engine"]["state"] == "ok"
    assert found["data root"]["what"] == f"{web.data_root}: No such file or directory"
    assert found["volumes"]["do"] == "see data root"
