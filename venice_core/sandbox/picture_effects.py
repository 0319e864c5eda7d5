"""What the sandbox does to pictures: simple, repeatable, visible, and obviously not AI."""

from __future__ import annotations

import io
import math
from itertools import permutations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter, ImageOps

from venice_core.sandbox.switches import Move, Size, Switches

TINT = (255, 0, 200)  # sRGB; a color photographs hardly hold, for it is the only one left as it is
TINT_STRENGTH = 0.5  # so every gray changes by at least 64 of 255 levels in some channel
_TINTS = (*permutations(TINT), *permutations((255, 0, 100)))  # for the further results of one request
DRIFT_LEVELS = (3, -2, 2)  # of 255, added to R, G, B
DRIFT_BLUR = 0.6  # px, Gaussian
MATTE_SIDE = 360  # px, longest side GrabCut works at

_MIME = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


def plain(picture: Image.Image) -> Image.Image:
    """Return the picture in 8 bits as L, LA, RGB or RGBA: the upper half of 16 bits, palettes resolved."""
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode in ("L", "LA", "RGB", "RGBA"):
        return picture
    return picture.convert("RGBA" if "transparency" in picture.info else "RGB")


def edit(picture: Image.Image, number: int = 0) -> Image.Image:
    """Tint the whole picture halfway to magenta; RGB, without the input's alpha.

    `number` says which of up to twelve results it is, each in another color.
    """
    rgb = picture.convert("RGB")
    return Image.blend(rgb, Image.new("RGB", rgb.size, _TINTS[number]), TINT_STRENGTH)


def edit_through(picture: Image.Image, alpha: Image.Image, number: int = 0) -> Image.Image:
    """Apply `edit` where the mask's alpha is 0, nothing where it is 255, and a mixture in between.

    An alpha of another size is stretched.
    """
    kept = alpha.resize(picture.size, Image.Resampling.BILINEAR)
    return Image.composite(picture.convert("RGB"), edit(picture, number), kept)


def is_mask(picture: Image.Image) -> bool:
    """Return whether a picture is a mask, that is gray (one channel, no alpha) rather than a reference."""
    return picture.mode == "L"


def multi_edit(pictures: list[Image.Image]) -> Image.Image:
    """Apply `edit` where the second picture, if it is a mask, is white, in proportion to its gray.

    Without a mask in second place the whole base is changed. A mask of another size is stretched.
    """
    base = pictures[0].convert("RGB")
    if len(pictures) < 2 or not is_mask(pictures[1]):
        return edit(base)
    mask = pictures[1].resize(base.size, Image.Resampling.BILINEAR)
    return Image.composite(edit(base), base, mask)


def remove_background(picture: Image.Image) -> Image.Image:
    """Return the picture as RGBA, its alpha from GrabCut started 5 % inside the border, with a soft edge."""
    rgb = picture.convert("RGB")
    small = rgb.copy()
    small.thumbnail((MATTE_SIDE, MATTE_SIDE), Image.Resampling.BOX)
    width, height = small.size
    left, top = max(1, round(width * 0.05)), max(1, round(height * 0.05))
    labels = np.zeros((height, width), np.uint8)
    cv2.setRNGSeed(0)  # per thread: the same picture gives the same matte
    cv2.grabCut(
        np.ascontiguousarray(np.asarray(small)[:, :, ::-1]),
        labels,
        (left, top, width - 2 * left, height - 2 * top),
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        3,
        cv2.GC_INIT_WITH_RECT,
    )
    subject = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    matte = Image.fromarray((subject * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    rgb.putalpha(matte.resize(rgb.size, Image.Resampling.BICUBIC))
    return rgb


def opaque(picture: Image.Image) -> Image.Image:
    """Return the picture as RGBA with an alpha of 255: no background was found."""
    result = picture.convert("RGB")
    result.putalpha(255)
    return result


def disturb(picture: Image.Image, switches: Switches) -> Image.Image:
    """Apply `drift`, `blurred`, `move`, `size` and `fit`."""
    if switches.drift:
        picture = _drift(picture)
    if switches.blurred:
        picture = picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 40))
    if switches.move is not None:
        picture = _moved(picture, switches.move)
    if switches.size is not None:
        picture = _resize(picture, switches.size, switches.fit)
    return picture


def _drift(picture: Image.Image) -> Image.Image:
    bands = picture.filter(ImageFilter.GaussianBlur(DRIFT_BLUR)).split()
    if len(bands) < 3:
        return _drift(picture.convert("RGB"))
    shift = [
        band.point([min(max(level + by, 0), 255) for level in range(256)])
        for band, by in zip(bands[:3], DRIFT_LEVELS, strict=True)
    ]
    return Image.merge(picture.mode, [*shift, *bands[3:]])


def _moved(picture: Image.Image, move: Move) -> Image.Image:
    """Move a picture with cubic interpolation at exact places; beyond the edge its pixels repeat.

    OpenCV rounds places to 1/32 px, and Pillow's cubic is off by up to 1/20 px.
    """
    width, height = picture.size
    cosine, sine = math.cos(math.radians(move.degrees)), math.sin(math.radians(move.degrees))
    across = (np.arange(width)[None] + 0.5 - width / 2 - move.x) / move.zoom
    down = (np.arange(height)[:, None] + 0.5 - height / 2 - move.y) / move.zoom
    columns, x_shares = _cubic(cosine * across + sine * down + width / 2 - 0.5, width)
    rows, y_shares = _cubic(cosine * down - sine * across + height / 2 - 0.5, height)
    levels = np.asarray(picture).reshape(height, width, -1)
    total = np.zeros(levels.shape, np.float32)
    for row, y_share in zip(rows, y_shares, strict=True):
        for column, x_share in zip(columns, x_shares, strict=True):
            total += levels[row, column] * (x_share * y_share)[..., None]
    moved = np.clip(np.rint(total), 0, 255).astype(np.uint8)
    return Image.fromarray(moved.reshape(np.asarray(picture).shape))


def _cubic(
    places: npt.NDArray[np.float64], count: int
) -> tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.float32]]]:
    """Return the four pixels of `count` around each place, and their weights; 0.0 is the first's center.

    Catmull-Rom spline (R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981).
    """
    first = np.floor(places).astype(np.int64) - 1
    t = (places - np.floor(places)).astype(np.float32)
    shares = [
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    ]
    return [np.clip(first + number, 0, count - 1) for number in range(4)], shares


def _resize(picture: Image.Image, size: Size, fit: str) -> Image.Image:
    if fit == "crop":
        return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    if fit == "letterbox":
        return ImageOps.pad(picture, size, Image.Resampling.LANCZOS)
    return picture.resize(size, Image.Resampling.LANCZOS)


def encode(picture: Image.Image, file_format: str) -> tuple[bytes, str]:
    """Return the picture's bytes and MIME type; `file_format` is png, jpeg or webp (quality 95)."""
    out = io.BytesIO()
    if file_format == "jpeg":
        picture.convert("RGB").save(out, "JPEG", quality=95, subsampling=0)
    elif file_format == "webp":
        picture.save(out, "WEBP", quality=95)
    else:
        picture.save(out, "PNG", compress_level=1)
    return out.getvalue(), _MIME[file_format]
