"""TIFF beyond what Pillow supports: directories, and pixels of more than 8 bits per channel."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

from venice_core.imaging.metadata import INCHES, Dpi, Metadata, descriptive_tags, dpi_of, load_exif

WIDTH, HEIGHT, BITS, PHOTOMETRIC, SAMPLES = 256, 257, 258, 262, 277
SUBFILE, ORIENTATION, PLANAR, PREDICTOR, TILE_WIDTH = 254, 274, 284, 317, 322
EXTRA, SAMPLE_FORMAT, XMP, ICC, LAYERS, DNG = 338, 339, 700, 34675, 37724, 50706
CFA, LINEAR_RAW = 32803, 34892
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
UNSIGNED, FLOAT = 1, 3
PREMULTIPLIED, OPEN = 1, 2
CAPTIONS = (33723, 34377)
_OF_PIXELS = frozenset(
    (254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 317)
) | frozenset((320, 321, 322, 323, 324, 325, 332, 334, 336, 338, 339, 340, 341, 347, *range(512, 533)))
_TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "s", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q"}
_RATIONAL = 5
_MOST_PAGES = 10_000
LARGEST = 2**32 - 2**20
"""In bytes. The offsets of a regular TIFF file cannot reach beyond this."""


@dataclass(frozen=True, eq=False)
class Directory:
    """One of the directories of a TIFF file."""

    data: bytes
    """The whole file."""
    order: str
    """The byte order, as in `struct`."""
    big: bool
    """Whether it is a BigTIFF."""
    at: int
    """The offset of this directory."""
    entries: dict[int, bytes]
    """The unparsed entries, by tag."""
    following: int
    """The offset of the next directory; 0 if there is none."""

    @classmethod
    def first(cls, data: bytes) -> Directory:
        """Read the first directory. Raises KeyError, ValueError or struct.error if there is none."""
        order = {b"II": "<", b"MM": ">"}[data[:2]]
        big = data[2:4] in (b"+\0", b"\0+")
        (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        return cls._read(data, order, big, at)

    @classmethod
    def _read(cls, data: bytes, order: str, big: bool, at: int) -> Directory:
        head, length, link = ("Q", 20, "Q") if big else ("H", 12, "I")
        (count,) = struct.unpack_from(order + head, data, at)
        start = at + struct.calcsize(head)
        end = start + count * length
        if not at or end > len(data):
            raise ValueError("a directory beyond the end of the file")
        entries: dict[int, bytes] = {}
        for place in range(start, end, length):
            (tag,) = struct.unpack_from(order + "H", data, place)
            entries.setdefault(tag, data[place : place + length])
        rest = data[end : end + struct.calcsize(link)]
        (following,) = struct.unpack(order + link, rest) if len(rest) == struct.calcsize(link) else (0,)
        return cls(data, order, big, at, entries, following)

    def values(self, tag: int) -> tuple[Any, ...]:
        """Return the numbers of an entry, or its bytes as a single item; () if there is none."""
        entry = self.entries.get(tag)
        if entry is None:
            return ()
        kind, count = struct.unpack_from(self.order + ("HQ" if self.big else "HI"), entry, 2)
        code = "II" if kind == _RATIONAL else _TYPES.get(kind)
        if code is None:
            return ()
        size = count * struct.calcsize("<" + code)
        inline = entry[12:] if self.big else entry[8:]
        (offset,) = struct.unpack(self.order + ("Q" if self.big else "I"), inline)
        raw = inline[:size] if size <= len(inline) else self.data[offset : offset + size]
        if len(raw) != size:
            return ()
        if code == "s":
            return (raw,)
        found = struct.unpack(f"{self.order}{count * len(code)}{code[0]}", raw)
        if kind != _RATIONAL:
            return found
        return tuple(a / b if b else 0.0 for a, b in zip(found[::2], found[1::2], strict=True))

    def one(self, tag: int, otherwise: int) -> int:
        """Return the whole number in an entry, or `otherwise`."""
        found = self.values(tag)
        return found[0] if found and isinstance(found[0], int) else otherwise

    def bytes_of(self, tag: int) -> bytes:
        found = self.values(tag)
        if found and isinstance(found[0], bytes):
            return found[0]
        return bytes(found) if all(isinstance(each, int) and 0 <= each < 256 for each in found) else b""

    @property
    def size(self) -> tuple[int, int]:
        return self.one(WIDTH, 0), self.one(HEIGHT, 0)

    @property
    def bits(self) -> int:
        return max(self.values(BITS), default=1)

    @property
    def dpi(self) -> Dpi | None:
        across, down = (next(iter(self.values(tag)), None) for tag in (282, 283))
        return dpi_of(across, down, self.one(296, INCHES))

    @property
    def is_raw(self) -> bool:
        """Whether this is a camera raw file, in which the first directory may hold only a preview."""
        camera = self.values(DNG) or self.one(PHOTOMETRIC, 0) in (CFA, LINEAR_RAW)
        return bool(camera) or bool(self.one(SUBFILE, 0) & 1)

    @property
    def losses(self) -> tuple[str, ...]:
        """What of the picture is not in the pixels that are read, in sentences."""
        lost = []
        if LAYERS in self.entries:
            lost.append("Its layers are omitted; only their combined image is used.")
        if len(self.values(EXTRA)) > 1:
            lost.append("Its extra channels are omitted.")
        return tuple(lost)

    @cached_property
    def pages(self) -> int:
        """The number of pictures in the file, not counting masks and reduced copies."""
        count, seen, each = 1, {self.at}, self
        while each.following and each.following not in seen and len(seen) < _MOST_PAGES:
            seen.add(each.following)
            try:
                each = self._read(self.data, self.order, self.big, each.following)
            except (ValueError, struct.error):
                break
            count += not each.one(SUBFILE, 0) & 0b101
        return count

    @property
    def bare(self) -> bytes:
        """The file with this directory only, reduced to what is needed to read the pixels."""
        return self.changed({})

    def changed(self, values: dict[int, int | None]) -> bytes:
        """Return `bare` with some entries replaced by whole numbers; None removes an entry."""
        entry = self.order + ("HHQQ" if self.big else "HHII")
        kept = {tag: self.entries[tag] for tag in self.entries if tag in _OF_PIXELS}
        for tag, value in values.items():
            kept.pop(tag, None)
            if value is not None:
                kept[tag] = struct.pack(entry, tag, 16 if self.big else 4, 1, value)
        table = struct.pack(self.order + ("Q" if self.big else "H"), len(kept))
        table += b"".join(kept[tag] for tag in sorted(kept)) + bytes(8 if self.big else 4)
        place = len(self.data) + len(self.data) % 2
        head = self.data[:8] + struct.pack(self.order + "Q", place) + self.data[16:]
        if not self.big:
            head = self.data[:4] + struct.pack(self.order + "I", place) + self.data[8:]
        return head.ljust(place, b"\0") + table


def is_raw(data: bytes) -> bool:
    """Return whether a TIFF file is a camera raw file."""
    try:
        return Directory.first(data).is_raw
    except (KeyError, ValueError, struct.error):
        return False


def deep(data: bytes) -> npt.NDArray[Any] | None:
    """Decode a TIFF of more than 8 bits per channel.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    ndarray of uint16 or float32, shape (height, width, channels), or None
        Gray, gray and alpha, RGB or RGBA; floats as stored. None if the structure of the file is not
        supported.

    Notes
    -----
    Pillow decompresses the rows, declared to it as bytes, because it does not read such files itself.
    """
    found = Directory.first(data)
    kind = found.one(SAMPLE_FORMAT, UNSIGNED), found.bits
    dtypes = {(UNSIGNED, 16): "u2", (FLOAT, 16): "f2", (FLOAT, 32): "f4", (FLOAT, 64): "f8"}
    samples, photometric = found.one(SAMPLES, 1), found.one(PHOTOMETRIC, BLACK_IS_ZERO)
    even = len(set(found.values(BITS))) == 1 and len(set(found.values(SAMPLE_FORMAT))) <= 1
    contiguous = found.one(PLANAR, 1) == 1 or samples == 1
    colors = 3 if photometric == RGB else 1
    if kind not in dtypes or not even or not contiguous or photometric > RGB or samples < colors:
        return None
    dtype = np.dtype(found.order + dtypes[kind])
    (width, height), step = found.size, samples * dtype.itemsize
    tile = found.one(TILE_WIDTH, 0) or width
    across = -(-width // tile) * tile  # tiles reach beyond the edge
    bare = found.changed(
        {
            WIDTH: across * step,
            TILE_WIDTH: tile * step if found.values(TILE_WIDTH) else None,
            BITS: 8,
            SAMPLES: 1,
            PHOTOMETRIC: BLACK_IS_ZERO,
            **dict.fromkeys((PREDICTOR, SAMPLE_FORMAT, EXTRA, PLANAR)),
        }
    )
    with Image.open(io.BytesIO(bare), formats=["TIFF"]) as image:
        rows = np.asarray(image)
    tiles = rows.reshape(height, across // tile, tile * step)
    whole = _unpredicted(tiles, dtype, samples, found.one(PREDICTOR, 1)).reshape(height, across, samples)
    pixels = whole[:, :width].astype(np.uint16 if dtype.kind == "u" else np.float32)
    return _plain(pixels, colors, photometric, found.values(EXTRA))


def _unpredicted(
    rows: npt.NDArray[np.uint8], dtype: np.dtype[Any], samples: int, predictor: int
) -> npt.NDArray[Any]:
    """Return values from the bytes of rows, undoing the predictor."""
    outer, length = rows.shape[:2], rows.shape[2]
    if predictor == 3:
        summed = np.cumsum(rows.reshape(*outer, -1, samples), axis=2, dtype=np.uint8)
        planes = summed.reshape(*outer, dtype.itemsize, length // dtype.itemsize)  # the highest bytes first
        return np.ascontiguousarray(planes.swapaxes(2, 3)).view(dtype.newbyteorder(">"))
    values = np.ascontiguousarray(rows).view(dtype)
    if predictor == 2 and dtype.kind == "u":
        return np.cumsum(values.reshape(*outer, -1, samples), axis=2, dtype=np.uint16)
    return values


def _plain(
    pixels: npt.NDArray[Any], colors: int, photometric: int, extras: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Drop extra channels, make black 0, and unpremultiply alpha if there is any."""
    white = 65535 if pixels.dtype == np.uint16 else 1.0
    color = white - pixels[..., :1] if photometric == WHITE_IS_ZERO else pixels[..., :colors]
    kind = extras[0] if extras else OPEN  # where nothing is said of it
    if pixels.shape[2] == colors or kind not in (PREMULTIPLIED, OPEN):
        return np.ascontiguousarray(color)
    alpha = pixels[..., colors : colors + 1]
    if kind == PREMULTIPLIED:
        share = np.maximum(alpha.astype(np.float64) / white, 1e-9)
        color = np.where(alpha > 0, color / share, 0)
        color = np.clip(np.rint(color), 0, white) if pixels.dtype == np.uint16 else color
    return np.dstack([color.astype(pixels.dtype), alpha])


