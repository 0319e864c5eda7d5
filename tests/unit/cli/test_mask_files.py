"""Masks from files: legitimate ones to the level, others cleaned, stretched or questioned."""

from __future__ import annotations

import io

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage
from skimage import data

from venice_core.cli import mask_files
from venice_core.errors import BadInput
from venice_core.imaging import codecs
from venice_core.imaging.codecs import Picture

Levels = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 300, 200


def drawn(kind: str, times: int = 1) -> Levels:
    """A shape with a hard edge; `times` larger and scaled down, with an antialiased one."""
    image = Image.new("L", (WIDTH * times, HEIGHT * times))
    draw = ImageDraw.Draw(image)
    spots = {
        "ellipse": [(80, 40, 210, 150)],
        "several": [(20, 20, 60, 90), (100, 30, 220, 60), (150, 100, 280, 180), (30, 120, 90, 190)],
        "spots": [(20 * n + 5, 30 * m + 5, 20 * n + 11, 30 * m + 11) for n in range(14) for m in range(6)],
    }
    for spot in spots.get(kind, []):
        draw.ellipse([side * times for side in spot], fill=255)
    if kind == "box":
        draw.rectangle([side * times for side in (61, 37, 213, 151)], fill=255)
    if kind == "outside":
        draw.rectangle((0, 0, WIDTH * times, HEIGHT * times), fill=255)
        draw.ellipse([side * times for side in (80, 40, 210, 150)], fill=0)
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS) if times > 1 else image)


SHAPES = ("ellipse", "several", "spots", "box", "outside")


def meant(levels: Levels, file_format: str = "PNG", *, as_is: bool = False) -> mask_files.Mask:
    found = Picture(levels if levels.ndim == 3 else levels[..., None], file_format)
    return mask_files.of(found, as_is=as_is)


def packed(levels: Levels, quality: int, file_format: str = "JPEG", mode: str = "L") -> bytes:
    out = io.BytesIO()
    Image.fromarray(levels).convert(mode).save(out, file_format, quality=quality)
    return out.getvalue()


# What stays as it is


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("made", ["hard", "antialiased", 0.7, 1.0, 2.0, 4.0, 12.0, 40.0])
def test_a_mask_with_soft_edges_stays_to_the_level(shape: str, made: str | float) -> None:
    if isinstance(made, str):
        levels = drawn(shape, 4 if made == "antialiased" else 1)
    else:
        levels = cv2.GaussianBlur(drawn(shape), (0, 0), made)
    if levels.max() <= mask_files.DARK:
        pytest.skip("so much blur leaves nothing")
    assert np.array_equal(meant(levels).coverage, levels)


@pytest.mark.parametrize("radius", [1, 3, 8, 30])
def test_a_blur_of_another_program_stays_to_the_level(radius: int) -> None:
    levels = np.asarray(Image.fromarray(drawn("ellipse")).filter(ImageFilter.GaussianBlur(radius)))
    assert np.array_equal(meant(levels).coverage, levels)


