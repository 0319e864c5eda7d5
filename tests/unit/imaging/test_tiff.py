"""TIFF files of more than 8 bits a channel, as other programs write them; and as they are written here."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image
from support import adobe_rgb

from venice_core.errors import UnreadableImage
from venice_core.imaging import codecs, tiff
from venice_core.imaging.metadata import Metadata

Values = npt.NDArray[Any]
DEEP = [np.uint16, np.float16, np.float32, np.float64]


def values(dtype: Any, channels: int, *, height: int = 37, width: int = 53) -> Values:
    random = np.random.default_rng(channels)
    if np.dtype(dtype).kind == "f":
        return random.random((height, width, channels)).astype(dtype)
    return random.integers(0, np.iinfo(dtype).max, (height, width, channels), endpoint=True).astype(dtype)


def written(pixels: Values, **options: Any) -> bytes:
    out = io.BytesIO()
    channels = pixels.shape[2]
    alpha = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
    kind = {"photometric": "rgb" if channels > 2 else "minisblack", "planarconfig": "contig"}
    if channels == 1:
        pixels, kind = pixels[..., 0], {"photometric": "minisblack"}
    tifffile.imwrite(out, pixels, **{**kind, **alpha, **options})
    return out.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", DEEP)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"compression": "zlib"},
        {"compression": "zlib", "byteorder": ">", "predictor": True},
        {"compression": "zlib", "predictor": True, "rowsperstrip": 7},
        {"tile": (16, 32)},
        {"tile": (16, 16), "compression": "zlib", "predictor": True},
    ],
    ids=str,
)
def test_deep_files_keep_their_values(dtype: Any, channels: int, options: dict[str, Any]) -> None:
    if options.get("predictor") and np.dtype(dtype).kind == "f":
        options = {**options, "predictor": False}  # tifffile writes it with a library that is not here
    pixels = values(dtype, channels)
    found = codecs.decode(written(pixels, **options))
    assert found.values.dtype == (np.uint16 if dtype is np.uint16 else np.float32)
    assert np.array_equal(found.values, pixels.astype(found.values.dtype))
    assert found.losses == ()


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", None])
def test_gray_at_16_bits_as_pillow_packs_it(compression: str | None) -> None:
    pixels, out = values(np.uint16, 1), io.BytesIO()
    Image.fromarray(pixels[..., 0]).save(out, "TIFF", compression=compression)
    assert np.array_equal(codecs.decode(out.getvalue()).values, pixels)


def test_floats_that_are_stored_as_differences() -> None:
    """Adobe's predictor: bytes of a row by their weight, the highest first, each as a difference."""
    pixels = values(np.float32, 3, height=5, width=7)
    planes = pixels.astype(">f4").view(np.uint8).reshape(5, 21, 4).swapaxes(1, 2).reshape(5, 28, 3)
    packed = np.diff(planes, axis=1, prepend=np.zeros((5, 1, 3), np.uint8))
    data = tiff.encode(np.ascontiguousarray(packed.reshape(5, 84)).view("<f4").reshape(5, 7, 3), Metadata())
    directory = tiff.Directory.first(data)
    predicted = directory.changed({tiff.PREDICTOR: 3})
    assert np.array_equal(codecs.decode(predicted).values, pixels)


def test_floats_mean_0_to_1_however_dark_or_bright_they_are() -> None:
    for top in (0.02, 1.0, 3.0):
        pixels = np.linspace(0, top, 24 * 32, dtype=np.float32).reshape(24, 32, 1)
        found = codecs.decode(written(pixels))
        assert np.abs(found.pixels[..., 0] - np.clip(pixels[..., 0], 0, 1) * 255).max() <= 0.5
        assert bool(found.losses) == (top > 1), "what is beyond white is sent as white"
        assert np.array_equal(found.values, pixels)


def test_dark_integers_stay_dark() -> None:
    assert codecs.decode(written(np.full((4, 4, 1), 200, np.uint16))).pixels.max() == 1


@pytest.mark.parametrize("dtype", [np.uint32, np.int16, np.int32])
@pytest.mark.parametrize("channels", [1, 3])
def test_whole_numbers_of_other_kinds_are_refused_in_plain_words(dtype: Any, channels: int) -> None:
    pixels = np.zeros((8, 8, channels), dtype)
    with pytest.raises(UnreadableImage, match=r"(16|32)-bit channels cannot be read here") as caught:
        codecs.decode(written(pixels))
    assert "0x" not in caught.value.detail


def test_white_that_is_0_is_white() -> None:
    pixels = values(np.uint16, 1)
    found = codecs.decode(written(pixels, photometric="miniswhite"))
    assert np.array_equal(found.values, 65535 - pixels)


def test_premultiplied_alpha_is_taken_out() -> None:
    color = np.full((4, 4, 3), 40_000, np.uint16)
    alpha = np.tile(np.array([0, 10_000, 40_000, 65_535], np.uint16), (4, 1))[..., None]
    stored = np.rint(color * (alpha / 65535.0)).astype(np.uint16)
    found = codecs.decode(written(np.dstack([stored, alpha]), extrasamples=["assocalpha"])).values
    assert np.array_equal(found[..., 3:], alpha)
    assert np.abs(found[:, 1:, :3].astype(int) - 40_000).max() <= 4


def test_further_channels_are_no_alpha() -> None:
    pixels = values(np.uint16, 5)
    data = written(pixels, extrasamples=["unspecified", "unspecified"])
    assert np.array_equal(codecs.decode(data).values, pixels[..., :3])


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_deep_file_is_broken(share: float, compression: str | None) -> None:
    data = written(values(np.uint16, 3), compression=compression)
    head = bytearray(data)
    with pytest.raises(UnreadableImage):
        codecs.decode(bytes(head[: int(len(head) * share)]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_once(orientation: int) -> None:
    pixels = values(np.uint16, 3)
    turned = codecs.decode(written(pixels, extratags=[(274, 3, 1, orientation, True)]))
    assert turned.extent.width == (37 if orientation >= 5 else 53)
    again = codecs.decode(codecs.encode_as(turned.values, ".tif", turned.beside))
    assert np.array_equal(again.values, turned.values)


# Writing


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_is_written_others_read(dtype: Any, channels: int) -> None:
    pixels = values(dtype, channels)
    data = codecs.encode_as(pixels, ".tif", Metadata(adobe_rgb(), dpi=(300, 300)))
    assert np.array_equal(tifffile.imread(io.BytesIO(data)).reshape(pixels.shape), pixels)
    found = codecs.decode(data)
    assert np.array_equal(found.values, pixels)
    assert found.beside.dpi == (300, 300)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_deep_png_others_read(channels: int) -> None:
    import cv2

    pixels = values(np.uint16, channels)
    data = codecs.encode_as(pixels, ".png", Metadata(dpi=(300, 300)))
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    order = {1: [0], 2: [0, 3], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    assert np.array_equal(read.reshape(37, 53, -1)[..., order], pixels)
    assert np.array_equal(codecs.decode(data).values, pixels)


def test_floats_in_a_png_are_16_bits() -> None:
    pixels = np.array([[[0.0], [0.25], [1.0], [7.0], [-1.0], [np.nan]]], np.float32)
    found = codecs.decode(codecs.encode_as(pixels, ".png"))
    assert found.values[0, :, 0].tolist() == [0, 16384, 65535, 65535, 0, 0]
