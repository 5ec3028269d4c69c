"""Landlock, for real: a process of its own restricts itself and then tries to do harm."""

import ctypes
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need, need_landlock

import docker_storage_exporter
from docker_storage_exporter.confine import landlock
from docker_storage_exporter.confine.landlock import handled

PACKAGE = os.fspath(Path(docker_storage_exporter.__file__).parents[1])
# Restricts itself, then tries each deed below the folder given; prints what became of each.
CHILD = r"""
import errno, json, os, socket, stat, subprocess, sys
from docker_storage_exporter.confine import landlock
from docker_storage_exporter.sizer import Root, measure

def deeds(top):
    f, d = f"{top}/file", f"{top}/folder"
    return {
        "write": lambda: os.open(f, os.O_WRONLY),
        "read and write": lambda: os.open(f, os.O_RDWR),
        "append": lambda: os.open(f, os.O_WRONLY | os.O_APPEND),
        "truncate": lambda: os.truncate(f, 0),
        "open to truncate": lambda: os.open(f, os.O_RDONLY | os.O_TRUNC),
        "create": lambda: os.open(f"{top}/new", os.O_WRONLY | os.O_CREAT),
        "nameless": lambda: os.open(top, os.O_WRONLY | os.O_TMPFILE),
        "unlink": lambda: os.unlink(f),
        "rmdir": lambda: os.rmdir(d),
        "rename": lambda: os.rename(f, f"{top}/renamed"),
        "move": lambda: os.rename(f, f"{d}/moved"),
        "link": lambda: os.link(f, f"{top}/linked"),
        "link elsewhere": lambda: os.link(f, f"{d}/linked"),
        "symlink": lambda: os.symlink(f, f"{top}/symlink"),
        "mkdir": lambda: os.mkdir(f"{top}/made"),
        "fifo": lambda: os.mkfifo(f"{top}/fifo"),
        "socket": lambda: socket.socket(socket.AF_UNIX).bind(f"{top}/socket"),
        "device": lambda: os.mknod(f"{top}/device", stat.S_IFCHR | 0o600, os.makedev(1, 3)),
        "block device": lambda: os.mknod(f"{top}/block", stat.S_IFBLK | 0o600, os.makedev(7, 0)),
        "run": lambda: subprocess.run([f"{top}/program"], check=True),
        "write to a device": lambda: os.open("/dev/null", os.O_WRONLY),
        "listen": lambda: socket.socket().bind(("127.0.0.1", 0)),
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), 1),
        "signal": lambda: os.kill(os.getppid(), 0),
    }

def tried(deed):
    try:
        deed()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"

def usage(top):
    found = measure([Root(os.open(top, os.O_RDONLY))])[0]
    return [found.allocated_bytes, found.apparent_bytes, found.inodes, found.complete]

given = json.loads(sys.argv[1])
tops = given["tops"]
before = [usage(top) for top in tops]
landlock.NEWEST_ABI = given.get("abi", landlock.NEWEST_ABI)
abi = landlock.deny_writes(given.get("folders", ()), given.get("ports", ()))
print(json.dumps({
    "abi": abi,
    "deeds": [{name: tried(deed) for name, deed in deeds(top).items()} for top in tops],
    "before": before,
    "after": [usage(top) for top in tops],
    "content": [open(f"{top}/file").read() for top in tops if os.path.exists(f"{top}/file")],
    "no_new_privileges": "NoNewPrivs:\t1" in open("/proc/self/status").read(),
}))
"""


@pytest.fixture(scope="module")
def abi():
    """The version that this kernel has; without Landlock there is nothing to try."""
    return need_landlock()


def _victim(top):
    """A folder with something to harm in it."""
    (top / "folder").mkdir(parents=True)
    (top / "file").write_text("as it was")
    (top / "program").write_text("#!/bin/sh\nexit 0\n")
    (top / "program").chmod(0o755)
    return top


def _restricted(*tops, before=(), **given):
    command = [*before, sys.executable, "-c", CHILD, json.dumps({"tops": [str(top) for top in tops], **given})]
    environment = {**os.environ, "PYTHONPATH": PACKAGE}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_can_be_changed_and_everything_read(abi, tmp_path):
    top = _victim(tmp_path / "top")
    names = sorted(os.listdir(top))

    said = _restricted(top)

    refused = dict(said["deeds"][0])
    assert refused.pop("connect") == ("EACCES" if abi >= 4 else "ECONNREFUSED")
    assert refused.pop("signal") == ("EPERM" if abi >= 6 else "done")
    if abi >= 4:
        assert set(refused.values()) == {"EACCES"}, refused
    assert said["before"] == said["after"]
    assert said["content"] == ["as it was"]
    assert said["no_new_privileges"]
    assert sorted(os.listdir(top)) == names


