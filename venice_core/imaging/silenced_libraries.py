"""Silence libraries that write to standard error on their own."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator

_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def silenced_libraries() -> Iterator[None]:
    """Suppress warnings and everything written to file descriptor 2, as C libraries do.

    Messages for the user use another descriptor: see `venice_core.cli.streams.forgiving`.
    """
    with _one_at_a_time, warnings.catch_warnings(), contextlib.ExitStack() as stack:
        warnings.simplefilter("ignore")
        with contextlib.suppress(OSError):  # there may be no standard error
            kept = os.dup(2)
            stack.callback(os.close, kept)
            null = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, null)
            os.dup2(null, 2)
            stack.callback(os.dup2, kept, 2)
        yield
