"""From the layer to what is sent and back into place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from venice_core.fitting import cutout, edit, generation, outgoing, upscale
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.imaging import compositing, resampling
from venice_core.imaging.arrays import Pixels
from venice_core.imaging.compositing import flatten
from venice_core.job import Options
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan

PLAIN = Options(align=False, match_colors=False, blend_seam=False)

levels = st.sampled_from([0, 0, 1, 100, 254, 255, 255])


def plan(
    crop: Bounds | Extent, padding: Padding | None = None, size: Extent | None = None, factor: float = 1.0
) -> Plan:
    bounds = crop if isinstance(crop, Bounds) else Bounds.of(crop)
    padding = padding or Padding()
    sent = size or padding.around(bounds.extent).scaled(factor)
    return Plan(Endpoint.EDIT, "venice", "m", "p", bounds, padding, sent)


def with_alpha(pixels: Pixels, alpha: int | Pixels = 255) -> Pixels:
    return np.dstack(
        [pixels, np.broadcast_to(np.uint8(alpha) if np.isscalar(alpha) else alpha, pixels.shape[:2])]
    )


def extent(pixels: Pixels) -> Extent:
    return Extent(pixels.shape[1], pixels.shape[0])


paddings = st.builds(Padding, *[st.integers(0, 9)] * 4)


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    paddings,
)
def test_there_and_back_is_the_identity_where_nothing_is_scaled(pixels: Pixels, padding: Padding) -> None:
    used = plan(extent(pixels), padding)
    sent = outgoing.to_send(with_alpha(pixels), used)
    assert extent(sent) == used.size
    placed = edit.place(sent, with_alpha(pixels), used, None, options=PLAIN)
    assert np.array_equal(placed.pixels[..., :3], pixels)
    assert not placed.warnings


@pytest.mark.parametrize("factor", [0.25, 0.37, 0.5, 0.81, 1.0, 1.3])
def test_a_marked_block_comes_back_where_it_was(factor: float) -> None:
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[96:144, 128:208] = 255
    used = plan(Bounds(-40, 12, 320, 240), Padding(16, 9, 21, 30), factor=factor)
    source = with_alpha(pixels)
    back = edit.place(outgoing.to_send(source, used), source, used, None, options=PLAIN).pixels
    found = back[..., 0] > 127
    assert found.shape == (240, 320)
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    edges = np.array([rows[0] - 96, rows[-1] - 143, columns[0] - 128, columns[-1] - 207])
    assert np.abs(edges).max() <= 1


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
def test_a_smooth_picture_comes_back_nearly_equal(factor: float, astronaut: Pixels) -> None:
    smooth = np.rint(ndimage.gaussian_filter(astronaut.astype(float), (6, 6, 0))).astype(np.uint8)
    used = plan(extent(smooth), Padding(3, 40, 4, 41), factor=factor)
    source = with_alpha(smooth)
    back = edit.place(outgoing.to_send(source, used), source, used, None, options=PLAIN).pixels[..., :3]
    difference = np.abs(back.astype(int) - smooth)
    assert difference.mean() < 0.6
    assert difference.max() <= 8


def test_padding_repeats_the_edge() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    sent = outgoing.to_send(with_alpha(pixels), plan(Extent(2, 2), Padding(1, 1, 2, 3)))
    assert sent.shape == (6, 5, 3)
    assert (sent[:2, :2] == pixels[0, 0]).all()
    assert (sent[2:, 2:] == pixels[1, 1]).all()


def test_the_mask_is_sent_in_the_pictures_place_and_size() -> None:
    coverage = np.zeros((60, 80), np.uint8)
    coverage[20:40, 30:50] = 255
    used = plan(Extent(80, 60), Padding(10, 6, 10, 6), factor=0.5)
    mask = outgoing.mask_to_send(coverage, used)
    assert extent(mask) == used.size
    assert mask[13, 20] == mask[22, 29] == 255
    assert mask[11, 20] == mask[13, 18] == 0


@pytest.mark.parametrize(
    ("size", "stretched"),
    [(Extent(100, 80), False), (Extent(200, 160), False), (Extent(101, 80), False), (Extent(100, 100), True)],
)
def test_an_answer_of_another_shape_is_stretched_with_a_warning(size: Extent, stretched: bool) -> None:
    answer = np.full((size.height, size.width, 3), 90, np.uint8)
    source = np.full((80, 100, 4), 255, np.uint8)
    placed = edit.place(answer, source, plan(Extent(100, 80)), None)
    assert extent(placed.pixels) == Extent(100, 80)
    assert (placed.pixels[..., :3] == 90).all()
    assert any("was stretched" in warning for warning in placed.warnings) == stretched


# Flattening


def test_an_opaque_picture_is_flattened_to_itself(coffee: Pixels) -> None:
    assert np.array_equal(flatten(with_alpha(coffee)), coffee)


@given(st.integers(0, 2**32 - 1))
def test_hidden_colors_play_no_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (17, 23, 4), np.uint8)
    pixels[..., 3] = rng.choice([0, 0, 128, 255], (17, 23))
    other = pixels.copy()
    other[pixels[..., 3] == 0, :3] = rng.integers(0, 256, 3)
    assert np.array_equal(flatten(pixels), flatten(other))


def test_visible_pixels_keep_their_colors_when_flattened(astronaut: Pixels) -> None:
    alpha = np.zeros((512, 512), np.uint8)
    alpha[100:400, 50:300] = 255
    flat = flatten(with_alpha(astronaut, alpha))
    assert np.array_equal(flat[alpha == 255], astronaut[alpha == 255])


def test_flattening_leaves_no_hard_edge(astronaut: Pixels) -> None:
    smooth = np.rint(ndimage.gaussian_filter(astronaut.astype(float), (12, 12, 0))).astype(np.uint8)
    y, x = np.mgrid[:512, :512]
    alpha = np.where((x - 256) ** 2 + (y - 256) ** 2 < 150**2, 255, 0).astype(np.uint8)
    hidden = np.where(alpha[..., None] == 255, smooth, np.uint8(0))  # black under the transparency
    flat = flatten(with_alpha(hidden, alpha)).astype(int)
    step = max(np.abs(np.diff(flat, axis=0)).max(), np.abs(np.diff(flat, axis=1)).max())
    black = hidden.astype(int)
    naive = max(np.abs(np.diff(black, axis=0)).max(), np.abs(np.diff(black, axis=1)).max())
    assert naive > 150
    assert step < 25


def test_an_empty_picture_is_flattened_to_gray() -> None:
    assert (flatten(np.zeros((5, 6, 4), np.uint8)) == 128).all()


# Placing


def test_the_layer_keeps_the_sources_alpha() -> None:
    source = np.full((10, 10, 4), 40, np.uint8)
    source[..., 3] = np.arange(100).reshape(10, 10) + 150
    answer = np.full((10, 10, 3), 200, np.uint8)
    placed = edit.place(answer, source, plan(Extent(10, 10)), np.full((10, 10), 255, np.uint8))
    assert np.array_equal(placed.pixels[..., 3], source[..., 3])
    assert (placed.pixels[..., :3] == 200).all()


@pytest.mark.parametrize(
    ("transparent", "filled"), [(0.0, False), (0.4, False), (0.5, False), (0.6, True), (1.0, True)]
)
def test_a_mostly_transparent_selection_is_filled(transparent: float, filled: bool) -> None:
    source = np.full((10, 10, 4), 255, np.uint8)
    coverage = np.zeros((10, 10), np.uint8)
    coverage[:, :5] = 255
    source[: round(10 * transparent), :, 3] = 0
    placed = edit.place(np.zeros((10, 10, 3), np.uint8), source, plan(Extent(10, 10)), coverage)
    alpha = placed.pixels[..., 3]
    assert (alpha[:, :5] == 255).all() == (filled or transparent == 0)
    assert np.array_equal(alpha[:, 5:], source[:, 5:, 3]), "alpha changed outside the support"


def test_whether_it_is_mostly_transparent_is_weighed_by_coverage() -> None:
    source = np.full((2, 10, 4), 255, np.uint8)
    source[:, 5:, 3] = 0
    coverage = np.full((2, 10), 255, np.uint8)
    coverage[:, 5:] = 100
    answer = np.zeros((2, 10, 3), np.uint8)
    kept = edit.place(answer, source, plan(Extent(10, 2)), coverage).pixels[..., 3]
    assert np.array_equal(kept, source[..., 3])
    filled = edit.place(answer, source, plan(Extent(10, 2)), coverage[:, ::-1]).pixels[..., 3]
    assert (filled == 255).all()


def test_feathering_does_not_decide_what_is_filled() -> None:
    source = with_alpha(np.zeros((40, 40, 3), np.uint8), 255)
    source[10:30, 10:30, 3] = 0  # the middle: 400 of 1,600 selected px
    answer = np.full((40, 40, 3), 9, np.uint8)
    coverage = np.full((40, 40), 255, np.uint8)
    middle = np.zeros_like(coverage)
    middle[10:30, 10:30] = 255
    placed = edit.place(answer, source, plan(Extent(40, 40)), coverage, middle)
    assert np.array_equal(placed.pixels[..., 3], source[..., 3])
    assert placed.mask is middle


@pytest.mark.parametrize(("visible", "filled"), [(0, True), (1, False)])
def test_without_a_selection_only_an_empty_crop_is_filled(visible: int, filled: bool) -> None:
    source = np.zeros((4, 4, 4), np.uint8)
    source[0, 0, 3] = visible
    placed = edit.place(np.full((4, 4, 3), 9, np.uint8), source, plan(Extent(4, 4)), None)
    assert placed.mask is None
    assert (placed.pixels[..., 3] == 255).all() == filled


def test_where_the_answer_is_transparent_the_source_shows() -> None:
    source = with_alpha(np.full((4, 8, 3), 50, np.uint8))
    answer = with_alpha(np.full((4, 8, 3), 250, np.uint8))
    answer[:, :4, 3] = 0
    placed = edit.place(answer, source, plan(Extent(8, 4)), None)
    assert (placed.pixels[:, :4, :3] == 50).all()
    assert (placed.pixels[:, 4:, :3] == 250).all()
    assert (placed.pixels[..., 3] == 255).all()


def test_a_cutout_stays_within_the_selection() -> None:
    answer = with_alpha(np.full((4, 8, 3), 7, np.uint8), 200)
    source = with_alpha(np.full((4, 8, 3), 90, np.uint8))
    coverage = np.zeros((4, 8), np.uint8)
    coverage[:, 4:] = 255
    placed = cutout.place_cutout(answer, source, plan(Extent(8, 4)), coverage)
    assert placed.mask is not None
    assert not placed.mask[:, :4].any()
    assert (placed.mask[:, 4:] == 200).all()
    assert np.array_equal(placed.pixels[..., 3], placed.mask)


@pytest.mark.parametrize(
    ("shape", "factor", "told"),
    [
        ("letterboxed", 0.75, "bars"),
        ("cropped", 1.25, "edge is extended there"),
        ("stretched", 1.0, "stretched"),
    ],
)
def test_a_cutout_of_another_shape_is_taken_as_its_colors_say(
    shape: str, factor: float, told: str, astronaut: Pixels
) -> None:
    picture = np.ascontiguousarray(astronaut[60:420, :480])
    rows, columns = np.mgrid[:360, :480]
    truth = np.where(np.hypot(columns - 230, rows - 170) < 110, np.uint8(255), np.uint8(0))
    rgba = with_alpha(picture, truth)
    if shape == "stretched":
        answer = resampling.resize(rgba, Extent(400, 400))
    else:
        scaled = resampling.resize(rgba, Extent(480, 360).scaled(factor))
        answer = np.zeros((450, 360 if shape == "letterboxed" else 450, 4), np.uint8)
        top, left = (answer.shape[0] - scaled.shape[0]) // 2, (answer.shape[1] - scaled.shape[1]) // 2
        inner = scaled[max(0, -top) :, max(0, -left) :][: answer.shape[0], : answer.shape[1]]
        answer[max(0, top) :, max(0, left) :][: inner.shape[0], : inner.shape[1]] = inner
    placed = cutout.place_cutout(answer, with_alpha(picture), plan(Extent(480, 360)), None)
    assert placed.mask is not None and placed.fitting is not None
    assert placed.fitting.shape == shape
    assert any(told in warning for warning in placed.warnings)
    assert (np.abs(placed.mask.astype(int) - truth) > 127).sum() < 60  # of 38,000 px in the disc


def test_a_cutout_without_transparency_says_so() -> None:
    source = with_alpha(np.full((4, 4, 3), 90, np.uint8))
    placed = cutout.place_cutout(np.zeros((4, 4, 3), np.uint8), source, plan(Extent(4, 4)), None)
    assert placed.mask is not None
    assert (placed.mask == 255).all()
    assert "no transparency" in placed.warnings[0]
    assert np.array_equal(placed.pixels, source)


def half_cut(width: int, height: int) -> Pixels:
    """An answer of which the right half is left, with an edge of three pixels."""
    ramp = np.interp(np.arange(width), [width / 2 - 1.5, width / 2 + 1.5], [0.0, 255.0])
    return np.dstack([np.full((height, width, 3), 7, np.uint8), np.tile(np.rint(ramp), (height, 1))]).astype(
        np.uint8
    )


@pytest.mark.parametrize("defringe", [True, False])
def test_a_cutouts_colors_are_the_sources_own_beside_the_rim(defringe: bool) -> None:
    source = with_alpha(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))
    source[:, :40, :3] //= 4
    placed = cutout.place_cutout(half_cut(80, 60), source, plan(Extent(80, 60)), None, defringe=defringe)
    assert placed.mask is not None
    assert np.array_equal(placed.mask, half_cut(80, 60)[..., 3])
    changed = (placed.pixels[..., :3] != source[..., :3]).any(axis=2)
    if not defringe:
        assert placed.edge_mask is None
        assert not changed.any()
        return
    assert placed.edge_mask is not None
    assert np.array_equal(placed.edge_mask, np.where(changed, 255, 0))
    assert changed.any()
    assert not changed[(placed.mask == 0) | (placed.mask == 255)].any()


def test_a_cutout_has_no_rim_where_nothing_is_selected() -> None:
    source = with_alpha(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8))
    coverage = np.zeros((60, 80), np.uint8)
    coverage[30:] = 128
    placed = cutout.place_cutout(half_cut(80, 60), source, plan(Extent(80, 60)), coverage)
    assert placed.edge_mask is not None
    assert not placed.edge_mask[:30].any()
    assert placed.edge_mask[30:].any()


def test_a_cutouts_alpha_is_the_sources_times_the_answers() -> None:
    source = with_alpha(np.full((60, 80, 3), 90, np.uint8), 128)
    placed = cutout.place_cutout(half_cut(80, 60), source, plan(Extent(80, 60)), None)
    assert (placed.pixels[:, :30, 3] == 0).all()
    assert (placed.pixels[:, 50:, 3] == 128).all()


def test_a_smaller_answers_cutout_is_at_the_sources_resolution_and_says_the_factor() -> None:
    """Padded, sent at half the size, and answered at a quarter of that."""
    frame = plan(Extent(300, 200), Padding(10, 0, 10, 0), Extent(160, 100))
    truth = np.zeros((200, 320), np.uint8)
    truth[40:160, 110:210] = 255
    colors = np.where(truth[..., None] > 0, np.uint8(200), np.uint8(40)) * np.ones(3, np.uint8)
    source = with_alpha(np.ascontiguousarray(colors[:, 10:310]))
    alpha = resampling.resize(truth, Extent(80, 50))
    answer = np.dstack([np.zeros((50, 80, 3), np.uint8), alpha])
    placed = cutout.place_cutout(answer, source, frame, None)
    assert placed.mask is not None
    off = np.abs(placed.mask.astype(int) - truth[:, 10:310])
    assert off.max() <= 12
    assert placed.fitting is not None
    assert placed.fitting.scale == pytest.approx(4.0)
    assert placed.to_answer is not None
    assert placed.to_answer([[0.0, 0.0]]).tolist() == [[2.5, 0.0]]


def test_a_cutout_of_another_shape_is_stretched_and_says_so() -> None:
    source = with_alpha(np.full((60, 80, 3), 90, np.uint8))
    placed = cutout.place_cutout(half_cut(60, 60), source, plan(Extent(80, 60)), None)
    assert "different shape" in placed.warnings[0]
    assert placed.fitting is not None
    assert placed.fitting.shape == "stretched"
    assert placed.mask is not None
    assert not placed.mask[:, :35].any()
    assert (placed.mask[:, 45:] == 255).all()


# Compositing


@given(
    arrays.arrays(np.uint8, (6, 7, 4)),
    arrays.arrays(np.uint8, (6, 7, 4)),
    arrays.arrays(np.uint8, (6, 7), elements=levels),
)
def test_mask_0_leaves_the_bases_bytes_and_mask_255_the_layers(
    base: Pixels, layer: Pixels, mask: Pixels
) -> None:
    result = compositing.composite(base, layer, mask)
    assert np.array_equal(result[mask == 0], base[mask == 0])
    assert np.array_equal(result[mask == 255], layer[mask == 255])


def test_half_a_mask_is_half_of_each_without_dark_fringes() -> None:
    base, layer = np.array([[[200, 0, 0, 255]]], np.uint8), np.array([[[0, 100, 0, 255]]], np.uint8)
    mask = np.array([[128]], np.uint8)
    assert compositing.composite(base, layer, mask)[0, 0].tolist() == [100, 50, 0, 255]
    clear = np.array([[[0, 0, 0, 0]]], np.uint8)  # its black is hidden and must not be mixed in
    assert compositing.composite(base, clear, mask)[0, 0].tolist() == [200, 0, 0, 127]


def test_no_mask_replaces_everything() -> None:
    base, layer = np.zeros((2, 2, 4), np.uint8), np.full((2, 2, 4), 9, np.uint8)
    result = compositing.composite(base, layer, None)
    result[0, 0] = 1
    assert (layer == 9).all()


@given(arrays.arrays(np.uint8, (5, 5)), arrays.arrays(np.uint8, (5, 5)))
def test_multiplying_coverages_is_exact_to_rounding(one: Pixels, other: Pixels) -> None:
    exact = one.astype(float) * other / 255
    assert np.abs(compositing.multiply(one, other) - exact).max() <= 0.5
    assert np.array_equal(compositing.multiply(one, np.full_like(one, 255)), one)


# Resampling


def test_hidden_colors_do_not_bleed_when_a_picture_shrinks_or_grows() -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[..., 0] = 255  # red, hidden
    pixels[:, 20:] = (0, 0, 255, 255)
    for size in (Extent(13, 13), Extent(97, 97)):
        scaled = resampling.resize(pixels, size).astype(int)
        shown = scaled[..., 3] > 8
        assert scaled[shown][:, 0].max() <= 2
        assert scaled[shown][:, 2].min() >= 250


def test_the_same_size_is_the_identity() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 4), np.uint8)
    assert np.array_equal(resampling.resize(pixels, Extent(9, 9)), pixels)


# Colors that sRGB cannot hold


def test_only_what_is_selected_visible_and_really_outside_counts_as_clipped() -> None:
    colors = np.full((10, 10, 4), 0.5, np.float32)
    colors[0, 0, 0], colors[0, 1, 1], colors[0, 2, 2] = 1.2, -0.1, 1.0 + 0.4 / 255
    colors[0, 3] = (2.0, 2.0, 2.0, 0.0)
    colors[9, 9, 0] = 3.0
    assert compositing.clipped_share(colors, None) == pytest.approx(3 / 99)
    upper = np.zeros((10, 10), np.uint8)
    upper[:5] = 1
    assert compositing.clipped_share(colors, upper) == pytest.approx(2 / 49)
    assert compositing.clipped_share(colors, np.zeros((10, 10), np.uint8)) == 0.0


# A generated picture over the crop


def disc(size: Extent, x: float, y: float, radius: float) -> Pixels:
    """White on black, antialiased, RGB."""
    rows, columns = np.mgrid[: size.height, : size.width]
    distance = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    gray = np.rint(255 * np.clip(radius - distance + 0.5, 0, 1)).astype(np.uint8)
    return np.dstack([gray] * 3)


def measured(pixels: Pixels) -> tuple[float, float, float, float]:
    """Centre and diameters, across and down, of what is white, in px."""
    weight = pixels[..., 0].astype(float) / 255
    across, down = weight.sum(axis=0), weight.sum(axis=1)
    total = weight.sum()
    x = float((across * (np.arange(across.size) + 0.5)).sum() / total)
    y = float((down * (np.arange(down.size) + 0.5)).sum() / total)
    return x, y, float(weight[round(y - 0.5)].sum()), float(weight[:, round(x - 0.5)].sum())


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        (Extent(1024, 1024), Extent(1024, 1024)),
        (Extent(1024, 1024), Extent(1500, 1000)),
        (Extent(1024, 1024), Extent(333, 777)),
        (Extent(1280, 720), Extent(700, 701)),
        (Extent(1365, 768), Extent(1000, 999)),
        (Extent(101, 97), Extent(1000, 333)),  # enlarged tenfold: a pixel of the answer is ten
        (Extent(97, 101), Extent(333, 1000)),
        (Extent(512, 511), Extent(64, 80)),
        (Extent(1, 1), Extent(40, 30)),
    ],
)
def test_a_generated_picture_covers_the_crop_and_a_circle_stays_one(answer: Extent, target: Extent) -> None:
    factor = max(target.width / answer.width, target.height / answer.height)
    radius = 0.4 * min(target.width, target.height) / factor
    made = disc(answer, answer.width / 2, answer.height / 2, radius)
    placed = generation.place_generated(made, plan(Bounds(5, -9, target.width, target.height)), None)
    assert extent(placed.pixels) == target
    assert (placed.pixels[..., 3] == 255).all()
    assert placed.mask is None
    if answer.width == 1:
        return
    x, y, across, down = measured(placed.pixels)
    assert abs(across - down) <= 1
    assert abs(across - 2 * radius * factor) <= 1
    assert abs(x - target.width / 2) <= 1
    assert abs(y - target.height / 2) <= 1


@given(
    st.builds(Extent, st.integers(1, 60), st.integers(1, 60)),
    st.builds(Extent, st.integers(1, 60), st.integers(1, 60)),
)
def test_it_covers_every_pixel_of_a_crop_of_any_shape(answer: Extent, target: Extent) -> None:
    made = np.full((answer.height, answer.width, 3), 200, np.uint8)
    placed = generation.place_generated(made, plan(target), None)
    assert extent(placed.pixels) == target
    assert (placed.pixels == (200, 200, 200, 255)).all()


@pytest.mark.parametrize(
    ("answer", "target", "kept"),
    [
        (Extent(10, 4), Extent(4, 4), slice(3, 7)),
        (Extent(11, 4), Extent(4, 4), slice(3, 7)),  # an odd one: half a pixel to the left
        (Extent(4, 4), Extent(4, 4), slice(0, 4)),
    ],
)
def test_what_is_too_much_is_cut_off_evenly(answer: Extent, target: Extent, kept: slice) -> None:
    made = np.zeros((answer.height, answer.width, 3), np.uint8)
    made[:, :, 0] = np.arange(answer.width) * 20
    pixels = generation.place_generated(made, plan(target), None).pixels
    assert np.array_equal(pixels[..., :3], made[:, kept])
    turned = generation.place_generated(made.transpose(1, 0, 2).copy(), plan(target), None).pixels
    assert np.array_equal(turned[..., :3], made[:, kept].transpose(1, 0, 2))


def test_a_generation_keeps_its_own_transparency_and_gets_the_selections_mask() -> None:
    made = with_alpha(np.full((8, 8, 3), 9, np.uint8), 100)
    mask = np.full((4, 8), 77, np.uint8)
    placed = generation.place_generated(made, plan(Extent(8, 4)), mask)
    assert placed.mask is mask
    assert (placed.pixels == (9, 9, 9, 100)).all()


def test_as_made_it_keeps_its_own_size_and_has_no_mask() -> None:
    made = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    placed = generation.place_generated(
        made, plan(Extent(40, 40)), np.full((40, 40), 255, np.uint8), as_made=True
    )
    assert np.array_equal(placed.pixels, with_alpha(made))
    assert placed.mask is None


# An upscaled picture


@pytest.mark.parametrize("padding", [Padding(), Padding(3, 0, 4, 0), Padding(2, 5, 3, 5)])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_an_upscaled_picture_keeps_its_pixels_without_the_padding(padding: Padding, scale: int) -> None:
    source = with_alpha(np.random.default_rng(2).integers(0, 256, (12, 18, 3), np.uint8))
    used = plan(Extent(18, 12), padding)
    sent = outgoing.to_send(source, used)
    answer = sent.repeat(scale, axis=0).repeat(scale, axis=1)
    placed = upscale.place_upscaled(answer, source, used)
    expected = source.repeat(scale, axis=0).repeat(scale, axis=1)
    assert np.array_equal(placed.pixels, expected)
    assert placed.mask is None
    assert not placed.warnings


def test_the_alpha_of_an_upscaled_picture_is_the_sources() -> None:
    source = with_alpha(np.full((10, 20, 3), 60, np.uint8), 0)
    source[:, 10:, 3] = 255
    for channels in (3, 4):
        answer = np.full((20, 40, channels), 200, np.uint8)
        placed = upscale.place_upscaled(answer, source, plan(Extent(20, 10)))
        alpha = placed.pixels[..., 3]
        assert extent(placed.pixels) == Extent(40, 20)
        assert not alpha[:, :17].any()
        assert (alpha[:, 23:] == 255).all()
        assert (placed.pixels[..., :3] == 200).all()


@given(
    st.builds(Extent, st.integers(1, 40), st.integers(1, 40)),
    paddings,
    st.builds(Extent, st.integers(1, 130), st.integers(1, 130)),
)
def test_an_upscaled_answer_of_any_size_has_the_crops_share_of_it(
    crop: Extent, padding: Padding, size: Extent
) -> None:
    used = plan(crop, padding)
    source = with_alpha(np.zeros((crop.height, crop.width, 3), np.uint8))
    answer = np.zeros((size.height, size.width, 3), np.uint8)
    placed = upscale.place_upscaled(answer, source, used)
    found, padded = extent(placed.pixels), padding.around(crop)
    assert abs(found.width - max(1, crop.width * size.width / padded.width)) <= 0.5 + 1e-9
    assert abs(found.height - max(1, crop.height * size.height / padded.height)) <= 0.5 + 1e-9
    stretched = abs((size.width / padded.width) / (size.height / padded.height) - 1) > 0.01
    assert bool(placed.warnings) == stretched
