# -*- coding: utf-8 -*-
"""Rectangles as in messages: dicts with x, y, width, and height, whole numbers in px.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals


def extent_of(rectangle):
    """Return a rectangle's width and height."""
    return {"width": rectangle["width"], "height": rectangle["height"]}


def at_origin(extent):
    """Return the rectangle of that extent, or of a rectangle's extent, at 0, 0."""
    return dict(extent_of(extent), x=0, y=0)


def from_corners(left, top, right, bottom):
    """Return the rectangle between these edges."""
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def counted_from(origin, rectangle):
    """Return `rectangle` with its position relative to the corner of `origin`."""
    return dict(rectangle, x=rectangle["x"] - origin["x"], y=rectangle["y"] - origin["y"])


def intersection(one, other):
    """Return the pixels in both rectangles, or None."""
    left, top = max(one["x"], other["x"]), max(one["y"], other["y"])
    right = min(one["x"] + one["width"], other["x"] + other["width"])
    bottom = min(one["y"] + one["height"], other["y"] + other["height"])
    if left >= right or top >= bottom:
        return None
    return from_corners(left, top, right, bottom)
