"""Picture formats: how to recognize them, what to call them, and what they can hold."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from venice_core.imaging import tiff


@dataclass(frozen=True)
class Format:
    """What files of a format can hold."""

    called: str
    """Its name with an article."""
    media_type: str
    longest: int
    """The longest possible side, in px."""
    bits: int = 8
    """Bits per channel, up to; 32 means floats."""
    alpha: bool = True
    lossless: bool = True
    beside: bool = True
    """Whether it can hold a color profile, EXIF and XMP."""
    written: bool = True
    """Whether files of this format are written here, not only read."""

    @property
    def title(self) -> str:
        """`called` as the beginning of a sentence."""
        return self.called[0].upper() + self.called[1:]


FORMATS = {
    "PNG": Format("a PNG file", "image/png", 2**31 - 1, bits=16),
    "JPEG": Format("a JPEG file", "image/jpeg", 65_500, alpha=False, lossless=False),
    "WEBP": Format("a WebP file", "image/webp", 16_383),
    "AVIF": Format("an AVIF file", "image/avif", 65_536, lossless=False),
    "TIFF": Format("a TIFF file", "image/tiff", 2**31 - 1, bits=32),
    "GIF": Format("a GIF file", "image/gif", 65_535, written=False),
    "BMP": Format("a BMP file", "image/bmp", 2**31 - 1, alpha=False, beside=False),
}

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # with 64-bit offsets
    (b"MM\0+", "TIFF"),
)

_CAMERA = "a camera raw file"
_OTHERS = (
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL image"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (rb"8BPS", "a Photoshop file"),
    (rb"gimp xcf", "a GIMP file (XCF)"),
    (rb"v/1\x01", "an OpenEXR image"),
    (rb"#\?(RADIANCE|RGBE)", "a Radiance HDR image"),
    (rb"P[1-7Ff]\s", "a Netpbm image"),
    (rb"qoif", "a QOI image"),
    (rb"DDS ", "a DDS texture"),
    (rb"\0\0[\x01\x02]\0[^\0]\0", "an icon"),
    (rb"\x59\xa6\x6a\x95", "a Sun raster image"),
    (rb"%PDF-", "a PDF document"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript document"),
    (rb"II\xbc", "a JPEG XR image"),
    (rb"II(\*\0.{4}CR|RO|RS|U\0)|MM(OR|\0\*.{4}CR)|FUJIFILMCCD-RAW|FOVb|\0MRM", _CAMERA),
    (rb"PK\x03\x04", "a zip archive (perhaps a Krita or OpenRaster file)"),
    (rb"\x1a\x45\xdf\xa3|RIFF....AVI ", "a video"),
    (
        rb"(\xef\xbb\xbf)?\s*(<\?xml.{,999}?)?(<!--.{,999}?-->\s*|<!DOCTYPE svg.{,999}?>\s*)*<(svg:)?svg\b",
        "an SVG drawing",
    ),
)
_AVIF = {b"avif", b"avis", b"avio", b"MA1B", b"MA1A"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_STILL = {b"mif1", b"mif2", b"msf1", b"miaf", b"mif3"}
_ADVICE = "convert it to PNG, TIFF, or JPEG first"


def sniff(data: bytes) -> str | None:
    """Detect the format of a file from its first bytes.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    str or None
        A key of `FORMATS`, as in Pillow; None for other formats.
    """
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return None if _other(data) else name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return "AVIF" if _is_avif(data) else None


def is_picture(data: bytes) -> bool:
    """Return whether a file is a picture of any known format, supported or not."""
    return sniff(data) is not None or _other(data) is not None


def described(data: bytes) -> str:
    """Describe a file that cannot be read as a picture, and what to do about it.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    str
        The end of a sentence.
    """
    name = sniff(data)
    if name is not None:
        return unread(name)
    if called := _other(data):
        return f"{called}, which cannot be read here: {_ADVICE}"
    if not data:
        return "not an image, but empty"
    text = data[:80].decode("utf-8", "replace")
    shown = "".join(c if c.isprintable() and c != "\ufffd" else "·" for c in text)
    return f"not an image, but {len(data)} bytes that begin with “{shown}”"


def unread(name: str) -> str:
    """Describe a file whose format is supported, but not by this installation.

    Parameters
    ----------
    name : str
        A key of `FORMATS`.

    Returns
    -------
    str
        The end of a sentence.
    """
    return f"{FORMATS[name].called}, which cannot be read here: {_ADVICE}"


def _other(data: bytes) -> str | None:
    """Return the name, with its article, of a format that is not supported."""
    for pattern, name in _OTHERS:
        if re.match(pattern, data[:4096], re.DOTALL):
            return name
    if data[:2] in (b"II", b"MM") and tiff.is_raw(data):
        return _CAMERA
    brands = _brands(data)
    if not brands or _is_avif(data):
        return None
    if brands & _HEIC or b"hvc1" in data[:65536]:
        return "a HEIC image"
    if b"crx " in brands:
        return _CAMERA
    if brands & {b"jxl "}:
        return "a JPEG XL image"
    return "a HEIF image" if brands & _STILL else "a video"


def _is_avif(data: bytes) -> bool:
    """Detect AVIF from the brands, or from the codec if the brands name only the HEIF family."""
    brands = _brands(data)
    if brands & _AVIF:
        return True
    return bool(brands & _STILL) and not brands & _HEIC and b"av01" in data[:65536]


def _brands(data: bytes) -> set[bytes]:
    """Return all brands in the `ftyp` box of a HEIF or MP4 file."""
    if data[4:8] != b"ftyp" or len(data) < 16:
        return set()
    (size,) = struct.unpack(">I", data[:4])
    end = min(size or len(data), len(data), 1024)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
