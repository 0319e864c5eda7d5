"""Pixels from the layer to what is sent, and the returned picture back into place.

Both directions follow the plan's geometry: crop, padding, size. Arrays are uint8; the layer's pixels
are RGBA of the crop's size, alpha not premultiplied.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from venice_core import align, matte
from venice_core.affine import Affine
from venice_core.align import Alignment, Found
from venice_core.alpha import flatten, with_alpha
from venice_core.changes import changes
from venice_core.fringe import foreground
from venice_core.geometry import Bounds, Extent
from venice_core.icc import Values, white
from venice_core.images import Pixels
from venice_core.job import Fitting, Options, Output
from venice_core.plan import Plan
from venice_core.rendering import Answer, Tones
from venice_core.resample import reduced, resize, warp
from venice_core.selection import Coverage

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

AS_USUAL = Options()
MARGIN = 3
"""In px of the crop: so near to the selection a model may change something without doing wrong."""
NOTICEABLE = 4.0
"""In levels of 255."""
CANNOT_TELL = (
    "The surroundings were changed, too: whether the result lies exactly in place cannot be measured."
)
MATCHED = "The colours of the whole picture were brought back to the source's; “Match colours” does that."
SHAPE_TOLERANCE = 0.01
"""By how much (as a share) the answer's ratio may differ from what was sent and still count as equal."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A result in place: RGBA of the crop's size, and its layer mask (None: no selection).

    `to_answer`: from px of the crop to those of the answer, as it was resampled. `rim`: where a cut-out's
    colours are not the source's own (None: nowhere).
    """

    pixels: Pixels
    mask: Coverage | None
    warnings: tuple[str, ...] = ()
    fitting: Fitting | None = None
    to_answer: Affine | None = None
    rim: Coverage | None = None


def to_send(pixels: Pixels, plan: Plan) -> Pixels:
    """The crop's RGBA as the opaque RGB of `plan.size` that is sent."""
    return resize(_padded(flatten(pixels), plan), plan.size)


def mask_to_send(coverage: Coverage, plan: Plan) -> Coverage:
    """Coverage of the crop's size as the mask image of `plan.size`: white = change."""
    return resize(_padded(coverage, plan), plan.size)


def alpha_mask_to_send(coverage: Coverage, plan: Plan) -> Pixels:
    """Coverage of the crop's size as the RGBA of a real mask of `plan.size`.

    Alpha is 0 wherever anything is covered, for a mask says what may change at all, and the layer mask makes
    the edge; elsewhere 255. The colour says the same to who does not look at the alpha: white = change.
    """
    support = np.where(coverage > 0, np.uint8(255), np.uint8(0))
    change = np.where(mask_to_send(support, plan) > 0, np.uint8(255), np.uint8(0))
    return np.dstack([change, change, change, 255 - change])


def place(
    answer: Pixels,
    source: Pixels,
    plan: Plan,
    coverage: Coverage | None,
    mask: Coverage | None = None,
    options: Options = AS_USUAL,
) -> Placed:
    """The answer as a layer over the crop; its layer mask is `mask`, by default the coverage itself.

    It is resampled once, through the map that the plan and the alignment make together. The layer keeps the
    source's alpha, except where the support is mostly transparent (more than half of it, weighted by
    coverage): there the answer fills it. Without a selection that is so only where the whole crop is empty.
    Where the answer itself is transparent, or has no pixels, the source shows.
    """
    flat, unchanged = flatten(source), _unchanged(source, coverage)
    returned, selected = Answer.of(answer), coverage is not None
    known = None if options.align else align.of_one_shape(plan.size, returned.extent)
    found = known or _found(returned, flat, unchanged, plan, move=options.align)
    kept = returned.part(found.part_of(plan.size, returned.extent))
    placed = kept.seen_through(plan.crop_to_sent.then(found.to_answer))
    beside = placed.beside(flat, unchanged)
    if found.alignment is Alignment.MOVED and selected and beside.is_repainted:
        found = found.disbelieved
        placed = kept.seen_through(plan.crop_to_sent.then(found.to_answer))
        beside = placed.beside(flat, unchanged)
    tones = Tones()
    if options.match_colors:
        tones = beside.tones(blend=options.blend_seam and selected)
    mask = coverage if mask is None else mask
    warnings = _shape_warnings(found.shape, returned.extent, plan, "where the source shows now")
    if found.alignment is Alignment.CHANGED and selected:
        warnings += (CANNOT_TELL,)
    if not selected and tones.curves is not None and tones.curves.most > NOTICEABLE:
        warnings += (MATCHED,)
    if options.output is Output.CHANGES:
        mask = _only_changes(mask, placed, flat, tones, plan)
        if not mask.any():
            warnings += ("The service changed nothing that could be seen.",)
    pixels = np.dstack([placed.over(flat, tones), _alpha(source, coverage)])
    to_answer = plan.crop_to_sent.then(found.to_answer)
    return Placed(pixels, mask, warnings, _fitting(found, to_answer, plan, tones), to_answer)


