"""Alpha, not premultiplied: given to pictures that have none, and taken from those that have."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.images import Pixels

Floats = npt.NDArray[np.float32]
Values = TypeVar("Values", bound=np.generic)


def with_alpha(pixels: npt.NDArray[Values]) -> npt.NDArray[Values]:
    """RGB or RGBA as RGBA; opaque, which is 255 or 1.0, where there was no alpha."""
    if pixels.shape[2] == 4:
        return pixels
    opaque = 255 if pixels.dtype == np.uint8 else 1.0
    return np.dstack([pixels, np.full(pixels.shape[:2], opaque, pixels.dtype)])


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