def gradients() -> dict[str, Levels]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    strips = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number in range(12):
        strips[30:170, 10 + 24 * number : 26 + 24 * number] = 3 + 22 * number
    half = drawn("box").copy()
    half[:20, :60] = 128
    return {
        "linear": (x * 255 // (WIDTH - 1)).astype(np.uint8),
        "radial": np.clip(255 - 1.6 * np.hypot(x - 150, y - 100), 0, 255).astype(np.uint8),
        "steps": np.minimum(x // 20 * 18, 255).astype(np.uint8),
        "strips of every gray": strips,
        "a part that is half": half,
        "two hundred": np.where(drawn("box") > 0, 200, 0).astype(np.uint8),
    }


@pytest.mark.parametrize("name", gradients())
def test_grays_that_are_meant_stay_to_the_level(name: str) -> None:
    levels = gradients()[name]
    assert np.array_equal(meant(levels).coverage, levels)


def test_gray_values_mean_themselves_whatever_profile_and_depth_they_have() -> None:
    levels = cv2.GaussianBlur(drawn("ellipse"), (0, 0), 6)
    deep = Picture(levels[..., None].astype(np.uint16) * np.uint16(257), "PNG", profile=b"some profile")
    assert np.array_equal(mask_files.of(deep).coverage, levels)
    floats = Picture(levels[..., None].astype(np.float32) / np.float32(255), "TIFF")
    assert np.array_equal(mask_files.of(floats).coverage, levels)
    assert np.array_equal(meant(np.dstack([levels] * 3)).coverage, levels)


def test_what_is_transparent_is_not_selected() -> None:
    levels = cv2.GaussianBlur(drawn("ellipse"), (0, 0), 6)
    white = np.full_like(levels, 255)
    assert np.array_equal(meant(np.dstack([white, levels])).coverage, levels)
    assert np.array_equal(meant(np.dstack([white, white, white, levels])).coverage, levels)


# Black and white that are not quite


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("black", "white"), [(1, 255), (0, 254), (3, 250), (16, 235), (0, 230), (30, 255)])
def test_a_black_and_a_white_that_are_not_quite_are_meant(shape: str, black: int, white: int) -> None:
    soft = [cv2.GaussianBlur(drawn(shape), (0, 0), 5)] if shape in ("ellipse", "box", "outside") else []
    for levels in (drawn(shape), *soft):
        shifted = np.rint(black + levels * ((white - black) / 255)).astype(np.uint8)
        found = meant(shifted).coverage
        assert (found[levels == 0] == 0).all()
        assert (found[levels == 255] == 255).all()
        assert np.abs(found.astype(int) - levels).max() <= 2


@pytest.mark.parametrize("top", [1, 2, 7, 100, 128])
def test_a_mask_of_no_and_yes_is_stretched_and_says_so(top: int) -> None:
    found = meant((drawn("ellipse") // 255 * top).astype(np.uint8))
    assert np.array_equal(found.coverage, drawn("ellipse"))
    assert f"{top} is treated as white" in found.notes[0]


def test_light_gray_on_dark_gray_is_yes_and_no() -> None:
    random = np.random.default_rng(1).integers(-4, 5, (HEIGHT, WIDTH))
    scanned = np.clip(np.where(drawn("box") > 0, 215, 60) + random, 0, 255).astype(np.uint8)
    assert np.array_equal(meant(scanned).coverage, drawn("box"))


# Noise


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quality", [25, 40, 60, 75, 90, 95])
@pytest.mark.parametrize("kind", ["JPEG", "color JPEG", "PNG of a JPEG", "WebP"])
def test_the_noise_of_a_lossy_file_is_cleaned(shape: str, quality: int, kind: str) -> None:
    clean = drawn(shape)
    file = packed(
        clean, quality, "WEBP" if kind == "WebP" else "JPEG", "RGB" if kind == "color JPEG" else "L"
    )
    if kind == "PNG of a JPEG":
        out = io.BytesIO()
        Image.open(io.BytesIO(file)).save(out, "PNG")
        file = out.getvalue()
    found = mask_files.of(codecs.decode(file)).coverage
    if shape == "spots":  # each smaller than a block of the packing
        assert ((found > 0) & (ndimage.distance_transform_edt(clean == 0) > 8)).sum() == 0
        return
    outside, inside = ndimage.distance_transform_edt(clean == 0), ndimage.distance_transform_edt(clean > 0)
    assert ((found > 0) & (outside > 3)).sum() == 0, "nothing away from the edge changes"
    assert ((found < 255) & (inside > 3)).sum() == 0, "and nothing within is left out"
    assert np.abs(found.astype(int) - clean)[(outside < 1) & (inside > 2)].max(initial=0) < 128


@pytest.mark.parametrize("sigma", [3.0, 8.0, 20.0])
@pytest.mark.parametrize("quality", [50, 75, 90])
def test_a_soft_mask_in_a_lossy_file_stays_soft(sigma: float, quality: int) -> None:
    soft = cv2.GaussianBlur(drawn("ellipse"), (0, 0), sigma)
    found = mask_files.of(codecs.decode(packed(soft, quality))).coverage
    middle = (soft > 40) & (soft < 215)
    assert np.abs(found.astype(int) - soft)[middle].max() <= 20
    assert ((found > 0) & (soft == 0)).mean() < 0.001


def test_noise_over_all_of_it_is_cleaned() -> None:
    random = np.rint(np.random.default_rng(1).normal(0, 3, (HEIGHT, WIDTH)))
    noisy = np.clip(drawn("several") + random, 0, 255).astype(np.uint8)
    assert np.array_equal(meant(noisy).coverage, drawn("several"))


def test_faint_specks_beside_a_soft_mask_are_cleaned() -> None:
    soft = cv2.GaussianBlur(drawn("ellipse"), (0, 0), 12)
    specks = soft.copy()
    specks[5:8, 5:8], specks[190, 290] = 3, 2
    found = meant(specks)
    assert np.array_equal(found.coverage, soft)
    assert found.notes


# What looks like none


@pytest.mark.parametrize(
    "name", ["astronaut", "chelsea", "coffee", "camera", "rocket", "moon", "brick", "grass"]
)
@pytest.mark.parametrize("how", ["gray", "color", "JPEG"])
def test_a_photograph_is_questioned(name: str, how: str) -> None:
    photo = np.asarray(Image.fromarray(getattr(data, name)()).convert("RGB").resize((WIDTH, HEIGHT)))
    gray = np.asarray(Image.fromarray(photo).convert("L"))
    with pytest.raises(BadInput, match="does not look like a mask") as caught:
        if how == "JPEG":
            mask_files.of(codecs.decode(packed(gray, 80)))
        else:
            meant(gray if how == "gray" else photo)
    assert mask_files.OPTION in caught.value.detail


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        (np.zeros((50, 50), np.uint8), "black everywhere"),
        (np.full((50, 50), 128, np.uint8), "a uniform gray (128 of 255)"),
        (np.tile(np.arange(4, dtype=np.uint8), (50, 25)), "brightest value is 3 of 255"),
        (cv2.GaussianBlur(drawn("ellipse"), (0, 0), 5) // 3, "brightest value is 8"),
        (60 + cv2.GaussianBlur(drawn("ellipse"), (0, 0), 9) // 2, "no black"),
    ],
)
def test_what_was_found_is_said(levels: Levels, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        meant(levels)
    assert words in caught.value.detail


def test_a_map_of_colors_is_questioned() -> None:
    colors = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colors[:, 100:200], colors[:, 200:] = (200, 60, 60), (60, 200, 220)
    with pytest.raises(BadInput, match="it contains color"):
        meant(colors)


@pytest.mark.parametrize("lossy", [False, True])
@pytest.mark.parametrize("low", [250, 253, 254])
def test_a_white_mask_with_noise_has_no_holes(low: int, lossy: bool) -> None:
    levels = np.full((300, 400), 255, np.uint8)
    levels[100:140, 50:90] = low
    picture = codecs.decode(packed(levels, 85) if lossy else packed(levels, 0, "PNG"))
    assert (mask_files.of(picture).coverage == 255).all()


def test_a_black_mask_with_the_noise_of_a_lossy_file_selects_nothing() -> None:
    noise = np.random.default_rng(3).integers(0, 4, (300, 400), np.uint8)
    with pytest.raises(BadInput, match="black everywhere"):
        mask_files.of(codecs.decode(packed(noise, 90)))


def test_white_all_over_is_all_of_it() -> None:
    assert (meant(np.full((50, 50), 255, np.uint8)).coverage == 255).all()


def test_what_covers_most_of_the_picture_is_said() -> None:
    (note,) = meant(drawn("outside")).notes
    assert "white over 81%" in note
    assert meant(drawn("ellipse")).notes == ()


@pytest.mark.parametrize("kind", ["labels", "noisy", "a photograph"])
def test_as_it_is_nothing_is_made_of_it(kind: str) -> None:
    if kind == "a photograph":
        levels = np.asarray(Image.fromarray(data.camera()).resize((WIDTH, HEIGHT)))
    else:
        noisy = np.asarray(Image.open(io.BytesIO(packed(drawn("ellipse"), 50))))
        levels = noisy if kind == "noisy" else drawn("ellipse") // 255
    found = meant(levels, as_is=True)
    assert np.array_equal(found.coverage, levels)
    assert found.notes == ()
