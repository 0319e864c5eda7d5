"""A way to stop: set once, from any thread.

There are two ways: `set` ends everything; `let_go` ends what has not been wholly sent, and leaves alone
what may be paid for already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from venice_core.errors import Cancelled


class Cancel:
    """Whoever works checks it; whoever must be woken registers a callback."""

    def __init__(self) -> None:
        self._set = threading.Event()
        self._let_go = threading.Event()
        self._lock = threading.Lock()
        self._wake: list[Callable[[], None]] = []

    def set(self) -> None:
        self._end(self._set, self._let_go)

    def let_go(self) -> None:
        self._end(self._let_go)

    def _end(self, *events: threading.Event) -> None:
        with self._lock:
            for event in events:
                event.set()
            callbacks = list(self._wake)
        for callback in callbacks:
            callback()

    @property
    def is_set(self) -> bool:
        return self._set.is_set()

    def stops(self, *, sent: bool) -> bool:
        """Whether an exchange is to end; `sent`: its request has left wholly."""
        return self._set.is_set() if sent else self._let_go.is_set()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Calls it when set or let go; at once if that has happened."""
        with self._lock:
            self._wake.append(callback)
            already = self._let_go.is_set()
        if already:
            callback()

    def forget(self) -> None:
        """Nobody is woken any more; what they hold on to can go."""
        with self._lock:
            self._wake.clear()

    def check(self, *, sent: bool = False) -> None:
        """Raises Cancelled where `stops` says so."""
        if self.stops(sent=sent):
            raise Cancelled()

    def wait(self, seconds: float) -> None:
        """Sleeps, with nothing under way; raises Cancelled as soon as there is a reason to."""
        self._let_go.wait(seconds)
        self.check()


class Paid(Cancel):
    """The same for what is paid for already: letting go does not stop it."""

    def __init__(self, cancel: Cancel) -> None:
        super().__init__()
        cancel.on_change(lambda: self.set() if cancel.is_set else None)
