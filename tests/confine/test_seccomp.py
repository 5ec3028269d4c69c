"""Files by handle, for real: a process of its own reads what is not mounted where it looks, and then cannot."""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need

import docker_storage_exporter
from docker_storage_exporter.confine import seccomp as handles
from docker_storage_exporter.confine.seccomp import MACHINES, deny_file_handles, instructions_for

PACKAGE = os.fspath(Path(docker_storage_exporter.__file__).parents[1])
# Is given a directory that is mounted, and a file of the same filesystem; says what came of each attempt.
CHILD = r"""
import ctypes, errno, os, sys, threading
from docker_storage_exporter.confine import seccomp as handles

libc = ctypes.CDLL(None, use_errno=True)

class Handle(ctypes.Structure):
    _fields_ = (("size", ctypes.c_uint), ("kind", ctypes.c_int), ("bytes", ctypes.c_ubyte * 128))

view, secret = os.open(sys.argv[1], os.O_RDONLY), sys.argv[2]
handle, mount = Handle(128), ctypes.c_int()
assert libc.name_to_handle_at(-100, secret.encode(), ctypes.byref(handle), ctypes.byref(mount), 0) == 0

def say(number):
    print(errno.errorcode[ctypes.get_errno()] if number < 0 else os.read(number, 99).decode())

def attempt():
    say(libc.open_by_handle_at(view, ctypes.byref(handle), os.O_RDONLY))

attempt()
handles.deny_file_handles()
attempt()
thread = threading.Thread(target=attempt)
thread.start()
thread.join()
say(libc.syscall(425, 8, 0))
say(libc.syscall(0x40000000 | 39))
print(sorted(os.listdir(view)))
"""


@pytest.fixture
def view(tmp_path):
    """A directory mounted by itself, beside a file that is not below it."""
    need("mount", "umount", root=True)
    top, mounted = tmp_path / "filesystem", tmp_path / "view"
    (top / "inside").mkdir(parents=True)
    (top / "inside" / "file").touch()
    (top / "secret").write_text("a secret of the host")
    mounted.mkdir()
    subprocess.run(["mount", "--bind", top / "inside", mounted], check=True)
    yield mounted, top / "secret"
    subprocess.run(["umount", mounted], check=True)


@pytest.mark.root
@pytest.mark.skipif(handles.platform.machine() not in MACHINES, reason="no filter is made for this machine")
def test_what_is_not_mounted_is_read_by_handle_and_then_by_no_thread_any_more(view):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *view],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": PACKAGE},
        timeout=30,
    )

    assert done.stderr == ""
    secret, main, thread, ring, other, listed = done.stdout.splitlines()
    assert secret == "a secret of the host"
    assert [main, thread, ring, other] == ["EPERM"] * 4
    assert listed == "['file']"


def test_a_machine_whose_calls_are_not_known_is_left_alone():
    with pytest.raises(OSError, match="Function not implemented") as raised:
        deny_file_handles("riscv64")

    assert raised.value.errno == errno.ENOSYS


def test_a_program_of_32_bits_is_left_alone(monkeypatch):
    monkeypatch.setattr(handles.ctypes, "sizeof", lambda _: 4)

    with pytest.raises(OSError, match="Function not implemented"):
        deny_file_handles("x86_64")


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize(
    ("call", "is_refused"), [("own", True), (425, True), (0, False), (257, False), (444, False), (0x40000000, True)]
)
def test_the_filter_refuses_these_calls_alone_on_each_machine(name, call, is_refused):
    machine = MACHINES[name]
    number = machine.open_by_handle_at if call == "own" else call

    assert _answer(machine, number, machine.architecture) == (0x50001 if is_refused else 0x7FFF0000)
    assert _answer(machine, number, 0x40000003) == 0x50001  # i386


def _answer(machine, number, architecture):
    """What the filter says, step by step as the kernel takes it."""
    at, loaded, program = 0, 0, instructions_for(machine)
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == 0x20:
            loaded = {0: number, 4: architecture}[value]
        elif code == 0x06:
            return value
        else:
            at += if_true if (loaded == value if code == 0x15 else loaded >= value) else if_false


def test_the_structures_are_those_of_the_kernel():
    assert ctypes.sizeof(handles._Instruction) == 8
    assert ctypes.sizeof(handles._Program) == 16
