"""Prepare what is sent: the crop at the plan's size, and the mask in the form that the service expects."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.imaging.arrays import Coverage, Pixels
from venice_core.imaging.compositing import flatten
from venice_core.imaging.resampling import resize
from venice_core.planning.plan import Plan


def to_send(pixels: Pixels, plan: Plan) -> Pixels:
    """Return the RGBA of the crop as opaque RGB of `plan.size`."""
    return resize(pad(flatten(pixels), plan), plan.size)


def mask_to_send(coverage: Coverage, plan: Plan) -> Coverage:
    """Return coverage of the crop as a mask image of `plan.size`, with white to change."""
    return resize(pad(coverage, plan), plan.size)


def alpha_mask_to_send(coverage: Coverage, plan: Plan) -> Pixels:
    """Return coverage of the crop as an RGBA mask of `plan.size`.

    Alpha is 0 wherever anything is covered, because the mask says what may change at all and the layer mask
    forms the edge; elsewhere it is 255. The colors say the same for services that ignore alpha: white is to
    change.
    """
    support = np.where(coverage > 0, np.uint8(255), np.uint8(0))
    change = np.where(mask_to_send(support, plan) > 0, np.uint8(255), np.uint8(0))
    return np.dstack([change, change, change, 255 - change])


def pad(array: npt.NDArray[np.uint8], plan: Plan, how: int = cv2.BORDER_REPLICATE) -> npt.NDArray[np.uint8]:
    if not plan.padding:
        return array
    sides = plan.padding
    return np.asarray(
        cv2.copyMakeBorder(array, sides.top, sides.bottom, sides.left, sides.right, how), np.uint8
    )
