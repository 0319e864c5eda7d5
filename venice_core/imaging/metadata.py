"""Metadata of picture files: color profile, EXIF, XMP, resolution, comments.

Metadata is kept if it can be read and ignored otherwise; nothing here raises because of its input.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

Dpi = tuple[float, float]

INCHES = 2
_DESCRIPTIVE = frozenset(
    (270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, 34665, 34853)
) | frozenset(range(40091, 40096))
"""Tags of the first directory that describe the picture rather than the structure of the file."""
_XMP_TURNED = re.compile(rb"(tiff:Orientation(?:=[\"']|>))[2-8]")
MAX_EXIF = 65_000
"""In bytes, for EXIF and for XMP: what every format can hold."""


@dataclass(frozen=True)
class Metadata:
    """The metadata of a picture file."""

    icc: bytes = b""
    exif: bytes = b""
    """Without the "Exif" prefix of JPEG files."""
    xmp: bytes = b""
    dpi: Dpi | None = None
    """Pixels per inch, across and down."""
    orientation: int = 1
    """As numbered by EXIF."""
    extras: tuple[bytes, ...] = field(default=(), repr=False)
    """Unparsed comments and captions, which only a file of format `kind` can hold."""
    kind: str = ""

    @classmethod
    def of(cls, *, exif: bytes = b"", dpi: Dpi | None = None, **others: Any) -> Metadata:
        """Create metadata, with orientation and resolution from EXIF unless they are given."""
        tags = load_exif(exif)
        if tags is None:
            return cls(dpi=dpi, **others)
        found = descriptive_tags(tags, Base.Orientation)
        others.setdefault("orientation", _whole(found.get(Base.Orientation), 1))
        return cls(exif=exif.removeprefix(b"Exif\0\0"), dpi=dpi or _dpi(found), **others)

    @property
    def is_adobe_rgb(self) -> bool:
        """Whether EXIF declares Adobe RGB the way cameras do (DCF, 4.6)."""
        tags = load_exif(self.exif)
        return tags is not None and str(_within(tags, IFD.Interop).get(1, "")).startswith("R03")

    def written(self, width: int, height: int, *, in_exif: bool) -> Metadata:
        """Return the metadata for an upright picture of a given size.

        The EXIF thumbnail is dropped because it shows the old picture.

        Parameters
        ----------
        width, height : int
            The size of the picture, in px.
        in_exif : bool
            Whether EXIF is the only place for the resolution.
        """
        xmp = self.xmp if self.orientation == 1 else _XMP_TURNED.sub(rb"\g<1>1", self.xmp)
        upright = replace(self, orientation=1, xmp=xmp)
        tags = load_exif(self.exif) if self.exif else (Image.Exif() if in_exif and self.dpi else None)
        if tags is None:
            return upright
        try:
            return replace(upright, exif=_exif(tags, width, height, self))
        except Exception:  # whatever of it cannot be written
            return replace(upright, exif=b"")


def load_exif(exif: bytes) -> Image.Exif | None:
    """Parse EXIF; return None if it is empty or cannot be parsed."""
    tags = Image.Exif()
    try:
        tags.load(exif)
    except Exception:  # Pillow raises whatever there is
        return None
    return tags if exif and len(tags) else None


def descriptive_tags(tags: Image.Exif, *further: int) -> dict[int, Any]:
    """Return the entries that describe the picture, including those of nested directories.

    Parameters
    ----------
    tags : PIL.Image.Exif
        Parsed EXIF.
    *further : int
        More tags to return.

    Returns
    -------
    dict
        Values by tag, nested directories as dicts; broken entries are left out.
    """
    found = _readable(tags, _DESCRIPTIVE.union(further))
    for tag in (IFD.Exif, IFD.GPSInfo):
        if tag in found:
            found[tag] = _within(tags, tag)
    inner = found.get(IFD.Exif, {})
    if IFD.Interop in inner:
        inner[IFD.Interop] = _within(tags, IFD.Interop)
    return found


def _within(tags: Image.Exif, directory: int) -> dict[int, Any]:
    try:
        return dict(tags.get_ifd(directory))
    except Exception:  # it may be broken in any way
        return {}


def _readable(tags: Image.Exif, wanted: Iterable[int]) -> dict[int, Any]:
    found = {}
    for tag in set(wanted).intersection(tags):
        with contextlib.suppress(Exception):
            found[tag] = tags[tag]
    return found


def _exif(tags: Image.Exif, width: int, height: int, beside: Metadata) -> bytes:
    kept = Image.Exif()
    kept.endian = tags.endian or "<"
    for tag, value in sorted(descriptive_tags(tags, Base.Orientation).items()):
        kept[tag] = 1 if tag == Base.Orientation else value
    inner = kept.get(IFD.Exif, {})
    inner.update({tag: side for tag, side in ((0xA002, width), (0xA003, height)) if tag in inner})
    if inner and not beside.icc:  # so the values are sRGB
        inner[0xA001] = 1
        inner.pop(IFD.Interop, None)
    if beside.dpi is not None:
        kept[Base.XResolution], kept[Base.YResolution] = beside.dpi
        kept[Base.ResolutionUnit] = INCHES
    return kept.tobytes().removeprefix(b"Exif\0\0") if kept else b""


def _dpi(tags: Mapping[int, Any]) -> Dpi | None:
    unit = tags.get(Base.ResolutionUnit, INCHES)
    return dpi_of(tags.get(Base.XResolution), tags.get(Base.YResolution), unit)


def dpi_of(across: Any, down: Any, unit: Any) -> Dpi | None:
    """Convert a resolution as in EXIF and TIFF to pixels per inch.

    Parameters
    ----------
    across, down : Any
        The two numbers, of whatever type the file has.
    unit : Any
        2 for inches, 3 for centimeters.

    Returns
    -------
    tuple of float or None
        None if they make no sense.
    """
    per_inch = {INCHES: 1.0, 3: 2.54}.get(_whole(unit, 0))
    try:
        dpi = float(across) * (per_inch or 0.0), float(down) * (per_inch or 0.0)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return dpi if all(0 < each < 1e6 for each in dpi) else None


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise
