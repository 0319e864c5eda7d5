"""Aspect ratios as people write them, and extents of such a ratio."""

from __future__ import annotations

import math

from venice_core.geometry.rectangles import Extent


def parse_ratio(text: str) -> float | None:
    """Width by height of "16:9", "9:19.5"; None for "auto", an empty or a malformed text."""
    across, _, down = text.partition(":")
    try:
        ratio = float(across) / float(down)
    except (ValueError, ZeroDivisionError):
        return None
    return ratio if math.isfinite(ratio) and ratio > 0 else None


def with_ratio(extent: Extent, ratio: float) -> Extent:
    """The smallest extent of that ratio (to the pixel) that holds `extent`."""
    if extent.ratio < ratio:
        return Extent(max(extent.width, round(extent.height * ratio)), extent.height)
    return Extent(extent.width, max(extent.height, round(extent.width / ratio)))
