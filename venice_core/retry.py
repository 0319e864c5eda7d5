"""Whether a request may be made once more: a pure decision.

A POST costs money. It is repeated once in all, and only where the provider cannot have worked on it:
not a byte of its body had left, or the provider itself said that it was busy.
"""

from __future__ import annotations

import contextlib
import email.utils
import math
from dataclasses import dataclass

from venice_core.errors import NoConnection, VeniceError

MAX_WAIT = 60.0
DEFAULT_WAIT = 2.0


@dataclass(frozen=True)
class Busy:
    """The provider's documented "not now": 429, or 503 as JSON, with the headers of these names, or ""."""

    retry_after: str = ""
    retry_after_ms: str = ""


def seconds_before_repeat(outcome: VeniceError | Busy, attempt: int, now: float) -> float | None:
    """How long to wait before the one repeat of a POST, in s; None: it must not be repeated.

    `attempt` counts from 1, `now` is Unix time in s.
    """
    if attempt > 1:
        return None
    if isinstance(outcome, Busy):
        named = _named_wait(outcome, now)
        return DEFAULT_WAIT if named is None else named if named <= MAX_WAIT else None
    if isinstance(outcome, NoConnection) and outcome.retryable:
        return 0.0
    return None


def _named_wait(busy: Busy, now: float) -> float | None:
    """In s, milliseconds first since they are the finer word; None where no header can be read."""
    with contextlib.suppress(ValueError):
        milliseconds = float(busy.retry_after_ms)
        if math.isfinite(milliseconds) and milliseconds >= 0:
            return milliseconds / 1000
    return parse_retry_after(busy.retry_after, now)


def parse_retry_after(value: str, now: float) -> float | None:
    """The header in s from `now`: seconds (whole or not) or an HTTP date; in the past is 0, else None."""
    try:
        seconds = float(value)
    except ValueError:
        parsed = email.utils.parsedate_tz(value)
        if parsed is None:
            return None
        try:
            seconds = email.utils.mktime_tz(parsed) - now
        except (OverflowError, ValueError):
            return None
        return max(0.0, seconds)
    return seconds if seconds >= 0 else None
