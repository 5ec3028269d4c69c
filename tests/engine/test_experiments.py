"""The experiments in docs/concepts.md, run again on a real engine: they print what the page says they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need

pytestmark = pytest.mark.engine

PAGE = Path(__file__).parent.parent.parent / "docs" / "concepts.md"
_DATA_ROOT = "/var/lib/docker"


def experiments() -> list[tuple[str, str]]:
    """The experiments: heading and console block. Each uses only what it and those before it made."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Why numbers differ")[2].partition("\n## ")[0]
    return re.findall(r"^### (.+?)\n.*?^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def steps(block: str) -> list[tuple[str, str]]:
    """Each command of a block with what it printed."""
    return [(command, output) for command, output in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)]


def squeezed(text: str) -> list[str]:
    """Lines without the widths of columns, which depend on what else is on the host."""
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.fixture(scope="module")
def shell(dockerd, tmp_path_factory):
    """Run a command of the page on the tests' engine, as if its data root were at the usual place."""
    need("bash", "truncate", root=True)
    kind = subprocess.run(["stat", "-f", "-c", "%T", dockerd.data_root], capture_output=True, text=True, check=True)
    if not kind.stdout.startswith("ext"):
        pytest.skip("the page shows what ext4 allocates")
    programs = tmp_path_factory.mktemp("bin")
    (programs / "docker-storage-exporter").write_text(
        f'#!/bin/sh\nexec {sys.executable} -m docker_storage_exporter "$@"\n'
    )
    (programs / "docker-storage-exporter").chmod(0o755)
    environment = {**os.environ, "DOCKER_HOST": dockerd.host, "PATH": f"{programs}:{os.environ['PATH']}"}
    dockerd.docker("tag", "busybox:test", "busybox")

    def run(command: str) -> str:
        given = command.replace(_DATA_ROOT, str(dockerd.data_root))
        done = subprocess.run(["bash", "-c", given], capture_output=True, text=True, env=environment, timeout=60)
        return (done.stdout + done.stderr).replace(str(dockerd.data_root), _DATA_ROOT)

    yield run
    for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
        if "/volumes/lab-" in (mounted := line.split(" ")[4]) and mounted.startswith(str(dockerd.data_root)):
            subprocess.run(["umount", "-l", mounted], check=False)
    mine = [name for name in dockerd.docker("ps", "-a", "--format", "{{.Names}}").split() if name.startswith("lab-")]
    dockerd.docker("rm", "-f", *mine)
    volumes = [name for name in dockerd.docker("volume", "ls", "-q").split() if name.startswith("lab-")]
    dockerd.docker("volume", "rm", *volumes)


@pytest.mark.parametrize("heading", [heading for heading, _ in experiments()])
def test_an_experiment_prints_what_the_page_says(shell, heading):
    block = dict(experiments())[heading]
    if "cadvisor-walk" in block and shutil.which("cadvisor-walk") is None:
        pytest.skip("cadvisor-walk has to be built from tests/bench/cadvisor")

    for command, said in steps(block):
        assert squeezed(shell(command)) == squeezed(said), command


def test_the_page_has_an_experiment_for_each_tool_it_names():
    headings = [heading for heading, _ in experiments()]

    assert headings == [
        "Holes",
        "Directories",
        "Volumes with options",
        "Deleted but open files",
        "Logs",
        "Hard links",
        "Mounts below a tree",
        "cAdvisor",
    ]
    text = "\n".join(block for _, block in experiments())
    for tool in ("docker system df", "docker ps", "du -sx", "busybox df", "cadvisor-walk"):
        assert tool in text
