"""A running GIMP 3, the sandbox it talks to, and what must hold after every test."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from gimp3_machine import Gimp, find_gimp, services, until
from specification import check_documented
from support import hold_answers, leave_out, posts

from venice_core.sandbox import Sandbox


@pytest.fixture(scope="session")
def _server() -> Iterator[Sandbox]:
    with Sandbox() as server:
        yield server


@pytest.fixture(scope="session")
def _machine(tmp_path_factory: pytest.TempPathFactory, _server: Sandbox) -> Iterator[Gimp]:
    program = find_gimp()
    if program is None:
        leave_out("gimp3", "there is no GIMP 3 on this computer (gimp-console)")
    others = services(("openai", "grok-relay", "gpt-image-relay"), _server.url_for)
    machine = Gimp(program, tmp_path_factory.mktemp("gimp"), _server.url, others)
    yield machine
    machine.close()


@pytest.fixture
def sandbox(_server: Sandbox) -> Iterator[Sandbox]:
    """Healthy, and without a memory of other tests; Venice's requests must be as Venice documents them."""
    _server.reset()
    yield _server
    check_documented(posts(_server))
    _server.reset()


@pytest.fixture
def gimp(_machine: Gimp, sandbox: Sandbox) -> Iterator[Gimp]:
    """Afterwards nothing of a run is left but its job: no image, no temporary file, no process."""
    shutil.rmtree(_machine.home, ignore_errors=True)
    _machine.images()  # starts it
    yield _machine
    _machine.use_worker()
    assert _machine.strays() == []
    for image in _machine.images():
        _machine.delete(image)
    assert [path for path in _machine.temporary.iterdir() if not path.name.startswith("gimp")] == [], (
        "GIMP's own only"
    )
    until(lambda: not list(_machine.home.glob("scratch/*")))


@dataclass(frozen=True)
class Job:
    """An entry of the journal."""

    folder: Path
    record: dict[str, Any]

    @property
    def outcome(self) -> tuple[str, str]:
        """How it stands, and what is known about money."""
        return self.record["status"], self.record["charge"]

    @property
    def answer(self) -> bytes:
        return (self.folder / "answer.bin").read_bytes()


@pytest.fixture
def jobs(gimp: Gimp) -> Callable[[], list[Job]]:
    """The journal's entries, oldest first."""

    def read() -> list[Job]:
        records = (gimp.home / "jobs").glob("*/job.json")
        found = [Job(path.parent, json.loads(path.read_text("utf-8"))) for path in records]
        return sorted(found, key=lambda job: job.record["created"])

    return read


@pytest.fixture
def begin(
    gimp: Gimp, jobs: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Callable[[], Any]]:
    """Starts a run that waits for its answers; what that returns lets them come, and gives its end."""

    def start(procedure: str, image: int, layer: int, **values: Any) -> Callable[[], Any]:
        count, answer_now = values.get("variations", 1), threading.Event()
        hold_answers(monkeypatch, count, answer_now.wait)
        running = gimp.begin("run", procedure, image, [layer], **values)
        until(lambda: [job.record["status"] for job in jobs()].count("sent") == count)

        def finish() -> Any:
            answer_now.set()
            return running.result(20)

        return finish

    return start
