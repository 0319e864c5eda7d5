"""Limit how fast requests are sent: as many per period, and at a time, as the provider allows."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from venice_core.cancellation import Cancel
from venice_core.errors import Busy
from venice_core.network.rate_limit_headers import parse_limit
from venice_core.network.retry import MAX_WAIT

LOOK_SECONDS = 0.1


class RateLimiter:
    """Shared by all requests with the same key. Nothing waits until the provider has announced limits."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Condition()
        self._left: int | None = None
        self._reset = 0.0
        self._under_way = 0
        self._most: int | None = None

    def update(self, headers: Mapping[str, str]) -> None:
        """Update the limits from `x-ratelimit-…` headers (lower-case names), if both are present."""
        now = self._clock()
        limit = parse_limit(headers, now)
        if limit is None:
            return
        with self._lock:
            self._left, seconds = limit
            self._reset = now + seconds

    @contextlib.contextmanager
    def slot(self, cancel: Cancel, on_wait: Callable[[float], None] = lambda _: None) -> Iterator[None]:
        """Hold a slot for one exchange, once `wait` and the number of requests under way allow it."""
        self.wait(cancel, on_wait)
        with self._lock:
            if self._is_full():
                on_wait(0.0)
            while self._is_full():
                self._lock.wait(LOOK_SECONDS)
                cancel.check()
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
                self._lock.notify_all()

    def lower_concurrency(self) -> None:
        """Allow no more requests at a time than are now under way, because one was turned away.

        From now on the next one waits until one of them has ended, until `reset` is called.
        """
        with self._lock:
            self._most = max(1, self._under_way)

    def reset(self) -> None:
        """Lift the limit on simultaneous requests, for a new run."""
        with self._lock:
            self._most = None

    def _is_full(self) -> bool:
        return self._most is not None and self._under_way >= self._most

    def wait(self, cancel: Cancel, on_wait: Callable[[float], None] = lambda _: None) -> None:
        """Wait until another request may be sent; `on_wait` receives the length of each wait in s.

        Raises Busy if that would take more than `retry.MAX_WAIT` s, and Cancelled.
        """
        while True:
            seconds = self._take()
            if seconds <= 0:
                return
            if seconds > MAX_WAIT:
                raise Busy(f"the rate limit resets in {seconds:.0f} s")
            on_wait(seconds)
            cancel.wait(seconds)

    def _take(self) -> float:
        """Return 0 if a request may be sent, and count it; otherwise how long to wait, in s."""
        with self._lock:
            left = self._reset - self._clock()
            if self._left is None or left <= 0:
                self._left = None
                return 0.0
            if self._left > 0:
                self._left -= 1
                return 0.0
            return left
