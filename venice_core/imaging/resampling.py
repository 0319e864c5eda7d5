"""Pictures at another size or place.

Arrays are of shape (height, width) or (height, width, channels).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Extent
from venice_core.imaging.arrays import Bytes, Floats

MUCH = 16.0
"""What shrinks more is made smaller by area means first: the Gaussian would be as wide as the picture."""
BAND = 512
"""Rows at a time, so that a large picture needs little memory beside itself."""


def resize(array: Bytes, extent: Extent) -> Bytes:
    """Resampled to `extent`: area means where it shrinks, bicubic where it grows.

    RGBA is resampled premultiplied, so that hidden colors do not bleed. The same size is the identity.
    """
    height, width = array.shape[:2]
    if (width, height) == (extent.width, extent.height):
        return array
    shrinks = extent.width < width or extent.height < height
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    target = (extent.width, extent.height)
    if array.ndim == 3 and array.shape[2] == 4:
        alpha = array[..., 3:].astype(np.float32) / 255.0
        whole = np.dstack([array[..., :3] * alpha, alpha * 255.0]).astype(np.float32)
        scaled = np.asarray(cv2.resize(whole, target, interpolation=how))
        share = np.maximum(scaled[..., 3:] / 255.0, 1e-6)
        scaled = np.dstack([scaled[..., :3] / share, scaled[..., 3:]])
        return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(array, target, interpolation=how), np.uint8)


def reduced(picture: Bytes, to_picture: Affine, left: float = 1.0) -> tuple[Bytes, Affine]:
    """A smaller copy of what a map shrinks, by area means as in `resize`, and the map to that copy.

    So a picture seen through a map that only shrinks is the same as one that was resized. `left`: by what
    factor the map to the copy may shrink still.
    """
    extent = Extent.of_shape(picture.shape)
    across, down = (max(1.0, shrunk / left) for shrunk in _shrunk(to_picture))
    size = Extent(max(1, round(extent.width / across)), max(1, round(extent.height / down)))
    return resize(picture, size), to_picture.then(Affine.between(extent, size))


def warp(picture: Bytes, to_picture: Affine, extent: Extent) -> Floats:
    """What `picture` shows through a map from a new picture of size `extent`; float32, 0–255.

    Lanczos of four lobes, after a Gaussian that keeps finer detail than the new picture can hold from
    aliasing. No value lies beyond those around its place in `picture`, so there are no halos. Beyond its
    edges the nearest pixel counts. A map by whole pixels is exact.
    """
    return np.concatenate([band for _, band in warped(picture, to_picture, extent)])


def warped(picture: Bytes, to_picture: Affine, extent: Extent) -> Iterator[tuple[slice, Floats]]:
    """As `warp`, some rows at a time, from the top, so that little memory is needed."""
    if max(_shrunk(to_picture)) > MUCH:
        picture, to_picture = reduced(picture, to_picture, MUCH / 2)
    height, width = picture.shape[:2]
    x, y = round(to_picture.x0), round(to_picture.y0)
    inside = x >= 0 and y >= 0 and x + extent.width <= width and y + extent.height <= height
    exact = inside and to_picture == Affine.shift(x, y)
    if not exact:
        soft, low, high = _prepared(picture, to_picture)
    for top in range(0, extent.height, BAND):
        rows = min(BAND, extent.height - top)
        if exact:
            band = picture[y + top : y + top + rows, x : x + extent.width].astype(np.float32)
        else:
            through, size = Affine.shift(0.0, top).then(to_picture), (extent.width, rows)
            band = _sampled(soft, through, size, cv2.INTER_LANCZOS4)
            np.maximum(band, _sampled(low, through, size, cv2.INTER_NEAREST), out=band)
            np.minimum(band, _sampled(high, through, size, cv2.INTER_NEAREST), out=band)
        yield slice(top, top + rows), band


def _shrunk(to_picture: Affine) -> tuple[float, float]:
    """How many px of the picture become one, along its two sides; at least 1."""
    across, down = math.hypot(to_picture.xx, to_picture.xy), math.hypot(to_picture.yx, to_picture.yy)
    return max(1.0, across), max(1.0, down)


def _prepared(picture: Bytes, to_picture: Affine) -> tuple[Floats, Bytes, Bytes]:
    """The picture, soft along the sides that become shorter, and the least and most around each pixel."""
    soft = picture.astype(np.float32)
    across, down = (0.5 * math.sqrt(shrunk * shrunk - 1.0) for shrunk in _shrunk(to_picture))
    if max(across, down) > 0.0:
        # to OpenCV 0 would mean that it is to choose
        blurred = cv2.GaussianBlur(soft, (0, 0), max(across, 1e-3), sigmaY=max(down, 1e-3))
        soft = np.asarray(blurred, np.float32)
    around = np.ones((3, 3), np.uint8)
    return soft, np.asarray(cv2.erode(picture, around)), np.asarray(cv2.dilate(picture, around))


def _sampled(picture: Floats | Bytes, through: Affine, size: tuple[int, int], how: int) -> npt.NDArray[Any]:
    # OpenCV counts from the centres of pixels
    matrix = Affine.shift(0.5, 0.5).then(through).then(Affine.shift(-0.5, -0.5)).matrix[:2]
    flags = how | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def sampled(field: Floats, to_field: Affine, extent: Extent) -> Floats:
    """What a smooth field shows through a map from a picture of size `extent`: bilinear, float32."""
    return np.asarray(_sampled(field, to_field, (extent.width, extent.height), cv2.INTER_LINEAR), np.float32)
