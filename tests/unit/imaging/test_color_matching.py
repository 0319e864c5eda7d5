"""Colors brought back to the source's, and left alone where nothing says how."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from unit_answers import Bytes, compressed, extent, middle, noisy, repainted, replaced

from venice_core.imaging.color_matching import Curves, match

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

GAIN = np.array([0.94, 1.0, 1.06])
GAMMA = np.array([1.1, 0.9, 1.0])


@pytest.fixture(scope="module")
def source(coffee: Bytes) -> Bytes:
    return np.ascontiguousarray(coffee[60:300, 120:440])


@pytest.fixture(scope="module", params=["coffee", "astronaut", "chelsea"])
def photograph(request: pytest.FixtureRequest) -> Bytes:
    return np.ascontiguousarray(request.getfixturevalue(request.param)[20:260, 100:420])


def tinted(picture: Bytes, gain: npt.ArrayLike = GAIN, gamma: npt.ArrayLike = GAMMA) -> Bytes:
    color = 255 * np.asarray(gain) * (picture / 255.0) ** np.asarray(gamma)
    return np.clip(np.rint(color), 0, 255).astype(np.uint8)


def matched(returned: Bytes, source: Bytes, reference_mask: Flags | None = None) -> Curves | None:
    reference_mask = np.ones(source.shape[:2], bool) if reference_mask is None else reference_mask
    return match(returned.astype(np.float32), source.astype(np.float32), reference_mask)


def off(curves: Curves, returned: Bytes, source: Bytes, where: Flags) -> npt.NDArray[np.float64]:
    """By how many levels each channel is off on the mean."""
    difference = curves(returned.astype(np.float32)) - source
    return np.abs(difference[where].mean(axis=0))


def test_gain_and_gamma_are_undone_to_a_level(photograph: Bytes, chelsea: Bytes) -> None:
    edited, same = replaced(photograph, middle(extent(photograph)), chelsea[::-1])
    returned = tinted(edited)
    curves = matched(returned, photograph, same)
    assert curves is not None
    assert off(curves, returned, photograph, same).max() < 0.5
    # also by brightness: in the shadows and in the lights alike
    for channel in range(3):
        value = photograph[..., channel]
        for low, high in ((16, 80), (80, 160), (160, 232)):
            where = same & (value >= low) & (value < high)
            if where.sum() > 2000:
                assert off(curves, returned, photograph, where)[channel] < 1.2


def test_what_was_replaced_plays_no_part(photograph: Bytes, chelsea: Bytes) -> None:
    """Though nothing says where it is."""
    edited, same = replaced(photograph, middle(extent(photograph), 0.55), chelsea[::-1])
    returned = tinted(edited)
    curves = matched(returned, photograph)
    assert curves is not None
    assert off(curves, returned, photograph, same).max() < 1


def test_noise_and_compression_do_not_bias(photograph: Bytes) -> None:
    returned = compressed(noisy(tinted(photograph), 5), 80)
    curves = matched(returned, photograph)
    assert curves is not None
    everywhere = np.ones(photograph.shape[:2], bool)
    assert off(curves, returned, photograph, everywhere).max() < 1


def test_what_was_cut_off_at_white_does_not_bias(source: Bytes) -> None:
    bright = np.clip(source.astype(int) + 60, 0, 255).astype(np.uint8)
    returned = tinted(bright, (1.06, 1.06, 1.06), (1, 1, 1))
    assert (returned == 255).mean() > 0.05
    curves = matched(returned, bright)
    assert curves is not None
    whole = (returned < 250).all(axis=2)
    assert off(curves, returned, bright, whole).max() < 1
    # what is white stays near it
    assert curves(np.full((1, 1, 3), 255, np.float32)).min() > 235


def test_the_same_picture_is_left_alone(photograph: Bytes) -> None:
    assert matched(photograph, photograph) is None


def test_noise_alone_is_left_alone(photograph: Bytes) -> None:
    for sigma in (2, 6):
        curves = matched(noisy(photograph, sigma, 1), noisy(photograph, sigma, 2))
        assert curves is None or curves.most < 1.5


def test_a_wash_of_another_color_is_an_edit_and_stays(photograph: Bytes) -> None:
    """Half-way to magenta is what somebody asked for, not a flaw."""
    washed = np.rint(0.5 * photograph + 0.5 * np.array([255, 0, 255])).astype(np.uint8)
    assert matched(washed, photograph) is None


def test_black_and_white_is_an_edit_and_stays(photograph: Bytes) -> None:
    gray = cv2.cvtColor(cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert matched(gray, photograph) is None
    assert matched(np.rint(gray * (1.0, 0.85, 0.65)).astype(np.uint8), photograph) is None, "sepia"


@pytest.mark.parametrize("saturation", [0.5, 1.5])
def test_another_saturation_is_an_edit_and_stays(photograph: Bytes, saturation: float) -> None:
    gray = cv2.cvtColor(cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(float)
    edited = np.clip(np.rint(gray + saturation * (photograph - gray)), 0, 255).astype(np.uint8)
    curves = matched(edited, photograph)
    assert curves is None or curves.most < 10, "hardly any of it is undone"


def test_a_negative_is_an_edit_and_stays(photograph: Bytes) -> None:
    assert matched(255 - photograph, photograph) is None


def test_night_is_an_edit_and_stays(photograph: Bytes) -> None:
    assert matched((photograph * 0.35).astype(np.uint8), photograph) is None


def test_another_picture_is_left_alone(astronaut: Bytes, coffee: Bytes, chelsea: Bytes) -> None:
    crops = [each[20:260, 100:420] for each in (astronaut, coffee, chelsea)]
    for one in crops:
        for other in crops:
            if one is not other:
                assert matched(other, one) is None


def test_a_repainted_picture_is_not_made_worse(photograph: Bytes) -> None:
    painted = repainted(photograph)
    curves = matched(painted, photograph)
    if curves is not None:
        before = np.abs(painted.astype(int) - photograph).mean()
        assert np.abs(curves(painted.astype(np.float32)) - photograph).mean() <= before


@pytest.mark.parametrize("level", [0, 30, 128, 255])
def test_a_flat_picture_is_brought_back_without_harm(level: int) -> None:
    flat = np.full((60, 80, 3), level, np.uint8)
    for answer in (flat, np.clip(flat.astype(int) + 8, 0, 255).astype(np.uint8)):
        curves = matched(answer, flat)
        before = np.abs(answer.astype(int) - flat).mean()
        if curves is not None:
            assert np.abs(curves(answer.astype(np.float32)) - flat).mean() < before
            assert curves.most < 34


def test_too_few_pixels_say_nothing(source: Bytes) -> None:
    reference_mask = np.zeros(source.shape[:2], bool)
    assert matched(tinted(source), source, reference_mask) is None
    reference_mask[100:110, 100:110] = True
    assert matched(tinted(source), source, reference_mask) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (4, 4), (15, 15)])
def test_small_pictures_are_taken(source: Bytes, size: tuple[int, int]) -> None:
    part = np.ascontiguousarray(source[: size[0], : size[1]])
    curves = matched(tinted(part), part)
    assert curves is None or np.isfinite(curves.parameters).all()


def test_curves_keep_within_the_range() -> None:
    curves = Curves(np.array([[1.2, 0.8, 0.1], [0.9, 1.3, -0.2], [1, 1, 0]]))
    colors = np.linspace(0, 255, 256, dtype=np.float32)[:, None].repeat(3, 1)
    result = curves(colors)
    assert result.min() >= 0
    assert result.max() <= 255
    assert (np.diff(result, axis=0) >= 0).all(), "what was lighter stays lighter"
    assert np.allclose(result[:, 2], colors[:, 2], atol=1e-3)


def test_most_is_the_largest_change_in_levels() -> None:
    assert Curves(np.array([[1.0, 1.0, 0.0]] * 3)).most == pytest.approx(0)
    assert Curves(np.array([[0.9, 1, 0], [1, 1, 0], [1, 1, 0]])).most == pytest.approx(25.5)
    assert Curves(np.array([[1, 1, 0], [1, 1, 0.02], [1, 1, 0]])).most == pytest.approx(5.1)
