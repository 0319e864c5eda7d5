"""When it cannot be done in GIMP 2.10: a clear message, an image as it was, the truth about money."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gimp2_machine import KEY, Gimp2, cover
from gimp2_scene import CUTOUT, EDIT
from pictures import photo
from support import posts

from venice_core.sandbox import Sandbox

Jobs = Callable[[], list[dict[str, Any]]]


def make_photo(gimp: Gimp2) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    return image, gimp.add_layer(image, photo("coffee", 320, 256), (10, 10))


def check_refused(gimp: Gimp2, image: int, before: dict[str, Any], run: dict[str, Any], words: str) -> None:
    assert run["layer"] is None
    assert run["error"].startswith("error: "), "a script is told that it failed"
    assert words in run["error"]
    assert [words in message for message in run["messages"]] == [True], "people read it once"
    assert "Traceback" not in run["error"]
    assert KEY not in run["error"]
    assert gimp.snapshot(image) == before, "the image is as it was"
    assert not list(gimp.home.glob("scratch/*")), "no pixels are left"


def floating(gimp: Gimp2, image: int, layer: int) -> int:
    gimp.select(image, (50, 50, 60, 60), "rectangle")
    gimp.float_selection(image, layer)
    return layer


def selected_elsewhere(gimp: Gimp2, image: int, layer: int) -> int:
    gimp.select(image, (350, 270, 40, 20), "rectangle")
    return layer


def channel(gimp: Gimp2, image: int, layer: int) -> int:
    return int(gimp.add_channel(image))


def empty_group(gimp: Gimp2, image: int, layer: int) -> int:
    return int(gimp.add_group(image))


def masked_away(gimp: Gimp2, image: int, layer: int) -> int:
    size = gimp.describe(layer)["size"]
    gimp.add_mask(layer, cover(np.zeros(size[::-1], np.uint8)))
    return layer


def as_it_is(gimp: Gimp2, image: int, layer: int) -> int:
    return layer


def nothing(gimp: Gimp2, image: int, layer: int) -> None:
    return None


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (as_it_is, {"prompt": ""}, "The prompt is empty"),
        (as_it_is, {"prompt": " \n "}, "The prompt is empty"),
        (floating, {}, "floating selection"),
        (selected_elsewhere, {}, "The selection does not cover any pixel of this layer"),
        (channel, {}, "channels cannot be edited"),
        (empty_group, {}, "This layer group is empty"),
        (masked_away, {"variations": 4}, "Nothing is visible"),
        (nothing, {}, "Select a layer first"),
        (as_it_is, {"provider": "nobody"}, "There is no provider “nobody”"),
        (as_it_is, {"provider": "größer"}, "There is no provider “größer”"),
        (as_it_is, {"selection": "some"}, "selection"),
        (
            as_it_is,
            {"sample": "größer"},
            "“größer” is not a valid value for sample; valid values: layer, visible",
        ),
        (as_it_is, {"variations": 9}, "variations"),
        (as_it_is, {"model": "qwen-image-2-edit", "resolution": "64K"}, "has no resolution “64K”"),
    ],
)
def test_what_cannot_be_asked_for_is_not_sent(
    gimp: Gimp2, sandbox: Sandbox, jobs: Jobs, prepare: Any, options: dict[str, Any], words: str
) -> None:
    image, layer = make_photo(gimp)
    drawable = prepare(gimp, image, layer)
    before = gimp.snapshot(image)
    run = gimp.run(EDIT, image, drawable, values={"prompt": "make it pink", **options})
    check_refused(gimp, image, before, run, words)
    assert posts(sandbox) == []
    assert jobs() == []


def test_an_output_that_does_not_exist_is_not_paid_for(gimp: Gimp2, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    run = gimp.run(CUTOUT, image, layer, values={"output": "Mask"})
    check_refused(
        gimp, image, before, run, "“Mask” is not a valid value for output; valid values: layer, mask"
    )
    assert posts(sandbox) == []


@pytest.mark.parametrize("procedure", [EDIT, CUTOUT])
@pytest.mark.parametrize(
    ("switch", "words", "charge"),
    [
        ({"status": 402}, "HTTP 402", "none"),
        ({"status": 422}, "content policy", "unknown"),
        ({"status": 500}, "may have been charged", "possible"),
        ({"garbage": "truncated"}, "no usable image", "possible"),
    ],
)
def test_what_the_service_refuses_leaves_the_image_as_it_was(
    gimp: Gimp2, sandbox: Sandbox, jobs: Jobs, procedure: str, switch: dict[str, Any], words: str, charge: str
) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    sandbox.switch(**switch)
    run = gimp.run(procedure, image, layer, values={"prompt": "pink"} if procedure == EDIT else {})
    check_refused(gimp, image, before, run, words)
    (job,) = jobs()
    assert (job["status"], job["charge"]) == ("failed", charge)
    assert len(posts(sandbox)) == 1


def test_without_a_key_nothing_is_sent_and_the_person_is_told_what_helps(
    gimp: Gimp2, sandbox: Sandbox, jobs: Jobs
) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    gimp.use_worker("/usr/bin/env", "-u", "VENICE_API_KEY")
    run = gimp.run(EDIT, image, layer, values={"prompt": "pink"})
    check_refused(gimp, image, before, run, "key")
    assert posts(sandbox) == []


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "installation is incomplete"),
        ('{"command": ["/no/such/pythön"]}', "no longer exists"),
        ("{", "installation is incomplete"),
    ],
)
def test_a_broken_installation_says_what_to_do(gimp: Gimp2, manifest: str | None, words: str) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    path = gimp.plug_in / "worker.json"
    path.unlink()
    if manifest is not None:
        path.write_text(manifest, "utf-8")
    check_refused(gimp, image, before, gimp.run(EDIT, image, layer, values={"prompt": "pink"}), words)


def test_a_worker_that_does_not_start_says_why(gimp: Gimp2) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    command = ["/bin/sh", "-c", "echo the disk is füll >&2; exit 1"]
    (gimp.plug_in / "worker.json").write_text(json.dumps({"command": command}), "utf-8")
    run = gimp.run(EDIT, image, layer, values={"prompt": "pink"})
    check_refused(gimp, image, before, run, "the disk is füll")


def test_a_worker_that_dies_while_it_waits_is_told(gimp: Gimp2, sandbox: Sandbox, jobs: Jobs) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    sandbox.switch(stall=20)
    gimp.begin(
        "run", EDIT, image, layer, values={"prompt": "pink"}, meanwhile=[["kill_worker_when_sent", []]]
    )
    run = gimp.end()
    assert "may have been charged" in run["error"]
    assert gimp.snapshot(image) == before


def test_a_fault_of_our_own_is_a_sentence_and_its_trace_is_in_a_file(gimp: Gimp2) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    gimp.break_host("bounds_of")
    try:
        run = gimp.run(EDIT, image, layer, values={"prompt": "pink"})
    finally:
        gimp.mend_host("bounds_of")
    check_refused(gimp, image, before, run, "An unexpected error occurred in Venice: ValueError: größer")
    log = gimp.folder / "profile" / "venice-gimp.log"
    assert "Traceback" in log.read_text("utf-8")
    assert os.fspath(log) in run["error"]


@pytest.mark.parametrize("procedure", [EDIT, CUTOUT])
def test_what_cannot_be_placed_is_kept_and_people_read_where(gimp: Gimp2, jobs: Jobs, procedure: str) -> None:
    image, layer = make_photo(gimp)
    gimp.break_host("_insert_above")
    try:
        run = gimp.run(procedure, image, layer, values={"prompt": "pink"} if procedure == EDIT else {})
    finally:
        gimp.mend_host("_insert_above")
    assert run["layer"] is None
    assert "could not be inserted (ValueError: größer)" in run["error"]
    assert "Edit > Undo" in run["error"]
    (job,) = jobs()
    assert job["status"] == "done"
    (folder,) = (gimp.home / "jobs").iterdir()
    assert os.fspath(folder) in run["error"]
    assert (folder / "answer.bin").stat().st_size > 0
    log = (gimp.folder / "profile" / "venice-gimp.log").read_text("utf-8").rpartition("Traceback")[2]
    assert "in broken" in log, "where it went wrong"
