"""Sizes and rectangles in whole pixels.

A `Bounds` is half-open: it contains the pixels x <= column < x + width. Coordinates are those of the image,
with the upper left corner of the canvas at (0, 0), unless a name says otherwise. They may be negative because
layers may begin outside the canvas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """A size in px, at least 1 × 1."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"an extent of {self.width} x {self.height} px holds no pixel")

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> Extent:
        """Create the size of an array of shape (height, width, ...)."""
        return cls(shape[1], shape[0])

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def shorter(self) -> int:
        return min(self.width, self.height)

    @property
    def longer(self) -> int:
        return max(self.width, self.height)

    @property
    def ratio(self) -> float:
        """Width divided by height."""
        return self.width / self.height

    def holds(self, other: Extent) -> bool:
        """Return whether `other` fits inside."""
        return self.width >= other.width and self.height >= other.height

    def scaled(self, factor: float) -> Extent:
        """Return this size times `factor`, rounded, at least 1 px on each side."""
        return Extent(max(1, round(self.width * factor)), max(1, round(self.height * factor)))

    def __str__(self) -> str:
        return f"{self.width} × {self.height} px"


@dataclass(frozen=True)
class Padding:
    """Pixels added on each side, none of them negative."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    def around(self, extent: Extent) -> Extent:
        return Extent(extent.width + self.left + self.right, extent.height + self.top + self.bottom)

    @classmethod
    def centered(cls, inner: Extent, outer: Extent) -> Padding:
        """Return the padding from `inner` to `outer`, split evenly. Raises ValueError if it does not fit."""
        across, down = outer.width - inner.width, outer.height - inner.height
        if across < 0 or down < 0:
            raise ValueError(f"{outer} does not hold {inner}")
        return cls(across // 2, down // 2, across - across // 2, down - down // 2)


@dataclass(frozen=True)
class Bounds:
    """A rectangle of at least one pixel."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"bounds of {self.width} x {self.height} px hold no pixel")

    @classmethod
    def from_edges(cls, left: int, top: int, right: int, bottom: int) -> Bounds:
        return cls(left, top, right - left, bottom - top)

    @classmethod
    def whole_within(cls, left: float, top: float, right: float, bottom: float) -> Bounds | None:
        """Return the pixels that lie entirely between these edges; a hundredth of a pixel is rounding."""
        x, y = math.ceil(left - 0.01), math.ceil(top - 0.01)
        end, foot = math.floor(right + 0.01), math.floor(bottom + 0.01)
        return cls.from_edges(x, y, end, foot) if x < end and y < foot else None

    @classmethod
    def of(cls, extent: Extent) -> Bounds:
        return cls(0, 0, extent.width, extent.height)

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def extent(self) -> Extent:
        return Extent(self.width, self.height)

    def contains(self, other: Bounds) -> bool:
        return (
            self.x <= other.x
            and self.y <= other.y
            and self.right >= other.right
            and self.bottom >= other.bottom
        )

    def intersection(self, other: Bounds) -> Bounds | None:
        """Return the pixels in both, or None if there are none."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Bounds.from_edges(left, top, right, bottom) if left < right and top < bottom else None

    def pad(self, amount: int, within: Bounds | None = None) -> Bounds:
        """Add `amount` px on each side (negative to remove them), clipped to `within`, which must overlap."""
        grown = Bounds.from_edges(self.x - amount, self.y - amount, self.right + amount, self.bottom + amount)
        if within is None:
            return grown
        clipped = grown.intersection(within)
        if clipped is None:
            raise ValueError(f"{grown} lies outside {within}")
        return clipped

    def widen(self, extent: Extent, within: Bounds) -> Bounds:
        """Grow to at least `extent`, if `within` allows, keeping this rectangle as central as possible."""
        x, width = _widen(self.x, self.width, extent.width, within.x, within.width)
        y, height = _widen(self.y, self.height, extent.height, within.y, within.height)
        return Bounds(x, y, width, height)

    def tiles(self, side: int) -> Iterator[Bounds]:
        """Yield its parts, row by row, each at most `side` px wide and high."""
        for top in range(self.y, self.bottom, side):
            for left in range(self.x, self.right, side):
                yield Bounds(left, top, min(side, self.right - left), min(side, self.bottom - top))

    def relative_to(self, origin: Bounds) -> Bounds:
        """Return the same pixels, counted from the upper left corner of `origin`."""
        return Bounds(self.x - origin.x, self.y - origin.y, self.width, self.height)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns for indexing an array. Raises ValueError for negative coordinates."""
        if self.x < 0 or self.y < 0:
            raise ValueError(f"{self} begins outside the array")
        return slice(self.y, self.bottom), slice(self.x, self.right)


def _widen(start: int, length: int, wanted: int, low: int, available: int) -> tuple[int, int]:
    target = min(max(length, wanted), max(available, length))
    moved = start - (target - length) // 2
    return max(low, min(moved, low + available - target)), target
