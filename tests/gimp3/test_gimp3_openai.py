"""Services in OpenAI's manner: exactly in place, and only where it was asked, whatever their dialect."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from expected import Coverage, Rectangle, expected_crop, expected_mask, meet
from gimp3_machine import Gimp
from pictures import Array, array, check_equal, decoded, photo, raw
from support import posts
from test_gimp3_edit import LAYER, Scene, make_scene, selection_of, untouched
from test_gimp3_refusals import Jobs, check_refused

from venice_core.sandbox import Sandbox, drawings, picture_effects

EDIT, GENERATE = "plug-in-venice-edit", "plug-in-venice-generate"
CUTOUT, UPSCALE = "plug-in-venice-remove-background", "plug-in-venice-upscale"
SECRET = "key-0123456789"  # what all keys end with
ELLIPSE, SOFTNESS = (150, 110, 160, 110), 12.0
WORDS = "make it pink"


@pytest.fixture
def scene(gimp: Gimp) -> Scene:
    """With a feathered selection that lies well within the source."""
    made = make_scene(gimp)
    gimp.select(made.image, ELLIPSE, feather=SOFTNESS)
    return made


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    layer = gimp.add_layer(image, raw(photo("coffee", 320, 256)), (10, 10))
    gimp.select_layers(image, [layer])
    return image, layer


def place_of(layer: dict[str, Any]) -> Rectangle:
    return *layer["offsets"], *layer["size"]


def cut(picture: Array, at: Rectangle) -> Array:
    """A part of a picture at (0, 0), which holds 0 beyond its edges."""
    x, y, width, height = at
    left, top, across, down = meet(at, (0, 0, picture.shape[1], picture.shape[0]))
    part = np.zeros((height, width, *picture.shape[2:]), picture.dtype)
    part[top - y : top - y + down, left - x : left - x + across] = picture[
        top : top + down, left : left + across
    ]
    return part


def source_at(place: Rectangle) -> Array:
    """The source's own pixels in a rectangle of the image."""
    x, y, width, height = place
    return cut(photo("coffee", *LAYER[2:]), (x - LAYER[0], y - LAYER[1], width, height))


def check_in_place(layer: dict[str, Any], support: Rectangle) -> None:
    """It covers the selection's surroundings, and no more than the source."""
    place, crop = place_of(layer), expected_crop(support, LAYER)
    assert meet(place, crop) == crop
    assert meet(place, LAYER) == place
    assert (layer["mode"], layer["opacity"], layer["type"]) == ("normal", 100.0, "rgba-image")


def check_only_the_selection_changed(before: Array, after: Array, mask: Coverage) -> None:
    outside = np.where(mask[..., None] > 0, before, after)
    check_equal(outside, before, "what is visible outside the selection")
    tinted = (before[..., :3].astype(float) + picture_effects.TINT) / 2
    wholly = mask == 255
    assert np.abs(after[wholly][:, :3] - tinted[wholly]).mean() < 4, "inside lies what the service made"


@pytest.mark.parametrize(
    ("service", "model"),
    [
        ("openai", "gpt-image-2.6-sunburst"),
        ("grok-relay", "grok-3-image"),
        ("gpt-image-relay", "gpt-image-1"),
    ],
)
def test_a_feathered_selection_limits_the_result_of_every_service(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, scene: Scene, service: str, model: str
) -> None:
    before, seen_before = gimp.snapshot(scene.image), array(gimp.visible(scene.image))
    mask, support = expected_mask(selection_of(gimp, scene.image), LAYER, 0, 0)
    assert ((mask > 0) & (mask < 255)).any(), "it has a soft edge"
    sandbox.switch(drift=True)

    run = gimp.run(EDIT, scene.image, [scene.source], prompt=WORDS, provider=service)

    assert run["error"] == ""
    (new,) = run["layers"]
    layer = gimp.describe(new)
    check_in_place(layer, support)
    assert layer["mask_use"][0], "the layer mask is in force"
    check_equal(array(gimp.pixels(layer["mask_id"], "Y u8")), cut(mask, place_of(layer)), "the layer mask")
    check_only_the_selection_changed(seen_before, array(gimp.visible(scene.image)), mask)
    assert untouched(gimp.snapshot(scene.image), new) == untouched(before), "everything else is as it was"
    siblings = next(each for each in gimp.tree(scene.image) if each["id"] == scene.group)["children"]
    places = [each["id"] for each in siblings]
    assert places.index(new) == places.index(scene.source) - 1, "directly above the source"

    assert layer["name"] == f"{WORDS} · {model} · sandbox, no AI"
    text = layer["parasites"]["venice-recipe"].decode("ascii")
    recipe = json.loads(text)
    assert (recipe["provider"], recipe["model"], recipe["prompt"]) == (service, model, WORDS)
    (job,) = jobs()
    assert recipe["job"] == job.folder.name
    assert job.outcome == ("placed", "none")
    assert SECRET not in text + json.dumps(job.record) + gimp.log()


