"""Ctrl-C as a flag rather than an exception: it must not end what has been paid for halfway.

Requests of the session to end (SIGTERM) and the end of the terminal (SIGHUP) count as Ctrl-C.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
_ONE_PRESS = 0.1
"""In s: two signals within this time are one key press, forwarded by a program in between."""


class Interrupts:
    """Records interrupts while it is entered. Those ignored on purpose, such as by nohup, stay ignored."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = 0
        self._clock = clock
        self._latest = -_ONE_PRESS
        self._before: dict[int, Any] = {}

    def heard(self) -> int:
        """Return how often the user asked to stop."""
        return self._count

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # only there can signals be handled
            for number in (getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        """Record a signal without taking a lock, which the interrupted code may hold."""
        now = self._clock()
        if now - self._latest >= _ONE_PRESS:
            # a terminal that is gone asks once, and nobody is left to ask again
            hung_up = number == getattr(signal, "SIGHUP", 0)
            self._count = max(self._count, 1) if hung_up else self._count + 1
        self._latest = now
