"""Movements measured below a tenth of a pixel, and how sure they are said to be."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from unit_answers import Bytes, middle, motion, noisy, off, replaced, shown

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.registration import AFFINE, SAMPLES, SIMILARITY, Registration

SIZE = Extent(300, 220)
MOVED = motion(SIZE, 1.005, 0.15, (1.2, -0.8))


@pytest.fixture(scope="module")
def picture(coffee: Bytes) -> Bytes:
    return np.ascontiguousarray(coffee[70:290, 120:420])


@pytest.fixture(scope="module")
def moved(picture: Bytes) -> Bytes:
    return shown(picture, MOVED, SIZE)


def gray(picture: Bytes) -> npt.NDArray[np.float32]:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def registered(
    before: Bytes,
    after: Bytes,
    reference_mask: npt.NDArray[np.bool_] | None = None,
    valid: Bounds | None = None,
) -> Registration:
    height, width = before.shape[:2]
    reference_mask = np.ones((height, width), bool) if reference_mask is None else reference_mask
    return Registration(gray(before), gray(after), reference_mask, valid or Bounds(0, 0, width, height))


def test_a_movement_near_the_start_is_refined(picture: Bytes, moved: Bytes) -> None:
    registration = registered(picture, moved)
    assert off(registration.refine(Affine(), SIMILARITY), MOVED, SIZE) < 0.02
    assert off(registration.refine(Affine.shift(1, -1), AFFINE), MOVED, SIZE) < 0.05


def test_only_what_is_free_varies(picture: Bytes, moved: Bytes) -> None:
    registration = registered(picture, moved)
    shift = registration.refine(Affine(), SIMILARITY[:, :2])
    assert shift.matrix[:2, :2] == pytest.approx(np.eye(2), abs=1e-12)
    similar = registration.refine(Affine(), SIMILARITY)
    assert similar.xx == pytest.approx(similar.yy, abs=1e-12)
    assert similar.xy == pytest.approx(-similar.yx, abs=1e-12)


def test_a_stretch_along_one_side_needs_all_six_numbers(picture: Bytes) -> None:
    truth = Affine(1.01, 0.004, -1.1, 0.0, 0.995, 0.7)
    registration = registered(picture, shown(picture, truth, SIZE))
    assert off(registration.refine(Affine(), AFFINE), truth, SIZE) < 0.03
    assert off(registration.refine(Affine(), SIMILARITY), truth, SIZE) > 0.3


@pytest.mark.parametrize(
    "tint",
    [lambda x: x * 0.8, lambda x: x + 10.0, lambda x: 255 * (x / 255.0) ** 1.2, lambda x: 0.7 * x + 40],
    ids=["darker", "lighter", "gamma", "paler"],
)
def test_brightness_and_contrast_play_no_part(picture: Bytes, moved: Bytes, tint: object) -> None:
    tinted = np.clip(np.rint(tint(moved)), 0, 255).astype(np.uint8)  # type: ignore[operator]
    assert off(registered(picture, tinted).refine(Affine(), SIMILARITY), MOVED, SIZE) < 0.1


def test_a_smooth_shade_over_the_picture_plays_no_part(picture: Bytes, moved: Bytes) -> None:
    shade = np.linspace(0.75, 1.0, SIZE.width)[None, :, None]
    shaded = np.rint(moved * shade).astype(np.uint8)
    assert off(registered(picture, shaded).refine(Affine(), SIMILARITY), MOVED, SIZE) < 0.05


def test_replaced_blocks_play_no_part(picture: Bytes, moved: Bytes, chelsea: Bytes) -> None:
    edited, _ = replaced(moved, middle(SIZE, 0.5), chelsea)
    registration = registered(picture, edited)
    found = registration.refine(Affine(), SIMILARITY)
    assert off(found, MOVED, SIZE) < 0.03
    agreement = registration.agreement(found)
    assert (agreement > 0.9).mean() > 0.5
    assert (agreement < 0.4).mean() > 0.1


def test_blocks_agree_where_both_show_the_same(picture: Bytes, chelsea: Bytes) -> None:
    assert registered(picture, picture).agreement(Affine()) == pytest.approx(1, abs=1e-3)
    other = np.ascontiguousarray(chelsea[:220, :300])
    agreement = registered(picture, other).agreement(Affine())
    assert np.abs(agreement).max() <= 1 + 1e-6
    assert abs(agreement.mean()) < 0.1


def test_what_is_not_usable_is_not_compared(picture: Bytes, moved: Bytes) -> None:
    reference_mask = np.zeros((SIZE.height, SIZE.width), bool)
    reference_mask[:, 150:] = True
    half = moved.copy()
    half[:, :148] = 0
    assert off(registered(picture, half, reference_mask).refine(Affine(), SIMILARITY), MOVED, SIZE) < 0.06
    assert registered(picture, half, reference_mask).blocks < registered(picture, half).blocks


def test_where_the_answer_has_no_pixels_nothing_is_compared(picture: Bytes, moved: Bytes) -> None:
    part = moved.copy()
    part[:, 200:] = 255
    found = registered(picture, part, valid=Bounds(0, 0, 200, SIZE.height)).refine(Affine(), SIMILARITY)
    assert off(found, MOVED, Extent(200, SIZE.height)) < 0.05


def test_the_error_is_as_large_as_it_is_said_to_be(picture: Bytes, moved: Bytes) -> None:
    at = np.array([[30.0, 30.0], [270.0, 40.0], [150.0, 110.0], [40.0, 200.0]])
    ratios = []
    for seed in range(8):
        registration = registered(noisy(picture, 10, seed), noisy(moved, 10, seed + 100))
        found = registration.refine(Affine(), SIMILARITY)
        error = np.hypot(*(found(at) - MOVED(at)).T)
        ratios.append(error / registration.uncertainty(registration.covariance(found, SIMILARITY), at))
    # both coordinates count: 1.25 is the mean of a Rayleigh distribution
    assert 0.4 < np.mean(ratios) < 2.5
    assert np.max(ratios) < 6


def test_more_noise_is_less_sure(picture: Bytes, moved: Bytes) -> None:
    deviations = []
    for sigma in (0, 6, 20):
        registration = registered(noisy(picture, sigma, 1), noisy(moved, sigma, 2))
        covariance = registration.covariance(registration.refine(Affine(), SIMILARITY), SIMILARITY)
        deviations.append(registration.uncertainty(covariance, np.array([[0.0, 0.0]]))[0])
    assert deviations[0] < deviations[1] < deviations[2]


def test_a_movement_along_an_edge_is_not_sure() -> None:
    edge = np.full((200, 260, 3), 60, np.uint8)
    edge[100:] = 190
    edge = cv2.GaussianBlur(edge, (0, 0), 1.0)
    registration = registered(noisy(edge, 2, 1), noisy(edge, 2, 2))
    covariance = registration.covariance(Affine(), SIMILARITY)
    deviation = registration.uncertainty(covariance, np.array([[130.0, 100.0]]))
    assert deviation[0] > 0.3


def test_both_halves_measure_the_same(picture: Bytes, moved: Bytes) -> None:
    registration = registered(picture, noisy(moved, 4))
    found = registration.refine(Affine(), SIMILARITY)
    (one, first), (other, second) = registration.cross_fit(found, SIMILARITY)
    assert off(one, MOVED, SIZE) < 0.1
    assert off(other, MOVED, SIZE) < 0.1
    assert one != other
    assert (first != second).all(), "no block is in both halves"


def test_six_numbers_say_how_a_movement_differs_from_none(picture: Bytes) -> None:
    registration = registered(picture, picture)
    assert registration.parameters(Affine()) == pytest.approx(np.zeros(6))
    assert registration.parameters(Affine.shift(2, -3)) == pytest.approx([0, 0, 2, 0, 0, -3])
    zoomed = registration.parameters(motion(SIZE, zoom=1.02))
    # of the longer half side, 150 px
    assert zoomed == pytest.approx([3, 0, 0, 0, 3, 0])


def test_a_large_picture_is_sampled(astronaut: Bytes) -> None:
    large = cv2.resize(astronaut, (1200, 1000), interpolation=cv2.INTER_CUBIC)
    grain = noisy(large, 10)
    registration = registered(grain, grain)
    assert len(registration._points) <= SAMPLES + 1
    assert off(registration.refine(Affine.shift(0.5, -0.4), SIMILARITY), Affine(), Extent(1200, 1000)) < 0.01


@pytest.mark.parametrize("side", [(1, 1), (3, 50), (40, 2)])
def test_tiny_pictures_have_nothing_to_compare(side: tuple[int, int]) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (*side, 3), np.uint8)
    assert not registered(picture, picture).textured.any()
