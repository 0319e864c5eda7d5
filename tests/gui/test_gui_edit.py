"""Edit with Prompt as a person uses it: from the menu, in a window, with a keyboard."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gimp3_machine import KEY, alive, until
from gui_desk import EDIT, REMOVE, SETTINGS, Desk
from pictures import photo, raw
from support import posts

from venice_core.sandbox import Sandbox

SECRET = "sk-in-the-window-4711"


@pytest.fixture
def picture(desk: Desk) -> tuple[int, int]:
    """An image in a window, with a layer and a soft selection."""
    image = desk.new_image(600, 400)
    layer = desk.add_layer(image, raw(photo()), name="photo")
    desk.select(image, (150, 80, 260, 200), feather=12.0)
    desk.select_layers(image, [layer])
    desk.show(image)
    desk.focus_image()
    return image, layer


def large_picture(desk: Desk) -> tuple[int, int]:
    """So large that it is not sent at once: noise does not compress."""
    noise = np.random.default_rng(7).integers(0, 256, (2400, 2600, 3), np.uint8)
    image = desk.new_image(2600, 2400)
    layer = desk.add_layer(image, raw(noise), name="noise")
    desk.show(image)
    desk.focus_image()
    return image, layer


def jobs(desk: Desk) -> list[dict[str, Any]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(desk.home.glob("jobs/*/job.json"))]


def state(desk: Desk, image: int) -> dict[str, Any]:
    """Everything but whether the image counts as changed, and GIMP's memory of the last options."""
    snapshot = dict(desk.snapshot(image))
    for name in ("dirty", "parasites"):
        snapshot.pop(name)
    return snapshot


def keep(desk: Desk, name: str) -> None:
    """A screenshot for people, where CI asks for pictures."""
    if os.environ.get("VENICE_CI_OUT"):
        desk.look(Path(os.environ["VENICE_CI_OUT"]) / f"{name}.png")


def edit(desk: Desk, prompt: str) -> None:
    desk.open(EDIT)
    desk.keys("ctrl+a")
    desk.type(prompt)
    desk.keys("ctrl+Return")


def test_one_ctrl_z_brings_back_the_state_before(desk: Desk, picture: tuple[int, int]) -> None:
    image, _ = picture
    before = state(desk, image)
    edit(desk, "make the cup pink")
    desk.wait_gone(EDIT)
    after = state(desk, image)
    assert len(after["layers"]) == 2
    assert after["layers"][0]["name"].startswith("make the cup pink")
    assert after["visible"] != before["visible"]
    desk.undo()
    until(lambda: state(desk, image) == before)
    desk.focus_image()
    desk.keys("ctrl+y")
    until(lambda: state(desk, image)["visible"] == after["visible"])


