"""Where an answer shows what was sent: movements found below a tenth of a pixel, and none made up."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from unit_answers import Bytes, compressed, middle, motion, noisy, off, repainted, replaced, shown

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.alignment import Alignment, find

NOWHERE = Affine()
SIZE = Extent(320, 240)
ONE = pytest.mark.parametrize("photograph", ["chelsea"], indirect=True)

Photograph = tuple[Bytes, Bytes, npt.NDArray[np.bool_]]
"""A picture, what a model that moves nothing makes of it, and where that is the same."""


@pytest.fixture(params=["astronaut", "coffee", "chelsea"])
def photograph(request: pytest.FixtureRequest, chelsea: Bytes, coffee: Bytes) -> Photograph:
    picture = request.getfixturevalue(request.param)
    sent = np.ascontiguousarray(picture[20 : 20 + SIZE.height, 100 : 100 + SIZE.width])
    other = coffee if request.param == "chelsea" else chelsea
    return sent, *replaced(sent, middle(SIZE), other)


def everywhere(picture: Bytes) -> npt.NDArray[np.bool_]:
    return np.ones(picture.shape[:2], bool)


# Movements


@pytest.mark.parametrize(
    "truth",
    [
        motion(SIZE, shift=(0.3, -0.2)),
        motion(SIZE, shift=(3.3, -2.6)),
        motion(SIZE, shift=(-11.4, 9.7)),
        motion(SIZE, zoom=1.03),
        motion(SIZE, zoom=0.97),
        motion(SIZE, degrees=0.5),
        motion(SIZE, 1.02, -0.4, (5.5, 4.1)),
    ],
    ids=["little", "shift", "far", "larger", "smaller", "turned", "all"],
)
def test_a_movement_is_recovered(photograph: Photograph, truth: Affine) -> None:
    sent, edited, same = photograph
    found = find(sent, shown(edited, truth, SIZE), same)
    assert found.alignment is Alignment.MOVED
    assert found.shape == ""
    assert off(found.to_answer, truth, SIZE) < 0.05


@ONE
@pytest.mark.parametrize("factor", [0.6, 0.85, 1.4])
def test_a_movement_is_recovered_from_an_answer_of_another_size(
    photograph: Photograph, factor: float
) -> None:
    sent, edited, same = photograph
    size = SIZE.scaled(factor)
    stretch = Affine.between(SIZE, size)
    truth = motion(SIZE, 1.01, 0.2, (4.2, -3.1))
    found = find(sent, compressed(shown(edited, truth.then(stretch), size)), same)
    assert found.alignment is Alignment.MOVED
    assert off(found.to_answer.then(stretch.inverse), truth, SIZE) < 0.05
    assert off(found.motion, truth, SIZE) < 0.05


def test_a_movement_is_recovered_through_other_colors_noise_and_compression(photograph: Photograph) -> None:
    sent, edited, same = photograph
    truth = motion(SIZE, 0.99, 0.3, (-2.5, 6.2))
    answer = shown(edited, truth, SIZE)
    tinted = np.clip(255 * (answer / 255.0) ** (0.9, 1.1, 1.0) * (0.95, 1.0, 1.06), 0, 255).astype(np.uint8)
    found = find(sent, compressed(noisy(tinted, 3)), same)
    assert off(found.to_answer, truth, SIZE) < 0.1


def test_a_movement_is_recovered_though_60_percent_were_replaced(astronaut: Bytes, coffee: Bytes) -> None:
    size = Extent(480, 360)
    sent = np.ascontiguousarray(astronaut[: size.height, : size.width])
    truth = motion(size, 1.01, 0.3, (5.1, -3.6))
    edited, same = replaced(sent, Bounds(0, 0, 190, 360), coffee)
    edited, less = replaced(edited, Bounds(190, 215, 290, 145), coffee[::-1])
    assert (same & less).mean() < 0.4
    found = find(sent, compressed(shown(edited, truth, size)), everywhere(sent))
    assert found.alignment is Alignment.MOVED
    assert off(found.to_answer, truth, size) < 0.1


def test_what_is_not_usable_plays_no_part(coffee: Bytes) -> None:
    sent = np.ascontiguousarray(coffee[60:300, 100:420])
    truth = motion(SIZE, shift=(2.0, 1.5))
    answer, same = shown(sent, truth, SIZE), everywhere(sent)
    same[:, 110:] = False
    # two thirds of the picture stayed where they were
    answer[:, 110:] = sent[:, 110:]
    found = find(sent, answer, same)
    assert found.alignment is Alignment.MOVED
    assert off(found.motion, truth, Extent(110, 240)) < 0.1


# No movement


@pytest.mark.parametrize(
    "spoil",
    [
        lambda picture: picture,
        compressed,
        lambda picture: compressed(picture, 50),
        lambda picture: noisy(picture, 5),
        lambda picture: compressed(noisy(picture, 8), 75),
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 0.8),
        lambda picture: np.clip(picture * 0.9 + 12, 0, 255).astype(np.uint8),
    ],
    ids=["same", "jpeg", "poor jpeg", "noise", "noise and jpeg", "softer", "paler"],
)
def test_an_answer_that_did_not_move_is_not_moved(
    photograph: Photograph, spoil: Callable[[Bytes], Bytes]
) -> None:
    sent, edited, same = photograph
    found = find(sent, spoil(edited), same)
    assert found.motion == NOWHERE
    assert found.to_answer == NOWHERE
    assert found.alignment is Alignment.IN_PLACE


@ONE
@pytest.mark.parametrize("size", [Extent(256, 192), Extent(480, 360)])
def test_an_unmoved_answer_of_another_size_is_stretched_and_no_more(
    photograph: Photograph, size: Extent
) -> None:
    sent, edited, same = photograph
    stretch = Affine.between(SIZE, size)
    found = find(sent, compressed(shown(edited, stretch, size)), same)
    assert found.motion == NOWHERE
    assert found.to_answer == stretch
    assert found.shape == ""


def gradient(height: int, width: int) -> Bytes:
    y, x = np.mgrid[:height, :width]
    across, down = x * 200 // width, y * 180 // height
    return np.dstack([across, down, (across + down) // 2]).astype(np.uint8)


@pytest.mark.parametrize(
    "sent",
    [np.full((120, 160, 3), 127, np.uint8), np.zeros((120, 160, 3), np.uint8), gradient(120, 160)],
    ids=["flat", "black", "gradient"],
)
@pytest.mark.parametrize("shift", [0, 4])
def test_a_picture_without_detail_is_never_moved(sent: Bytes, shift: int) -> None:
    answer = np.roll(sent, shift, axis=1)
    for returned in (answer, noisy(answer, 3, 1), compressed(noisy(answer, 3, 1), 60)):
        for ours in (sent, noisy(sent, 3, 2)):
            found = find(ours, returned, everywhere(sent))
            assert found.motion == NOWHERE
            assert found.alignment is not Alignment.MOVED


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_never_moved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 256, (2, 150, 200, 3), np.uint8)
    coarse = [cv2.resize(each[:40, :50], (200, 150), interpolation=cv2.INTER_CUBIC) for each in (one, other)]
    for before, after in ((one, other), coarse):
        found = find(before, after, everywhere(before))
        assert found.motion == NOWHERE
        assert found.alignment is Alignment.CHANGED


def test_another_picture_is_never_moved(astronaut: Bytes, coffee: Bytes, chelsea: Bytes) -> None:
    pictures = [each[:240, 20:340] for each in (astronaut, coffee, chelsea)]
    for one, other in itertools.permutations(pictures, 2):
        found = find(one, other, everywhere(one))
        assert found.motion == NOWHERE
        assert found.alignment is Alignment.CHANGED


@ONE
def test_a_mirrored_picture_is_never_moved(photograph: Photograph) -> None:
    sent, _, _ = photograph
    assert find(sent, np.ascontiguousarray(sent[:, ::-1]), everywhere(sent)).motion == NOWHERE


def test_a_repainted_picture_is_not_made_worse(photograph: Photograph) -> None:
    sent, _, same = photograph
    found = find(sent, repainted(sent), same)
    assert off(found.motion, NOWHERE, SIZE) < 0.05


@ONE
def test_an_answer_of_one_color_is_not_moved(photograph: Photograph) -> None:
    sent, _, same = photograph
    found = find(sent, np.full_like(sent, 90), same)
    assert found.motion == NOWHERE
    assert found.alignment is Alignment.CHANGED


def test_a_repeating_pattern_that_did_not_move_stays() -> None:
    y, x = np.mgrid[:200, :260]
    tiles = (128 + 60 * np.sin(x / 3) + 60 * np.sin(y / 4)).astype(np.uint8)
    pattern = np.dstack([tiles] * 3)
    assert find(pattern, compressed(noisy(pattern, 3)), everywhere(pattern)).motion == NOWHERE


def test_along_a_single_edge_nothing_is_made_up() -> None:
    """Whether a picture moved along its only edge cannot be seen; noise must not pass for evidence."""
    picture = np.full((200, 260, 3), 60, np.uint8)
    picture[100:] = 190
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0)
    for returned in (picture, np.roll(picture, 3, axis=0)):
        for sigma in (1, 2, 4):
            found = find(noisy(picture, sigma, 1), noisy(returned, sigma, 2), everywhere(picture))
            assert abs(found.motion.x0) < 0.2
            assert abs(found.motion.yx) < 1e-3


# Shapes


def taken_as(shape: str, size: Extent) -> Affine:
    """From px of SIZE to those of an answer of that size."""
    across, down = size.width / SIZE.width, size.height / SIZE.height
    if shape == "stretched":
        return Affine.scaling(across, down)
    factor = max(across, down) if shape == "cropped" else min(across, down)
    left, top = (size.width - factor * SIZE.width) / 2, (size.height - factor * SIZE.height) / 2
    return Affine.scaling(factor, factor).then(Affine.shift(left, top))


def answered(edited: Bytes, motion: Affine, base: Affine, size: Extent) -> Bytes:
    """With black bars where the base leaves room."""
    answer = shown(edited, motion.then(base), size)
    left, top = np.rint(base([0.0, 0.0])).astype(int)
    right, bottom = np.rint(base([float(SIZE.width), float(SIZE.height)])).astype(int)
    bars = np.ones(answer.shape[:2], bool)
    bars[max(0, top) : bottom, max(0, left) : right] = False
    answer[bars] = 0
    return compressed(answer, 90)


@ONE
@pytest.mark.parametrize("shape", ["stretched", "cropped", "letterboxed"])
@pytest.mark.parametrize("size", [Extent(256, 256), Extent(400, 224), Extent(320, 224)], ids=str)
@pytest.mark.parametrize("moved", [False, True])
def test_shapes_are_told_apart(photograph: Photograph, shape: str, size: Extent, moved: bool) -> None:
    sent, edited, same = photograph
    base = taken_as(shape, size)
    truth = motion(SIZE, 1.01, 0.2, (2.3, -1.2)) if moved else NOWHERE
    found = find(sent, answered(edited, truth, base, size), same)
    assert found.shape == shape
    assert off(found.to_answer.then(base.inverse), truth, SIZE) < 0.1
    if not moved:
        assert found.to_answer == base


@ONE
@pytest.mark.parametrize("shape", ["stretched", "cropped", "letterboxed"])
def test_without_alignment_the_shape_is_told_all_the_same(photograph: Photograph, shape: str) -> None:
    sent, edited, same = photograph
    size = Extent(256, 256)
    base = taken_as(shape, size)
    found = find(sent, answered(edited, motion(SIZE, shift=(2, 1)), base, size), same, move=False)
    assert found.shape == shape
    assert found.to_answer == base
    assert found.alignment is Alignment.OFF


def test_without_evidence_an_answer_of_another_shape_is_stretched(
    astronaut: Bytes, coffee: Bytes, chelsea: Bytes
) -> None:
    size = Extent(200, 200)
    sent = np.ascontiguousarray(astronaut[:240, :320])
    for other in (coffee, chelsea, np.full_like(coffee, 90), gradient(300, 300)):
        answer = cv2.resize(other, (200, 200), interpolation=cv2.INTER_AREA)
        found = find(sent, answer, everywhere(sent))
        assert found.shape == "stretched"
        assert found.to_answer == Affine.between(SIZE, size)


@ONE
@pytest.mark.parametrize("size", [Extent(320, 240), Extent(160, 120), Extent(213, 160), Extent(427, 320)])
def test_a_size_of_the_same_shape_to_the_pixel_is_no_other_shape(
    photograph: Photograph, size: Extent
) -> None:
    sent, edited, same = photograph
    answer = shown(edited, Affine.between(SIZE, size), size)
    assert find(sent, answer, same).shape == ""


# Odd ones

TINY = [Extent(*each) for each in ((1, 1), (2, 1), (1, 9), (16, 16), (7, 3), (300, 1), (2, 200))]


@pytest.mark.parametrize("size", TINY, ids=str)
@pytest.mark.parametrize("other", [Extent(1, 1), Extent(90, 60)], ids=str)
def test_tiny_pictures_are_taken(size: Extent, other: Extent) -> None:
    rng = np.random.default_rng(7)
    sent = rng.integers(0, 256, (size.height, size.width, 3), np.uint8)
    for answer in (sent, rng.integers(0, 256, (other.height, other.width, 3), np.uint8)):
        for move in (True, False):
            found = find(sent, answer, everywhere(sent), move=move)
            assert found.motion == NOWHERE
            assert found.to_answer == found.base


def test_an_answer_of_one_pixel_is_taken(coffee: Bytes) -> None:
    sent = np.ascontiguousarray(coffee[:200, :200])
    found = find(sent, sent[:1, :1], everywhere(sent))
    assert found.motion == NOWHERE
    assert found.to_answer == Affine.scaling(1 / 200, 1 / 200)


@ONE
@pytest.mark.parametrize("size", [SIZE, Extent(256, 256)], ids=str)
def test_where_nothing_is_usable_nothing_is_known(photograph: Photograph, size: Extent) -> None:
    sent, edited, _ = photograph
    answer = shown(edited, Affine.between(SIZE, size), size)
    found = find(sent, answer, np.zeros(sent.shape[:2], bool))
    assert found.motion == NOWHERE
    assert found.alignment is Alignment.NO_DETAIL
    assert found.shape == ("stretched" if size != SIZE else "")


@ONE
def test_switched_off_nothing_is_moved(photograph: Photograph) -> None:
    sent, edited, same = photograph
    found = find(sent, shown(edited, motion(SIZE, shift=(5, 5)), SIZE), same, move=False)
    assert found.to_answer == NOWHERE
    assert found.alignment is Alignment.OFF


@ONE
def test_what_is_compared_stays_as_it_was(photograph: Photograph) -> None:
    sent, edited, same = photograph
    copies = sent.copy(), edited.copy(), same.copy()
    find(sent, edited, same)
    assert all(np.array_equal(one, other) for one, other in zip(copies, (sent, edited, same), strict=True))
