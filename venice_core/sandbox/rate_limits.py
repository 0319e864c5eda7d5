"""Count requests under way and requests in this minute."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from venice_core.sandbox.switches import Switches

MINUTE = 60.0  # s
FAILURES_WINDOW = 30.0  # s


@dataclass(frozen=True)
class Allowance:
    """What a response reports about the rate limit."""

    now: float  # Unix time, s
    limit: int = 20
    remaining: int = 19
    left: float = MINUTE  # s until the count starts afresh
    wait: int | None = None
    """In s, if the request is refused."""

    def headers(self, reset_format: str) -> dict[str, str]:
        """Return the x-ratelimit headers; the reset is in Unix ms (`ms`), Unix s (`s`) or s (`duration`)."""
        resets = {
            "ms": int((self.now + self.left) * 1000),
            "s": math.ceil(self.now + self.left),
            "duration": math.ceil(self.left),
        }
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": str(resets[reset_format]),
        }

    def budget_headers(self) -> dict[str, str]:
        """Return the headers for the number of failed requests when it is exhausted."""
        reset = int((self.now + FAILURES_WINDOW) * 1000)
        return {"x-ratelimit-remaining": "0", "x-ratelimit-resets": str(reset)}

    def openai_headers(self) -> dict[str, str]:
        """Return the headers as OpenAI has them, with the reset as a duration."""
        reset = {"x-ratelimit-reset-requests": duration(self.left)}
        return self.headers("ms") | reset


def duration(seconds: float) -> str:
    """Format as "20ms", "1.5s" or "6m0s", as Go does."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return (f"{minutes}m" if minutes else "") + f"{rest / 1000:g}s"


class Traffic:
    """The counts behind `at_once` and `rate`; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way = 0
        self._used = 0
        self._ends = 0.0

    @contextmanager
    def passing(self, method: str, switches: Switches) -> Iterator[Allowance]:
        """Count a request while it is answered and yield its allowance; refused requests do not count."""
        with self._lock:
            allowance = self._allow(switches)
            counted = method == "POST" and allowance.wait is None
            self._under_way += counted
        try:
            yield allowance
        finally:
            with self._lock:
                self._under_way -= counted

    def forget(self) -> None:
        """Start a new minute with the next request."""
        with self._lock:
            self._used, self._ends = 0, 0.0

    def _allow(self, switches: Switches) -> Allowance:
        now = self._clock()
        if switches.at_once is not None and self._under_way >= switches.at_once:
            return Allowance(now, wait=1)
        if switches.rate is None:
            return Allowance(now)
        if now >= self._ends:
            self._used, self._ends = 0, now + MINUTE
        left = self._ends - now
        if self._used >= switches.rate:
            return Allowance(now, switches.rate, 0, left, wait=math.ceil(left))
        self._used += 1
        return Allowance(now, switches.rate, switches.rate - self._used, left)
