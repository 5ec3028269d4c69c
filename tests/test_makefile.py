"""What a newcomer meets first: the Makefile helps, sets itself up, and fails with one line."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import need

PROJECT = Path(__file__).parent.parent
GOOD_PYTHON = """
case "$*" in
"-m venv --clear .venv")
    mkdir -p .venv/bin
    printf '#!/bin/sh\\n%s\\n' "$PIP" >.venv/bin/python
    chmod +x .venv/bin/python;;
esac
"""


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Run make in a bare checkout, with fake programs from its folder `fake` before all others."""
    need("make")
    (tmp_path / "exporter/docker_storage_exporter").mkdir(parents=True)
    (tmp_path / "exporter/docker_storage_exporter/__init__.py").touch()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(PROJECT / name, tmp_path)
    for name in [name for name in os.environ if name.startswith(("MAKE", "MFLAGS", "PYTHON"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{tmp_path}/fake:{os.environ['PATH']}")

    def run(*arguments, **environment):
        command, environment = ["make", *arguments], {**os.environ, **environment}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def fake(tmp_path):
    """Put a shell script in the place of a program."""

    def write(name, script):
        path = tmp_path / "fake" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


def _told(done):
    """The lines on stderr without make's own."""
    return [line for line in done.stderr.splitlines() if not line.startswith("make: ")]


def test_help_is_the_default_and_lists_every_target(make):
    done = make()

    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^  make ([a-z-]+) +\S", done.stdout, re.MULTILINE) == targets
    assert {"run", "test"} <= set(targets)


@pytest.mark.parametrize("target", ["run", "test"])
def test_a_python_that_is_too_old_gets_one_line(make, fake, target):
    fake("python3", 'case "$*" in *version_info*) exit 1;; esac')

    done = make(target)

    assert done.returncode == 2
    assert _told(done) == [
        f"error: python3 is not Python 3.10 or newer; install one or name it: make PYTHON=python3.12 {target}"
    ]


def test_a_python_that_is_not_there_gets_one_line(make):
    done = make("run", "PYTHON=python3.99")

    assert done.returncode == 2
    assert _told(done) == ["error: python3.99 is not installed; install it or name another: make PYTHON=python3 run"]


def test_a_python_without_venv_gets_one_line(make, fake):
    fake("python3", 'case "$*" in *ensurepip*) echo Traceback >&2; exit 1;; esac')

    done = make("run")

    assert done.returncode == 2
    assert _told(done) == ["error: python3 has no venv module; on Debian and Ubuntu: apt-get install python3-venv"]


def test_a_failing_pip_gets_one_line_and_its_words_are_kept(make, fake, tmp_path):
    fake("python3", GOOD_PYTHON)

    done = make("run", PIP="echo a; echo '  ERROR: nothing there'; echo 'ERROR: again'; exit 1")

    assert done.returncode == 2
    assert _told(done) == [
        "setting up .venv",
        "error: pip: nothing there (is there a network? more in .venv/pip.log)",
    ]
    assert "again" in (tmp_path / ".venv/pip.log").read_text()


def test_a_folder_that_cannot_be_written_to_gets_one_line(make, fake, tmp_path):
    fake("python3", GOOD_PYTHON)
    (tmp_path / ".venv").touch()  # in the way of a folder, for root as well

    done = make("run")

    assert done.returncode == 2
    assert len(_told(done)) == 1
    assert _told(done)[0].startswith(f"error: cannot write to {tmp_path};")


def test_setting_up_happens_once_and_again_for_another_python(make, fake):
    fake("python3", GOOD_PYTHON)
    fake("python4", GOOD_PYTHON)

    first, again = make(".venv/run", PIP="exit 0"), make(".venv/run", PIP="exit 0")
    other = make(".venv/run", "PYTHON=python4", PIP="exit 0")
    same = make(".venv/run", "PYTHON=python4", PIP="exit 0")

    assert [_told(done) for done in (first, again, other, same)] == [["setting up .venv"], []] * 2


@pytest.mark.parametrize(
    ("code", "user", "expected", "lines"),
    [
        (0, 1000, 0, []),
        (3, 1000, 0, ["nothing to measure here: starting the demo", "demo runs"]),
        (4, 1000, 2, ["rights are missing: try sudo make run"]),
        (4, 0, 2, []),
        (5, 1000, 2, []),
    ],
)
def test_run_goes_by_the_exit_code(make, fake, code, user, expected, lines):
    fake("id", f"echo {user}")
    fake("docker-storage-exporter", f'[ "$1" = demo ] && {{ echo demo runs >&2; exit 0; }}; exit {code}')

    done = make("run", "BIN=fake", "--old-file=.venv/run")

    assert (done.returncode, _told(done)) == (expected, lines)
