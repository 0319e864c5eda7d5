"""Decide whether a request may be repeated. Pure.

A POST costs money. It is repeated once at most, and only if the provider cannot have processed it: not a byte
of its body was sent, or the provider said that it was busy. A GET costs nothing and is repeated up to twice.
"""

from __future__ import annotations

from venice_core.errors import LostConnection, NoConnection, ServerFailure, VeniceError
from venice_core.network.rate_limit_headers import RetryHint, server_wait

MAX_WAIT = 60.0
DEFAULT_WAIT = 2.0
POST_REPEATS = 1
GET_REPEATS = 2
BACKOFF = 0.5
MAX_BACKOFF = 8.0


def seconds_before_repeat(
    outcome: VeniceError | RetryHint, attempt: int, now: float, *, method: str = "POST"
) -> float | None:
    """Return how long to wait before repeating a request, in s, or None if it must not be repeated.

    `attempt` counts from 1, `now` is Unix time. An error of the kind Busy is final: whoever raises it has
    waited already or does not want to.
    """
    if method == "GET":
        return _before_get(outcome, attempt, now)
    if attempt > POST_REPEATS:
        return None
    if isinstance(outcome, RetryHint):
        named = server_wait(outcome, now)
        return DEFAULT_WAIT if named is None else named if named <= MAX_WAIT else None
    if isinstance(outcome, NoConnection) and outcome.retryable:
        return 0.0
    return None


def _before_get(outcome: VeniceError | RetryHint, attempt: int, now: float) -> float | None:
    if attempt > GET_REPEATS:
        return None
    backoff = min(BACKOFF * 2 ** (attempt - 1), MAX_BACKOFF)
    if isinstance(outcome, RetryHint):
        named = server_wait(outcome, now)
        return backoff if named is None else named if named <= MAX_BACKOFF else None
    return backoff if isinstance(outcome, NoConnection | LostConnection | ServerFailure) else None
