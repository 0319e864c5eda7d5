"""Aspect ratios as text, and extents with a given ratio."""

from __future__ import annotations

import math

from venice_core.geometry.rectangles import Extent


def parse_ratio(text: str) -> float | None:
    """Parse a ratio such as "16:9" as width divided by height; None for "auto" or malformed text."""
    across, _, down = text.partition(":")
    try:
        ratio = float(across) / float(down)
    except (ValueError, ZeroDivisionError):
        return None
    return ratio if math.isfinite(ratio) and ratio > 0 else None


def with_ratio(extent: Extent, ratio: float) -> Extent:
    """Return the smallest extent of that ratio, to the pixel, that contains `extent`."""
    if extent.ratio < ratio:
        return Extent(max(extent.width, round(extent.height * ratio)), extent.height)
    return Extent(extent.width, max(extent.height, round(extent.width / ratio)))
