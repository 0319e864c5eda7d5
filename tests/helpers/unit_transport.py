"""A transport that plays what it is told, instead of a network; and a server that says what it is told."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable

import numpy as np

from venice_core.cancellation import Cancel
from venice_core.errors import NoConnection, VeniceError
from venice_core.imaging import codecs
from venice_core.network.messages import Request, Response
from venice_core.network.transport import Transport
from venice_core.progress import OnProgress, Progress, Stage

PNG = codecs.encode_png(np.full((256, 256, 3), 77, np.uint8))


class FakeTransport(Transport):
    """Plays one step for each exchange: a response or an error; `look` sees the disk while it travels."""

    def __init__(self, *steps: Response | VeniceError, look: Callable[[str], None] = lambda _: None) -> None:
        super().__init__()
        self.steps = list(steps)
        self.look = look
        self.requests: list[Request] = []

    def exchange(self, request: Request, on_progress: OnProgress, cancel: Cancel) -> Response:
        self.requests.append(request)
        self.look("connecting")
        step = self.steps.pop(0)
        if isinstance(step, NoConnection):
            raise step
        on_progress(Progress(Stage.UPLOADING, 1, 2))
        on_progress(Progress(Stage.WAITING))
        self.look("waiting")
        if isinstance(step, VeniceError):
            raise step
        on_progress(Progress(Stage.DOWNLOADING))
        return step


def answer(status: int = 200, body: bytes = PNG, **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


class RawServer:
    """Reads a request on loopback and answers with these bytes, then with `again` until nobody listens.

    `pause`: between any two parts, in s; `seconds`: how long `again` goes on. `sent` counts the bytes of
    `again`; `stopped`: the connection is over.
    """

    def __init__(self, *parts: bytes, again: bytes = b"", pause: float = 0.0, seconds: float = 20.0) -> None:
        self.parts, self.again, self.pause, self.seconds = parts, again, pause, seconds
        self.requests: list[bytes] = []
        self.sent = 0
        self.stopped = threading.Event()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self._answer(connection)
            self.stopped.set()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        self.requests.append(_read_request(connection))
        for part in self.parts:
            connection.sendall(part)
            time.sleep(self.pause)
        end = time.monotonic() + self.seconds
        while self.again and time.monotonic() < end and not self._closing.is_set():
            connection.sendall(self.again)
            self.sent += len(self.again)
            time.sleep(self.pause)


def _read_request(connection: socket.socket) -> bytes:
    """Whole, so that closing the connection does not reset it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0:
        missing -= len(connection.recv(65536))
    return head