def _fitting(found: Found, to_answer: Affine, plan: Plan, tones: Tones) -> Fitting:
    """What is said of how an answer was placed; `to_answer`: from px of the crop."""
    middle = np.array([plan.size.width / 2, plan.size.height / 2])
    x, y = (found.movement(middle) - middle).tolist()
    return Fitting(
        scale=1.0 / to_answer.factor,
        shape=found.shape,
        alignment=found.alignment.value,
        moved=found.movement.farthest(plan.size),
        shift=(x, y),
        zoom=found.movement.factor,
        rotation=math.degrees(math.atan2(found.movement.yx, found.movement.xx)),
        matched=tones.curves is not None,
        blended=tones.field is not None,
    )


def _found(answer: Answer, flat: Pixels, unchanged: Flags, plan: Plan, *, move: bool) -> Found:
    """Where the answer shows what was sent, by what should be `unchanged` of the crop."""
    usable = _padded(np.where(unchanged, np.uint8(255), np.uint8(0)), plan, cv2.BORDER_CONSTANT)
    sent = resize(_padded(flat, plan), plan.size)
    return align.find(sent, answer.colours, resize(usable, plan.size) == 255, move=move)


def _alpha(source: Pixels, coverage: Coverage | None) -> npt.NDArray[np.uint8]:
    alpha = source[..., 3]
    if coverage is None:
        return alpha if alpha.any() else np.full_like(alpha, 255)
    weight = coverage.astype(np.int64)
    if 2 * int((weight * alpha).sum()) < 255 * int(weight.sum()):
        return np.where(coverage > 0, np.uint8(255), alpha)
    return alpha


def _unchanged(source: Pixels, coverage: Coverage | None) -> Flags:
    """Where the answer should be what was sent: well visible, and not near what is selected."""
    visible = source[..., 3] >= 128
    if coverage is None:
        return visible
    near = cv2.dilate((coverage > 0).astype(np.uint8), np.ones((2 * MARGIN + 1,) * 2, np.uint8))
    return np.asarray(visible & (near == 0))


def _only_changes(mask: Coverage | None, answer: Answer, flat: Pixels, tones: Tones, plan: Plan) -> Coverage:
    """`mask` (None: everything) as far as the answer differs from what was sent, at the size it was sent."""
    whole = plan.crop.extent
    extent = whole.scaled(min(1.0, plan.size.width / plan.padded.width))
    before = resize(flat, extent)
    after = answer.seen_through(Affine.between(extent, whole)).over(before, tones)
    changed = resize(changes(before, after), whole)
    return changed if mask is None else np.minimum(mask, changed)


def _shape_warnings(shape: str, answer: Extent, plan: Plan, missing: str) -> tuple[str, ...]:
    """`missing`: what became of the parts that an answer cut at two sides has not."""
    if not shape or abs(answer.ratio / plan.size.ratio - 1.0) <= max(SHAPE_TOLERANCE, 1.0 / answer.shorter):
        return ()
    what = {
        "stretched": "it was stretched",
        "cropped": f"it had been cut at two sides, {missing}",
        "letterboxed": "it had bars, which are cut off",
    }[shape]
    return (f"The answer has another shape ({answer}) than what was sent ({plan.size}): {what}.",)


def clipped_share(colours: Floats, coverage: Coverage | None) -> float:
    """Which share (0–1) of the selected, not wholly transparent pixels lies outside sRGB.

    `colours` are RGBA of shape (height, width, 4), sRGB-encoded with 0–1 inside sRGB; what is outside
    by less than half of an 8-bit step does not count.
    """
    counted = colours[..., 3] > 0
    if coverage is not None:
        counted &= coverage > 0
    total = int(counted.sum())
    if total == 0:
        return 0.0
    step = 0.5 / 255.0
    outside = ((colours[..., :3] < -step) | (colours[..., :3] > 1.0 + step)).any(axis=2)
    return float((outside & counted).sum()) / total


def place_cutout(
    answer: Pixels, source: Pixels, plan: Plan, coverage: Coverage | None, *, defringe: bool = True
) -> Placed:
    """The source's own pixels, cut out by the answer's alpha, within the selection if there is one.

    `mask` is that alpha at the source's resolution; `pixels` have it, times the source's. With `defringe`
    their colours are the foreground's own where the old background would show: see `fringe.foreground`.
    """
    flat, extent = flatten(source), Extent.of_shape(answer.shape)
    found = align.of_one_shape(plan.size, extent)
    if found is None:
        found = _found(Answer.of(answer), flat, _unchanged(source, None), plan, move=False)
    part = found.part_of(plan.size, extent)
    to_answer = plan.crop_to_sent.then(found.to_answer)
    warnings = _shape_warnings(found.shape, extent, plan, "where the cut-out goes on as it ended")
    fitting = _fitting(found, to_answer, plan, Tones())
    if answer.shape[2] == 4:
        to_part = Affine.shift(-part.x, -part.y)
        alpha = np.ascontiguousarray(answer[part.slices][..., 3])
        to_padded = found.to_answer.then(to_part).inverse.then(Affine.between(plan.size, plan.padded))
        seen = np.rint(warp(*reduced(_padded(flat, plan), to_padded), part.extent)).astype(np.uint8)
        cut = matte.to_full_size(alpha, seen, flat, to_answer.then(to_part))
    else:
        cut = np.full(source.shape[:2], 255, np.uint8)
        warnings += ("The answer holds no transparency: nothing was cut out.",)
    colour, rim = foreground(source, cut) if defringe else (source[..., :3], None)
    mask = cut if coverage is None else multiply(cut, coverage)
    if rim is not None:
        rim = np.where(mask > 0, rim, np.uint8(0))
        rim = rim if rim.any() else None
    if not mask.any():
        warnings += ("The service found nothing to keep here: the cutout is empty.",)
    pixels = np.dstack([colour, multiply(source[..., 3], mask)])
    return Placed(pixels, mask, warnings, fitting, to_answer, rim)


