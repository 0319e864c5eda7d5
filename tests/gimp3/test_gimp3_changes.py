"""An edit's output `changes`: a layer mask that shows only what the model really changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gimp3_machine import Gimp
from pictures import Array, array, check_equal, photo, raw
from PIL import Image

from venice_core.sandbox import Sandbox, picture_effects

EDIT = "plug-in-venice-edit"
SIZE, AT = (480, 360), (30, 25)
BOX = (180, 120, 300, 230)
FAR = 24  # px: from a change on, nothing is touched


@pytest.fixture
def a_hat(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox answers with noise all over, and a plain box as the only change."""

    def edited(sources: list[Image.Image]) -> Image.Image:
        picture = np.asarray(sources[0].convert("RGB"))
        noise = np.random.default_rng(5).normal(0.0, 2.0, picture.shape)
        made = Image.fromarray(np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8))
        made.paste((200, 30, 120), BOX)
        return made

    monkeypatch.setattr(picture_effects, "multi_edit", edited)


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(600, 400)
    gimp.add_layer(image, raw(photo("chelsea", 600, 400)), name="behind")
    layer = gimp.add_layer(image, raw(photo("astronaut", *SIZE)), AT, "source")
    gimp.select_layers(image, [layer])
    return image, layer


def box(margin: int = 0, at: tuple[int, int] = (0, 0), size: tuple[int, int] = SIZE) -> Any:
    left, top, right, bottom = BOX
    x, y = at
    where = np.zeros(size[::-1], bool)
    where[y + top - margin : y + bottom + margin, x + left - margin : x + right + margin] = True
    return where


def mask_of(gimp: Gimp, layer: int) -> Array:
    described = gimp.describe(layer)
    assert (described["offsets"], described["size"]) == (AT, SIZE)
    assert described["mask_use"][0], "the layer mask is in force"
    return np.asarray(array(gimp.pixels(described["mask_id"], "Y u8")), np.uint8)


@pytest.mark.usefixtures("a_hat")
def test_the_layer_mask_shows_the_change_and_nothing_else(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    before = array(gimp.visible(image))
    run = gimp.run(EDIT, image, [source], prompt="a hat", output="changes")
    assert run["error"] == ""
    (new,) = run["layers"]
    mask = mask_of(gimp, new)
    assert (mask[box()] == 255).all()
    assert not mask[~box(FAR)].any()
    after = array(gimp.visible(image))
    elsewhere = ~box(FAR, AT, (600, 400))
    check_equal(
        np.where(elsewhere[..., None], after, 0), np.where(elsewhere[..., None], before, 0), "elsewhere"
    )
    changed = after[box(at=AT, size=(600, 400))][:, :3]
    assert np.abs(changed.astype(int) - (200, 30, 120)).max() <= 3


@pytest.mark.usefixtures("a_hat")
def test_a_selection_limits_the_changes(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    gimp.select(image, (AT[0] + 100, AT[1] + 60, 150, 120), "rectangle")
    before = array(gimp.visible(image))
    run = gimp.run(
        EDIT, image, [source], prompt="a hat", output="changes", selection="local", context=2000, feather=0
    )
    assert run["error"] == ""
    coverage = array(gimp.coverage(image))
    mask = mask_of(gimp, run["layers"][0])
    assert (mask <= coverage[AT[1] : AT[1] + SIZE[1], AT[0] : AT[0] + SIZE[0]]).all()
    both = box() & (coverage[AT[1] : AT[1] + SIZE[1], AT[0] : AT[0] + SIZE[0]] == 255)
    assert (mask[both] == 255).all()
    assert not mask[~box(FAR)].any()
    outside = np.where(coverage[..., None] > 0, before, array(gimp.visible(image)))
    check_equal(outside, before, "outside the selection")


def test_an_answer_without_a_change_shows_nothing(gimp: Gimp, sandbox: Sandbox) -> None:
    sandbox.switch(identity=True)
    image, source = make_photo(gimp)
    before = array(gimp.visible(image))
    run = gimp.run(EDIT, image, [source], prompt="a hat", output="changes")
    assert run["error"] == ""
    assert not mask_of(gimp, run["layers"][0]).any()
    check_equal(array(gimp.visible(image)), before, "what is visible")


@pytest.mark.usefixtures("a_hat")
def test_without_a_word_about_it_there_is_no_mask(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    (new,) = gimp.run(EDIT, image, [source], prompt="a hat")["layers"]
    assert gimp.describe(new)["mask"] is None
