"""The other windows as a person uses them: Generate, Upscale, Settings; and what Edit tells beforehand."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from gimp3_machine import until
from gui_desk import EDIT, GENERATE, SETTINGS, UPSCALE, Desk
from pictures import photo, raw
from support import posts
from test_gui_edit import jobs, keep, state

from venice_core.sandbox import Sandbox


@pytest.fixture
def picture(desk: Desk) -> tuple[int, int]:
    """An image in a window, with two layers, of which the lower is selected."""
    image = desk.new_image(600, 400)
    layer = desk.add_layer(image, raw(photo()), name="photo")
    desk.add_layer(image, raw(photo("chelsea", 300, 250)), (350, 20), "cat")
    desk.select_layers(image, [layer])
    desk.show(image)
    desk.focus_image()
    return image, layer


@pytest.fixture(autouse=True)
def defaults(desk: Desk) -> Any:
    """Nothing is known of what other tests chose or stored."""
    shutil.rmtree(desk.folder / "profile" / "plug-in-settings", ignore_errors=True)
    yield
    for name in ("settings.json", "keys.json"):
        (desk.home / name).unlink(missing_ok=True)


def write_prompt(desk: Desk, title: str, prompt: str) -> None:
    desk.open(title)
    desk.keys("ctrl+a")
    desk.type(prompt)


def choose_options(desk: Desk, **options: str) -> None:
    """By their mnemonics."""
    for letter, value in options.items():
        desk.keys(f"alt+{letter}", "ctrl+a")
        desk.type(value)
        desk.keys("Tab")


def plan_of(desk: Desk) -> str:
    """What the window says before sending."""
    desk.keys("alt+v")
    return desk.read("Costs")


def test_generate_with_a_style_from_the_list(desk: Desk, server: Sandbox, picture: tuple[int, int]) -> None:
    image, layer = picture
    before = state(desk, image)
    write_prompt(desk, GENERATE, "a red boat on a lake")
    desk.keys("alt+y", "alt+Down", "Down", "Down")
    keep(desk, "generate-styles")
    desk.keys("Return")
    told = plan_of(desk)
    assert "an image of about" in told
    assert "$0.01" in told
    desk.keys("alt+p")
    keep(desk, "generate-window")
    desk.keys("ctrl+Return")
    desk.wait_gone(GENERATE)
    until(lambda: len(desk.layers(image)) == 3)
    assert posts(server)[0].fields["style_preset"] == "Analog Film"
    top, new, below = desk.layers(image)
    assert (top["name"], below["id"]) == ("cat", layer)
    assert new["name"].startswith("a red boat on a lake")
    assert new["size"] == (600, 400)
    desk.undo()
    until(lambda: state(desk, image) == before)


def test_an_image_without_layers_gets_its_first(desk: Desk, server: Sandbox) -> None:
    image = desk.new_image(300, 200)
    if desk.version.startswith("3.0"):
        pytest.skip("GIMP 3.0 offers no plug-in at all for an image without layers")
    desk.show(image)
    desk.focus_image()
    desk.keys("alt+r", "Up", "Right", "Return")  # the first that can be used
    desk.wait_for(GENERATE)
    desk.keys("ctrl+a")
    desk.type("a lake")
    desk.keys("ctrl+Return")
    desk.wait_gone(GENERATE)
    until(lambda: [layer["size"] for layer in desk.layers(image)] == [(300, 200)])


def test_upscale_opens_an_image_in_a_window_of_its_own(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    before = desk.snapshot(image)
    desk.open(UPSCALE)
    keep(desk, "upscale-window")
    desk.keys("Return")
    desk.wait_gone(UPSCALE)
    until(lambda: desk.xdo("search", "--onlyvisible", "--name", "photo 2x"))
    until(lambda: desk.look().getpixel((640, 450))[0] > 200)  # the cup's rim, no empty checks
    keep(desk, "upscale-done")
    (own,) = [each for each in desk.images() if each != image]
    (layer,) = desk.layers(own)
    assert layer["size"] == (1200, 800)
    assert state(desk, image) == {name: before[name] for name in before if name not in ("dirty", "parasites")}


def test_references_and_the_price_of_all_variations_are_told_before_anything_is_sent(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, layer = picture
    cat = desk.layers(image)[0]["id"]
    third = desk.add_layer(image, raw(photo("astronaut", 300, 250)), name="astronaut")
    desk.select_layers(image, [cat, layer, third])
    before = state(desk, image)
    write_prompt(desk, EDIT, "as in the others")
    desk.keys("alt+o")
    choose_options(desk, i="4")
    told = plan_of(desk)
    keep(desk, "edit-references-and-variations")
    assert "and 2 reference images" in told
    assert "in 4 requests" in told
    assert "$0.16" in told
    assert posts(server) == []
    desk.keys("alt+p", "ctrl+Return")
    desk.wait_gone(EDIT)
    until(lambda: len(desk.layers(image)) == 4)
    group = desk.layers(image)[2]
    assert [child["visible"] for child in group["children"]] == [True, False, False, False]
    assert [len(seen.files) for seen in posts(server)] == [3] * 4
    desk.undo()  # all of it is one undo step
    until(lambda: len(desk.layers(image)) == 3)
    after = state(desk, image)
    for snapshot in (before, after):
        for name in ("selected_layers", "selected_drawables"):  # GIMP gives them in no order
            snapshot[name].sort()
    assert after == before


def test_variations_of_an_image_that_was_closed_open_as_one_image(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    server.switch(stall=2)
    write_prompt(desk, GENERATE, "too late")
    desk.keys("alt+o")
    choose_options(desk, i="3")
    desk.keys("alt+p", "ctrl+Return")
    until(lambda: jobs(desk) and jobs(desk)[-1]["status"] == "sent")
    desk.close_image(image)
    until(lambda: jobs(desk)[-1]["status"] == "placed")
    until(lambda: desk.plug_in_pid() is None)
    (own,) = desk.images()
    (group,) = desk.layers(own)
    assert len(group["children"]) == 3


def test_the_connection_is_tested_with_the_key_in_the_window(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    desk.open(SETTINGS)
    desk.keys("alt+t")
    told = desk.read("connection works")
    assert told == "The connection works. Balance: 50.23 US dollars and 100.02 DIEM."
    keep(desk, "settings-tested")
    desk.keys("alt+k")
    desk.type("bad-key")
    desk.keys("alt+t")
    told = desk.read("did not accept")
    keep(desk, "settings-bad-key")
    assert "The service did not accept the API key" in told
    assert "bad-key" not in told
    desk.keys("Escape")
    desk.wait_gone(SETTINGS)
    assert not (desk.home / "keys.json").exists(), "a test stores nothing"
    assert posts(server) == []


def test_settings_need_no_image(desk: Desk) -> None:
    assert desk.images() == []
    number = until(lambda: desk.window("GNU Image Manipulation Program"))
    desk.xdo("windowactivate", "--sync", number)
    desk.keys("alt+r", "Up", "Right", "Return")  # the only one that can be used
    desk.wait_for(SETTINGS)
    desk.keys("Escape")
    desk.wait_gone(SETTINGS)


def test_what_exceeds_the_daily_limit_is_told_and_refused(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    desk.open(SETTINGS)
    choose_options(desk, d="much")
    desk.keys("alt+s")
    assert "amount in US dollars" in desk.read("amount")
    choose_options(desk, d="$0.03")
    desk.keys("alt+s")
    desk.wait_gone(SETTINGS)
    assert json.loads((desk.home / "settings.json").read_text("utf-8"))["daily_limit_usd"] == 0.03
    before = state(desk, image)
    write_prompt(desk, EDIT, "too dear")
    told = plan_of(desk)
    assert "Of today's $0.03 limit" in told, "before it is sent"
    keep(desk, "over-the-limit")
    desk.keys("alt+p", "ctrl+Return")
    desk.keys("alt+v")
    assert "Nothing was sent" in desk.read("change or remove the daily limit")
    keep(desk, "over-the-limit-refused")
    assert posts(server) == []
    assert jobs(desk)[-1]["charge"] == "none"
    desk.keys("Escape")
    desk.wait_gone(EDIT)
    assert state(desk, image) == before


def test_another_provider_changes_what_is_offered_and_what_it_costs(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    server.switch(status=500, times=1)
    write_prompt(desk, EDIT, "try this first")
    desk.keys("ctrl+Return")
    desk.keys("alt+v")
    assert "may have been charged" in desk.read("failed while processing")
    choose_options(desk, v="sandbox")
    told = plan_of(desk)
    assert "to sandbox" in told
    assert "Costs nothing" in told
    keep(desk, "another-provider")
    desk.keys("alt+p", "ctrl+Return")
    desk.wait_gone(EDIT)
    until(lambda: len(desk.layers(image)) == 3)
    assert desk.layers(image)[1]["name"].startswith("try this first")
    assert len(posts(server)) == 1, "the second was the plug-in's own"
