"""Generate Layer in GIMP 2.10: over the canvas or the selection, above the layer that was given."""

from __future__ import annotations

import json

import numpy as np
from gimp2_machine import Gimp2
from gimp2_scene import CANVAS, GENERATE, INSIDE, found_in, make_scene, selection_of
from pictures import check_equal, photo
from stack import untouched
from support import posts

from venice_core.sandbox import Sandbox


def test_without_a_selection_it_covers_the_canvas(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    before = gimp.snapshot(scene.image)
    run = gimp.run(GENERATE, scene.image, scene.source, values={"prompt": "a red boat", "seed": 7})
    assert run["error"] == ""
    after = gimp.snapshot(scene.image)
    assert untouched(after, run["layer"]) == untouched(before)
    siblings, place = found_in(after["layers"], run["layer"])
    assert siblings[place + 1]["id"] == scene.source
    layer = siblings[place]
    assert (layer["offsets"], layer["size"], layer["mask"]) == ([0, 0], list(CANVAS), None)
    assert json.loads(layer["recipe"])["action"] == "generate"
    (seen,) = posts(sandbox)
    assert (seen.path, seen.fields["seed"], seen.fields["prompt"]) == (
        "/api/v1/image/generate",
        7,
        "a red boat",
    )


def test_a_selection_limits_it(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    gimp.select(scene.image, INSIDE, feather=10.0)
    coverage = selection_of(gimp, scene.image)
    new = gimp.run(GENERATE, scene.image, scene.source, values={"prompt": "a red boat"})["layer"]
    layer = gimp.describe(new)
    (x, y), (width, height) = layer["offsets"], layer["size"]
    mask = np.asarray(gimp.mask_of(new))
    check_equal(mask, coverage[y : y + height, x : x + width], "the layer mask")
    assert np.count_nonzero(mask) == np.count_nonzero(coverage)


def test_without_a_layer_it_lies_at_the_top(gimp: Gimp2) -> None:
    image = gimp.new_image(300, 256)
    gimp.add_layer(image, photo("coffee", 300, 256))
    run = gimp.run(GENERATE, image, None, values={"prompt": "a red boat"})
    assert run["error"] == ""
    assert gimp.snapshot(image)["layers"][0]["id"] == run["layer"]


def test_an_empty_image_gets_its_first_layer(gimp: Gimp2) -> None:
    image = gimp.new_image(300, 256)
    run = gimp.run(GENERATE, image, None, values={"prompt": "a red boat"})
    assert run["error"] == ""
    assert [layer["id"] for layer in gimp.snapshot(image)["layers"]] == [run["layer"]]


def test_variations_are_shown_one_at_a_time(gimp: Gimp2, sandbox: Sandbox) -> None:
    scene = make_scene(gimp)
    first = gimp.run(GENERATE, scene.image, scene.source, values={"prompt": "boat", "variations": 2})["layer"]
    siblings, place = found_in(gimp.snapshot(scene.image)["layers"], first)
    assert (place, [layer["visible"] for layer in siblings]) == (0, [1, 0])
