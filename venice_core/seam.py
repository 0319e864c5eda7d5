"""The seam between a result and its surroundings made invisible.

What is left of a difference in brightness or colour where nothing should have changed is smoothed and carried
across the edge of the selection, fading inwards: a soft membrane, as in Poisson image editing (Pérez, Gangnet
and Blake, 2003), by normalised convolution (Knutsson and Westin, 1993).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

REACH = 0.025
"""How far the correction reaches, as a share of the longer side (standard deviation)."""
LEAST_REACH = 6.0
"""In px."""
DETAIL = 2.0
"""In px: differences in detail are none in brightness."""
FAR = 20.0
"""In levels of 255: more is an edit that reaches beyond the selection, and is left as it is."""
LEAST_WEIGHT = 0.05
BLOCK = 16
"""In px: side of the blocks of which every other one is held back."""
LEAST_GAIN = 0.1
"""By what share the difference of what was held back must fall, near what is not usable."""
LEAST_SAMPLES = 100


def correction(returned: Floats, source: Floats, usable: Flags) -> Floats | None:
    """What is to be added to `returned`, of its shape (height, width, 3); None where nothing is gained.

    Small copies, RGB, 0–255; `usable`: where both should be alike.
    """
    known = usable.astype(np.float32)
    around = cv2.GaussianBlur(known, (0, 0), DETAIL)
    left = cv2.GaussianBlur((source - returned) * known[..., None], (0, 0), DETAIL)
    soft = np.asarray(left / np.maximum(around, 1e-3)[..., None], np.float32)
    share = np.clip(np.abs(soft).max(axis=2) / FAR, 0.0, 1.0)
    weight = np.asarray(known * (1.0 - share * share) ** 2, np.float32)
    reach = max(LEAST_REACH, REACH * max(usable.shape))
    rows, columns = np.indices(weight.shape)
    odd = (rows // BLOCK + columns // BLOCK) % 2 == 1
    wide = 2 * round(2.0 * reach) + 1
    near = usable & (cv2.erode(known, np.ones((wide, wide), np.uint8)) == 0.0)
    before = after = 0.0
    for half in (odd, ~odd):
        other = near & ~half
        left = soft[other] - _spread(soft, weight * half, reach)[other]
        before += float(np.minimum(np.abs(soft[other]), FAR).sum())
        after += float(np.minimum(np.abs(left), FAR).sum())
    if near.sum() < LEAST_SAMPLES or after >= (1.0 - LEAST_GAIN) * before:
        return None
    return _spread(soft, weight, reach)


def _spread(difference: Floats, weight: Floats, reach: float) -> Floats:
    """The weighted mean around each place; less of it where little is known."""
    total = cv2.GaussianBlur(weight, (0, 0), reach, borderType=cv2.BORDER_REPLICATE)
    known = cv2.GaussianBlur(difference * weight[..., None], (0, 0), reach, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(known / (total + LEAST_WEIGHT)[..., None], np.float32)
