"""Which shape or size suits a picture best, of those that a model makes."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from venice_core.geometry.aspect_ratio import parse_ratio, with_ratio
from venice_core.geometry.rectangles import Extent
from venice_core.planning.output_shapes import (
    HARDLY_LARGER,
    Grid,
    Ratios,
    Shape,
    Sizes,
    nearest_ratio,
    tier_side,
)

FIXED = Sizes((Extent(1024, 1024), Extent(1536, 1024), Extent(1024, 1536)))
OPENAI = Grid(16, 655_360, 3_686_400, 3840, 3.0)
OWN = Grid(16, 262_144, 4_194_304, 2048, 4.0)

extents = st.builds(Extent, st.integers(1, 9000), st.integers(1, 9000))
larger = st.builds(Extent, st.integers(32, 9000), st.integers(32, 9000))
usual = st.builds(Extent, st.integers(820, 1900), st.integers(820, 1900))


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """Steps and limits that leave room for a size, as services have them."""
    step = draw(st.sampled_from([1, 8, 16, 32, 64]))
    least = draw(st.integers(16 * step * step, 700_000 + 16 * step * step))
    side = draw(st.integers(math.isqrt(8 * least), 8000))
    return Grid(step, least, 4 * least + draw(st.integers(0, 8_000_000)), side, draw(st.floats(1.5, 8.0)))


@pytest.mark.parametrize(
    ("tier", "side"),
    [("1K", 1024), ("1.5K", 1536), ("1.5k", 1536), ("2k", 2048), ("0.5K", 512), ("10K", 10_240), ("", 1024)],
)
def test_a_resolutions_name_says_how_large_a_square_picture_is(tier: str, side: float) -> None:
    assert tier_side(tier) == side
    assert tier_side(f"about {tier}") == 1024


@given(extents)
def test_no_side_is_shorter_than_openai_takes(extent: Extent) -> None:
    """480 px follow from the least number of pixels, the longest ratio and the step."""
    size = OPENAI.nearest(extent).size
    assert size is not None
    assert size.shorter >= 480


# Any multiple


def fits(size: Extent, grid: Grid) -> bool:
    return (
        size.width % grid.step == size.height % grid.step == 0
        and grid.min_pixels <= size.pixels <= grid.max_pixels
        and size.longer <= grid.max_side
        and size.longer <= size.shorter * grid.max_ratio
    )


@given(extents, st.sampled_from([OPENAI, OWN]))
def test_any_picture_gets_a_size_that_the_built_in_grids_allow(extent: Extent, grid: Grid) -> None:
    size = grid.nearest(extent).size
    assert size is not None
    assert fits(size, grid)


@given(extents, grids())
def test_any_picture_gets_a_size_that_any_grid_with_room_allows(extent: Extent, grid: Grid) -> None:
    size = grid.nearest(extent).size
    assert size is not None
    assert fits(size, grid)


@given(usual, st.sampled_from([OPENAI, OWN]))
def test_a_size_that_is_allowed_is_kept_and_one_between_is_rounded_up(extent: Extent, grid: Grid) -> None:
    rounded = Extent(*(math.ceil(side / grid.step) * grid.step for side in (extent.width, extent.height)))
    assert fits(rounded, grid)
    assert grid.nearest(extent).size == rounded
    assert grid.nearest(rounded).size == rounded


@given(extents, st.sampled_from([OPENAI, OWN]))
def test_within_the_longest_ratio_the_shape_hardly_changes(extent: Extent, grid: Grid) -> None:
    assume(extent.longer / extent.shorter <= grid.max_ratio)
    shape = grid.nearest(extent)
    assert shape.size is not None
    # each side is off by less than a step, and once more where the longest ratio was overstepped so
    assert abs(math.log(shape.ratio / extent.ratio)) <= 3 * grid.step / shape.size.shorter


@pytest.mark.parametrize(
    ("extent", "size"),
    [
        (Extent(1000, 1000), Extent(1008, 1008)),
        (Extent(1024, 768), Extent(1024, 768)),
        (Extent(1, 1), Extent(816, 816)),
        (Extent(9000, 9000), Extent(1920, 1920)),
        (Extent(3000, 1000), Extent(3008, 1008)),
        (Extent(5000, 10), Extent(3312, 1104)),
        (Extent(10, 5000), Extent(1104, 3312)),
        (Extent(1200, 400), Extent(1408, 480)),
    ],
)
def test_openais_sizes(extent: Extent, size: Extent) -> None:
    assert OPENAI.nearest(extent).size == size


def test_where_a_shorter_size_would_be_too_small_the_other_side_grows() -> None:
    grid = Grid(64, 300_000, 1_200_000, 2000, 2.0)
    # rounded up it is 832 × 384, longer than 2:1; 768 × 384 has fewer pixels than the least
    assert grid.nearest(Extent(769, 68)).size == Extent(832, 448)
    assert grid.nearest(Extent(68, 769)).size == Extent(448, 832)


@pytest.mark.parametrize("ratio", [1.0, 3 / 2, 2 / 3, 16 / 9, 3.0, 1 / 3])
@given(extent=larger)
def test_a_grid_of_one_ratio_keeps_to_it(ratio: float, extent: Extent) -> None:
    grid = OPENAI.of_ratio(ratio)
    assert grid is not None
    size = grid.nearest(extent).size
    assert size is not None
    assert fits(size, OPENAI)
    assert abs(math.log(size.ratio / ratio)) <= 16 / size.shorter


@pytest.mark.parametrize("ratio", [3.1, 4.0, 1 / 3.1, 1 / 4])
def test_a_ratio_beyond_the_grids_longest_is_not_made(ratio: float) -> None:
    assert OPENAI.of_ratio(ratio) is None


# A few sizes


@pytest.mark.parametrize(
    ("extent", "size"),
    [
        (Extent(500, 500), Extent(1024, 1024)),
        (Extent(1920, 1080), Extent(1536, 1024)),
        (Extent(1080, 1920), Extent(1024, 1536)),
        (Extent(121, 100), Extent(1024, 1024)),  # 1.21 times to 1:1, 1.24 times to 3:2
        (Extent(124, 100), Extent(1536, 1024)),  # 1.24 times to 1:1, 1.21 times to 3:2
        (Extent(8000, 10), Extent(1536, 1024)),
    ],
)
def test_the_size_of_the_least_stretching_is_taken(extent: Extent, size: Extent) -> None:
    assert FIXED.nearest(extent) == Shape(size.ratio, size=size)


@pytest.mark.parametrize(
    ("extent", "size"),
    [
        (Extent(100, 100), Extent(512, 512)),
        (Extent(512, 512), Extent(512, 512)),
        (Extent(513, 500), Extent(1024, 1024)),
        (Extent(1025, 1024), Extent(2048, 2048)),
        (Extent(3000, 3000), Extent(2048, 2048)),
    ],
)
def test_of_sizes_alike_the_smallest_that_is_large_enough_is_taken_else_the_largest(
    extent: Extent, size: Extent
) -> None:
    alike = Sizes((Extent(2048, 2048), Extent(512, 512), Extent(1024, 1024), Extent(1536, 1024)))
    assert alike.nearest(extent).size == size


@given(st.lists(extents, min_size=1, max_size=6), extents)
def test_the_size_taken_is_one_of_them_and_none_needs_much_less_stretching(
    sizes: list[Extent], extent: Extent
) -> None:
    size = Sizes(tuple(sizes)).nearest(extent).size
    assert size in sizes
    least = min(abs(math.log(each.ratio / extent.ratio)) for each in sizes)
    assert abs(math.log(size.ratio / extent.ratio)) <= least + 0.0101


def test_of_a_ratio_only_the_sizes_that_have_it_are_left() -> None:
    assert FIXED.of_ratio(1.5) == Sizes((Extent(1536, 1024),))
    assert FIXED.of_ratio(1.49) == Sizes((Extent(1536, 1024),)), "within a hundredth"
    assert FIXED.of_ratio(16 / 9) is None


# Ratios by name


def test_ratios_name_the_nearest_and_without_names_any_shape_is_made() -> None:
    assert Ratios(("1:1", "16:9")).nearest(Extent(1900, 1000)) == Shape(16 / 9, "16:9")
    assert Ratios().nearest(Extent(1900, 1000)) is None
    assert Ratios(("1:1", "9:19.5", "2:4", "1:2")).of_ratio(0.5) == Ratios(("2:4", "1:2"))
    assert Ratios(("1:1",)).of_ratio(2.0) is None


@given(extents)
def test_the_nearest_ratio_turns_with_the_picture(extent: Extent) -> None:
    names = ("1:1", "3:2", "2:3", "19.5:9", "9:19.5")
    turned = ":".join(reversed(nearest_ratio(extent, names).split(":")))
    other = nearest_ratio(Extent(extent.height, extent.width), names)
    assert math.isclose(
        abs(math.log((parse_ratio(other) or 0) * extent.ratio)),
        abs(math.log((parse_ratio(turned) or 0) * extent.ratio)),
        abs_tol=1e-9,
    )


# Around a picture


@given(extents, st.floats(1 / 8, 8), st.none() | extents)
def test_what_a_shape_has_around_a_picture_holds_it_in_that_ratio(
    extent: Extent, ratio: float, size: Extent | None
) -> None:
    shape = Shape(size.ratio if size else ratio, size=size)
    around = shape.around(extent)
    assert around.holds(extent)
    across, down = around.width - around.height * shape.ratio, around.height - around.width / shape.ratio
    assert min(abs(across), abs(down)) <= 1


@pytest.mark.parametrize(
    ("extent", "around"),
    [
        (Extent(1024, 1024), Extent(1024, 1024)),
        (Extent(1000, 1000), Extent(1024, 1024)),
        (Extent(911, 911), Extent(1024, 1024)),  # 1.124 times
        (Extent(910, 910), Extent(910, 910)),  # 1.1253 times
        (Extent(1000, 300), Extent(1000, 1000)),
        (Extent(1024, 300), Extent(1024, 1024)),
        (Extent(1025, 1024), Extent(1025, 1025)),
        (Extent(3000, 10), Extent(3000, 3000)),
    ],
)
def test_a_picture_hardly_smaller_than_what_comes_back_is_widened_to_it(
    extent: Extent, around: Extent
) -> None:
    assert Shape(1.0, size=Extent(1024, 1024)).around(extent) == around


@given(extents, extents)
def test_no_side_is_widened_by_more_than_it_need_be_or_by_a_ninth(extent: Extent, size: Extent) -> None:
    around = Shape(size.ratio, size=size).around(extent)
    held = with_ratio(extent, size.ratio)
    if around != held:
        assert around == size
        near = (size.width <= HARDLY_LARGER * extent.width, size.height <= HARDLY_LARGER * extent.height)
        # or the size is the smaller of the two
        assert all(near) or held.holds(size)


def test_the_same_ratios_are_found_from_either_side() -> None:
    for grid, ratio in product((OPENAI, OWN), (1.0, 1.5, 2.0, 3.0)):
        wide, tall = grid.of_ratio(ratio), grid.of_ratio(1 / ratio)
        assert wide is not None
        assert tall is not None
        a, b = wide.nearest(Extent(700, 500)).size, tall.nearest(Extent(500, 700)).size
        assert a is not None
        assert b is not None
        assert (a.width, a.height) == (b.height, b.width)
