"""Mattes brought up to the source's size, and the colors of what they cut out, against a known truth.

A known foreground lies over a known background by a known matte of full size; what is given to the code is
the mixture, and the matte at a smaller size.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import matte_upsampling
from venice_core.imaging.arrays import Coverage, Pixels
from venice_core.imaging.foreground_estimation import estimate_foreground
from venice_core.imaging.resampling import resize

SIDE = 512
SCENES = [("astronaut", "coffee"), ("chelsea", "grass"), ("rocket", "chelsea"), ("coffee", "brick")]
Flags = npt.NDArray[np.bool_]


@cache
def photo(name: str) -> Pixels:
    picture = getattr(skimage.data, name)()
    picture = picture if picture.ndim == 3 else np.dstack([picture] * 3)
    return resize(np.ascontiguousarray(picture[..., :3]), Extent(SIDE, SIDE))


@cache
def hair() -> Coverage:
    """A body with strands that leave it, some of them half-transparent, 0.5 to 3 px wide."""
    rng = np.random.default_rng(0)
    drawn = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    middle = np.array([SIDE, SIDE])
    cv2.ellipse(drawn, (SIDE, SIDE), (SIDE // 2, 3 * SIDE // 5), 0, 0, 360, 255, -1, cv2.LINE_AA)
    for _ in range(120):
        angle = rng.uniform(0.0, 2.0 * np.pi)
        points = [middle + np.array([0.48 * np.cos(angle), 0.58 * np.sin(angle)]) * SIDE]
        for _ in range(25):
            angle += rng.normal(0.0, 0.12)
            step = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(3.0, 12.0)
            points.append(points[-1] + step)
        line = np.rint(np.array(points) * 16).astype(np.int32)
        level, width = int(rng.integers(120, 256)), int(rng.integers(1, 7))
        cv2.polylines(drawn, [line], False, level, width, cv2.LINE_AA, 4)
    return resize(drawn, Extent(SIDE, SIDE))


@cache
def blurred(width: float) -> Coverage:
    """A shape with corners, its edge as soft as a lens that is out of focus makes it."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(drawn, (SIDE // 2, SIDE // 2), (SIDE // 3, SIDE // 4), 20, 0, 360, 255, -1)
    cv2.rectangle(drawn, (SIDE // 2, SIDE // 4), (7 * SIDE // 10, 3 * SIDE // 4), 255, -1)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), width), np.uint8)


KINDS: dict[str, Callable[[], Coverage]] = {
    "hair": hair,
    "crisp": lambda: blurred(0.6),
    "soft": lambda: blurred(6.0),
}


def mixed(front: Pixels, back: Pixels, truth: Coverage) -> Pixels:
    share = truth[..., None] / 255.0
    return np.rint(front * share + back * (1.0 - share)).astype(np.uint8)


def smaller(array: npt.NDArray[np.uint8], factor: int) -> npt.NDArray[np.uint8]:
    return resize(array, Extent(SIDE // factor, SIDE // factor))


def enlarged(answer: Coverage, picture: Pixels) -> Coverage:
    ours, theirs = Extent(picture.shape[1], picture.shape[0]), Extent(answer.shape[1], answer.shape[0])
    return matte_upsampling.upsample_matte(
        answer, resize(picture, theirs), picture, Affine.between(ours, theirs)
    )


def bicubic(answer: Coverage) -> Coverage:
    return np.asarray(cv2.resize(answer, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def band(answer: Coverage) -> Flags:
    """The pixels of full size around what is neither 0 nor 255."""
    around = np.ones((3, 3), np.uint8)
    unsure = (cv2.dilate(answer, around) != cv2.erode(answer, around)).astype(np.uint8)
    return cv2.resize(unsure, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0


def error(found: Coverage, truth: Coverage, where: Flags) -> float:
    """The mean error, in levels of 255."""
    return float(np.abs(found[where].astype(float) - truth[where]).mean())


# Up to full size


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize(("kind", "share"), [("hair", 0.7), ("crisp", 0.5), ("soft", 1.0)])
def test_an_enlarged_matte_is_nearer_to_the_truth_than_a_bicubic_one(
    kind: str, share: float, factor: int
) -> None:
    truth = KINDS[kind]()
    answer = smaller(truth, factor)
    where, plain = band(answer), bicubic(answer)
    for front, back in SCENES:
        found = enlarged(answer, mixed(photo(front), photo(back), truth))
        assert error(found, truth, where) <= share * error(plain, truth, where), (front, back)


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_neither_noise_nor_a_jpeg_makes_it_worse_than_bicubic(kind: str, factor: int) -> None:
    truth = KINDS[kind]()
    answer = smaller(truth, factor)
    picture = mixed(photo("astronaut"), photo("coffee"), truth)
    noisy = picture + np.random.default_rng(0).normal(0.0, 4.0, picture.shape)
    _, file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    for seen in (np.clip(np.rint(noisy), 0, 255).astype(np.uint8), cv2.imdecode(file, cv2.IMREAD_COLOR)):
        found = enlarged(answer, np.asarray(seen, np.uint8))
        assert error(found, truth, band(answer)) <= error(bicubic(answer), truth, band(answer))


@pytest.mark.parametrize("factor", [2, 5, 8])
def test_far_from_the_edges_inside_stays_255_and_outside_0(factor: int) -> None:
    truth = blurred(0.6)
    answer = resize(truth, Extent(SIDE // factor, SIDE // factor))
    found = enlarged(answer, mixed(photo("coffee"), photo("grass"), truth))
    inside, outside = truth == 255, truth == 0
    reach = np.ones((4 * factor + 1, 4 * factor + 1), np.uint8)
    for flags, level in ((inside, 255), (outside, 0)):
        far = cv2.erode(flags.astype(np.uint8), reach) > 0
        assert far.mean() > 0.1
        assert (found[far] == level).all()


@pytest.mark.parametrize("name", ["grass", "gravel", "brick", "coffee"])
def test_a_nearly_empty_matte_takes_no_specks_from_texture(name: str) -> None:
    answer = np.random.default_rng(0).integers(0, 4, (SIDE // 4, SIDE // 4), np.uint8)
    assert enlarged(answer, photo(name)).max() <= 6
    assert (255 - enlarged(255 - answer, photo(name))).max() <= 6


@pytest.mark.parametrize("level", [0, 7, 128, 255])
def test_a_matte_of_one_value_keeps_it(level: int) -> None:
    found = enlarged(np.full((64, 64), level, np.uint8), photo("gravel"))
    assert (found == level).all()


def test_a_matte_of_the_pictures_size_comes_back_as_it_is() -> None:
    picture = mixed(photo("astronaut"), photo("coffee"), hair())
    found = matte_upsampling.upsample_matte(hair(), picture, picture, Affine())
    assert found.tobytes() == hair().tobytes()


def test_a_matte_that_is_no_smaller_is_only_cut_where_the_picture_lies() -> None:
    picture = photo("astronaut")[20:300, 30:400]
    found = matte_upsampling.upsample_matte(hair(), photo("astronaut"), picture, Affine.shift(30, 20))
    assert np.array_equal(found, hair()[20:300, 30:400])


def test_a_larger_matte_is_made_smaller_and_follows_no_guide() -> None:
    one, other = (resize(photo(name), Extent(SIDE // 2, SIDE // 2)) for name in ("astronaut", "gravel"))
    found = enlarged(hair(), one)
    assert error(found, smaller(hair(), 2), found > 0) < 10.0
    assert np.array_equal(found, enlarged(hair(), other))


def test_scales_of_their_own_across_and_down_with_padding_are_undone() -> None:
    """As of a picture that was padded and stretched before it was sent."""
    truth = blurred(0.6)[:, 40:440]
    picture = mixed(photo("chelsea"), photo("coffee"), blurred(0.6))[:, 40:440]
    sides = ((0, 0), (24, 40))
    padded = (np.pad(picture, (*sides, (0, 0)), "edge"), np.pad(truth, sides, "edge"))
    size = Extent(150, 100)
    seen, answer = resize(padded[0], size), resize(padded[1], size)
    to_matte = Affine.shift(24, 0).then(Affine.between(Extent(464, SIDE), size))
    found = matte_upsampling.upsample_matte(answer, seen, picture, to_matte)
    plain = cv2.resize(answer, (464, SIDE), interpolation=cv2.INTER_CUBIC)[:, 24:424]
    unsure = (truth > 0) & (truth < 255)
    assert error(found, truth, unsure) < 0.5 * error(np.asarray(plain, np.uint8), truth, unsure)


def test_the_mean_over_each_pixel_of_the_answer_stays_what_it_was() -> None:
    answer = smaller(hair(), 4)
    found = enlarged(answer, mixed(photo("rocket"), photo("chelsea"), hair()))
    off = np.abs(cv2.resize(found.astype(np.float32), answer.shape, interpolation=cv2.INTER_AREA) - answer)
    assert off.mean() < 1.0


def test_a_large_crop_needs_little_memory_beside_itself() -> None:
    truth = np.tile(hair(), (4, 6))
    picture = np.tile(mixed(photo("astronaut"), photo("grass"), hair()), (4, 6, 1))
    answer = resize(truth, Extent(SIDE * 6 // 4, SIDE))
    tracemalloc.start()
    enlarged(answer, picture)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 40 * truth.size


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 3), (5, 4), (40, 3)])
def test_the_smallest_pictures_work(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (*size, 4), np.uint8)
    answer = rng.integers(0, 256, (1, 1), np.uint8)
    kept = picture.copy()
    assert enlarged(answer, np.ascontiguousarray(picture[..., :3])).shape == size
    colors, _ = estimate_foreground(picture, rng.integers(0, 256, size, np.uint8))
    assert colors.shape == (*size, 3)
    assert np.array_equal(picture, kept)


# The foreground's colors


def opaque(picture: Pixels) -> Pixels:
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def flat(color: tuple[int, int, int]) -> Pixels:
    return np.full((SIDE, SIDE, 3), color, np.uint8)


def halo(found: Pixels, front: Pixels, truth: Coverage) -> float:
    """The mean error of the colors in half-transparent pixels, as it shows over a new background."""
    unsure = (truth > 0) & (truth < 255)
    off = np.abs(found[unsure].astype(float) - front[unsure]) * (truth[unsure][:, None] / 255.0)
    return float(off.mean())


@pytest.mark.parametrize(("kind", "factor"), [("hair", 8), ("crisp", 50), ("soft", 30)])
def test_of_a_red_subject_before_green_no_green_is_left(kind: str, factor: float) -> None:
    truth, red = KINDS[kind](), flat((200, 30, 20))
    picture = mixed(red, flat((20, 200, 40)), truth)
    found, _ = estimate_foreground(opaque(picture), truth)
    assert halo(found, red, truth) <= halo(picture, red, truth) / factor


@pytest.mark.parametrize(("kind", "share"), [("hair", 0.75), ("crisp", 0.45), ("soft", 0.75)])
def test_of_photographs_the_halo_becomes_smaller(kind: str, share: float) -> None:
    truth = KINDS[kind]()
    for front, back in SCENES:
        picture = mixed(photo(front), photo(back), truth)
        found, _ = estimate_foreground(opaque(picture), truth)
        assert halo(found, photo(front), truth) <= share * halo(picture, photo(front), truth), (front, back)


def test_what_is_wholly_opaque_or_empty_keeps_its_colors() -> None:
    picture = mixed(photo("astronaut"), photo("coffee"), hair())
    found, edge_mask = estimate_foreground(opaque(picture), hair())
    assert edge_mask is not None
    assert not edge_mask[(hair() == 0) | (hair() == 255)].any()
    assert set(np.unique(edge_mask)) == {0, 255}
    assert np.array_equal(edge_mask > 0, (found != picture).any(axis=2))


@pytest.mark.parametrize("level", [0, 255])
def test_a_matte_without_an_edge_has_no_rim(level: int) -> None:
    found, edge_mask = estimate_foreground(opaque(photo("coffee")), np.full((SIDE, SIDE), level, np.uint8))
    assert edge_mask is None
    assert np.array_equal(found, photo("coffee"))


def test_where_no_sure_foreground_is_near_the_pictures_colors_stay() -> None:
    haze = np.asarray(blurred(6.0) // 2, np.uint8)
    found, edge_mask = estimate_foreground(opaque(photo("coffee")), haze)
    assert edge_mask is None
    assert np.array_equal(found, photo("coffee"))


def test_colors_that_are_hidden_in_the_source_are_no_evidence() -> None:
    truth, red = blurred(6.0), flat((200, 30, 20))
    picture = opaque(mixed(red, flat((20, 200, 40)), truth))
    hidden = picture.copy()
    hidden[: SIDE // 2, : SIDE // 2, 3] = 0
    expected, _ = estimate_foreground(hidden, truth)
    hidden[: SIDE // 2, : SIDE // 2, :3] = (255, 255, 0)
    found, edge_mask = estimate_foreground(hidden, truth)
    assert edge_mask is not None
    assert not edge_mask[hidden[..., 3] == 0].any()
    shown = hidden[..., 3] > 0
    assert np.array_equal(found[shown], expected[shown])


def test_the_colors_do_not_depend_on_how_the_work_is_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = mixed(photo("astronaut"), photo("coffee"), hair())
    answer = smaller(hair(), 4)
    colors, _ = estimate_foreground(opaque(picture), hair())
    whole = enlarged(answer, picture)
    monkeypatch.setattr(matte_upsampling, "TILE", 128)
    again, _ = estimate_foreground(opaque(picture), hair())
    assert np.abs(again.astype(int) - colors).max() <= 1
    assert np.abs(enlarged(answer, picture).astype(int) - whole).max() <= 1
