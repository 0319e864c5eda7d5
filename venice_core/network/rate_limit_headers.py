"""What a response's headers say about rate limits and when to ask again."""

from __future__ import annotations

import contextlib
import email.utils
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

# As OpenAI tells when a limit is reset: "6m0s", "1.5s", "20ms".
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_MILLISECONDS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*ms\s*", re.IGNORECASE)


@dataclass(frozen=True)
class RetryHint:
    """The headers of a documented "busy" response (429, or 503 with JSON), each "" if missing."""

    retry_after: str = ""
    retry_after_ms: str = ""
    ratelimit_reset: str = ""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> RetryHint:
        """Create it from headers with lower-case names.

        Venice counts failed requests separately from all requests; the count that is exhausted matters.
        """
        resets = [headers.get(name, "") for name in ("x-ratelimit-reset-requests", "x-ratelimit-resets")]
        if headers.get("x-ratelimit-remaining") == "0":
            resets.reverse()
        return cls(
            headers.get("retry-after", ""),
            headers.get("retry-after-ms", ""),
            resets[0] or resets[1],
        )


def server_wait(busy: RetryHint, now: float) -> float | None:
    """Return the wait that the provider asks for, in s, preferring the more precise milliseconds.

    None if no header can be parsed.
    """
    with contextlib.suppress(ValueError):
        milliseconds = float(busy.retry_after_ms)
        if math.isfinite(milliseconds) and milliseconds >= 0:
            return milliseconds / 1000
    after = parse_retry_after(busy.retry_after, now)
    return parse_reset(busy.ratelimit_reset, now) if after is None else after


def parse_retry_after(value: str, now: float) -> float | None:
    """Parse seconds, "1500ms" or an HTTP date as s from `now`, 0 for the past; None if malformed."""
    if matched := _MILLISECONDS.fullmatch(value):
        return float(matched[1]) / 1000
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


def parse_limit(headers: Mapping[str, str], now: float) -> tuple[int, float] | None:
    """Return how many more requests are allowed, and the s from `now` until that is reset.

    None unless both `x-ratelimit-…` headers (lower-case names) are there and can be parsed.
    """
    left = headers.get("x-ratelimit-remaining-requests", "")
    seconds = parse_reset(headers.get("x-ratelimit-reset-requests", ""), now)
    if not (left.isascii() and left.isdigit() and len(left) < 10) or seconds is None:
        return None
    return int(left), seconds


def parse_reset(value: str, now: float) -> float | None:
    """Parse `x-ratelimit-reset-requests` as s from `now`; None if malformed.

    From 1e12 it is Unix time in ms, from 1e9 in s, else a duration in s or in a form such as "6m0s".
    """
    try:
        number = float(value)
    except ValueError:
        return _parse_duration(value)
    if not math.isfinite(number) or number < 0:
        return None
    if number >= 1e12:
        return max(0.0, number / 1000 - now)
    return max(0.0, number - now) if number >= 1e9 else number


def _parse_duration(value: str) -> float | None:
    matched = _DURATION.fullmatch(value.strip())
    if not matched or not any(matched.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in matched.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
