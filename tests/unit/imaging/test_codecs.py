"""Picture files to pixels and back."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from support import adobe_rgb

from venice_core.errors import UnreadableImage
from venice_core.geometry.rectangles import Extent
from venice_core.imaging import codecs, color_profiles
from venice_core.imaging.arrays import Pixels
from venice_core.imaging.metadata import Metadata


def saved(picture: Image.Image | Pixels, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(
        out, file_format, **options
    )
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, rows: bytes = b"", *, depth: int = 8, color: int = 2, extra: bytes = b""
) -> bytes:
    """A PNG written by hand; its `rows` need not be there."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def small() -> Pixels:
    y, x = np.mgrid[:24, :32]
    return np.stack([x * 7, y * 9, 255 - x * 5], axis=-1).astype(np.uint8)


# What a file is


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "BMP"])
def test_a_format_is_told_by_its_first_bytes(file_format: str) -> None:
    data = saved(small(), file_format)
    assert codecs.sniff(data) == file_format
    picture = codecs.decode(data)
    assert picture.format == file_format
    assert picture.extent == Extent(32, 24)


@pytest.mark.parametrize("data", [b"", b"<html>", b'{"error":"no"}', b"RIFF1234WAVE", b"\x89PNG", b"\0" * 64])
def test_what_is_no_picture_is_told_and_described(data: bytes) -> None:
    assert codecs.sniff(data) is None
    with pytest.raises(UnreadableImage, match="not an image, but "):
        codecs.decode(data)


def test_a_description_holds_no_control_characters() -> None:
    with pytest.raises(UnreadableImage) as caught:
        codecs.decode(b"\x1b[2J\x00\xff\nhello")
    assert caught.value.detail.isprintable()
    assert "hello" in caught.value.detail


def test_a_format_that_is_not_expected_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="a TIFF file, which cannot be read here"):
        codecs.decode(saved(small(), "TIFF"), formats=("PNG",))


# Limits and damage


def test_the_size_is_checked_before_a_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: Any) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    for side in (20_000, 60_000, 2**31 - 1):
        with pytest.raises(UnreadableImage, match=r"too large|damaged or incomplete PNG|exceeds"):
            codecs.decode(png(side, side))
    with pytest.raises(UnreadableImage, match="too large"):
        codecs.decode(saved(small(), "PNG"), max_pixels=32 * 24 - 1)


def test_a_picture_of_just_the_allowed_size_is_taken() -> None:
    assert codecs.decode(saved(small(), "PNG"), max_pixels=32 * 24).extent == Extent(32, 24)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
def test_a_truncated_file_is_broken(file_format: str, share: float, chelsea: Pixels) -> None:
    data = saved(chelsea, file_format)
    with pytest.raises(UnreadableImage):
        codecs.decode(data[: int(len(data) * share)])


def test_a_png_with_a_wrong_checksum_is_broken() -> None:
    data = bytearray(saved(small(), "PNG"))
    data[data.index(b"IDAT") + 12] ^= 0xFF
    with pytest.raises(UnreadableImage, match="damaged or incomplete PNG"):
        codecs.decode(bytes(data))


SAMPLES = {
    "PNG": saved(small(), "PNG", icc_profile=adobe_rgb()),
    "JPEG": saved(
        small(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    ),
    "WEBP": saved(small(), "WEBP"),
    "GIF": saved(small(), "GIF"),
    "TIFF": saved(small(), "TIFF"),
    "BMP": saved(small(), "BMP"),
}


@settings(max_examples=250)
@given(st.sampled_from(list(SAMPLES)), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6))
def test_a_damaged_file_is_a_picture_or_broken_and_nothing_else(
    file_format: str, damage: list[tuple[float, int]]
) -> None:
    data = bytearray(SAMPLES[file_format])
    for place, value in damage:
        data[int(place * (len(data) - 1))] = value
    try:
        picture = codecs.decode(bytes(data), max_pixels=1_000_000)
        assert picture.srgb.ndim == 3
    except UnreadableImage:
        return
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] in (3, 4)


