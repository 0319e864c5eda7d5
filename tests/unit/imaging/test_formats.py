"""What a file is, by its bytes: kinds that are read, and others that are called by their names."""

from __future__ import annotations

import struct

import pytest

from venice_core.errors import UnreadableImage
from venice_core.imaging import codecs, formats


def boxed(major: bytes, *compatible: bytes, then: bytes = b"") -> bytes:
    """The beginning of a file in boxes."""
    body = major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + then + bytes(64)


@pytest.mark.parametrize(
    "data",
    [
        boxed(b"avif", b"mif1", b"miaf"),
        boxed(b"avis", b"msf1"),
        boxed(b"mif1", b"mif1", b"miaf", b"avif"),
        boxed(b"mif1", b"miaf", b"MA1B"),
        boxed(b"miaf", b"avif"),
        boxed(b"msf1", b"avis"),
        boxed(b"mif1", b"miaf", then=b"....infe......av01"),
    ],
)
def test_an_avif_is_known_by_any_of_its_brands(data: bytes) -> None:
    assert formats.sniff(data) == "AVIF"


OTHERS = {
    "HEIC": [
        boxed(b"heic", b"mif1"),
        boxed(b"mif1", b"mif1", b"heic"),
        boxed(b"hevc", b"msf1"),
        boxed(b"heix", b"mif1", b"miaf"),
        boxed(b"mif1", b"miaf", then=b"....infe......hvc1"),
    ],
    "HEIF": [boxed(b"mif1", b"miaf")],
    "JPEG XL": [b"\xff\x0a" + bytes(20), b"\0\0\0\x0cJXL \r\n\x87\n"],
    "JPEG 2000": [b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51" + bytes(20)],
    "Photoshop": [b"8BPS\0\1" + bytes(20)],
    "GIMP file": [b"gimp xcf v011\0"],
    "SVG": [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?>\n<!-- made here -->\n<svg/>",
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD" "x">\n<svg>',
    ],
    "PDF": [b"%PDF-1.7\n"],
    "PostScript": [b"%!PS-Adobe-3.0 EPSF"],
    "OpenEXR": [b"v/1\x01\2\0\0\0"],
    "Radiance": [b"#?RADIANCE\n"],
    "Netpbm": [b"P6\n2 2\n255\n", b"PF\n2 2\n-1.0\n"],
    "raw file": [
        b"II*\0\x10\0\0\0CR\2\0" + bytes(20),
        boxed(b"crx ", b"isom"),
        b"FUJIFILMCCD-RAW 0201",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x18\0\0\0",
    ],
    "video": [boxed(b"isom", b"mp42"), boxed(b"qt  ")],
    "zip": [b"PK\3\4" + bytes(20)],
}


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, each in OTHERS.items() for data in each])
def test_what_is_not_read_is_called_by_its_name_with_what_to_do(name: str, data: bytes) -> None:
    assert formats.sniff(data) is None
    assert formats.is_picture(data)
    with pytest.raises(UnreadableImage) as caught:
        codecs.decode(data)
    assert name in caught.value.detail
    assert "convert it to PNG" in caught.value.detail
    assert "bytes that begin" not in caught.value.detail


def tiff(*entries: tuple[int, int]) -> bytes:
    """A directory of these short numbers."""
    table = b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4)


@pytest.mark.parametrize("mark", [(50706, 1), (254, 1), (262, 32803), (262, 34892)])
def test_a_raw_file_that_is_built_as_a_tiff_is_no_tiff(mark: tuple[int, int]) -> None:
    """Else its preview would be taken for the picture."""
    plain = tiff((256, 160), (257, 120))
    assert formats.sniff(plain) == "TIFF"
    raw = tiff(*sorted([(256, 160), (257, 120), mark]))
    assert formats.sniff(raw) is None
    assert "raw file" in formats.described(raw)


@pytest.mark.parametrize("data", [b"<html><body>no</body>", b"", b'{"error": "no"}', b"\0\0\0\x18ftyp"])
def test_what_is_no_picture_is_none(data: bytes) -> None:
    assert not formats.is_picture(data)
    assert formats.described(data).startswith("not an image, but ")
