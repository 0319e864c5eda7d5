# -*- coding: utf-8 -*-
"""Pixels of the small model of GIMP: one bytearray per color, and one for alpha; runs on Python 2.7 and 3.

Colors are 8-bit sRGB, gray ones those of the image's encoding, indexed ones numbers of a palette's colors.
"""

from __future__ import division

import heapq


def _to_linear(value):
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _to_gamma(value):
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


_FINE = 65535
LINEAR = [_to_linear(value / 255) for value in range(256)]
_PLAIN = [value / 255 for value in range(256)]
_FINE_GAMMA = bytearray(int(_to_gamma(value / _FINE) * 255 + 0.5) for value in range(_FINE + 1))
_FINE_PLAIN = bytearray(int(value / _FINE * 255 + 0.5) for value in range(_FINE + 1))
GAMMA_OF = bytes(bytearray(int(_to_gamma(value / 255) * 255 + 0.5) for value in range(256)))
LINEAR_OF = bytes(bytearray(int(value * 255 + 0.5) for value in LINEAR))
_LUMINANCE = (0.2225, 0.7169, 0.0606)  # of sRGB's colors, adapted to D50, as babl has it


class Pixels(object):
    """`planes`: the colors; `alpha` may be None."""

    def __init__(self, width, height, planes, alpha=None):
        self.width, self.height, self.planes, self.alpha = width, height, planes, alpha

    @classmethod
    def clear(cls, width, height, colors):
        """Transparent black."""
        size = width * height
        return cls(width, height, [bytearray(size) for _ in range(colors)], bytearray(size))

    def copy(self):
        return self.with_planes([bytearray(plane) for plane in self.planes])

    def with_planes(self, planes):
        """The same alpha with other colors."""
        alpha = None if self.alpha is None else bytearray(self.alpha)
        return Pixels(self.width, self.height, planes, alpha)

    def opacities(self):
        """Its alpha; 255 everywhere where it has none."""
        return self.alpha if self.alpha is not None else opaque(self.width * self.height)

    def all_planes(self):
        return self.planes + ([] if self.alpha is None else [self.alpha])

    def cropped(self, x, y, width, height):
        """A rectangle; what lies outside is transparent, or white without alpha."""
        outside = 255 if self.alpha is None else 0
        planes = [crop(each, self.width, x, y, width, height, outside) for each in self.all_planes()]
        alpha = None if self.alpha is None else planes.pop()
        return Pixels(width, height, planes, alpha)


def opaque(size):
    return bytearray(b"\xff") * size


def crop(plane, old_width, x, y, width, height, outside=0):
    """The rectangle at x, y of a plane."""
    old_height = len(plane) // old_width
    if (x, y, width, height) == (0, 0, old_width, old_height):
        return bytearray(plane)
    found = bytearray([outside]) * (width * height)
    left, right = max(x, 0), min(x + width, old_width)
    if left < right:
        for row in range(max(y, 0), min(y + height, old_height)):
            to = (row - y) * width + left - x
            found[to : to + right - left] = plane[row * old_width + left : row * old_width + right]
    return found


