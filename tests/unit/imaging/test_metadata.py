"""What stands beside the pixels: it never decides about them, and it is kept."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin
from PIL.ExifTags import IFD, Base
from support import adobe_rgb

from venice_core.errors import UnreadableImage
from venice_core.imaging import codecs, color_profiles
from venice_core.imaging.arrays import Pixels
from venice_core.imaging.containers import PNG_SIGNATURE, chunk, with_chunks
from venice_core.imaging.metadata import Metadata

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def picture() -> Pixels:
    y, x = np.mgrid[:24, :32]
    return np.stack([x * 7, y * 9, 255 - x * 5], axis=-1).astype(np.uint8)


def saved(pixels: Any, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, file_format, **options)
    return out.getvalue()


def camera_exif(orientation: int = 6) -> bytes:
    """As a camera writes it, with a small picture of what was there."""
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.Make] = "Maker"
    exif[Base.Copyright] = "Somebody"
    exif[Base.XResolution] = exif[Base.YResolution] = 240.0
    exif[Base.ResolutionUnit] = 2
    exif._ifds[IFD.Exif] = {36867: "2025:05:06 07:08:09", 0xA002: 32, 0xA003: 24, 0x927C: b"maker's own"}
    exif._ifds[IFD.GPSInfo] = {1: "N", 2: (50.0, 3.0, 0.0)}
    return exif.tobytes()


# What is broken beside the pixels


def crc_broken(kind: bytes, body: bytes) -> bytes:
    return chunk(kind, body)[:-4] + b"oops"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def riff(*more: bytes) -> bytes:
    """A WebP with these chunks after its pixels."""
    plain = saved(picture(), "WEBP", lossless=True)
    head = b"VP8X" + struct.pack("<I", 10) + bytes((0b101100, 0, 0, 0)) + bytes((31, 0, 0, 23, 0, 0))
    body = b"WEBP" + head + plain[12:] + b"".join(more)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def tiff_with(**tags: tuple[int, Any]) -> bytes:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for name, (kind, value) in tags.items():
        info.tagtype[int(name[1:])] = kind
        info[int(name[1:])] = value
    return saved(picture(), "TIFF", tiffinfo=info)


def avif_without_sense() -> bytes:
    """Its EXIF is overwritten by what is none."""
    data = saved(picture(), "AVIF", quality=100, subsampling="4:4:4", exif=camera_exif(1))
    at = data.index(camera_exif(1)[6:14])
    return data[:at] + b"nonsense" + data[at + 8 :]


def png_with(*chunks: bytes) -> bytes:
    return with_chunks(saved(picture(), "PNG"), *chunks)


def jpeg_with(*segments: bytes) -> bytes:
    plain = saved(picture(), "JPEG", quality=100, subsampling=0)
    return plain[:2] + b"".join(segments) + plain[2:]


BROKEN = {
    "eXIf that is none": png_with(chunk(b"eXIf", b"nonsense that is no EXIF")),
    "eXIf, empty": png_with(chunk(b"eXIf", b"")),
    "eXIf, cut off": png_with(chunk(b"eXIf", camera_exif(1)[6:40])),
    "eXIf that leads beyond its end": png_with(chunk(b"eXIf", b"II*\0\xff\xff\xff\x7f")),
    "zTXt, a bomb": png_with(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))),
    "zTXt, many": png_with(*[chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(999_999)))] * 80),
    "zTXt that is packed by nobody": png_with(chunk(b"zTXt", b"Comment\0\7no")),
    "iTXt without its parts": png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0")),
    "tEXt with a wrong checksum": png_with(crc_broken(b"tEXt", b"Comment\0hello")),
    "iCCP with a wrong checksum": png_with(crc_broken(b"iCCP", b"x\0\0" + zlib.compress(adobe_rgb()))),
    "iCCP, a bomb": png_with(chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(200_000_000)))),
    "iCCP, cut off": png_with(chunk(b"iCCP", b"x\0\0" + zlib.compress(adobe_rgb())[:50])),
    "pHYs, too short": png_with(chunk(b"pHYs", b"\0\0")),
    "pHYs of nothing": png_with(chunk(b"pHYs", struct.pack(">IIB", 0, 0, 1))),
    "gAMA, too short": png_with(chunk(b"gAMA", b"\0")),
    "cHRM, too short": png_with(chunk(b"cHRM", b"\0" * 7)),
    "cHRM of nothing": png_with(chunk(b"cHRM", bytes(32))),
    "cICP, too short": png_with(chunk(b"cICP", b"\1")),
    "acTL, too short": png_with(chunk(b"acTL", b"\0")),
    "fdAT without its frame": png_with(chunk(b"acTL", bytes(8)), chunk(b"fdAT", b"\0\0\0\1xx")),
    "chunks nobody knows": png_with(chunk(b"prVt", b"?" * 99), chunk(b"zzZz", b"")),
    "no end": saved(picture(), "PNG")[:-12],
    "an end that is cut off": saved(picture(), "PNG")[:-5],
    "a chunk after the pixels that is cut off": saved(picture(), "PNG")[:-12] + chunk(b"tEXt", b"a\0b")[:-6],
    "a chunk of absurd length": saved(picture(), "PNG")[:-12] + b"\x7f\xff\xff\xfftEXtshort",
    "what follows the end": saved(picture(), "PNG") + b"trailing" * 99,
    "EXIF in JPEG that is none": jpeg_with(segment(0xE1, b"Exif\0\0nonsense")),
    "EXIF in JPEG, empty": jpeg_with(segment(0xE1, b"Exif\0\0")),
    "JFIF, too short": jpeg_with(segment(0xE0, b"JFIF\0\1")),
    "Adobe, too short": jpeg_with(segment(0xEE, b"Adobe")),
    "MPF that is none": jpeg_with(segment(0xE2, b"MPF\0nonsense")),
    "ICC in JPEG without its parts": jpeg_with(segment(0xE2, b"ICC_PROFILE\0\1")),
    "ICC in JPEG, nonsense": jpeg_with(segment(0xE2, b"ICC_PROFILE\0\1\1nonsense")),
    "Photoshop's, cut off": jpeg_with(segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\x7f\xff\xff\xff")),
    "segments of garbage": jpeg_with(*(segment(0xE0 + n, b"\xff" * 50 * n) for n in range(16) if n != 14)),
    "a comment of bytes": jpeg_with(segment(0xFE, bytes(range(256)))),
    "a segment without a length": jpeg_with(b"\xff\xe5\0\0"),
    "a segment longer than the file": jpeg_with(b"\xff\xe5\xff\xff"),
    "what follows a JPEG": jpeg_with() + b"\0" * 999,
    "EXIF in WebP that is none": riff(riff_chunk(b"EXIF", b"nonsense")),
    "XMP in WebP that is none": riff(riff_chunk(b"XMP ", b"\xff\xfe\0")),
    "ICC in WebP that is none": riff(riff_chunk(b"ICCP", b"nonsense")),
    "chunks in WebP that nobody knows": riff(riff_chunk(b"ZZZZ", b"??")),
    "a chunk in WebP that is cut off": riff(riff_chunk(b"EXIF", b"nonsense")[:-3]),
    "EXIF in TIFF that leads nowhere": tiff_with(t34665=(4, 99_999_999)),
    "EXIF in TIFF that leads to itself": tiff_with(t34665=(4, 8)),
    "GPS in TIFF that leads nowhere": tiff_with(t34853=(4, 4_000_000_000)),
    "ICC in TIFF that is none": tiff_with(t34675=(7, b"nonsense")),
    "XMP in TIFF that is none": tiff_with(t700=(1, b"\xff\xfe\0")),
    "tags in TIFF that nobody knows": tiff_with(t50000=(7, b"?" * 99), t65000=(12, (1.0, 2.0))),
    "resolution in TIFF of nothing": tiff_with(t282=(5, 0.0), t283=(5, 0.0)),
    "EXIF in AVIF that is none": avif_without_sense(),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", BROKEN)
def test_what_stands_beside_the_pixels_does_not_decide_about_them(name: str) -> None:
    found = codecs.decode(BROKEN[name])
    assert found.values.shape == (24, 32, 3)
    tolerance = 6 if found.format in ("JPEG", "AVIF") else 0
    assert np.abs(found.values.astype(int) - picture()).max() <= tolerance
    assert found.profile == b""
    again = codecs.decode(codecs.encode_as(found.values, ".png", found.beside))
    assert np.array_equal(again.values, found.values)


@pytest.mark.parametrize("decoder", ["PIL.Image.open", "PIL.ImageFile.ImageFile.load"])
@pytest.mark.parametrize(
    "raised", [SyntaxError("x"), MemoryError(), RecursionError(), RuntimeError(), zlib.error()]
)
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "AVIF"])
def test_what_one_decoder_cannot_read_another_does(
    monkeypatch: pytest.MonkeyPatch, file_format: str, raised: Exception, decoder: str
) -> None:
    data = saved(picture(), file_format)
    expected = codecs.decode(data).pixels

    def fail(*_: Any, **__: Any) -> None:
        raise raised

    monkeypatch.setattr(decoder, fail)
    if file_format in ("BMP", "GIF") and decoder.endswith("open"):
        with pytest.raises(UnreadableImage):  # their size cannot be known beforehand
            codecs.decode(data)
        return
    found = codecs.decode(data).pixels
    assert np.abs(found.astype(int) - expected).max() <= 3, "RGB, not BGR"


@pytest.mark.parametrize(
    "raised", [SyntaxError, MemoryError, RecursionError, struct.error, zlib.error, OSError]
)
def test_whatever_decoders_raise_is_one_error_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, raised: type[Exception]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise raised("cannot identify image file <_io.BytesIO object at 0x7f0123456789>")

    monkeypatch.setattr("PIL.Image.open", fail)
    monkeypatch.setattr("cv2.imdecode", fail)
    with pytest.raises(UnreadableImage) as caught:
        codecs.decode(saved(picture(), "PNG"))
    assert caught.value.detail.startswith("a damaged or incomplete PNG file")
    assert "0x" not in caught.value.detail
    assert "object" not in caught.value.detail


# What is kept


def jpeg_of_a_camera(**more: Any) -> bytes:
    return saved(
        picture(), "JPEG", exif=camera_exif(), icc_profile=adobe_rgb(), dpi=(300, 300), xmp=XMP, **more
    )


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_profile_exif_xmp_and_resolution_go_along(source: str, suffix: str) -> None:
    more: dict[str, Any] = {"icc_profile": adobe_rgb(), "exif": camera_exif()}
    if source == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
        data = saved(picture(), "PNG", dpi=(300, 300), pnginfo=info, **more)
    elif source == "TIFF":
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info[700] = XMP
        info[274], info[271], info[33432] = 6, "Maker", "Somebody"
        inner = Image.Exif()
        inner.load(camera_exif())
        for tag in (IFD.Exif, IFD.GPSInfo):
            info[tag] = inner.get_ifd(tag)
        data = saved(picture(), "TIFF", dpi=(300, 300), tiffinfo=info, icc_profile=adobe_rgb())
    else:
        data = saved(picture(), source, xmp=XMP, **({"dpi": (300, 300)} if source == "JPEG" else {}), **more)
    found = codecs.decode(data)
    assert found.extent.width == 24, "it stands upright"
    written = codecs.encode_as(found.values, suffix, found.beside)
    again = Image.open(io.BytesIO(written))
    assert again.size == (24, 32)
    assert again.info["icc_profile"] == adobe_rgb()
    exif = again.getexif()
    assert exif.get(Base.Orientation, 1) == 1, "it is not turned a second time"
    assert (exif[Base.Make], exif[Base.Copyright]) == ("Maker", "Somebody")
    inner = exif.get_ifd(IFD.Exif)
    assert inner[36867] == "2025:05:06 07:08:09"
    assert (inner[0xA002], inner[0xA003]) == (24, 32)
    assert exif.get_ifd(IFD.GPSInfo)[1] == "N"
    dpi = 240 if source == "WEBP" else 300
    assert float(exif[Base.XResolution]) == pytest.approx(dpi, abs=0.01)
    read = codecs.decode(written)
    assert read.beside.dpi == pytest.approx((dpi, dpi), abs=0.01)
    assert read.beside.xmp == XMP.replace(b'tiff:Orientation="6"', b'tiff:Orientation="1"')
    assert read.profile == adobe_rgb()


def test_the_small_picture_of_what_was_there_is_left_out() -> None:
    """It would show what somebody had removed."""
    small = saved(np.full((8, 8, 3), 77, np.uint8), "JPEG")
    ifd0 = struct.pack("<HHHII", 1, 0x0112, 3, 1, 1) + struct.pack("<I", 26)
    ifd1 = (
        struct.pack("<H", 2)
        + struct.pack("<HHII", 0x0201, 4, 1, 56)
        + struct.pack("<HHII", 0x0202, 4, 1, len(small))
    )
    exif = b"Exif\0\0II*\0\x08\0\0\0" + ifd0 + ifd1 + bytes(4) + small
    data = saved(picture(), "JPEG", exif=exif)
    assert small in data
    found = codecs.decode(data)
    assert small not in codecs.encode_as(found.values, ".jpg", found.beside)


def test_resolution_alone_goes_along_where_only_exif_has_room_for_it() -> None:
    found = codecs.decode(saved(picture(), "PNG", dpi=(144, 144)))
    for suffix in (".webp", ".avif", ".jpg", ".bmp", ".tif"):
        again = codecs.decode(codecs.encode_as(found.values, suffix, found.beside))
        assert again.beside.dpi == pytest.approx((144, 144), abs=0.01), suffix


@pytest.mark.parametrize("unit", ["JFIF", "pHYs"])
def test_the_shape_of_pixels_is_no_resolution(unit: str) -> None:
    if unit == "JFIF":
        assert codecs.decode(saved(picture(), "JPEG")).beside.dpi is None
    else:
        data = png_with(chunk(b"pHYs", struct.pack(">IIB", 1, 1, 0)))
        assert codecs.decode(data).beside.dpi is None


def test_comments_go_into_a_file_of_the_same_kind() -> None:
    comment = segment(0xFE, b"by hand")
    found = codecs.decode(jpeg_with(comment, segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\0\0")))
    again = codecs.encode_as(found.values, ".jpg", found.beside)
    assert Image.open(io.BytesIO(again)).info["comment"] == b"by hand"
    assert codecs.decode(again).beside.extras == found.beside.extras
    text = codecs.decode(png_with(chunk(b"tEXt", b"Author\0Somebody")))
    again = codecs.encode_as(text.values, ".png", text.beside)
    assert Image.open(io.BytesIO(again)).info["Author"] == "Somebody"


def test_what_is_too_large_for_others_to_read_is_left_out() -> None:
    found = codecs.decode(BROKEN["zTXt, a bomb"])
    again = codecs.encode_as(found.values, ".png", found.beside)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(again))), picture())


# Several pictures in a file


def animated(file_format: str) -> bytes:
    first, *others = (Image.fromarray(np.roll(picture(), 9 * n, axis=1)) for n in range(3))
    out = io.BytesIO()
    first.save(out, file_format, save_all=True, append_images=others, lossless=True, quality=100)
    return out.getvalue()


@pytest.mark.parametrize("file_format", ["TIFF", "PNG", "WEBP", "GIF", "AVIF", "MPO"])
def test_further_pictures_in_a_file_are_told_of(file_format: str) -> None:
    found = codecs.decode(animated(file_format))
    assert any("first of the file's 3 images" in each for each in found.losses)
    assert np.abs(found.pixels[..., :3].astype(int) - picture()).mean() < 8, "the first one"


def test_a_smaller_copy_within_a_tiff_is_no_further_picture() -> None:
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as writer:
        for size, kind in (((32, 24), 0), ((8, 6), 1)):
            info = TiffImagePlugin.ImageFileDirectory_v2()
            info[254] = kind
            Image.fromarray(picture()).resize(size).save(writer, "TIFF", tiffinfo=info)
            writer.newFrame()
    assert codecs.decode(out.getvalue()).losses == ()


# What a file says of its colors


def test_adobe_rgb_as_cameras_say_it_is_understood_and_written_as_a_profile() -> None:
    exif = Image.Exif()
    exif[Base.Make] = "Maker"
    exif._ifds[IFD.Exif] = {0xA001: 0xFFFF, IFD.Interop: {1: "R03", 2: b"0100"}}
    found = codecs.decode(saved(picture(), "JPEG", exif=exif.tobytes()))
    assert color_profiles.space(found.profile) == "RGB"
    green = color_profiles.to_srgb(np.array([[[150, 200, 150]]], np.uint8), found.profile)[0, 0]
    assert green[0] < 145, "a green of AdobeRGB has less red in sRGB"
    assert np.abs(found.srgb.astype(int) - color_profiles.to_srgb(found.values, adobe_rgb())).max() <= 1
    again = codecs.decode(codecs.encode_as(found.values, ".png", found.beside))
    assert again.profile == found.profile
    converted = codecs.decode(codecs.encode_as(found.srgb, ".png", Metadata(exif=found.beside.exif)))
    assert converted.profile == b"", "what has become sRGB is not called AdobeRGB"


def curve(gamma: float) -> Pixels:
    """What 8-bit values of that exponent are in sRGB."""
    linear = (np.arange(256) / 255) ** gamma
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * encoded).astype(np.uint8)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_an_exponent_in_a_png_is_heeded(gamma: float, gray: bool) -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]
    pixels = ramp if gray else np.dstack([ramp] * 3)
    data = with_chunks(saved(pixels, "PNG"), chunk(b"gAMA", struct.pack(">I", round(100_000 / gamma))))
    found = codecs.decode(data)
    assert np.abs(found.srgb[0, :, 0].astype(int) - curve(gamma)).max() <= 1
    assert np.array_equal(found.values[0, :, 0], ramp[0]), "its own values are kept"
    assert codecs.decode(codecs.encode_as(found.values, ".png", found.beside)).profile == found.profile


PRIMARIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3 = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"gAMA", struct.pack(">I", 45455))],
        [chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"cHRM", struct.pack(">8I", *PRIMARIES))],
        [chunk(b"sRGB", b"\0"), chunk(b"gAMA", struct.pack(">I", 100_000))],
        [chunk(b"cICP", bytes((1, 13, 0, 1))), chunk(b"gAMA", struct.pack(">I", 100_000))],
        [chunk(b"gAMA", struct.pack(">I", 0))],
    ],
)
def test_figures_in_a_png_that_mean_srgb_change_nothing(chunks: list[bytes]) -> None:
    found = codecs.decode(png_with(*chunks))
    assert found.profile == b""
    assert np.array_equal(found.srgb, picture())


@pytest.mark.parametrize(
    "said", [chunk(b"cHRM", struct.pack(">8I", *P3)), chunk(b"cICP", bytes((12, 13, 0, 1)))]
)
def test_primaries_in_a_png_are_heeded(said: bytes) -> None:
    found = codecs.decode(png_with(said))
    red = color_profiles.to_srgb(np.array([[[230, 60, 60]]], np.uint8), found.profile)[0, 0]
    assert red[0] > 240, "a red of P3 is redder in sRGB"
    assert red[1] < 60


def test_a_profile_comes_before_figures() -> None:
    packed = chunk(b"iCCP", b"x\0\0" + zlib.compress(adobe_rgb()))
    assert codecs.decode(png_with(packed, chunk(b"gAMA", struct.pack(">I", 100_000)))).profile == adobe_rgb()


@pytest.mark.parametrize("transfer", [16, 18])
def test_light_beyond_white_is_known(transfer: int) -> None:
    assert codecs.decode(png_with(chunk(b"cICP", bytes((9, transfer, 0, 1))))).high_range
    assert not codecs.decode(png_with()).high_range


def test_a_png_signature_alone_is_broken() -> None:
    with pytest.raises(UnreadableImage, match="damaged or incomplete PNG"):
        codecs.decode(PNG_SIGNATURE)


def test_lossless_webp_keeps_the_colors_of_what_is_transparent() -> None:
    clear = np.dstack([picture(), np.zeros((24, 32), np.uint8)])
    assert np.array_equal(codecs.decode(codecs.encode_as(clear, ".webp")).values, clear)


def test_the_profile_that_littlecms_makes_is_written_back_although_it_is_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = codecs.decode(saved(picture(), "PNG", icc_profile=profile))
    assert (found.profile, found.beside.icc) == (b"", profile)
