"""Sizes in the dialects: what a `size` field may contain, and how large the result is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from venice_core.sandbox.switches import Size

SIDE = 1024  # px: of a square picture, and of 1k
STEP = 16  # px: sides of a picture asked for by aspect ratio
LISTED = {"1024x1024": (1024, 1024), "1536x1024": (1536, 1024), "1024x1536": (1024, 1536)}
_TEXT = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


@dataclass(frozen=True)
class Dimensions:
    """WIDTHxHEIGHT in px, with limits on steps, sides, area and aspect ratio."""

    step: int
    shortest: int
    longest: int
    fewest: int = 1
    most: int = 10**10
    proportion: float = math.inf
    words: tuple[str, ...] = ()

    def read(self, text: str) -> Any:
        return text

    def issue(self, value: Any) -> tuple[str, str] | None:
        if not isinstance(value, str):
            return "invalid_type", "Expected string"
        if value in self.words:
            return None
        if (size := parsed(value)) is None:
            return "invalid_enum_value", "Expected WIDTHxHEIGHT"
        if any(side % self.step for side in size):
            return "invalid_enum_value", f"Width and height must both be divisible by {self.step}"
        if max(size) > self.longest or min(size) < self.shortest:
            return "invalid_enum_value", f"Each side must be {self.shortest} to {self.longest} px"
        if not self.fewest <= size[0] * size[1] <= self.most:
            return "invalid_enum_value", f"There must be {self.fewest} to {self.most} pixels"
        if max(size) > self.proportion * min(size):
            return "invalid_enum_value", f"The longer side may be at most {self.proportion:g} times the other"
        return None


def parsed(text: str) -> Size | None:
    """Return the sides of "1536x864", or None for other text."""
    match = _TEXT.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def listed(fields: Mapping[str, Any], source: Size | None) -> Size:
    """Return the requested size, or else that of three which is closest in shape to the source.

    Without a source it is square.
    """
    width, height = source or (SIDE, SIDE)

    def distance(size: Size) -> float:
        return abs(math.log(size[0] / size[1]) - math.log(width / height))

    return parsed(fields.get("size", "")) or min(LISTED.values(), key=distance)


def proportioned(fields: Mapping[str, Any], source: Size | None) -> Size:
    """Return a size of about 1024² or 2048² px, from `aspect_ratio` and `resolution`.

    By default the aspect ratio is the source's.
    """
    ratio = fields.get("aspect_ratio", "auto")
    width, height = source or (1, 1) if ratio == "auto" else map(float, ratio.split(":"))
    side = SIDE * (2 if fields.get("resolution") == "2k" else 1)
    stretch = math.sqrt(width / height)
    across, down = (max(1, round(length / STEP)) * STEP for length in (side * stretch, side / stretch))
    return across, down


def as_sent(fields: Mapping[str, Any], source: Size | None) -> Size:
    """Return the requested size, or else the source's, or else 1024 px squared."""
    return parsed(fields.get("size", "")) or source or (SIDE, SIDE)
