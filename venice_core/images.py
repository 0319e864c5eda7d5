"""Picture files to pixels and back: the only module that knows file formats.

Pixels are arrays of shape (height, width, channels), uint8, sRGB; channels 3 (RGB) or 4 (RGBA, alpha
not premultiplied).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from venice_core.errors import BrokenFile
from venice_core.geometry import Extent

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 200_000_000
"""What is decoded at most, in px: six times what the largest service limit known allows."""
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is lower; `decode` looks at the size itself

MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}
ANSWER_FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF")

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
)


def sniff(data: bytes) -> str | None:
    """The format by the file's first bytes, as Pillow names it; None where it is no known picture."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return "AVIF"
    return None


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded file. `profile` is its ICC profile where that is not sRGB, else b""."""

    pixels: Pixels
    format: str
    profile: bytes = b""
    warnings: tuple[str, ...] = ()

    @property
    def extent(self) -> Extent:
        return Extent.of_shape(self.pixels.shape)


def decode(
    data: bytes, *, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = ANSWER_FORMATS
) -> Picture:
    """The picture in `data`, in its own colours; its real format counts, not what anyone calls it.

    Raises BrokenFile for anything that is not a whole picture of one of `formats` with at most
    `max_pixels` px; the size is checked before a pixel is decoded.
    """
    name = sniff(data)
    if name is None or name not in formats:
        raise BrokenFile(f"not a picture, but {_describe(data)}")
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=[name])
        if image.width * image.height > max_pixels:
            raise BrokenFile(f"a picture of {image.width} × {image.height} px is too large")
        deep = _bit_depth(data, name) > 8
        image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise BrokenFile(f"a broken {name} file: {error}") from error
    profile = image.info.get("icc_profile") or b""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = np.asarray(image, np.float64)
        scale = 257.0 if image.mode.startswith("I;16") or grey.max(initial=0) > 255 else 1.0
        image = Image.fromarray(np.clip(np.rint(grey / scale), 0, 255).astype(np.uint8), "L")
        deep, profile = True, b""
    notes = ("The file has more than 8 bits a channel; it is handled at 8.",) if deep else ()
    if image.mode in ("CMYK", "LAB", "YCbCr"):
        image, profile = _to_srgb(image, profile), b""
    elif image.mode in ("L", "LA", "1") or (image.mode == "P" and not profile):
        profile = b""  # a grey profile does not fit RGB pixels
    transparent = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    pixels = np.asarray(image.convert("RGBA" if transparent else "RGB"), np.uint8)
    return Picture(pixels, name, b"" if _is_srgb(profile) else profile, notes)


def decode_wide(data: bytes) -> npt.NDArray[np.float32]:
    """A TIFF of 32-bit floats, shape (height, width, 3 or 4), values as in the file. Raises BrokenFile."""
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise BrokenFile(f"a broken TIFF file: {error}") from error
    if found is None or found.dtype != np.float32 or found.ndim != 3 or found.shape[2] not in (3, 4):
        raise BrokenFile(f"not a TIFF of 32-bit floats, but {_describe(data)}")
    order = [2, 1, 0, 3][: found.shape[2]]
    return np.ascontiguousarray(found[..., order], np.float32)


def to_srgb(pixels: Pixels, profile: bytes) -> Pixels:
    """Pixels in the colours of an ICC `profile` (b"": sRGB already) as sRGB; alpha stays."""
    return _convert(pixels, profile, to_srgb=True)


def from_srgb(pixels: Pixels, profile: bytes) -> Pixels:
    """The way back from `to_srgb`."""
    return _convert(pixels, profile, to_srgb=False)


def encode_png(pixels: Pixels, *, profile: bytes = b"") -> bytes:
    """A PNG, quick rather than small (level 1); grey where the array has no channels."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1, icc_profile=profile or None)
    return out.getvalue()


def encode_within(pixels: Pixels, max_bytes: int) -> tuple[bytes, str]:
    """The file to send, and its media type: a PNG if that is smaller than `max_bytes`, else the best JPEG.

    Raises BrokenFile where none is small enough.
    """
    data = encode_png(pixels)
    if len(data) < max_bytes:
        return data, MEDIA_TYPES["PNG"]
    for quality in (98, 95, 92, 88, 82, 75):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=quality, subsampling=0)
        if out.tell() < max_bytes:
            return out.getvalue(), MEDIA_TYPES["JPEG"]
    raise BrokenFile(f"The picture does not fit into a file of {max_bytes // 1_000_000} MB.")


def encode_as(pixels: Pixels, suffix: str, *, profile: bytes = b"") -> bytes:
    """A file of the kind that its name's suffix (".png", ".jpg", …) asks for. Raises BrokenFile."""
    name = Image.registered_extensions().get(suffix.lower())
    if name not in MEDIA_TYPES:
        raise BrokenFile(f"“{suffix}” is no kind of picture that can be written here.")
    image = Image.fromarray(pixels)
    if name == "PNG":
        return encode_png(pixels, profile=profile)
    if name in ("JPEG", "BMP") and pixels.ndim == 3 and pixels.shape[2] == 4:
        if pixels[..., 3].min() < 255:
            raise BrokenFile(f"A {name} file cannot hold transparency: choose .png, .webp or .tiff.")
        image = image.convert("RGB")
    per_format: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True},
    }
    options = per_format.get(name, {})
    out = io.BytesIO()
    image.save(out, name, icc_profile=profile or None, **options)
    return out.getvalue()


def _bit_depth(data: bytes, name: str) -> int:
    return data[24] if name == "PNG" and len(data) > 24 else 8


def _describe(data: bytes) -> str:
    if not data:
        return "nothing"
    text = data[:80].decode("utf-8", "replace")
    shown = "".join(c if c.isprintable() and c != "\ufffd" else "·" for c in text)
    return f"{len(data)} bytes that begin with “{shown}”"


def _is_srgb(profile: bytes) -> bool:
    if not profile:
        return True
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        return True  # broken: it says nothing
    return "srgb" in name.lower()


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    if profile:
        try:
            srgb = ImageCms.createProfile("sRGB")
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that does not fit the pixels says nothing about them
    return image.convert("RGB")


def _convert(pixels: Pixels, profile: bytes, *, to_srgb: bool) -> Pixels:
    if not profile:
        return pixels
    own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    source, target = (own, srgb) if to_srgb else (srgb, own)
    try:
        image = ImageCms.profileToProfile(
            Image.fromarray(np.ascontiguousarray(pixels[..., :3])), source, target
        )
    except ImageCms.PyCMSError:
        return pixels
    if image is None:
        return pixels
    return (
        np.dstack([np.asarray(image, np.uint8), pixels[..., 3:]])
        if pixels.shape[2] == 4
        else np.asarray(image)
    )
