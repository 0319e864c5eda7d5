"""Upscale Layer: a new image with the larger layer; the source and its image stay as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gimp3_machine import KEY, Gimp
from pictures import array, check_equal, decoded, levels, photo, raw
from support import posts
from test_gimp3_refusals import Jobs, check_refused
from test_gimp3_sources import SOURCES

from venice_core.sandbox import Sandbox

UPSCALE = "plug-in-venice-upscale"
SIZE = (320, 256)


def make_photo(gimp: Gimp) -> tuple[int, int]:
    image = gimp.new_image(400, 300)
    gimp.add_layer(image, raw(photo("chelsea", 400, 300)), name="behind")
    layer = gimp.add_layer(image, raw(photo("coffee", *SIZE)), (10, 10), "cup")
    gimp.select_layers(image, [layer])
    return image, layer


def upscale(gimp: Gimp, image: int, layer: int, **options: Any) -> tuple[int, dict[str, Any]]:
    """The new image and its layer; of what it was made, nothing has changed."""
    before = gimp.snapshot(image)
    run = gimp.run(UPSCALE, image, [layer], **options)
    assert run["error"] == ""
    assert gimp.snapshot(image) == before, "not even marked as changed"
    (new,) = run["layers"]
    own = gimp.image_of(new)
    assert own != image
    gimp.adopt(own)
    (facts,) = gimp.tree(own)
    assert facts["id"] == new
    return own, facts


def test_it_is_registered_as_it_is_promised(gimp: Gimp) -> None:
    found = gimp.signature(UPSCALE)
    assert found["label"].replace("_", "") == "Upscale Layer..."
    assert found["menus"] == ["<Image>/Filters/Venice"]
    assert found["returns"][-1] == "layers"
    promised = {"scale": "2", "provider": "", "creativity": 0.0}
    assert list(found["arguments"]) == ["run-mode", "image", "drawables", *promised]
    assert {name: found["arguments"][name] for name in promised} == promised


@pytest.mark.parametrize("scale", [2, 4])
def test_a_new_image_holds_the_larger_layer(gimp: Gimp, sandbox: Sandbox, jobs: Jobs, scale: int) -> None:
    image, layer = make_photo(gimp)
    own, facts = upscale(gimp, image, layer, scale=str(scale))
    size = (SIZE[0] * scale, SIZE[1] * scale)
    assert (facts["offsets"], facts["size"], facts["mask"]) == ((0, 0), size, None)
    assert (facts["mode"], facts["opacity"], facts["visible"]) == ("normal", 100.0, True)
    assert facts["name"] == f"cup · {scale}× · upscaler · sandbox, no AI"
    snapshot = gimp.snapshot(own)
    assert (snapshot["size"], snapshot["base"], snapshot["precision"]) == (size, "rgb", "u8-non-linear")
    assert snapshot["dirty"], "so GIMP asks before it throws it away"
    assert snapshot["selected_layers"] == [facts["id"]]

    (seen,) = posts(sandbox)
    assert (seen.path, seen.fields) == ("/api/v1/image/upscale", {"scale": str(scale), "creativity": "0.0"})
    (file,) = seen.files
    check_equal(decoded(file.data), photo("coffee", *SIZE), "what was sent")
    (job,) = jobs()
    check_equal(array(gimp.pixels(facts["id"], "R'G'B' u8")), decoded(job.answer), "the answer's pixels")
    assert job.outcome == ("placed", "none")
    recipe = json.loads(facts["parasites"]["venice-recipe"].decode("ascii"))
    assert (recipe["action"], recipe["options"]["scale"]) == ("upscale", scale)
    assert KEY not in str(recipe)


def test_the_alpha_is_kept(gimp: Gimp, sandbox: Sandbox) -> None:
    picture = np.dstack([photo("coffee", *SIZE), np.full(SIZE[::-1], 255, np.uint8)])
    picture[:, :100, 3] = 0
    picture[:, 100:200, 3] = 128
    image = gimp.new_image(*SIZE)
    layer = gimp.add_layer(image, raw(picture))
    _, facts = upscale(gimp, image, layer)
    alpha = array(gimp.pixels(facts["id"], "R'G'B'A u8"))[..., 3]
    inner = np.ones(2 * SIZE[0], bool)
    for edge in (200, 400):
        inner[edge - 4 : edge + 4] = False
    check_equal(alpha[:, inner], picture[..., 3].repeat(2, 0).repeat(2, 1)[:, inner], "the alpha")


def test_a_selection_does_not_matter(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    gimp.select(image, (50, 50, 80, 80))
    _, facts = upscale(gimp, image, layer)
    assert facts["size"] == (2 * SIZE[0], 2 * SIZE[1])
    assert facts["mask"] is None
    check_equal(decoded(posts(sandbox)[0].files[0].data), photo("coffee", *SIZE), "what was sent")


@pytest.mark.parametrize("make", SOURCES)
def test_what_the_layer_shows_is_sent(gimp: Gimp, sandbox: Sandbox, make: Any) -> None:
    image = gimp.new_image(600, 400)
    gimp.add_layer(image, raw(photo("astronaut", 600, 400)), name="behind")
    source = make(gimp, image)
    before = gimp.describe(source)
    width, height = before["size"]
    shown = array(gimp.shown(source, (*before["offsets"], width, height)))
    sandbox.switch(identity=True)
    _, facts = upscale(gimp, image, source)
    sent, solid = decoded(posts(sandbox)[0].files[0].data), shown[..., 3] == 255
    check_equal(sent[solid], shown[solid][:, :3], f"what was sent of {make.__name__}")
    assert facts["size"] == (2 * width, 2 * height), "what lies outside the canvas too"
    alpha = array(gimp.pixels(facts["id"], "R'G'B'A u8"))[..., 3]
    assert (alpha == 0).mean() == pytest.approx((shown[..., 3] == 0).mean(), abs=0.01)


def test_nothing_about_a_locked_group_stands_in_its_way(gimp: Gimp) -> None:
    image = gimp.new_image(400, 300)
    group = gimp.add_group(image)
    layer = gimp.add_layer(image, raw(photo("coffee", *SIZE)), parent=group)
    gimp.set_property(layer, lock_content=True)
    gimp.set_property(group, lock_content=True)
    _, facts = upscale(gimp, image, layer)
    assert facts["locks"] == (False, False, False)


def test_a_layer_mask_means_its_layer(gimp: Gimp, sandbox: Sandbox) -> None:
    image, layer = make_photo(gimp)
    mask = gimp.add_mask(layer, raw(np.full(SIZE[::-1], 255, np.uint8)))
    gimp.set_property(layer, edit_mask=True)
    _, facts = upscale(gimp, image, mask)
    assert facts["name"].startswith("cup · 2×")


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("size", [(90, 70), (1, 1), (701, 30)])
def test_a_small_layer_is_padded_for_the_service_and_comes_back_at_exactly_its_own_multiple(
    gimp: Gimp, sandbox: Sandbox, scale: int, size: tuple[int, int]
) -> None:
    picture = photo("chelsea", *size)
    image = gimp.new_image(100, 100)
    layer = gimp.add_layer(image, raw(picture), (-5, 17))
    sandbox.switch(identity=True)
    own, facts = upscale(gimp, image, layer, scale=str(scale))
    assert facts["size"] == gimp.snapshot(own)["size"] == (size[0] * scale, size[1] * scale)
    found = array(gimp.pixels(facts["id"], "R'G'B'A u8"))
    check_equal(found[..., :3], picture.repeat(scale, 0).repeat(scale, 1), "each pixel enlarged")
    assert (found[..., 3] == 255).all()


MODES: dict[str, dict[str, Any]] = {
    "grayscale": {"base": "gray"},
    "indexed": {"base": "indexed"},
    "16 bit AdobeRGB": {"precision": "U16_NON_LINEAR", "adobe_rgb": True},
    "32 bit float": {"precision": "FLOAT_LINEAR"},
}


@pytest.mark.parametrize("mode", MODES)
def test_from_every_mode_it_becomes_an_image_in_srgb(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, mode: str
) -> None:
    image, layer = make_photo(gimp)
    gimp.convert(image, **MODES[mode])
    source = levels(gimp.pixels(layer, "R'G'B'A float"))[..., :3]
    own, facts = upscale(gimp, image, layer)
    check_equal(decoded(posts(sandbox)[0].files[0].data), source, f"{mode}, what was sent", tolerance=0.51)
    snapshot = gimp.snapshot(own)
    assert (snapshot["base"], snapshot["precision"]) == ("rgb", "u8-non-linear")
    found = array(gimp.pixels(facts["id"], "R'G'B' u8"))
    check_equal(found, decoded(jobs()[0].answer), "the answer's pixels")


def test_where_the_service_can_do_no_more_it_is_said(gimp: Gimp, sandbox: Sandbox) -> None:
    side = 1300  # 4 times as large it would have 27 megapixels
    image = gimp.new_image(side, side)
    layer = gimp.add_layer(image, raw(photo("coffee", side, side)))
    printed = len(gimp.log())
    _, facts = upscale(gimp, image, layer, scale="4")
    width, height = facts["size"]
    assert 0.99 * 16_777_216 < width * height <= 16_777_216
    assert "megapixels" in gimp.log()[printed:]
    assert "3.15×" in facts["name"]


def test_it_is_named_after_the_layer_beside_the_image_and_nothing_is_written(
    gimp: Gimp, tmp_path: Path
) -> None:
    image, layer = make_photo(gimp)
    (tmp_path / "portrait.xcf").write_bytes(b"as it was")
    (tmp_path / "cup 2x.xcf").write_bytes(b"somebody's")
    gimp.set_file(image, str(tmp_path / "portrait.xcf"))
    gimp.set_resolution(image, 240.0, 250.0)
    own, _ = upscale(gimp, image, layer)
    facts = gimp.file_facts(own)
    assert facts["file"] == str(tmp_path / "cup 2x 2.xcf"), "no other file stands in danger"
    assert facts["name"] == "cup 2x 2.xcf"
    assert facts["resolution"] == (240.0, 250.0)
    another, _ = upscale(gimp, image, layer)
    assert gimp.file_facts(another)["file"] == str(tmp_path / "cup 2x 3.xcf"), "nor the first one, unsaved"
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept == {"portrait.xcf": b"as it was", "cup 2x.xcf": b"somebody's"}


@pytest.mark.parametrize("name", ["../../etc/passwd", 'a/b\\c:d*e?"f"<g>|h', "…", ".", "x" * 300, "猫" * 120])
def test_any_layer_name_gives_a_file_name_in_that_folder(gimp: Gimp, tmp_path: Path, name: str) -> None:
    image, layer = make_photo(gimp)
    gimp.set_file(image, str(tmp_path / "portrait.xcf"))
    gimp.set_property(layer, name=name)
    own, facts = upscale(gimp, image, layer)
    file = Path(gimp.file_facts(own)["file"])
    assert file.parent == tmp_path
    assert file.suffix == ".xcf"
    assert len(file.name.encode()) <= 255
    assert not set(file.name) & set('/\\:*?"<>|')
    gimp.save(own, str(file))
    assert facts["name"].startswith(name)


def too_large(gimp: Gimp, image: int, layer: int) -> list[int]:
    gimp.resize(layer, (4200, 4100))
    return [layer]


def two_layers(gimp: Gimp, image: int, layer: int) -> list[int]:
    return [layer, gimp.add_layer(image, raw(photo("chelsea", 50, 50)))]


def channel(gimp: Gimp, image: int, layer: int) -> list[int]:
    return [gimp.add_channel(image)]


def floating(gimp: Gimp, image: int, layer: int) -> list[int]:
    gimp.select(image, (50, 50, 60, 60), "rectangle")
    gimp.float_selection(image, layer)
    return [layer]


def empty_group(gimp: Gimp, image: int, layer: int) -> list[int]:
    return [gimp.add_group(image)]


def no_key(gimp: Gimp, image: int, layer: int) -> list[int]:
    gimp.use_worker("/usr/bin/env", "-u", "VENICE_API_KEY")
    return [layer]


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (too_large, "limited to 16.8 megapixels"),
        (two_layers, "Select only one layer"),
        (channel, "channels cannot"),
        (floating, "floating selection"),
        (empty_group, "group is empty"),
        (no_key, "No API key is set for venice"),
    ],
)
def test_what_cannot_be_upscaled_is_not_sent(
    gimp: Gimp, sandbox: Sandbox, jobs: Jobs, prepare: Any, words: str
) -> None:
    image, layer = make_photo(gimp)
    drawables = prepare(gimp, image, layer)
    before, images = gimp.snapshot(image), gimp.images()
    run = gimp.run(UPSCALE, image, drawables)
    check_refused(gimp, image, before, run, words)
    assert gimp.images() == images
    assert posts(sandbox) == []
    assert jobs() == []


def test_a_failure_opens_no_image(gimp: Gimp, sandbox: Sandbox, jobs: Jobs) -> None:
    image, layer = make_photo(gimp)
    before, images = gimp.snapshot(image), gimp.images()
    sandbox.switch(status=500)
    check_refused(
        gimp, image, before, gimp.run(UPSCALE, image, [layer]), "The service failed while processing"
    )
    assert gimp.images() == images
    assert jobs()[0].outcome == ("failed", "possible")


def test_a_layer_beside_the_canvas_is_upscaled_whole(gimp: Gimp, sandbox: Sandbox) -> None:
    image = gimp.new_image(100, 100)
    layer = gimp.add_layer(image, raw(photo("coffee", *SIZE)), (500, -900))
    _, facts = upscale(gimp, image, layer)
    assert facts["size"] == (2 * SIZE[0], 2 * SIZE[1])
    check_equal(decoded(posts(sandbox)[0].files[0].data), photo("coffee", *SIZE), "what was sent")
