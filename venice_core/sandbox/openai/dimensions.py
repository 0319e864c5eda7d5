"""Sizes in px as the dialects have them: what a `size` field may say, and how large the result is."""

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
    """WIDTHxHEIGHT in px: sides in whole steps and within bounds, as are their product and proportion."""

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
    """The sides of "1536x864"; None for other text."""
    match = _TEXT.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def listed(fields: Mapping[str, Any], source: Size | None) -> Size:
    """As asked for; else, of three, the size nearest in shape to the source, square without one."""
    width, height = source or (SIDE, SIDE)

    def distance(size: Size) -> float:
        return abs(math.log(size[0] / size[1]) - math.log(width / height))

    return parsed(fields.get("size", "")) or min(LISTED.values(), key=distance)


def proportioned(fields: Mapping[str, Any], source: Size | None) -> Size:
    """By `aspect_ratio` and `resolution`, about 1024 or 2048 px squared; without a ratio in the source's."""
    ratio = fields.get("aspect_ratio", "auto")
    width, height = source or (1, 1) if ratio == "auto" else map(float, ratio.split(":"))
    side = SIDE * (2 if fields.get("resolution") == "2k" else 1)
    stretch = math.sqrt(width / height)
    across, down = (max(1, round(length / STEP)) * STEP for length in (side * stretch, side / stretch))
    return across, down


def as_sent(fields: Mapping[str, Any], source: Size | None) -> Size:
    """As asked for; else the source's size, 1024 px square without one."""
    return parsed(fields.get("size", "")) or source or (SIDE, SIDE)
