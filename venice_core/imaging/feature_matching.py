"""A first guess of how a picture moved, from features in both, to about a pixel.

SIFT (Lowe, Distinctive Image Features from Scale-Invariant Keypoints, 2004) with the square root of its
descriptors (Arandjelović and Zisserman, Three Things Everyone Should Know, 2012), matched by the ratio of
the best two, and the consensus of random samples (Fischler and Bolles, 1981).
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
"""The longer side, in px, at which features are looked for: enough for a guess."""
MOST = 1500
LEAST_CONTRAST = 0.015
"""A third of what Lowe takes: skies and skin have faint features only."""
REACH = 0.08
"""How far a feature may have moved, as a share of the longer side."""
RATIO = 0.8
"""The best match must be so many times nearer than the next, as in Lowe's paper."""
CONSENSUS_PX = 2.0
MIN_CONSENSUS = 10
"""Four numbers are fitted, and features come in heaps: fewer agree by chance."""


@dataclass(frozen=True, eq=False)
class Features:
    """Points of shape (n, 2), in px of the picture; their descriptors, each of length 1, (n, 128)."""

    points: Points
    descriptors: npt.NDArray[np.float32]

    @classmethod
    def of(cls, gray: npt.NDArray[np.uint8], reference_mask: npt.NDArray[np.bool_] | None = None) -> Features:
        """Of a picture of shape (height, width), where it is `reference_mask`."""
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
        """The same features where `mapping` puts them."""
        return Features(mapping(self.points), self.descriptors)


def motion(before: Features, after: Features, extent: Extent) -> tuple[Affine, int] | None:
    """How features moved from `before` to `after`, and how many agree about it; None where too few do.

    A shift, a zoom and a rotation. Both in px of a picture of size `extent`.
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
    """Points that belong together, none farther apart than `reach` in x or y."""
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