def times(plane, other):
    """Two coverages' product."""
    return bytearray((2 * a * b + 255) // 510 for a, b in zip(plane, other))


# Colors


def gray(planes, linear=False):
    """The luminance of RGB, gamma-encoded or linear."""
    red, green, blue = ([value * share * _FINE for value in LINEAR] for share in _LUMINANCE)
    byte_of = _FINE_PLAIN if linear else _FINE_GAMMA
    return bytearray(byte_of[int(red[r] + green[g] + blue[b] + 0.5)] for r, g, b in zip(*planes))


def looked_up(indices, palette):
    """RGB of a palette's numbers."""
    tables = [bytes(bytearray((color[i] for color in palette)).ljust(256, b"\0")) for i in range(3)]
    return [indices.translate(table) for table in tables]


def nearest(planes, palette):
    """The numbers of the palette's nearest colors."""
    cells, known = {}, {}
    found = bytearray()
    for color in zip(*planes):
        if color not in known:
            cell = color[0] >> 4, color[1] >> 4, color[2] >> 4
            if cell not in cells:
                cells[cell] = _candidates(cell, palette)
            known[color] = min(cells[cell], key=lambda number: _distance(palette[number], color))
        found.append(known[color])
    return found


def _distance(one, other):
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2


def _candidates(cell, palette):
    """The colors that may be the nearest to one in a cube of 16 values' edges."""
    middle = [16 * value + 7.5 for value in cell]
    distances = [_distance(color, middle) ** 0.5 for color in palette]
    limit = min(distances) + 2 * 13  # twice the way from the middle to a corner
    return [number for number, distance in enumerate(distances) if distance <= limit]


def make_palette(pictures, count):
    """At most `count` colors for what is not transparent: its own, or the means of boxes of them."""
    amounts = {}
    for picture in pictures:
        planes = picture.planes * 3 if len(picture.planes) == 1 else picture.planes
        for color, alpha in zip(zip(*planes), picture.opacities()):
            if alpha:
                amounts[color] = amounts.get(color, 0) + 1
    if len(amounts) <= count:
        return sorted(amounts)
    boxes = [_box(list(amounts), amounts)]
    while len(boxes) < count:
        colors, axis = heapq.heappop(boxes)[2:]
        colors.sort(key=lambda color: color[axis])
        middle = len(colors) // 2
        for half in colors[:middle], colors[middle:]:
            heapq.heappush(boxes, _box(half, amounts))
    return sorted({_mean(box[2], amounts) for box in boxes})


def _box(colors, amounts):
    """What is divided first comes first: (order, first color, colors, longest axis)."""
    ranges = [max(values) - min(values) for values in zip(*colors)]
    axis = ranges.index(max(ranges))
    weight = sum(amounts[color] for color in colors) if len(colors) > 1 else 0
    return -weight * ranges[axis], colors[0], colors, axis


def _mean(colors, amounts):
    total = sum(amounts[color] for color in colors)
    return tuple(sum(color[i] * amounts[color] for color in colors) // total for i in range(3))


# One above the other


def put(below, above, x, y, opacity=1.0, mask=None, linear=True, clip=False):
    """Puts `above` on `below` (which has alpha) at x, y, as the mode Normal does.

    `linear`: colors are mixed in linear light; `clip`: the alpha of `below` stays.
    """
    source = above.cropped(-x, -y, below.width, below.height) if above.alpha is not None else None
    if source is None:
        full = Pixels(above.width, above.height, above.planes, opaque(above.width * above.height))
        source = full.cropped(-x, -y, below.width, below.height)
    cover = None if mask is None else crop(mask, above.width, -x, -y, below.width, below.height)
    shares = _shares(source.alpha, opacity, cover)
    for start in range(0, len(below.alpha), below.width):
        _put_row(below, source, shares, start, linear, clip)


def _shares(alpha, opacity, cover):
    """How much of each pixel shows, from 0 to 1; the bytes themselves where nothing makes them less."""
    if cover is not None:
        return [a * c * opacity / 65025 for a, c in zip(alpha, cover)]
    if opacity == 1.0:
        return alpha
    table = [value * opacity / 255 for value in range(256)]
    return [table[a] for a in alpha]


def _put_row(below, source, shares, start, linear, clip):
    end = start + below.width
    row = shares[start:end]
    if not clip and not any(any(plane[start:end]) for plane in below.all_planes()):
        # there is nothing below: what transparent pixels hide comes along, as in GIMP
        whole = row if shares is source.alpha else bytearray(int(share * 255 + 0.5) for share in row)
        _replace(below, source, start, end, whole)
    elif shares is not source.alpha:
        _mix(below, source, row, start, linear, clip)
    elif not clip and min(row) == 255:
        _replace(below, source, start, end, row)
    elif any(row):
        _mix(below, source, [_PLAIN[share] for share in row], start, linear, clip)


def _replace(below, source, start, end, alpha):
    for plane, other in zip(below.planes, source.planes):
        plane[start:end] = other[start:end]
    below.alpha[start:end] = alpha


def _mix(below, source, row, start, linear, clip):
    """One row, pixel by pixel."""
    value_of, byte_of = (LINEAR, _FINE_GAMMA) if linear else (_PLAIN, _FINE_PLAIN)
    planes = list(zip(below.planes, source.planes))
    alpha = below.alpha
    for at, share in enumerate(row, start):
        under = alpha[at] / 255
        if share == 0:
            continue
        total = under if clip else share + under - share * under
        upper = share if clip else share / total
        for plane, other in planes:
            if plane[at] != other[at]:
                mixed = value_of[other[at]] * upper + value_of[plane[at]] * (1 - upper)
                plane[at] = byte_of[int(mixed * _FINE + 0.5)]
        if not clip:
            alpha[at] = int(total * 255 + 0.5)
