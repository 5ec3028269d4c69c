"""A real writer: a Go program with bbolt itself, built once for a run of the tests."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from docker_storage_exporter.bolt import read

SOURCES = Path(__file__).parent / "writer"


@pytest.fixture(scope="session")
def writer(tmp_path_factory):
    """The path of the program. It is skipped where there is no Go, or where its module cannot be fetched."""
    go = shutil.which("go", path=f"{os.environ['PATH']}:/usr/local/go/bin")
    if go is None:
        pytest.skip("needs Go, to write databases with bbolt itself")
    program = tmp_path_factory.mktemp("writer") / "writer"
    built = subprocess.run(
        [go, "build", "-o", program, "."], cwd=SOURCES, capture_output=True, text=True, check=False, timeout=300
    )
    if built.returncode:
        pytest.skip(f"the writer cannot be built: {built.stderr[:300]}")
    return program


@pytest.fixture
def write(writer, tmp_path):
    """Apply transactions to a database; its path."""

    def write(*transactions, page_size=4096, path=tmp_path / "test.db", options=()):
        subprocess.run(
            [writer, path, str(page_size), *options],
            input=json.dumps([[step(*one) for one in steps] for steps in transactions]),
            check=True,
            capture_output=True,
            text=True,
            timeout=100,
        )
        return path

    return write


def step(op, path, key, value=b""):
    """A step as the program reads it."""
    return {"op": op, "path": [name.hex() for name in path], "key": key.hex(), "value": value.hex()}


def dump(bucket):
    """Everything in a bucket: values as bytes, buckets as dictionaries."""
    return {**dict(bucket.items()), **{name: dump(below) for name, below in bucket.buckets()}}


def opened(path, take=dump, **options):
    """What is made of the root bucket of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return read(descriptor, take, **options)
    finally:
        os.close(descriptor)
