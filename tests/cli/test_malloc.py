"""Freed memory goes back to the kernel: tables that are copied now and then leave no holes."""

import subprocess
import sys

import pytest

from docker_storage_exporter.cli.malloc import limit_fragmentation

MANY = """
import ctypes, sys
from docker_storage_exporter.cli.malloc import limit_fragmentation
if sys.argv[1:]:
    assert limit_fragmentation()
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
kept = []
for _ in range(20):  # each time a table is freed below something that stays
    table = bytearray(24 * 2**20)
    del table
    table = bytearray(16 * 2**20)
    kept.append(bytes(200_000))
    del table
print(resident())
"""


def resident(*arguments):
    done = subprocess.run([sys.executable, "-c", MANY, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_large_tables_that_were_freed_are_not_resident():
    if not limit_fragmentation():
        pytest.skip("this allocator cannot be told")

    assert resident("limited") <= resident() - 8 * 2**20
