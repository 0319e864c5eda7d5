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

from venice_core.geometry import Bounds, Extent
from venice_core.images import Pixels
from venice_core.plan import Plan
from venice_core.selection import Coverage

Floats = npt.NDArray[np.float32]

SHAPE_TOLERANCE = 0.01
"""By how much (as a share) the answer's ratio may differ from what was sent and still count as equal."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A result in place: RGBA of the crop's size, and its layer mask (None: no selection)."""

    pixels: Pixels
    mask: Coverage | None
    warnings: tuple[str, ...] = ()


def flatten(pixels: Pixels) -> Pixels:
    """RGBA as opaque RGB, transparent places filled with the colours around them.

    The fill is a pyramid of alpha-weighted means (push-pull: Gortler et al., The Lumigraph, 1996), so
    no edge appears where the alpha ends, and the hidden colour of transparent pixels plays no part.
    """
    alpha = pixels[..., 3]
    if alpha.min() == 255:
        return pixels[..., :3].copy()
    if alpha.max() == 0:
        return np.full((*alpha.shape, 3), 128, np.uint8)  # nothing around: middle grey
    weight = alpha.astype(np.float32) / 255.0
    colour = pixels[..., :3].astype(np.float32)
    filled = _push_pull(colour * weight[..., None], weight)
    share = weight[..., None]
    return np.clip(np.rint(colour * share + filled * (1.0 - share)), 0, 255).astype(np.uint8)


def _push_pull(weighted: Floats, weight: Floats) -> Floats:
    height, width = weight.shape
    # Saturated, as in the paper: what a quarter of a pixel's area says is taken for the whole, else
    # coarse levels would show through right at the edge.
    known = np.minimum(4.0 * weight, 1.0)[..., None]
    mean = np.asarray(weighted / np.maximum(weight, 1e-6)[..., None], np.float32)
    if min(height, width) <= 1 or weight.min() >= 1.0:
        return mean
    smaller = _push_pull(
        np.asarray(cv2.pyrDown(weighted, borderType=cv2.BORDER_REPLICATE), np.float32),
        np.asarray(cv2.pyrDown(weight, borderType=cv2.BORDER_REPLICATE), np.float32),
    )
    around = np.asarray(cv2.resize(smaller, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(mean * known + around * (1.0 - known), np.float32)


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


def from_answer(answer: Pixels, plan: Plan) -> tuple[Pixels, tuple[str, ...]]:
    """The returned picture at the crop's size: scaling and padding undone. Channels stay."""
    warnings: tuple[str, ...] = ()
    extent = Extent(answer.shape[1], answer.shape[0])
    if abs(extent.ratio / plan.size.ratio - 1.0) > max(SHAPE_TOLERANCE, 1.0 / extent.shorter):
        warnings = (
            f"The answer has another shape ({extent}) than what was sent ({plan.size}): it was stretched.",
        )
    whole = resize(answer, plan.padded)
    left, top = plan.padding.left, plan.padding.top
    inner = Bounds(left, top, plan.crop.width, plan.crop.height)
    return np.ascontiguousarray(whole[inner.slices]), warnings


def place(
    answer: Pixels, source: Pixels, plan: Plan, coverage: Coverage | None, mask: Coverage | None = None
) -> Placed:
    """The answer as a layer over the crop; its layer mask is `mask`, by default the coverage itself.

    The layer keeps the source's alpha, except where the support is mostly transparent (more than half
    of it, weighted by coverage): there the answer fills it. Without a selection that is so only where
    the whole crop is empty. Where the answer itself is transparent, the source shows.
    """
    fitted, warnings = from_answer(answer, plan)
    colour = fitted[..., :3]
    if fitted.shape[2] == 4 and fitted[..., 3].min() < 255:
        share = fitted[..., 3:].astype(np.float32) / 255.0
        blend = colour * share + flatten(source) * (1.0 - share)
        colour = np.rint(blend).astype(np.uint8)
    alpha = source[..., 3]
    if coverage is None:
        if alpha.max() == 0:
            alpha = np.full_like(alpha, 255)
    else:
        weight = coverage.astype(np.int64)
        if 2 * int((weight * alpha).sum()) < 255 * int(weight.sum()):
            alpha = np.where(coverage > 0, np.uint8(255), alpha)
    return Placed(np.dstack([colour, alpha]), coverage if mask is None else mask, warnings)


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


def place_cutout(answer: Pixels, plan: Plan, coverage: Coverage | None) -> Placed:
    """A cut-out's alpha as a layer mask of the crop's size, within the selection if there is one.

    `pixels` are the returned colours with that alpha.
    """
    fitted, warnings = from_answer(answer, plan)
    if fitted.shape[2] == 3:
        fitted = np.dstack([fitted, np.full(fitted.shape[:2], 255, np.uint8)])
        warnings += ("The answer holds no transparency: nothing was cut out.",)
    matte = fitted[..., 3].copy()
    if coverage is not None:
        matte = multiply(matte, coverage)
    return Placed(fitted, matte, warnings)


def place_generated(answer: Pixels, plan: Plan, mask: Coverage | None, *, as_made: bool = False) -> Placed:
    """A generated picture that covers the crop, in its own shape: what is too much is cut off evenly.

    `as_made`: the picture as it came, for where there is nothing to cover.
    """
    if answer.shape[2] == 3:
        answer = np.dstack([answer, np.full(answer.shape[:2], 255, np.uint8)])
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


def composite(base: Pixels, layer: Pixels, mask: Coverage | None) -> Pixels:
    """`base` replaced by `layer` (both RGBA) by as much as `mask` says; None replaces all of it.

    Where the mask is 0 the base's bytes come back unchanged, where it is 255 the layer's.
    """
    if mask is None:
        return layer.copy()
    share = mask.astype(np.float64)[..., None] / 255.0
    above, below = layer[..., 3:] / 255.0 * share, base[..., 3:] / 255.0 * (1.0 - share)
    alpha = above + below
    colour = (layer[..., :3] * above + base[..., :3] * below) / np.maximum(alpha, 1e-9)
    mixed = np.rint(np.dstack([colour, alpha * 255.0])).astype(np.uint8)
    kept, replaced = mask[..., None] == 0, mask[..., None] == 255
    return np.where(kept, base, np.where(replaced, layer, mixed))


def resize(array: npt.NDArray[np.uint8], extent: Extent) -> npt.NDArray[np.uint8]:
    """Resampled to `extent`: area means where it shrinks, bicubic where it grows.

    RGBA is resampled premultiplied, so that hidden colours do not bleed. The same size is the identity.
    """
    height, width = array.shape[:2]
    if (width, height) == (extent.width, extent.height):
        return array
    shrinks = extent.width < width or extent.height < height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    target = (extent.width, extent.height)
    if array.ndim == 3 and array.shape[2] == 4:
        alpha = array[..., 3:].astype(np.float32) / 255.0
        whole = np.dstack([array[..., :3] * alpha, alpha * 255.0]).astype(np.float32)
        scaled = np.asarray(cv2.resize(whole, target, interpolation=how))
        share = np.maximum(scaled[..., 3:] / 255.0, 1e-6)
        scaled = np.dstack([scaled[..., :3] / share, scaled[..., 3:]])
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(array, target, interpolation=how), np.uint8)


def _padded(array: npt.NDArray[np.uint8], plan: Plan) -> npt.NDArray[np.uint8]:
    if not plan.padding:
        return array
    sides = plan.padding
    return np.asarray(
        cv2.copyMakeBorder(array, sides.top, sides.bottom, sides.left, sides.right, cv2.BORDER_REPLICATE),
        np.uint8,
    )
