"""GIMP's own Cancel kills the plug-in, so these tests do: nothing bought, or nothing lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gimp3_machine import Gimp, alive, until
from pictures import decoded, photo, raw
from support import hold_answers, posts

from venice_core.sandbox import Sandbox

EDIT = "plug-in-venice-edit"
Jobs = Callable[[], list[Any]]


def begin(gimp: Gimp, jobs: Jobs, image: int, layer: int, status: str) -> tuple[Any, int, int]:
    """A run that has come so far, its plug-in's and its worker's process."""
    running = gimp.begin("run", EDIT, image, [layer], prompt="pink")
    until(lambda: [job for job in jobs() if job.record["status"] == status])
    plug_in, worker = gimp.plug_in_pid(), gimp.worker_pid()
    assert plug_in is not None
    assert worker is not None
    return running, plug_in, worker


def test_before_the_upload_is_complete_the_worker_is_gone_within_a_second_and_nothing_was_bought(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2000, 2400, 3), np.uint8)  # 14 MB as a file
    image = gimp.new_image(2400, 2000)
    layer = gimp.add_layer(image, raw(noise))
    before = gimp.snapshot(image)
    sandbox.switch(stall=10, stall_at="body")
    running, plug_in, worker = begin(gimp, jobs, image, layer, "sending")
    until(lambda: posts(sandbox))
    time.sleep(0.3)  # until the socket's buffers are full

    os.kill(plug_in, signal.SIGKILL)

    until(lambda: not alive(worker), 1.0)
    assert running.result(5)["status"] != "success"
    (job,) = jobs()
    assert job.outcome == ("cancelled", "none")
    (seen,) = posts(sandbox)
    assert not seen.complete
    assert gimp.snapshot(image) == before
    assert not list(gimp.home.glob("scratch/*"))


def test_after_the_upload_the_plug_in_is_free_at_once_and_the_answer_is_kept(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = gimp.new_image(400, 300)
    layer = gimp.add_layer(image, raw(photo("coffee", 400, 300)))
    before = gimp.snapshot(image)
    answer_now = threading.Event()
    hold_answers(monkeypatch, 1, answer_now.wait)
    running, plug_in, worker = begin(gimp, jobs, image, layer, "sent")

    os.kill(plug_in, signal.SIGKILL)

    assert running.result(1)["status"] != "success"
    assert gimp.snapshot(image) == before
    assert alive(worker), "it still waits for what is paid for"
    answer_now.set()
    until(lambda: jobs()[0].record["status"] == "done")
    (job,) = jobs()
    assert decoded(job.answer).shape == (300, 400, 3)
    until(lambda: not alive(worker), 2.0)
    assert [seen.status for seen in posts(sandbox)] == [200]
    assert gimp.snapshot(image) == before


def test_while_an_answer_is_still_awaited_the_next_run_works(
    gimp: Gimp, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = gimp.new_image(400, 300)
    layer = gimp.add_layer(image, raw(photo("coffee", 400, 300)))
    answer_now = threading.Event()
    hold_answers(monkeypatch, 1, answer_now.wait)
    running, plug_in, worker = begin(gimp, jobs, image, layer, "sent")
    os.kill(plug_in, signal.SIGKILL)
    running.result(1)
    run = gimp.run(EDIT, image, [layer], prompt="pink")
    assert run["error"] == ""
    assert alive(worker)
    answer_now.set()
    until(lambda: [job.record["status"] for job in jobs()] == ["done", "placed"])
    until(lambda: not alive(worker), 2.0)
