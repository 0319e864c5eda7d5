"""Which shapes and sizes of pictures a model makes, and which of them suits a picture best. Pure."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Protocol

from venice_core.geometry.aspect_ratio import parse_ratio, with_ratio
from venice_core.geometry.rectangles import Extent

HARDLY_LARGER = 1.125
"""By how much a side may be widened to the size that comes back, so that nothing need be scaled."""
SAME_SHAPE = 0.01
"""By how much (as a share) two ratios may differ and still be the same one."""
THOUSAND = 1024
"""Px of the side of a square picture of resolution 1K."""
_TIER = re.compile(r"(\d+(?:\.\d+)?)k", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Shape:
    """`ratio`: width by height. `label`: the ratio as the request names it, `size`: as figures, in px."""

    ratio: float
    label: str = ""
    size: Extent | None = None

    def around(self, extent: Extent) -> Extent:
        """The smallest extent of this shape that holds `extent`; `size` itself, if that is hardly larger."""
        held = with_ratio(extent, self.ratio)
        if self.size is None or not self.size.holds(extent):
            return held
        near = max(self.size.width / extent.width, self.size.height / extent.height) <= HARDLY_LARGER
        return self.size if near or held.holds(self.size) else held


class Shapes(Protocol):
    """What a model makes."""

    def nearest(self, extent: Extent) -> Shape | None:
        """What suits a picture of that extent best; None: its own shape does."""
        ...

    def of_ratio(self, ratio: float) -> Shapes | None:
        """Only what has that ratio; None where nothing has."""
        ...


@dataclass(frozen=True)
class Ratios:
    """Aspect ratios by name, such as "16:9"; none: any shape."""

    names: tuple[str, ...] = ()

    def nearest(self, extent: Extent) -> Shape | None:
        if not self.names:
            return None
        name = nearest_ratio(extent, self.names)
        return Shape(parse_ratio(name) or 1.0, name)

    def of_ratio(self, ratio: float) -> Ratios | None:
        names = tuple(name for name in self.names if _same(parse_ratio(name) or 0.0, ratio))
        return Ratios(names) if names else None


@dataclass(frozen=True)
class Sizes:
    """A few fixed sizes, at least one."""

    sizes: tuple[Extent, ...]

    def nearest(self, extent: Extent) -> Shape:
        """Of those that need the least stretching, the smallest that is large enough, else the largest."""
        least = min(_stretch(size, extent) for size in self.sizes)
        alike = [size for size in self.sizes if _stretch(size, extent) <= least + SAME_SHAPE]
        enough = [size for size in alike if size.holds(extent)]
        size = min(enough, key=_pixels) if enough else max(alike, key=_pixels)
        return Shape(size.ratio, size=size)

    def of_ratio(self, ratio: float) -> Sizes | None:
        sizes = tuple(size for size in self.sizes if _same(size.ratio, ratio))
        return Sizes(sizes) if sizes else None


@dataclass(frozen=True)
class Grid:
    """Any size whose sides are multiples of `step` px, within limits; `ratio` 0: that of the picture.

    `max_ratio`: of the longer side to the shorter.
    """

    step: int
    min_pixels: int = 1
    max_pixels: int = 2**62
    max_side: int = 2**31
    max_ratio: float = 2.0**31
    ratio: float = 0.0

    def nearest(self, extent: Extent) -> Shape:
        """The least size that holds the extent, or the nearest to that shape within the limits."""
        held = with_ratio(extent, self.ratio) if self.ratio else extent
        if held.longer / held.shorter > self.max_ratio:
            held = with_ratio(held, self.max_ratio if held.width > held.height else 1.0 / self.max_ratio)
        size = self._up(held.width, held.height)
        if size.pixels < self.min_pixels:
            factor = math.sqrt(self.min_pixels / held.pixels)
            size = self._up(held.width * factor, held.height * factor)
        if size.pixels > self.max_pixels or size.longer > self.max_side:
            factor = min(math.sqrt(self.max_pixels / held.pixels), self.max_side / held.longer)
            size = self._down(held.width * factor, held.height * factor)
        size = self._within_ratio(size)
        return Shape(size.ratio, size=size)

    def of_ratio(self, ratio: float) -> Grid | None:
        if max(ratio, 1.0 / ratio) > self.max_ratio * (1 + SAME_SHAPE):
            return None
        return replace(self, ratio=ratio)

    def _up(self, width: float, height: float) -> Extent:
        return Extent(*(max(1, math.ceil(side / self.step - 1e-9)) * self.step for side in (width, height)))

    def _down(self, width: float, height: float) -> Extent:
        return Extent(*(max(1, math.floor(side / self.step + 1e-9)) * self.step for side in (width, height)))

    def _within_ratio(self, size: Extent) -> Extent:
        """Rounding may have made it too long: then the longer side gives way, or the shorter grows."""
        while size.longer > size.shorter * self.max_ratio:
            across = size.width > size.height
            shorter = Extent(size.width - self.step * across, size.height - self.step * (not across))
            if shorter.pixels >= self.min_pixels:
                size = shorter
            else:
                size = Extent(size.width + self.step * (not across), size.height + self.step * across)
        return size


def tier_side(tier: str) -> float:
    """The side in px of a square picture of a resolution such as "1.5K"; that of 1K for what is none."""
    match = _TIER.fullmatch(tier)
    return THOUSAND * (float(match[1]) if match else 1.0)


def nearest_ratio(extent: Extent, ratios: tuple[str, ...]) -> str:
    """The one of the ratios (not empty, all readable) to which `extent` must be stretched least."""
    return min(ratios, key=lambda ratio: abs(math.log((parse_ratio(ratio) or 1.0) / extent.ratio)))


def _stretch(size: Extent, extent: Extent) -> float:
    return abs(math.log(size.ratio / extent.ratio))


def _same(ratio: float, other: float) -> bool:
    return abs(ratio / other - 1.0) <= SAME_SHAPE


def _pixels(extent: Extent) -> int:
    return extent.pixels
