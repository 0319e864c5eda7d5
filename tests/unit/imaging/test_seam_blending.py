"""What is left of a difference in brightness goes at the edge of the selection, and fades inside."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from unit_answers import Bytes, noisy

from venice_core.imaging.seam_blending import correction

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

HEIGHT, WIDTH = 240, 320


@pytest.fixture(scope="module")
def source(coffee: Bytes) -> Bytes:
    return np.ascontiguousarray(coffee[60 : 60 + HEIGHT, 120 : 120 + WIDTH])


@pytest.fixture
def ring() -> Flags:
    """What is not selected: all but the middle."""
    reference_mask = np.ones((HEIGHT, WIDTH), bool)
    reference_mask[60:180, 80:240] = False
    return reference_mask


def shade(amount: float = 8.0) -> Floats:
    """Slowly varying, in levels."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (amount * np.cos(2 * np.pi * x / 500) * np.cos(2 * np.pi * y / 400))[..., None].astype(np.float32)


def corrected(returned: Floats, source: Bytes, reference_mask: Flags) -> Floats | None:
    return correction(returned.astype(np.float32), source.astype(np.float32), reference_mask)


def edge_of(reference_mask: Flags) -> Flags:
    """The usable pixels next to those that are not."""
    return reference_mask & (cv2.dilate((~reference_mask).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)


def test_a_slow_shade_is_removed_where_nothing_should_differ(source: Bytes, ring: Flags) -> None:
    returned = source + shade()
    field = corrected(returned, source, ring)
    assert field is not None
    assert field.shape == source.shape
    left = np.abs(returned + field - source)
    assert left[ring].mean() < 0.12 * np.abs(shade()).mean()
    assert left[edge_of(ring)].max() < 1.5


def test_the_correction_goes_on_across_the_edge_and_fades_inside(source: Bytes, ring: Flags) -> None:
    field = corrected(source + np.float32(6.0), source, ring)
    assert field is not None
    assert np.abs(field[120, 70] + 6).max() < 0.5
    assert np.abs(field[120, 82] + 6).max() < 1.0, "no new step at the edge"
    assert np.abs(field[120, 160]).max() < 1.0, "nothing is known of the middle"
    across = field[120, 80:160, 0]
    assert (np.diff(across) > -0.1).all(), "it fades evenly"
    assert np.abs(np.diff(field[..., 0], axis=1)).max() < 0.5, "it has no steps of its own"


def test_each_channel_is_corrected_by_itself(source: Bytes, ring: Flags) -> None:
    field = corrected(source + np.array([5, 0, -4], np.float32), source, ring)
    assert field is not None
    assert np.abs(field[30, 40] - [-5, 0, 4]).max() < 0.5


def test_an_edit_beyond_the_edge_is_left(source: Bytes, ring: Flags) -> None:
    """A shadow that a new thing casts on its surroundings."""
    returned = source + shade(5.0)
    reaching = np.zeros((HEIGHT, WIDTH), bool)
    reaching[150:210, 240:290] = True
    returned[reaching] = source[reaching] // 4 + 160
    field = corrected(returned, source, ring)
    assert field is not None
    assert np.abs(field).max() < 8, "the edit is not taken for a shade"
    assert np.abs(field[100, 40] + shade(5.0)[100, 40]).max() < 1
    assert np.abs(returned + field - source)[170:190, 255:275].mean() > 20


def test_noise_alone_is_left(source: Bytes, ring: Flags) -> None:
    # where it is not cut off at black, which makes dark places lighter
    within = (source // 2 + 60).astype(np.uint8)
    for sigma in (1, 3, 8):
        assert corrected(noisy(within, sigma), within, ring) is None


def test_the_same_picture_is_left(source: Bytes, ring: Flags) -> None:
    assert corrected(source, source, ring) is None


def test_another_picture_is_hardly_touched(source: Bytes, chelsea: Bytes, ring: Flags) -> None:
    field = corrected(chelsea[:HEIGHT, :WIDTH], source, ring)
    assert field is None or np.abs(field).max() < 20


def test_where_nothing_is_usable_there_is_no_correction(source: Bytes) -> None:
    assert corrected(source + shade(), source, np.zeros((HEIGHT, WIDTH), bool)) is None
    few = np.zeros((HEIGHT, WIDTH), bool)
    few[:5, :5] = True
    assert corrected(source + shade(), source, few) is None


def test_what_is_not_usable_plays_no_part(source: Bytes, ring: Flags) -> None:
    one, other = source + shade(), source + shade()
    other[~ring] = 0
    first, second = corrected(one, source, ring), corrected(other, source, ring)
    assert first is not None and second is not None
    assert np.abs(first - second).max() < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (3, 5), (40, 40)])
def test_small_pictures_are_taken(size: tuple[int, int]) -> None:
    flat = np.full((*size, 3), 100, np.uint8)
    field = corrected(flat + np.float32(5), flat, np.ones(size, bool))
    assert field is None or np.isfinite(field).all()