def test_openai_is_sent_the_selection_as_a_real_mask(gimp: Gimp, sandbox: Sandbox, scene: Scene) -> None:
    (new,) = gimp.run(EDIT, scene.image, [scene.source], prompt=WORDS, provider="openai")["layers"]
    (seen,) = posts(sandbox)
    assert (seen.path, seen.status) == ("/openai/v1/images/edits", 200)
    assert seen.headers["Authorization"] == "Bearer ope***"
    assert {name: seen.fields[name] for name in seen.fields if name != "size"} == {
        "model": "gpt-image-2.6-sunburst",
        "prompt": WORDS,
        "quality": "high",
        "background": "opaque",
        "output_format": "png",
    }
    picture, mask = seen.files
    assert [file.name for file in seen.files] == ["image", "mask"]
    place = place_of(gimp.describe(new))
    check_equal(decoded(picture.data), source_at(place), "the picture that was sent")
    coverage, _ = expected_mask(selection_of(gimp, scene.image), LAYER, 0, 0)
    may_stay = np.where(cut(coverage, place) > 0, 0, 255)
    check_equal(decoded(mask.data)[..., 3], may_stay, "the alpha of the mask")
    width, height = map(int, seen.fields["size"].split("x"))
    assert abs(width / height - place[2] / place[3]) < 0.01, "asked for in the shape of what was sent"
    recipe = json.loads(gimp.describe(new)["parasites"]["venice-recipe"])
    assert recipe["price"]["usd"] > 0


def test_a_relay_for_one_picture_sees_no_mask_and_its_link_is_fetched_without_the_key(
    gimp: Gimp, sandbox: Sandbox, scene: Scene
) -> None:
    printed = len(gimp.log())
    (new,) = gimp.run(EDIT, scene.image, [scene.source], prompt=WORDS, provider="grok-relay")["layers"]
    seen, fetched = sandbox.requests
    assert (seen.method, seen.path) == ("POST", "/grok-relay/v1/images/edits")
    assert seen.fields == {"model": "grok-3-image", "prompt": WORDS, "aspect_ratio": "4:3"}
    assert [file.name for file in seen.files] == ["image"]
    check_equal(decoded(seen.files[0].data), source_at(place_of(gimp.describe(new))), "what was sent")
    assert seen.headers["Authorization"] == "Bearer gro***"
    assert (fetched.method, fetched.path.rpartition(".")[2], fetched.status) == ("GET", "jpg", 200)
    assert fetched.headers["Host"].startswith("localhost:"), "another host than the service's"
    assert "Authorization" not in fetched.headers
    assert "sees the region without a mask" in gimp.log()[printed:]


def test_a_relay_for_several_pictures_is_sent_the_mask_as_the_second(
    gimp: Gimp, sandbox: Sandbox, scene: Scene
) -> None:
    (new,) = gimp.run(EDIT, scene.image, [scene.source], prompt=WORDS, provider="gpt-image-relay")["layers"]
    (seen,) = posts(sandbox)
    assert seen.path == "/gpt-image-relay/v1/images/edits"
    assert sorted(seen.fields) == ["model", "prompt"]
    assert seen.fields["prompt"].startswith(f"{WORDS}\n\n")
    assert "mask" in seen.fields["prompt"]
    assert [(file.name, file.mode) for file in seen.files] == [("image[]", "RGB"), ("image[]", "L")]
    place = place_of(gimp.describe(new))
    assert place[2] == place[3], "the shape of one of its three sizes"
    check_equal(decoded(seen.files[0].data), source_at(place), "the picture that was sent")
    coverage, _ = expected_mask(selection_of(gimp, scene.image), LAYER, 0, 0)
    check_equal(decoded(seen.files[1].data), cut(coverage, place), "the mask that was sent")


