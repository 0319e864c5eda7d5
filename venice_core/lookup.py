"""A GET, which costs nothing and so may be repeated."""

from __future__ import annotations

import time
from collections.abc import Callable

from venice_core.cancel import Cancel
from venice_core.errors import Unanswered, Unlisted, VeniceError
from venice_core.providers import venice_refusals as refusals
from venice_core.retry import NotNow, seconds_before_repeat
from venice_core.transport import Request, Response, Transport

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0


def look_up(
    request: Request,
    cancel: Cancel,
    transport: Transport | None = None,
    clock: Callable[[], float] = time.time,
) -> Response:
    """The answer of a success. Raises a VeniceError, after the repeats that `retry` allows."""
    transport = transport or Transport(connect=CONNECT_SECONDS, read=READ_SECONDS)
    attempt = 1
    while True:
        outcome: VeniceError | NotNow
        try:
            response = transport.exchange(request, lambda _: None, cancel)
        except VeniceError as lost:
            error, outcome = lost, lost
        else:
            if 200 <= response.status < 300:
                return response
            error = refusals.failure(response, request.key)
            outcome = NotNow.of(response.headers) if refusals.is_busy(response) else error
        pause = seconds_before_repeat(outcome, attempt, clock(), method="GET")
        if pause is None:
            if isinstance(error, Unanswered):  # which is about what may have been charged
                raise Unlisted(error.detail, status=error.status, request_id=error.request_id) from error
            raise error
        attempt += 1
        cancel.wait(pause)
