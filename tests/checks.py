"""The one check command, `python3 tests check`: lint, format, types, layers, the documents' lists."""

import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "ruff", "check", "--no-cache"],
        ["-m", "ruff", "format", "--check", "--no-cache"],
        ["-m", "mypy"],
        ["-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        ["tests/helpers/covers.py", "--check"],
    ],
    ids=["lint", "format", "types", "layers", "covers"],
)
def test_check(command: list[str]) -> None:
    run = subprocess.run([sys.executable, *command], cwd=REPO, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"\n{run.stdout}{run.stderr}"
