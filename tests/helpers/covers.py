"""Write into the documents which tests show what they say: `python3 tests covers`.

A test names what it shows by a heading and a row of the table beneath it:

  @pytest.mark.covers("POST /image/edit: model", "Refusals: 402 | balance")

A heading is found by its beginning, a row by its beginning (what is given after `|` is in the next cell) or a
name in its first cell. A heading alone stands for the paragraph beneath it that begins with "Tests:". With
--check nothing is written, and it fails where a document is not up to date; `python3 tests check` does that.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PAGES = [REPO / "docs" / name for name in ("venice-api.md", "providers.md")]
HEADING = re.compile(r"^#+ (.*)$")
ROW = re.compile(r"^(\| .* \|)(?: .*)? \|$")
ABBREVIATION = re.compile(r"\*\*(\w)\*\* `(test_\w+\.py::test_\w+)`")


class Marks:
    """As a plug-in for pytest: the tests by what they cover, in the order of collection."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, None]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            assert isinstance(item, pytest.Function)
            name = f"{item.path.name}::{item.originalname}"
            for mark in item.iter_markers("covers"):
                for key in mark.args:
                    self.tests.setdefault(key, {})[name] = None


def marked_tests() -> dict[str, list[str]]:
    """What is covered, and by which tests."""
    files = [path for path in (REPO / "tests").rglob("test_*.py") if "covers(" in path.read_text("utf-8")]
    marks, said = Marks(), io.StringIO()
    with contextlib.redirect_stdout(said):
        status = pytest.main(
            ["--collect-only", "-q", "-p", "no:cacheprovider", *sorted(map(str, files))], [marks]
        )
    if status:
        raise SystemExit(said.getvalue())
    return {key: list(tests) for key, tests in marks.tests.items()}


class Page:
    """A document, and the lines in it that name tests."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.short = {test: f"**{letter}**" for letter, test in ABBREVIATION.findall(text)}

    def places(self) -> Iterator[tuple[int, str, str]]:
        """Where tests are named: the line's number, the heading above, and the row, or ""."""
        heading, in_table = "", False
        for number, line in enumerate(self.lines):
            if found := HEADING.match(line):
                heading = found[1]
            elif line.startswith("|") and not self.lines[number - 1].startswith("|"):
                in_table = line.endswith("tests |")
            elif line.startswith("Tests: "):
                yield number, heading, ""
            elif in_table and (row := ROW.match(line)) and not line.startswith("| ---"):
                yield number, heading, row[1]

    def write(self, number: int, row: str, tests: list[str]) -> None:
        names = [self.short.get(test, f"`{test}`") for test in tests]
        names.sort(key=lambda name: not name.startswith("*"))
        listed = ", ".join(names)
        if row:
            self.lines[number] = f"{row} {listed} |" if listed else f"{row} |"
        else:
            self.lines[number] = f"Tests: {listed}."

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def names_row(words: str, row: str) -> bool:
    """Whether what stands after a heading in a mark may be that row."""
    if not words or not row:
        return words == row
    plain = row.replace("`", "").strip("| ")
    return plain.startswith(words) or words in re.findall(r"`([^`]+)`", row.partition(" | ")[0])


def updated(pages: dict[Path, str], marked: dict[str, list[str]]) -> dict[Path, str]:
    """The documents with their lists of tests; a mark has to name one place in them all."""
    read = {path: Page(text) for path, text in pages.items()}
    places = [(page, *place) for page in read.values() for place in page.places()]
    listed: dict[int, list[str]] = {}
    for key, tests in marked.items():
        title, _, words = key.partition(": ")
        under = [index for index, place in enumerate(places) if place[2].startswith(title)]
        found = [index for index in under if names_row(words, places[index][3])]
        exact = [
            index for index in found if places[index][3].partition(" | ")[0].replace("`", "") == f"| {words}"
        ]
        if len(exact or found) != 1:
            raise SystemExit(f"{len(found)} places are meant by covers({key!r}), of {tests[0]}")
        listed.setdefault((exact or found)[0], []).extend(tests)
    for index, (page, number, _, row) in enumerate(places):
        page.write(number, row, list(dict.fromkeys(listed.get(index, []))))
    return {path: page.text for path, page in read.items()}


def main(arguments: list[str]) -> int:
    pages = {path: path.read_text("utf-8") for path in PAGES}
    stale = [(path, text) for path, text in updated(pages, marked_tests()).items() if text != pages[path]]
    for path, text in stale:
        if "--check" not in arguments:
            path.write_text(text, "utf-8")
        print(f"{path.relative_to(REPO)}: {'written' if '--check' not in arguments else 'not up to date'}")
    if stale and "--check" in arguments:
        print("`python3 tests covers` writes which tests show what.")
        return 1
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(REPO))
    sys.exit(main(sys.argv[1:]))
