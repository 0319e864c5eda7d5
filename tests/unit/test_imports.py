"""Who may import whom, and that importing does nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
CORE = REPO / "venice_core"
HOSTS = {"gi", "gimp", "gimpfu", "gimpenums", "gimpui", "gtk", "gobject"}


def modules() -> dict[str, Path]:
    """Every module of the core by its name below `venice_core`; packages by their own."""
    found = {}
    for path in sorted(CORE.rglob("*.py")):
        parts = list(path.relative_to(CORE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, *, at_top: bool = False) -> set[str]:
    """The full names that a file imports, anywhere in it or at import time only; relative ones resolved."""
    tree = ast.parse(path.read_bytes())
    package = list(path.relative_to(REPO).parent.parts)
    names = set()
    for node in tree.body if at_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return names


MODULES = modules()


def ours(name: str, *, at_top: bool = False) -> set[str]:
    """The core's modules that one of them imports."""
    known = {f"venice_core.{module}" if module else "venice_core": module for module in MODULES}
    found = {known[full] for full in imported(MODULES[name], at_top=at_top) if full in known}
    return {other for other in found if other and not f"{name}.".startswith(f"{other}.")}


def reached(name: str) -> set[str]:
    """The core's modules that importing one of them imports in the end."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for other in ours(waiting.pop(), at_top=True) - seen:
            seen.add(other)
            waiting.append(other)
    return seen


@pytest.mark.parametrize("name", MODULES)
def test_the_core_knows_no_host_and_no_front_end(name: str) -> None:
    roots = {full.partition(".")[0] for full in imported(MODULES[name])}
    assert not roots & (HOSTS | {"venice_link", "venice_task", "host", "dialog"})


FRONT_ENDS = sorted((REPO / "plug-ins").rglob("*.py"))


@pytest.mark.parametrize("path", FRONT_ENDS, ids=lambda path: path.name)
def test_front_ends_never_import_the_core(path: Path) -> None:
    assert "venice_core" not in {full.partition(".")[0] for full in imported(path)}


def test_there_are_front_ends_to_look_at() -> None:
    assert {"venice_link.py", "venice_task.py", "venice_gimp3.py"} <= {path.name for path in FRONT_ENDS}


SHARED = sorted((REPO / "plug-ins" / "shared").glob("*.py"))


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.name)
def test_what_front_ends_share_uses_the_standard_library_only(path: Path) -> None:
    roots = {full.partition(".")[0] for full in imported(path)} - {"Queue", "__future__"}
    assert roots <= sys.stdlib_module_names | {each.stem for each in SHARED}


ACTING = {"cli", "execution", "network", "providers", "records", "storage", "worker"}
PURE = [
    name
    for name in MODULES
    if name.partition(".")[0] in ("geometry", "imaging", "planning", "fitting", "job", "messages")
]


@pytest.mark.parametrize("name", PURE)
def test_planning_and_fitting_need_nothing_that_acts(name: str) -> None:
    assert not {other.partition(".")[0] for other in reached(name)} & ACTING
    roots = {full.partition(".")[0] for full in imported(MODULES[name])}
    acting = {"keyring", "requests", "socket", "ssl", "subprocess", "time", "urllib3"}
    assert not roots & (acting if name == "imaging.silenced_libraries" else acting | {"os", "threading"})


def test_nothing_imports_itself_round_a_corner() -> None:
    for name in MODULES:
        assert name not in reached(name)


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("sandbox")])
def test_the_sandbox_is_loaded_only_by_who_plays(name: str) -> None:
    assert not any(other.startswith("sandbox") for other in reached(name))
    using = any(other.startswith("sandbox") for other in ours(name))
    assert using == (name in ("cli.commands", "providers.registry"))


def test_only_imaging_knows_file_formats() -> None:
    users = {
        name.partition(".")[0]
        for name in MODULES
        if any(full.partition(".")[0] == "PIL" for full in imported(MODULES[name]))
    }
    assert users == {"imaging", "sandbox"}


# Reads of the environment (and urllib3's trial whether there is IPv6) are a library's own business; they
# count where the code of this project asks for them.
WATCH = r"""
import importlib, json, os, sys, threading
core, names = sys.argv[1], sys.argv[2:]
found = []

def asking():
    frame = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(core):
            return os.path.relpath(path, core)
        if "importlib" not in path and not path.startswith("<") and not path.endswith(("os.py", "abc.py")):
            return None  # a library asks for itself
        frame = frame.f_back

class Watched(type(os.environ)):
    def __getitem__(self, key):
        if asking(): found.append(["environment", asking(), str(key)])
        return super().__getitem__(key)

os.environ.__class__ = Watched

def hook(event, arguments):
    bad = event in ("os.mkdir", "os.remove", "os.rename", "os.chmod", "tempfile.mkstemp", "subprocess.Popen",
                    "socket.connect", "socket.getaddrinfo") or (event == "socket.bind" and asking())
    if event == "open" and isinstance(arguments[1], str) and any(c in arguments[1] for c in "wax+"):
        bad = True
    if bad:
        found.append([event, str(arguments[:1]), ""])

sys.addaudithook(hook)
for name in names:
    importlib.import_module(name)
import logging
found += [["thread", thread.name, ""] for thread in threading.enumerate()[1:]]
found += [["log handler", repr(handler), ""] for handler in logging.getLogger("venice_core").handlers]
print(json.dumps(found))
"""


def test_importing_every_module_does_nothing(tmp_path: Path) -> None:
    names = [f"venice_core.{name}".rstrip(".") for name in MODULES if name != "__main__"]
    hostile = {
        "HOME": str(tmp_path / "none"),
        "VENICE_HOME": "/dev/null/x",
        "VENICE_BASE_URL": "gopher://[",
        "VENICE_PROVIDER": "\udcff",
        "VENICE_API_KEY": "\n",
        "HTTPS_PROXY": "http://%zz:x",
        "PYTHON_KEYRING_BACKEND": "no.such.Keyring",
        "PATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(REPO),
    }
    command = [sys.executable, "-c", WATCH, str(CORE), *names]
    done = subprocess.run(
        command, env=hostile, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
