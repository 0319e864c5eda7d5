"""The pictures of the benchmark: photographs that come with scikit-image, and pictures without texture.

All are uint8 RGB of shape (height, width, 3).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from venice_core.imaging.arrays import Pixels

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "coffee": "coffee.png",
    "chelsea": "chelsea.png",
    "rocket": "rocket.jpg",
    "motorcycle": "motorcycle_left.png",
    "retina": "retina.jpg",
    "hubble": "hubble_deep_field.jpg",
    "ihc": "ihc.png",
}
TEXTURELESS = ("sky", "wall", "gradient")
SMOOTH_SIZE = (480, 640)  # rows, columns


@cache
def picture(name: str) -> Pixels:
    """A photograph, or one of the textureless pictures. Raises KeyError for any other name."""
    pixels = _TEXTURELESS[name]() if name in _TEXTURELESS else _photograph(PHOTOGRAPHS[name])
    pixels.setflags(write=False)
    return pixels


def _photograph(file: str) -> Pixels:
    """From the package's folder, since skimage.data's own functions may want to download."""
    with Image.open(Path(skimage.__file__).parent / "data" / file) as image:
        return np.array(image.convert("RGB"))


def _sky() -> Pixels:
    """Brighter towards the horizon and a little to the right, with faint noise."""
    down, across = _ramps()
    color = _mix((70, 120, 190), (170, 200, 230), 0.85 * down + 0.15 * across)
    return _levels(color + np.random.default_rng(1).normal(0.0, 1.0, color.shape))


def _wall() -> Pixels:
    """One paint, lit from the left, with fainter noise."""
    _, across = _ramps()
    color = _mix((204, 196, 181), (192, 184, 170), np.sqrt(across))
    return _levels(color + np.random.default_rng(2).normal(0.0, 0.7, color.shape))


def _gradient() -> Pixels:
    """From corner to corner, without noise: what it has of structure are the steps of 8 bit."""
    down, across = _ramps()
    return _levels(_mix((40, 60, 90), (200, 180, 150), (down + across) / 2))


_TEXTURELESS = {"sky": _sky, "wall": _wall, "gradient": _gradient}


def _ramps() -> tuple[np.ndarray, np.ndarray]:
    rows, columns = SMOOTH_SIZE
    down, across = np.linspace(0.0, 1.0, rows)[:, None], np.linspace(0.0, 1.0, columns)[None, :]
    return np.broadcast_to(down, SMOOTH_SIZE), np.broadcast_to(across, SMOOTH_SIZE)


def _mix(one: tuple[int, ...], other: tuple[int, ...], share: np.ndarray) -> np.ndarray:
    return np.array(one) * (1.0 - share[..., None]) + np.array(other) * share[..., None]


def _levels(color: np.ndarray) -> Pixels:
    return np.clip(np.rint(color), 0, 255).astype(np.uint8)
