"""Pictures at another size or place: exact where nothing is between pixels, no halos, no aliasing."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import resampling
from venice_core.imaging.resampling import reduced, resize, sampled, warp, warped

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

TURNED = Affine(1.01, -0.02, 3.3, 0.02, 0.99, -1.7)


def extent(picture: Bytes) -> Extent:
    return Extent(picture.shape[1], picture.shape[0])


def waves(x: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Smooth, 0-255, at continuous places; the shortest wave is 12 px long."""
    x, y = np.asarray(x), np.asarray(y)
    return 128 + 60 * np.sin(2 * np.pi * x / 12) + 50 * np.cos(2 * np.pi * (x + 2 * y) / 31)


def waves_of(size: Extent, through: Affine | None = None) -> npt.NDArray[np.float64]:
    y, x = np.mgrid[: size.height, : size.width] + 0.5
    places = (through or Affine())(np.stack([x, y], axis=-1))
    return waves(places[..., 0], places[..., 1])


def variants(picture: Bytes) -> list[Bytes]:
    """As RGB, RGBA and gray."""
    alpha = np.ascontiguousarray(picture[..., 1])
    return [picture, np.dstack([picture, alpha]), alpha]


# warp: where nothing lies between pixels


def test_no_movement_is_the_identity(astronaut: Bytes) -> None:
    for picture in variants(astronaut[:90, :70]):
        seen = warp(picture, Affine(), extent(picture))
        assert seen.dtype == np.float32
        assert np.array_equal(seen, picture)


def test_a_part_of_a_picture_is_its_own_pixels(coffee: Bytes) -> None:
    for picture in variants(coffee):
        seen = warp(picture, Affine.shift(37, 20), Extent(101, 55))
        assert np.array_equal(seen, picture[20:75, 37:138])


@pytest.mark.parametrize(("x", "y"), [(-5, 3), (4, -7), (60, 60)])
def test_a_shift_by_whole_pixels_beyond_the_edge_is_exact_inside_it(coffee: Bytes, x: int, y: int) -> None:
    picture = coffee[:80, :90]
    seen = warp(picture, Affine.shift(x, y), Extent(90, 80))
    rows = np.clip(np.arange(80) + y, 0, 79)
    columns = np.clip(np.arange(90) + x, 0, 89)
    assert np.abs(seen - picture[rows][:, columns]).max() <= 0.51


# warp: between pixels


@pytest.mark.parametrize(
    "through",
    [
        Affine.shift(0.5, 0.0),
        Affine.shift(0.3, -0.2),
        Affine.shift(10.03, 7.97),
        Affine.scaling(0.7, 0.7),
        Affine.scaling(0.4, 0.6).then(Affine.shift(11.1, 5.2)),
        TURNED,
    ],
)
def test_a_smooth_picture_shows_the_right_values_between_its_pixels(through: Affine) -> None:
    size = Extent(160, 120)
    picture = np.rint(waves_of(size)).astype(np.uint8)
    target = Extent(100, 80)
    error = warp(picture, through, target) - waves_of(target, through)
    away = error[10:-10, 10:-10]
    # a peak between two px is cut to the higher of them: an eighth of its curvature is 2.1 levels here
    assert np.abs(away).max() < 2.6
    assert np.abs(away).mean() < 0.7
    assert abs(away.mean()) < 0.1


@pytest.mark.parametrize("shift", [0.1, 0.25, 0.5, 0.77])
def test_a_movement_between_pixels_is_right_to_3_hundredths(shift: float) -> None:
    size = Extent(300, 80)
    picture = np.rint(waves_of(size)).astype(np.uint8)
    seen = warp(picture, Affine.shift(shift, 0.0), Extent(280, 80))[10:-10, 10:-10].astype(np.float64)

    def slope(at: float) -> npt.NDArray[np.float64]:
        return waves_of(Extent(280, 80), Affine.shift(at, 0.0))[10:-10, 10:-10]

    # how far from the place asked for the values found lie, by least squares
    along = (slope(shift + 0.01) - slope(shift - 0.01)) / 0.02
    off = float((along * (seen - slope(shift))).sum() / (along * along).sum())
    assert abs(off) < 0.03


def test_the_edge_goes_on_beyond_the_picture() -> None:
    picture = np.full((10, 10, 3), 60, np.uint8)
    picture[:, -1] = 200
    seen = warp(picture, Affine.shift(-20, -20), Extent(50, 50))
    assert (seen[:, :25] == 60).all()
    assert (seen[:, 35:] == 200).all()


@pytest.mark.parametrize("enlarged", [1.5, 2.0, 2.7, 4.0])
@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_an_enlarged_step_has_no_halo(enlarged: float, angle: float) -> None:
    y, x = np.mgrid[:60, :60]
    beyond = (x - 30) * np.cos(np.radians(angle)) + (y - 30) * np.sin(np.radians(angle)) > 0
    picture = np.where(beyond, np.uint8(200), np.uint8(50))
    side = round(60 * enlarged)
    seen = warp(picture, Affine.scaling(1 / enlarged, 1 / enlarged), Extent(side, side))
    assert seen.min() >= 50
    assert seen.max() <= 200


