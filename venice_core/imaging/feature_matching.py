"""A first estimate, to about a pixel, of how a picture moved, from features in both.

SIFT features [1]_ with square-rooted descriptors [2]_ are matched by the ratio of the best two distances, and
the motion is the consensus of random samples [3]_.

References
----------
.. [1] D. G. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 60(2), 2004.
.. [2] R. Arandjelović and A. Zisserman, "Three Things Everyone Should Know to Improve Object Retrieval",
   CVPR 2012.
.. [3] M. A. Fischler and R. C. Bolles, "Random Sample Consensus", CACM 24(6), 1981.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.geometry.affine import Affine, Points
from venice_core.geometry.rectangles import Extent
from venice_core.imaging.resampling import resize

SIDE = 400
"""Longer side, in px, at which features are detected; enough for an estimate."""
MOST = 1500
LEAST_CONTRAST = 0.015
"""A third of Lowe's threshold: skies and skin have only faint features."""
REACH = 0.08
"""How far a feature may have moved, as a share of the longer side."""
RATIO = 0.8
"""The largest allowed ratio of the best distance to the second best, as in Lowe's paper."""
CONSENSUS_PX = 2.0
MIN_CONSENSUS = 10
"""Four parameters are fitted and features cluster, so that fewer matches may agree by chance."""


@dataclass(frozen=True, eq=False)
class Features:
    """Points of interest in a picture."""

    points: Points
    """Coordinates in px of the picture; shape (n, 2)."""
    descriptors: npt.NDArray[np.float32]
    """Vectors of length 1; shape (n, 128)."""

    @classmethod
    def of(cls, gray: npt.NDArray[np.uint8], reference_mask: npt.NDArray[np.bool_] | None = None) -> Features:
        """Detect the features of a picture.

        Parameters
        ----------
        gray : ndarray of uint8, shape (height, width)
            A gray picture.
        reference_mask : ndarray of bool, shape (height, width), optional
            Where to look; everywhere by default.

        Returns
        -------
        Features
            At most `MOST`, possibly none.
        """
        whole = Extent.of_shape(gray.shape)
        size = whole.scaled(min(1.0, SIDE / whole.longer))
        mask = None
        if reference_mask is not None:
            target = (size.width, size.height)
            mask = cv2.resize(reference_mask.astype(np.uint8), target, interpolation=cv2.INTER_NEAREST)
        sift = cv2.SIFT.create(MOST, contrastThreshold=LEAST_CONTRAST)
        found, histograms = sift.detectAndCompute(resize(gray, size), mask)
        if not found:
            return cls(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
        # OpenCV counts from the centre of the first pixel
        points = np.array([each.pt for each in found], np.float64) + 0.5
        share = histograms / np.maximum(histograms.sum(axis=1, keepdims=True), 1e-6)
        return cls(Affine.between(size, whole)(points), np.sqrt(share))

    def with_transform(self, mapping: Affine) -> Features:
        """Return the same features at the places to which `mapping` moves them."""
        return Features(mapping(self.points), self.descriptors)


def motion(before: Features, after: Features, extent: Extent) -> tuple[Affine, int] | None:
    """Estimate the shift, zoom and rotation between two sets of features.

    Parameters
    ----------
    before, after : Features
        The features of both pictures, in px of the same coordinate system.
    extent : Extent
        The size of the picture in that system.

    Returns
    -------
    tuple of (Affine, int) or None
        The motion from `before` to `after` and the number of matches that agree with it; None if fewer than
        `MIN_CONSENSUS` do.
    """
    one, other = _matches(before, after, REACH * extent.longer)
    if len(one) < MIN_CONSENSUS:
        return None
    threshold = CONSENSUS_PX * max(1.0, extent.longer / SIDE)
    matrix, agree = cv2.estimateAffinePartial2D(
        one, other, method=cv2.RANSAC, ransacReprojThreshold=threshold, maxIters=2000, confidence=0.999
    )
    if matrix is None or int(agree.sum()) < MIN_CONSENSUS:
        return None
    return Affine.from_matrix(matrix), int(agree.sum())


def _matches(before: Features, after: Features, reach: float) -> tuple[Points, Points]:
    """Return pairs of points that match, no more than `reach` apart in x or y."""
    if min(len(before.points), len(after.points)) < 2:
        return np.zeros((0, 2)), np.zeros((0, 2))
    likeness = before.descriptors @ after.descriptors.T
    for one, other in zip(before.points.T, after.points.T, strict=True):
        likeness[np.abs(one[:, None] - other[None]) > reach] = -1.0
    rows = np.arange(len(likeness))
    best = likeness.argmax(axis=1)
    first = likeness[rows, best].copy()
    likeness[rows, best] = -1.0
    second = likeness.max(axis=1)
    # squared distances of vectors of length 1
    near = (first > 0.0) & ((1.0 - first) < RATIO**2 * (1.0 - second))
    return before.points[near], after.points[best[near]]
