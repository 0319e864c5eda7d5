"""What measurements on two pictures share: masked smoothing, and pixels held out for validation.

A `reference_mask`, of shape (height, width), tells where both pictures should be alike.
"""

from __future__ import annotations

import cv2
import numpy as np

from venice_core.imaging.arrays import Flags, Floats

BLOCK = 16
"""Side, in px, of the blocks of which every other one is held out."""


def normalized_blur(picture: Floats, reference_mask: Flags, sigma: float) -> Floats:
    """Blur a picture with a Gaussian, ignoring everything outside a mask.

    Parameters
    ----------
    picture : Floats, shape (height, width, channels)
        The picture.
    reference_mask : Flags, shape (height, width)
        The pixels that count.
    sigma : float
        Standard deviation of the Gaussian, in px.

    Returns
    -------
    Floats, shape (height, width, channels)
        The weighted means; they tend to 0 far from any pixel that counts.

    References
    ----------
    .. [1] H. Knutsson and C.-F. Westin, "Normalized and Differential Convolution", CVPR 1993.
    """
    share = reference_mask.astype(np.float32)
    around = cv2.GaussianBlur(share, (0, 0), sigma)
    soft = cv2.GaussianBlur(picture * share[..., None], (0, 0), sigma)
    return np.asarray(soft / np.maximum(around, 1e-3)[..., None], np.float32)


def dilate_excluded(reference_mask: Flags, reach: int) -> Flags:
    """Return the pixels that a mask excludes, and their neighbors.

    Parameters
    ----------
    reference_mask : Flags, shape (height, width)
        The pixels that count.
    reach : int
        How far a neighbor may be, in px along each axis.

    Returns
    -------
    Flags, shape (height, width)
    """
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.erode(reference_mask.astype(np.uint8), around) == 0)


def checkerboard_split(shape: tuple[int, ...]) -> Flags:
    """Return one of the two halves of a picture, as blocks of a checkerboard.

    Parameters
    ----------
    shape : tuple of int
        The shape of the picture; only height and width matter.

    Returns
    -------
    Flags, shape (height, width)
        True in every other block of `BLOCK` × `BLOCK` px.
    """
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None]
    return np.asarray((rows // BLOCK + columns // BLOCK) % 2 == 1)
