"""What is sent: the crop in the plan's size, and the mask in the form that the service takes."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.imaging.arrays import Coverage, Pixels
from venice_core.imaging.compositing import flatten
from venice_core.imaging.resampling import resize
from venice_core.planning.plan import Plan


def to_send(pixels: Pixels, plan: Plan) -> Pixels:
    """The crop's RGBA as the opaque RGB of `plan.size` that is sent."""
    return resize(pad(flatten(pixels), plan), plan.size)


def mask_to_send(coverage: Coverage, plan: Plan) -> Coverage:
    """Coverage of the crop's size as the mask image of `plan.size`: white = change."""
    return resize(pad(coverage, plan), plan.size)


def alpha_mask_to_send(coverage: Coverage, plan: Plan) -> Pixels:
    """Coverage of the crop's size as the RGBA of a real mask of `plan.size`.

    Alpha is 0 wherever anything is covered, for a mask says what may change at all, and the layer mask makes
    the edge; elsewhere 255. The color says the same to who does not look at the alpha: white = change.
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
