"""What comes back from a service in OpenAI's manner lies exactly in place, and changes nothing outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from contract_ways import GROK, OPENAI, OWN, RELAY, Pixels, Shell, opened, soft_ellipse
from PIL import Image, ImageDraw
from support import posts

from venice_core.sandbox import Sandbox

Size = tuple[int, int]
Box = tuple[int, int, int, int]

WAVE = 64  # px, from crest to crest
CLOSE = {OPENAI: 1, OWN: 1, RELAY: 1, GROK: 3}  # levels; grok's relay answers with a JPEG


def waves(width: int, height: int) -> Pixels:
    """Red waves run across, green ones down: by their phase every pixel knows where it is."""
    across, down = (np.sin(2 * np.pi * (np.arange(n) + 0.5) / WAVE) for n in (width, height))
    red, green = np.meshgrid(across, down)
    return np.dstack([128 + 100 * red, 128 + 100 * green, np.full_like(red, 90)]).round().astype(np.uint8)


def shift(result: Pixels, source: Pixels) -> float:
    """By how many px the waves moved at most, across or down, in any ninth of the picture (least squares)."""
    found = 0.0
    for rows in np.array_split(np.arange(source.shape[0]), 3):
        for columns in np.array_split(np.arange(source.shape[1]), 3):
            part = np.ix_(rows, columns)
            for band, axis in ((0, 1), (1, 0)):
                before = source[..., band].astype(float)[part]
                moved = result[..., band].astype(float)[part] - before
                slope = np.gradient(before, axis=axis)
                found = max(found, abs(float((moved * slope).sum() / (slope**2).sum())))
    return found


def saved(path: Path, pixels: npt.NDArray[Any]) -> Path:
    Image.fromarray(pixels).save(path, compress_level=1)
    return path


def bitmap(path: Path, pixels: npt.NDArray[Any]) -> Path:
    """What is huge takes too long as a PNG."""
    Image.fromarray(pixels).save(path)
    return path


def box(size: Size, corners: Box) -> Pixels:
    """A hard selection; the corners belong to it."""
    drawn = Image.new("L", size)
    ImageDraw.Draw(drawn).rectangle(corners, fill=255)
    return np.asarray(drawn)


def levels(one: Pixels, other: Pixels) -> Pixels:
    """By how many of 255 each pixel differs, in the channel in which it does most."""
    return np.abs(one.astype(int) - other).max(axis=-1)


# Outside and inside


@pytest.mark.covers("Tests of the dialects: shapes and alignment")
@pytest.mark.parametrize("selection", ["guide", "local"])
def test_outside_the_mask_every_byte_is_the_sources_and_inside_it_is_changed(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path, selection: str
) -> None:
    """Whatever the service does to the rest: here it drifts everywhere."""
    sandbox.switch(drift=True)
    code, result = shell.result("edit", photo, "-p", "a hat", "--mask", mask, "--selection", selection)
    assert code == 0
    before, after = opened(photo.read_bytes()), opened(Path(result["output"]).read_bytes())
    coverage = opened(mask.read_bytes())
    assert after.shape == before.shape
    assert np.array_equal(after[coverage == 0], before[coverage == 0])
    assert levels(after, before)[coverage == 255].min() >= 20


def test_where_the_selection_is_ignored_all_of_it_is_changed_at_its_own_size(
    shell: Shell, profile: str, photo: Path, mask: Path
) -> None:
    given = ("--mask", mask, "--selection", "ignore")
    code, result = shell.result("edit", photo, "-p", "a hat", *given)
    assert code == 0
    before, after = opened(photo.read_bytes()), opened(Path(result["output"]).read_bytes())
    assert after.shape == before.shape
    assert levels(after, before).min() >= 20


@pytest.mark.parametrize("profile", [OPENAI, GROK], indirect=True)
def test_the_layer_and_its_mask_have_the_crops_size(
    shell: Shell, profile: str, photo: Path, tmp_path: Path
) -> None:
    mask = saved(tmp_path / "m.png", box((451, 300), (300, 20, 350, 60)))
    code, result = shell.result("edit", photo, "-p", "x", "--mask", mask, "--layer", "--context", 10)
    assert code == 0
    crop = result["plan"]["crop"]
    for part in ("layer", "mask"):
        assert Image.open(result[part]).size == (crop["width"], crop["height"]) != (451, 300)


# Exactly in place


@pytest.mark.covers("Tests of the dialects: shapes and alignment")
@pytest.mark.parametrize(
    ("profile", "size"),
    [
        (OPENAI, (816, 816)),
        (OPENAI, (810, 813)),
        (GROK, (1024, 1024)),
        (RELAY, (1024, 1024)),
        (RELAY, (1400, 960)),
        (OWN, (512, 512)),
        (OWN, (512, 523)),
    ],
    indirect=["profile"],
)
def test_what_needs_no_scaling_comes_back_as_it_was(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path, size: Size
) -> None:
    """It has the size that comes back, or is padded to it."""
    sandbox.switch(identity=True)
    # the finest grain would show any scaling; grok's relay answers with a JPEG, which has none of it
    grain = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    source = waves(*size) if profile == GROK else grain
    code, result = shell.result("edit", saved(tmp_path / "source.png", source), "-p", "x")
    assert code == 0
    after = opened(Path(result["output"]).read_bytes())
    assert levels(after, source).max() <= (CLOSE[GROK] if profile == GROK else 0)


@pytest.mark.covers("Tests of the dialects: shapes and alignment")
@pytest.mark.parametrize(
    "size",
    [(451, 300), (96, 700), (333, 1000), (64, 64)],
    ids="{0[0]}x{0[1]}".format,
)
def test_what_is_scaled_or_padded_to_any_shape_is_not_shifted(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path, size: Size
) -> None:
    sandbox.switch(identity=True)
    source = waves(*size)
    code, result = shell.result("edit", saved(tmp_path / "waves.png", source), "-p", "x")
    assert code == 0
    after = opened(Path(result["output"]).read_bytes())
    assert after.shape == source.shape
    assert shift(after, source) < 0.25
    assert levels(after, source).mean() < 3


def test_the_measure_of_a_shift_sees_half_a_pixel() -> None:
    source = waves(451, 300)
    wide = np.asarray(Image.fromarray(source).resize((902, 600), Image.Resampling.BICUBIC))
    moved = np.asarray(Image.fromarray(np.roll(wide, 1, axis=1)).resize((451, 300), Image.Resampling.BOX))
    assert 0.4 < shift(moved[:, 8:-8], source[:, 8:-8]) < 0.6


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (5, 900)], ids="{0[0]}x{0[1]}".format)
def test_hardly_any_pixels_are_pixels_all_the_same(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path, size: Size
) -> None:
    sandbox.switch(identity=True)
    source = np.full((size[1], size[0], 3), (200, 60, 20), np.uint8)
    code, result = shell.result("edit", saved(tmp_path / "few.png", source), "-p", "x")
    assert code == 0
    after = opened(Path(result["output"]).read_bytes())
    assert after.shape == source.shape
    assert levels(after, source).max() <= CLOSE[profile]


CORNERS: dict[str, tuple[Size, Box]] = {
    "upper left": ((600, 500), (0, 0, 40, 30)),
    "lower right": ((600, 500), (580, 490, 599, 499)),
    "right edge, from top to bottom": ((600, 500), (590, 0, 599, 499)),
    "one pixel": ((600, 500), (300, 250, 300, 250)),
}


@pytest.mark.parametrize("where", CORNERS)
@pytest.mark.parametrize("profile", [OPENAI, GROK], indirect=True)
def test_a_selection_at_the_border_is_sent_with_what_surrounds_it_and_lies_in_place(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path, where: str
) -> None:
    size, corners = CORNERS[where]
    source, coverage = waves(*size), box(size, corners)
    picture, mask = saved(tmp_path / "waves.png", source), saved(tmp_path / "mask.png", coverage)
    given = ("--mask", mask, "--feather", 0, "-p", "x", "-o", tmp_path / "out.png")
    assert shell("edit", picture, *given) == 0
    after = opened((tmp_path / "out.png").read_bytes())
    assert np.array_equal(after[coverage == 0], source[coverage == 0])
    assert levels(after, source)[coverage == 255].min() >= 20
    sandbox.switch(identity=True)
    assert shell("edit", picture, *given, "--layer") == 0
    crop = shell.jobs[0].record["plan"]["crop"]
    part = source[crop["y"] : crop["y"] + crop["height"], crop["x"] : crop["x"] + crop["width"]]
    layer = opened((tmp_path / "out-layer.png").read_bytes())[..., :3]
    assert part.shape == layer.shape
    assert shift(layer, part) < 0.25


@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_a_huge_picture_is_sent_smaller_and_comes_back_whole(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path
) -> None:
    sandbox.switch(identity=True)
    source = waves(2400, 1600)
    given = ("-p", "x", "--model", "gpt-image-1.5", "-o", tmp_path / "out.bmp")
    assert shell("edit", bitmap(tmp_path / "huge.bmp", source), *given) == 0
    assert (posts(sandbox)[0].files[0].width, posts(sandbox)[0].files[0].height) == (1536, 1024)
    after = np.asarray(Image.open(tmp_path / "out.bmp"))
    assert after.shape == source.shape
    for left, top in ((0, 0), (1800, 1000), (900, 500)):
        part = np.s_[top : top + 600, left : left + 600]
        assert shift(after[part], source[part]) < 0.25


@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_of_a_huge_picture_only_the_selections_surroundings_are_sent(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path
) -> None:
    source, corner = waves(2700, 1800), np.s_[1790:, 2690:]
    coverage = np.zeros((1800, 2700), np.uint8)
    coverage[corner] = 255
    mask = bitmap(tmp_path / "mask.bmp", coverage)
    given = ("-p", "x", "--mask", mask, "--feather", 0, "-o", tmp_path / "out.bmp")
    assert shell("edit", bitmap(tmp_path / "huge.bmp", source), *given) == 0
    image, mask_sent = posts(sandbox)[0].files
    assert (image.width, image.height) == (mask_sent.width, mask_sent.height) == (74, 74)
    after = np.array(Image.open(tmp_path / "out.bmp"))
    assert levels(after[corner], source[corner]).min() >= 20
    after[corner] = source[corner]
    assert np.array_equal(after, source)


@pytest.mark.parametrize("answer", ["700x200", "64x64", "1536x1024"])
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_an_answer_of_another_size_than_asked_for_is_fitted_and_a_stretched_one_is_said(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path, answer: str
) -> None:
    sandbox.switch(identity=True, size=answer)
    source = waves(451, 300)
    code, result = shell.result("edit", saved(tmp_path / "waves.png", source), "-p", "x")
    assert code == 0
    after = opened(Path(result["output"]).read_bytes())
    assert after.shape == source.shape
    assert shift(after, source) < 0.25
    told = [warning for warning in result["warnings"] if "different shape" in warning]
    assert bool(told) == (answer != "1536x1024")


@pytest.mark.parametrize("profile", [OPENAI, GROK], indirect=True)
def test_transparency_is_not_sent_and_stays_as_it_was(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path
) -> None:
    rgba = np.dstack([waves(300, 200), np.asarray(soft_ellipse(300, 200))])
    code, result = shell.result("edit", saved(tmp_path / "cut.png", rgba), "-p", "x")
    assert code == 0
    assert posts(sandbox)[0].files[0].mode == "RGB"
    assert np.array_equal(opened(Path(result["output"]).read_bytes())[..., 3], rgba[..., 3])


@pytest.mark.parametrize("profile", [OPENAI, OWN], indirect=True)
def test_a_file_beyond_the_limit_is_sent_as_a_smaller_one(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path, coffee: Pixels
) -> None:
    shell.profiles({profile: {"limits": {"file_bytes": 250_000}}})
    picture = saved(tmp_path / "coffee.png", coffee)
    assert picture.stat().st_size > 250_000
    assert shell("edit", picture, "-p", "x") == 0
    (file,) = posts(sandbox)[0].files
    assert len(file.data) < 250_000
    assert (file.format, file.filename, file.content_type) == ("JPEG", "image-1.jpeg", "image/jpeg")
