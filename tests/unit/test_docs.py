"""The page about the service's API is whole: nothing that the code knows is missing, and its tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import covers
import pytest

from venice_core.errors import every_kind
from venice_core.planning.endpoint import Endpoint
from venice_core.providers.openai.profile import ALL_ENTRIES as PROFILE_ENTRIES
from venice_core.providers.openai.profile import ServiceProfiles
from venice_core.providers.venice.fields import FIELDS
from venice_core.sandbox.switches import SCOPE, TABLE

MARKED = """
## Fields

| field | what | tests |
| --- | --- | --- |
| `width`, `height` | in px | |
| 402 | of money | `t.py::old` |
| 402 | of keys | |

### Others

Tests: none.
"""
REPO = Path(__file__).resolve().parents[2]
PAGE = (REPO / "docs" / "venice-api.md").read_text("utf-8")
PROVIDERS = (REPO / "docs" / "providers.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE + PROVIDERS)))


def section(title: str) -> str:
    """The part of the page under a heading, up to the next of its rank or above."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,3}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert match, f"there is no heading {title!r}"
    return match[2]


def first_cells(title: str) -> set[str]:
    """What stands in code style in the first column of a section's table."""
    rows = re.findall(r"^\| (.*?) \|", section(title), re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_bytes())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_lists_of_tests_follow_the_marks() -> None:
    marks = {
        "Fields: height": ["t.py::b", "t.py::a"],
        "Fields: 402 | of k": ["t.py::c"],
        "Others": ["t.py::d"],
    }
    said = covers.updated({REPO: MARKED}, marks)[REPO]
    assert "| `width`, `height` | in px | `t.py::b`, `t.py::a` |\n" in said
    assert "| 402 | of money | |\n| 402 | of keys | `t.py::c` |\n" in said
    assert "Tests: `t.py::d`.\n" in said
    assert covers.updated({REPO: said}, marks)[REPO] == said


@pytest.mark.parametrize("mark", ["Fields: depth", "Fields: 402", "Nowhere", "Fields"])
def test_a_mark_names_one_place(mark: str) -> None:
    with pytest.raises(SystemExit, match="places are meant"):
        covers.updated({REPO: MARKED}, {mark: ["t.py::a"]})


def test_the_page_names_many_tests() -> None:
    assert len(NAMED) > 100


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_it_names_exists(file: str) -> None:
    paths = list((REPO / "tests").rglob(file))
    assert len(paths) == 1, "there is no such file"
    named = {test for name, test in NAMED if name == file}
    assert named - functions_of(paths[0]) == set()


@pytest.mark.parametrize("path", sorted((REPO / "tests" / "contract" / "venice").glob("test_*.py")))
def test_every_test_of_the_api_is_named(path: Path) -> None:
    tests = {name for name in functions_of(path) if name.startswith("test_")}
    named = {test for name, test in NAMED if name == path.name}
    assert tests - named == set()


@pytest.mark.parametrize("endpoint", FIELDS)
def test_every_field_has_a_row_and_every_row_a_field(endpoint: Endpoint) -> None:
    assert first_cells(f"POST {endpoint.value}") == set(FIELDS[endpoint])


@pytest.mark.parametrize("endpoint", FIELDS)
def test_a_field_without_an_option_is_set_by_name(endpoint: Endpoint) -> None:
    rows = re.findall(r"^\| (`.*?) \| .*? \| (.*?) \|", section(f"POST {endpoint.value}"), re.MULTILINE)
    for names, filled_by in rows:
        for name in re.findall(r"`([^`]+)`", names):
            assert ("by name" in filled_by) == bool(FIELDS[endpoint][name].parse), name


@pytest.mark.parametrize("kind", sorted(every_kind()))
def test_every_kind_of_error_is_named(kind: str) -> None:
    errors = PAGE[PAGE.index("## Errors") : PAGE.index("## Response headers")]
    assert f"`{kind}`" in errors


def test_every_switch_of_the_sandbox_has_a_row() -> None:
    assert first_cells("Its switches") == set(TABLE)
    assert all(f"`{name}`" in section("Its switches") for name in SCOPE)


def test_every_value_of_a_switch_is_named() -> None:
    """As far as they are words to choose from."""
    said = section("Its switches")
    for name, switch in TABLE.items():
        for word in re.findall(r"[a-z_][a-z_0-9]*", switch.values) if "|" in switch.values else ():
            assert re.search(rf"\b{word}\b", said), f"{name}={word}"


def test_every_entry_of_a_profile_has_a_row_and_every_row_an_entry() -> None:
    (described,) = (part for part in PROVIDERS.split("\n## ") if part.startswith("A profile, entry"))
    rows = re.findall(r"^\| (`.*?) \|", described, re.MULTILINE)
    words = {word for row in rows for word in re.findall(r"`([^`]+)`", row)}
    assert words - {"mask"} == {*PROFILE_ENTRIES} - {"mask"}
    assert "`mask`" in PROVIDERS


def test_every_built_in_profile_is_told_with_its_address_key_and_model() -> None:
    profiles = ServiceProfiles()
    for name in profiles.names:
        profile = profiles.get(name)
        assert profile is not None
        (row,) = re.findall(rf"^\| `{name}` \|.*$", PROVIDERS, re.MULTILINE)
        told = (profile.base_url, profile.base_url_variable, profile.key_variable, profile.model)
        assert all(f"`{fact}`" in row for fact in told if fact)


def test_every_option_that_it_names_exists() -> None:
    known = (REPO / "venice_core" / "cli" / "parser.py").read_text("utf-8")
    options = set(re.findall(r"`(--[a-z-]+)", PAGE + PROVIDERS))
    assert options
    assert {option for option in options if f'"{option}"' not in known} == set()
