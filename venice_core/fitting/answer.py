"""The returned picture as it appears over the crop: resampled once, with the colors of the source.

Pictures are uint8. `flat` is the source over the crop as opaque RGB; `reference_mask` has its size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.imaging import color_matching, seam_blending
from venice_core.imaging.arrays import Flags, Floats, Pixels
from venice_core.imaging.color_matching import Curves
from venice_core.imaging.compositing import flatten
from venice_core.imaging.resampling import reduced, resize, sampled, warp, warped

IDENTITY = Affine()
SIDE = 360
"""Longer side, in px, of the copies on which colors are compared."""
KEPT, REPAINTED = 0.1, 12.0
"""If not even the first share of the pixels differs by at most the second, in levels of 255, it is a
different picture."""
FADE = 4.0
"""In px of the crop: the width over which the source takes over where the answer ends."""
NEARLY = 0.75
"""In px of the crop: an answer that falls short by less counts as complete."""


@dataclass(frozen=True, eq=False)
class ReturnedImage:
    """A returned picture."""

    colors: Pixels
    """RGB."""
    alpha: Pixels | None = None
    """None if everything is opaque."""
    to_pixels: Affine = IDENTITY
    """Maps px of the crop to those of the picture."""

    @classmethod
    def of(cls, pixels: Pixels) -> ReturnedImage:
        """Create it from RGB or RGBA; alpha is not premultiplied."""
        if pixels.shape[2] == 3 or pixels[..., 3].min() == 255:
            return cls(np.ascontiguousarray(pixels[..., :3]))
        return cls(flatten(pixels), np.ascontiguousarray(pixels[..., 3]))

    @property
    def extent(self) -> Extent:
        return Extent.of_shape(self.colors.shape)

    def with_transform(self, to_pixels: Affine) -> ReturnedImage:
        """Return the same picture with a map applied before its own."""
        return replace(self, to_pixels=to_pixels.then(self.to_pixels))

    def part(self, bounds: Bounds) -> ReturnedImage:
        alpha = self.alpha[bounds.slices] if self.alpha is not None else None
        to_part = self.to_pixels.then(Affine.shift(-bounds.x, -bounds.y))
        return ReturnedImage(self.colors[bounds.slices], alpha, to_part)

    def visibility(self, extent: Extent) -> Floats:
        """Return how much of the answer counts, 0 to 1, at each pixel of a crop of this size.

        An opaque answer counts fully everywhere if it reaches the edges of the crop to within `NEARLY`; where
        it ends earlier, it fades out.
        """
        width, height = self.extent.width, self.extent.height
        to, inside = self.to_pixels, self.to_pixels.inverse.factor
        rows, columns = np.arange(extent.height) + 0.5, np.arange(extent.width) + 0.5
        share = np.ones((extent.height, extent.width), np.float32)
        x = to.xx * columns[None] + (to.xy * rows + to.x0)[:, None]
        y = to.yx * columns[None] + (to.yy * rows + to.y0)[:, None]
        for within in (x, width - x, y, height - y):
            if within.min() * inside < -NEARLY:
                t = np.clip(within * inside / FADE, 0.0, 1.0)
                share *= (t * t * (3.0 - 2.0 * t)).astype(np.float32)
        return share if self.alpha is None else share * warp(self.alpha, to, extent) / np.float32(255.0)

    def composite_over(self, flat: Pixels, correction: ColorCorrection) -> Pixels:
        """Return the answer over the crop as RGB, with the source wherever the answer has nothing."""
        extent = Extent.of_shape(flat.shape)
        visibility = self.visibility(extent)
        result = np.empty_like(flat)
        for rows, band in warped(self.colors, self.to_pixels, extent):
            part = Bounds.from_edges(0, rows.start, extent.width, rows.stop)
            share = visibility[rows, :, None]
            mixed = correction(band, part, extent) * share + flat[rows] * (1.0 - share)
            result[rows] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
        return result

    def compare_with(self, flat: Pixels, reference_mask: Flags) -> ComparisonPair:
        """Return small copies of the answer and the source for comparing colors."""
        extent = Extent.of_shape(flat.shape)
        small = extent.scaled(min(1.0, SIDE / extent.longer))
        through = self.with_transform(Affine.between(small, extent))
        returned = warp(*reduced(self.colors, through.to_pixels), small)
        reference = resize(flat, small).astype(np.float32)
        alike = resize(reference_mask.astype(np.uint8) * 255, small) == 255
        return ComparisonPair(returned, reference, alike & (through.visibility(small) >= 1.0))


@dataclass(frozen=True, eq=False)
class ComparisonPair:
    """Small copies of the answer and the source, RGB, 0 to 255."""

    returned: Floats
    reference: Floats
    reference_mask: Flags
    """Where both have pixels that should be alike."""

    @property
    def is_repainted(self) -> bool:
        """Whether hardly any colors were kept, so that the answer is a different picture."""
        apart = np.abs(self.returned - self.reference).mean(axis=2)[self.reference_mask]
        return bool(apart.size) and float(np.quantile(apart, KEPT)) > REPAINTED

    def color_correction(self, *, blend: bool) -> ColorCorrection:
        """Return what brings the answer's colors to the source's; `blend` also hides the seam."""
        returned = self.returned
        curves = color_matching.match(returned, self.reference, self.reference_mask)
        if curves is not None:
            returned = curves(returned)
        return ColorCorrection(
            curves, seam_blending.correction(returned, self.reference, self.reference_mask) if blend else None
        )


@dataclass(frozen=True, eq=False)
class ColorCorrection:
    """A correction of the answer's colors."""

    tone_curves: Curves | None = None
    """Applied first."""
    seam_offset: Floats | None = None
    """Added afterwards; of any size, since it is stretched over the whole picture."""

    def __call__(self, color: Floats, part: Bounds, whole: Extent) -> Floats:
        """Correct `color`, RGB from 0 to 255, which is `part` of a picture of size `whole`."""
        if self.tone_curves is not None:
            color = self.tone_curves(color)
        if self.seam_offset is not None:
            small = Extent.of_shape(self.seam_offset.shape)
            through = Affine.shift(part.x, part.y).then(Affine.between(whole, small))
            color = color + sampled(self.seam_offset, through, part.extent)
        return color