@settings(max_examples=250)
@given(st.binary(max_size=60))
def test_damaged_exif_does_not_lose_the_picture(exif: bytes) -> None:
    picture = codecs.decode(saved(small(), "JPEG", exif=b"Exif\0\0" + exif))
    assert set(picture.pixels.shape[:2]) == {24, 32}


# Kinds of pixels


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_camera_is_applied(orientation: int) -> None:
    marked = np.zeros((24, 32, 3), np.uint8)
    marked[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = codecs.decode(saved(marked, "PNG", exif=exif))
    turned = orientation >= 5
    assert picture.extent == (Extent(24, 32) if turned else Extent(32, 24))
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert (picture.pixels[corner[orientation]] == 255).all()
    assert (picture.pixels == 255).all(axis=-1).sum() == 64


def test_gray_at_16_bits_is_kept_and_scaled_to_8_for_the_eye() -> None:
    gray = np.linspace(0, 65535, 24 * 32).reshape(24, 32).astype(np.uint16)
    picture = codecs.decode(saved(gray, "PNG"))
    assert np.array_equal(picture.values[..., 0], gray)
    assert np.abs(picture.pixels[..., 0] - gray / 257).max() <= 0.5
    assert picture.losses == ()


def test_dark_gray_at_16_bits_stays_dark() -> None:
    picture = codecs.decode(saved(np.full((24, 32), 200, np.uint16), "PNG"))
    assert (picture.pixels == 1).all()


@pytest.mark.parametrize(("color", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_color_at_16_bits_is_kept(color: int, channels: int) -> None:
    values = np.random.default_rng(1).integers(0, 65536, (3, 5, channels)).astype(np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    picture = codecs.decode(png(5, 3, rows, depth=16, color=color))
    assert picture.values.dtype == np.uint16
    assert np.array_equal(picture.values, values)
    assert picture.losses == ()


@pytest.mark.parametrize(
    ("mode", "channels"), [("L", 3), ("1", 3), ("P", 3), ("RGB", 3), ("LA", 4), ("RGBA", 4)]
)
def test_every_mode_becomes_rgb_or_rgba(mode: str, channels: int) -> None:
    picture = codecs.decode(saved(Image.fromarray(small()).convert(mode), "PNG"))
    assert picture.pixels.shape == (24, 32, channels)
    assert not picture.losses


@pytest.mark.parametrize("transparency", [3, bytes([255, 255, 255, 0])])
def test_a_palette_with_transparency_keeps_it(transparency: int | bytes) -> None:
    indexed = Image.new("P", (4, 2), 3)
    indexed.putpalette([0, 0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90])
    indexed.putpixel((0, 0), 1)
    pixels = codecs.decode(saved(indexed, "PNG", transparency=transparency)).pixels
    assert pixels[0, 0].tolist() == [10, 20, 30, 255]
    assert pixels[1, 1].tolist()[3] == 0


def test_a_transparent_color_of_an_rgb_png_is_transparent() -> None:
    pixels = codecs.decode(saved(Image.new("RGB", (2, 2), (9, 8, 7)), "PNG", transparency=(9, 8, 7))).pixels
    assert (pixels == (9, 8, 7, 0)).all()


@pytest.mark.parametrize("profile", [b"", adobe_rgb()], ids=["plain", "unfitting profile"])
def test_a_cmyk_jpeg_becomes_srgb(profile: bytes, chelsea: Pixels) -> None:
    cmyk = Image.fromarray(chelsea).convert("CMYK")
    picture = codecs.decode(saved(cmyk, "JPEG", quality=98, icc_profile=profile or None))
    assert picture.profile == b""
    assert np.abs(picture.pixels.astype(int) - chelsea).mean() < 6


# Color profiles


def test_a_profile_other_than_srgb_is_kept_and_srgb_is_none() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert codecs.decode(saved(small(), "PNG", icc_profile=srgb)).profile == b""
    assert codecs.decode(saved(small(), "PNG", icc_profile=adobe_rgb())).profile == adobe_rgb()


def test_adobe_rgb_goes_to_srgb_and_back(chelsea: Pixels) -> None:
    profile = adobe_rgb()
    wide = color_profiles.from_srgb(chelsea, profile, gray=False, dtype=np.dtype(np.uint8))  # so inside sRGB
    assert np.abs(wide.astype(int) - chelsea).max() > 8, "the profile does nothing"
    back = color_profiles.from_srgb(
        color_profiles.to_srgb(wide, profile), profile, gray=False, dtype=np.dtype(np.uint8)
    )
    assert np.abs(back.astype(int) - wide).max() <= 2
    green = color_profiles.to_srgb(np.array([[[150, 200, 150]]], np.uint8), profile)[0, 0]
    assert green[0] < 145, "a green of AdobeRGB has less red in sRGB"


def test_alpha_has_no_color() -> None:
    pixels = np.dstack([small(), np.arange(24 * 32).reshape(24, 32).astype(np.uint8)])
    assert np.array_equal(color_profiles.to_srgb(pixels, adobe_rgb())[..., 3], pixels[..., 3])
    assert np.array_equal(color_profiles.to_srgb(pixels, b""), pixels)


def test_a_gray_profile_does_not_color_rgb_pixels() -> None:
    gamma = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (
        codecs.decode(saved(Image.fromarray(small()).convert("L"), "PNG", icc_profile=gamma)).profile == b""
    )


@pytest.mark.parametrize("profile", [b"nonsense", adobe_rgb()[:200]])
def test_a_broken_profile_does_not_lose_the_picture(profile: bytes) -> None:
    picture = codecs.decode(saved(small(), "PNG", icc_profile=profile))
    assert np.array_equal(picture.srgb, small())


# Encoding


def test_a_png_comes_back_equal(astronaut: Pixels) -> None:
    data, media_type = codecs.encode_within(astronaut, 25_000_000)
    assert media_type == "image/png"
    assert np.array_equal(codecs.decode(data).pixels, astronaut)


def test_a_picture_too_large_for_a_png_is_the_best_jpeg_that_fits(astronaut: Pixels) -> None:
    sizes = {}
    for limit in (200_000, 120_000, 60_000):
        data, media_type = codecs.encode_within(astronaut, limit)
        assert media_type == "image/jpeg"
        assert codecs.sniff(data) == "JPEG"
        assert len(data) < limit
        sizes[limit] = len(data)
    assert sizes[200_000] > sizes[120_000] > sizes[60_000]


def test_a_file_must_be_smaller_than_the_limit_not_equal() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    exactly = len(codecs.encode_png(noise))
    assert codecs.encode_within(noise, exactly + 1)[1] == "image/png"
    assert codecs.encode_within(noise, exactly)[1] == "image/jpeg"


def test_what_fits_no_file_is_said() -> None:
    with pytest.raises(UnreadableImage, match="does not fit"):
        codecs.encode_within(small(), 100)


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"])
def test_files_are_written_by_their_suffix(suffix: str) -> None:
    data = codecs.encode_as(small(), suffix)
    picture = codecs.decode(data)
    tolerance = 40 if "jp" in suffix else 0
    assert np.abs(picture.pixels.astype(int) - small()).max() <= tolerance


@pytest.mark.parametrize("suffix", ["", ".xyz", ".pdf", ".mp4"])
def test_an_unknown_suffix_is_refused(suffix: str) -> None:
    with pytest.raises(UnreadableImage, match="not a file format"):
        codecs.encode_as(small(), suffix)


@pytest.mark.parametrize(
    ("suffix", "alpha", "taken"), [(".jpg", 255, True), (".jpg", 254, False), (".png", 0, True)]
)
def test_transparency_is_not_thrown_away(suffix: str, alpha: int, taken: bool) -> None:
    pixels = np.dstack([small(), np.full((24, 32), alpha, np.uint8)])
    if taken:
        assert codecs.encode_as(pixels, suffix)
    else:
        with pytest.raises(UnreadableImage, match="cannot hold transparency"):
            codecs.encode_as(pixels, suffix)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
def test_the_profile_is_written_along(suffix: str) -> None:
    data = codecs.encode_as(small(), suffix, Metadata(adobe_rgb()))
    assert codecs.decode(data).profile == adobe_rgb()
