"""A run in a thread of its own: let go of, stopped, abandoned, and its end told once."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import wait_for

from venice_core.errors import Busy, Cancelled, Charge, LostConnection, VeniceError
from venice_core.execution.run_thread import RunThread
from venice_core.geometry.rectangles import Bounds
from venice_core.job import Action, Job, Options
from venice_core.network.messages import Response
from venice_core.planning.planner import make_plan
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.records.entry import Entry, Status
from venice_core.records.journal import Journal
from venice_core.secret import Secret

WHOLE = Bounds(0, 0, 256, 256)
JOB = Job(Action.EDIT, WHOLE, WHOLE.extent, None, Options(prompt="a hat"))
PLAN = make_plan(JOB, None, Venice(Secret(""), catalogue=packaged_catalogue()).capabilities)
ANSWER = Response(200, {}, b"answer")

# how far an entry has come, by name
ADVANCES: dict[str, Callable[[Entry], Any]] = {
    "planned": lambda entry: None,
    "sending": lambda entry: entry.sending(),
    "turned away": lambda entry: (entry.sending(), entry.sent(), entry.turned_away()),
    "sent": lambda entry: (entry.sending(), entry.sent()),
    "answered": lambda entry: (entry.sending(), entry.sent(), entry.answered(ANSWER, Charge.CHARGED)),
    "done": lambda entry: (entry.sending(), entry.answered(ANSWER, Charge.CHARGED), entry.done()),
    "placed": lambda entry: (entry.sending(), entry.answered(ANSWER, Charge.CHARGED), entry.placed()),
    "failed": lambda entry: (entry.sending(), entry.failed(Busy("later"))),
}


class Run:
    """An attempt whose work has come so far with each of its requests and hangs, until it is let on.

    `heeds`: it ends when its cancel says so, as the transport does.
    """

    def __init__(self, folder: Path, *states: str, heeds: bool = True) -> None:
        self.told: list[Any] = []
        self.go_on = threading.Event()
        self.outcome: Any = "the result"
        self.reached = threading.Event()
        journal = Journal(folder)
        entries = [journal.begin(JOB, PLAN, source=b"pixels") for _ in states]
        for entry, state in zip(entries, states, strict=True):
            ADVANCES[state](entry)
        self.attempt: RunThread[Any] = RunThread(self._work, self.told.append)
        self.attempt.entries += entries
        self.heeds = heeds
        self.attempt.start()
        assert self.reached.wait(10)

    def _work(self, attempt: RunThread[Any]) -> Any:
        def wake() -> None:
            if self.heeds and attempt.cancel.stops(sent=attempt.sent):
                self.outcome = Cancelled()
                self.go_on.set()

        attempt.cancel.on_change(wake)
        self.reached.set()
        self.go_on.wait(30)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def end(self) -> Any:
        self.go_on.set()
        wait_for(lambda: self.told)
        self.attempt.join(10)
        assert len(self.told) == 1, "the end was told more than once"
        return self.told[0]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(*states: str, **more: Any) -> Run:
        runs.append(Run(tmp_path / "jobs", *states, **more))
        return runs[-1]

    yield start
    for run in runs:
        run.go_on.set()
        run.attempt.join(10)


def on_disk(run: Run) -> list[tuple[str, str]]:
    folder = run.attempt.entries[0].folder.parent
    entries = [Journal(folder).get(entry.id) for entry in run.attempt.entries]
    return [(entry.status.value, entry.record["charge"]) for entry in entries]


# The end


def test_what_came_of_it_is_told_once(begin: Any) -> None:
    run = begin("sent")
    assert not run.attempt.over.is_set()
    assert run.end() == "the result"
    assert run.attempt.over.is_set()


def test_it_is_over_before_its_end_is_told(tmp_path: Path) -> None:
    seen: list[bool] = []
    attempt: RunThread[int] = RunThread(lambda _: 7, lambda _: seen.append(attempt.over.is_set()))
    attempt.start()
    attempt.join(10)
    assert seen == [True]


def test_an_error_of_the_tree_is_told_as_it_is(begin: Any) -> None:
    run = begin("sent")
    run.outcome = LostConnection("reset", request_id="r")
    assert run.end() is run.outcome


@pytest.mark.parametrize(
    ("states", "charge"),
    [
        ([], Charge.NONE),
        (["planned"], Charge.NONE),
        (["sending"], Charge.POSSIBLE),
        (["sent"], Charge.POSSIBLE),
        (["answered"], Charge.CHARGED),
        (["failed"], Charge.NONE),
        (["planned", "failed", "sent"], Charge.POSSIBLE),
        (["sent", "answered", "planned"], Charge.CHARGED),
    ],
)
def test_any_other_exception_becomes_an_error_with_the_journals_charge(
    begin: Any, states: list[str], charge: Charge
) -> None:
    run = begin(*states)
    run.outcome = ZeroDivisionError("by accident")
    error = run.end()
    assert isinstance(error, VeniceError)
    assert error.detail == "ZeroDivisionError: by accident"
    assert error.charge is charge


# Letting go


@pytest.mark.parametrize(
    ("states", "goes_on"),
    [
        (["planned"], False),
        (["sending"], False),
        (["turned away"], False),
        (["failed"], False),
        (["sent"], True),
        (["answered"], True),
        (["done"], True),  # it is being put in place
        (["placed"], True),  # its end is about to be told
        (["sending", "planned", "sent"], True),
        (["sending", "turned away"], False),
    ],
)
def test_letting_go_ends_only_what_is_not_wholly_sent(begin: Any, states: list[str], goes_on: bool) -> None:
    run = begin(*states)
    assert run.attempt.sent == goes_on
    assert run.attempt.let_go(0.1 if goes_on else 10) == goes_on
    if goes_on:
        assert not run.told
        assert not run.attempt.over.is_set()
        assert run.end() == "the result"
    else:
        assert isinstance(run.end(), Cancelled)


def test_letting_go_of_what_has_ended_is_nothing(begin: Any) -> None:
    run = begin("sent")
    run.end()
    assert run.attempt.let_go(10) is False
    assert run.told == ["the result"]


def test_what_does_not_end_when_let_go_of_is_abandoned(begin: Any) -> None:
    run = begin("sending", heeds=False)
    assert run.attempt.let_go(0.05) is False
    (error,) = run.told
    assert isinstance(error, Cancelled)
    assert error.charge is Charge.NONE
    assert on_disk(run) == [("cancelled", "none")]
    assert run.end() is error, "what comes later is not told"


def test_what_is_sent_while_it_is_let_go_of_goes_on(begin: Any) -> None:
    run = begin("sending", heeds=False)
    timer = threading.Timer(0.02, run.attempt.entries[0].sent)
    timer.start()
    assert run.attempt.let_go(0.3) is True
    assert not run.told
    assert run.end() == "the result"


# Stopping for good


@pytest.mark.parametrize("state", list(ADVANCES))
def test_stopping_ends_it_whatever_it_has_come_to(begin: Any, state: str) -> None:
    run = begin(state)
    run.attempt.stop(10)
    assert run.attempt.over.is_set()
    assert isinstance(run.end(), Cancelled)


@pytest.mark.parametrize(
    ("states", "charge", "left"),
    [
        (["planned"], Charge.NONE, [("cancelled", "none")]),
        (["sending"], Charge.NONE, [("cancelled", "none")]),  # not wholly sent: nobody has understood it
        (["turned away"], Charge.NONE, [("cancelled", "none")]),
        (["sent"], Charge.POSSIBLE, [("cancelled", "possible")]),
        (["answered"], Charge.CHARGED, [("cancelled", "charged")]),
        (["done"], Charge.CHARGED, [("done", "charged")]),
        (["placed"], Charge.CHARGED, [("placed", "charged")]),
        (
            ["done", "sent", "failed", "sending"],
            Charge.CHARGED,
            [("done", "charged"), ("cancelled", "possible"), ("failed", "none"), ("cancelled", "none")],
        ),
    ],
)
def test_what_hangs_is_abandoned_and_the_journal_says_what_is_known(
    begin: Any, states: list[str], charge: Charge, left: list[tuple[str, str]]
) -> None:
    run = begin(*states, heeds=False)
    run.attempt.stop(0.05)
    (error,) = run.told
    assert isinstance(error, Cancelled)
    assert error.charge is charge
    assert on_disk(run) == left
    assert run.end() is error


def test_the_answer_of_an_abandoned_run_stays(begin: Any) -> None:
    run = begin("answered", heeds=False)
    run.attempt.stop(0.05)
    (entry,) = run.attempt.entries
    assert (entry.folder / "answer.bin").read_bytes() == b"answer"
    assert entry.status is Status.CANCELLED


def test_a_full_disk_does_not_keep_the_end_from_being_told(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin("sent", heeds=False)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("venice_core.records.entry.write_atomically", full)
    run.attempt.stop(0.05)
    assert isinstance(run.told[0], Cancelled)


def test_abandoned_and_ended_at_once_is_told_once(tmp_path: Path) -> None:
    for _ in range(100):
        told: list[Any] = []
        start = threading.Barrier(2)
        attempt: RunThread[int] = RunThread(lambda _, start=start: start.wait(), told.append)  # type: ignore[misc]
        attempt.start()
        start.wait()
        attempt.abandon()
        attempt.join(10)
        assert len(told) == 1


def test_what_it_works_on_takes_no_memory_afterwards() -> None:
    class Large:
        pass

    large = Large()
    left = weakref.ref(large)
    thread: RunThread[bool] = RunThread(lambda _, held=large: bool(held), lambda _: None)
    del large
    assert left() is not None
    thread.start()
    thread.join(10)
    assert left() is None
