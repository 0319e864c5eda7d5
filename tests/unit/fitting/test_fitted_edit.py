"""An answer put back into its place: aligned, in the source's colors, without a seam, and never worse."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from unit_answers import Bytes, compressed, motion, noisy, off, opaque, repainted, replaced, shown

from venice_core.fitting import edit, outgoing
from venice_core.fitting.edit import place
from venice_core.fitting.placed import CANNOT_TELL, MATCHED, Placed
from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.job import Options, Output
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan

SIZE = Extent(320, 240)
BOX = Bounds(110, 80, 100, 80)
"""What is selected."""
OFF = Options(align=False, match_colors=False, blend_seam=False)
GAIN = np.array([0.95, 1.0, 1.05])


def plan(
    size: Extent = SIZE, padding: Padding | None = None, sent: Extent | None = None, x: int = 0, y: int = 0
) -> Plan:
    crop, padding = Bounds(x, y, size.width, size.height), padding or Padding()
    return Plan(Endpoint.EDIT, "venice", "m", "p", crop, padding, sent or padding.around(size))


@pytest.fixture(scope="module")
def source(coffee: Bytes) -> Bytes:
    """RGBA."""
    return opaque(np.ascontiguousarray(coffee[60:300, 120:440]))


@pytest.fixture(scope="module")
def edited(source: Bytes, chelsea: Bytes) -> Bytes:
    """What a perfect model makes: RGB, changed within what is selected."""
    return replaced(source[..., :3], BOX, chelsea)[0]


@pytest.fixture(scope="module")
def coverage() -> Bytes:
    selected = np.zeros((SIZE.height, SIZE.width), np.uint8)
    selected[BOX.slices] = 255
    return selected


def colors(placed: Placed) -> npt.NDArray[np.int64]:
    return placed.pixels[..., :3].astype(int)


def outside(coverage: Bytes, distance: int = 6) -> npt.NDArray[np.bool_]:
    size = 2 * distance + 1
    return cv2.dilate(coverage, np.ones((size, size), np.uint8)) == 0


# Nothing happened


@pytest.mark.parametrize("output", list(Output))
@pytest.mark.parametrize("selected", [True, False])
def test_what_came_back_unchanged_is_the_source_byte_for_byte(
    source: Bytes, coverage: Bytes, output: Output, selected: bool
) -> None:
    chosen = coverage if selected else None
    placed = place(source[..., :3].copy(), source, plan(), chosen, options=Options(output=output))
    assert np.array_equal(placed.pixels, source)
    assert placed.to_answer == Affine()
    fitting = placed.fitting
    assert fitting is not None
    assert (fitting.alignment, fitting.moved, fitting.matched) == ("in place", 0, False)
    assert fitting.scale == 1
    if output is Output.CHANGES:
        assert placed.mask is not None and not placed.mask.any()
        assert any("made no visible change" in warning for warning in placed.warnings)
    else:
        assert placed.mask is chosen
        assert placed.warnings == ()


def test_a_perfect_edit_is_placed_byte_for_byte(source: Bytes, edited: Bytes, coverage: Bytes) -> None:
    placed = place(edited, source, plan(), coverage)
    assert np.array_equal(placed.pixels, opaque(edited))
    assert placed.warnings == ()


@pytest.mark.parametrize("padding", [Padding(8, 0, 9, 31), Padding(40, 40, 0, 0)])
def test_a_padded_crop_anywhere_in_the_image_comes_back_byte_for_byte(
    source: Bytes, edited: Bytes, coverage: Bytes, padding: Padding
) -> None:
    used = plan(padding=padding, x=-700, y=12_345)
    placed = place(outgoing.to_send(opaque(edited), used), source, used, coverage)
    assert np.array_equal(placed.pixels, opaque(edited))


# Moved


TRUTHS = [
    motion(SIZE, shift=(4.6, -3.2)),
    motion(SIZE, shift=(0.4, 0.3)),
    motion(SIZE, 0.98, 0.4, (2, 1)),
    motion(SIZE, 1.02, -0.3, (-3, 2)),
]


@pytest.mark.parametrize("truth", TRUTHS, ids=["shift", "little", "smaller", "larger"])
def test_a_moved_answer_is_brought_back(source: Bytes, edited: Bytes, coverage: Bytes, truth: Affine) -> None:
    answer = compressed(shown(edited, truth, SIZE), 92)
    placed = place(answer, source, plan(), coverage)
    assert placed.to_answer is not None
    assert off(placed.to_answer, truth, SIZE) < 0.05
    assert placed.fitting is not None
    assert placed.fitting.alignment == "moved"
    assert placed.fitting.moved == pytest.approx(truth.farthest(SIZE), abs=0.05)
    assert placed.fitting.zoom == pytest.approx(truth.factor, abs=0.0005)
    centre = np.array([SIZE.width / 2, SIZE.height / 2])
    assert placed.fitting.shift == pytest.approx(truth(centre) - centre, abs=0.05)
    ring = outside(coverage)
    left = np.abs(colors(placed) - source[..., :3])[ring].mean()
    before = np.abs(colors(place(answer, source, plan(), coverage, options=OFF)) - source[..., :3])[
        ring
    ].mean()
    assert left < 3.2
    assert left < before
    # and what was asked for is where it was asked for
    inside = np.abs(colors(placed) - edited)[BOX.slices].mean()
    assert inside < 6


def test_clockwise_is_positive(source: Bytes, edited: Bytes, coverage: Bytes) -> None:
    """As y points downwards, what was to the right goes down."""
    fitting = place(shown(edited, motion(SIZE, degrees=0.5), SIZE), source, plan(), coverage).fitting
    assert fitting is not None
    assert fitting.rotation == pytest.approx(0.5, abs=0.01)


def test_where_a_moved_answer_ends_the_source_shows_without_a_seam(
    source: Bytes, edited: Bytes, coverage: Bytes
) -> None:
    truth = motion(SIZE, shift=(9.3, 0))
    # what a model makes up at the edge is not known: black here
    answer = shown(edited, truth, SIZE)
    placed = place(answer[:, :], source, plan(), coverage)
    difference = np.abs(colors(placed) - source[..., :3])
    # shown 9.3 px to the right, the answer lacks the right side
    assert difference[:, -9:].max() == 0
    ring = outside(coverage)
    assert difference[ring].mean() < 1.5
    # no step where the one gives way to the other: columns' mean differences
    along = (colors(placed) - source[..., :3]).mean(axis=(0, 2))
    assert np.abs(np.diff(along))[-20:].max() < 1


def test_the_padding_of_a_moved_answer_is_no_place_of_the_crop(
    source: Bytes, edited: Bytes, coverage: Bytes
) -> None:
    used = plan(padding=Padding(30, 20, 30, 20), sent=Extent(380, 280))
    truth = motion(used.size, 1.01, 0, (6, -4))
    answer = shown(outgoing.to_send(opaque(edited), used), truth, used.size)
    placed = place(answer, source, used, coverage)
    assert placed.to_answer is not None
    assert off(placed.to_answer, Affine.shift(30, 20).then(truth), SIZE) < 0.05
    assert np.abs(colors(placed) - source[..., :3])[outside(coverage)].mean() < 2.5


def test_without_a_selection_the_whole_picture_is_aligned(source: Bytes, edited: Bytes) -> None:
    truth = motion(SIZE, 1.01, 0.2, (3, -2))
    placed = place(compressed(shown(edited, truth, SIZE)), source, plan(), None)
    assert placed.to_answer is not None
    assert off(placed.to_answer, truth, SIZE) < 0.05
    assert placed.mask is None


# Sizes and shapes


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
def test_an_answer_of_another_size_says_the_factor(
    source: Bytes, edited: Bytes, coverage: Bytes, factor: float
) -> None:
    size = SIZE.scaled(factor)
    placed = place(shown(edited, Affine.between(SIZE, size), size), source, plan(), coverage)
    assert placed.fitting is not None
    assert placed.fitting.scale == pytest.approx(1 / factor)
    assert placed.fitting.shape == ""
    assert placed.to_answer == Affine.between(SIZE, size)
    assert placed.warnings == ()
    assert np.abs(colors(placed) - edited).mean() < 6


def test_the_factor_counts_from_the_image_though_less_was_sent(
    source: Bytes, edited: Bytes, coverage: Bytes
) -> None:
    used = plan(sent=Extent(160, 120))
    placed = place(outgoing.to_send(opaque(edited), used), source, used, coverage)
    assert placed.fitting is not None
    assert placed.fitting.scale == pytest.approx(2)


def test_an_enlarged_answer_has_no_halos_beyond_the_source(coverage: Bytes) -> None:
    step = np.full((240, 320, 3), 60, np.uint8)
    step[:, 160:] = 190
    answer = cv2.resize(step, (160, 120), interpolation=cv2.INTER_AREA)
    placed = place(answer, opaque(step), plan(), coverage)
    assert placed.pixels[..., :3].min() >= 60
    assert placed.pixels[..., :3].max() <= 190


@pytest.mark.parametrize(
    ("shape", "said"),
    [("stretched", "stretched"), ("cropped", "two sides had been cropped"), ("letterboxed", "bars")],
)
def test_an_answer_of_another_shape_is_placed_and_told_of(
    source: Bytes, edited: Bytes, coverage: Bytes, shape: str, said: str
) -> None:
    size = Extent(256, 256)
    across, down = size.width / SIZE.width, size.height / SIZE.height
    factors = {"stretched": (across, down), "cropped": (down, down), "letterboxed": (across, across)}[shape]
    left, top = (size.width - factors[0] * SIZE.width) / 2, (size.height - factors[1] * SIZE.height) / 2
    base = Affine.scaling(*factors).then(Affine.shift(left, top))
    answer = shown(edited, base, size)
    if shape == "letterboxed":
        bar = round(top)
        answer[:bar] = answer[-bar:] = 0
    placed = place(answer, source, plan(), coverage)
    assert placed.to_answer == base
    assert placed.fitting is not None and placed.fitting.shape == shape
    assert len(placed.warnings) == 1 and said in placed.warnings[0]
    difference = np.abs(colors(placed) - source[..., :3])
    if shape == "cropped":
        assert difference[:, :25].max() == 0, "where the answer has no pixels, the source's"
    assert difference[outside(coverage)].mean() < 5
    assert np.abs(colors(placed) - edited)[BOX.slices].mean() < 8


@pytest.mark.parametrize("selected", [True, False])
def test_bars_never_show(source: Bytes, edited: Bytes, coverage: Bytes, selected: bool) -> None:
    """Though the picture between them moved, so that a bar lies where the crop ends."""
    size, factor = Extent(257, 251), 257 / SIZE.width
    base = Affine.scaling(factor, factor).then(Affine.shift(0, (size.height - factor * SIZE.height) / 2))
    truth = motion(SIZE, shift=(0, 5))
    answer = shown(edited, truth.then(base), size)
    answer[: int(np.ceil(base.y0))] = 0
    answer[int(base.y0 + factor * SIZE.height) :] = 0
    placed = place(answer, source, plan(), coverage if selected else None)
    assert placed.to_answer is not None
    assert off(placed.to_answer.then(base.inverse), truth, SIZE) < 0.1
    difference = np.abs(colors(placed) - source[..., :3]).mean(axis=(1, 2))
    assert difference[:8].max() < 6 and difference[-8:].max() < 6


def test_a_shape_that_differs_by_less_than_a_percent_is_not_told_of(
    source: Bytes, edited: Bytes, coverage: Bytes
) -> None:
    size = Extent(318, 240)
    placed = place(shown(edited, Affine.between(SIZE, size), size), source, plan(), coverage)
    assert placed.warnings == ()


# Colors and the seam


def tinted(picture: Bytes) -> Bytes:
    return np.clip(np.rint(picture * GAIN), 0, 255).astype(np.uint8)


def test_a_tint_is_undone_and_told(source: Bytes, edited: Bytes, coverage: Bytes) -> None:
    placed = place(tinted(edited), source, plan(), coverage)
    assert placed.fitting is not None and placed.fitting.matched
    assert np.abs(colors(placed) - source[..., :3])[outside(coverage)].mean() < 1.5
    # as much inside as outside
    assert np.abs((colors(placed) - edited)[BOX.slices].mean(axis=(0, 1))).max() < 1.5
    assert placed.warnings == ()


def test_without_a_selection_undoing_a_tint_is_warned_of(source: Bytes, edited: Bytes) -> None:
    placed = place(tinted(edited), source, plan(), None)
    assert MATCHED in placed.warnings
    off_ = place(tinted(edited), source, plan(), None, options=replace(Options(), match_colors=False))
    assert MATCHED not in off_.warnings


def test_a_shade_is_undone_at_the_seam_and_told(source: Bytes, edited: Bytes, coverage: Bytes) -> None:
    shade = np.linspace(-12, 12, SIZE.width)[None, :, None]
    answer = np.clip(np.rint(edited + shade), 0, 255).astype(np.uint8)
    placed = place(answer, source, plan(), coverage)
    assert placed.fitting is not None and placed.fitting.blended
    near = outside(coverage, 3) & ~outside(coverage, 12)
    left = (colors(placed) - source[..., :3])[near]
    assert np.abs(left.reshape(-1, 3).mean(axis=0)).max() < 1
    unblended = place(answer, source, plan(), coverage, options=replace(Options(), blend_seam=False))
    assert np.abs(left).mean() < 0.5 * np.abs(colors(unblended) - source[..., :3])[near].mean()


def test_without_a_selection_there_is_no_seam(source: Bytes, edited: Bytes) -> None:
    placed = place(noisy(tinted(edited), 2), source, plan(), None)
    assert placed.fitting is not None and not placed.fitting.blended


def test_each_step_can_be_switched_off(source: Bytes, edited: Bytes, coverage: Bytes) -> None:
    shade = np.linspace(-8, 8, SIZE.height)[:, None, None]
    moved = shown(tinted(edited), motion(SIZE, shift=(5, 3)), SIZE)
    answer = np.clip(np.rint(moved + shade), 0, 255).astype(np.uint8)

    def done(**switched: bool) -> tuple[bool, bool, bool]:
        fitting = place(answer, source, plan(), coverage, options=replace(Options(), **switched)).fitting
        assert fitting is not None
        return fitting.moved > 0, fitting.matched, fitting.blended

    assert done() == (True, True, True)
    assert not done(align=False)[0]
    assert done(match_colors=False)[:2] == (True, False)
    assert done(blend_seam=False) == (True, True, False)
    plain = place(answer, source, plan(), coverage, options=OFF)
    assert np.array_equal(plain.pixels[..., :3], answer)
    assert plain.fitting is not None and plain.fitting.alignment == "off"


# What changed too much


def test_a_repainted_picture_is_placed_as_it_came_and_told_of(source: Bytes, coverage: Bytes) -> None:
    answer = repainted(source[..., :3])
    placed = place(answer, source, plan(), coverage)
    assert placed.to_answer == Affine()
    assert CANNOT_TELL in placed.warnings


def test_another_picture_is_placed_as_it_came_and_told_of(
    source: Bytes, coverage: Bytes, astronaut: Bytes
) -> None:
    answer = np.ascontiguousarray(astronaut[:240, :320])
    placed = place(answer, source, plan(), coverage)
    assert placed.warnings == (CANNOT_TELL,)
    assert placed.fitting is not None
    assert placed.fitting.alignment == "changed"
    assert not placed.fitting.matched
    # a new picture for the whole layer is what was asked for
    assert place(answer, source, plan(), None).warnings == ()
    assert np.array_equal(place(answer, source, plan(), None).pixels, opaque(answer))


# Only the changes


def test_the_mask_shows_only_what_changed(source: Bytes, edited: Bytes) -> None:
    options = Options(output=Output.CHANGES)
    placed = place(compressed(edited, 92), source, plan(), None, options=options)
    assert placed.mask is not None
    assert (placed.mask[BOX.slices] > 250).mean() > 0.9
    around = np.ones(placed.mask.shape, bool)
    around[BOX.pad(20).slices] = False
    assert not placed.mask[around].any()
    moved = place(shown(edited, motion(SIZE, 1.01, 0, (5, 2)), SIZE), source, plan(), None, options=options)
    assert moved.mask is not None
    assert not moved.mask[around].any(), "what only moved did not change"


def test_within_a_selection_the_mask_is_no_more_than_that(
    source: Bytes, edited: Bytes, coverage: Bytes
) -> None:
    less = coverage.copy()
    less[:, :150] = 0
    soft = less // 2
    options = Options(output=Output.CHANGES)
    placed = place(edited, source, plan(), less, soft, options=options)
    assert placed.mask is not None
    assert (placed.mask <= soft).all()
    assert placed.mask.max() > 100


# Transparency


def test_where_the_answer_is_transparent_the_source_shows(
    source: Bytes, edited: Bytes, coverage: Bytes
) -> None:
    answer = opaque(edited)
    answer[90:130, 120:180] = 0
    placed = place(answer, source, plan(), coverage)
    assert np.array_equal(placed.pixels[95:125, 125:175], source[95:125, 125:175])
    assert np.array_equal(placed.pixels[140:150, 120:180], opaque(edited)[140:150, 120:180])
    assert (placed.pixels[..., 3] == 255).all()


def test_an_answer_that_says_it_is_opaque_is_like_one_without_alpha(
    source: Bytes, edited: Bytes, coverage: Bytes
) -> None:
    one = place(edited, source, plan(), coverage)
    other = place(opaque(edited), source, plan(), coverage)
    assert np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("hidden", [0, 255])
def test_transparent_sources_are_aligned_by_what_is_visible(
    source: Bytes, edited: Bytes, coverage: Bytes, hidden: int
) -> None:
    cut = source.copy()
    cut[:, :70] = (hidden, hidden, hidden, 0)
    truth = motion(SIZE, shift=(3.4, -2.1))
    sent = edit.flatten(cut)
    sent[BOX.slices] = edited[BOX.slices]
    answer = shown(sent, truth, SIZE)
    answer[:, :60] = 100  # what a model makes of nothing
    placed = place(answer, cut, plan(), coverage)
    assert placed.to_answer is not None
    assert off(placed.to_answer, truth, SIZE) < 0.1
    assert np.array_equal(placed.pixels[..., 3], cut[..., 3])


def test_an_empty_layer_is_filled_with_the_answer(edited: Bytes) -> None:
    empty = np.zeros((*edited.shape[:2], 4), np.uint8)
    assert np.array_equal(place(edited, empty, plan(), None).pixels, opaque(edited))
    everything = np.full(edited.shape[:2], 255, np.uint8)
    assert np.array_equal(place(edited, empty, plan(), everything).pixels, opaque(edited))


# Odd ones


@pytest.mark.parametrize(
    "size", [Extent(1, 1), Extent(1, 200), Extent(700, 2), Extent(600, 9), Extent(5, 5)], ids=str
)
@pytest.mark.parametrize("answered", [None, Extent(1, 1), Extent(64, 64), Extent(3, 300)], ids=str)
@pytest.mark.parametrize("options", [Options(), Options(output=Output.CHANGES)], ids=["layer", "changes"])
def test_odd_sizes_are_placed(
    astronaut: Bytes, size: Extent, answered: Extent | None, options: Options
) -> None:
    source = opaque(cv2.resize(astronaut, (size.width, size.height), interpolation=cv2.INTER_AREA))
    wanted = answered or size
    answer = cv2.resize(astronaut, (wanted.width, wanted.height), interpolation=cv2.INTER_AREA)
    for coverage in (None, np.full(source.shape[:2], 255, np.uint8), np.zeros(source.shape[:2], np.uint8)):
        placed = place(answer, source, plan(size), coverage, options=options)
        assert placed.pixels.shape == source.shape
        assert placed.pixels.dtype == np.uint8
        assert placed.fitting is not None
        assert np.isfinite([placed.fitting.scale, placed.fitting.moved, placed.fitting.zoom]).all()
        if answered is None:
            assert np.array_equal(placed.pixels, source)


def test_everything_selected_leaves_nothing_to_measure_by(source: Bytes, edited: Bytes) -> None:
    everything = np.full(source.shape[:2], 255, np.uint8)
    answer = shown(tinted(edited), motion(SIZE, shift=(4, 4)), SIZE)
    placed = place(answer, source, plan(), everything)
    assert np.array_equal(placed.pixels[..., :3], answer)
    assert placed.fitting is not None
    assert (placed.fitting.alignment, placed.fitting.matched) == ("no detail", False)


def test_a_thin_ring_is_enough_or_left_alone(source: Bytes, edited: Bytes) -> None:
    for left in (3, 8, 20, 45):
        selected = np.full(source.shape[:2], 255, np.uint8)
        selected[:left] = selected[-left:] = selected[:, :left] = selected[:, -left:] = 0
        truth = motion(SIZE, shift=(2.6, 1.4))
        placed = place(shown(edited, truth, SIZE), source, plan(), selected)
        assert placed.to_answer is not None
        assert placed.to_answer == Affine() or off(placed.to_answer, truth, SIZE) < 0.2


def test_inputs_stay_as_they_were(source: Bytes, edited: Bytes, coverage: Bytes) -> None:
    answer = shown(tinted(edited), motion(SIZE, shift=(3, 1)), SIZE)
    copies = [each.copy() for each in (answer, source, coverage)]
    place(answer, source, plan(), coverage, coverage)
    for one, other in zip(copies, (answer, source, coverage), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(40))
def test_whatever_comes_is_placed_without_a_complaint(seed: int, coffee: Bytes, chelsea: Bytes) -> None:
    rng = np.random.default_rng(seed)

    def size(most: int = 120) -> Extent:
        return Extent(*(int(side) for side in rng.choice([1, 2, 5, *rng.integers(1, most, 4)], 2)))

    def picture(of: Extent, alpha: bool) -> Bytes:
        which = rng.integers(4)
        if which < 2:
            whole = (coffee, chelsea)[which]
            made = cv2.resize(whole, (of.width, of.height), interpolation=cv2.INTER_AREA)
        elif which == 2:
            made = rng.integers(0, 256, (of.height, of.width, 3), np.uint8)
        else:
            made = np.full((of.height, of.width, 3), rng.integers(256), np.uint8)
        opacity = rng.choice([0, 1, 127, 128, 255, 255], made.shape[:2]) if rng.random() < 0.5 else 255
        return np.dstack([made, np.broadcast_to(opacity, made.shape[:2]).astype(np.uint8)]) if alpha else made

    crop = size()
    padding = Padding(*(int(side) for side in rng.integers(0, 20, 4)))
    sent = padding.around(crop) if rng.random() < 0.5 else size(200)
    used = plan(crop, padding, sent, *(int(place) for place in rng.integers(-99, 99, 2)))
    source = picture(crop, alpha=True)
    answer = outgoing.to_send(source, used) if rng.random() < 0.4 else picture(size(200), rng.random() < 0.5)
    chosen = rng.choice([0, 0, 0, 1, 128, 255], source.shape[:2]).astype(np.uint8)
    coverage = None if rng.random() < 0.3 else chosen
    mask = None if coverage is None or rng.random() < 0.5 else coverage // 2
    options = Options(output=list(Output)[rng.integers(2)], align=bool(rng.random() < 0.8))
    with np.errstate(all="raise", under="ignore"):
        placed = place(answer, source, used, coverage, mask, options)
    assert placed.pixels.shape == source.shape
    assert placed.pixels.dtype == np.uint8
    if placed.mask is not None:
        assert placed.mask.shape == source.shape[:2]
        assert placed.mask.dtype == np.uint8
    if coverage is not None:
        assert placed.mask is not None
        assert (placed.mask <= (coverage if mask is None else mask)).all()
    assert placed.fitting is not None and placed.to_answer is not None
    assert np.isfinite(placed.to_answer.matrix).all()
