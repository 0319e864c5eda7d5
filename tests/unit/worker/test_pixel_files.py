"""Pixels as picture files and back, value for value."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Extent
from venice_core.worker.pixel_files import Kind, to_picture, to_raw

Array = npt.NDArray[np.uint8]
SIZE = Extent(7, 5)
RANDOM = np.random.default_rng(3)


def png(path: Path, pixels: Array, **more: object) -> Path:
    Image.fromarray(pixels).save(path, "PNG", **more)
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_picture_becomes_rgba_as_it_is(tmp_path: Path, channels: int) -> None:
    pixels = RANDOM.integers(0, 256, (5, 7, channels), np.uint8)
    to_raw(png(tmp_path / "in.png", pixels.squeeze()), tmp_path / "raw", SIZE, Kind.RGBA)
    found = np.fromfile(tmp_path / "raw", np.uint8).reshape(5, 7, 4)
    colors = pixels[..., :1].repeat(3, 2) if channels < 3 else pixels[..., :3]
    assert np.array_equal(found[..., :3], colors), "also under alpha 0"
    assert np.array_equal(found[..., 3], pixels[..., -1] if channels in (2, 4) else np.full((5, 7), 255))


def test_coverage_is_taken_without_a_gamma_whatever_profile_the_file_has(tmp_path: Path) -> None:
    levels = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7
    linear = (
        b"\0" * 36 + b"acsp" + b"\0" * 88
    )  # what GIMP writes for linear gray: it says nothing about levels
    to_raw(png(tmp_path / "in.png", levels, icc_profile=linear), tmp_path / "raw", SIZE, Kind.COVERAGE)
    assert np.array_equal(np.fromfile(tmp_path / "raw", np.uint8).reshape(5, 7), levels)


@pytest.mark.parametrize("channels", [3, 4])
def test_wide_pixels_are_floats_beyond_0_and_1(tmp_path: Path, channels: int) -> None:
    pixels = RANDOM.normal(0.5, 1.0, (5, 7, channels)).astype(np.float32)
    order = [2, 1, 0, 3][:channels]
    (tmp_path / "in.tif").write_bytes(cv2.imencode(".tif", pixels[..., order])[1].tobytes())
    to_raw(tmp_path / "in.tif", tmp_path / "raw", SIZE, Kind.FLOAT_RGBA)
    found = np.fromfile(tmp_path / "raw", np.float32).reshape(5, 7, 4)
    assert np.array_equal(found[..., :channels], pixels)
    assert channels == 4 or (found[..., 3] == 1.0).all()


@given(alpha=st.booleans(), seed=st.integers(0, 999))
def test_rgba_goes_into_a_picture_and_back(
    tmp_path_factory: pytest.TempPathFactory, alpha: bool, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("exchange")
    random = np.random.default_rng(seed)
    pixels, rim = random.integers(0, 256, (5, 7, 4), np.uint8), random.integers(0, 256, (5, 7), np.uint8)
    pixels.tofile(folder / "pixels")
    rim.tofile(folder / "rim")
    to_picture(folder / "pixels", folder / "out.png", SIZE, Kind.RGBA, folder / "rim" if alpha else None)
    to_raw(folder / "out.png", folder / "again", SIZE, Kind.RGBA)
    found = np.fromfile(folder / "again", np.uint8).reshape(5, 7, 4)
    assert np.array_equal(found[..., :3], pixels[..., :3])
    assert np.array_equal(found[..., 3], rim if alpha else pixels[..., 3])


def test_coverage_becomes_the_alpha_of_a_black_picture(tmp_path: Path) -> None:
    levels = RANDOM.integers(0, 256, (5, 7), np.uint8)
    levels.tofile(tmp_path / "mask")
    to_picture(tmp_path / "mask", tmp_path / "out.png", SIZE, Kind.COVERAGE)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.mode == "LA"
        assert "icc_profile" not in picture.info
        found = np.asarray(picture)
    assert np.array_equal(found[..., 1], levels)
    assert not found[..., 0].any()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Kind.RGBA),
        (b"not a picture", Kind.RGBA),
        (b"not a picture", Kind.FLOAT_RGBA),
        (b"", Kind.FLOAT_RGBA),
        (b"II*\0 broken", Kind.FLOAT_RGBA),
        (None, Kind.COVERAGE),
    ],
)
def test_what_is_no_such_picture_is_bad_input(tmp_path: Path, data: bytes | None, kind: Kind) -> None:
    if data is not None:
        (tmp_path / "in.png").write_bytes(data)
    with pytest.raises(BadInput, match=r"in\.png"):
        to_raw(tmp_path / "in.png", tmp_path / "raw", SIZE, kind)
    assert not (tmp_path / "raw").exists()


def test_an_eight_bit_tiff_is_not_wide(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.new("RGB", (7, 5)).save(out, "TIFF")
    (tmp_path / "in.tif").write_bytes(out.getvalue())
    with pytest.raises(BadInput):
        to_raw(tmp_path / "in.tif", tmp_path / "raw", SIZE, Kind.FLOAT_RGBA)


def test_another_size_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="6 × 5 px, not 7 × 5 px"):
        to_raw(png(tmp_path / "in.png", np.zeros((5, 6, 3), np.uint8)), tmp_path / "raw", SIZE, Kind.RGBA)
    (tmp_path / "pixels").write_bytes(bytes(7 * 5 * 4 - 1))
    for kind in Kind:
        with pytest.raises(BadInput):
            to_picture(tmp_path / "pixels", tmp_path / "out.png", SIZE, kind)
    with pytest.raises(BadInput):
        to_picture(tmp_path / "missing", tmp_path / "out.png", SIZE, Kind.RGBA)
