"""The part of a picture that is sent: its crop, padding and size, for any layer and any limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.planning.capabilities import Limits
from venice_core.planning.framing import Frame, at_least, frame, scaled_within, within
from venice_core.planning.output_shapes import Ratios, nearest_ratio

VENICE = Limits(min_pixels=65_536, max_pixels=33_177_600, min_side=64)
RATIOS = ("1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5", "9:19.5")

lengths = st.one_of(st.integers(1, 300), st.integers(1, 6000))
extents = st.builds(Extent, lengths, lengths)
limits = st.builds(
    Limits,
    min_pixels=st.sampled_from([1, 4096, 65_536]),
    max_pixels=st.sampled_from([300_000, 1_000_000, 33_177_600]),
    min_side=st.sampled_from([1, 16, 64]),
)
ratio_lists = st.lists(st.sampled_from(RATIOS), max_size=4, unique=True).map(tuple)


def number(ratio: str) -> float:
    width, height = ratio.split(":")
    return float(width) / float(height)


@st.composite
def crops(draw: st.DrawFn) -> tuple[Bounds, Bounds]:
    """A layer anywhere, and a rectangle in it."""
    width, height = draw(lengths), draw(lengths)
    layer = Bounds(draw(st.integers(-3000, 3000)), draw(st.integers(-3000, 3000)), width, height)
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    crop = Bounds(
        layer.x + left, layer.y + top, draw(st.integers(1, width - left)), draw(st.integers(1, height - top))
    )
    return crop, layer


def framed(where: tuple[Bounds, Bounds], ratios: tuple[str, ...], limit: Limits) -> Frame:
    try:
        return frame(*where, Ratios(ratios), limit)
    except BadInput as error:
        assume("too long and narrow" not in error.detail)
        raise


@given(crops(), ratio_lists, limits)
def test_the_crop_holds_what_was_asked_for_and_lies_in_the_layer(
    where: tuple[Bounds, Bounds], ratios: tuple[str, ...], limit: Limits
) -> None:
    crop, layer = where
    found = framed(where, ratios, limit)
    assert found.crop.x <= crop.x
    assert found.crop.y <= crop.y
    assert found.crop.right >= crop.right
    assert found.crop.bottom >= crop.bottom
    assert layer.x <= found.crop.x
    assert layer.y <= found.crop.y
    assert found.crop.right <= layer.right
    assert found.crop.bottom <= layer.bottom


@given(crops(), ratio_lists, limits)
def test_padding_is_even_and_is_there_only_where_the_layer_ends(
    where: tuple[Bounds, Bounds], ratios: tuple[str, ...], limit: Limits
) -> None:
    found = framed(where, ratios, limit)
    sides = found.padding
    assert 0 <= sides.right - sides.left <= 1
    assert 0 <= sides.bottom - sides.top <= 1
    assert found.padded.width == found.crop.width + sides.left + sides.right
    assert found.padded.height == found.crop.height + sides.top + sides.bottom
    layer = where[1]
    assert found.crop.width in (layer.width, found.padded.width)
    assert found.crop.height in (layer.height, found.padded.height)


@given(crops(), ratio_lists, limits)
def test_the_size_keeps_to_the_limits_and_the_shape(
    where: tuple[Bounds, Bounds], ratios: tuple[str, ...], limit: Limits
) -> None:
    found = framed(where, ratios, limit)
    size, padded = found.size, found.padded
    assert limit.min_pixels <= size.width * size.height <= limit.max_pixels
    assert min(size.width, size.height) >= limit.min_side
    assert size.width <= padded.width
    assert size.height <= padded.height
    factor = math.sqrt(limit.max_pixels / (padded.width * padded.height))
    if factor >= 1:
        assert size == padded
    else:
        assert 0 <= padded.width * factor - size.width < 1 + 1e-6
        assert 0 <= padded.height * factor - size.height < 1 + 1e-6


@given(crops(), ratio_lists.filter(bool), limits)
def test_the_padded_crop_has_the_chosen_ratio_to_the_pixel(
    where: tuple[Bounds, Bounds], ratios: tuple[str, ...], limit: Limits
) -> None:
    found = framed(where, ratios, limit)
    assert found.aspect_ratio in ratios
    ratio, padded = number(found.aspect_ratio), found.padded
    assert min(abs(padded.width - padded.height * ratio), abs(padded.height - padded.width / ratio)) <= 1


@given(crops(), limits)
def test_without_ratios_nothing_but_the_minimum_widens_it(
    where: tuple[Bounds, Bounds], limit: Limits
) -> None:
    crop, _ = where
    found = framed(where, (), limit)
    assert found.aspect_ratio == ""
    enough = crop.width * crop.height >= limit.min_pixels and min(crop.width, crop.height) >= limit.min_side
    if enough:
        assert found.crop == crop
        assert not found.padding
    else:
        # no more than the least: one row or column fewer would be too few
        width, height = found.padded.width, found.padded.height
        assert (
            width == max(crop.width, limit.min_side)
            or height == max(crop.height, limit.min_side)
            or (width - 1) * (height - 1) < limit.min_pixels
        )


@given(extents, limits)
def test_the_least_larger_size_is_the_least(extent: Extent, limit: Limits) -> None:
    larger = at_least(extent, limit)
    assert larger.width >= max(extent.width, limit.min_side)
    assert larger.height >= max(extent.height, limit.min_side)
    assert larger.width * larger.height >= limit.min_pixels
    if larger.width > max(extent.width, limit.min_side):
        assert (larger.width - 1) * larger.height < limit.min_pixels
    assert at_least(larger, limit) == larger


@given(extents, limits)
def test_a_picture_that_need_not_come_back_keeps_its_shape_within_the_limits(
    extent: Extent, limit: Limits
) -> None:
    try:
        sent = scaled_within(extent, limit)
    except BadInput as error:
        # then its own shape cannot be had: its shorter side falls below the least at the most pixels
        assert "too long and narrow" in error.detail
        ratio = max(extent.width, extent.height) / min(extent.width, extent.height)
        assert math.floor(math.sqrt(limit.max_pixels / ratio)) <= limit.min_side
        return
    assert limit.min_pixels <= sent.width * sent.height <= limit.max_pixels
    assert min(sent.width, sent.height) >= limit.min_side
    # each side is off by less than a pixel, once for enlarging and once for reducing
    factor = math.sqrt(sent.width * sent.height / (extent.width * extent.height))
    shorter = min(sent.width, sent.height)
    assert abs(math.log((sent.width / sent.height) / (extent.width / extent.height))) <= 2.2 / shorter
    fine = limit.min_pixels <= extent.width * extent.height <= limit.max_pixels
    if fine and min(extent.width, extent.height) >= limit.min_side:
        assert sent == extent
        assert factor == 1


@pytest.mark.parametrize(
    ("extent", "sent"),
    [
        (Extent(1000, 500), Extent(1000, 500)),
        (Extent(10, 10), Extent(256, 256)),
        (Extent(100, 50), Extent(363, 182)),
        (Extent(1, 100), Extent(64, 6400)),
        (Extent(9000, 9000), Extent(5760, 5760)),
        (Extent(11520, 11520), Extent(5760, 5760)),
    ],
)
def test_references_are_enlarged_or_reduced_as_little_as_need_be(extent: Extent, sent: Extent) -> None:
    assert scaled_within(extent, VENICE) == sent


@pytest.mark.parametrize("extent", [Extent(1, 8200), Extent(8200, 1), Extent(64, 10_000_000)])
def test_what_is_too_narrow_is_refused(extent: Extent) -> None:
    with pytest.raises(BadInput, match="too long and narrow"):
        scaled_within(extent, VENICE)
    with pytest.raises(BadInput, match="too long and narrow"):
        within(Extent(extent.width * 64, extent.height * 64), VENICE)


def test_a_shape_that_needs_more_padding_than_anybody_sends_is_refused() -> None:
    layer = Bounds(0, 0, 30_000, 10)
    with pytest.raises(BadInput, match="The aspect ratio 1:1 would enlarge the region to 30000 × 30000 px"):
        frame(layer, layer, Ratios(("1:1",)), VENICE)


@pytest.mark.parametrize(
    ("extent", "ratio"),
    [
        (Extent(100, 100), "1:1"),
        (Extent(122, 100), "1:1"),  # 1.22 times to 1:1, 1.2295 times to 3:2
        (Extent(123, 100), "3:2"),  # 1.23 times to 1:1, 1.2195 times to 3:2
        (Extent(1920, 1080), "16:9"),
        (Extent(5000, 100), "21:9"),
        (Extent(100, 5000), "9:19.5"),
        (Extent(100, 150), "2:3"),
    ],
)
def test_the_nearest_ratio_is_the_one_of_the_least_stretching(extent: Extent, ratio: str) -> None:
    assert nearest_ratio(extent, RATIOS) == ratio


def test_what_is_padded_or_reduced_is_said() -> None:
    small = frame(Bounds(0, 0, 100, 100), Bounds(0, 0, 100, 100), Ratios(), VENICE)
    assert small.padding == Padding(78, 78, 78, 78)
    assert [words.split(",")[0] for words in small.warnings] == ["The region is padded to 256 × 256 px"]
    large = frame(Bounds(0, 0, 9000, 9000), Bounds(0, 0, 9000, 9000), Ratios(), VENICE)
    assert large.size == Extent(5760, 5760)
    assert ["is sent at 5760 × 5760 px" in words for words in large.warnings] == [True]
    assert not frame(Bounds(9, 9, 300, 300), Bounds(0, 0, 400, 400), Ratios(), VENICE).warnings


@pytest.mark.parametrize(
    ("height", "padded", "said"),
    [
        (1000, 1000, False),
        (999, 1000, False),  # by 0.1 %, as a multiple of 16 px often needs
        (953, 1000, False),  # by 4.9 %
        (952, 1000, True),  # by 5.04 %
        (500, 1000, True),
    ],
)
def test_padding_is_said_only_where_it_is_more_than_a_twentieth(height: int, padded: int, said: bool) -> None:
    layer = Bounds(0, 0, 1000, height)
    found = frame(layer, layer, Ratios(("1:1",)), VENICE)
    assert found.padded == Extent(1000, padded)
    assert bool(found.padding) is (height < padded)
    words = (
        "The region is padded to 1000 × 1000 px, a size the service accepts; "
        "the padding is removed afterwards."
    )
    assert found.warnings == ((words,) if said else ())


@pytest.mark.parametrize(("height", "said"), [(6000, False), (5720, False), (5700, True), (3000, True)])
def test_what_is_sent_smaller_is_said_beside_it(height: int, said: bool) -> None:
    layer = Bounds(0, 0, 6000, height)
    found = frame(layer, layer, Ratios(("1:1",)), VENICE)
    assert ["padded to" in words for words in found.warnings] == [True] * said + [False]
    assert "is sent at 5760 × 5760 px" in found.warnings[-1]
