"""The answer as it looks over the crop: resampled once, its colours brought to the source's.

Arrays are uint8; `to_answer` maps px of the crop to those of the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from venice_core import colours, seam
from venice_core.affine import Affine
from venice_core.alpha import flatten
from venice_core.colours import Curves
from venice_core.geometry import Bounds, Extent
from venice_core.images import Pixels
from venice_core.resample import reduced, resize, sampled, warp, warped

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

SIDE = 360
"""The longer side, in px, of the copies on which colours are compared."""
KEPT, REPAINTED = 0.1, 12.0
"""A picture in which not even this share of the pixels is nearer than so many levels of 255 is another."""
FADE = 4.0
"""In px of the crop: over so many the source takes over where the answer ends."""
NEARLY = 0.75
"""In px of the crop: an answer that lacks less has an edge that serves."""


@dataclass(frozen=True, eq=False)
class Tones:
    """What is done to the answer's colours: `curves`, and then `field` is added (at a smaller size)."""

    curves: Curves | None = None
    field: Floats | None = None

    @classmethod
    def of(cls, answer: Pixels, flat: Pixels, usable: Flags, to_answer: Affine, *, blend: bool) -> Tones:
        """As measured on small copies where `usable`; `blend`: there is a seam to be made invisible."""
        if not usable.any():
            return cls()
        ours, theirs, alike = _small_copies(answer, flat, usable, to_answer)
        curves = colours.match(ours, theirs, alike)
        if curves is not None:
            ours = curves(ours)
        return cls(curves, seam.correction(ours, theirs, alike) if blend else None)

    def __call__(self, colour: Floats, part: Bounds, whole: Extent) -> Floats:
        """`colour` is the part of the whole picture, RGB, 0–255."""
        if self.curves is not None:
            colour = self.curves(colour)
        if self.field is not None:
            small = Extent(self.field.shape[1], self.field.shape[0])
            through = Affine.shift(part.x, part.y).then(Affine.between(whole, small))
            colour = colour + sampled(self.field, through, part.extent)
        return colour


def is_repainted(answer: Pixels, flat: Pixels, usable: Flags, to_answer: Affine) -> bool:
    """Whether hardly anything that is `usable` has kept its colours: then it is another picture."""
    ours, theirs, alike = _small_copies(answer, flat, usable, to_answer)
    apart = np.abs(ours - theirs).mean(axis=2)[alike]
    return bool(apart.size) and float(np.quantile(apart, KEPT)) > REPAINTED


def _small_copies(
    answer: Pixels, flat: Pixels, usable: Flags, to_answer: Affine
) -> tuple[Floats, Floats, Flags]:
    """The answer and the source, RGB, 0–255, and where both are there and `usable`."""
    extent = Extent(flat.shape[1], flat.shape[0])
    small = extent.scaled(min(1.0, SIDE / extent.longer))
    to_small = Affine.between(small, extent).then(to_answer)
    ours = warp(*reduced(answer[..., :3], to_small), small)
    theirs = resize(flat, small).astype(np.float32)
    alike = resize(usable.astype(np.uint8) * 255, small) == 255
    return ours, theirs, alike & (_has_pixels(answer, to_small, small) >= 1.0)


def render(answer: Pixels, flat: Pixels, to_answer: Affine, tones: Tones) -> Pixels:
    """The answer over the crop, RGB; `flat`, the source without alpha, where it has nothing."""
    extent = Extent(flat.shape[1], flat.shape[0])
    if answer.shape[2] == 4 and answer[..., 3].min() == 255:
        answer = answer[..., :3]
    opaque = answer if answer.shape[2] == 3 else flatten(answer)
    alphas = warp(answer[..., 3], to_answer, extent) / 255.0 if answer.shape[2] == 4 else None
    there = _has_pixels(answer, to_answer, extent)
    if alphas is not None:
        there = there * alphas
    result = np.empty_like(flat)
    for rows, band in warped(opaque, to_answer, extent):
        part = Bounds.from_edges(0, rows.start, extent.width, rows.stop)
        share = there[rows, :, None]
        mixed = tones(band, part, extent) * share + flat[rows] * (1.0 - share)
        result[rows] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result


def _has_pixels(answer: Pixels, to_answer: Affine, extent: Extent) -> Floats:
    """How much of the answer counts at each pixel of the crop, 0–1.

    1 throughout where the answer reaches as far as the crop to within a pixel; where it ends before, it fades
    out.
    """
    height, width = answer.shape[:2]
    inside = to_answer.inverse.factor
    rows, columns = np.arange(extent.height) + 0.5, np.arange(extent.width) + 0.5
    share = np.ones((extent.height, extent.width), np.float32)
    x = to_answer.xx * columns[None] + (to_answer.xy * rows + to_answer.x0)[:, None]
    y = to_answer.yx * columns[None] + (to_answer.yy * rows + to_answer.y0)[:, None]
    for within in (x, width - x, y, height - y):
        if within.min() * inside < -NEARLY:
            t = np.clip(within * inside / FADE, 0.0, 1.0)
            share *= (t * t * (3.0 - 2.0 * t)).astype(np.float32)
    return share
