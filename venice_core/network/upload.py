"""The body of a request while it is sent, with its progress."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence
from typing import Any, Protocol, cast

from requests_toolbelt import MultipartEncoder

from venice_core.cancellation import Cancel
from venice_core.network.connections import Sockets
from venice_core.network.messages import Request
from venice_core.progress import OnProgress, Progress, Stage

LAST_SECONDS = 0.2
"""How long the last bytes of a request may take after a detach."""
CHUNK = 64 * 1024


class _Readable(Protocol):
    def read(self, size: int, /) -> Any: ...


class Upload:
    """A body that reports its progress. `begun`: a byte may have been sent; `complete`: all have."""

    def __init__(
        self, body: _Readable, length: int, content_type: str, on_progress: OnProgress, cancel: Cancel
    ) -> None:
        self._body = body
        self._on_progress = on_progress
        self._cancel = cancel
        self.len = length
        self.content_type = content_type
        self.sent = 0
        self.begun = False
        self.complete = False

    @property
    def handed_out(self) -> bool:
        """Whether the last bytes have been passed to the system, though they may not have been sent."""
        return self.sent >= self.len

    def read(self, size: int = -1) -> bytes:
        self.complete = self.handed_out  # asked for more, so what was handed out has left
        self._cancel.check(sent=self.complete)
        self.begun = True
        chunk = cast("bytes", self._body.read(CHUNK if size < 0 else max(size, CHUNK)))
        self._on_progress(Progress(Stage.UPLOADING, self.sent, self.len))
        self.sent += len(chunk)
        if not chunk:
            self._on_progress(Progress(Stage.WAITING))
        return chunk

    @classmethod
    def of(cls, request: Request, on_progress: OnProgress, cancel: Cancel) -> Upload | None:
        """Return the body of a request, or None if it has none."""
        if request.json is not None:
            data = json.dumps(request.json).encode()
            return cls(io.BytesIO(data), len(data), "application/json", on_progress, cancel)
        if request.files or request.fields:
            encoder = MultipartEncoder(_parts(request))
            return cls(encoder, encoder.len, encoder.content_type, on_progress, cancel)
        return None


class Stop:
    """Ends an exchange as soon as it is cancelled."""

    def __init__(self, cancel: Cancel, upload: Upload | None, sockets: Sockets) -> None:
        self._cancel = cancel
        self._upload = upload
        self._sockets = sockets
        self._ended = False

    @property
    def is_due(self) -> bool:
        complete = self._upload is not None and self._upload.complete
        return self._ended or self._cancel.stops(sent=complete)

    def ask(self) -> None:
        """Check whether the cancellation requires an end."""
        if self._upload is None or not self._upload.handed_out or self._cancel.is_set:
            self._end_if_due()
            return
        # in a moment it will have left wholly, and its answer is waited for; or else it hangs
        later = threading.Timer(LAST_SECONDS, self._end_if_due)
        later.daemon = True
        later.start()

    def _end_if_due(self) -> None:
        if self.is_due:
            self._ended = True
            self._sockets.end()


def _parts(request: Request) -> Sequence[tuple[str, Any]]:
    return [
        *request.fields,
        *((file.name, (file.filename, file.data, file.media_type)) for file in request.files),
    ]
