"""Alpha, not premultiplied: given to pictures that have none, and taken from those that have."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.imaging.arrays import Coverage, Floats, Pixels, Values
from venice_core.imaging.color_profiles import white

Scalar = TypeVar("Scalar", bound=np.generic)


def with_alpha(pixels: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """RGB or RGBA as RGBA; opaque, which is 255 or 1.0, where there was no alpha."""
    if pixels.shape[2] == 4:
        return pixels
    opaque = 255 if pixels.dtype == np.uint8 else 1.0
    return np.dstack([pixels, np.full(pixels.shape[:2], opaque, pixels.dtype)])


def flatten(pixels: Pixels) -> Pixels:
    """RGBA as opaque RGB, transparent places filled with the colors around them.

    The fill is a pyramid of alpha-weighted means (push-pull: Gortler et al., The Lumigraph, 1996), so
    no edge appears where the alpha ends, and the hidden color of transparent pixels plays no part.
    """
    alpha = pixels[..., 3]
    if alpha.min() == 255:
        return pixels[..., :3].copy()
    if alpha.max() == 0:
        return np.full((*alpha.shape, 3), 128, np.uint8)  # nothing around: middle gray
    weight = alpha.astype(np.float32) / 255.0
    color = pixels[..., :3].astype(np.float32)
    filled = _push_pull(color * weight[..., None], weight)
    share = weight[..., None]
    return np.clip(np.rint(color * share + filled * (1.0 - share)), 0, 255).astype(np.uint8)


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


def clipped_share(colors: Floats, coverage: Coverage | None) -> float:
    """Which share (0–1) of the selected, not wholly transparent pixels lies outside sRGB.

    `colors` are RGBA of shape (height, width, 4), sRGB-encoded with 0–1 inside sRGB; what is outside
    by less than half of an 8-bit step does not count.
    """
    counted = colors[..., 3] > 0
    if coverage is not None:
        counted &= coverage > 0
    total = int(counted.sum())
    if total == 0:
        return 0.0
    step = 0.5 / 255.0
    outside = ((colors[..., :3] < -step) | (colors[..., :3] > 1.0 + step)).any(axis=2)
    return float((outside & counted).sum()) / total


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
