"""Calls of the C library: an error is an OSError with its number."""

import errno
import subprocess
import sys

import pytest

from docker_storage_exporter.libc import last_error, libc, prctl


def test_a_call_that_fails_raises_its_error():
    with pytest.raises(OSError, match=r"^\[Errno 22\] Invalid argument$"):
        prctl(-1)


def test_the_last_error_may_name_a_path():
    libc.close(-1)

    error = last_error("/x")

    assert (error.errno, error.filename) == (errno.EBADF, "/x")


def test_no_new_privileges_holds_for_what_is_started():
    code = (
        "import subprocess\n"
        "from docker_storage_exporter.libc import forbid_new_privileges\n"
        "forbid_new_privileges()\n"
        "print(subprocess.run(['grep', 'NoNewPrivs', '/proc/self/status'], capture_output=True, text=True).stdout)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["NoNewPrivs:", "1"]