@pytest.mark.parametrize("enlarged", [1.5, 2.3, 4.0])
def test_no_value_lies_beyond_those_around_its_place(astronaut: Bytes, enlarged: float) -> None:
    picture = np.ascontiguousarray(astronaut[100:160, 180:250])
    target = extent(picture).scaled(enlarged)
    through = Affine.scaling(1 / enlarged, 1 / enlarged).then(Affine.shift(0.21, -0.13))
    seen = warp(picture, through, target)
    rows, columns = np.mgrid[: target.height, : target.width] + 0.5
    places = through(np.stack([columns, rows], axis=-1)) - 0.5
    around = np.ones((3, 3), np.uint8)
    least, most = cv2.erode(picture, around), cv2.dilate(picture, around)
    # of the nearest px; exactly between two, either may be taken
    x, y = (np.floor(places[..., each] + 0.5).astype(int) for each in (0, 1))
    fraction = np.abs(places - np.floor(places) - 0.5).min(axis=-1)
    clear = fraction > 0.02
    x, y = np.clip(x, 0, picture.shape[1] - 1), np.clip(y, 0, picture.shape[0] - 1)
    assert clear.mean() > 0.7
    assert (seen >= least[y, x])[clear].all()
    assert (seen <= most[y, x])[clear].all()


def test_lines_of_one_pixel_stay_when_enlarged() -> None:
    picture = np.full((40, 40), 30, np.uint8)
    picture[:, 20] = 230
    seen = warp(picture, Affine.scaling(1 / 3, 1 / 3), Extent(120, 120))
    assert seen[60, 61] > 220
    assert seen[60, 55] < 40


# warp: smaller


@pytest.mark.parametrize("shrunk", [2.0, 3.0, 4.5])
def test_a_fine_checkerboard_does_not_alias_when_shrunk(shrunk: float) -> None:
    board = (np.indices((240, 240)).sum(axis=0) % 2 * 255).astype(np.uint8)
    side = round(240 / shrunk)
    seen = warp(board, Affine.scaling(shrunk, shrunk), Extent(side, side))[5:-5, 5:-5]
    assert np.abs(seen - 127.5).max() < 8


def test_a_side_that_shrinks_does_not_alias_though_the_other_grows() -> None:
    stripes = (np.indices((60, 240))[1] % 2 * 255).astype(np.uint8)
    seen = warp(stripes, Affine.scaling(4.3, 0.2), Extent(55, 300))[:, 5:-5]
    assert np.abs(seen - 127.5).max() < 8
    lines = np.ascontiguousarray(stripes.T)
    seen = warp(lines, Affine.scaling(0.2, 4.3), Extent(300, 55))[5:-5]
    assert np.abs(seen - 127.5).max() < 8
    # and what does not shrink stays sharp
    assert np.ptp(warp(lines, Affine.scaling(4.3, 1.0), Extent(12, 240))) == 255


