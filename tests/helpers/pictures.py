"""Photographs for the tests, and comparisons that keep both pictures when they fail."""

from __future__ import annotations

import io
import itertools
import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import skimage.data
from PIL import Image

Array = npt.NDArray[np.uint8]
PixelSource = tuple[int, int, bytes]

_numbers = itertools.count(1)


def photo(name: str = "coffee", width: int = 600, height: int = 400) -> Array:
    """An RGB photograph that scikit-image ships, at that size."""
    picture = getattr(skimage.data, name)()[..., :3]
    if picture.shape[:2] != (height, width):
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(picture)


def raw(array: Array) -> PixelSource:
    return array.shape[1], array.shape[0], array.tobytes()


def array(pixels: PixelSource, kind: str = "u1") -> npt.NDArray[np.generic]:
    """(height, width, channels) of what `gimp3_inside` returns (GIMP 3); (height, width) of one channel."""
    width, height, data = pixels
    found = np.frombuffer(data, kind).reshape(height, width, -1)
    return found[..., 0] if found.shape[2] == 1 else found


def levels(pixels: PixelSource) -> npt.NDArray[np.float64]:
    """Of "R'G'B'A float": 8-bit sRGB levels, not rounded, 0–255."""
    return np.asarray(array(pixels, "f4"), np.float64) * 255.0


def decoded(data: bytes) -> Array:
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def check_equal(found: Array, expected: Array, what: str, tolerance: float = 0.0) -> None:
    """Fails where any value differs by more than `tolerance`, and keeps both pictures."""
    assert found.shape == expected.shape, f"{what}: {found.shape} is not {expected.shape}"
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    if difference.max(initial=0.0) <= tolerance:
        return
    folder = keep(what, found=found, expected=expected, difference=difference)
    wrong = np.argwhere(difference > tolerance)
    raise AssertionError(
        f"{what}: {len(wrong)} values differ, by up to {difference.max():g}; the first at (row, column) "
        f"{tuple(map(int, wrong[0][:2]))}. Both pictures are in {folder}."
    )


def keep(what: str, **pictures: npt.NDArray[np.generic]) -> Path:
    base = os.environ.get("VENICE_CI_OUT") or tempfile.mkdtemp(prefix="venice-tests-")
    folder = Path(base, f"{next(_numbers):02}-{''.join(c if c.isalnum() else '-' for c in what)}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in pictures.items():
        small = np.clip(np.rint(values.astype(np.float64)), 0, 255).astype(np.uint8)
        if small.ndim == 3 and small.shape[2] == 2:
            small = small[..., 0]
        Image.fromarray(small).save(folder / f"{name}.png")
    return folder
