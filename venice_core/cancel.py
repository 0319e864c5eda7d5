"""A way to stop: set once, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from venice_core.errors import Cancelled


class Cancel:
    """Whoever works checks it; whoever must be woken registers a callback."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._wake: list[Callable[[], None]] = []

    def set(self) -> None:
        with self._lock:
            self._event.set()
            callbacks = list(self._wake)
        for callback in callbacks:
            callback()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def on_set(self, callback: Callable[[], None]) -> None:
        """Calls it when set; at once if that has happened."""
        with self._lock:
            self._wake.append(callback)
            already = self._event.is_set()
        if already:
            callback()

    def check(self) -> None:
        """Raises Cancelled once it is set."""
        if self._event.is_set():
            raise Cancelled()

    def wait(self, seconds: float) -> None:
        """Sleeps; raises Cancelled as soon as it is set."""
        self._event.wait(seconds)
        self.check()
