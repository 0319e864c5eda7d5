# -*- coding: utf-8 -*-
"""The files that the small model of GIMP reads and writes: 8-bit PNG, TIFF of floats; Python 2.7 and 3."""

from __future__ import division

import array
import io
import struct
import sys
import zlib

from memory_pixels import Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # by the color type: gray, RGB, gray with alpha, RGBA
_COLOR_TYPES = {count: kind for kind, count in _CHANNELS.items()}


def read_png(path):
    """Pixels, gray or RGB, with alpha where the file has it. Raises RuntimeError."""
    with io.open(path, "rb") as file:
        data = file.read()
    if not data.startswith(_SIGNATURE):
        raise RuntimeError("'%s' is not a PNG file" % path)
    header, body = None, b""
    for kind, content in _chunks(data):
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", content)
        elif kind == b"IDAT":
            body += content
    width, height, depth, color_type = header[:4]
    if depth != 8 or color_type not in _CHANNELS or header[6]:
        raise RuntimeError("not modelled: a PNG file other than 8-bit gray or RGB, not interlaced")
    channels = _CHANNELS[color_type]
    values = _unfiltered(bytearray(zlib.decompress(body)), width * channels, channels)
    planes = [values[i::channels] for i in range(channels)]
    alpha = planes.pop() if channels in (2, 4) else None
    return Pixels(width, height, planes, alpha)


def _chunks(data):
    at = len(_SIGNATURE)
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += size + 12


def _unfiltered(data, row_size, step):
    """The rows without the byte before each that says how it is filtered."""
    found, above = bytearray(), bytearray(row_size)
    for start in range(0, len(data), row_size + 1):
        row = data[start + 1 : start + 1 + row_size]
        _FILTERS[data[start]](row, above, step)
        found += row
        above = row
    return found


def _none(row, above, step):
    pass


def _sub(row, above, step):
    for i in range(step, len(row)):
        row[i] = (row[i] + row[i - step]) & 255


def _up(row, above, step):
    row[:] = bytearray((a + b) & 255 for a, b in zip(row, above))


def _average(row, above, step):
    for i in range(len(row)):
        left = row[i - step] if i >= step else 0
        row[i] = (row[i] + (left + above[i]) // 2) & 255


def _paeth(row, above, step):
    for i in range(min(step, len(row))):
        row[i] = (row[i] + above[i]) & 255
    for i in range(step, len(row)):
        left, up, corner = row[i - step], above[i], above[i - step]
        to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
        near_above = up if to_up <= to_corner else corner
        near = left if to_left <= to_up and to_left <= to_corner else near_above
        row[i] = (row[i] + near) & 255


_FILTERS = (_none, _sub, _up, _average, _paeth)


def write_png(path, pixels):
    """Gray or RGB, with alpha where there is one."""
    planes = pixels.all_planes()
    values = _interleaved(planes)
    size = pixels.width * len(planes)
    rows = b"".join(b"\0" + bytes(values[at : at + size]) for at in range(0, len(values), size))
    header = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, _COLOR_TYPES[len(planes)], 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")
    with io.open(path, "wb") as file:
        file.write(_SIGNATURE + b"".join(_chunk(kind, content) for kind, content in parts))


def _interleaved(planes):
    values = bytearray(len(planes) * len(planes[0]))
    for i, plane in enumerate(planes):
        values[i :: len(planes)] = plane
    return values


def _chunk(kind, content):
    crc = zlib.crc32(kind + content) & 0xFFFFFFFF
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def write_tiff(path, pixels):
    """RGBA as 32-bit floats, uncompressed, in one strip; alpha is not multiplied in."""
    planes = pixels.planes + [pixels.opacities()]
    values = array.array("f", [0.0]) * (4 * len(planes[0]))
    share = [value / 255 for value in range(256)]
    for i, plane in enumerate(planes):
        values[i::4] = array.array("f", [share[value] for value in plane])
    data = bytes(values.tostring() if str is bytes else values.tobytes())
    with io.open(path, "wb") as file:
        file.write(_tiff_head(pixels.width, pixels.height, len(data)) + data)


def _tiff_head(width, height, size):
    """What comes before the pixels, in this machine's byte order."""
    bits = 8 + 2 + 12 * 12 + 4  # where four 16-bit numbers stand, after the entries; and then four more
    entries = [  # number, type (3: 16 bit, 4: 32 bit), count, value
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 4, 4, bits),
        (259, 3, 1, 1),  # not compressed
        (262, 3, 1, 2),  # RGB
        (273, 4, 1, bits + 16),
        (277, 3, 1, 4),  # values per pixel
        (278, 4, 1, height),
        (279, 4, 1, size),
        (284, 3, 1, 1),  # together
        (338, 3, 1, 2),  # alpha, not multiplied in
        (339, 4, 4, bits + 8),
    ]
    order = b"II" if sys.byteorder == "little" else b"MM"
    head = order + struct.pack("=HIH", 42, 8, len(entries))
    for number, kind, count, value in entries:
        head += struct.pack("=HHI", number, 3 if count == 4 else kind, count)
        head += struct.pack("=HH", value, 0) if kind == 3 else struct.pack("=I", value)
    return head + struct.pack("=I", 0) + struct.pack("=8H", 32, 32, 32, 32, 3, 3, 3, 3)
