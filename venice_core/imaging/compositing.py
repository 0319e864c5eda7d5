"""Alpha compositing. Alpha is not premultiplied."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.imaging.arrays import Coverage, Floats, Pixels, Values
from venice_core.imaging.color_profiles import white

Scalar = TypeVar("Scalar", bound=np.generic)


def with_alpha(pixels: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Add an opaque alpha channel if there is none.

    Parameters
    ----------
    pixels : ndarray of uint8 or float, shape (height, width, 3 or 4)
        RGB or RGBA.

    Returns
    -------
    ndarray of the same type, shape (height, width, 4)
        RGBA; opaque is 255 for uint8 and 1.0 for floats. RGBA is returned as is.
    """
    if pixels.shape[2] == 4:
        return pixels
    opaque = 255 if pixels.dtype == np.uint8 else 1.0
    return np.dstack([pixels, np.full(pixels.shape[:2], opaque, pixels.dtype)])


def flatten(pixels: Pixels) -> Pixels:
    """Make a picture opaque by filling transparent places with the colors around them.

    Parameters
    ----------
    pixels : Pixels, shape (height, width, 4)
        RGBA.

    Returns
    -------
    Pixels, shape (height, width, 3)
        RGB; middle gray if everything is transparent.

    Notes
    -----
    The fill is a pyramid of alpha-weighted means (push-pull [1]_). It leaves no edge where the alpha ends and
    ignores the hidden color of transparent pixels. cv2.inpaint neither weighs by alpha nor fills large areas
    quickly.

    References
    ----------
    .. [1] S. J. Gortler et al., "The Lumigraph", SIGGRAPH 1996.
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
    """Measure how much of a selection lies outside sRGB.

    Parameters
    ----------
    colors : Floats, shape (height, width, 4)
        RGBA, sRGB-encoded, 0 to 1 within sRGB.
    coverage : Coverage, shape (height, width), or None
        The selection; None selects everything.

    Returns
    -------
    float
        The share, 0 to 1, of the selected pixels that are not fully transparent. Values outside by less than
        half an 8-bit step do not count.
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
    """Multiply two coverages of the same shape, with 255 as 1, and round."""
    return np.asarray((one.astype(np.uint32) * other + 127) // 255, np.uint8)


def composite(base: Values, layer: Values, mask: Coverage | None) -> Values:
    """Replace one picture by another within a mask.

    Parameters
    ----------
    base, layer : Values, shape (height, width, channels)
        Both of the same type (uint8, uint16, or floats with 1.0 as white), with alpha as the last channel.
    mask : Coverage, shape (height, width), or None
        How much of `layer` replaces `base`; None replaces everything.

    Returns
    -------
    Values, shape (height, width, channels)
        Exactly `base` where the mask is 0, exactly `layer` where it is 255.
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
