"""The newest result is what one sees; a cutout hides its source; what shows nothing is not sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gimp3_machine import Gimp
from pictures import array, check_equal, photo, raw
from support import posts
from test_gimp3_habits import make_photo

from venice_core.sandbox import Sandbox

EDIT, CUTOUT = "plug-in-venice-edit", "plug-in-venice-remove-background"
GENERATE, UPSCALE = "plug-in-venice-generate", "plug-in-venice-upscale"


def order(gimp: Gimp, image: int) -> list[int]:
    return [layer["id"] for layer in gimp.tree(image)]


def recipe(gimp: Gimp, layer: int) -> dict[str, Any]:
    return dict(json.loads(gimp.describe(layer)["parasites"]["venice-recipe"]))


def make(gimp: Gimp, procedure: str, image: int, layer: int, **options: Any) -> int:
    run = gimp.run(procedure, image, [layer], **options)
    assert run["error"] == ""
    return int(run["layers"][0])


def seen(gimp: Gimp, image: int) -> Any:
    return array(gimp.visible(image, "R'G'B'A u8"))[10:290, 10:370]


@pytest.mark.parametrize("first", [EDIT, CUTOUT, GENERATE])
@pytest.mark.parametrize("second", [EDIT, CUTOUT, GENERATE])
def test_each_new_result_is_what_one_sees(gimp: Gimp, sandbox: Sandbox, first: str, second: str) -> None:
    image, source = make_photo(gimp)
    prompts = [{} if each == CUTOUT else {"prompt": "pink"} for each in (first, second)]
    one = make(gimp, first, image, source, **prompts[0])
    other = make(gimp, second, image, source, **prompts[1])
    assert order(gimp, image) == [other, one, source]
    assert recipe(gimp, one)["source"] == recipe(gimp, other)["source"] == gimp.describe(source)["tattoo"]


def test_a_result_of_a_result_is_above_it_and_below_the_next_one_of_the_source(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    one = make(gimp, EDIT, image, source, prompt="pink")
    other = make(gimp, EDIT, image, one, prompt="blue")
    assert order(gimp, image) == [other, one, source]
    third = make(gimp, EDIT, image, source, prompt="green")
    assert order(gimp, image) == [third, other, one, source]


def test_other_layers_stay_where_they_are(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    frame = gimp.add_layer(image, raw(photo("chelsea", 50, 50)), (20, 20), "frame")
    one = make(gimp, EDIT, image, source, prompt="pink")
    assert order(gimp, image) == [frame, one, source], "a layer of the user's is no result"
    other = make(gimp, EDIT, image, source, prompt="blue")
    assert order(gimp, image) == [frame, other, one, source]


def test_what_is_made_of_all_that_is_visible_lies_above_all_of_it(gimp: Gimp, sandbox: Sandbox) -> None:
    image, _ = make_photo(gimp)
    group = gimp.add_group(image)
    source = gimp.add_layer(image, raw(photo("chelsea", 360, 280)), (10, 10), "inside", group)
    top = gimp.add_layer(image, raw(photo("astronaut", 60, 50)), (30, 30), "on top")
    before = seen(gimp, image)
    sandbox.switch(identity=True)
    new = make(gimp, EDIT, image, source, prompt="nothing", sample="visible")
    assert order(gimp, image)[:3] == [new, top, group]
    check_equal(seen(gimp, image), before, "what is visible: all of it was sent")
    variations = gimp.run(EDIT, image, [source], prompt="nothing", sample="visible", variations=2)["layers"]
    newest = gimp.tree(image)[0]
    assert [child["id"] for child in newest["children"]] == variations


def test_it_holds_after_saving_and_loading(gimp: Gimp, tmp_path: Path) -> None:
    image, source = make_photo(gimp)
    make(gimp, EDIT, image, source, prompt="first")
    gimp.save(image, str(tmp_path / "saved.xcf"))
    loaded = gimp.load(str(tmp_path / "saved.xcf"))
    first, source = order(gimp, loaded)
    second = make(gimp, EDIT, loaded, source, prompt="second")
    assert order(gimp, loaded) == [second, first, source]


def test_results_of_the_first_release_count_as_made_from_the_layer_below(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    old = [gimp.add_layer(image, raw(photo("chelsea", 50, 50)), name=name) for name in ("older", "newer")]
    for layer in old:
        gimp.attach(layer, "venice-recipe", '{"action": "edit", "version": 1}')
    new = make(gimp, EDIT, image, source, prompt="pink")
    assert order(gimp, image) == [new, *old[::-1], source]


@pytest.mark.parametrize("output", ["layer", "mask"])
def test_the_source_of_a_cutout_is_hidden(gimp: Gimp, sandbox: Sandbox, output: str) -> None:
    image, source = make_photo(gimp)
    before = seen(gimp, image)
    make(gimp, CUTOUT, image, source, output=output)
    assert not gimp.describe(source)["visible"]
    assert (before[..., 3] == 255).all()
    assert (seen(gimp, image)[..., 3] == 0).mean() > 0.05, "the background is gone"
    again = make(gimp, CUTOUT, image, source, output=output)
    assert order(gimp, image)[0] == again, "a hidden source can be used again"


def test_the_source_of_a_cutout_stays_visible_where_that_is_wanted_or_a_selection_limits_it(
    gimp: Gimp, sandbox: Sandbox
) -> None:
    image, source = make_photo(gimp)
    make(gimp, CUTOUT, image, source, hide_source=False)
    assert gimp.describe(source)["visible"]
    gimp.select(image, (60, 60, 150, 150))
    make(gimp, CUTOUT, image, source)
    assert gimp.describe(source)["visible"]


def test_a_source_whose_visibility_is_locked_stays_visible_with_a_word(gimp: Gimp) -> None:
    image, source = make_photo(gimp)
    gimp.set_property(source, lock_visibility=True)
    printed = len(gimp.log())
    make(gimp, CUTOUT, image, source)
    assert gimp.describe(source)["visible"]
    assert "visibility is locked" in gimp.log()[printed:]


def black_mask(gimp: Gimp, image: int, layer: int) -> None:
    gimp.add_mask(layer, (360, 280, bytes(360 * 280)))


def nothing_in_it(gimp: Gimp, image: int, layer: int) -> None:
    gimp.clear(layer)


def nothing_where_it_is_selected(gimp: Gimp, image: int, layer: int) -> None:
    coverage = np.full((280, 360), 0, np.uint8)
    coverage[:, :60] = 255
    gimp.add_mask(layer, raw(coverage))
    gimp.select(image, (250, 100, 40, 40))


@pytest.mark.parametrize(
    ("procedure", "prepare"),
    [
        *(
            (procedure, prepare)
            for procedure in (EDIT, CUTOUT, UPSCALE)
            for prepare in (black_mask, nothing_in_it)
        ),
        *((procedure, nothing_where_it_is_selected) for procedure in (EDIT, CUTOUT)),
    ],
)
def test_what_shows_nothing_is_not_sent(gimp: Gimp, sandbox: Sandbox, procedure: str, prepare: Any) -> None:
    image, source = make_photo(gimp)
    prepare(gimp, image, source)
    before = gimp.snapshot(image)
    options = {"prompt": "pink", "variations": 4} if procedure == EDIT else {}
    run = gimp.run(procedure, image, [source], **options)
    assert "Nothing is visible" in run["error"]
    assert posts(sandbox) == []
    assert gimp.snapshot(image) == before


def test_nor_is_a_reference_or_an_image_of_which_nothing_is_visible(gimp: Gimp, sandbox: Sandbox) -> None:
    image, source = make_photo(gimp)
    reference = gimp.add_layer(image, raw(photo("chelsea", 100, 80)), (200, 20), "hat")
    gimp.clear(reference)
    run = gimp.run(EDIT, image, [source, reference], prompt="pink")
    assert "Nothing is visible in the reference layer “hat”" in run["error"]
    gimp.set_property(source, visible=False)
    run = gimp.run(EDIT, image, [source], prompt="pink", sample="visible")
    assert "Nothing is visible" in run["error"]
    assert posts(sandbox) == []