def exif_of(image: Image.Image) -> bytes:
    """Return what the directory of an opened TIFF says about the picture, as EXIF."""
    kept = Image.Exif()
    for tag, value in descriptive_tags(image.getexif()).items():
        kept[tag] = value
    return kept.tobytes() if kept else b""


def encode(values: npt.NDArray[Any], beside: Metadata) -> bytes:
    """Encode an uncompressed TIFF with a single strip.

    Parameters
    ----------
    values : ndarray of uint8, uint16 or float32, shape (height, width, 1 to 4)
        Gray, gray and alpha, RGB or RGBA.
    beside : Metadata
        What to store with the pixels.
    """
    try:
        return _encode(values, beside, load_exif(beside.exif))
    except Exception:  # Pillow raises whatever there is for what of EXIF it cannot write
        return _encode(values, beside, None)


def _encode(values: npt.NDArray[Any], beside: Metadata, exif: Image.Exif | None) -> bytes:
    height, width, channels = values.shape
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    for tag, value in descriptive_tags(exif).items() if exif is not None else ():
        directory[tag] = value
    for tag, data in ((ICC, beside.icc), (XMP, beside.xmp)):
        if data:
            directory.tagtype[tag] = 7 if tag == ICC else 1
            directory[tag] = data
    for extra in beside.extras:
        tag = int.from_bytes(extra[:2], "big")
        directory.tagtype[tag] = 7
        directory[tag] = extra[2:]
    if beside.dpi is not None:
        directory[282], directory[283] = beside.dpi
        directory[296] = INCHES
    numbers = {
        WIDTH: width,
        HEIGHT: height,
        BITS: (8 * values.dtype.itemsize,) * channels,
        259: 1,  # unpacked
        PHOTOMETRIC: RGB if channels > 2 else BLACK_IS_ZERO,
        273: 0,  # moved behind the directory when that is written
        SAMPLES: channels,
        278: height,
        279: values.nbytes,
        SAMPLE_FORMAT: (FLOAT if values.dtype.kind == "f" else UNSIGNED,) * channels,
    }
    if channels in (2, 4):
        numbers[EXTRA] = OPEN
    for tag, number in numbers.items():
        directory[tag] = number
    out = io.BytesIO()
    directory.save(out)
    out.write(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return out.getvalue()
