"""Make the seam between a result and its surroundings invisible.

Whatever difference in brightness or color remains where nothing should have changed is smoothed by normalized
convolution [2]_ and continued across the edge of the selection, fading inward: a soft membrane, as in
Poisson image editing [1]_.

cv2.seamlessClone is not used because it cannot restrict the evidence to a mask.

References
----------
.. [1] P. Pérez, M. Gangnet and A. Blake, "Poisson Image Editing", SIGGRAPH 2003.
.. [2] H. Knutsson and C.-F. Westin, "Normalized and Differential Convolution", CVPR 1993.
"""

from __future__ import annotations

import cv2
import numpy as np

from venice_core.imaging.arrays import Flags, Floats
from venice_core.imaging.holdout import checkerboard_split, dilate_excluded, normalized_blur

REACH = 0.025
"""How far the correction reaches (sigma), as a share of the longer side."""
LEAST_REACH = 6.0
"""In px."""
DETAIL = 2.0
"""Sigma, in px: differences in finer detail are not differences in brightness."""
FAR = 20.0
"""In levels of 255. More is an edit that extends beyond the selection, and is kept."""
LEAST_WEIGHT = 0.05
LEAST_GAIN = 0.1
"""The share by which the held-out difference near the excluded pixels must fall."""
LEAST_SAMPLES = 100


def correction(returned: Floats, source: Floats, reference_mask: Flags) -> Floats | None:
    """Compute the offset that hides the seam.

    Parameters
    ----------
    returned, source : Floats, shape (height, width, 3)
        Small copies of both pictures, RGB, 0 to 255.
    reference_mask : Flags, shape (height, width)
        Where they should be alike.

    Returns
    -------
    Floats, shape (height, width, 3), or None
        What to add to `returned`, in levels of 255; None if held-out pixels do not confirm a gain.
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
    """Return the weighted mean around each pixel, weaker where little is known."""
    total = cv2.GaussianBlur(weight, (0, 0), reach, borderType=cv2.BORDER_REPLICATE)
    known = cv2.GaussianBlur(difference * weight[..., None], (0, 0), reach, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(known / (total + LEAST_WEIGHT)[..., None], np.float32)
