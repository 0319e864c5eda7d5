"""Generate Layer: a new layer that fits the canvas or the selection, and nothing else touched."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from expected import Coverage, Rectangle
from gimp3_machine import KEY, Gimp
from pictures import Array, array, check_equal, decoded, levels, photo, raw
from PIL import Image
from support import posts
from test_gimp3_edit import untouched
from test_gimp3_refusals import Jobs, check_refused

from venice_core.sandbox import Sandbox, drawings

GENERATE = "plug-in-venice-generate"
MODEL = "z-image-turbo"
SIDE = 256  # a square canvas: it is made at 1024 px, four by four for a pixel


def make_photo(gimp: Gimp, width: int = SIDE, height: int = SIDE) -> tuple[int, int]:
    image = gimp.new_image(width, height)
    layer = gimp.add_layer(image, raw(photo("coffee", width, height)))
    gimp.select_layers(image, [layer])
    return image, layer


def drawn(prompt: str, side: int, seed: int = 0, number: int = 0) -> Any:
    """What the sandbox draws for a square, as means over the pixels of which each is made."""
    factor = 1024 // side
    picture = np.asarray(drawings.draw(prompt, seed, number, (1024, 1024)), np.float64)
    return picture.reshape(side, factor, side, factor, 3).mean(axis=(1, 3))


def support_of(coverage: Coverage) -> Rectangle:
    rows, columns = np.flatnonzero(coverage.any(1)), np.flatnonzero(coverage.any(0))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y


def test_it_is_registered_as_it_is_promised(gimp: Gimp) -> None:
    found = gimp.signature(GENERATE)
    assert found["label"].replace("_", "") == "Generate Layer..."
    assert found["menus"] == ["<Image>/Filters/Venice"]
    assert found["returns"][-1] == "layers"
    promised = {
        "prompt": "",
        "negative-prompt": "",
        "model": "",
        "style": "",
        "seed": -1,
        "variations": 1,
        "aspect-ratio": "",
        "resolution": "",
        "safe-mode": True,
        "provider": "",
    }
    assert list(found["arguments"]) == ["run-mode", "image", "drawables", *promised]
    assert {name: found["arguments"][name] for name in promised} == promised


def test_on_an_image_without_layers_it_is_the_first_and_covers_the_canvas(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs
) -> None:
    image = gimp.new_image(SIDE, SIDE)
    run = gimp.run(GENERATE, image, [], prompt="a red boat")
    assert run["error"] == ""
    (layer,) = gimp.tree(image)
    assert [layer["id"]] == run["layers"]
    assert (layer["offsets"], layer["size"], layer["mask"]) == ((0, 0), (SIDE, SIDE), None)
    assert (layer["mode"], layer["opacity"], layer["visible"]) == ("normal", 100.0, True)
    assert layer["name"] == f"a red boat · {MODEL} · sandbox, no AI"
    pixels = array(gimp.pixels(layer["id"], "R'G'B'A u8"))
    check_equal(pixels[..., :3], drawn("a red boat", SIDE), "the picture", tolerance=1.0)
    assert (pixels[..., 3] == 255).all()

    (seen,) = posts(sandbox)
    assert (seen.path, seen.files) == ("/api/v1/image/generate", [])
    assert seen.fields == {
        "model": MODEL,
        "prompt": "a red boat",
        "width": 1024,
        "height": 1024,
        "return_binary": True,
        "format": "png",
    }
    recipe = json.loads(layer["parasites"]["venice-recipe"].decode("ascii"))
    assert (recipe["version"], recipe["action"], recipe["prompt"]) == (1, "generate", "a red boat")
    assert (recipe["model"], recipe["provider"]) == (MODEL, "venice")
    assert recipe["price"]["usd"] > 0
    assert KEY not in str(recipe)
    (job,) = jobs()
    assert recipe["job"] == job.folder.name
    assert job.outcome == ("placed", "none")
    assert {path.name for path in job.folder.iterdir()} == {"job.json", "answer.bin"}


def test_it_lies_directly_above_the_selected_layer_in_its_group(gimp: Gimp) -> None:
    image = gimp.new_image(300, 200)
    gimp.add_layer(image, raw(photo("astronaut", 300, 200)), name="backdrop")
    group = gimp.add_group(image)
    source = gimp.add_layer(image, raw(photo("coffee", 100, 80)), (150, 90), "source", group)
    gimp.add_layer(image, raw(photo("chelsea", 50, 40)), (10, 10), "above", group)
    gimp.select_layers(image, [source])
    before = gimp.snapshot(image)
    run = gimp.run(GENERATE, image, [source], prompt="a lake")
    assert run["error"] == ""
    children = gimp.tree(image)[0]["children"]
    (new,) = run["layers"]
    assert [child["name"] for child in children][::2] == ["above", "source"]
    assert children[1]["id"] == new
    assert (children[1]["offsets"], children[1]["size"]) == ((0, 0), (300, 200)), "the canvas"
    after = gimp.snapshot(image)
    for snapshot in (before, after):  # a group is as large as what is in it
        for name in ("size", "offsets"):
            del snapshot["layers"][0][name]
    assert untouched(after, new) == untouched(before)


def channel(gimp: Gimp, image: int, layers: list[int]) -> list[int]:
    return [gimp.add_channel(image)]


def layer_mask(gimp: Gimp, image: int, layers: list[int]) -> list[int]:
    return [gimp.add_mask(layers[0], raw(np.full((SIDE, SIDE), 90, np.uint8)))]


def both_layers(gimp: Gimp, image: int, layers: list[int]) -> list[int]:
    return layers


def nothing(gimp: Gimp, image: int, layers: list[int]) -> list[int]:
    return []


def whole_group(gimp: Gimp, image: int, layers: list[int]) -> list[int]:
    return [gimp.add_group(image, position=1)]


@pytest.mark.parametrize(
    ("given", "place"),
    [(channel, 0), (nothing, 0), (layer_mask, 2), (both_layers, 1), (whole_group, 1)],
)
def test_where_it_lies_depends_on_what_was_selected(gimp: Gimp, given: Any, place: int) -> None:
    image, lowest = make_photo(gimp)
    middle = gimp.add_layer(image, raw(photo("chelsea", 50, 50)), name="middle")
    gimp.add_layer(image, raw(photo("chelsea", 50, 50)), name="top")
    drawables = given(gimp, image, [lowest, middle])
    before = gimp.snapshot(image)
    run = gimp.run(GENERATE, image, drawables, prompt="a lake")
    assert run["error"] == ""
    (new,) = run["layers"]
    assert [layer["id"] for layer in gimp.tree(image)].index(new) == place
    assert untouched(gimp.snapshot(image), new) == untouched(before)


@pytest.mark.parametrize("mode", ["8 bit", "32 bit float"])
@pytest.mark.parametrize("feather", [0.0, 17.0])
def test_with_a_selection_it_fills_the_support_through_the_coverage(
    gimp: Gimp, sandbox: Sandbox, mode: str, feather: float
) -> None:
    image, layer = make_photo(gimp, 400, 300)
    if mode == "32 bit float":  # where GIMP's own bounds of a soft selection are the whole image
        gimp.convert(image, precision="FLOAT_LINEAR")
    gimp.select(image, (90, 60, 200, 150), feather=feather)
    coverage = array(gimp.coverage(image))
    x, y, width, height = support = support_of(coverage)
    before, seen_before = gimp.snapshot(image), array(gimp.visible(image))

    run = gimp.run(GENERATE, image, [layer], prompt="a boat")

    assert run["error"] == ""
    (new,) = run["layers"]
    facts = gimp.describe(new)
    assert (*facts["offsets"], *facts["size"]) == support
    assert facts["mask_use"][0]
    mask = array(gimp.pixels(facts["mask_id"], "Y u8"))
    check_equal(mask, coverage[y : y + height, x : x + width], "the layer mask")
    seen_after = array(gimp.visible(image))
    seen_outside = np.where(coverage[..., None] > 0, seen_before, seen_after)
    check_equal(seen_outside, seen_before, f"{mode}, what is visible outside the selection")
    assert not np.array_equal(seen_after, seen_before)
    assert untouched(gimp.snapshot(image), new) == untouched(before)
    fields = posts(sandbox)[0].fields
    assert fields["width"] / fields["height"] == pytest.approx(width / height, rel=0.02)


def test_a_rectangle_shows_exactly_what_was_made_for_it(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp, 400, 300)
    gimp.select(image, (100, 20, SIDE, SIDE), "rectangle")
    gimp.run(GENERATE, image, [layer], prompt="a boat")
    seen = array(gimp.visible(image, "R'G'B' u8"))[20 : 20 + SIDE, 100 : 100 + SIDE]
    check_equal(seen, drawn("a boat", SIDE), "within the selection", tolerance=1.0)


@pytest.mark.parametrize("ratio", ["1:1", "9:16", "3:1"])
def test_a_picture_of_another_shape_is_cut_and_not_stretched(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, ratio: str
) -> None:
    image = gimp.new_image(300, 200)
    run = gimp.run(GENERATE, image, [], prompt="a boat", aspect_ratio=ratio)
    assert run["error"] == ""
    made = decoded(jobs()[0].answer)
    asked = posts(sandbox)[0].fields
    across, down = map(int, ratio.split(":"))
    assert asked["width"] / asked["height"] == pytest.approx(across / down, rel=0.02)
    assert made.shape[:2] == (asked["height"], asked["width"])

    def fitted(box: tuple[float, ...]) -> Array:
        return np.asarray(Image.fromarray(made).resize((300, 200), Image.Resampling.BOX, box))

    height, width = made.shape[:2]
    factor = max(300 / width, 200 / height)
    left, top = (width - 300 / factor) / 2, (height - 200 / factor) / 2
    cut = fitted((left, top, width - left, height - top))
    stretched = fitted((0, 0, width, height))
    found = array(gimp.pixels(run["layers"][0], "R'G'B' u8")).astype(int)
    assert np.abs(found - cut).mean() < 2.0, "the middle of what was made"
    assert np.abs(found - stretched).mean() > 4 * np.abs(found - cut).mean()


@pytest.mark.parametrize("size", [(1, 1), (700, 10), (33, 517), (1500, 1100)])
def test_a_canvas_of_any_size_is_covered_exactly(gimp: Gimp, size: tuple[int, int]) -> None:
    image = gimp.new_image(*size)
    run = gimp.run(GENERATE, image, [], prompt="a boat")
    assert run["error"] == ""
    facts = gimp.describe(run["layers"][0])
    assert (facts["offsets"], facts["size"]) == ((0, 0), size)
    assert (array(gimp.pixels(facts["id"], "R'G'B'A u8"))[..., 3] == 255).all()


def test_options_travel_under_the_services_names(gimp: Gimp, sandbox: Sandbox) -> None:
    image = gimp.new_image(SIDE, SIDE)
    run = gimp.run(
        GENERATE,
        image,
        [],
        prompt="a boat",
        negative_prompt="people",
        style="watercolor",
        seed=42,
        safe_mode=False,
    )
    assert run["error"] == ""
    fields = posts(sandbox)[0].fields
    assert (fields["negative_prompt"], fields["style_preset"]) == ("people", "Watercolor")
    assert (fields["seed"], fields["safe_mode"]) == (42, False)
    found = array(gimp.pixels(run["layers"][0], "R'G'B' u8"))
    check_equal(found, drawn("a boat", SIDE, seed=42), "the picture of that seed", tolerance=1.0)


@pytest.mark.parametrize("seed", [0, -7])
def test_only_minus_one_means_a_random_seed(gimp: Gimp, sandbox: Sandbox, seed: int) -> None:
    image = gimp.new_image(SIDE, SIDE)
    gimp.run(GENERATE, image, [], prompt="a boat", seed=seed)
    assert posts(sandbox)[0].fields["seed"] == seed


def test_a_model_with_tiers_is_asked_by_resolution(gimp: Gimp, sandbox: Sandbox) -> None:
    image = gimp.new_image(300, 200)
    run = gimp.run(GENERATE, image, [], prompt="a boat", model="grok-imagine-image", resolution="2K")
    assert run["error"] == ""
    fields = posts(sandbox)[0].fields
    assert (fields["model"], fields["resolution"]) == ("grok-imagine-image", "2K")
    assert "width" not in fields
    assert gimp.describe(run["layers"][0])["size"] == (300, 200)


def test_variations_are_one_request_and_lie_in_a_group(gimp: Gimp, sandbox: Sandbox, jobs: Jobs) -> None:
    image, layer = make_photo(gimp)
    gimp.select(image, (50, 40, 128, 128), "rectangle")
    before = gimp.snapshot(image)
    run = gimp.run(GENERATE, image, [layer], prompt="a boat", variations=3, seed=5)
    assert run["error"] == ""
    (seen,) = posts(sandbox)
    assert seen.fields["variants"] == 3
    group, below = gimp.tree(image)
    assert below["id"] == layer
    children = group["children"]
    assert [child["id"] for child in children] == run["layers"], "topmost first"
    assert [child["visible"] for child in children] == [True, False, False]
    assert (group["mode"], group["opacity"], group["visible"]) == ("normal", 100.0, True)
    assert [child["name"][:4] for child in children] == ["1 · ", "2 · ", "3 · "]
    for number, child in enumerate(children):
        assert (*child["offsets"], *child["size"]) == (50, 40, 128, 128)
        found = array(gimp.pixels(child["id"], "R'G'B' u8"))
        check_equal(found, drawn("a boat", 128, 5, number), f"variation {number + 1}", tolerance=1.0)
        assert (array(gimp.pixels(child["mask_id"], "Y u8")) == 255).all()
        assert "venice-recipe" in child["parasites"]
    assert untouched(gimp.snapshot(image), group["id"]) == untouched(before)
    (job,) = jobs()
    assert job.outcome == ("placed", "none")


MODES: dict[str, dict[str, Any]] = {
    "16 bit linear": {"precision": "U16_LINEAR"},
    "16 bit AdobeRGB": {"precision": "U16_NON_LINEAR", "adobe_rgb": True},
    "32 bit float": {"precision": "FLOAT_LINEAR"},
    "grayscale": {"base": "gray"},
    "indexed": {"base": "indexed"},
}


@pytest.mark.parametrize("mode", MODES)
def test_it_works_in_every_mode_in_the_colors_that_were_made(gimp: Gimp, sandbox: Sandbox, mode: str) -> None:
    image, layer = make_photo(gimp)
    gimp.convert(image, **MODES[mode])
    before, printed = gimp.snapshot(image), len(gimp.log())
    run = gimp.run(GENERATE, image, [layer], prompt="a boat")
    assert run["error"] == ""
    (new,) = run["layers"]
    assert untouched(gimp.snapshot(image), new) == untouched(before)
    found, made = levels(gimp.pixels(new, "R'G'B'A float"))[..., :3], drawn("a boat", SIDE)
    if mode == "grayscale":
        linear = np.where(made <= 10.31, made / 255 / 12.92, ((made / 255 + 0.055) / 1.055) ** 2.4)
        light = linear @ (0.2225, 0.7169, 0.0606)  # sRGB's luminance, as D50 sees it
        gray = 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        check_equal(found[..., 1], gray, "the light of what was made", tolerance=1.5)
        assert "grayscale" in gimp.log()[printed:], "people are told"
    elif mode == "indexed":
        palette = np.unique(levels(gimp.pixels(layer, "R'G'B'A float"))[..., :3].reshape(-1, 3), axis=0)
        own = np.unique(found.reshape(-1, 3), axis=0)
        assert np.abs(own[:, None] - palette[None]).max(axis=-1).min(axis=1).max() < 1.0
        assert "palette" in gimp.log()[printed:]
    else:
        check_equal(found, made, f"{mode}, the colors", tolerance=1.01)


def test_it_goes_above_a_group_that_is_locked(gimp: Gimp) -> None:
    image, _ = make_photo(gimp)
    group = gimp.add_group(image)
    inside = gimp.add_layer(image, raw(photo("chelsea", 60, 60)), parent=group)
    gimp.set_property(group, lock_content=True)
    run = gimp.run(GENERATE, image, [inside], prompt="a boat")
    assert run["error"] == ""
    assert [layer["id"] for layer in gimp.tree(image)][:2] == [*run["layers"], group]


def test_the_source_is_never_sent(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    gimp.run(GENERATE, image, [layer], prompt="a boat")
    (seen,) = posts(sandbox)
    assert seen.files == []
    assert seen.bytes_received < 1000


def floating(gimp: Gimp, image: int, layer: int) -> None:
    gimp.select(image, (50, 50, 60, 60), "rectangle")
    gimp.float_selection(image, layer)


def no_key(gimp: Gimp, image: int, layer: int) -> None:
    gimp.use_worker("/usr/bin/env", "-u", "VENICE_API_KEY")


def as_it_is(gimp: Gimp, image: int, layer: int) -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "options", "words"),
    [
        (as_it_is, {"prompt": ""}, "The prompt is empty"),
        (as_it_is, {"prompt": " \n"}, "The prompt is empty"),
        (floating, {}, "floating selection"),
        (no_key, {}, "No API key is set for venice"),
        (as_it_is, {"style": "Watercolr"}, "did you mean Watercolor"),
        (as_it_is, {"model": "firered-image-edit"}, "choose a model that generates"),
        (as_it_is, {"aspect_ratio": "wide"}, "is not an aspect ratio"),
        (as_it_is, {"model": "grok-imagine-image", "resolution": "64K"}, "no resolution “64K”"),
        (as_it_is, {"negative_prompt": "x" * 32_769}, "negative prompt is too long"),
    ],
)
def test_what_cannot_be_asked_for_is_not_sent(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, prepare: Any, options: dict[str, Any], words: str
) -> None:
    image, layer = make_photo(gimp)
    prepare(gimp, image, layer)
    before = gimp.snapshot(image)
    run = gimp.run(GENERATE, image, [layer], **{"prompt": "a boat", **options})
    check_refused(gimp, image, before, run, words)
    assert posts(sandbox) == []
    assert jobs() == []
