"""Measures a tree in a process of its own that lacks something, and prints the usage as JSON.

A process of its own, because neither a limit nor a user id nor a seccomp filter can be given back.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import os
import platform
import resource
import struct
import subprocess
import sys
from pathlib import Path

import docker_storage_exporter
from docker_storage_exporter.sizer import Control, Root

SYSTEM_CALLS = {
    "x86_64": {"newfstatat": 262, "getdents64": 217, "openat": 257, "fstat": 5},
    "aarch64": {"newfstatat": 79, "getdents64": 61, "openat": 56, "fstat": 80},
}


def confined(walker, path, **limits):
    """What a walker says of a tree under limits.

    `nofile` descriptors in all, or so many `spare` ones; another `uid`; a system call to `fail`, and its error.
    """
    package = Path(docker_storage_exporter.__file__).parents[1]
    settings = json.dumps({"module": walker.module, "threads": walker.threads, "path": str(path), **limits})
    answer = subprocess.run(
        [sys.executable, __file__, settings],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.fspath(package)},
    )
    return json.loads(answer.stdout)


def fail(system_call, error):
    """Make a system call of this process fail from now on, without privileges and for all threads to come."""
    number = SYSTEM_CALLS[platform.machine()][system_call]
    load, equal, answer = 0x20, 0x15, 0x06  # of classic BPF: a word of the call, a jump, the verdict
    program = [
        (load, 0, 0, 0),
        (equal, 0, 1, number),
        (answer, 0, 0, 0x0005_0000 | getattr(errno, error)),
        (answer, 0, 0, 0x7FFF_0000),
    ]
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, mode_filter, filter_, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def main():
    settings = json.loads(sys.argv[1])
    measure = importlib.import_module(f"docker_storage_exporter.sizer.{settings['module']}").measure
    root = Root(os.open(settings["path"], os.O_RDONLY | settings.get("flags", 0)), settings.get("mountpoints", ()))
    if "spare" in settings:
        settings["nofile"] = root.descriptor + 1 + settings["spare"]
    if "nofile" in settings:
        resource.setrlimit(resource.RLIMIT_NOFILE, (settings["nofile"], settings["nofile"]))
    if "uid" in settings:
        os.setgroups([])
        os.setresgid(settings["uid"], settings["uid"], settings["uid"])
        os.setresuid(settings["uid"], settings["uid"], settings["uid"])
    if "fail" in settings:
        fail(*settings["fail"])
    usage = measure([root], Control(threads=settings["threads"]))[0]
    json.dump(
        {
            "allocated_bytes": usage.allocated_bytes,
            "apparent_bytes": usage.apparent_bytes,
            "inodes": usage.inodes,
            "unreadable": dict(usage.unreadable),
            "complete": usage.complete,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
