"""Messages between a front end and the worker: one JSON object per line, UTF-8, on standard input and output.

    To the worker:   {"id": n, "method": name, "params": {…}}
    From the worker: {"id": n, "event": "result", "value": …}
                     {"id": n, "event": "error", "error": {"kind", "message", "detail", "charge", …}} {"id":
                     n, "event": "progress", "stage": …, "done": …, "total": …, "seconds": …} {"id": n,
                     "event": "detached", "message": …}: the answer will be in the journal {"id": 0, "event":
                     "news"}: there is a newer list of models; plans may have changed

The worker sends the first message: {"id": 0, "event": "hello", "protocol": 1, "version", "folder"}. Pixels
are exchanged as raw files in that folder. A host that can only save and load pictures has `decode` convert
them to raw pixels, and `encode` convert them back.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any, BinaryIO

from venice_core.errors import BadInput, VeniceError
from venice_core.messages import sentence
from venice_core.progress import Progress

PROTOCOL = 2


@dataclass(frozen=True)
class Call:
    """A message to the worker."""

    id: int
    method: str
    params: dict[str, Any]

    @classmethod
    def parse(cls, line: bytes) -> Call:
        """Parse a line. Raises BadInput if it is not a call."""
        try:
            message = json.loads(line)
            call = cls(message["id"], message["method"], message.get("params") or {})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"not a message: {error}") from error
        if not (isinstance(call.id, int) and isinstance(call.method, str) and isinstance(call.params, dict)):
            raise BadInput("not a message: id, method or params have the wrong type")
        return call


class Output:
    """Writes messages, from any thread, and discards them once the reader is gone."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: BinaryIO | None = stream
        self._lock = threading.Lock()

    def hello(self, version: str, folder: str) -> None:
        self._write({"id": 0, "event": "hello", "protocol": PROTOCOL, "version": version, "folder": folder})

    def result(self, call_id: int, value: Any) -> None:
        self._write({"id": call_id, "event": "result", "value": value})

    def error(self, call_id: int, error: VeniceError, provider: str) -> None:
        facts = {
            **error.facts,
            "message": sentence(error, provider),
            "technical": error.technical,
            "charge": error.charge.value,
            "retryable": error.retryable,
        }
        self._write({"id": call_id, "event": "error", "error": facts})

    def news(self) -> None:
        self._write({"id": 0, "event": "news"})

    def progress(self, call_id: int, progress: Progress) -> None:
        self._write(
            {
                "id": call_id,
                "event": "progress",
                "stage": progress.stage.value,
                "done": progress.done,
                "total": progress.total,
                "seconds": progress.seconds,
            }
        )

    def detached(self, call_id: int, message: str) -> None:
        self._write({"id": call_id, "event": "detached", "message": message})

    def close(self) -> None:
        with self._lock:
            stream, self._stream = self._stream, None
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    return

    def _write(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode("ascii") + b"\n"
        with self._lock:
            if self._stream is None:
                return
            try:
                self._stream.write(data)
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None
