"""The one check command, `python3 tests check`: lint, format and types, each a test of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"], ["mypy"]],
    ids=["lint", "format", "types"],
)
def test_check(command: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, f"\n{run.stdout}{run.stderr}"
