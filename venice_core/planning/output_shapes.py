"""The shapes and sizes of pictures that models make, and which of them fits a picture best."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Protocol

from venice_core.geometry.aspect_ratio import parse_ratio, with_ratio
from venice_core.geometry.rectangles import Extent

HARDLY_LARGER = 1.125
"""A side may be extended by this factor to match the size that comes back, so that nothing is scaled."""
SAME_SHAPE = 0.01
"""Relative difference up to which two ratios count as the same."""
THOUSAND = 1024
"""Side, in px, of a square picture of resolution 1K."""
_TIER = re.compile(r"(\d+(?:\.\d+)?)k", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Shape:
    """A shape that a request can ask for."""

    ratio: float
    """Width divided by height."""
    label: str = ""
    """The ratio as named in the request."""
    size: Extent | None = None
    """The size in px, if it is fixed."""

    def around(self, extent: Extent) -> Extent:
        """Return the smallest extent of this shape that contains `extent`; `size` if it is hardly larger."""
        held = with_ratio(extent, self.ratio)
        if self.size is None or not self.size.holds(extent):
            return held
        near = max(self.size.width / extent.width, self.size.height / extent.height) <= HARDLY_LARGER
        return self.size if near or held.holds(self.size) else held


class Shapes(Protocol):
    """What a model makes."""

    def nearest(self, extent: Extent) -> Shape | None:
        """Return the shape that fits a picture best, or None for the shape of the picture itself."""
        ...

    def of_ratio(self, ratio: float) -> Shapes | None:
        """Return the subset with that ratio, or None if it is empty."""
        ...


@dataclass(frozen=True)
class Ratios:
    """Aspect ratios by name, such as "16:9"; empty for any shape."""

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
        """Return the size that needs the least stretching: the smallest one that suffices, if any does."""
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
    """Any size within limits whose sides are multiples of `step` px."""

    step: int
    min_pixels: int = 1
    max_pixels: int = 2**62
    max_side: int = 2**31
    max_ratio: float = 2.0**31
    """Of the longer side to the shorter."""
    ratio: float = 0.0
    """Width divided by height; 0 for the picture's."""

    def nearest(self, extent: Extent) -> Shape:
        """Return the smallest size that contains the extent, or else the closest to its shape."""
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
        """Correct a ratio that rounding made too large: shrink the longer side or grow the shorter."""
        while size.longer > size.shorter * self.max_ratio:
            across = size.width > size.height
            shorter = Extent(size.width - self.step * across, size.height - self.step * (not across))
            if shorter.pixels >= self.min_pixels:
                size = shorter
            else:
                size = Extent(size.width + self.step * (not across), size.height + self.step * across)
        return size


def tier_side(tier: str) -> float:
    """Return the side, in px, of a square picture of a resolution such as "1.5K"; by default that of 1K."""
    match = _TIER.fullmatch(tier)
    return THOUSAND * (float(match[1]) if match else 1.0)


def nearest_ratio(extent: Extent, ratios: tuple[str, ...]) -> str:
    """Return the ratio that needs the least stretching of `extent`; all must be valid."""
    return min(ratios, key=lambda ratio: abs(math.log((parse_ratio(ratio) or 1.0) / extent.ratio)))


def _stretch(size: Extent, extent: Extent) -> float:
    return abs(math.log(size.ratio / extent.ratio))


def _same(ratio: float, other: float) -> bool:
    return abs(ratio / other - 1.0) <= SAME_SHAPE


def _pixels(extent: Extent) -> int:
    return extent.pixels
