"""A desk with GIMP on it. Fixtures and the machine are those of tests/gimp3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from gimp3_machine import find_gimp
from gui_desk import MESSAGE, Desk, missing
from screen import Screen
from support import leave_out

from venice_core.sandbox import Sandbox


@pytest.fixture(scope="session")
def server() -> Iterator[Sandbox]:
    with Sandbox() as server:
        yield server


@pytest.fixture(scope="session")
def _desk(tmp_path_factory: pytest.TempPathFactory, server: Sandbox) -> Iterator[Desk]:
    lacking = missing() if find_gimp() else ["GIMP 3", *missing()]
    if lacking:
        leave_out("gimp3", f"a real window needs {', '.join(lacking)}")
    screen = Screen()
    openai = {"OPENAI_BASE_URL": server.url_for("openai")}  # its key is for people to type
    desk = Desk(screen, tmp_path_factory.mktemp("desk"), server.url, openai)
    try:
        yield desk
    finally:
        desk.close()
        screen.close()


@pytest.fixture
def desk(_desk: Desk, server: Sandbox, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A screenshot of how a test ended is kept."""
    server.reset()
    yield _desk
    kept = Path(os.environ.get("VENICE_CI_OUT") or tmp_path)
    _desk.look(kept / f"{request.node.name}.png")
    server.reset()
    _desk.keys("Escape", "Escape")
    if _desk.window(MESSAGE):
        _desk.dismiss_message()
    _desk.close_windows()
    for image in _desk.images():
        _desk.close_image(image)
