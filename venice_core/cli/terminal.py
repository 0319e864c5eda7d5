"""The terminal while something is sent: text, progress, and Ctrl-C."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from venice_core.cli.interrupts import Interrupts
from venice_core.cli.streams import unfiltered
from venice_core.errors import Cancelled, VeniceError
from venice_core.execution.run_thread import RunThread
from venice_core.progress import OnProgress, Progress
from venice_core.records.entry import Status

ABORT_SECONDS = 1.0
LOOK_SECONDS = 0.05
CLEARED = "\r\x1b[K"
"""Clears the line for what is written next."""

T = TypeVar("T")


class Terminal:
    """Output for the user; with `quiet`, standard output gets only a JSON object, and progress is hidden.

    Standard output and error must be those of `streams.forgiving`.
    """

    def __init__(self, interrupts: Interrupts, *, quiet: bool) -> None:
        self.interrupts = interrupts
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Print on standard output."""
        if not self._quiet:
            print(text, flush=True)

    def say_json(self, value: dict[str, Any]) -> None:
        """Print the JSON object."""
        print(json.dumps(value), flush=True)

    def warn(self, text: str) -> None:
        """Print on standard error."""
        print(text, file=sys.stderr, flush=True)

    def run(self, work: Callable[[RunThread[T], OnProgress], T]) -> T:
        """Run `work` in a thread and return its result; Ctrl-C detaches from it or stops it.

        Raises Cancelled, and starts nothing, if Ctrl-C was pressed before.
        """
        if self.interrupts.heard():
            raise Cancelled()
        outcome: list[T | VeniceError] = []
        attempt: RunThread[T] = RunThread(lambda attempt: work(attempt, self._shown(attempt)), outcome.append)
        attempt.start()
        let_go = False
        while not attempt.over.wait(LOOK_SECONDS):
            if self.interrupts.heard() and not let_go:
                let_go = True
                if attempt.let_go(ABORT_SECONDS):
                    self.warn(f"\n{_goes_on(attempt)} Press Ctrl-C again to stop immediately.")
            elif self.interrupts.heard() > 1:
                attempt.stop(ABORT_SECONDS)
        while not outcome:  # `over` is set a moment before it is reported
            attempt.join(0.01)
        if self._watched:
            _show(CLEARED)
        if isinstance(outcome[0], VeniceError):
            raise outcome[0]
        return outcome[0]

    def _shown(self, attempt: RunThread[T]) -> OnProgress:
        def show(progress: Progress) -> None:
            if not attempt.over.is_set():
                share = f" {100 * progress.done // progress.total}%" if progress.total else ""
                _show(f"{CLEARED}{progress.stage.value}{share}")

        return show if self._watched else lambda _: None

    @property
    def _watched(self) -> bool:
        """Whether anybody sees progress."""
        return not self._quiet and sys.stderr.isatty()


def _goes_on(attempt: RunThread[T]) -> str:
    if any(entry.status is Status.SENT for entry in attempt.entries):
        return "The request was already sent, and you may be charged. Waiting for the result."
    return "The result has arrived and is being processed."


def _show(line: str) -> None:
    """Print a line with cursor movements."""
    print(line, end="", file=unfiltered(sys.stderr), flush=True)
