"""Resample pictures to another size or place.

Arrays have shape (height, width) or (height, width, channels).
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
"""A picture that is reduced by more than this is reduced by area means first, or else the Gaussian would
become as wide as the picture."""
BAND = 512
"""Rows processed at once, to limit memory."""


def resize(array: Bytes, extent: Extent) -> Bytes:
    """Resample a picture to another size.

    Parameters
    ----------
    array : Bytes, shape (height, width) or (height, width, channels)
        Any picture. RGBA is resampled premultiplied, so that hidden colors do not bleed.
    extent : Extent
        The new size.

    Returns
    -------
    Bytes
        Area means if either side shrinks, else bicubic; `array` itself if the size is the same.
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
    """Reduce a picture as far as a map shrinks it.

    A picture seen through a map that only shrinks then equals one resampled by `resize`.

    Parameters
    ----------
    picture : Bytes, shape (height, width) or (height, width, channels)
        The picture.
    to_picture : Affine
        A map to coordinates of the picture.
    left : float, optional
        The factor by which the returned map may still shrink.

    Returns
    -------
    smaller : Bytes
        The picture, reduced by area means.
    to_smaller : Affine
        The map to coordinates of the smaller picture.
    """
    extent = Extent.of_shape(picture.shape)
    across, down = (max(1.0, shrunk / left) for shrunk in _shrunk(to_picture))
    size = Extent(max(1, round(extent.width / across)), max(1, round(extent.height / down)))
    return resize(picture, size), to_picture.then(Affine.between(extent, size))


def warp(picture: Bytes, to_picture: Affine, extent: Extent) -> Floats:
    """Resample a picture through an affine map.

    Parameters
    ----------
    picture : Bytes, shape (height, width) or (height, width, channels)
        The picture.
    to_picture : Affine
        Maps coordinates of the new picture to those of `picture`.
    extent : Extent
        The size of the new picture.

    Returns
    -------
    Floats
        The new picture, 0 to 255. Beyond the edges the nearest pixel counts. A map by whole pixels is exact.

    Notes
    -----
    Lanczos interpolation with four lobes, after a Gaussian that prevents detail too fine for the new picture
    from aliasing. Results are limited to the range of the surrounding pixels, so that there are no halos.
    cv2.warpAffine alone does neither.
    """
    return np.concatenate([band for _, band in warped(picture, to_picture, extent)])


def warped(picture: Bytes, to_picture: Affine, extent: Extent) -> Iterator[tuple[slice, Floats]]:
    """Do the same as `warp` in bands of rows from the top, to limit memory.

    Yields
    ------
    tuple of (slice, Floats)
        The rows and their pixels.
    """
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
    """Return how many px of the picture become one along each of its sides; at least 1."""
    across, down = math.hypot(to_picture.xx, to_picture.xy), math.hypot(to_picture.yx, to_picture.yy)
    return max(1.0, across), max(1.0, down)


def _prepared(picture: Bytes, to_picture: Affine) -> tuple[Floats, Bytes, Bytes]:
    """Return the picture, blurred along sides that shrink, and the minimum and maximum around each pixel."""
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
    """Resample a smooth array bilinearly through an affine map.

    Parameters
    ----------
    field : Floats, shape (height, width) or (height, width, channels)
        Values without detail, such as an offset or a mask.
    to_field : Affine
        Maps coordinates of the new array to those of `field`.
    extent : Extent
        The size of the new array.
    """
    return np.asarray(_sampled(field, to_field, (extent.width, extent.height), cv2.INTER_LINEAR), np.float32)
