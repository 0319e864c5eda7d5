"""Grow, feather and the automatic feather, as they are defined for people."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging.mask_edges import feather, grow, is_hard_edged, support_of
from venice_core.job import Action, Job, Options, SelectionUse
from venice_core.planning.selection import Selection

Coverage = npt.NDArray[np.uint8]

levels = st.sampled_from([0, 0, 0, 0, 1, 7, 128, 254, 255, 255])
coverages = arrays.arrays(np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=levels)
coverages_or_plain = st.one_of(coverages, st.builds(np.full, st.just((5, 7)), levels, st.just(np.uint8)))


def disc(radius: int) -> npt.NDArray[np.bool_]:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


def smoothstep(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def distance_to_nothing(coverage: Coverage) -> npt.NDArray[np.float64]:
    """To the nearest pixel of coverage 0; infinite where there is none."""
    if coverage.all():
        return np.full(coverage.shape, np.inf)
    return ndimage.distance_transform_edt(coverage > 0)


# Growing


@given(coverages, st.integers(0, 9))
def test_growing_is_dilation_by_a_disc(coverage: Coverage, radius: int) -> None:
    expected = ndimage.grey_dilation(coverage, footprint=disc(radius), mode="nearest")
    assert np.array_equal(grow(coverage, radius), expected)


@given(coverages, st.integers(1, 9))
def test_shrinking_is_erosion_by_a_disc(coverage: Coverage, radius: int) -> None:
    expected = ndimage.grey_erosion(coverage, footprint=disc(radius), mode="nearest")
    assert np.array_equal(grow(coverage, -radius), expected)


@given(coverages)
def test_growing_by_nothing_changes_nothing_and_makes_a_copy(coverage: Coverage) -> None:
    before = coverage.copy()
    same = grow(coverage, 0)
    same[:] = 9
    assert np.array_equal(coverage, before)


def test_a_selection_up_to_the_border_is_not_worn_away_there() -> None:
    sky = np.zeros((40, 60), np.uint8)
    sky[:20] = 255
    shrunk = grow(sky, -5)
    assert (shrunk[:15] == 255).all()
    assert not shrunk[15:].any()


def test_a_huge_radius_is_taken() -> None:
    point = np.zeros((30, 40), np.uint8)
    point[3, 4] = 200
    assert (grow(point, 1000) == 200).all()
    assert not grow(point, -1000).any()


# Feathering


@given(coverages_or_plain, st.integers(1, 12))
def test_feathering_is_the_smaller_of_the_coverage_and_the_ramp(coverage: Coverage, width: int) -> None:
    ramp = np.rint(255 * smoothstep(distance_to_nothing(coverage) / width))
    assert np.array_equal(feather(coverage, width), np.minimum(coverage, ramp).astype(np.uint8))


@given(coverages_or_plain, st.integers(0, 300))
@example(np.full((3, 3), 255, np.uint8), 300)
def test_feathering_never_raises_and_keeps_nothing_nothing(coverage: Coverage, width: int) -> None:
    soft = feather(coverage, width)
    assert (soft <= coverage).all()
    assert not soft[coverage == 0].any()
    deep = distance_to_nothing(coverage) >= width
    assert np.array_equal(soft[deep], coverage[deep])


@given(coverages, st.integers(0, 4))
def test_no_feather_and_no_growth_is_the_identity(coverage: Coverage, margin: int) -> None:
    assert np.array_equal(feather(grow(coverage, 0), 0), coverage)


def test_a_feathered_selection_up_to_the_border_keeps_no_rim() -> None:
    sky = np.zeros((60, 80), np.uint8)
    sky[:30] = 255
    soft = feather(sky, 10)
    assert (soft[:20] == 255).all()
    assert (np.diff(soft[20:31].astype(int), axis=0) < 0).all()
    assert (soft == soft[:, :1]).all(), "the left and right border have a rim"


# A selection in its layer and canvas


@st.composite
def jobs(draw: st.DrawFn) -> tuple[Job, Coverage]:
    canvas = Extent(draw(st.integers(4, 24)), draw(st.integers(4, 24)))
    layer = Bounds(
        draw(st.integers(-6, 10)),
        draw(st.integers(-6, 10)),
        draw(st.integers(4, 24)),
        draw(st.integers(4, 24)),
    )
    coverage = draw(arrays.arrays(np.uint8, (canvas.height, canvas.width), elements=levels))
    options = Options(grow=draw(st.integers(-3, 4)), feather=draw(st.integers(0, 6)))
    return Job(Action.EDIT, layer, canvas, Bounds.of(canvas), options), coverage


@given(jobs())
def test_the_part_that_is_looked_at_gives_what_the_whole_would(given_job: tuple[Job, Coverage]) -> None:
    job, coverage = given_job
    whole = Bounds.of(job.canvas)
    domain = job.layer.intersection(whole)
    expected = np.zeros((job.layer.height, job.layer.width), np.uint8)
    if domain is not None:
        inside = coverage[domain.slices]
        soft = feather(grow(inside, job.options.grow), job.options.feather)
        expected[domain.relative_to(job.layer).slices] = soft
    try:
        selection = Selection.of(job, coverage)
    except BadInput:
        assert not expected.any()
        return
    assert np.array_equal(selection.cut(job.layer, job.options.feather), expected)
    found = support_of(selection.cut(job.layer))
    assert found is not None
    assert (
        Bounds(found.x + job.layer.x, found.y + job.layer.y, found.width, found.height) == selection.support
    )


@given(coverages)
def test_the_support_holds_every_pixel_of_at_least_one(coverage: Coverage) -> None:
    support = support_of(coverage)
    if support is None:
        assert not coverage.any()
        return
    rows, columns = np.nonzero(coverage)
    assert (support.x, support.y) == (columns.min(), rows.min())
    assert (support.right - 1, support.bottom - 1) == (columns.max(), rows.max())


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Bounds(50, 0, 10, 10), "does not cover any pixel"),
        (Bounds(20, 20, 10, 10), "does not cover any pixel"),
    ],
)
def test_a_selection_beside_the_layer_is_refused(layer: Bounds, words: str) -> None:
    coverage = np.zeros((40, 40), np.uint8)
    coverage[:10, :10] = 255
    job = Job(Action.EDIT, layer, Extent(40, 40), Bounds(0, 0, 40, 40))
    with pytest.raises(BadInput, match=words):
        Selection.of(job, coverage)


def test_a_selection_that_shrinks_to_nothing_is_refused() -> None:
    coverage = np.zeros((40, 40), np.uint8)
    coverage[10:20, 10:20] = 255
    job = Job(Action.EDIT, Bounds(0, 0, 40, 40), Extent(40, 40), Bounds(0, 0, 40, 40), Options(grow=-20))
    with pytest.raises(BadInput, match="Shrinking the selection by 20 px"):
        Selection.of(job, coverage)


def test_ignore_means_that_nothing_is_selected() -> None:
    window = Bounds(0, 0, 4, 4)
    assert Job(Action.EDIT, window, Extent(4, 4), window).selected
    ignored = Options(selection=SelectionUse.IGNORE)
    assert not Job(Action.EDIT, window, Extent(4, 4), window, ignored).selected
    assert not Job(Action.EDIT, window, Extent(4, 4)).selected


# Automatic feather

SIDE = 200


def supersampled(draw_shape: object) -> Coverage:
    """A shape drawn at 8 times the size without antialiasing, averaged down: an antialiased edge."""
    big = np.zeros((SIDE * 8, SIDE * 8), np.uint8)
    draw_shape(big)  # type: ignore[operator]
    return np.rint(big.reshape(SIDE, 8, SIDE, 8).mean(axis=(1, 3))).astype(np.uint8)


def ellipse(width: int, height: int, angle: int = 0) -> Coverage:
    return supersampled(
        lambda big: cv2.ellipse(big, (803, 797), (width * 4, height * 4), angle, 0, 360, 255, -1)
    )


def lasso(seed: int) -> Coverage:
    rng = np.random.default_rng(seed)
    turn = np.sort(rng.uniform(0, 2 * np.pi, 14))
    far = rng.uniform(300, 700, 14)
    points = np.stack([800 + far * np.cos(turn), 800 + far * np.sin(turn)], axis=1).astype(np.int32)
    return supersampled(lambda big: cv2.fillPoly(big, [points], 255))


def rectangle(width: int, height: int) -> Coverage:
    coverage = np.zeros((SIDE, SIDE), np.uint8)
    coverage[30 : 30 + height, 40 : 40 + width] = 255
    return coverage


def automatic(coverage: Coverage, grown: int = 0) -> int:
    height, width = coverage.shape
    whole = Bounds(0, 0, width, height)
    job = Job(Action.EDIT, whole, whole.extent, whole, Options(grow=grown))
    return Selection.of(job, coverage).automatic_feather


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (100, 120, 8),
        (64, 64, 8),
        (63, 150, 7),
        (150, 40, 5),
        (16, 16, 2),
        (8, 100, 1),
        (7, 100, 0),
        (1, 1, 0),
    ],
)
def test_a_hard_rectangle_gets_8_px_or_an_eighth_of_its_shorter_side(
    width: int, height: int, expected: int
) -> None:
    assert automatic(rectangle(width, height)) == expected


@pytest.mark.parametrize(
    ("width", "height", "angle"), [(120, 80, 0), (120, 80, 30), (150, 20, 45), (40, 40, 0), (90, 9, 7)]
)
def test_an_antialiased_ellipse_counts_as_hard(width: int, height: int, angle: int) -> None:
    coverage = ellipse(width, height, angle)
    assert ((coverage > 0) & (coverage < 255)).any()
    support = support_of(coverage)
    assert support is not None
    assert automatic(coverage) == min(8, support.extent.shorter // 8)


@pytest.mark.parametrize("seed", range(6))
def test_an_antialiased_lasso_counts_as_hard(seed: int) -> None:
    assert automatic(lasso(seed)) == 8


@pytest.mark.parametrize("sigma", [3, 5, 10, 25])
@pytest.mark.parametrize("shape", [rectangle(100, 120), ellipse(120, 80, 30), lasso(1)], ids=str)
def test_a_blurred_selection_is_soft_enough_already(shape: Coverage, sigma: int) -> None:
    blurred = np.rint(ndimage.gaussian_filter(shape.astype(float), sigma)).astype(np.uint8)
    assert automatic(blurred) == 0


def test_a_selection_that_is_nowhere_full_is_soft() -> None:
    assert not is_hard_edged(np.full((9, 9), 128, np.uint8))
    assert automatic(rectangle(100, 100) // 2) == 0


def test_whether_it_is_hard_is_asked_before_growing_and_how_wide_after() -> None:
    assert automatic(rectangle(24, 24)) == 3
    assert automatic(rectangle(24, 24), grown=20) == 8


def test_everything_selected_is_hard_and_stays_whole() -> None:
    whole = np.full((80, 80), 255, np.uint8)
    assert automatic(whole) == 8
    assert (feather(whole, 8) == 255).all()