def test_files_of_one_folder_may_be_replaced_and_one_port_connected_to(abi, tmp_path):
    folder, other = _victim(tmp_path / "state"), _victim(tmp_path / "other")

    said = _restricted(folder, other, folders=[str(folder), f"{tmp_path}/not-there"], ports=[9])

    inside, outside = said["deeds"]
    assert {name for name, what in inside.items() if what == "done"} >= {"write", "create", "unlink"}
    assert {"mkdir", "symlink", "fifo", "device", "rmdir", "run"}.isdisjoint(
        name for name, what in inside.items() if what == "done"
    )
    assert "done" not in {outside[name] for name in ("write", "create", "unlink", "rename", "truncate")}
    assert inside["connect"] == "ECONNREFUSED"


def test_a_kernel_with_an_old_version_is_asked_for_what_it_has(abi, tmp_path):
    top = _victim(tmp_path / "top")

    said = _restricted(top, abi=1)

    assert said["abi"] == 1
    assert said["deeds"][0]["create"] == said["deeds"][0]["unlink"] == said["deeds"][0]["run"] == "EACCES"
    assert said["deeds"][0]["connect"] == "ECONNREFUSED"


# Below a read-only bind mount ($2, of $1): what was mounted before, and what is mounted later, both stay writable.
HOLE = """
set -e
mount -t tmpfs source "$1"
mount --make-shared "$1"
mkdir "$1/early" "$1/late"
mount -t tmpfs early "$1/early"
mount --rbind "$1" "$2"
mount -o remount,bind,ro "$2"
mount --make-rslave "$2"
mount -t tmpfs late "$1/late"
for place in early late; do
    mkdir "$2/$place/folder"
    printf 'as it was' >"$2/$place/file"
    cp "$3/program" "$2/$place/program"
done
if touch "$2/touched" 2>/dev/null; then exit 9; fi
shift 3
exec "$@"
"""


@pytest.mark.root
def test_a_writable_mount_below_a_read_only_one_is_closed_as_well(abi, tmp_path):
    need("unshare", "mount", root=True)
    source, view, victim = tmp_path / "source", tmp_path / "view", _victim(tmp_path / "victim")
    source.mkdir()
    view.mkdir()
    own = ("unshare", "-m", "--propagation", "private", "sh", "-c", HOLE, "sh", source, view, victim)

    said = _restricted(view / "early", view / "late", before=own)

    for refused in said["deeds"]:
        assert {refused[name] for name in ("write", "create", "truncate", "unlink", "mkdir", "device")} == {"EACCES"}
    assert said["content"] == ["as it was", "as it was"]


@pytest.mark.uncovered
@pytest.mark.root
def test_processes_outside_of_the_domain_cannot_be_looked_into(abi, tmp_path):
    """Why auto leaves Landlock away where CAP_SYS_PTRACE is held, whatever a newer kernel may do about it."""
    need("true", root=True)
    code = """
import os
from docker_storage_exporter.confine import landlock
os.stat(f"/proc/{os.getppid()}/root/.")
landlock.deny_writes()
open(f"/proc/{os.getppid()}/mountinfo").read()
open(f"/proc/{os.getppid()}/cgroup").read()
try:
    os.stat(f"/proc/{os.getppid()}/root/.")
except PermissionError:
    print("closed")
"""
    environment = {**os.environ, "PYTHONPATH": PACKAGE}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)

    assert (done.stdout, done.stderr) == ("closed\n", "")


def test_each_version_takes_away_what_those_before_it_do_and_more():
    assert [handled(abi).files.bit_count() for abi in range(1, 9)] == [11, 12, 13, 13, 14, 14, 14, 14]
    assert [(handled(abi).network, handled(abi).scopes) for abi in (1, 3, 4, 5, 6, 7, 8)] == [
        (0, 0), (0, 0), (3, 0), (3, 0), (3, 3), (3, 3), (3, 3),
    ]  # fmt: skip
    reading = 1 << 2 | 1 << 3
    assert not any(handled(abi).files & reading for abi in range(1, 9))


def test_the_rights_are_those_of_the_kernels_header():
    header = Path("/usr/include/linux/landlock.h")
    if not header.exists():
        pytest.skip("needs the kernel's headers")
    bits = re.findall(r"#define LANDLOCK_(ACCESS_FS|ACCESS_NET|SCOPE)_(\w+)\s+\(1ULL << (\d+)\)", header.read_text())

    for kind, name, bit in bits:
        ours = f"SCOPE_{name}" if kind == "SCOPE" else name
        if not name.startswith("READ_"):
            assert getattr(landlock, ours) == 1 << int(bit), name


def test_a_kernel_that_claims_more_than_it_has_gets_less(monkeypatch):
    asked = []

    def create(number, attributes, size, flags):
        fields = ctypes.cast(attributes, ctypes.POINTER(ctypes.c_uint64))
        asked.append((size, fields[0]))
        if size > 16:
            raise OSError(22, "Invalid argument")
        return 77

    monkeypatch.setattr(landlock, "_call", create)

    assert landlock._ruleset(7) == (5, 77)
    assert asked == [(24, handled(7).files), (24, handled(6).files), (16, handled(5).files)]


def test_any_other_refusal_is_an_error(monkeypatch):
    def refuse(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(landlock, "_call", refuse)

    with pytest.raises(PermissionError):
        landlock._ruleset(7)
