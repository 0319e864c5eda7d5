"""Ways into the core, what it works on, and servers beside the sandbox, for the tests of this folder."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter
from runs import run_job
from support import posts

from venice_core.cancellation import Cancel
from venice_core.cli import main as cli_main
from venice_core.execution.context import RunContext
from venice_core.execution.inputs import JobInputs, Prepared
from venice_core.execution.results import RunResult
from venice_core.execution.runner import Runner
from venice_core.geometry.rectangles import Bounds
from venice_core.job import Action, Job, Options
from venice_core.network.rate_limiter import RateLimiter
from venice_core.network.transport import Transport
from venice_core.progress import Progress, Stage
from venice_core.providers.base import Provider
from venice_core.providers.openai.profile import ServiceProfiles
from venice_core.providers.openai.provider import OpenAI
from venice_core.providers.venice.model_entries import packaged_catalogue
from venice_core.providers.venice.provider import Venice
from venice_core.records.entry import Entry
from venice_core.records.journal import Journal
from venice_core.sandbox import Sandbox
from venice_core.secret import Secret

REPO = Path(__file__).resolve().parents[2]
KEY = "vk-0123456789-secret"
EDIT, MULTI, CUTOUT = "/api/v1/image/edit", "/api/v1/image/multi-edit", "/api/v1/image/background-remove"
UPSCALE, GENERATE = "/api/v1/image/upscale", "/api/v1/image/generate"
GENERATIONS = "/api/v1/images/generations"
OPENAI, GROK, RELAY, OWN = "openai", "grok-relay", "gpt-image-relay", "self-hosted"
PROFILES = (OPENAI, GROK, RELAY, OWN)
PROMPTLY = 1.0  # s, from a cancel to its end
BUSY_MACHINE = 1.5  # s more, for the tests' own threads and processes

Pixels = npt.NDArray[np.uint8]


# The command line


class Shell:
    """The command line in this process, with a home of its own."""

    def __init__(self, home: Path, url: str, capture: pytest.CaptureFixture[str]) -> None:
        self.home = home / "venice"
        self.env = {"VENICE_HOME": str(self.home), "VENICE_BASE_URL": url, "VENICE_API_KEY": KEY}
        self.out = self.err = ""
        self._capture = capture

    def __call__(self, *arguments: object) -> int:
        self._capture.readouterr()
        code = cli_main.main([str(argument) for argument in arguments], self.env)
        self.out, self.err = self._capture.readouterr()
        return int(code)

    def json(self, *arguments: object) -> tuple[int, Any]:
        code = self(*arguments, "--json")
        return code, json.loads(self.out)

    def result(self, *arguments: object) -> tuple[int, Any]:
        """The exit code of a command that sends something, and its only result or error."""
        code, said = self.json(*arguments)
        (only,) = said["results"]
        return code, only

    def choose(self, profile: str, address: str, key: str = KEY) -> None:
        """That service from now on, in place of Venice."""
        self.env |= {
            "VENICE_PROVIDER": profile,
            variable(profile, "BASE_URL"): address,
            variable(profile, "API_KEY"): key,
        }

    def profiles(self, profiles: object) -> None:
        """These in the settings file, over those that are built in."""
        self.home.mkdir(exist_ok=True)
        (self.home / "settings.json").write_text(json.dumps({"profiles": profiles}))

    @property
    def jobs(self) -> list[Entry]:
        return list(Journal(self.home / "jobs"))

    @property
    def job(self) -> Entry:
        (only,) = self.jobs
        return only


def variable(profile: str, what: str) -> str:
    """Of the environment: "BASE_URL" or "API_KEY" of a profile."""
    return f"{profile.upper().replace('-', '_')}_{what}"


# Pictures


def noise() -> Pixels:
    return np.random.default_rng(5).integers(0, 256, (2000, 2000, 3), np.uint8)


def soft_ellipse(width: int, height: int) -> Image.Image:
    drawn = Image.new("L", (width, height))
    ImageDraw.Draw(drawn).ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill=255)
    return drawn.filter(ImageFilter.GaussianBlur(4))


def opened(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)))


def paths(sandbox: Sandbox) -> list[str]:
    return [seen.path for seen in posts(sandbox)]


# Models


def entry(name: str, kind: str = "inpaint", price: float | None = 0.05, **spec: Any) -> dict[str, Any]:
    """A model as the service lists it; `price` in US dollars and DIEM, `spec` as in `model_spec`."""
    cost = {"usd": price, "diem": price}
    known = {} if price is None else {"pricing": {"inpaint" if kind == "inpaint" else "generation": cost}}
    return {
        "id": name,
        "object": "model",
        "owned_by": "venice.ai",
        "type": kind,
        "model_spec": {"name": name.title(), "privacy": "private", **known, **spec},
    }


# A run in a thread


class RunThread:
    """A `Runner.run` in a thread, with what it said on the way; `options` as for an edit.

    `profile`: in place of Venice, the service of that name; `pixels` must then have a size that it makes.
    """

    def __init__(
        self,
        home: Path,
        url: str,
        pixels: Pixels,
        cancel: Cancel | None = None,
        profile: str = "",
        **options: Any,
    ) -> None:
        height, width = pixels.shape[:2]
        whole = Bounds(0, 0, width, height)
        self.job = Job(Action.EDIT, whole, whole.extent, None, Options(**{"prompt": "a hat", **options}))
        self.cancel = cancel or Cancel()
        self.journal = Journal(home / "jobs")
        self.stages: list[Stage] = []
        self.result: RunResult | None = None
        self.error: BaseException | None = None
        secret = Secret(KEY)
        provider: Provider = Venice(secret, url, catalogue=packaged_catalogue())
        if profile:
            described = ServiceProfiles().get(profile)
            assert described is not None
            provider = OpenAI(secret, url, described)
        clock = cancel.now if isinstance(cancel, NoWaiting) else time.time
        self._runner = Runner(
            RunContext(provider, secret, Transport(), self.journal, clock, RateLimiter(clock))
        )
        self._pixels = np.dstack([pixels, np.full((height, width), 255, np.uint8)]).tobytes()
        self.thread = threading.Thread(target=self._run, daemon=True)
        assert Prepared.of(self.job, None, provider).plan.size == whole.extent

    def _run(self) -> None:
        try:
            self.result = run_job(self._runner, self.job, JobInputs(self._pixels), self._watch, self.cancel)
        except BaseException as error:
            self.error = error

    def _watch(self, progress: Progress) -> None:
        if self.stages[-1:] != [progress.stage]:
            self.stages.append(progress.stage)

    def start(self) -> RunThread:
        self.thread.start()
        return self

    def finish(self, seconds: float = 30) -> RunThread:
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "it still runs"
        return self

    @property
    def entry(self) -> Entry:
        (only,) = self.journal
        return only

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """How each job stands and what is known about money, sorted."""
        return sorted((entry.record["status"], entry.record["charge"]) for entry in self.journal)


class NoWaiting(Cancel):
    """Notes how long it would have waited; by its own clock that time is over."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.check()

    def now(self) -> float:
        return time.time() + sum(self.waits)


# Other servers and processes


def python(*arguments: object, shell: Shell, **options: Any) -> subprocess.Popen[str]:
    """`python -m venice_core` as a process of its own."""
    env = {**os.environ, **shell.env, "PYTHONPATH": str(REPO)}
    command = [sys.executable, "-m", "venice_core", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=env, text=True, **pipes, **options)  # type: ignore[call-overload]


class Scripted:
    """A server of a few lines: reads a request wholly and answers what `reply` makes of its head.

    A GET is answered with 404 and not counted, except with `gets`.
    """

    def __init__(self, reply: Callable[[bytes], bytes], *, gets: bool = False) -> None:
        self.heads: list[bytes] = []
        self._reply = reply
        self._gets = gets
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"{self.origin}/api/v1"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            if head.startswith(b"GET ") and not self._gets:  # it has no lists of models
                connection.sendall(reply("404 Not Found", b"{}"))
                return
            self.heads.append(head)
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line[:15] == b"Content-Length:"), 0
            )
            while len(body) < length:
                body += connection.recv(65536)
            connection.sendall(self._reply(head))

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def reply(status: str, body: bytes, *headers: str, length: str | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {length or len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
