"""One wheel for all Python versions; without a compiler the package installs all the same, with the plain twin."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from sizer.conftest import unavailable

REPOSITORY = Path(__file__).parents[2]
CODE = "docker_storage_exporter/sizer/"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of what is packaged, without anything built earlier."""
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        unavailable("setuptools and pip are needed to build the package")
    path = tmp_path_factory.mktemp("source")
    shutil.copytree(
        REPOSITORY / "exporter", path / "exporter", ignore=shutil.ignore_patterns("*.so", "*.egg-info", "__pycache__")
    )
    for name in ("pyproject.toml", "setup.py", "LICENSE"):
        shutil.copy(REPOSITORY / name, path / name)
    (path / "README.md").write_text("# docker-storage-exporter\n")
    return path


def wheel(source, output, **environment):
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-build-isolation",
        "--no-deps",
        "--no-index",
        "-w",
        output,
        source,
    ]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    return next(output.glob("*.whl"))


def installed(archive, path):
    """What an unpacked wheel says of itself, by an interpreter without this repository on its path."""
    zipfile.ZipFile(archive).extractall(path)
    script = "from docker_storage_exporter import sizer; print(sizer.implementation, sizer.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(path)}
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment)
    implementation, file = answer.stdout.split()
    assert file.startswith(str(path))
    return implementation


def test_the_wheel_serves_every_python_version_and_holds_no_sources(source, tmp_path):
    if shutil.which("gcc") is None:
        unavailable("gcc is not installed")

    archive = wheel(source, tmp_path)

    names = [name for name in zipfile.ZipFile(archive).namelist() if name.startswith(CODE)]
    assert "-cp310-abi3-linux_" in archive.name
    assert f"{CODE}_walk.abi3.so" in names
    assert not [name for name in names if name.endswith((".c", ".h"))]
    assert installed(archive, tmp_path / "installed") == "c"


def test_without_a_compiler_the_package_is_built_with_the_plain_twin(source, tmp_path):
    shutil.copytree(source, tmp_path / "source", ignore=shutil.ignore_patterns("build", "*.so"))

    archive = wheel(tmp_path / "source", tmp_path, CC="/bin/false")

    assert not [name for name in zipfile.ZipFile(archive).namelist() if name.endswith(".so")]
    assert installed(archive, tmp_path / "installed") == "python"


def test_the_source_archive_holds_every_source_and_header(source, tmp_path):
    command = [sys.executable, "setup.py", "-q", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=source)

    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {Path(name).name for name in archive.getnames()}
    wanted = {
        path.name for path in (source / "exporter" / CODE).iterdir() if path.suffix in {".c", ".h", ".py", ".pyi"}
    }
    assert wanted <= names
