"""The core beside a sandbox, and what must hold of whatever the two say to each other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from contract_ways import PROFILES, Pixels, Shell, soft_ellipse
from PIL import Image
from specification import SCHEMAS, SPECIFICATION, answer_problems, request_problems

from venice_core.sandbox import Sandbox, picture_effects, server
from venice_core.sandbox.forms import Form
from venice_core.sandbox.venice.catalogue import Catalogue
from venice_core.sandbox.venice.endpoints import BASE

Offering = Callable[..., Sandbox]


@pytest.fixture(scope="session")
def _mattes() -> dict[tuple[Any, ...], Image.Image]:
    return {}


@pytest.fixture
def _mattes_are_kept(_mattes: dict[tuple[Any, ...], Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox looks for a second, and in the same picture finds the same."""
    find = picture_effects.remove_background

    def keep(picture: Image.Image) -> Image.Image:
        key = picture.mode, picture.size, picture.tobytes()
        if key not in _mattes:
            _mattes[key] = find(picture)
        return _mattes[key].copy()

    monkeypatch.setattr(picture_effects, "remove_background", keep)


@pytest.fixture
def shell(home: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], _mattes_are_kept: None) -> Shell:
    return Shell(home, sandbox.url, capsys)


@pytest.fixture
def offering(shell: Shell) -> Iterator[Offering]:
    """Starts a sandbox with these models, and of other types the packaged ones; the shell talks to it."""
    with ExitStack() as stack:

        def start(*entries: dict[str, Any]) -> Sandbox:
            sandbox = stack.enter_context(Sandbox(catalogue={"object": "list", "data": list(entries)}))
            shell.env["VENICE_BASE_URL"] = sandbox.url
            return sandbox

        yield start


@pytest.fixture
def small_answers(sandbox: Sandbox) -> None:
    """For what is about the request alone: it takes less time."""
    sandbox.switch(size="96x64")


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest, shell: Shell, sandbox: Sandbox) -> str:
    """The name of a service in OpenAI's manner, which the shell talks to."""
    name = str(request.param)
    shell.choose(name, sandbox.url_for(name))
    return name


@pytest.fixture
def photo(tmp_path: Path, chelsea: Pixels) -> Path:
    """A picture within the service's limits, as a file."""
    path = tmp_path / "cat.png"
    Image.fromarray(chelsea).save(path, compress_level=1)
    return path


@pytest.fixture
def mask(tmp_path: Path, chelsea: Pixels) -> Path:
    """A soft ellipse over `photo`, white = change."""
    path = tmp_path / "mask.png"
    soft_ellipse(chelsea.shape[1], chelsea.shape[0]).save(path)
    return path


@pytest.fixture
def interruptible() -> dict[str, Any]:
    """Options for a process: a group of its own, so that Ctrl-C reaches that command alone."""
    if os.name != "posix":
        pytest.skip("Ctrl-C is sent as a POSIX signal")
    return {"start_new_session": True}


@pytest.fixture(autouse=True)
def _as_published(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every whole request of the core, and every JSON success of a sandbox, is as the service publishes it.

    Requests that tests make themselves may be wrong on purpose, and so may what a switch spoils.
    """
    problems: list[str] = []
    if not SPECIFICATION.exists():
        yield problems
        return
    read, answer = Sandbox._form, server.answer

    def watched_form(request: Any, body: Any, seen: Any) -> Any:
        form, path = read(request, body, seen), request.path.removeprefix(BASE)
        ours = request.headers.get("User-Agent", "").startswith("venice-gimp/")
        if ours and path in SCHEMAS:
            if isinstance(form, Form):
                files = [upload.name for upload in form.uploads]
                problems.extend(request_problems(path, form.fields, files, form=form.multipart))
            else:
                problems.append(f"{path}: {form}")
        return form

    def watched_answer(request: Any, form: Any, switches: Any, catalogue: Any, allowance: Any) -> Any:
        response = answer(request, form, switches, catalogue, allowance)
        path = request.path.removeprefix(BASE)
        spoilt = switches.garbage or switches.label
        # entries that a test made up may be as bare as it likes
        made_up = path == "/models" and catalogue != Catalogue.of()
        if response.status_code == 200 and response.is_json and not spoilt and not made_up:
            problems.extend(answer_problems(request.method, path, json.loads(response.get_data())))
        return response

    monkeypatch.setattr(Sandbox, "_form", staticmethod(watched_form))
    monkeypatch.setattr(server, "answer", watched_answer)
    yield problems
    assert not problems, problems
