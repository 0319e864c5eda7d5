"""The one check command, `python3 tests check`: lint, format, types, layers, documents, shell scripts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
HOSTS = ["tests/gimp2", "tests/gimp3", "tests/gui"]
QUOTES_MEANT = "SC2089,SC2090"  # in an option of the compiler
# What runs within a GIMP has no annotations: some of it is for Python 2.7, too.
IN_GIMP = ["--check-untyped-defs", "--no-strict-optional"]
IN_GIMP += [f"--disable-error-code={code}" for code in ("var-annotated", "assignment", "no-redef")]
HELPERS_PYTHON2 = ["tests/helpers/gimp2_inside.py", "tests/helpers/paper_host.py"]
HELPERS_GIMP3 = ["tests/helpers/gimp3_inside.py", "tests/helpers/gimp3_second_hand.py"]
HELPERS = [
    "--strict",
    "--allow-untyped-calls",
    "--no-warn-return-any",
    "--exclude=/gimp3_second_hand.py$|/paper_host.py$|_inside.py$",
]


def check(*command: str, **variables: str) -> None:
    run = subprocess.run(
        command, cwd=REPO, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, f"\n{run.stdout}{run.stderr}"


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "ruff", "check", "--no-cache"],
        ["-m", "ruff", "format", "--check", "--no-cache"],
        ["-m", "mypy"],
        ["-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        ["tests/helpers/covers.py", "--check"],
        ["-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *HOSTS],
    ],
    ids=["lint", "format", "types", "layers", "covers", "imports of tests that need a GIMP"],
)
def test_check(command: list[str]) -> None:
    check(sys.executable, *command)


@pytest.mark.parametrize(
    ("options", "paths", "imported"),
    [
        (HELPERS, ["tests/helpers"], ["plug-ins/shared"]),
        (IN_GIMP, ["plug-ins/shared", "plug-ins/venice_gimp3", *HELPERS_GIMP3], []),
        (IN_GIMP, ["plug-ins/venice_gimp2", *HELPERS_PYTHON2], ["tests/gimpfu_stubs"]),
    ],
    ids=["helpers", "gimp3", "gimp2"],
)
def test_types_outside_the_core(
    options: list[str], paths: list[str], imported: list[str], request: pytest.FixtureRequest
) -> None:
    """In runs of their own, since some modules have the same name; what they import is not checked again."""
    folders = [path for path in [*paths, *imported, "plug-ins/shared"] if not path.endswith(".py")]
    cache = Path(os.environ.get("MYPY_CACHE_DIR", REPO / ".cache" / "mypy")) / request.node.callspec.id
    options = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", *options]
    variables = {"MYPYPATH": ":".join([".", *folders]), "MYPY_CACHE_DIR": str(cache)}
    check(sys.executable, "-m", "mypy", *options, *paths, **variables)


def test_shell_scripts() -> None:
    files = [path for path in (REPO / ".ci").iterdir() if path.read_bytes().splitlines()[0].endswith(b"sh")]
    assert files
    check(str(Path(sys.executable).with_name("shellcheck")), f"--exclude={QUOTES_MEANT}", *map(str, files))
