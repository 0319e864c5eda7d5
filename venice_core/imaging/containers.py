"""Split picture files into the parts that hold pixels and the metadata.

Metadata never affects the pixels, so decoders get a file without it. A malformed file is passed on as it is:
decoders decide whether it contains a picture.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

from venice_core.imaging import color_profiles, tiff
from venice_core.imaging.metadata import INCHES, Dpi, Metadata, dpi_of
from venice_core.imaging.silenced_libraries import silenced_libraries

T = TypeVar("T")

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp"
XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
EXIF_WORDS = b"Exif\0\0"
METER = 0.0254
MAX_PROFILE = 32_000_000
MAX_EXTRAS = 64_000
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)
HEAD = 65_536
"""In bytes: where the boxes of an AVIF are searched for."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a picture file."""

    bare: bytes
    """A file with the pixels only."""
    beside: Metadata
    size: tuple[int, int] | None = None
    """Width and height in px, if the header states them."""
    frames: int = 1
    """The number of pictures in the file."""
    bits: int = 8
    """Bits per channel."""
    clear: tuple[int, ...] = ()
    """The one color that is transparent, for a picture whose only alpha is that."""
    colors: bytes = b""
    """A profile equivalent to what the file states about its colors in numbers."""
    high_range: bool = False
    """Whether its colors extend beyond white."""
    lossy: bool = False
    """Whether its compression only approximates the original values."""
    losses: tuple[str, ...] = ()
    """What is missing in `bare`, in sentences."""


