"""Execute a run in its own thread, so that its caller can react to a cancellation meanwhile."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from venice_core.cancellation import Cancel
from venice_core.errors import Cancelled, Charge, VeniceError
from venice_core.records.entry import Entry, Status

log = logging.getLogger(__name__)

T = TypeVar("T")

_SENT = (Status.SENT, Status.ANSWERED, Status.DONE, Status.PLACED)
_OVER = (Status.DONE, Status.PLACED, Status.FAILED, Status.CANCELLED)


class RunThread(threading.Thread, Generic[T]):
    """Runs `work(attempt)` and passes the outcome to `tell`.

    `over` is set before the end is reported, so that whoever receives it can start the next run at once.
    (Joining the thread would not do: until Python 3.13, a signal during a join marks the thread as ended.)
    """

    def __init__(self, work: Callable[[RunThread[T]], T], tell: Callable[[T | VeniceError], None]) -> None:
        super().__init__(name="attempt", daemon=True)
        self.cancel = Cancel()
        self.over = threading.Event()
        self.entries: list[Entry] = []
        self._work = work
        self._tell = tell
        self._reporting = threading.Lock()
        self._reported = False

    @property
    def sent(self) -> bool:
        """Whether a request was sent completely and not turned away, so that it may be charged."""
        return any(entry.status in _SENT for entry in self.entries)

    def run(self) -> None:
        outcome: T | VeniceError
        work = self._work
        del self._work  # what it holds, such as a selection, would take memory as long as the thread is kept
        try:
            outcome = work(self)
        except VeniceError as error:
            outcome = error
        except Exception as error:
            log.exception("job failed")
            outcome = VeniceError(f"{type(error).__name__}: {error}", charge=self._charge())
        self.cancel.forget()
        self._end(outcome)

    def let_go(self, seconds: float) -> bool:
        """End what has not been sent completely, waiting briefly; return whether anything goes on.

        What goes on may be charged.
        """
        self.cancel.let_go()
        if not any(entry.status is Status.SENT for entry in self.entries):
            self.over.wait(seconds)  # what has been answered already can still be reported
        if self.over.is_set():
            return False
        if self.sent:
            return True
        self.abandon()
        return False

    def stop(self, seconds: float) -> None:
        """End the run for good."""
        self.cancel.set()
        if not self.over.wait(seconds):  # it hangs where nothing wakes it, such as a name look-up
            self.abandon()

    def abandon(self) -> None:
        """Report a cancellation although the thread still hangs."""
        for entry in self.entries:
            if entry.status not in _OVER:
                charge = Charge(entry.record["charge"]) if entry.status in _SENT else Charge.NONE
                with contextlib.suppress(OSError):
                    entry.failed(Cancelled(charge=charge))
        self._end(Cancelled(charge=self._charge()))

    def _charge(self) -> Charge:
        """Return the most serious charge that the journal knows of."""
        return Charge.gravest(Charge(entry.record["charge"]) for entry in self.entries)

    def _end(self, outcome: T | VeniceError) -> None:
        with self._reporting:
            self.over.set()
            if not self._reported:
                self._reported = True
                self._tell(outcome)
