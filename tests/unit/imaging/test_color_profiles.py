"""What color profiles say, whatever they are called."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from support import adobe_rgb, srgb

from venice_core.imaging import color_profiles

RAMP = np.arange(256, dtype=np.uint8)
SRGB_LINEAR = np.where(RAMP / 255 <= 0.04045, RAMP / 255 / 12.92, ((RAMP / 255 + 0.055) / 1.055) ** 2.4)


def table(values: np.ndarray, steps: int = 1024) -> bytes:
    points = np.rint(np.interp(np.linspace(0, 1, steps), RAMP / 255, values) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", steps) + points.tobytes()


def profile(
    curve: bytes,
    *,
    name: str = "any",
    points: tuple[float, ...] = color_profiles.SRGB_POINTS,
    gray: bool = False,
) -> bytes:
    return color_profiles._made(points, curve, name, gray=gray)


SRGB_BY_OTHER_NAMES = {
    "of LittleCMS": srgb(),
    "a formula": profile(color_profiles._para(color_profiles.SRGB_CURVE), name="Camera"),
    "a table": profile(table(SRGB_LINEAR), name="IEC 61966-2.1"),
    "a small table": profile(table(SRGB_LINEAR, 256)),
    "gray": profile(color_profiles._para(color_profiles.SRGB_CURVE), gray=True),
    "gray, a table": profile(table(SRGB_LINEAR), gray=True),
}
OTHERS_BY_ITS_NAME = {
    "linear": profile(color_profiles._gamma(1.0), name="GIMP built-in Linear sRGB"),
    "linear without a figure": profile(b"curv\0\0\0\0" + bytes(4), name="sRGB linear"),
    "2.2": profile(color_profiles._gamma(2.2), name="sRGB gamma 2.2"),
    "1.8": profile(b"curv\0\0\0\0" + struct.pack(">IH", 1, round(1.8 * 256)) + b"\0\0", name="sRGB"),
    "P3": profile(
        color_profiles._para(color_profiles.SRGB_CURVE),
        name="sRGB, Display P3",
        points=color_profiles.P3_POINTS,
    ),
    "AdobeRGB": adobe_rgb(),
    "gray, linear": profile(color_profiles._gamma(1.0), name="sRGB gray", gray=True),
    "gray, 2.2": profile(color_profiles._gamma(2.2), name="sRGB gray", gray=True),
}


@pytest.mark.parametrize("name", SRGB_BY_OTHER_NAMES)
def test_srgb_is_known_by_what_it_says(name: str) -> None:
    assert color_profiles.is_srgb(SRGB_BY_OTHER_NAMES[name])


@pytest.mark.parametrize("name", OTHERS_BY_ITS_NAME)
def test_what_is_only_called_srgb_is_not(name: str) -> None:
    assert not color_profiles.is_srgb(OTHERS_BY_ITS_NAME[name])


EVERY = {**SRGB_BY_OTHER_NAMES, **OTHERS_BY_ITS_NAME}


@pytest.mark.parametrize("name", [name for name in EVERY if "gray" not in name])
def test_formulas_and_littlecms_agree(name: str) -> None:
    """What has more than 8 bits is converted by formula, for Pillow has LittleCMS for 8 bits only."""
    pixels = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    as_floats = color_profiles.like(pixels, np.dtype(np.float32))
    by_lcms, by_formula = (color_profiles.to_srgb(each, EVERY[name]) for each in (pixels, as_floats))
    assert np.abs(by_lcms.astype(int) - by_formula).max() <= 1
    back_by_lcms, back_by_formula = (
        color_profiles.from_srgb(pixels, EVERY[name], gray=False, dtype=np.dtype(kind))
        for kind in (np.uint8, np.uint16)
    )
    assert np.abs(back_by_lcms - back_by_formula / 257).max() <= 1.5


@pytest.mark.parametrize("name", [name for name in EVERY if "gray" in name])
def test_grays_go_there_and_back(name: str) -> None:
    for dtype in (np.uint8, np.uint16, np.float32):
        values = color_profiles.like(RAMP[None, :, None], np.dtype(dtype))
        shown = color_profiles.to_srgb(values, EVERY[name])
        assert (shown[..., 0] == shown[..., 1]).all()
        back = color_profiles.from_srgb(shown, EVERY[name], gray=True, dtype=np.dtype(dtype))
        again = color_profiles.to_srgb(back, EVERY[name])
        assert np.abs(again.astype(int) - shown).max() <= (8 if dtype is np.uint8 else 1)


def test_dark_linear_values_of_16_bits_are_told_apart() -> None:
    values = np.arange(0, 512, 2, dtype=np.uint16)[None, :, None]
    shown = color_profiles.to_srgb(values, OTHERS_BY_ITS_NAME["gray, linear"])[0, :, 0]
    assert len(set(shown.tolist())) > 15, "8 bits have two of them"


def test_gray_of_a_colored_result_is_its_luminance() -> None:
    red_green_blue = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    gray = color_profiles.from_srgb(red_green_blue, b"", gray=True, dtype=np.dtype(np.uint8))[0, :, 0]
    assert gray[1] > gray[0] > gray[2]


@pytest.mark.parametrize(
    "broken", [b"", b"nonsense", srgb()[:200], adobe_rgb()[:132] + bytes(400), bytes(600)]
)
def test_a_broken_profile_fits_nothing(broken: bytes) -> None:
    assert not color_profiles.fits(broken, 3)
    assert not color_profiles.fits(broken, 1)


def test_a_profile_fits_its_own_kind_of_values() -> None:
    assert color_profiles.fits(srgb(), 3)
    assert color_profiles.fits(srgb(), 4)
    assert not color_profiles.fits(srgb(), 1)
    gray = SRGB_BY_OTHER_NAMES["gray"]
    assert color_profiles.fits(gray, 2)
    assert not color_profiles.fits(gray, 3)


@pytest.mark.parametrize("one", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("other", [np.uint8, np.uint16, np.float32])
def test_kinds_of_values_keep_black_and_white(one: type, other: type) -> None:
    white = color_profiles.white(np.dtype(one))
    found = color_profiles.like(np.array([0, white], one), np.dtype(other))
    assert found.tolist() == [0, color_profiles.white(np.dtype(other))]


def test_8_bits_come_back_from_any_kind() -> None:
    for dtype in (np.uint16, np.float32):
        assert np.array_equal(color_profiles.eight_bits(color_profiles.like(RAMP, np.dtype(dtype))), RAMP)
