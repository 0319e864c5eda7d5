"""What a model really changed: all of it, and nothing else, whatever the rest went through."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from venice_core.imaging.arrays import Pixels
from venice_core.imaging.change_detection import detect_changes

Where = npt.NDArray[np.bool_]

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")
FAR = 24
"""In px: growing, feathering, smoothing, and JPEG's blocks of 16 px beside what changed."""


def photo(name: str) -> Pixels:
    return np.ascontiguousarray(getattr(skimage.data, name)()[..., :3])


def jpeg(picture: Pixels, quality: int = 85) -> Pixels:
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def noisy(picture: Pixels, sigma: float = 3.0) -> Pixels:
    noise = np.random.default_rng(3).normal(0.0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def blurred(picture: Pixels, sigma: float = 1.0) -> Pixels:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def shifted(picture: Pixels, x: float = 0.2, y: float = -0.2) -> Pixels:
    height, width = picture.shape[:2]
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    moved = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(moved, np.uint8)


def tinted(picture: Pixels, gains: tuple[float, ...] = (1.02, 1.0, 0.98)) -> Pixels:
    return np.clip(np.rint(picture * np.array(gains)), 0, 255).astype(np.uint8)


def halved(picture: Pixels) -> Pixels:
    """As from a model that works at half the size."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def all_together(picture: Pixels) -> Pixels:
    return jpeg(noisy(tinted(blurred(shifted(picture), 0.8))))


FLAWS: dict[str, Callable[[Pixels], Pixels]] = {
    "none": np.array,
    "jpeg": jpeg,
    "noise": noisy,
    "blur": blurred,
    "shift": shifted,
    "tint": tinted,
    "half the size": halved,
    "all together": all_together,
}


def ellipse(picture: Pixels, x: float, y: float, radius: float) -> Where:
    """Place and radius as shares of the picture's size."""
    height, width = picture.shape[:2]
    drawn = np.zeros((height, width), np.uint8)
    axes = (round(radius * width), round(0.8 * radius * width))
    cv2.ellipse(drawn, (round(x * width), round(y * height)), axes, 30, 0, 360, 1, -1)
    return drawn > 0


def pasted(picture: Pixels, where: Where) -> Pixels:
    other = photo("chelsea" if picture.shape == photo("coffee").shape else "coffee")
    height, width = picture.shape[:2]
    return np.where(where[..., None], cv2.resize(other, (width, height)), picture).astype(np.uint8)


def lifted(*levels: int) -> Callable[[Pixels, Where], Pixels]:
    def edit(picture: Pixels, where: Where) -> Pixels:
        changed = picture.astype(int) + np.where(where[..., None], levels, 0)
        return np.clip(changed, 0, 255).astype(np.uint8)

    return edit


def removed(picture: Pixels, where: Where) -> Pixels:
    return np.asarray(cv2.inpaint(picture, where.astype(np.uint8), 5, cv2.INPAINT_TELEA), np.uint8)


EDITS: dict[str, tuple[float, Callable[[Pixels, Where], Pixels]]] = {
    "a small thing": (0.03, pasted),
    "a thing": (0.1, pasted),
    "a large thing": (0.25, pasted),
    "another tint": (0.1, lifted(8, 0, -8)),
    "brighter": (0.08, lifted(25, 25, 25)),
    "removed": (0.1, removed),
}


def clearly(before: Pixels, after: Pixels) -> Where:
    """Where a person could see a difference: it is no single pixel's."""
    difference = cv2.GaussianBlur(after.astype(np.float32) - before, (0, 0), 2)
    return np.asarray((np.abs(difference).max(axis=2) >= 8) & (before != after).any(axis=2))


def away_from(where: Where, distance: int) -> Where:
    side = 2 * distance + 1
    return np.asarray(cv2.dilate(where.astype(np.uint8), np.ones((side, side), np.uint8)) == 0)


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("name", PHOTOS)
def test_a_picture_that_only_suffered_on_its_way_is_unchanged(name: str, flaw: str) -> None:
    before = photo(name)
    assert not detect_changes(before, FLAWS[flaw](before)).any()


@pytest.mark.parametrize("name", PHOTOS)
def test_what_a_brighter_answer_lost_at_white_is_unchanged_when_it_is_brought_back(name: str) -> None:
    before = photo(name)
    answer = tinted(before, (1.05, 1.05, 1.03)).astype(np.float32)
    assert not detect_changes(before, tinted(answer, (1 / 1.05, 1 / 1.05, 1 / 1.03))).any()


@pytest.mark.parametrize("flaw", ["none", "half the size", "all together"])
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", PHOTOS)
def test_what_changed_is_covered_and_nothing_far_from_it(name: str, edit: str, flaw: str) -> None:
    before = photo(name)
    radius, apply = EDITS[edit]
    where = ellipse(before, 0.45, 0.55, radius)
    after = apply(before, where)
    seen = clearly(before, after)
    assert seen.sum() > 50
    coverage = detect_changes(before, FLAWS[flaw](after))
    assert (coverage[seen] == 255).mean() >= 0.98
    assert not coverage[away_from(where, FAR)].any()


def test_the_edge_is_soft_and_nothing_within_is_left_out() -> None:
    before = photo("astronaut")
    where = ellipse(before, 0.5, 0.5, 0.2)
    coverage = detect_changes(before, pasted(before, where))
    assert (coverage[where] == 255).all()
    steps = [np.abs(np.diff(coverage.astype(int), axis=axis)).max() for axis in (0, 1)]
    assert max(steps) < 80, "no step as of a hard mask"
    count, _ = cv2.connectedComponents((coverage < 255).astype(np.uint8))
    assert count == 2, "the outside in one piece, and no hole"


def test_what_lies_within_a_frame_stays_although_the_frame_is_closed() -> None:
    before = photo("chelsea")
    frame = np.ones(before.shape[:2], bool)
    frame[30:-30, 30:-30] = False
    after = np.where(frame[..., None], np.uint8(20), before)
    coverage = detect_changes(before, after)
    assert (coverage[frame] == 255).all()
    assert not coverage[30 + FAR : -30 - FAR, 30 + FAR : -30 - FAR].any()


def test_a_gap_where_both_agree_by_chance_is_filled() -> None:
    before = np.full((200, 300, 3), 120, np.uint8)
    after = before.copy()
    after[50:150, 100:220] = 200
    after[90:120, 140:180] = 120
    assert (detect_changes(before, after)[50:150, 100:220] == 255).all()


@pytest.mark.parametrize("level", [0, 40, 128, 215, 255])
def test_specks_do_not_count_and_a_wire_does(level: int) -> None:
    before = np.full((300, 400, 3), level, np.uint8)
    strength = 60 if level < 128 else -60
    after = before.copy()
    generator = np.random.default_rng(1)
    for row, column in zip(generator.integers(0, 250, 20), generator.integers(0, 400, 20), strict=True):
        after[row, column] = level + strength // 2
    after[280, 40:360] = level + strength
    coverage = detect_changes(before, after)
    assert not coverage[:255].any()
    assert (coverage[280, 44:356] == 255).all()


@pytest.mark.parametrize("name", PHOTOS)
def test_of_a_repainted_picture_nothing_is_kept(name: str) -> None:
    before = photo(name)
    everywhere = np.ones(before.shape[:2], bool)
    assert (detect_changes(before, pasted(before, everywhere)) == 255).all()
    assert (detect_changes(before, lifted(20, 0, -20)(before, everywhere)) == 255).all()


@pytest.mark.parametrize("name", PHOTOS)
def test_where_most_of_it_was_replaced_the_rest_is_kept(name: str) -> None:
    before = photo(name)
    where = np.zeros(before.shape[:2], bool)
    where[:, : round(0.6 * before.shape[1])] = True
    coverage = detect_changes(before, all_together(pasted(before, where)))
    assert (coverage[where] == 255).mean() > 0.99
    assert not coverage[away_from(where, FAR)].any()


def test_a_change_at_the_border_reaches_up_to_it() -> None:
    before = photo("coffee")
    where = np.zeros(before.shape[:2], bool)
    where[:60, :80] = True
    where[-40:, 200:400] = True
    assert (detect_changes(before, pasted(before, where))[where] == 255).all()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_any_size_will_do_and_the_answer_is_always_the_same(height: int, width: int, seed: int) -> None:
    before, after = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), np.uint8)
    coverage = detect_changes(before, after)
    assert (coverage.shape, coverage.dtype) == ((height, width), np.uint8)
    assert np.array_equal(coverage, detect_changes(before.copy(), after.copy()))
    assert not detect_changes(before, before.copy()).any()


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (3, 2, 3), (64, 1, 3)])
def test_even_the_smallest_picture_can_be_repainted(shape: tuple[int, ...]) -> None:
    before = np.full(shape, 30, np.uint8)
    assert detect_changes(before, before + np.uint8(180)).shape == shape[:2]
    assert not detect_changes(before, before + np.uint8(1)).any()


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="two sizes"):
        detect_changes(np.zeros((2, 3, 3), np.uint8), np.zeros((3, 2, 3), np.uint8))
