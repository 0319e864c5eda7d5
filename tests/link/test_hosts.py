"""Every host has every method that a task may call, under the same names of its arguments."""

from __future__ import annotations

import ast
import functools
import inspect
from pathlib import Path
from typing import Any

import pytest
from venice_host import Host, Placement

REPO = Path(__file__).resolve().parents[2]
METHODS = {name: method for name, method in vars(Host).items() if not name.startswith("_")}


@functools.cache
def hosts() -> dict[str, ast.ClassDef]:
    """The subclasses of Host in the plug-ins and the tests, read: each imports only where its GIMP is."""
    found = {}
    for path in sorted([*REPO.glob("plug-ins/*/*.py"), *REPO.glob("tests/*/*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Host" for base in node.bases):
                found[node.name] = node
    return found


def test_there_is_one_for_each_gimp_and_one_for_the_tests() -> None:
    assert hosts().keys() == {"Gimp3Host", "Gimp210Host", "PaperHost"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("host", ["Gimp3Host", "Gimp210Host", "PaperHost"])
def test_a_host_has_every_method(host: str, method: str) -> None:
    own = {node.name: node for node in hosts()[host].body if isinstance(node, ast.FunctionDef)}
    assert method in own, f"{host} has no {method}"
    arguments = [argument.arg.lstrip("_") for argument in own[method].args.args]
    assert arguments == list(inspect.signature(METHODS[method]).parameters)


@pytest.mark.parametrize("method", METHODS)
def test_what_a_host_lacks_fails_by_its_name(method: str) -> None:
    names = list(inspect.signature(METHODS[method]).parameters)[1:]
    with pytest.raises(NotImplementedError, match=method):
        getattr(Host(None), method)(*names)


def test_each_method_says_what_it_does() -> None:
    assert all(method.__doc__ for method in METHODS.values())
    assert len(METHODS) <= 12


@pytest.mark.parametrize("missing", ["pixels", "mask", "rim"])
def test_a_file_that_is_missing_is_noticed_before_an_image_is_touched(tmp_path: Path, missing: str) -> None:
    result: dict[str, Any] = {"job": "j", "name": "n", "crop": {"x": 1, "y": 2, "width": 3, "height": 4}}
    result["recipe"] = {"options": {"variations": 1}}
    for name in ("pixels", "mask", "rim"):
        (tmp_path / name).write_bytes(b"1")
        result[name] = str(tmp_path / name)
    assert Placement(result, {}, None).rim.read() == b"1"
    (tmp_path / missing).unlink()
    with pytest.raises(FileNotFoundError):
        Placement(result, {}, None)
