# -*- coding: utf-8 -*-
"""ICC profiles: whether their colors, whatever their names, are those of sRGB.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import division, unicode_literals

import struct

_HEADER, _ENTRY = 128, 12  # bytes, as everything here: ICC.1:2022, 7.2 and 7.3
_PRIMARIES = (
    (0.4361, 0.2225, 0.0139),
    (0.3851, 0.7169, 0.0971),
    (0.1431, 0.0606, 0.7139),
)  # sRGB's in XYZ, D50
_NEAR = 0.003  # of 1: primaries that differ by less are the same
_LEVELS = 255
_FIGURES = (1, 3, 4, 5, 7)  # of a parametric curve, by its kind


def is_srgb(profile):
    """Return whether values in `profile` (bytes) mean the same as in sRGB; for a gray one, as its grays.

    Profiles made of tables are not read and count as different.
    """
    try:
        tags = _tags(profile)
        if b"A2B0" in tags:
            return False
        if profile[16:20] == b"GRAY":
            return _is_srgb_curve(tags[b"kTRC"])
        primaries = [_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        apart = [
            abs(primaries[color][axis] - _PRIMARIES[color][axis]) for color in range(3) for axis in range(3)
        ]
        return max(apart) <= _NEAR and all(_is_srgb_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (ArithmeticError, KeyError, ValueError, struct.error):  # not a profile, or truncated
        return False


def _tags(profile):
    (count,) = struct.unpack_from(str(">I"), profile, _HEADER)
    found = {}
    for number in range(min(count, 200)):
        tag, start, size = struct.unpack_from(str(">4sII"), profile, _HEADER + 4 + number * _ENTRY)
        found[tag] = profile[start : start + size]
    return found


def _xyz(tag):
    return [value / 65536 for value in struct.unpack_from(str(">3i"), tag, 8)]


def _is_srgb_curve(tag):
    """Return whether each 8-bit value means the same as in sRGB, to within 8-bit precision."""
    curve = _curve(tag)
    return all(
        abs(_encoded(curve(level / _LEVELS)) * _LEVELS - level) <= 0.75 for level in range(_LEVELS + 1)
    )


def _encoded(linear):
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * min(linear, 1.0) ** (1 / 2.4) - 0.055


def _curve(tag):
    """Return the function from a value to its linear one: ICC.1:2022, 10.6 and 10.18. Raises ValueError."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(str(">I"), tag, 8)
        points = struct.unpack_from(str(">%dH" % count), tag, 12)
        if count == 0:
            return lambda value: value
        if count == 1:
            return lambda value: value ** (points[0] / 256)
        return lambda value: _between(points, value * (count - 1)) / 65535
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(str(">H"), tag, 8)
        if kind < len(_FIGURES):
            figures = struct.unpack_from(str(">%di" % _FIGURES[kind]), tag, 12)
            return _parametric(kind, [figure / 65536 for figure in figures])
    raise ValueError("no curve")


def _between(points, place):
    left = min(int(place), len(points) - 2)
    return points[left] + (points[left + 1] - points[left]) * (place - left)


def _parametric(kind, figures):
    exponent, a, b, c, d, e, f = figures + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0][len(figures) - 1 :]
    if kind in (1, 2):  # its third figure is added on both sides
        d, c, e, f = -b / a, 0.0, c, c

    def linear(value):
        return (max(a * value + b, 0.0) ** exponent + e) if value >= d else c * value + f

    return linear
