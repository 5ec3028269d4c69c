"""The rooms import only from rooms before them; checked by import-linter with the contracts in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def test_every_room_keeps_its_contract():
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"

    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "Contracts: 4 kept, 0 broken." in done.stdout
