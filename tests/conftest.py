"""What all tests share: real tools or a clear skip, golden files, and fixture trees."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

from docker_storage_exporter.confine.landlock import landlock_abi

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

GOLDEN = Path(__file__).parent / "golden"


def need(*tools: str, root: bool = False) -> None:
    """Skip the test when a tool or root is missing; fail under REQUIRE_TOOLS=1, where nothing may be missing."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if root and os.geteuid() != 0:
        missing.append("root")
    if missing:
        _refuse(f"needs {', '.join(missing)}")


def need_landlock() -> int:
    """The version of Landlock that this kernel has; skip or fail as `need` does where it has none."""
    try:
        return landlock_abi()
    except OSError as error:
        return _refuse(f"needs Landlock: {error}")


def may_mount(user: str) -> tuple[str, ...]:
    """What starts a command that may mount: as `root`, or as an `ordinary` user in a user namespace; skip like `need`.

    Where the tests run as root, an ordinary user is root without CAP_SYS_ADMIN, who can read the interpreter too.
    """
    need("setpriv", "unshare", root=user == "root")
    before = ("setpriv", "--bounding-set=-sys_admin") if user == "ordinary" and os.geteuid() == 0 else ()
    options = ("--mount",) if user == "root" else ("--user", "--mount")
    tried = subprocess.run([*before, "unshare", *options, "true"], capture_output=True, text=True, check=False)
    return before if tried.returncode == 0 else _refuse(f"needs mounts of its own: {tried.stderr.strip()}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each reason that tests were skipped for: hundreds may need the same tool."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    for reason, number in reasons.most_common():
        needed = reason.removeprefix("needs ")
        said = f"tests need {needed}" if needed != reason else f"tests are skipped: {reason}"
        said = said if number > 1 else said.replace("tests need", "test needs").replace("tests are", "test is")
        terminalreporter.write_line(f"{number} {said}")


def _refuse(message: str) -> NoReturn:
    if os.environ.get("REQUIRE_TOOLS") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """Nothing set in the shell that runs the tests reaches the settings under test."""
    for name in list(os.environ):
        if name.startswith(("DOCKER_", "DSE_")):
            monkeypatch.delenv(name)


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare text with a file in tests/golden; `make golden` rewrites the file."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.write_text(text)
        assert path.read_text() == text

    return compare
