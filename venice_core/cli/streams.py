"""Text for the terminal: only what it can show, no control characters, and never a reason to stop."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""All except tabs and line breaks, including those that change the writing direction."""


def plain(text: str) -> str:
    """Return `text` without control characters, so that a server, prompt or file name moves no cursor."""
    return _CONTROLS.sub("\ufffd", text)


class Stream:
    """Standard output or error; what cannot be shown is replaced, and discarded once nobody reads it."""

    def __init__(self, inner: TextIO, *, filtered: bool = True) -> None:
        self.inner = inner
        self._filtered = filtered
        if isinstance(inner, io.TextIOWrapper):
            inner.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        shown = plain(text) if self._filtered else text
        with self._let_go():
            try:
                self.inner.write(shown)
            except UnicodeError:
                self.inner.write(shown.encode("ascii", "replace").decode("ascii"))
        return len(text)

    def flush(self) -> None:
        with self._let_go():
            self.inner.flush()

    @contextlib.contextmanager
    def _let_go(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):  # what is left in it would fail again at the end
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self.inner.fileno())
                os.close(null)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@contextlib.contextmanager
def forgiving() -> Iterator[None]:
    """Replace standard output and error by such streams; one that is closed discards its output."""
    before = sys.stdout, sys.stderr
    with Path(os.devnull).open("w") as nothing, contextlib.ExitStack() as stack:
        out, error = (nothing if each is None or each.closed else each for each in before)
        usable = out, stack.enter_context(_under_another_number(error))
        sys.stdout, sys.stderr = (cast("TextIO", Stream(each)) for each in usable)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = before


@contextlib.contextmanager
def _under_another_number(stream: TextIO) -> Iterator[TextIO]:
    """Yield the same file under another descriptor than 2, which `quiet` redirects temporarily."""
    try:
        stream.flush()
        number = os.dup(stream.fileno())
    except (OSError, ValueError):  # it is no file
        yield stream
        return
    with os.fdopen(number, "w", buffering=1, encoding=stream.encoding) as own:
        yield own


def unfiltered(stream: TextIO) -> TextIO:
    """Return a stream that may contain cursor movements and colors."""
    inner = stream.inner if isinstance(stream, Stream) else stream
    return cast("TextIO", Stream(inner, filtered=False))
