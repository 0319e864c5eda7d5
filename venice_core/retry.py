"""Whether a request may be made once more: a pure decision.

A POST costs money. It is repeated once in all, and only where the provider cannot have worked on it:
not a byte of its body had left, or the provider itself said that it was busy.
"""

from __future__ import annotations

import email.utils
import math
from dataclasses import dataclass

from venice_core.errors import NoConnection, VeniceError

MAX_WAIT = 60.0
DEFAULT_WAIT = 2.0


@dataclass(frozen=True)
class Busy:
    """The provider's documented "not now": 429, or 503 as JSON. `retry_after` is that header, or ""."""

    retry_after: str = ""


def seconds_before_repeat(outcome: VeniceError | Busy, attempt: int, now: float) -> float | None:
    """How long to wait before the one repeat of a POST, in s; None: it must not be repeated.

    `attempt` counts from 1, `now` is Unix time in s.
    """
    if attempt > 1:
        return None
    if isinstance(outcome, Busy):
        if not outcome.retry_after:
            return DEFAULT_WAIT
        named = parse_retry_after(outcome.retry_after, now)
        return DEFAULT_WAIT if named is None else named if named <= MAX_WAIT else None
    if isinstance(outcome, NoConnection) and outcome.retryable:
        return 0.0
    return None


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
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
