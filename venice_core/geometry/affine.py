"""Affine maps of the plane as values, so that maps are composed before anything is resampled.

Coordinates are continuous: the pixel in column 0 of row 0 covers 0 <= x < 1, 0 <= y < 1, and its center is at
(0.5, 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from venice_core.geometry.rectangles import Extent

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Affine:
    """The map x' = xx·x + xy·y + x0, y' = yx·x + yy·y + y0, in px."""

    xx: float = 1.0
    xy: float = 0.0
    x0: float = 0.0
    yx: float = 0.0
    yy: float = 1.0
    y0: float = 0.0

    @classmethod
    def shift(cls, x: float, y: float) -> Affine:
        return cls(x0=x, y0=y)

    @classmethod
    def scaling(cls, x: float, y: float) -> Affine:
        return cls(xx=x, yy=y)

    @classmethod
    def between(cls, one: Extent, other: Extent) -> Affine:
        """Return the map that stretches a picture of size `one` to `other`."""
        return cls.scaling(other.width / one.width, other.height / one.height)

    @classmethod
    def from_matrix(cls, matrix: npt.ArrayLike) -> Affine:
        """Create a map from 2 or 3 rows of 3 numbers."""
        rows = np.asarray(matrix, np.float64)
        return cls(*rows[:2].ravel().tolist())

    @property
    def matrix(self) -> Points:
        """The map as a matrix of shape (3, 3), with 0 0 1 as the last row."""
        return np.array([[self.xx, self.xy, self.x0], [self.yx, self.yy, self.y0], [0.0, 0.0, 1.0]])

    def then(self, other: Affine) -> Affine:
        """Return this map followed by `other`."""
        return Affine.from_matrix(other.matrix @ self.matrix)

    @property
    def determinant(self) -> float:
        """The factor by which areas grow; negative if the map mirrors."""
        return self.xx * self.yy - self.xy * self.yx

    @property
    def factor(self) -> float:
        """The factor by which lengths grow, as the geometric mean over all directions."""
        return math.sqrt(abs(self.determinant))

    @property
    def inverse(self) -> Affine:
        """The inverse map. Raises ZeroDivisionError if the map flattens the plane."""
        det = self.determinant
        xx, xy, yx, yy = self.yy / det, -self.xy / det, -self.yx / det, self.xx / det
        return Affine(xx, xy, -xx * self.x0 - xy * self.y0, yx, yy, -yx * self.x0 - yy * self.y0)

    def __call__(self, points: npt.ArrayLike) -> Points:
        """Map points of shape (..., 2), as x and y."""
        given = np.asarray(points, np.float64)
        x, y = given[..., 0], given[..., 1]
        return np.stack([self.xx * x + self.xy * y + self.x0, self.yx * x + self.yy * y + self.y0], axis=-1)

    def farthest(self, extent: Extent) -> float:
        """Return how far, in px, the map moves the corner of a picture that it moves most."""
        corners = np.array([[x, y] for x in (0, extent.width) for y in (0, extent.height)], np.float64)
        return float(np.hypot(*(self(corners) - corners).T).max())
