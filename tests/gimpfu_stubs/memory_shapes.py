# -*- coding: utf-8 -*-
"""What the small model of GIMP selects: 8-bit coverage of shapes; runs on Python 2.7 and 3.

GIMP feathers with a recursive filter that is a Gaussian only roughly: a logistic curve fits the edges that
GIMP 2.10.34 made, to about 2 of 255.
"""

from __future__ import division

import math

_WIDTH = 0.62 / 3.5  # the curve's, for a feather's radius of 1 px; fitted


def rectangle(canvas, bounds, feather):
    """The coverage of a canvas (width, height) by bounds (x, y, width, height); `feather`: a radius, or 0."""
    across = _edges(canvas[0], bounds[0], bounds[0] + bounds[2], feather)
    down = _edges(canvas[1], bounds[1], bounds[1] + bounds[3], feather)
    found = bytearray()
    for share in down:
        found += bytearray(int(share * each * 255 + 0.5) for each in across)
    return found


def _edges(size, start, end, feather):
    """The share of each pixel of a line that lies between start and end."""
    if not feather:
        return [float(start <= i < end) for i in range(size)]
    return [_inside(start - i - 0.5, feather) - _inside(end - i - 0.5, feather) for i in range(size)]


def _inside(outside, feather):
    """The share where it is so far to the outside of a feathered edge."""
    return 1 / (1 + math.exp(max(-50.0, min(50.0, outside / (feather * _WIDTH)))))


def ellipse(canvas, bounds, feather, antialias):
    """As `rectangle`, of the ellipse in these bounds."""
    width, height = canvas
    found = bytearray()
    for y in range(height):
        for x in range(width):
            outside = _distance(x + 0.5, y + 0.5, bounds)
            if feather:
                share = _inside(outside, feather)
            else:
                share = max(0.0, min(1.0, 0.5 - outside)) if antialias else outside <= 0
            found.append(int(share * 255 + 0.5))
    return found


def _distance(x, y, bounds):
    """From the ellipse to a point outside, to first order; inside, it is less than 0."""
    a, b = bounds[2] / 2, bounds[3] / 2
    u, v = (x - bounds[0]) / a - 1, (y - bounds[1]) / b - 1
    radius = math.sqrt(u * u + v * v)
    if radius == 0:
        return -min(a, b)
    return radius * (radius - 1) / math.sqrt((u / a) ** 2 + (v / b) ** 2)
