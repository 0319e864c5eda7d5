"""Five selections of different size, place, shape and edge, each with the context that it is sent with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from venice_core.geometry.rectangles import Extent
from venice_core.imaging.arrays import Coverage
from venice_core.job import MAX_CONTEXT

AUTOMATIC = -1
WHOLE = MAX_CONTEXT  # so much that the crop is the whole picture
FINER = 8  # times as fine as the picture is the selection drawn
LESS = 400_000  # px: what some services take, so that larger crops are scaled down


@dataclass(frozen=True)
class Selection:
    """`outline`: points of shape (n, 2), x and y as shares of width and height.

    `softness`: the sigma of a Gaussian over the edge, as a share of the picture's shorter side; 0: hard.
    `context` in px, or AUTOMATIC. `aspect_ratio`: what is asked for, so that the crop is padded. `most`:
    how many px the service takes, where that is less than Venice does.
    """

    outline: Callable[[], np.ndarray]
    softness: float = 0.0
    context: int = AUTOMATIC
    aspect_ratio: str = ""
    most: int | None = None

    def coverage(self, extent: Extent) -> Coverage:
        """Of a whole picture of that size; the edge is antialiased."""
        fine = np.zeros((extent.height * FINER, extent.width * FINER), np.uint8)
        points = self.outline() * (fine.shape[1], fine.shape[0])
        cv2.fillPoly(fine, [np.rint(points).astype(np.int32)], 255)
        drawn = cv2.resize(fine, (extent.width, extent.height), interpolation=cv2.INTER_AREA)
        if self.softness:
            sigma = self.softness * extent.shorter
            drawn = cv2.GaussianBlur(drawn, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(drawn, np.uint8)


def _ellipse(x: float, y: float, width: float, height: float) -> Callable[[], np.ndarray]:
    """Around x, y."""

    def outline() -> np.ndarray:
        angle = np.linspace(0.0, 2 * np.pi, 180, endpoint=False)
        return np.stack([x + width / 2 * np.cos(angle), y + height / 2 * np.sin(angle)], axis=1)

    return outline


def _polygon(*points: tuple[float, float]) -> Callable[[], np.ndarray]:
    return lambda: np.array(points)


SELECTIONS = {
    "corner": Selection(_ellipse(0.14, 0.15, 0.13, 0.15)),
    "third": Selection(_ellipse(0.48, 0.52, 0.34, 0.34), context=WHOLE),
    "star": Selection(
        _polygon(
            (0.62, 0.22), (0.71, 0.38), (0.9, 0.4), (0.76, 0.52), (0.82, 0.72), (0.64, 0.6), (0.5, 0.62)
        ),
        softness=0.012,
        context=160,
        most=LESS,
    ),
    "border": Selection(
        _polygon((0.3, 0.72), (0.56, 0.72), (0.56, 1.0), (0.3, 1.0)), context=WHOLE, aspect_ratio="1:1"
    ),
    "stripe": Selection(_polygon((0.08, 0.62), (0.42, 0.3), (0.5, 0.38), (0.16, 0.72)), softness=0.006),
}
