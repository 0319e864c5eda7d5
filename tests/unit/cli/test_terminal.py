"""Words to a terminal that may be gone, and work that Ctrl-C lets go of."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from venice_core.cli.interrupts import Interrupts
from venice_core.cli.streams import forgiving
from venice_core.cli.terminal import Terminal
from venice_core.errors import BadInput, Cancelled, Charge
from venice_core.execution.run_thread import RunThread
from venice_core.geometry.rectangles import Bounds
from venice_core.job import Action, Job, Options
from venice_core.network.messages import Response
from venice_core.planning.planner import make_plan
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.records.journal import Journal
from venice_core.secret import Secret

WHOLE = Bounds(0, 0, 256, 256)
JOB = Job(Action.EDIT, WHOLE, WHOLE.extent, None, Options(prompt="a hat"))
PLAN = make_plan(JOB, None, Venice(Secret(""), catalogue=packaged_catalogue()).capabilities)


class Presses(Interrupts):
    """As often as it is told."""

    def press(self) -> None:
        self._count += 1


@pytest.fixture
def presses() -> Presses:
    return Presses()


@pytest.fixture
def terminal(presses: Presses) -> Terminal:
    return Terminal(presses, quiet=False)


def test_what_work_returns_or_raises_is_what_comes_of_it(terminal: Terminal) -> None:
    assert terminal.run(lambda attempt, show: 7) == 7

    def fail(attempt: RunThread[int], show: OnProgress) -> int:
        raise BadInput("not so")

    with pytest.raises(BadInput, match="not so"):
        terminal.run(fail)


def test_nothing_is_begun_after_ctrl_c(terminal: Terminal, presses: Presses) -> None:
    presses.press()
    begun: list[int] = []
    with pytest.raises(Cancelled):
        terminal.run(lambda attempt, show: begun.append(1))
    assert not begun


def test_work_that_has_sent_nothing_ends_though_it_does_not_listen(
    terminal: Terminal, presses: Presses, capsys: pytest.CaptureFixture[str]
) -> None:
    go_on = threading.Event()

    def hang(attempt: RunThread[bool], show: OnProgress) -> bool:
        presses.press()
        return go_on.wait(30)

    with pytest.raises(Cancelled) as caught:
        terminal.run(hang)
    go_on.set()
    assert caught.value.charge is Charge.NONE
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("answered", "words"), [(False, "you may be charged"), (True, "has arrived")])
def test_what_may_be_paid_for_is_waited_for_and_a_second_press_stops_it(
    terminal: Terminal,
    presses: Presses,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answered: bool,
    words: str,
) -> None:
    def work(attempt: RunThread[str], show: OnProgress) -> str:
        entry = Journal(tmp_path).begin(JOB, PLAN, source=b"pixels")
        attempt.entries.append(entry)
        entry.sending()
        entry.sent()
        if answered:
            entry.answered(Response(200, {}, b"answer"), Charge.CHARGED)
        presses.press()
        waited = threading.Event()
        attempt.cancel.on_change(lambda: waited.set() if attempt.cancel.is_set else None)
        assert not waited.wait(1.5), "let go of, not stopped"
        return "written"

    assert terminal.run(work) == "written"
    said = capsys.readouterr().err
    assert words in said
    assert "Press Ctrl-C again to stop immediately" in said


def test_words_that_nobody_reads_end_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, closed)
        with forgiving():
            for _ in range(2):
                terminal.say("a word")
                terminal.warn("a word")
                terminal.say_json({})
    for stream in (None, closed):
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, stream)
        with forgiving():
            terminal.say("a word")
            terminal.warn("a word")
            assert terminal.run(lambda attempt, show: 7) == 7


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def progressing(attempt: RunThread[None], show: OnProgress) -> None:
    show(Progress(Stage.UPLOADING, 30, 40))
    show(Progress(Stage.FITTING))


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_is_one_line_that_changes(
    presses: Presses, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    screen: Any = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    Terminal(presses, quiet=quiet).run(progressing)
    line = "\r\x1b[K"
    assert screen.getvalue() == ("" if quiet else f"{line}uploading 75%{line}fitting{line}")
