"""What measurements on two pictures share: what of them is usable, and what is held back.

`reference_mask` is of shape (height, width): where both pictures should be alike. Lengths are in px.
"""

from __future__ import annotations

import cv2
import numpy as np

from venice_core.imaging.arrays import Flags, Floats

BLOCK = 16
"""Side of the blocks of which every other one is held back."""


def normalized_blur(picture: Floats, reference_mask: Flags, sigma: float) -> Floats:
    """The Gaussian mean around each place, without what is not usable (normalised convolution)."""
    share = reference_mask.astype(np.float32)
    around = cv2.GaussianBlur(share, (0, 0), sigma)
    soft = cv2.GaussianBlur(picture * share[..., None], (0, 0), sigma)
    return np.asarray(soft / np.maximum(around, 1e-3)[..., None], np.float32)


def dilate_excluded(reference_mask: Flags, reach: int) -> Flags:
    """What is not usable, and what is up to `reach` beside, above or below it."""
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.erode(reference_mask.astype(np.uint8), around) == 0)


def checkerboard_split(shape: tuple[int, ...]) -> Flags:
    """Half of the blocks of a picture of that shape, lying like one color of a chessboard."""
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None]
    return np.asarray((rows // BLOCK + columns // BLOCK) % 2 == 1)
