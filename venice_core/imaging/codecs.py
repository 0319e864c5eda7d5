"""Decode picture files to pixels, and encode pixels.

Pixels have shape (height, width, channels), uint8, sRGB, with 3 channels (RGB) or 4 (RGBA, alpha not
premultiplied). The values stored in a file may have another type and color space; see `Picture`.
"""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, features

from venice_core.errors import UnreadableImage
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import color_profiles, containers, tiff
from venice_core.imaging.arrays import Pixels, Values
from venice_core.imaging.containers import Parts
from venice_core.imaging.formats import FORMATS, described, sniff, unread
from venice_core.imaging.metadata import MAX_EXIF, Metadata
from venice_core.imaging.silenced_libraries import silenced_libraries

log = logging.getLogger(__name__)

MAX_PIXELS = 200_000_000
"""The largest picture that is decoded, in px: six times the largest known limit of a service."""
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is lower; `decode` looks at the size itself

_UPRIGHT: dict[int, Callable[[Values], Values]] = {
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: values[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""How to turn a picture upright, by EXIF orientation."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded file, upright."""

    values: Values
    """As stored, shape (height, width, channels): gray, gray and alpha, RGB or RGBA; uint8, uint16, or
    float32 with 1.0 as white."""
    format: str
    profile: bytes = b""
    """The ICC profile of the values; b"" for sRGB."""
    beside: Metadata = field(default_factory=Metadata)
    """The metadata, including the profile as stored in the file."""
    losses: tuple[str, ...] = ()
    """What of the file is missing here, in sentences."""
    high_range: bool = False
    """Whether its colors extend beyond white."""
    lossy: bool = False
    """Whether its compression only approximates the original values."""

    @property
    def extent(self) -> Extent:
        return Extent.of_shape(self.values.shape)

    @property
    def is_gray(self) -> bool:
        return self.values.shape[2] <= 2

    @property
    def has_alpha(self) -> bool:
        return self.values.shape[2] in (2, 4)

    @property
    def with_color(self) -> Picture:
        """The same as RGB if it is gray without a profile of its own, which would not fit RGB."""
        if not self.is_gray or self.beside.icc:
            return self
        values = [self.values[..., :1]] * 3 + [self.values[..., 1:]]
        return replace(self, values=np.concatenate(values, axis=2))

    @property
    def pixels(self) -> Pixels:
        """The values as they are, in whatever color space: 8-bit RGB or RGBA."""
        return color_profiles.to_srgb(self.values, b"")

    @property
    def srgb(self) -> Pixels:
        """The picture as 8-bit sRGB, RGB or RGBA."""
        return color_profiles.to_srgb(self.values, self.profile)


def decode(
    data: bytes, *, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = tuple(FORMATS)
) -> Picture:
    """Decode a picture file in its own colors.

    Parameters
    ----------
    data : bytes
        The file. Its format is detected from its content.
    max_pixels : int, optional
        The largest allowed picture, in px, checked before decoding.
    formats : tuple of str, optional
        Names of the allowed formats; all of `FORMATS` by default.

    Returns
    -------
    Picture
        The picture with as much of its metadata as can be read.

    Raises
    ------
    UnreadableImage
        If `data` is not a complete picture of an allowed format and size.
    """
    name = sniff(data)
    if name is None or name not in formats:
        raise UnreadableImage(described(data))
    parts = containers.parts(data, name)
    values, losses, converted = _values(parts, name, max_pixels)
    beside, profile = parts.beside, parts.beside.icc
    channels = values.shape[2]
    if converted:
        profile = b""
    elif profile and not color_profiles.fits(profile, channels):
        profile = parts.colors
    elif not profile:
        profile = parts.colors or (
            color_profiles.adobe_rgb(gray=channels <= 2) if beside.is_adobe_rgb else b""
        )
    if profile and not color_profiles.has_way_back(profile):
        values, profile = color_profiles.to_srgb(values, profile), b""
        losses.append("Its color profile works in one direction only, so the result is written in sRGB.")
    turn = _UPRIGHT.get(beside.orientation)
    values = np.ascontiguousarray(turn(values) if turn else values)
    meant = b"" if profile and color_profiles.is_srgb(profile) else profile
    losses += parts.losses
    if parts.frames > 1:
        losses.insert(0, f"Only the first of the file's {parts.frames} images is used.")
    return Picture(
        values, name, meant, replace(beside, icc=profile), tuple(losses), parts.high_range, parts.lossy
    )


def _values(parts: Parts, name: str, max_pixels: int) -> tuple[Values, list[str], bool]:
    """Decode with the first decoder that succeeds; return values, losses, and whether they are now sRGB."""
    for read in (_by_pillow, _by_opencv):
        try:
            with silenced_libraries():
                return read(parts, name, max_pixels)
        except UnreadableImage:
            raise
        except Exception as error:  # a decoder may raise anything; what it says is for the log
            log.info("a %s file could not be read: %r", name, error)
    if name == "AVIF" and not features.check("avif"):
        raise UnreadableImage(unread(name))
    raise UnreadableImage(f"a damaged or incomplete {name} file")


def _by_pillow(parts: Parts, name: str, max_pixels: int) -> tuple[Values, list[str], bool]:
    if parts.size is not None:
        _check_size(*parts.size, max_pixels)
    if name == "TIFF" and parts.bits > 12:
        return _deep_tiff(parts)
    with Image.open(io.BytesIO(parts.bare), formats=[name]) as image:
        _check_size(*image.size, max_pixels)
        losses: list[str] = []
        if parts.bits > 8 and not image.mode.startswith("I;16"):
            if name == "PNG":
                return _by_opencv(parts, name, max_pixels)
            losses.append(f"The file has {parts.bits} bits per channel; the result has 8.")
        image.load()
        if image.mode in ("CMYK", "LAB"):
            losses.append(
                f"The image is in {image.mode.replace('LAB', 'Lab')}; the result is written in RGB."
            )
            return color_profiles.cmyk_to_srgb(image, parts.beside.icc), losses, True
        return _with_clear(_of_mode(image, parts.bits), parts), losses, False


def _deep_tiff(parts: Parts) -> tuple[Values, list[str], bool]:
    values = tiff.deep(parts.bare)
    if values is None:
        raise UnreadableImage(
            f"a TIFF file whose {parts.bits}-bit channels cannot be read here: save it with 8 or 16 "
            "bits per channel, or as floating point"
        )
    beyond = values.dtype.kind == "f" and bool((values > 1.001).any())
    return values, ["Values above 1 are sent as white."] if beyond else [], False


def _of_mode(image: Image.Image, bits: int) -> Values:
    """Return the values of a picture that is gray, RGB, or has a palette."""
    mode = image.mode
    if mode.startswith("I;16"):
        most = 2**bits - 1 if 8 < bits < 16 else 65535
        return np.rint(np.asarray(image)[..., None] * (65535 / most)).astype(np.uint16)
    if mode in ("P", "PA"):
        mode = "RGBA" if mode == "PA" or "transparency" in image.info else "RGB"
    wanted = {"1": "L", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB"}.get(mode, mode)
    if wanted not in ("L", "LA", "RGB", "RGBA"):
        raise UnreadableImage(
            f"an image in a mode ({mode}) that cannot be read here: convert it to RGB first"
        )
    values = np.asarray(image if image.mode == wanted else image.convert(wanted), np.uint8)
    return values[..., None] if values.ndim == 2 else values


def _by_opencv(parts: Parts, name: str, max_pixels: int) -> tuple[Values, list[str], bool]:
    if parts.size is None:
        raise ValueError("of unknown size")
    _check_size(*parts.size, max_pixels)
    found = cv2.imdecode(np.frombuffer(parts.bare, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.shape[:2] != parts.size[::-1]:
        raise ValueError("not read")
    values = found[..., None] if found.ndim == 2 else found[..., [2, 1, 0, 3][: found.shape[2]]]
    deep = values.dtype in (np.uint16, np.float32)
    if not (deep or (values.dtype == np.uint8 and (name != "TIFF" or parts.bits <= 8))):
        raise ValueError("of another kind")
    if name == "PNG" and parts.bare[25] in (0, 4):  # gray, with or without alpha
        values = values[..., [0, 3]] if values.shape[2] == 4 else values[..., :1]
    losses = (
        [] if deep or parts.bits <= 8 else [f"The file has {parts.bits} bits per channel; the result has 8."]
    )
    return _with_clear(values, parts), losses, False


def _with_clear(values: Values, parts: Parts) -> Values:
    """Add alpha if the file declares a single color transparent."""
    if len(parts.clear) != values.shape[2]:
        return values
    white = color_profiles.white(values.dtype)
    scale = 255 / (2**parts.bits - 1) if parts.bits < 8 else 1
    opaque = (values != np.array([round(each * scale) for each in parts.clear])).any(axis=2)
    return np.dstack([values, np.where(opaque, white, 0).astype(values.dtype)])


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise UnreadableImage(f"an image of {width} × {height} px, which is too large")


def decode_wide(data: bytes) -> npt.NDArray[np.float32]:
    """Decode a TIFF of 32-bit floats.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    Floats, shape (height, width, 3 or 4)
        The values as stored.

    Raises
    ------
    UnreadableImage
        If it is anything else.
    """
    values = decode(data, formats=("TIFF",)).values
    if values.dtype != np.float32 or values.shape[2] not in (3, 4):
        raise UnreadableImage("not a TIFF of 32-bit floats")
    return values


def encode_png(pixels: Values, *, beside: Metadata | None = None) -> bytes:
    """Encode a PNG, fast rather than small (level 1).

    Parameters
    ----------
    pixels : Values, shape (height, width) or (height, width, 1 to 4)
        Gray, gray and alpha, RGB or RGBA; uint8 or uint16.
    beside : Metadata, optional
        What to store with the pixels.
    """
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.dtype == np.uint16:
        data = _deep_png(pixels)
    else:
        out = io.BytesIO()
        _image(pixels).save(out, "PNG", compress_level=1)
        data = out.getvalue()
    return containers.with_chunks(data, *containers.beside_png(beside)) if beside else data


def encode_within(pixels: Pixels, max_bytes: int) -> tuple[bytes, str]:
    """Encode a picture to be sent: as PNG if that is small enough, else as the best JPEG that is.

    Parameters
    ----------
    pixels : Pixels, shape (height, width, 3)
        RGB.
    max_bytes : int
        The file must be smaller than this.

    Returns
    -------
    data : bytes
        The file.
    media_type : str
        Its media type.

    Raises
    ------
    UnreadableImage
        If even the smallest JPEG is too large.
    """
    data = encode_png(pixels)
    if len(data) < max_bytes:
        return data, FORMATS["PNG"].media_type
    for quality in (98, 95, 92, 88, 82, 75):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=0)
        if out.tell() < max_bytes:
            return out.getvalue(), FORMATS["JPEG"].media_type
    raise UnreadableImage(f"The image does not fit in a {max_bytes // 1_000_000} MB file.")


def format_of(suffix: str) -> str:
    """Return the name of the format that a file name's suffix asks for.

    Parameters
    ----------
    suffix : str
        Such as ".png" or ".jpg".

    Returns
    -------
    str
        A key of `FORMATS`.

    Raises
    ------
    UnreadableImage
        If files of that kind cannot be written.
    """
    name = Image.registered_extensions().get(suffix.lower())
    if name not in FORMATS:
        raise UnreadableImage(f"“{suffix}” is not a file format that can be written: choose .png or .tiff.")
    if not FORMATS[name].written:
        raise UnreadableImage("GIF files hold at most 256 colors: choose .png, .webp, or .tiff.")
    return name


def encode_as(values: Values, suffix: str, beside: Metadata | None = None) -> bytes:
    """Encode a picture in the format that a file name's suffix asks for.

    Parameters
    ----------
    values : Values, shape (height, width) or (height, width, 1 to 4)
        Gray, gray and alpha, RGB or RGBA; uint8, uint16, or float32 with 1.0 as white. Reduced to the depth
        of the format.
    suffix : str
        Such as ".png" or ".jpg".
    beside : Metadata, optional
        What to store with the pixels, as far as the format allows.

    Raises
    ------
    UnreadableImage
        If files of that kind cannot be written, or cannot hold the picture's transparency.
    """
    name = format_of(suffix)
    values = values[..., None] if values.ndim == 2 else values
    held = FORMATS[name]
    if held.bits < 8 * values.dtype.itemsize:
        values = color_profiles.like(values, np.dtype(np.uint8 if held.bits == 8 else np.uint16))
    if not held.alpha and values.shape[2] in (2, 4):
        if values[..., -1].min() < color_profiles.white(values.dtype):
            raise UnreadableImage(f"{held.title} cannot hold transparency: choose .png, .webp, or .tiff.")
        values = values[..., :-1]
    extent = Extent.of_shape(values.shape)
    along = (beside or Metadata()).written(extent.width, extent.height, in_exif=name in ("WEBP", "AVIF"))
    if along.kind != name:
        along = replace(along, extras=())
    try:
        if name == "PNG":
            return encode_png(values, beside=along)
        if name == "TIFF":
            return tiff.encode(values, along)
        out = io.BytesIO()
        _image(values).save(out, name, **_options(name, along))
    except Exception as error:  # an encoder may raise anything; what it says is for the log
        log.info("a %s file could not be written: %r", name, error)
        raise UnreadableImage(f"{held.title} cannot be written here: choose .png or .tiff.") from error
    return containers.with_segments(out.getvalue(), *along.extras) if name == "JPEG" else out.getvalue()


def _options(name: str, beside: Metadata) -> dict[str, Any]:
    """Return the options for Pillow."""
    per_format: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True, "exact": True},  # the colors of what is transparent, too
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    }
    options = per_format.get(name, {})
    if name in ("JPEG", "BMP") and beside.dpi:
        options["dpi"] = tuple(round(each) for each in beside.dpi)
    if not FORMATS[name].beside:
        return options
    if beside.icc:
        options["icc_profile"] = beside.icc
    if beside.exif and len(beside.exif) <= MAX_EXIF:
        options["exif"] = b"Exif\0\0" + beside.exif
    if beside.xmp and len(beside.xmp) <= MAX_EXIF:
        options["xmp"] = beside.xmp
    return options


def _image(values: Values) -> Image.Image:
    """Return a Pillow image of 8-bit values."""
    mode = ("", "L", "LA", "RGB", "RGBA")[values.shape[2]]
    height, width = values.shape[:2]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(values).tobytes())


def _deep_png(values: Values) -> bytes:
    """Encode a PNG with 16 bits per channel, with the Sub filter in each row, which compresses better."""
    height, width, channels = values.shape
    rows = np.ascontiguousarray(values.astype(">u2")).view(np.uint8).reshape(height, -1)
    differing = rows.copy()
    differing[:, 2 * channels :] -= rows[:, : -2 * channels]
    lines = np.hstack([np.full((height, 1), 1, np.uint8), differing])
    color = (0, 0, 4, 2, 6)[channels]
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((16, color, 0, 0, 0))
    return b"".join(
        (
            containers.PNG_SIGNATURE,
            containers.chunk(b"IHDR", head),
            containers.chunk(b"IDAT", zlib.compress(lines.tobytes(), 1)),
            containers.chunk(b"IEND", b""),
        )
    )
