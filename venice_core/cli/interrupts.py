"""Ctrl-C as something that is asked about, not as an exception: it must not end what is paid for half-way.

The session's wish to end (SIGTERM) and the terminal's end (SIGHUP) count as Ctrl-C.
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
"""In s: within that, two signals are one press, which a program between passed on once more."""


class Interrupts:
    """Hears them while it is entered. What is ignored on purpose, such as by nohup, stays ignored."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = 0
        self._clock = clock
        self._latest = -_ONE_PRESS
        self._before: dict[int, Any] = {}

    def heard(self) -> int:
        """How often the person asked to stop."""
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
        """No lock is taken here: whoever holds it may be what was interrupted."""
        now = self._clock()
        if now - self._latest >= _ONE_PRESS:
            # a terminal that is gone asks once, and nobody is left to ask again
            hung_up = number == getattr(signal, "SIGHUP", 0)
            self._count = max(self._count, 1) if hung_up else self._count + 1
        self._latest = now
