"""Cancellation, requested once from any thread.

There are two kinds: `set` ends everything; `let_go` ends what has not been sent completely, and leaves alone
what may already have been charged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from venice_core.errors import Cancelled


class Cancel:
    """A request to stop. Working code checks it; code that must be woken registers a callback."""

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
        """Return whether an exchange is to end; `sent` tells whether its request was sent completely."""
        return self._set.is_set() if sent else self._let_go.is_set()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` when `set` or `let_go` is called; at once if one already was."""
        with self._lock:
            self._wake.append(callback)
            already = self._let_go.is_set()
        if already:
            callback()

    def forget(self) -> None:
        """Forget all callbacks and what they refer to."""
        with self._lock:
            self._wake.clear()

    def check(self, *, sent: bool = False) -> None:
        """Raise Cancelled if `stops` says so."""
        if self.stops(sent=sent):
            raise Cancelled()

    def wait(self, seconds: float) -> None:
        """Sleep while nothing is under way. Raises Cancelled as soon as there is a reason."""
        self._let_go.wait(seconds)
        self.check()


class Paid(Cancel):
    """A cancellation for what has already been paid for: `let_go` does not stop it."""

    def __init__(self, cancel: Cancel) -> None:
        super().__init__()
        cancel.on_change(lambda: self.set() if cancel.is_set else None)