def parts(data: bytes, name: str) -> Parts:
    """Split a picture file.

    Parameters
    ----------
    data : bytes
        The file.
    name : str
        Its format, a key of `venice_core.imaging.formats.FORMATS`.

    Returns
    -------
    Parts
        For a malformed file, `data` itself without metadata.
    """
    take = {"PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "TIFF": _tiff, "AVIF": _avif}.get(name, _plain)
    try:
        return take(data)
    except Exception:  # a file may be built in any way, and what is beside its pixels must not cost them
        return Parts(data, Metadata())


# PNG: chunks, of which those in lower case may be left out


def _png(data: bytes) -> Parts:
    kept, found, extras = [PNG_SIGNATURE], dict[bytes, bytes](), list[bytes]()
    xmp = b""
    for kind, body, whole, sound in _chunks(data):
        if not kind[0] & 0x20:
            kept.append(whole)
        elif not sound:
            continue
        elif kind == b"iTXt" and body.startswith(XMP_KEYWORD + b"\0"):
            xmp = xmp or _itxt(body)
        elif kind == b"tEXt" or (kind == b"iTXt" and body.partition(b"\0")[2][:1] == b"\0"):
            extras.append(whole)
        else:
            found.setdefault(kind, body)
    if kept[1][4:8] != b"IHDR":
        raise ValueError("it does not begin as a PNG")
    width, height, bits, color = struct.unpack_from(">IIBB", kept[1], 8)
    gray, clear = not color & 2, found.get(b"tRNS", b"")
    if clear and color == 3:
        kept.insert(_first(kept, b"IDAT"), chunk(b"tRNS", clear))
    if len(kept[-1]) == 12 + int.from_bytes(kept[-1][:4], "big"):  # else it was cut off in the pixels
        kept.append(chunk(b"IEND", b""))
    colors = _png_colors(found, gray=gray)
    profile = _unpacked(found.get(b"iCCP", b"").partition(b"\0")[2][1:])
    beside = Metadata.of(
        exif=found.get(b"eXIf", b""),
        dpi=_phys(found),
        icc=b"" if colors and b"cICP" in found else profile,
        xmp=xmp,
        extras=_few(extras),
        kind="PNG",
    )
    frames = struct.unpack_from(">I", found[b"acTL"])[0] if len(found.get(b"acTL", b"")) >= 4 else 1
    key = clear if color in (0, 2) and len(clear) == (2 if gray else 6) else b""
    return Parts(
        b"".join(kept),
        beside,
        (width, height),
        frames,
        bits,
        struct.unpack(f">{len(key) // 2}H", key),
        colors,
        color_profiles.is_high_range((found.get(b"cICP", b"") + bytes(2))[1]),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes, bool]]:
    """Yield each chunk before IEND: kind, body, the whole chunk, and whether it is complete and valid."""
    at = len(PNG_SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body, end = data[at + 8 : at + 8 + length], at + 12 + length
        if kind == b"IEND":
            return
        yield kind, body, data[at:end], data[end - 4 : end] == struct.pack(">I", zlib.crc32(kind + body))
        at = end


def chunk(kind: bytes, body: bytes) -> bytes:
    """Build a PNG chunk from its four-letter type and its data."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """Insert chunks into a PNG after its header, where all of them are allowed."""
    head = len(PNG_SIGNATURE) + 25
    return b"".join((png[:head], *chunks, png[head:]))


def beside_png(beside: Metadata) -> tuple[bytes, ...]:
    """Return the PNG chunks that hold metadata."""
    made = []
    if beside.icc:
        made.append(chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(beside.icc)))
    if beside.dpi:
        made.append(chunk(b"pHYs", struct.pack(">IIB", *(round(each / METER) for each in beside.dpi), 1)))
    if beside.exif:
        made.append(chunk(b"eXIf", beside.exif))
    if beside.xmp:
        made.append(chunk(b"iTXt", XMP_KEYWORD + bytes(5) + beside.xmp))
    return (*made, *beside.extras)


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """Insert segments into a JPEG after its first one, which identifies it."""
    head = 4 + int.from_bytes(jpeg[4:6], "big")
    return b"".join((jpeg[:head], *segments, jpeg[head:]))


def _first(chunks: list[bytes], kind: bytes) -> int:
    return next((n for n, each in enumerate(chunks) if each[4:8] == kind), len(chunks))


def _itxt(body: bytes) -> bytes:
    """Return the text of an iTXt chunk, decompressed."""
    _, _, rest = body.partition(b"\0")
    packed, (_, _, text) = rest[:1] == b"\1", rest[2:].partition(b"\0")
    _, _, text = text.partition(b"\0")
    return _unpacked(text) if packed else text


def _unpacked(data: bytes) -> bytes:
    """Decompress; b"" if it is too large or broken."""
    unpack = zlib.decompressobj()
    try:
        found = unpack.decompress(data, MAX_PROFILE)
    except zlib.error:
        return b""
    return found if unpack.eof else b""


def _phys(found: dict[bytes, bytes]) -> Dpi | None:
    body = found.get(b"pHYs", b"")
    if len(body) != 9 or body[8] != 1:
        return None
    across, down = struct.unpack(">II", body[:8])
    return (across * METER, down * METER) if across and down else None


def _png_colors(found: dict[bytes, bytes], *, gray: bool) -> bytes:
    """Return the profile of a PNG in the precedence of its specification: cICP, iCCP, then the others."""
    if len(found.get(b"cICP", b"")) == 4:
        return color_profiles.of_code_points(*found[b"cICP"][:2], gray=gray)
    if b"sRGB" in found or b"iCCP" in found:
        return b""
    (gamma,) = _figures(found, b"gAMA", 1) or (0.0,)
    return color_profiles.of_figures(gamma, _figures(found, b"cHRM", 8), gray=gray)


def _figures(found: dict[bytes, bytes], kind: bytes, count: int) -> tuple[float, ...]:
    """Return `count` numbers of a chunk that stores them times 100,000; () if it has another length."""
    body = found.get(kind, b"")
    return (
        tuple(each / 100_000 for each in struct.unpack(f">{count}I", body)) if len(body) == 4 * count else ()
    )


# JPEG: segments up to the pixels'


def _jpeg(data: bytes) -> Parts:
    kept, size, profiles, extras = [data[:2]], None, dict[int, bytes](), list[bytes]()
    exif = xmp = b""
    dpi: Dpi | None = None
    for marker, body, whole in _segments(data):
        if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14:
            kept.append(whole)
            unit, across, down = struct.unpack_from(">BHH", body, 7)
            per_inch = {1: 1.0, 2: 2.54}.get(unit, 0.0)
            dpi = dpi or ((across * per_inch, down * per_inch) if across * down * per_inch else None)
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            kept.append(whole)
        elif marker == 0xE1 and body.startswith(EXIF_WORDS):
            exif = exif or body
        elif marker == 0xE1 and body.startswith(XMP_NAMESPACE):
            xmp = xmp or body[len(XMP_NAMESPACE) :]
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            profiles.setdefault(body[12], body[14:])
        elif marker == 0xFE or (marker == 0xED and body.startswith(b"Photoshop 3.0\0")):
            extras.append(whole)
        elif not 0xE0 <= marker <= 0xEF:
            kept.append(whole)
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack_from(">HH", body, 1)
                size = width, height
    profile = b"".join(profiles[number] for number in sorted(profiles))
    beside = Metadata.of(exif=exif, dpi=dpi, icc=profile, xmp=xmp, extras=_few(extras), kind="JPEG")
    return Parts(b"".join(kept), beside, size, _opened(data, 1, _frames), lossy=True)


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield marker, body and whole of each segment; the last is the scan with everything after it.

    Bytes between segments are skipped, and so are segments that claim to be longer than the file.
    """
    at = 2
    while True:
        at = data.index(b"\xff", at)
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or not 0xC0 <= marker <= 0xFE:
            at += 1
            continue
        if marker == 0xDA:
            yield marker, b"", data[at:]
            return
        if 0xD0 <= marker <= 0xD9:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(data):
            at += 2
            continue
        yield marker, data[at + 4 : end], data[at:end]
        at = end


# WebP: chunks in a RIFF


def _webp(data: bytes) -> Parts:
    kept, beside, frames, at = list[bytes](), dict[bytes, bytes](), 0, 12
    size = None
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        body, whole = data[at + 8 : at + 8 + length], data[at:end]
        if kind in (b"ICCP", b"EXIF", b"XMP "):
            beside.setdefault(kind, body)
        elif kind in (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"):
            frames += kind == b"ANMF"
            size = size or _webp_size(kind, body)
            if kind == b"VP8X":
                whole = whole[:8] + bytes([body[0] & ~0b101100]) + whole[9:]
            kept.append(whole)
        at = end
    inner = b"WEBP" + b"".join(kept)
    lossy = any(each.startswith(b"VP8 ") for each in kept)
    found = Metadata.of(
        exif=beside.get(b"EXIF", b""), icc=beside.get(b"ICCP", b""), xmp=beside.get(b"XMP ", b"")
    )
    return Parts(b"RIFF" + struct.pack("<I", len(inner)) + inner, found, size, max(1, frames), lossy=lossy)


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int] | None:
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        packed = int.from_bytes(body[1:5], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


# TIFF: directories


def _tiff(data: bytes) -> Parts:
    found = tiff.Directory.first(data)
    profile, xmp = found.bytes_of(tiff.ICC), found.bytes_of(tiff.XMP)
    extras = [tag.to_bytes(2, "big") + found.bytes_of(tag) for tag in tiff.CAPTIONS if tag in found.entries]
    beside = Metadata.of(
        exif=_opened(data, b"", tiff.exif_of),
        dpi=found.dpi,
        icc=profile,
        xmp=xmp,
        orientation=found.one(tiff.ORIENTATION, 1),
        extras=_few(extras),
        kind="TIFF",
    )
    return Parts(found.bare, beside, found.size, found.pages, found.bits, losses=found.losses)


# AVIF: boxes, read by Pillow


def _avif(data: bytes) -> Parts:
    """Split an AVIF. Without an ICC profile its colors are in a `colr` box (ISO/IEC 14496-12, 12.1.5)."""
    renamed = data if data[8:12] in (b"avif", b"avis") else data[:8] + b"avif" + data[12:]
    bare = _EXIF_ITEM.sub(rb"\1none", renamed[:HEAD]) + renamed[HEAD:]
    own = _opened(renamed, Metadata(), _told_by_pillow)
    turned = _opened(bare, 1, lambda image: int(image.getexif().get(0x0112, 1)))
    beside = Metadata(own.icc, own.exif, own.xmp, own.dpi, turned)
    primaries, transfer = _in_box(data, b"colrnclx", ">HH", 0) or (1, 13)
    size = _in_box(data, b"ispe", ">II", 4)
    (bits,) = _in_box(data, b"pixi", ">B", 5) or (8,)
    colors = color_profiles.of_code_points(primaries, transfer, gray=False)
    frames = _opened(bare, 1, _frames)
    high = color_profiles.is_high_range(transfer)
    return Parts(
        bare, beside, (size[0], size[1]) if size else None, frames, bits, (), colors, high, lossy=True
    )


def _in_box(data: bytes, name: bytes, layout: str, skipped: int) -> tuple[int, ...] | None:
    """Return the numbers in the first box of that name near the beginning of the file, or None."""
    at = data.find(name, 0, HEAD)
    place = at + len(name) + skipped
    if at < 0 or len(data) < place + struct.calcsize(layout):
        return None
    return struct.unpack_from(layout, data, place)


# GIF and BMP


def _plain(data: bytes) -> Parts:
    frames = _opened(data, 1, _frames)
    beside = _opened(data, Metadata(), _told_by_pillow)
    return Parts(data, beside, _opened(data, None, lambda image: image.size), frames)


def _told_by_pillow(image: Image.Image) -> Metadata:
    info = image.info
    described = {
        name: info.get(key) or b"" for name, key in (("icc", "icc_profile"), ("exif", "exif"), ("xmp", "xmp"))
    }
    across, down = info.get("dpi", (0, 0))
    return Metadata.of(dpi=dpi_of(across, down, INCHES), **described)


def _frames(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def _few(extras: list[bytes]) -> tuple[bytes, ...]:
    return tuple(extras) if sum(map(len, extras)) <= MAX_EXTRAS else ()


def _opened(data: bytes, otherwise: T, read: Callable[[Image.Image], T]) -> T:
    """Return what `read` finds in the opened file before any pixel is decoded, else `otherwise`."""
    with contextlib.suppress(Exception), silenced_libraries(), Image.open(io.BytesIO(data)) as image:
        return read(image)
    return otherwise
