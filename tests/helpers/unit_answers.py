"""Simulated answers of models: moved, of another size, with another content in a part; the truth is known."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from venice_core.geometry.affine import Affine
from venice_core.geometry.rectangles import Bounds, Extent

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


def extent(picture: npt.NDArray[np.generic]) -> Extent:
    return Extent(picture.shape[1], picture.shape[0])


def opaque(picture: Bytes) -> Bytes:
    """RGB as RGBA."""
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def motion(
    size: Extent, zoom: float = 1.0, degrees: float = 0.0, shift: tuple[float, float] = (0, 0)
) -> Affine:
    """A zoom and a rotation about the middle, and a shift, in px of a picture of that size."""
    cos, sin = zoom * math.cos(math.radians(degrees)), zoom * math.sin(math.radians(degrees))
    middle = Affine.shift(size.width / 2, size.height / 2)
    return middle.inverse.then(Affine(cos, -sin, 0, sin, cos, 0)).then(middle).then(Affine.shift(*shift))


def shown(picture: Bytes, to_answer: Affine, size: Extent) -> Bytes:
    """A picture of that size that shows `picture` through a map, by cubic splines (not as the core does)."""
    back = to_answer.inverse
    source = picture.astype(np.float64)
    if back.factor > 1.0:
        sigma = 0.5 * math.sqrt(back.factor**2 - 1.0)
        source = ndimage.gaussian_filter(source, (sigma, sigma, 0))
    y, x = np.mgrid[: size.height, : size.width] + 0.5
    places = back(np.stack([x, y], axis=-1)) - 0.5
    seen = [
        ndimage.map_coordinates(source[..., each], [places[..., 1], places[..., 0]], order=3, mode="nearest")
        for each in range(3)
    ]
    return np.clip(np.rint(np.dstack(seen)), 0, 255).astype(np.uint8)


def replaced(picture: Bytes, where: Bounds, other: Bytes) -> tuple[Bytes, Flags]:
    """The picture with other content there, and where it is still the same."""
    result, same = picture.copy(), np.ones(picture.shape[:2], bool)
    result[where.slices] = cv2.resize(other, (where.width, where.height), interpolation=cv2.INTER_AREA)
    same[where.slices] = False
    return result, same


def middle(size: Extent, share: float = 1 / 3) -> Bounds:
    """The middle of a picture, `share` of its width and height."""
    inner = size.scaled(share)
    left, top = (size.width - inner.width) // 2, (size.height - inner.height) // 2
    return Bounds(left, top, inner.width, inner.height)


def compressed(picture: Bytes, quality: int = 85) -> Bytes:
    """As it is after JPEG."""
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1])


def noisy(picture: Bytes, sigma: float, seed: int = 0) -> Bytes:
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def repainted(picture: Bytes) -> Bytes:
    """In another style: few colors, strokes in the place of detail, another light."""
    painted = cv2.pyrMeanShiftFiltering(picture, 14, 40)
    painted = (painted // 48 * 48 + 24).astype(np.uint8)
    rng = np.random.default_rng(0)
    strokes = cv2.GaussianBlur(rng.normal(0, 60, picture.shape[:2]), (0, 0), sigmaX=6, sigmaY=1.5)
    return np.clip(255 - painted[..., ::-1] * 0.7 + 4 * strokes[..., None], 0, 255).astype(np.uint8)


def off(found: Affine, truth: Affine, size: Extent) -> float:
    """By how many px two maps differ at most, over 9 x 9 points of a picture of that size."""
    x, y = np.meshgrid(np.linspace(0, size.width, 9), np.linspace(0, size.height, 9))
    points = np.stack([x, y], axis=-1)
    return float(np.hypot(*np.moveaxis(found(points) - truth(points), -1, 0)).max())
