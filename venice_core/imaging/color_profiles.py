"""ICC color profiles (ICC.1:2022), judged by what they mean for colors, not by their names.

Values have shape (height, width, channels): gray, gray and alpha, RGB or RGBA; uint8, uint16, or float32 from
0 to 1. Alpha is not affected by profiles.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from venice_core.imaging.arrays import Floats, Pixels, Values

GRAY, RGB = "GRAY", "RGB"
SRGB_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
P3_POINTS = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
BT2020_POINTS = (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
"""Chromaticities of white, red, green and blue: x and y of each."""
ADOBE_GAMMA = 2.19921875
SRGB_GAMMA = (0.44, 0.47)
"""An exponent in this range in a PNG means sRGB, for which PNG files state 0.45455."""
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
D50 = np.array((0.9642, 1.0, 0.8249))
_BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_STEPS = 4096
_BAND = 1 << 20
"""How many px are converted at a time."""


# What profiles say


@dataclass(frozen=True, eq=False)
class Shaper:
    """A profile made of one curve per channel and, for RGB, a matrix from linear values to XYZ."""

    curves: tuple[Callable[[Floats], Floats], ...]
    matrix: npt.NDArray[np.float64]

    def linear(self, values: Floats) -> Floats:
        """Return linear sRGB, which may extend beyond 0 to 1, for RGB or gray values."""
        bent = np.stack([curve(values[..., n]) for n, curve in enumerate(self.curves)], axis=-1)
        if len(self.curves) == 1:
            return np.repeat(bent, 3, axis=-1)
        return np.asarray(bent @ (np.linalg.inv(_srgb_matrix()) @ self.matrix).T, np.float32)

    def values(self, linear: Floats) -> Floats:
        """Return values of this profile for linear sRGB: the inverse of `linear`."""
        if len(self.curves) == 1:
            inner = linear @ _srgb_matrix()[1].astype(np.float32)[:, None]
        else:
            inner = linear @ (np.linalg.inv(self.matrix) @ _srgb_matrix()).T.astype(np.float32)
        grid = np.linspace(0, 1, _STEPS * 4 + 1, dtype=np.float32) ** 2  # finer where curves are steep
        return np.stack(
            [
                np.interp(inner[..., n], np.maximum.accumulate(curve(grid)), grid)
                for n, curve in enumerate(self.curves)
            ],
            axis=-1,
        ).astype(np.float32)


@lru_cache(maxsize=8)
def shaper(profile: bytes) -> Shaper | None:
    """Parse a profile that consists of curves and a matrix.

    Parameters
    ----------
    profile : bytes
        An ICC profile.

    Returns
    -------
    Shaper or None
        None if the profile has tables or is broken.
    """
    try:
        tags = _tags(profile)
        if b"A2B0" in tags or profile[12:16] not in _CLASSES or profile[20:24] != b"XYZ ":
            return None
        if space(profile) == GRAY:
            return Shaper((_curve(tags[b"kTRC"]),), np.eye(3))
        curves = tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
        matrix = np.array([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]).T
        np.linalg.inv(matrix)
    except (KeyError, ValueError, struct.error, np.linalg.LinAlgError):
        return None
    return Shaper(curves, matrix)


def space(profile: bytes) -> str:
    """Return the color space to which a profile applies.

    Parameters
    ----------
    profile : bytes
        An ICC profile.

    Returns
    -------
    str
        "RGB", "GRAY", "CMYK" and so on; "" if `profile` is not a profile.
    """
    return profile[16:20].decode("latin-1").strip() if profile[36:40] == b"acsp" else ""


def fits(profile: bytes, channels: int) -> bool:
    """Return whether a profile applies to a picture and can be used.

    Parameters
    ----------
    profile : bytes
        An ICC profile.
    channels : int
        The number of channels of the picture, including alpha.
    """
    wanted = GRAY if channels <= 2 else RGB
    return space(profile) == wanted and (shaper(profile) is not None or _works(profile, there=True))


def has_way_back(profile: bytes) -> bool:
    """Return whether colors can also be converted into the space of a profile.

    Parameters
    ----------
    profile : bytes
        An ICC profile; a scanner's, for example, may work in one direction only.
    """
    return shaper(profile) is not None or _works(profile, there=False)


@lru_cache(maxsize=32)
def is_srgb(profile: bytes) -> bool:
    """Return whether values mean the same as in sRGB.

    Parameters
    ----------
    profile : bytes
        An ICC profile; one for gray is compared to sRGB's grays.

    Returns
    -------
    bool
        True if no color differs by more than 1 level of 255.
    """
    ramp = np.arange(256, dtype=np.uint8)
    if space(profile) == GRAY:
        samples = ramp[None, :, None]
        wanted = np.repeat(samples, 3, axis=-1)
    else:
        steps = np.linspace(0, 255, 9).astype(np.uint8)
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        samples = wanted = np.concatenate([cube, np.repeat(ramp[None, :, None], 3, axis=-1)], axis=1)
    return int(np.abs(to_srgb(samples, profile).astype(int) - wanted).max()) <= 1


# Conversion


def to_srgb(values: Values, profile: bytes) -> Pixels:
    """Convert values to 8-bit sRGB.

    Parameters
    ----------
    values : Values, shape (height, width, 1 to 4)
        Gray or RGB, with or without alpha.
    profile : bytes
        Their ICC profile; see `fits`. b"" if they are sRGB already.

    Returns
    -------
    Pixels, shape (height, width, 3 or 4)
    """
    gray, own = values.shape[2] <= 2, shaper(profile) if profile else None
    color, alpha = (values[..., :1], values[..., 1:]) if gray else (values[..., :3], values[..., 3:])
    if not profile:
        found = eight_bits(color)
        found = np.repeat(found, 3, axis=-1) if gray else found
    elif own is not None and (gray or values.dtype != np.uint8):
        found = _in_bands(color, 3, np.dtype(np.uint8), lambda part: _encoded(own.linear(part)))
    else:
        found = _by_lcms(eight_bits(color), profile, to_srgb=True)
    return np.dstack([found, eight_bits(alpha)]) if alpha.shape[2] else np.ascontiguousarray(found)


def from_srgb(pixels: Pixels, profile: bytes, *, gray: bool, dtype: np.dtype[Any]) -> Values:
    """Convert 8-bit sRGB to values of a profile.

    Parameters
    ----------
    pixels : Pixels, shape (height, width, 3 or 4)
        RGB; alpha is dropped.
    profile : bytes
        An ICC profile that can be converted to; see `has_way_back`. b"" for sRGB.
    gray : bool
        Whether to return gray instead of RGB.
    dtype : dtype
        uint8, uint16 or float32.

    Returns
    -------
    Values, shape (height, width, 1 or 3)
    """
    color = np.ascontiguousarray(pixels[..., :3])
    if not profile and not gray:
        return like(color, dtype)
    own = shaper(profile) if profile else _srgb_gray()
    if own is not None and (gray or dtype != np.uint8):
        channels = 1 if gray else 3
        return _in_bands(color, channels, dtype, lambda part: own.values(_decoded(part)))
    return like(_by_lcms(color, profile, to_srgb=False), dtype)


def like(values: Values, dtype: np.dtype[Any]) -> Values:
    """Convert values to another type: uint8, uint16, or floats with 1.0 as white."""
    if values.dtype == dtype:
        return values
    if values.dtype == np.uint8 and dtype == np.uint16:
        return values.astype(np.uint16) * np.uint16(257)
    if values.dtype == np.uint16 and dtype == np.uint8:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    scale = white(values.dtype)
    floats = np.nan_to_num(np.asarray(values, np.float32), posinf=scale) / np.float32(scale)
    if dtype.kind == "f":
        return floats.astype(dtype)
    return np.rint(np.clip(floats, 0, 1) * np.float32(white(dtype))).astype(dtype)


def eight_bits(values: Values) -> Pixels:
    """Convert values to uint8."""
    return like(values, np.dtype(np.uint8))


def white(dtype: np.dtype[Any]) -> float:
    """Return the value of white or of full opacity in a type."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def _in_bands(
    color: Values, channels: int, dtype: np.dtype[Any], convert: Callable[[Floats], Floats]
) -> Values:
    """Convert some rows at a time, to limit memory; `convert` maps floats from 0 to 1 to such floats."""
    result = np.empty((*color.shape[:2], channels), dtype)
    rows = max(1, _BAND // color.shape[1])
    with np.errstate(all="ignore"):  # a profile's curves may lead anywhere
        for top in range(0, color.shape[0], rows):
            part = like(color[top : top + rows], np.dtype(np.float32))
            result[top : top + rows] = like(convert(np.clip(part, 0, 1)), dtype)
    return result


def _encoded(linear: Floats) -> Floats:
    linear = np.clip(linear, 0, 1)
    curved = 1.055 * np.power(linear, 1 / 2.4, dtype=np.float32) - np.float32(0.055)
    return np.where(linear <= 0.0031308, linear * np.float32(12.92), curved)


def _decoded(values: Floats) -> Floats:
    return _parametric(values, 3, SRGB_CURVE)


def _by_lcms(pixels: Pixels, profile: bytes, *, to_srgb: bool) -> Pixels:
    """Convert with LittleCMS. Raises ValueError if the profile cannot be used for that."""
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        gray = space(profile) == GRAY
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
        source, target = (own, srgb) if to_srgb else (srgb, own)
        mode = "L" if gray and not to_srgb else "RGB"
        found = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except Exception as error:  # whatever a profile makes LittleCMS and Pillow raise
        raise ValueError("the profile does not serve") from error
    if found is None:
        raise ValueError("the profile does not serve")
    values = np.asarray(found, np.uint8)
    return values[..., None] if values.ndim == 2 else values


@lru_cache(maxsize=32)
def _works(profile: bytes, *, there: bool) -> bool:
    channels = 1 if there and space(profile) == GRAY else 3
    try:
        _by_lcms(np.zeros((1, 1, channels), np.uint8), profile, to_srgb=there)
    except ValueError:
        return False
    return True


def cmyk_to_srgb(image: Image.Image, profile: bytes) -> Pixels:
    """Convert a picture in inks, or in another space that is not RGB, to sRGB.

    Parameters
    ----------
    image : PIL.Image.Image
        The picture.
    profile : bytes
        Its ICC profile. Without a suitable one, Pillow's rule of thumb is used.

    Returns
    -------
    Pixels, shape (height, width, 3)
    """
    if profile and space(profile) in ("CMYK", "Lab"):
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            found = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except Exception:  # whatever a profile makes LittleCMS and Pillow raise
            found = None
        if found is not None:
            return np.asarray(found, np.uint8)
    return np.asarray(image.convert("RGB"), np.uint8)


# The parts of a profile


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    found = {}
    for number in range(min(count, 200)):
        tag, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        found[tag] = profile[start : start + size]
    return found


def _xyz(tag: bytes) -> tuple[float, ...]:
    return tuple(each / 65536 for each in struct.unpack_from(">3i", tag, 8))


def _curve(tag: bytes) -> Callable[[Floats], Floats]:
    """Return the function from values to linear values. Raises ValueError if `tag` is not a curve."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        points = np.frombuffer(tag, ">u2", count, 12)
        if count == 0:
            return lambda values: values
        if count == 1:
            gamma = float(points[0]) / 256
            return lambda values: np.power(values, gamma, dtype=np.float32)
        table = points.astype(np.float32) / 65535
        grid = np.linspace(0, 1, count, dtype=np.float32)
        return lambda values: np.interp(values, grid, table).astype(np.float32)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        if kind > 4:
            raise ValueError("no such curve")
        figures = struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)
        return lambda values: _parametric(values, kind, tuple(each / 65536 for each in figures))
    raise ValueError("no curve")


def _parametric(values: Floats, kind: int, figures: Sequence[float]) -> Floats:
    """Apply a parametricCurveType (ICC.1:2022, 10.18)."""
    gamma, a, b, c, d, e, f = (*figures, *(0.0,) * (7 - len(figures)))
    if kind == 0:
        return np.power(values, gamma, dtype=np.float32)
    if kind in (1, 2):  # its third figure is added on both sides
        d, c, e, f = (-b / a if a else 0.0), 0.0, c, c
    curved = np.power(np.maximum(a * values + b, 0), gamma) + e
    return np.clip(np.where(values >= d, curved, c * values + f), 0, 1).astype(np.float32)


@cache
def _srgb_matrix() -> npt.NDArray[np.float64]:
    return _matrix(SRGB_POINTS)


@cache
def _srgb_gray() -> Shaper:
    return Shaper((_decoded,), np.eye(3))


def _matrix(points: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the matrix from linear RGB to XYZ, adapted to D50, for these chromaticities."""
    columns = np.array(
        [(x / y, 1.0, (1 - x - y) / y) for x, y in zip(points[::2], points[1::2], strict=True)]
    )
    light, primaries = columns[0], columns[1:].T
    own = primaries * np.linalg.solve(primaries, light)
    scale = np.diag((_BRADFORD @ D50) / (_BRADFORD @ light))
    return np.asarray(np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD @ own)


# Profiles for what a file says in figures


def adobe_rgb(*, gray: bool) -> bytes:
    """Make a profile for Adobe RGB (1998), or for its grays."""
    return _made(ADOBE_POINTS, _gamma(ADOBE_GAMMA), "Adobe RGB (1998), as EXIF says", gray=gray)


def of_figures(gamma: float, points: Sequence[float], *, gray: bool) -> bytes:
    """Make a profile from the numbers in a PNG.

    Parameters
    ----------
    gamma : float
        The exponent; 0 if there is none.
    points : sequence of float
        Chromaticities as in `SRGB_POINTS`; empty for those of sRGB.
    gray : bool
        Whether the picture is gray.

    Returns
    -------
    bytes
        An ICC profile; b"" if the numbers mean sRGB or make no sense.
    """
    srgb_curve = not gamma or SRGB_GAMMA[0] <= gamma <= SRGB_GAMMA[1]
    ordered = tuple(points) or SRGB_POINTS
    if not srgb_curve and not 0.1 <= gamma <= 10:
        return b""
    if srgb_curve and (gray or np.allclose(ordered, SRGB_POINTS, atol=0.003)):
        return b""
    curve = _para(SRGB_CURVE) if srgb_curve else _gamma(1 / gamma)
    try:
        return _made(ordered, curve, "As the PNG file says in figures", gray=gray)
    except (ArithmeticError, ValueError, struct.error, np.linalg.LinAlgError):
        return b""


def of_code_points(primaries: int, transfer: int, *, gray: bool) -> bytes:
    """Make a profile from code points of ITU-T H.273, as in PNG and AVIF.

    Parameters
    ----------
    primaries, transfer : int
        The code points.
    gray : bool
        Whether the picture is gray.

    Returns
    -------
    bytes
        An ICC profile; b"" if they mean sRGB or are not supported.
    """
    points = {1: SRGB_POINTS, 9: BT2020_POINTS, 11: P3_POINTS, 12: P3_POINTS}.get(primaries, SRGB_POINTS)
    curves = {4: _gamma(2.2), 5: _gamma(2.8), 8: _gamma(1.0)}
    if transfer not in curves and points is SRGB_POINTS:
        return b""
    return _made(points, curves.get(transfer, _para(SRGB_CURVE)), "As the file says in figures", gray=gray)


def is_high_range(transfer: int) -> bool:
    """Return whether a transfer function extends beyond white.

    Parameters
    ----------
    transfer : int
        A code point of ITU-T H.273; PQ and HLG qualify.
    """
    return transfer in (16, 18)


def _gamma(exponent: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, round(exponent * 65536))


def _para(figures: Sequence[float]) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *(round(each * 65536) for each in figures))


def _made(points: Sequence[float], curve: bytes, name: str, *, gray: bool) -> bytes:
    """Build a display profile of version 4."""
    words = name.encode("utf-16-be")
    text = b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(words), 28) + words
    tags = {b"desc": text, b"cprt": text, b"wtpt": _xyz_tag(D50)}
    if gray:
        tags[b"kTRC"] = curve
    else:
        columns = _matrix(points).T
        tags |= {
            name: _xyz_tag(each) for name, each in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
        }
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = struct.pack(">I", len(tags)), b""
    start = 132 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(
        ">I4s4s4s4s", 0x04200000, b"mntr", GRAY.encode() if gray else b"RGB ", b"XYZ ", bytes(4)
    )
    head += struct.pack(">4H", 1, 1, 0, 0) + b"acsp" + bytes(28) + _xyz_tag(D50)[8:] + bytes(48)
    return struct.pack(">I4s", 8 + len(head) + len(table) + len(body), bytes(4)) + head + table + body


def _xyz_tag(values: Sequence[float] | npt.NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(each) * 65536) for each in values))
