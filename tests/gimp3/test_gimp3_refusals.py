"""When it cannot be done: a clear message, an image as it was, and the truth about money in the journal."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from gimp3_machine import KEY, Gimp, alive, until
from pictures import photo, raw
from support import posts

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
Jobs = Callable[[], list[Any]]


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    layer = gimp.add_layer(image, raw(photo("coffee", 320, 256)), (10, 10))
    gimp.select_layers(image, [layer])
    return image, layer


def check_refused(gimp: Gimp, image: int, before: dict[str, Any], run: dict[str, Any], words: str) -> None:
    assert run["status"] in ("execution-error", "calling-error")
    assert words in run["error"]
    assert "Traceback" not in run["error"]
    assert KEY not in run["error"]
    assert gimp.snapshot(image) == before, "the image is as it was"
    assert not list(gimp.home.glob("scratch/*")), "no pixels are left"


def floating(gimp: Gimp, image: int, layer: int) -> list[int]:
    gimp.select(image, (50, 50, 60, 60), "rectangle")
    gimp.float_selection(image, layer)
    return [layer]


def selected_elsewhere(gimp: Gimp, image: int, layer: int) -> list[int]:
    gimp.select(image, (350, 270, 40, 20), "rectangle")
    return [layer]


def several(gimp: Gimp, image: int, layer: int) -> list[int]:
    return [layer, gimp.add_layer(image, raw(photo("chelsea", 100, 100)))]


def channel(gimp: Gimp, image: int, layer: int) -> list[int]:
    return [gimp.add_channel(image)]


def as_it_is(gimp: Gimp, image: int, layer: int) -> list[int]:
    return [layer]


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (as_it_is, {"prompt": ""}, "The prompt is empty"),
        (as_it_is, {"prompt": " \n "}, "The prompt is empty"),
        (floating, {}, "floating selection"),
        (selected_elsewhere, {}, "The selection does not cover any pixel of this layer"),
        (channel, {}, "channels cannot be edited"),
        (as_it_is, {"provider": "nobody"}, "There is no provider “nobody”"),
        (as_it_is, {"model": "qwen-image-2-edit", "resolution": "64K"}, "has no resolution “64K”"),
        (as_it_is, {"aspect_ratio": "wide"}, "has no aspect ratio “wide”"),
    ],
)
def test_what_cannot_be_asked_for_is_not_sent(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, prepare: Any, options: dict[str, Any], words: str
) -> None:
    image, layer = make_photo(gimp)
    drawables = prepare(gimp, image, layer)
    before = gimp.snapshot(image)
    run = gimp.run(EDIT, image, drawables, **{"prompt": "make it pink", **options})
    check_refused(gimp, image, before, run, words)
    assert posts(sandbox) == []
    assert jobs() == []


@pytest.mark.parametrize(
    ("prepare", "words"),
    [(floating, "floating selection"), (several, "Select only one layer"), (channel, "channels cannot")],
)
def test_remove_background_refuses_the_same(gimp: Gimp, sandbox: Sandbox, prepare: Any, words: str) -> None:
    image, layer = make_photo(gimp)
    drawables = prepare(gimp, image, layer)
    before = gimp.snapshot(image)
    check_refused(gimp, image, before, gimp.run(CUTOUT, image, drawables), words)
    assert posts(sandbox) == []


@pytest.mark.parametrize("procedure", [EDIT, CUTOUT])
def test_without_a_key_it_says_where_to_enter_one(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, procedure: str
) -> None:
    gimp.use_worker("/usr/bin/env", "-u", "VENICE_API_KEY")
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    run = gimp.run(procedure, image, [layer], **({"prompt": "pink"} if procedure == EDIT else {}))
    check_refused(gimp, image, before, run, "No API key is set for venice")
    assert "Filters > Venice > Settings" in run["error"]
    assert "sandbox" in run["error"]
    assert posts(sandbox) == []
    assert jobs() == []


def test_a_worker_that_is_gone_says_how_to_get_it_back(gimp: Gimp) -> None:
    gimp.use_worker("/nowhere/python")
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    check_refused(gimp, image, before, gimp.run(EDIT, image, [layer], prompt="pink"), "python3 install.py")


def test_a_worker_that_cannot_start_is_reported(gimp: Gimp) -> None:
    gimp.use_worker("/bin/false")
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    run = gimp.run(EDIT, image, [layer], prompt="pink")
    check_refused(gimp, image, before, run, "The worker ended unexpectedly")
    assert "Nothing was sent" in run["error"]


@pytest.mark.parametrize(
    ("status", "words", "kind", "charge"),
    [
        (400, "rejected this request", "invalid-request", "none"),
        (401, "did not accept the API key", "bad-key", "none"),
        (402, "balance", "no-funds", "none"),
        (403, "not allowed to do that", "forbidden", "none"),
        (404, "does not offer this model", "unknown-model", "none"),
        (410, "does not offer this model", "unknown-model", "none"),
        (413, "too large", "too-large", "none"),
        (415, "rejected this request", "invalid-request", "none"),
        (422, "content policy", "policy", "unknown"),
        (429, "busy", "busy", "none"),
        (500, "failed while processing", "server-failure", "possible"),
        (502, "failed while processing", "server-failure", "possible"),
        (503, "busy", "busy", "none"),
        (504, "failed while processing", "server-failure", "possible"),
        (520, "failed while processing", "server-failure", "possible"),
        (524, "failed while processing", "server-failure", "possible"),
    ],
)
def test_each_documented_refusal_is_told_and_journaled(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, status: int, words: str, kind: str, charge: str
) -> None:
    image, layer = make_photo(gimp)
    gimp.select(image, (60, 60, 150, 150))
    before = gimp.snapshot(image)
    sandbox.switch(status=status, retry_after="0")
    run = gimp.run(EDIT, image, [layer], prompt="pink")
    check_refused(gimp, image, before, run, words)
    assert f"HTTP {status}" in run["error"]
    assert ("may have been charged" in run["error"]) == (charge == "possible")
    (job,) = jobs()
    assert job.outcome == ("failed", charge)
    assert (job.record["error"]["kind"], job.record["error"]["status"]) == (kind, status)
    assert len(posts(sandbox)) == (2 if kind == "busy" else 1), "only who was busy is asked once more"


@pytest.mark.parametrize("garbage", ["text", "empty", "truncated", "json", "html"])
def test_an_answer_that_is_no_picture_may_have_been_charged(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, garbage: str
) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    sandbox.switch(garbage=garbage)
    run = gimp.run(EDIT, image, [layer], prompt="pink")
    check_refused(gimp, image, before, run, "no usable image")
    assert "may have been charged" in run["error"]
    (job,) = jobs()
    assert job.outcome == ("failed", "possible")
    assert (garbage == "empty") == (job.answer == b""), "the answer is kept as it came"
    assert len(posts(sandbox)) == 1


def test_a_redirect_is_not_followed(gimp: Gimp, sandbox: Sandbox, jobs: Jobs) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    sandbox.switch(redirect=sandbox.url + "/image/edit", times=1)
    run = gimp.run(EDIT, image, [layer], prompt="pink")
    check_refused(gimp, image, before, run, "redirect")
    (job,) = jobs()
    assert job.outcome == ("failed", "possible")
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("drop", ["after_body", "in_answer"])
def test_a_connection_lost_after_the_upload_may_have_been_charged(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, drop: str
) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    sandbox.switch(drop=drop)
    run = gimp.run(EDIT, image, [layer], prompt="pink")
    check_refused(gimp, image, before, run, "connection was lost after the request was sent")
    assert "may have been charged" in run["error"]
    (job,) = jobs()
    assert job.outcome == ("failed", "possible")
    assert len(posts(sandbox)) == 1


def test_a_worker_killed_in_the_middle_may_have_been_charged(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs
) -> None:
    image, layer = make_photo(gimp)
    gimp.select(image, (60, 60, 150, 150))
    before = gimp.snapshot(image)
    sandbox.switch(stall=20)
    running = gimp.begin("run", EDIT, image, [layer], prompt="pink")
    until(lambda: [job for job in jobs() if job.record["status"] == "sent"])
    worker = gimp.worker_pid()
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    run = running.result(10)
    check_refused(gimp, image, before, run, "worker ended unexpectedly")
    assert "may have been charged" in run["error"]
    assert not alive(worker)
    (job,) = jobs()
    assert job.outcome == ("sent", "possible")


def test_a_worker_killed_before_anything_was_sent_cost_nothing(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs
) -> None:
    """The worker starts only to die at its first call."""
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    gimp.use_worker("/usr/bin/timeout", "--signal=KILL", "0.05")
    run = gimp.run(EDIT, image, [layer], prompt="pink")
    check_refused(gimp, image, before, run, "Nothing was sent")
    assert jobs() == []
    assert posts(sandbox) == []


def test_after_a_failure_the_next_run_works(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    sandbox.switch(status=500, times=1)
    assert gimp.run(EDIT, image, [layer], prompt="pink")["error"]
    run = gimp.run(EDIT, image, [layer], prompt="pink")
    assert run["error"] == ""
    assert len(run["layers"]) == 1


@pytest.mark.parametrize("procedure", [EDIT, CUTOUT])
def test_what_cannot_be_placed_is_kept_and_people_read_where(gimp: Gimp, jobs: Jobs, procedure: str) -> None:
    image, layer = make_photo(gimp)
    layers = gimp.folder / "profile/plug-ins/venice_gimp3/host_layers.py"
    whole = layers.read_text("utf-8")
    layers.write_text(whole + "\n\ndef _insert_above(*_):\n    raise ValueError('größer')\n", "utf-8")
    printed = len(gimp.log())
    try:
        run = gimp.run(procedure, image, [layer], **({"prompt": "pink"} if procedure == EDIT else {}))
    finally:
        layers.write_text(whole, "utf-8")
    assert run["status"] == "execution-error"
    assert "could not be inserted (ValueError: größer)" in run["error"]
    (folder,) = (gimp.home / "jobs").iterdir()
    assert os.fspath(folder) in run["error"]
    assert (folder / "answer.bin").stat().st_size > 0
    (job,) = jobs()
    assert job.outcome[0] == "done"
    assert "in _insert_above" in gimp.log()[printed:], "where it went wrong"