def test_a_stripe_of_two_pixels_is_gray_at_a_quarter() -> None:
    stripes = (np.indices((240, 240))[1] // 2 % 2 * 255).astype(np.uint8)
    seen = warp(stripes, Affine.scaling(4.1, 4.1), Extent(58, 58))[5:-5, 5:-5]
    assert np.abs(seen - 127.5).max() < 20


def test_a_shrunk_photograph_keeps_its_place_and_brightness(coffee: Bytes) -> None:
    half = Extent(300, 200)
    seen = warp(coffee, Affine.scaling(2.0, 2.0), half)
    area = cv2.resize(coffee, (300, 200), interpolation=cv2.INTER_AREA).astype(np.float32)
    assert np.abs(seen - area).mean() < 2.0
    assert np.abs(seen.mean(axis=(0, 1)) - area.mean(axis=(0, 1))).max() < 0.2


# Bands, sizes


@pytest.mark.parametrize("through", [Affine.shift(5, 9), TURNED, Affine.scaling(1.9, 2.2)])
def test_bands_make_the_same_picture_as_one_piece(
    monkeypatch: pytest.MonkeyPatch, coffee: Bytes, through: Affine
) -> None:
    for picture in variants(coffee[:150, :140]):
        target = Extent(60, 61)
        monkeypatch.setattr(resampling, "BAND", 1000)
        whole = warp(picture, through, target)
        monkeypatch.setattr(resampling, "BAND", 7)
        bands = list(warped(picture, through, target))
        assert [rows for rows, _ in bands][-1] == slice(56, 61)
        assert [rows.start for rows, _ in bands] == list(range(0, 61, 7))
        difference = np.abs(np.concatenate([band for _, band in bands]) - whole)
        # a px exactly between two of OpenCV's 32 places may fall to either
        assert difference.mean() < 0.05
        assert np.quantile(difference, 0.99) < 2.0


def test_all_channels_are_treated_alike(astronaut: Bytes) -> None:
    gray = np.ascontiguousarray(astronaut[:80, :80, 0])
    alone = warp(gray, TURNED, Extent(60, 60))
    for count in (3, 4):
        together = warp(np.dstack([gray] * count), TURNED, Extent(60, 60))
        assert together.shape == (60, 60, count)
        assert np.abs(together - alone[..., None]).max() < 0.01


@pytest.mark.parametrize("size", [Extent(1, 1), Extent(1, 40), Extent(40, 1), Extent(2, 3)])
def test_pictures_of_a_few_pixels_keep_their_shape(size: Extent) -> None:
    rng = np.random.default_rng(1)
    for shape in ((size.height, size.width), (size.height, size.width, 3), (size.height, size.width, 4)):
        picture = rng.integers(0, 256, shape, np.uint8)
        for target in (Extent(1, 1), Extent(17, 5)):
            seen = warp(picture, Affine.between(target, size), target)
            assert seen.shape == (target.height, target.width, *shape[2:])
            assert picture.min() <= seen.min() and seen.max() <= picture.max()


def test_what_is_warped_stays_as_it_was(coffee: Bytes) -> None:
    picture = coffee[:50, :50].copy()
    exact = warp(picture, Affine(), Extent(50, 50))
    exact[:] = 7
    assert np.array_equal(picture, coffee[:50, :50])


# resize


def test_the_same_size_is_the_same_picture(coffee: Bytes) -> None:
    assert resize(coffee, extent(coffee)) is coffee


def test_hidden_colors_do_not_bleed_when_resized() -> None:
    picture = np.zeros((20, 20, 4), np.uint8)
    picture[:, :10] = (200, 100, 50, 255)
    picture[:, 10:, :3] = (0, 255, 0)  # green, wholly transparent
    for target in (Extent(7, 7), Extent(53, 53)):
        small = resize(picture, target)
        visible = small[..., 3] > 20
        assert visible.any()
        assert np.abs(small[visible][:, :3].astype(int) - (200, 100, 50)).max() <= 1


def test_a_plane_stays_a_plane_when_resized() -> None:
    ramp = np.linspace(0, 250, 200).astype(np.uint8)[None].repeat(100, 0)
    small = resize(ramp, Extent(50, 25)).astype(float)
    assert np.abs(small - np.linspace(0, 250, 200).astype(np.uint8).reshape(50, 4).mean(axis=1)).max() <= 1


# Both


@pytest.mark.parametrize("size", [Extent(150, 100), Extent(360, 240), Extent(97, 31)], ids=str)
def test_what_only_shrinks_looks_as_if_it_was_resized(coffee: Bytes, size: Extent) -> None:
    seen = warp(*reduced(coffee, Affine.between(size, extent(coffee))), size)
    assert np.abs(seen - resize(coffee, size)).max() < 0.01


def test_a_reduced_copy_shows_the_same_through_its_map(coffee: Bytes) -> None:
    smooth = cv2.GaussianBlur(coffee, (0, 0), 6)
    through = Affine(2.3, -0.04, 20.7, 0.05, 3.1, 11.2)
    small, to_small = reduced(smooth, through)
    assert small.shape[0] < coffee.shape[0] / 3 + 1 and small.shape[1] < coffee.shape[1] / 2.3 + 1
    target = Extent(180, 100)
    assert np.abs(warp(small, to_small, target) - warp(smooth, through, target)).mean() < 1


def test_what_grows_is_not_reduced(coffee: Bytes) -> None:
    through = Affine.scaling(0.5, 0.7)
    same, map_ = reduced(coffee, through)
    assert same is coffee
    assert map_ == through


# A smooth field


def test_a_field_is_seen_at_the_place_it_is_asked_for() -> None:
    y, x = np.mgrid[:20, :30] + 0.5
    field = np.dstack([x, y, x + y]).astype(np.float32)
    through = Affine.scaling(0.1, 0.1).then(Affine.shift(3.0, 2.0))
    seen = sampled(field, through, Extent(100, 90))
    rows, columns = np.mgrid[:90, :100] + 0.5
    places = through(np.stack([columns, rows], axis=-1))
    # OpenCV knows 32 places between two px
    assert np.abs(seen[..., 0] - places[..., 0]).max() < 0.02
    assert np.abs(seen[..., 1] - places[..., 1]).max() < 0.02
    assert np.abs(seen[..., 2] - places.sum(axis=-1)).max() < 0.04


def test_a_picture_for_a_single_pixel_is_its_mean() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1024, 1024, 3), np.uint8)
    seen = warp(picture, Affine.scaling(1024.0, 1024.0), Extent(1, 1))
    assert np.abs(seen[0, 0] - picture.mean(axis=(0, 1))).max() < 3.0