def test_variations_come_in_one_request(gimp: Gimp, sandbox: Sandbox, jobs: Jobs, scene: Scene) -> None:
    before, seen_before = gimp.snapshot(scene.image), array(gimp.visible(scene.image))
    mask, support = expected_mask(selection_of(gimp, scene.image), LAYER, 0, 0)
    run = gimp.run(EDIT, scene.image, [scene.source], prompt=WORDS, provider="openai", variations=2)
    assert run["error"] == ""
    (seen,) = posts(sandbox)
    assert seen.fields["n"] == "2"
    siblings = next(each for each in gimp.tree(scene.image) if each["id"] == scene.group)["children"]
    group = siblings[[each["id"] for each in siblings].index(scene.source) - 1]
    assert group["group"]
    assert [child["id"] for child in group["children"]] == run["layers"], "topmost first"
    assert [child["visible"] for child in group["children"]] == [True, False]
    for child in group["children"]:
        check_in_place(child, support)
        found = array(gimp.pixels(child["mask_id"], "Y u8"))
        check_equal(found, cut(mask, place_of(child)), "the layer mask")
    first, second = group["children"]
    assert first["pixels"] != second["pixels"], "two pictures, not one twice"
    check_only_the_selection_changed(seen_before, array(gimp.visible(scene.image)), mask)
    assert untouched(gimp.snapshot(scene.image), group["id"]) == untouched(before)
    (job,) = jobs()
    assert job.outcome == ("placed", "none")
    assert job.record["plan"]["total"]["usd"] == pytest.approx(2 * 0.27)


def test_a_picture_is_generated_at_the_canvas_own_size(gimp: Gimp, sandbox: Sandbox) -> None:
    image = gimp.new_image(1024, 768)
    backdrop = gimp.add_layer(image, raw(np.zeros((768, 1024, 3), np.uint8)))
    gimp.select_layers(image, [backdrop])
    before = gimp.snapshot(image)
    run = gimp.run(GENERATE, image, [backdrop], prompt="a red boat", provider="openai")
    assert run["error"] == ""
    (seen,) = posts(sandbox)
    assert (seen.path, seen.files) == ("/openai/v1/images/generations", [])
    assert seen.fields == {
        "model": "gpt-image-2.6-sunburst",
        "prompt": "a red boat",
        "size": "1024x768",
        "quality": "high",
        "output_format": "png",
    }
    (new,) = run["layers"]
    layer = gimp.describe(new)
    assert (place_of(layer), layer["mask"]) == ((0, 0, 1024, 768), None)
    assert layer["name"] == "a red boat · gpt-image-2.6-sunburst · sandbox, no AI"
    drawn = np.asarray(drawings.draw("a red boat", 0, 0, (1024, 768)))
    check_equal(array(gimp.pixels(new, "R'G'B'A u8"))[..., :3], drawn, "the picture", tolerance=1.0)
    assert untouched(gimp.snapshot(image), new) == untouched(before)


@pytest.mark.parametrize(
    ("procedure", "options", "words"),
    [
        (CUTOUT, {}, "The provider openai cannot remove backgrounds: choose another one, such as venice"),
        (UPSCALE, {}, "The provider openai cannot upscale images: choose another one, such as venice"),
        (EDIT, {"prompt": WORDS, "enhance_prompt": True}, "openai does not support prompt rewriting"),
        (EDIT, {"prompt": WORDS, "quality": "ultra"}, "has no quality “ultra”: it offers low, medium"),
        (GENERATE, {"prompt": WORDS, "seed": 7}, "openai does not support a seed"),
    ],
)
def test_what_it_cannot_do_is_told_and_not_sent(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, procedure: str, options: dict[str, Any], words: str
) -> None:
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    run = gimp.run(procedure, image, [layer], provider="openai", **options)
    check_refused(gimp, image, before, run, words)
    assert sandbox.requests == []
    assert jobs() == []


def test_without_its_key_the_error_names_the_variable_and_the_settings(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs
) -> None:
    gimp.use_worker("/usr/bin/env", "-u", "OPENAI_API_KEY")
    image, layer = make_photo(gimp)
    before = gimp.snapshot(image)
    run = gimp.run(EDIT, image, [layer], prompt=WORDS, provider="openai")
    check_refused(gimp, image, before, run, "No API key is set for openai")
    assert "OPENAI_API_KEY" in run["error"]
    assert "Filters > Venice > Settings" in run["error"]
    assert sandbox.requests == [], "the key for another service is not tried"
    assert jobs() == []


@pytest.mark.parametrize(
    ("switches", "words", "charge"),
    [
        ({"status": 401}, "did not accept the API key", "none"),
        ({"status": 429, "kind": "quota"}, "You exceeded your current quota", "none"),
        ({"status": 400, "kind": "moderation"}, "content policy", "unknown"),
        ({"answer": "url", "link": "expired"}, "could not be downloaded from the link", "none"),
    ],
)
def test_a_refusal_is_told_and_journaled(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, switches: dict[str, Any], words: str, charge: str
) -> None:
    image, layer = make_photo(gimp)
    gimp.select(image, (60, 60, 150, 150))
    before = gimp.snapshot(image)
    sandbox.switch(**switches)
    run = gimp.run(EDIT, image, [layer], prompt=WORDS, provider="openai")
    check_refused(gimp, image, before, run, words)
    assert SECRET not in run["error"]
    assert [job.outcome for job in jobs()] == [("failed", charge)]
    assert len(posts(sandbox)) == 1
