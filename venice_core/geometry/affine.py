"""An affine map of the plane as one value, so that maps are composed before anything is resampled. Pure.

Coordinates are continuous: the pixel in column 0 of row 0 covers 0 <= x < 1, 0 <= y < 1, and its centre is
at 0.5, 0.5.
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
    """x' = xx·x + xy·y + x0, y' = yx·x + yy·y + y0; lengths in px."""

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
        """What stretches a picture of size `one` to `other`."""
        return cls.scaling(other.width / one.width, other.height / one.height)

    @classmethod
    def from_matrix(cls, matrix: npt.ArrayLike) -> Affine:
        """From 2 (or 3) rows of 3 numbers."""
        rows = np.asarray(matrix, np.float64)
        return cls(*rows[:2].ravel().tolist())

    @property
    def matrix(self) -> Points:
        """Shape (3, 3), the last row being 0 0 1."""
        return np.array([[self.xx, self.xy, self.x0], [self.yx, self.yy, self.y0], [0.0, 0.0, 1.0]])

    def then(self, other: Affine) -> Affine:
        """This map, and `other` after it."""
        return Affine.from_matrix(other.matrix @ self.matrix)

    @property
    def determinant(self) -> float:
        """By how much areas grow; negative where the map mirrors."""
        return self.xx * self.yy - self.xy * self.yx

    @property
    def factor(self) -> float:
        """By how much lengths grow, in the geometric mean of all directions."""
        return math.sqrt(abs(self.determinant))

    @property
    def inverse(self) -> Affine:
        """Raises ZeroDivisionError where the map flattens the plane."""
        det = self.determinant
        xx, xy, yx, yy = self.yy / det, -self.xy / det, -self.yx / det, self.xx / det
        return Affine(xx, xy, -xx * self.x0 - xy * self.y0, yx, yy, -yx * self.x0 - yy * self.y0)

    def __call__(self, points: npt.ArrayLike) -> Points:
        """Points of shape (..., 2), each x and y, mapped."""
        given = np.asarray(points, np.float64)
        x, y = given[..., 0], given[..., 1]
        return np.stack([self.xx * x + self.xy * y + self.x0, self.yx * x + self.yy * y + self.y0], axis=-1)

    def farthest(self, extent: Extent) -> float:
        """How far, in px, it moves that corner of a picture of this size which it moves most."""
        corners = np.array([[x, y] for x in (0, extent.width) for y in (0, extent.height)], np.float64)
        return float(np.hypot(*(self(corners) - corners).T).max())
