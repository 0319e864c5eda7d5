"""Convert pixels to and from picture files, for a host that can only save and load pictures (GIMP 2.10).

Everywhere else between a front end and the worker pixels are raw: RGBA is 8-bit sRGB, alpha not
premultiplied; coverage is one byte per pixel, linear; wide is RGBA as float32.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import numpy as np

from venice_core.errors import ProtocolError, UnreadableImage
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import arrays, codecs
from venice_core.imaging.compositing import with_alpha


class Kind(str, Enum):
    """What raw pixels are."""

    RGBA = "rgba"
    COVERAGE = "coverage"
    FLOAT_RGBA = "wide"


_PIXEL_BYTES = {Kind.RGBA: 4, Kind.COVERAGE: 1}


def to_raw(picture: Path, raw: Path, extent: Extent, kind: Kind) -> None:
    """Convert a PNG, or for wide pixels a TIFF of 32-bit floats, to raw pixels without color conversion.

    Coverage is the alpha of the picture, or its gray if it has none. Raises BadInput if it is not a picture
    of that kind and size.
    """
    try:
        data = picture.read_bytes()
        pixels = codecs.decode_wide(data) if kind is Kind.FLOAT_RGBA else _decode(data, extent)
    except (OSError, UnreadableImage) as error:
        raise ProtocolError(f"“{picture.name}” cannot be read: {error}") from error
    if Extent.of_shape(pixels.shape) != extent:
        raise ProtocolError(f"“{picture.name}” is {Extent.of_shape(pixels.shape)}, not {extent}.")
    wanted = pixels[..., -1] if kind is Kind.COVERAGE else with_alpha(pixels)
    raw.write_bytes(np.ascontiguousarray(wanted).tobytes())


def to_picture(raw: Path, picture: Path, extent: Extent, kind: Kind, alpha: Path | None = None) -> None:
    """Convert RGBA or coverage to a PNG; `alpha` is coverage that replaces the alpha of RGBA.

    Coverage becomes the alpha of a black picture, because alpha is what GIMP never converts, whatever the
    precision and profile of the image. Raises BadInput if a file is missing or has the wrong size.
    """
    pixels = _read(raw, extent, kind)
    if alpha is not None:
        pixels[..., 3] = _read(alpha, extent, Kind.COVERAGE)[..., 0]
    if kind is Kind.COVERAGE:
        pixels = np.dstack([np.zeros_like(pixels), pixels])
    picture.write_bytes(codecs.encode_png(pixels))


def _decode(data: bytes, extent: Extent) -> arrays.Pixels:
    return codecs.decode(data, max_pixels=extent.pixels, formats=("PNG",)).pixels


def _read(path: Path, extent: Extent, kind: Kind) -> arrays.Pixels:
    if kind not in _PIXEL_BYTES:
        raise ProtocolError("Wide pixels cannot be made a picture.")
    try:
        data = np.fromfile(path, np.uint8)
        return data.reshape(extent.height, extent.width, _PIXEL_BYTES[kind])
    except (OSError, ValueError) as error:
        raise ProtocolError(f"“{path.name}” does not hold {extent} of {kind.value}.") from error
