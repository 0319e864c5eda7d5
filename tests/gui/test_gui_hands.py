"""What a hand does in the windows: it picks from lists, turns the wheel, presses Tab, Escape and Repeat."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gimp3_machine import until
from gui_desk import EDIT, GENERATE, MESSAGE, NEW_PROVIDER, REMOVE, SETTINGS, UPSCALE, Desk
from pictures import photo, raw
from support import posts
from test_gui_edit import SECRET, jobs, keep, state

from venice_core.sandbox import Sandbox

PICKS = {"Flux 2 Max": ("flux-2-max-edit", "$0.15"), "Qwen Image 2": ("qwen-image-2-edit", "$0.0")}
QUESTION = "Question"  # as assistive technology calls it


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


@pytest.fixture(autouse=True)
def defaults(desk: Desk) -> Iterator[None]:
    """Nothing is known of what other tests chose or stored."""
    shutil.rmtree(desk.folder / "profile" / "plug-in-settings", ignore_errors=True)
    yield
    for name in ("settings.json", "keys.json"):
        (desk.home / name).unlink(missing_ok=True)
    desk.use_worker()


def without_key(desk: Desk) -> None:
    desk.use_worker("/usr/bin/env", "-u", "VENICE_API_KEY")


def asked_for(server: Sandbox) -> list[str]:
    return [str(seen.fields.get("modelId") or seen.fields.get("model")) for seen in posts(server)]


def save_key(desk: Desk) -> None:
    """Types it into Settings, which are open, and saves it."""
    desk.wait_for(SETTINGS)
    desk.keys("alt+k")
    desk.type(SECRET)
    desk.keys("alt+s")
    desk.wait_gone(SETTINGS)


def send(desk: Desk, title: str) -> None:
    desk.click(title, "Send", "button")
    desk.wait_gone(title)


# Lists


def test_a_model_is_picked_from_its_list(desk: Desk, server: Sandbox, picture: tuple[int, int]) -> None:
    desk.open(EDIT)
    desk.type("make it pink")
    for row, (model, price) in PICKS.items():
        desk.pick(EDIT, "Model", row)
        assert desk.entry(EDIT, "Model") == model
        desk.wait_told(EDIT, model, price)
    keep(desk, "model-picked")
    send(desk, EDIT)
    assert asked_for(server) == ["qwen-image-2-edit"]
    desk.open(EDIT)
    desk.pick(EDIT, "Model", "Default: FireRed Edit")
    assert desk.entry(EDIT, "Model") == ""
    desk.wait_told(EDIT, "firered-image-edit", "$0.04")
    send(desk, EDIT)
    assert asked_for(server) == ["qwen-image-2-edit", "firered-image-edit"]


def test_a_model_is_picked_with_the_keyboard_and_can_still_be_typed(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    desk.open(EDIT)
    desk.type("make it pink")
    desk.keys("alt+d", "alt+Down")
    keep(desk, "models")
    desk.keys("Down", "Down", "Return")
    desk.wait_told(EDIT, "flux-2-max-edit", "$0.15")
    desk.keys("alt+d", "ctrl+a")
    desk.type("luma-uni-1-edit")
    desk.wait_told(EDIT, "luma-uni-1-edit", "$0.06")
    send(desk, EDIT)
    assert asked_for(server) == ["luma-uni-1-edit"]


def test_what_a_picked_model_makes_is_offered_at_once(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    desk.open(GENERATE)
    desk.type("a red boat")
    desk.click(GENERATE, "Options")
    desk.pick(GENERATE, "Model", "Nano Banana Pro")
    desk.pick(GENERATE, "Resolution", "2K")
    desk.pick(GENERATE, "Style", "Analog Film")
    desk.wait_told(GENERATE, "nano-banana-pro")
    keep(desk, "generate-picked")
    send(desk, GENERATE)
    fields = posts(server)[0].fields
    picked = [fields[name] for name in ("model", "resolution", "style_preset")]
    assert picked == ["nano-banana-pro", "2K", "Analog Film"]


def test_a_provider_is_picked_from_its_list_and_the_default_is_who_is_asked(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    desk.open(EDIT)
    desk.type("make it pink")
    desk.pick(EDIT, "Provider", "Sandbox (free, no AI)")
    assert "Costs nothing" in desk.wait_told(EDIT, "to sandbox")
    desk.pick(EDIT, "Provider", "Default: Venice")
    assert desk.entry(EDIT, "Provider") == ""
    desk.wait_told(EDIT, "to venice", "$0.04")
    desk.pick(EDIT, "Provider", "Sandbox (free, no AI)")
    send(desk, EDIT)
    assert posts(server) == []
    desk.open(EDIT)
    desk.keys("alt+v", "ctrl+a", "BackSpace")
    desk.wait_told(EDIT, "to venice", "$0.04")
    keep(desk, "provider-emptied")
    desk.pick(EDIT, "Provider", "Default: Venice")
    desk.keys("Escape")


def test_a_list_that_is_open_while_news_come_keeps_its_rows(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    """A list of models that arrives must not move the rows under the pointer."""
    desk.open(EDIT)
    desk.type("make it pink")
    desk.press(desk.find(EDIT, "Model", "combo box"), at_its_end=True)
    row = desk.find(EDIT, "Flux 2 Max", "menu item")
    desk.select(picture[0], (20, 20, 560, 360))
    time.sleep(2.5)
    assert desk.find(EDIT, "Flux 2 Max", "menu item")["place"] == row["place"]
    desk.press(row)
    desk.wait_told(EDIT, "flux-2-max-edit")


# The wheel and the keyboard


def values(desk: Desk, title: str) -> list[Any]:
    """Everything in a window that can have a value.

    Assistive technology sees no window at all while its bus is busy, so it is asked until it does.
    """
    return [
        (widget["role"], widget["name"], widget["text"], "checked" in widget["states"])
        for widget in until(lambda: desk.widgets(title))
        if widget["role"] in ("spin button", "combo box", "text", "check box")
    ]


@pytest.mark.parametrize("title", [EDIT, GENERATE, UPSCALE, REMOVE, SETTINGS, NEW_PROVIDER])
def test_the_wheel_changes_nothing(desk: Desk, picture: tuple[int, int], title: str) -> None:
    desk.open(SETTINGS if title == NEW_PROVIDER else title)
    if title == NEW_PROVIDER:
        desk.keys("alt+n")
        desk.wait_for(NEW_PROVIDER)
    if title in (EDIT, GENERATE):
        desk.keys("alt+o")
        time.sleep(0.5)
    before = values(desk, title)
    turned = 0
    for widget in desk.seen(title):
        if widget["role"] in ("spin button", "combo box", "text"):
            for at_its_end in (False, True):
                desk.point_at(widget, at_its_end=at_its_end)
                desk.xdo("click", "--repeat", "2", "5")
                desk.xdo("click", "4")
                turned += 1
    time.sleep(0.3)
    assert turned >= 2
    assert values(desk, title) == before
    desk.keys("Escape", "Escape")


def test_tab_leaves_the_prompt(desk: Desk, server: Sandbox, picture: tuple[int, int]) -> None:
    desk.open(EDIT)
    desk.type("make it pink")
    desk.keys("Tab")
    focused = [widget["name"] for widget in desk.seen(EDIT) if "focused" in widget["states"]]
    assert focused == ["Model"]
    desk.keys("shift+Tab", "ctrl+Return")
    desk.wait_gone(EDIT)
    assert posts(server)[0].fields["prompt"].startswith("make it pink")
    assert "\t" not in posts(server)[0].fields["prompt"]


def test_escape_keeps_what_was_entered_for_the_next_time(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    before = state(desk, image)
    desk.open(EDIT)
    desk.type("a long prompt")
    desk.pick(EDIT, "Model", "Flux 2 Max")
    desk.keys("Escape")
    desk.wait_gone(EDIT)
    assert state(desk, image) == before
    desk.open(EDIT)
    assert desk.entry(EDIT, "Model") == "flux-2-max-edit"
    desk.keys("alt+p", "End")
    desk.type(", and more")
    time.sleep(0.6)
    plug_in = desk.plug_in_pid()
    assert plug_in is not None
    os.kill(plug_in, signal.SIGKILL)
    desk.wait_gone(EDIT)
    desk.dismiss_message()  # that a plug-in has crashed
    desk.open(EDIT)
    assert desk.entry(EDIT, "Prompt") == "a long prompt, and more"
    desk.wait_told(EDIT, "flux-2-max-edit")
    send(desk, EDIT)
    assert posts(server)[0].fields["prompt"].startswith("a long prompt, and more")
    desk.open(EDIT)
    assert desk.entry(EDIT, "Prompt") == "a long prompt, and more", "what was sent, as GIMP keeps it"
    desk.keys("Escape")


# Repeat


def test_repeat_opens_the_window_and_buys_nothing_by_itself(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    desk.open(EDIT)
    desk.type("first")
    send(desk, EDIT)
    until(lambda: len(desk.layers(image)) == 2)
    desk.focus_image()
    desk.keys("ctrl+f")
    desk.wait_for(EDIT)
    desk.wait_told(EDIT, "$0.04")
    keep(desk, "repeat")
    assert len(posts(server)) == 1
    focused = [widget["name"] for widget in desk.seen(EDIT) if "focused" in widget["states"]]
    assert focused == ["Send"]
    desk.keys("Return")
    desk.wait_gone(EDIT)
    until(lambda: len(desk.layers(image)) == 3)

    desk.focus_image()
    desk.keys("ctrl+f")
    desk.wait_for(EDIT)
    desk.keys("alt+p", "ctrl+a")
    desk.type('größer “now” "this" \\')
    typed = desk.entry(EDIT, "Prompt")  # not all of these keys arrive each time
    desk.pick(EDIT, "Model", "Flux 2 Max")
    send(desk, EDIT)
    until(lambda: len(desk.layers(image)) == 4)
    assert asked_for(server)[-1] == "flux-2-max-edit"

    desk.focus_image()
    desk.keys("ctrl+f")
    desk.wait_for(EDIT)
    assert desk.entry(EDIT, "Model") == "flux-2-max-edit"
    assert desk.entry(EDIT, "Prompt") == typed
    desk.keys("Escape")
    desk.wait_gone(EDIT)
    assert len(posts(server)) == 3
    desk.open(EDIT)
    desk.keys("alt+p", "ctrl+a")
    desk.type("for later")
    desk.keys("Escape")
    desk.wait_gone(EDIT)
    desk.focus_image()
    desk.keys("ctrl+f")
    desk.wait_for(EDIT)
    send(desk, EDIT)
    desk.open(EDIT)
    assert desk.entry(EDIT, "Prompt") == "for later", "that has not been sent"
    desk.keys("Escape")
    desk.wait_gone(EDIT)
    desk.undo()
    until(lambda: len(desk.layers(image)) == 4)
    names = [layer["name"].partition(" · ")[0] for layer in desk.layers(image)]
    assert names == [typed, "first", "first", "photo"], "the newest is on top"


@pytest.mark.parametrize(("title", "count"), [(REMOVE, 2), (GENERATE, 2)])
def test_repeat_opens_the_window_of_the_others_too(
    desk: Desk, server: Sandbox, picture: tuple[int, int], title: str, count: int
) -> None:
    image, _ = picture
    desk.open(title)
    if title == GENERATE:
        desk.type("a red boat")
    send(desk, title)
    until(lambda: len(desk.layers(image)) == count)
    desk.focus_image()
    desk.keys("ctrl+f")
    desk.wait_for(title)
    assert len(posts(server)) == 1
    desk.keys("Return")
    desk.wait_gone(title)
    until(lambda: len(desk.layers(image)) == count + 1)
    assert len(posts(server)) == 2


def test_repeat_of_what_costs_nothing_runs_at_once(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    desk.open(EDIT)
    desk.type("for nothing")
    desk.pick(EDIT, "Provider", "Sandbox (free, no AI)")
    send(desk, EDIT)
    until(lambda: len(desk.layers(image)) == 2)
    desk.focus_image()
    desk.keys("ctrl+f")
    until(lambda: len(desk.layers(image)) == 3)
    assert desk.window(EDIT) == ""
    assert posts(server) == []


# Who is asked, and what it costs


def test_a_trial_of_the_sandbox_ends_with_a_key(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    without_key(desk)
    desk.open(EDIT)
    desk.type("try it")
    desk.wait_told(EDIT, "No API key is set", "$0.04")
    keep(desk, "no-key")
    desk.click(EDIT, "Try the Sandbox", "button")
    desk.wait_told(EDIT, "to sandbox", "Costs nothing")
    keep(desk, "trial")
    send(desk, EDIT)
    until(lambda: len(desk.layers(image)) == 2)
    desk.open(GENERATE)
    desk.type("a boat")
    assert "sandbox" in desk.wait_told(GENERATE, "Costs nothing"), "the trial goes on everywhere"
    desk.keys("Escape")
    desk.wait_gone(GENERATE)

    desk.open(SETTINGS)
    save_key(desk)
    desk.open(EDIT)
    told = desk.wait_told(EDIT, "to venice", "$0.04")
    assert "No API key" not in told
    send(desk, EDIT)
    assert len(posts(server)) == 1


def test_a_key_saved_meanwhile_is_seen_when_one_comes_back(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    without_key(desk)
    desk.open(EDIT)
    desk.type("make it pink")
    desk.wait_told(EDIT, "No API key is set")
    desk.click(EDIT, "Settings...", "button")
    save_key(desk)
    until(lambda: "No API key is set" not in desk.told(EDIT))
    send(desk, EDIT)
    assert len(posts(server)) == 1


def test_while_settings_are_open_nothing_is_sent_behind_them(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    without_key(desk)
    before = jobs(desk)
    desk.open(EDIT)
    desk.type("make it pink")
    desk.wait_told(EDIT, "No API key is set")
    behind = [desk.find(EDIT, name, "button") for name in ("Send", "Settings...")]
    desk.press(behind[1])
    desk.wait_for(SETTINGS)
    for button in behind:
        desk.press(button)
    time.sleep(0.5)
    assert desk.window(SETTINGS) != ""
    desk.click(SETTINGS, "Cancel", "button")
    desk.wait_gone(SETTINGS)
    time.sleep(0.5)
    assert desk.window(EDIT) != ""
    desk.find(EDIT, "Send", "button")
    assert jobs(desk) == before
    desk.keys("Escape")


def test_an_error_that_is_mended_goes(desk: Desk, server: Sandbox, picture: tuple[int, int]) -> None:
    without_key(desk)
    desk.open(EDIT)
    desk.type("make it pink")
    desk.wait_told(EDIT, "No API key is set")
    desk.click(EDIT, "Send", "button")
    desk.wait_told(EDIT, "No API key is set for venice.")
    desk.click(EDIT, "Settings...", "button")
    save_key(desk)
    until(lambda: "No API key is set" not in desk.told(EDIT))
    send(desk, EDIT)
    assert len(posts(server)) == 1


def test_the_sandbox_can_be_tried_after_a_key_was_refused(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    server.switch(status=401)
    desk.open(EDIT)
    desk.type("make it pink")
    desk.click(EDIT, "Send", "button")
    desk.wait_told(EDIT, "did not accept the API key")
    desk.click(EDIT, "Try the Sandbox", "button")
    told = desk.wait_told(EDIT, "to sandbox", "Costs nothing")
    assert "API key" not in told
    send(desk, EDIT)
    until(lambda: len(desk.layers(image)) == 2)


def test_the_fold_says_what_in_it_differs(desk: Desk, server: Sandbox, picture: tuple[int, int]) -> None:
    desk.open(EDIT)
    desk.type("make it pink")
    assert desk.find(EDIT, "Options")["name"] == "Options"
    desk.keys("alt+o", "alt+i", "ctrl+a")
    desk.type("4")
    desk.keys("Tab", "alt+y", "Down")
    keep(desk, "options-differ")
    desk.keys("alt+o")
    until(lambda: desk.find(EDIT, "Options")["name"] == "Options: 4 variations, all visible layers")
    desk.wait_told(EDIT, "$0.16")
    send(desk, EDIT)
    assert len(posts(server)) == 4
    desk.open(EDIT)
    assert desk.find(EDIT, "Options")["name"] == "Options: 4 variations, all visible layers"
    keep(desk, "options-folded")
    desk.keys("Escape")


# What is told before


def test_the_line_follows_the_selection(desk: Desk, server: Sandbox, picture: tuple[int, int]) -> None:
    image, _ = picture
    desk.open(EDIT)
    desk.type("make it pink")
    first = desk.wait_told(EDIT, "Sends")
    desk.select(image, (20, 20, 100, 100), "rectangle")
    until(lambda: desk.told(EDIT) != first, 4)
    desk.select(image, (20, 20, 100, 100), "ellipse")  # within the same bounds
    time.sleep(2.5)
    send(desk, EDIT)
    assert len(posts(server)) == 1, "what is sent had been told"


def test_quick_mask_and_an_edited_mask_are_told(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, layer = picture
    desk.add_mask(layer, (600, 400, b"\xff" * 240_000))
    desk.set_property(layer, edit_mask=True)
    desk.focus_image()
    desk.open(EDIT)
    assert "mask is being edited" in desk.wait_told(EDIT, "Sends")
    desk.keys("Escape")
    desk.wait_gone(EDIT)
    desk.focus_image()
    desk.keys("shift+q")
    time.sleep(0.5)
    desk.focus_image()
    desk.keys(
        "alt+r", "Up", "Right", "Return"
    )  # as `open`, but GIMP has chosen the mask in place of the layer
    desk.wait_for(MESSAGE)
    keep(desk, "quick-mask-chosen")
    desk.dismiss_message()
    desk.select_layers(image, [layer])
    desk.open(EDIT)
    assert "Quick Mask is on" in desk.wait_told(EDIT, "Sends")
    keep(desk, "quick-mask")
    desk.keys("Escape")
    desk.wait_gone(EDIT)
    desk.focus_image()
    desk.keys("shift+q")
    time.sleep(0.5)
    desk.set_property(layer, edit_mask=False, visible=False)
    desk.open(EDIT)
    desk.wait_told(EDIT, "selected layer is hidden")
    desk.set_property(layer, visible=True)
    until(lambda: "hidden" not in desk.told(EDIT))
    desk.keys("Escape")


def test_what_the_image_cannot_hold_is_told_before(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, layer = picture
    desk.set_property(layer, opacity=50.0)
    desk.convert(image, "indexed")
    desk.open(EDIT)
    told = desk.wait_told(EDIT, "Sends")
    assert "limited to the colors of its palette" in told
    assert "its own mode or opacity" in told
    keep(desk, "indexed")
    desk.keys("Escape")


def test_what_a_selection_means_for_a_cutout_and_an_upscaled_layer_is_told(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    desk.open(REMOVE)
    assert "selection limits the cutout, so the source layer stays visible" in desk.wait_told(REMOVE, "Sends")
    desk.keys("Escape")
    desk.wait_gone(REMOVE)
    desk.open(UPSCALE)
    assert "the whole layer is upscaled" in desk.wait_told(UPSCALE, "Sends")
    desk.keys("Escape")


# Cancelling


def begin(desk: Desk, server: Sandbox, seconds: float) -> None:
    """A run whose answer takes so long, wholly sent."""
    server.switch(stall=seconds, stall_at="answer")
    desk.open(EDIT)
    desk.type("changed my mind")
    desk.keys("ctrl+Return")
    until(lambda: jobs(desk) and jobs(desk)[-1]["status"] == "sent")
    desk.keys("Escape")
    desk.find(QUESTION, "Keep Waiting", "button")


def test_cancel_after_the_upload_asks_once_and_one_can_keep_waiting(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    begin(desk, server, 6)
    keep(desk, "keep-waiting")
    desk.keys("Escape")
    time.sleep(0.5)
    assert desk.seen(QUESTION) == [], "Escape keeps waiting, and nothing else is asked"
    desk.wait_gone(EDIT)
    assert len(desk.layers(image)) == 2
    assert jobs(desk)[-1]["status"] == "placed"


def test_an_answer_that_comes_while_one_is_asked_is_placed(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    begin(desk, server, 4)
    desk.wait_gone(EDIT)
    assert len(desk.layers(image)) == 2
    assert desk.seen(QUESTION) == []
    assert desk.plug_in_pid() is None


def test_stopping_loses_the_result_and_says_that_it_may_be_charged(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    image, _ = picture
    begin(desk, server, 20)
    desk.click(QUESTION, "Stop and Discard", "button")
    desk.wait_told(EDIT, "Cancelled", "may have been charged")
    keep(desk, "stopped")
    assert (jobs(desk)[-1]["status"], jobs(desk)[-1]["charge"]) == ("cancelled", "possible")
    assert len(desk.layers(image)) == 1
    desk.keys("Escape")


# Errors and help


def test_an_error_looks_like_one_and_its_details_are_behind_a_fold(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    desk.open(EDIT)
    desk.type("make it pink")
    server.switch(drop="after_body")
    desk.keys("ctrl+Return")
    told = desk.wait_told(EDIT, "connection was lost", "may have been charged")
    assert "Errno" not in told
    desk.find(EDIT, "Error", "icon")
    keep(desk, "error-with-icon")
    server.reset()
    desk.click(EDIT, "Details")
    desk.wait_told(EDIT, "ConnectionResetError")
    keep(desk, "error-with-details")
    desk.keys("Escape")


@pytest.mark.parametrize("title", [EDIT, GENERATE, REMOVE, UPSCALE])
def test_help_helps(desk: Desk, picture: tuple[int, int], title: str) -> None:
    desk.open(title)
    desk.click(title, "Help", "button")
    desk.wait_told(f"Help: {title}", "only when you press Send")
    widgets = desk.widgets(f"Help: {title}")
    keep(desk, f"help-{title.split(maxsplit=1)[0].lower()}")
    desk.keys("Escape")
    desk.wait_gone(f"Help: {title}")
    desk.wait_for(title)
    desk.keys("F1")
    desk.wait_told(f"Help: {title}", "only when you press Send")
    desk.click(title, "Help", "button")
    time.sleep(0.5)
    assert len(desk.widgets(f"Help: {title}")) == len(widgets), "there is one such window"
    desk.keys("Escape", "Escape")


@pytest.mark.parametrize("title", [EDIT, GENERATE, REMOVE, UPSCALE, SETTINGS, NEW_PROVIDER])
def test_every_option_has_a_tooltip(desk: Desk, picture: tuple[int, int], title: str) -> None:
    desk.open(SETTINGS if title == NEW_PROVIDER else title)
    if title == NEW_PROVIDER:
        desk.keys("alt+n")
        desk.wait_for(NEW_PROVIDER)
    if title in (EDIT, GENERATE):
        desk.keys("alt+o")
        time.sleep(0.5)
    options = [
        widget
        for widget in desk.seen(title)
        if widget["role"] in ("spin button", "combo box", "text", "password text", "check box")
    ]
    assert len(options) >= 2
    assert [widget for widget in options if not widget["about"]] == []
    desk.keys("Escape", "Escape")


def test_a_typed_key_is_there_again_after_a_look_at_another_provider(
    desk: Desk, server: Sandbox, picture: tuple[int, int]
) -> None:
    without_key(desk)
    desk.open(SETTINGS)
    desk.keys("alt+k")
    desk.type(SECRET)
    desk.keys("alt+p", "Down")
    desk.wait_told(SETTINGS, "OPENAI_BASE_URL")
    desk.keys("alt+k")
    desk.type("sk-openai-4712")
    desk.keys("alt+p", "Up")
    until(lambda: "OPENAI_BASE_URL" not in desk.told(SETTINGS))
    desk.keys("alt+n")
    desk.wait_for(NEW_PROVIDER)
    for row, text in {"n": "studio", "a": server.url_for("self-hosted")}.items():
        desk.keys(f"alt+{row}")
        desk.type(text)
    desk.keys("Return")
    desk.wait_gone(NEW_PROVIDER)
    desk.find(SETTINGS, "Save", "button")  # drawn anew where the other window was
    keep(desk, "settings-key-kept")
    desk.keys("alt+s")
    desk.wait_gone(SETTINGS)
    keys = (desk.home / "keys.json").read_text("utf-8")
    assert SECRET in keys
    assert "sk-openai-4712" in keys, "both were typed, and Save was pressed"
