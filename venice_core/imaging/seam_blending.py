"""The seam between a result and its surroundings made invisible.

What is left of a difference in brightness or color where nothing should have changed is smoothed and carried
across the edge of the selection, fading inwards: a soft membrane, as in Poisson image editing (Pérez, Gangnet
and Blake, 2003), by normalised convolution (Knutsson and Westin, 1993).
"""

from __future__ import annotations

import cv2
import numpy as np

from venice_core.imaging.arrays import Flags, Floats
from venice_core.imaging.holdout import checkerboard_split, dilate_excluded, normalized_blur

REACH = 0.025
"""How far the correction reaches, as a share of the longer side (standard deviation)."""
LEAST_REACH = 6.0
"""In px."""
DETAIL = 2.0
"""In px: differences in detail are none in brightness."""
FAR = 20.0
"""In levels of 255: more is an edit that reaches beyond the selection, and is left as it is."""
LEAST_WEIGHT = 0.05
LEAST_GAIN = 0.1
"""By what share the difference of what was held back must fall, near what is not usable."""
LEAST_SAMPLES = 100


def correction(returned: Floats, source: Floats, reference_mask: Flags) -> Floats | None:
    """What is to be added to `returned`, of its shape (height, width, 3); None where nothing is gained.

    Small copies, RGB, 0–255; `reference_mask`: where both should be alike.
    """
    soft = normalized_blur(source - returned, reference_mask, DETAIL)
    share = np.clip(np.abs(soft).max(axis=2) / FAR, 0.0, 1.0)
    weight = np.asarray(reference_mask * (1.0 - share * share) ** 2, np.float32)
    reach = max(LEAST_REACH, REACH * max(reference_mask.shape))
    odd = checkerboard_split(reference_mask.shape)
    near = reference_mask & dilate_excluded(reference_mask, round(2.0 * reach))
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
