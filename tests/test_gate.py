"""The gate: what it cannot go on without is one clear line, and nothing of it stays behind."""

import shutil
import subprocess
from pathlib import Path

import pytest

GATE = Path(__file__).parent.parent / ".ci/run"


@pytest.fixture
def gate(tmp_path):
    """Run the gate on a machine with all packages, where programs are these scripts; what it called goes to a file."""
    tools = {"id": "echo 0", "dpkg": "", "make": f'echo "make $*" >>{tmp_path}/called', "helm": ""}

    def run(**changes):
        for name, script in {**tools, **changes}.items():
            if script is not None:
                (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
                (tmp_path / name).chmod(0o755)
        for name in ("bash", "sh", "dirname", "mktemp", "rm", "tail"):
            (tmp_path / name).symlink_to(shutil.which(name))
        (tmp_path / "temporary").mkdir()
        environment = {"PATH": str(tmp_path), "TMPDIR": f"{tmp_path}/temporary"}
        done = subprocess.run([GATE], env=environment, capture_output=True, text=True, timeout=60, check=False)
        called = tmp_path / "called"
        assert list((tmp_path / "temporary").iterdir()) == []
        return done, called.read_text().splitlines() if called.exists() else []

    return run


def test_it_checks_and_then_tests(gate):
    done, called = gate()

    assert (done.returncode, done.stderr) == (0, "")
    assert called == ["make check", "make test"]
    assert [line.partition(" took ")[0] for line in done.stdout.splitlines()] == [
        "gate: packages",
        "gate: set-up and checks",
        "gate: tests",
    ]


def test_helm_is_built_beside_the_checks(gate):
    done, called = gate(helm=None, go="exit 0")

    assert (done.returncode, called) == (0, ["make check", "make test"])


def test_a_helm_that_cannot_be_built_ends_it_with_the_reason(gate):
    done, called = gate(helm=None, go="echo no such module >&2; exit 1")

    assert (done.returncode, called) == (1, ["make check"])
    assert done.stderr == "error: Helm could not be built: no such module\n"


def test_without_root_it_does_not_begin(gate):
    done, called = gate(id="echo 1000")

    assert (done.returncode, called) == (1, [])
    assert done.stderr.startswith("error: run this as root")
