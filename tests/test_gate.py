"""The gate: what it cannot go on without is one clear line, and nothing of it stays behind."""

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import need

GATE = Path(__file__).parent.parent / ".ci"
ALL = ["make check", "make test", "make test-engines", "bare bookworm", "bare trixie"]


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
        checkout = tmp_path / "checkout/.ci"
        checkout.mkdir(parents=True)
        shutil.copy(GATE / "run", checkout)
        (checkout / "bare").write_text(f'#!/bin/sh\necho "bare $*" >>{tmp_path}/called\n')
        (checkout / "bare").chmod(0o755)
        environment = {"PATH": str(tmp_path), "TMPDIR": f"{tmp_path}/temporary"}
        command = [checkout / "run"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        called = tmp_path / "called"
        assert list((tmp_path / "temporary").iterdir()) == []
        return done, called.read_text().splitlines() if called.exists() else []

    return run


def test_it_checks_and_then_tests(gate):
    done, called = gate()

    assert (done.returncode, done.stderr) == (0, "")
    assert called == ALL
    assert [line.partition(" took ")[0] for line in done.stdout.splitlines()] == [
        "gate: packages",
        "gate: set-up and checks",
        "gate: tests",
        "gate: tests on the engines of today",
        "gate: tests on a bare bookworm",
        "gate: tests on a bare trixie",
    ]


def test_helm_is_built_beside_the_checks(gate):
    done, called = gate(helm=None, go="exit 0")

    assert (done.returncode, called) == (0, ALL)


def test_a_helm_that_cannot_be_built_ends_it_with_the_reason(gate):
    done, called = gate(helm=None, go="echo no such module >&2; exit 1")

    assert (done.returncode, called) == (1, ["make check"])
    assert done.stderr == "error: Helm could not be built: no such module\n"


def test_without_root_it_does_not_begin(gate):
    done, called = gate(id="echo 1000")

    assert (done.returncode, called) == (1, [])
    assert done.stderr.startswith("error: run this as root")


def test_a_debian_that_does_not_exist_is_one_line(tmp_path):
    need("debootstrap", root=True)
    command = [GATE / "bare", "potato-salad"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert done.stderr == "E: No such script: /usr/share/debootstrap/scripts/potato-salad\n"