def test_twice_in_a_row_works_on_the_same_source(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, layer = picture
    mask = desk.add_mask(layer, (600, 400, b"\xff" * 240_000))
    desk.set_property(layer, edit_mask=True)
    before = state(desk, image)
    for number, prompt in enumerate(("first", "second"), 1):
        edit(desk, prompt)
        desk.wait_gone(EDIT)
        until(lambda number=number: len(desk.layers(image)) == 1 + number)
    after = state(desk, image)
    assert [each["name"].partition(" ")[0] for each in after["layers"]] == ["second", "first", "photo"]
    assert after["layers"][-1] == before["layers"][-1]
    assert after["selected_layers"] == before["selected_layers"] == [layer]
    assert after["selected_drawables"] == before["selected_drawables"] == [mask]
    first, second = [seen.files[0].data for seen in posts(server)]
    assert first == second, "both were sent the source, not an earlier result"


def test_what_was_selected_meanwhile_is_shown_before_it_is_sent(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    desk.open(EDIT)
    desk.keys("ctrl+a")
    desk.type("make it pink")
    desk.keys("alt+v")
    seen = desk.read("Sends")
    desk.select(image, (20, 20, 560, 360))
    desk.keys("alt+p", "ctrl+Return")
    desk.keys("alt+v")
    assert desk.read("Sends") != seen
    desk.read("What will be sent, or its price, has changed")
    keep(desk, "plan-changed")
    assert posts(server) == []
    desk.keys("alt+p", "ctrl+Return")
    desk.wait_gone(EDIT)
    assert len(posts(server)) == 1
    assert len(desk.layers(image)) == 2


def test_an_error_is_shown_in_the_window_and_the_prompt_is_kept(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    server.switch(status=402, times=1)
    edit(desk, "make the cup green")
    until(lambda: [seen.status for seen in posts(server)] == [402])
    desk.wait_for(EDIT)
    assert len(desk.layers(image)) == 1
    assert jobs(desk)[-1]["error"]["kind"] == "no-funds"
    keep(desk, "error-in-the-window")
    desk.keys("ctrl+Return")
    desk.wait_gone(EDIT)
    assert posts(server)[-1].fields["prompt"].startswith("make the cup green")
    assert len(desk.layers(image)) == 2


def test_cancel_while_uploading_ends_the_worker_and_buys_nothing(desk: Desk, server: Sandbox) -> None:
    image, _ = large_picture(desk)
    server.switch(stall=60, stall_at="body")
    edit(desk, "too slow")
    worker = until(desk.worker_pid)
    until(lambda: jobs(desk) and jobs(desk)[-1]["status"] == "sending", 60)
    desk.keys("Escape")
    until(lambda: not alive(worker), 1.5)
    assert (jobs(desk)[-1]["status"], jobs(desk)[-1]["charge"]) == ("cancelled", "none")
    server.reset()
    desk.wait_for(EDIT)
    desk.keys("ctrl+Return")
    desk.wait_gone(EDIT, 60)
    assert len(desk.layers(image)) == 2, "the prompt was kept, and another try works"


def test_cancel_after_the_upload_frees_gimp_and_keeps_the_answer(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    before = state(desk, image)
    server.switch(stall=12, stall_at="answer")
    edit(desk, "changed my mind")
    until(lambda: jobs(desk) and jobs(desk)[-1]["status"] == "sent")
    worker = until(desk.worker_pid)
    desk.keys("Escape")
    assert jobs(desk)[-1]["status"] == "sent"
    desk.click("Question", "Close and Keep Result", "button")
    desk.wait_for("Result Will Be Saved")
    keep(desk, "message-after-cancel")
    desk.keys("Return")  # the message says where the answer is kept
    until(lambda: desk.plug_in_pid() is None, 5)
    assert jobs(desk)[-1]["status"] == "sent", "GIMP is free before the answer is there"
    assert state(desk, image) == before
    until(lambda: jobs(desk)[-1]["status"] == "done", 20)
    assert sorted(desk.home.glob("jobs/*/answer.bin"))[-1].stat().st_size > 1000
    until(lambda: not alive(worker), 5)


def test_a_result_for_an_image_that_was_closed_opens_as_an_image_of_its_own(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    server.switch(stall=3, stall_at="answer")
    edit(desk, "too late")
    until(lambda: jobs(desk) and jobs(desk)[-1]["status"] == "sent")
    desk.close_image(image)
    until(lambda: jobs(desk)[-1]["status"] == "placed")
    until(lambda: desk.plug_in_pid() is None)
    (own,) = desk.images()
    (layer,) = desk.layers(own)
    assert layer["name"].startswith("too late")
    assert layer["mask"] is not None


def test_remove_background_from_the_menu(desk: Desk, picture: tuple[int, int]) -> None:
    image, _ = picture
    desk.open(REMOVE)
    desk.wait_for(REMOVE)
    desk.keys("Return")
    desk.wait_gone(REMOVE)
    until(lambda: len(desk.layers(image)) == 2)


def test_the_key_goes_from_the_window_to_the_settings_only(desk: Desk, picture: tuple[int, int]) -> None:
    desk.open(SETTINGS)
    desk.keys("alt+k")
    desk.type(SECRET)
    desk.keys("Return")
    desk.wait_gone(SETTINGS)
    kept = [
        path for path in desk.folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
    ]
    assert kept == [desk.home / "keys.json"]
    assert kept[0].stat().st_mode & 0o077 == 0
    assert KEY not in desk.log()
