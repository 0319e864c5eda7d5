"""GET requests, which cost nothing and may therefore be repeated."""

from __future__ import annotations

import time
from collections.abc import Callable

from venice_core.cancellation import Cancel
from venice_core.errors import LookupFailed, NoUsableAnswer, VeniceError
from venice_core.network.messages import Request, Response
from venice_core.network.rate_limit_headers import RetryHint
from venice_core.network.refusal_reader import RefusalReader
from venice_core.network.retry import seconds_before_repeat
from venice_core.network.transport import Transport
from venice_core.progress import OnProgress

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0


def look_up(
    request: Request,
    reader: RefusalReader,
    cancel: Cancel,
    transport: Transport | None = None,
    *,
    enough: int = 300,
    on_progress: OnProgress = lambda _: None,
    clock: Callable[[], float] = time.time,
) -> Response:
    """Return the response if its status is below `enough` (by default: a success).

    Raises a VeniceError, as interpreted by `reader`, after the retries that `retry` allows.
    """
    transport = transport or Transport(connect=CONNECT_SECONDS, read=READ_SECONDS)
    attempt = 1
    while True:
        outcome: VeniceError | RetryHint
        try:
            response = transport.exchange(request, on_progress, cancel)
        except VeniceError as lost:
            error, outcome = lost, lost
        else:
            if 200 <= response.status < enough:
                return response
            error = reader.failure(response)
            outcome = RetryHint.of(response.headers) if reader.is_busy(response) else error
        pause = seconds_before_repeat(outcome, attempt, clock(), method="GET")
        if pause is None:
            if isinstance(error, NoUsableAnswer):  # which is about what may have been charged
                raise LookupFailed(error.detail, status=error.status, request_id=error.request_id) from error
            raise error
        attempt += 1
        cancel.wait(pause)
