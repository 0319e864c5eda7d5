"""The answer as it looks over the crop: resampled once, its colors brought to the source's.

Pictures are uint8. `flat` is the source over the crop as opaque RGB, `reference_mask` of its size.
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
"""The longer side, in px, of the copies on which colors are compared."""
KEPT, REPAINTED = 0.1, 12.0
"""A picture in which not even this share of the pixels is nearer than so many levels of 255 is another."""
FADE = 4.0
"""In px of the crop: over so many the source takes over where the answer ends."""
NEARLY = 0.75
"""In px of the crop: an answer that lacks less has an edge that serves."""


@dataclass(frozen=True, eq=False)
class ReturnedImage:
    """A returned picture: `colors` RGB, and `alpha` where any of it is transparent.

    `to_pixels` maps px of the crop to those of the picture.
    """

    colors: Pixels
    alpha: Pixels | None = None
    to_pixels: Affine = IDENTITY

    @classmethod
    def of(cls, pixels: Pixels) -> ReturnedImage:
        """RGB or RGBA, alpha not premultiplied."""
        if pixels.shape[2] == 3 or pixels[..., 3].min() == 255:
            return cls(np.ascontiguousarray(pixels[..., :3]))
        return cls(flatten(pixels), np.ascontiguousarray(pixels[..., 3]))

    @property
    def extent(self) -> Extent:
        return Extent.of_shape(self.colors.shape)

    def with_transform(self, to_pixels: Affine) -> ReturnedImage:
        """The same picture, with this map before its own."""
        return replace(self, to_pixels=to_pixels.then(self.to_pixels))

    def part(self, bounds: Bounds) -> ReturnedImage:
        alpha = self.alpha[bounds.slices] if self.alpha is not None else None
        to_part = self.to_pixels.then(Affine.shift(-bounds.x, -bounds.y))
        return ReturnedImage(self.colors[bounds.slices], alpha, to_part)

    def there(self, extent: Extent) -> Floats:
        """How much of the answer counts at each pixel of a crop of this size, 0–1.

        Where it is opaque, that is 1 throughout if it reaches as far as the crop to within a pixel; where it
        ends before, it fades out.
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

    def over(self, flat: Pixels, tones: ColorCorrection) -> Pixels:
        """The answer over the crop, RGB; the source where it has nothing."""
        extent = Extent.of_shape(flat.shape)
        there = self.there(extent)
        result = np.empty_like(flat)
        for rows, band in warped(self.colors, self.to_pixels, extent):
            part = Bounds.from_edges(0, rows.start, extent.width, rows.stop)
            share = there[rows, :, None]
            mixed = tones(band, part, extent) * share + flat[rows] * (1.0 - share)
            result[rows] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
        return result

    def beside(self, flat: Pixels, reference_mask: Flags) -> ComparisonPair:
        """It and the source, small."""
        extent = Extent.of_shape(flat.shape)
        small = extent.scaled(min(1.0, SIDE / extent.longer))
        through = self.with_transform(Affine.between(small, extent))
        ours = warp(*reduced(self.colors, through.to_pixels), small)
        theirs = resize(flat, small).astype(np.float32)
        alike = resize(reference_mask.astype(np.uint8) * 255, small) == 255
        return ComparisonPair(ours, theirs, alike & (through.there(small) >= 1.0))


@dataclass(frozen=True, eq=False)
class ComparisonPair:
    """Small copies of the answer and the source, RGB, 0–255, and where both are there and usable."""

    ours: Floats
    theirs: Floats
    alike: Flags

    @property
    def is_repainted(self) -> bool:
        """Whether hardly anything has kept its colors: then the answer is another picture."""
        apart = np.abs(self.ours - self.theirs).mean(axis=2)[self.alike]
        return bool(apart.size) and float(np.quantile(apart, KEPT)) > REPAINTED

    def tones(self, *, blend: bool) -> ColorCorrection:
        """What brings the answer's colors to the source's; `blend`: there is a seam to be made invisible."""
        ours, curves = self.ours, color_matching.match(self.ours, self.theirs, self.alike)
        if curves is not None:
            ours = curves(ours)
        return ColorCorrection(
            curves, seam_blending.correction(ours, self.theirs, self.alike) if blend else None
        )


@dataclass(frozen=True, eq=False)
class ColorCorrection:
    """What is done to an answer's colors: `curves`, and then `field` is added (at a smaller size)."""

    curves: Curves | None = None
    field: Floats | None = None

    def __call__(self, color: Floats, part: Bounds, whole: Extent) -> Floats:
        """`color` is the part of the whole picture, RGB, 0–255."""
        if self.curves is not None:
            color = self.curves(color)
        if self.field is not None:
            small = Extent.of_shape(self.field.shape)
            through = Affine.shift(part.x, part.y).then(Affine.between(whole, small))
            color = color + sampled(self.field, through, part.extent)
        return color
