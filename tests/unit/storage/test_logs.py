"""What goes wrong inside is in a file, and never on the terminal."""

from __future__ import annotations

import logging
import os
import stat
import warnings
from pathlib import Path

import pytest

from venice_core.storage.logs import logging_to

log = logging.getLogger("venice_core.somewhere")


def test_a_traceback_is_in_the_file_and_not_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs" / "command-line.log"
    with logging_to(path):
        assert not path.parent.exists(), "nothing is made before there is something to write"
        try:
            raise ZeroDivisionError("by accident")
        except ZeroDivisionError:
            log.exception("a thing failed")
        warnings.warn("a library is worried", stacklevel=1)
    text = path.read_text()
    assert "ERROR venice_core.somewhere: a thing failed" in text
    assert "ZeroDivisionError: by accident" in text
    assert capfd.readouterr() == ("", "")
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_where_it_cannot_be_written_nothing_else_happens(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with logging_to(tmp_path / "file" / "command-line.log"):
        log.error("a thing failed")
    assert capfd.readouterr() == ("", "")


def test_it_goes_on_where_it_was_and_not_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "command-line.log"
    for number in range(3):
        with logging_to(path):
            log.error("%s %s", number, "x" * 600_000)
    log.error("after the end")
    assert path.read_text().endswith("x\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "command-line.log",
        "command-line.log.1",
        "command-line.log.2",
    ]
