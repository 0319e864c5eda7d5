"""A transport that plays what it is told, instead of a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from venice_core import images
from venice_core.cancel import Cancel
from venice_core.errors import NoConnection, VeniceError
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.transport import Request, Response, Transport

PNG = images.encode_png(np.full((256, 256, 3), 77, np.uint8))


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