def place_generated(answer: Pixels, plan: Plan, mask: Coverage | None, *, as_made: bool = False) -> Placed:
    """A generated picture that covers the crop, in its own shape: what is too much is cut off evenly.

    `as_made`: the picture as it came, for where there is nothing to cover.
    """
    answer = with_alpha(answer)
    if as_made:
        return Placed(answer, None)
    target = plan.crop.extent
    height, width = answer.shape[:2]
    factor = max(target.width / width, target.height / height)
    # cut before scaling, to whole pixels of the answer and evenly; after it, to the crop's
    part = Extent(_evenly(target.width / factor, width), _evenly(target.height / factor, height))
    scaled = part.scaled(factor)
    covering = Extent(max(target.width, scaled.width), max(target.height, scaled.height))
    whole = resize(np.ascontiguousarray(_middle(answer, part)), covering)
    return Placed(np.ascontiguousarray(_middle(whole, target)), mask)


def _evenly(wanted: float, length: int) -> int:
    """At least `wanted` of `length` px (which it does not exceed), with as many left over on both sides."""
    least = min(length, math.ceil(wanted))
    return least + (length - least) % 2


def _middle(pixels: Pixels, extent: Extent) -> Pixels:
    height, width = pixels.shape[:2]
    left, top = (width - extent.width) // 2, (height - extent.height) // 2
    return pixels[Bounds(left, top, extent.width, extent.height).slices]


def place_upscaled(answer: Pixels, source: Pixels, plan: Plan) -> Placed:
    """An upscaled picture at its own size without the padding; the alpha is the source's, resampled."""
    across, down = answer.shape[1] / plan.size.width, answer.shape[0] / plan.size.height
    warnings: tuple[str, ...] = ()
    if abs(across / down - 1.0) > SHAPE_TOLERANCE:
        warnings = ("The answer has another shape than what was sent: it was stretched.",)
    target = Extent(max(1, round(plan.crop.width * across)), max(1, round(plan.crop.height * down)))
    left, top = round(plan.padding.left * across), round(plan.padding.top * down)
    left, top = min(left, answer.shape[1] - target.width), min(top, answer.shape[0] - target.height)
    colour = answer[Bounds(left, top, target.width, target.height).slices][..., :3]
    alpha = resize(np.ascontiguousarray(source[..., 3]), target)
    return Placed(np.dstack([colour, alpha]), None, warnings)


def multiply(one: Coverage, other: Coverage) -> Coverage:
    """The product of two coverages, 255 being 1, rounded."""
    return np.asarray((one.astype(np.uint32) * other + 127) // 255, np.uint8)


def composite(base: Values, layer: Values, mask: Coverage | None) -> Values:
    """`base` replaced by `layer` by as much as `mask` says; None replaces all of it.

    Both have alpha last and are of one kind: uint8, uint16, or floats to 1. Where the mask is 0 the base's
    values come back unchanged, where it is 255 the layer's.
    """
    if mask is None:
        return layer.copy()
    full = white(base.dtype)
    share = mask.astype(np.float64)[..., None] / 255.0
    above, below = layer[..., -1:] / full * share, base[..., -1:] / full * (1.0 - share)
    alpha = above + below
    color = (layer[..., :-1] * above + base[..., :-1] * below) / np.maximum(alpha, 1e-9)
    mixed = np.dstack([color, alpha * full])
    if base.dtype.kind == "u":
        mixed = np.rint(mixed)
    kept, replaced = mask[..., None] == 0, mask[..., None] == 255
    return np.where(kept, base, np.where(replaced, layer, mixed.astype(base.dtype)))


def _padded(
    array: npt.NDArray[np.uint8], plan: Plan, how: int = cv2.BORDER_REPLICATE
) -> npt.NDArray[np.uint8]:
    if not plan.padding:
        return array
    sides = plan.padding
    return np.asarray(
        cv2.copyMakeBorder(array, sides.top, sides.bottom, sides.left, sides.right, how), np.uint8
    )
