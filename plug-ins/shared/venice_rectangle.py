# -*- coding: utf-8 -*-
"""Rectangles as they travel in messages: dicts with x, y, width, height, whole numbers in px.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals


def extent_of(rectangle):
    """Return the width and height of a rectangle."""
    return {"width": rectangle["width"], "height": rectangle["height"]}


def at_origin(extent):
    """Return the rectangle of that width and height at 0, 0; of a rectangle too."""
    return dict(extent_of(extent), x=0, y=0)


def from_corners(left, top, right, bottom):
    """Return the rectangle between those edges."""
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def counted_from(origin, rectangle):
    """Return `rectangle`, its place counted from the corner of `origin`."""
    return dict(rectangle, x=rectangle["x"] - origin["x"], y=rectangle["y"] - origin["y"])


def intersection(one, other):
    """Return the pixels in both rectangles, or None."""
    left, top = max(one["x"], other["x"]), max(one["y"], other["y"])
    right = min(one["x"] + one["width"], other["x"] + other["width"])
    bottom = min(one["y"] + one["height"], other["y"] + other["height"])
    if left >= right or top >= bottom:
        return None
    return from_corners(left, top, right, bottom)
