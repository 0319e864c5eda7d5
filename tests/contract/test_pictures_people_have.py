"""Pictures and masks as people have them, on the command line; and pictures as services answer them."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from contract_ways import KEY, OPENAI, Pixels, Scripted, Shell, opened, reply, soft_ellipse
from PIL import Image
from PIL.ExifTags import Base
from support import adobe_rgb, posts

from venice_core.cli import main as cli_main
from venice_core.imaging import codecs, color_profiles
from venice_core.imaging.containers import chunk, with_chunks
from venice_core.records.entry import ANSWER
from venice_core.sandbox import Sandbox

Values = npt.NDArray[Any]
LINEAR = color_profiles._made(
    color_profiles.SRGB_POINTS, color_profiles._gamma(1.0), "GIMP built-in Linear sRGB", gray=False
)
GRAY_LINEAR = color_profiles._made((), color_profiles._gamma(1.0), "Gray linear", gray=True)


@pytest.fixture
def soft(tmp_path: Path) -> Path:
    """A mask for pictures of 451 × 300 px."""
    soft_ellipse(451, 300).save(tmp_path / "soft.png")
    return tmp_path / "soft.png"


def coverage(soft: Path) -> Pixels:
    return np.asarray(Image.open(soft))


def read(path: Path) -> Values:
    """A file's own values, by other libraries than are tried here, where those can."""
    if path.suffix == ".tif":
        values = tifffile.imread(path)
        return values[..., None] if values.ndim == 2 else values
    image = Image.open(path)
    if path.suffix == ".png" and path.read_bytes()[24] == 16:
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        return values[..., None] if values.ndim == 2 else values[..., [2, 1, 0, 3][: values.shape[2]]]
    values = np.asarray(image)
    return values[..., None] if values.ndim == 2 else values


def saved(path: Path, values: Values, **options: Any) -> Path:
    """Gray, gray and alpha, RGB or RGBA of any depth."""
    if path.suffix == ".tif":
        alpha = {"extrasamples": ["unassalpha"]} if values.shape[2] in (2, 4) else {}
        kind = {"photometric": "rgb" if values.shape[2] > 2 else "minisblack"}
        pixels = values[..., 0] if values.shape[2] == 1 else values
        tifffile.imwrite(path, pixels, **kind, **alpha, **options)
    elif values.dtype == np.uint16:
        path.write_bytes(codecs.encode_png(values))
    else:
        Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).save(path, **options)
    return path


# What stands beside the pixels


@pytest.mark.parametrize(
    "spoilt",
    [
        chunk(b"eXIf", b"nonsense that is no EXIF"),
        chunk(b"tEXt", b"Comment\0x")[:-4] + b"oops",
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(70_000_000))),
        chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(40_000_000))),
    ],
    ids=["EXIF", "checksum", "text", "profile"],
)
def test_broken_metadata_counts_as_none(
    shell: Shell, sandbox: Sandbox, photo: Path, soft: Path, tmp_path: Path, spoilt: bytes
) -> None:
    before = read(photo)
    photo.write_bytes(with_chunks(photo.read_bytes(), spoilt))
    out = tmp_path / "out.png"
    assert shell("edit", photo, "-p", "x", "--mask", soft, "-o", out) == 0
    assert np.array_equal(read(out)[coverage(soft) == 0], before[coverage(soft) == 0])
    assert np.abs(read(out).astype(int) - before)[coverage(soft) == 255].mean() > 20


def answering(make: Callable[[bytes], bytes], picture: bytes) -> Callable[[bytes], bytes]:
    return lambda _: reply("200 OK", make(picture), "Content-Type: application/octet-stream")


def png(pixels: Pixels, *chunks: bytes) -> bytes:
    return with_chunks(codecs.encode_png(pixels), *chunks)


def packed(pixels: Pixels, file_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, file_format, **options)
    return out.getvalue()


def rebranded(pixels: Pixels) -> bytes:
    return packed(pixels, "AVIF", quality=100, subsampling="4:4:4").replace(b"ftypavif", b"ftypmif1", 1)


ANSWERS: dict[str, Callable[[Pixels], bytes]] = {
    "EXIF that is none": lambda pixels: png(pixels, chunk(b"eXIf", b"nonsense")),
    "a wrong checksum": lambda pixels: png(pixels, chunk(b"tEXt", b"a\0b")[:-4] + b"oops"),
    "a text bomb": lambda pixels: png(pixels, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))),
    "without an end": lambda pixels: png(pixels)[:-12],
    "an AVIF by its further brands": rebranded,
    "linear": lambda pixels: packed(
        color_profiles.from_srgb(pixels, LINEAR, gray=False, dtype=np.dtype(np.uint8)),
        "PNG",
        icc_profile=LINEAR,
    ),
    "16 bits": lambda pixels: codecs.encode_png(pixels.astype(np.uint16) * np.uint16(257)),
}


@pytest.mark.parametrize("provider", ["venice", OPENAI])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_paid_picture_is_used_whatever_is_odd_about_its_file(
    shell: Shell, photo: Path, tmp_path: Path, name: str, provider: str
) -> None:
    shown = (255 - read(photo)) // 2 + 30
    out = tmp_path / "out.png"
    with Scripted(lambda _: reply("200 OK", ANSWERS[name](shown), "Content-Type: image/png")) as server:
        if provider == OPENAI:
            shell.choose(OPENAI, server.url)
        shell.env["VENICE_BASE_URL"] = server.url
        given = ("--no-align", "--no-match-colors", "-o", out)
        assert shell("edit", photo, "-p", "x", *given) == 0, shell.err
    assert shell.job.record["status"] == "placed"
    if provider == "venice":
        assert np.abs(read(out).astype(int) - shown).mean() < 4


@pytest.mark.parametrize(
    "make", [bytes, base64.b64encode, lambda data: b"data:image/png;base64," + base64.b64encode(data)]
)
def test_an_openai_compatible_service_may_answer_with_the_picture_itself(
    shell: Shell, photo: Path, tmp_path: Path, make: Callable[[bytes], bytes]
) -> None:
    with Scripted(answering(make, png(read(photo)))) as server:
        shell.choose(OPENAI, server.url)
        assert shell("edit", photo, "-p", "x", "-o", tmp_path / "out.png") == 0, shell.err
        assert shell("generate", "-p", "x", "-o", tmp_path / "made.png") == 0, shell.err


def test_a_paid_picture_of_a_kind_that_is_not_read_is_called_by_its_name_and_kept(
    shell: Shell, photo: Path
) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99)
    with Scripted(lambda _: reply("200 OK", heic, "Content-Type: image/heic")) as server:
        shell.choose(OPENAI, server.url)
        assert shell("edit", photo, "-p", "x") == 5
    assert "a HEIC image" in shell.err
    assert (shell.job.folder / ANSWER).read_bytes() == heic


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "BMP"])
def test_no_words_of_a_library_are_shown(
    home: Path,
    sandbox: Sandbox,
    chelsea: Pixels,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    file_format: str,
) -> None:
    """Those that libraries in C write by themselves neither."""
    env = {"VENICE_HOME": str(home / "venice"), "VENICE_BASE_URL": sandbox.url, "VENICE_API_KEY": KEY}
    whole = packed(chelsea, file_format)
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    arguments = ["edit", str(tmp_path / "half"), "-p", "x"]
    assert cli_main.main(arguments, env) == 2
    out, said = capfd.readouterr()
    name = tmp_path / "half"
    words = f"a damaged or incomplete {file_format} file"
    assert said == f"{name}: The file cannot be read as an image. ({name}: {words})\n"
    assert (out, posts(sandbox)) == ("", [])


# Values and colors


DEPTHS = {
    "8 bits": np.uint8,
    "16 bits": np.uint16,
    "floats": np.float32,
}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("kind", ["RGB", "RGBA"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_outside_the_mask_each_value_is_the_files_own_at_its_depth(
    shell: Shell,
    sandbox: Sandbox,
    tmp_path: Path,
    soft: Path,
    chelsea: Pixels,
    kind: str,
    depth: str,
    suffix: str,
) -> None:
    if depth == "floats" and suffix == ".png":
        pytest.skip("a PNG has none")
    random = np.random.default_rng(3)
    values = color_profiles.like(chelsea, np.dtype(DEPTHS[depth]))
    if depth == "16 bits":
        values = np.clip(values.astype(int) + random.integers(-128, 128, values.shape), 0, 65535).astype(
            np.uint16
        )
    if depth == "floats":
        values = (values + random.random(values.shape) / 300).astype(np.float32)
        values[0, 0] = 2.5
    if kind == "RGBA":
        white = color_profiles.white(values.dtype)  # what is mostly transparent would be filled
        alpha = np.linspace(0.6 * white, white, values.size // 3).reshape(values.shape[:2])
        values = np.dstack([values, alpha.astype(values.dtype)])
    source = saved(tmp_path / f"in{suffix}", values)
    out = tmp_path / f"out{suffix}"
    assert shell("edit", source, "-p", "x", "--mask", soft, "-o", out) == 0
    after = read(out)
    assert (after.dtype, after.shape) == (values.dtype, values.shape)
    outside, inside = coverage(soft) == 0, coverage(soft) == 255
    assert np.array_equal(after[outside], values[outside])
    changed = np.abs(color_profiles.eight_bits(after).astype(int) - color_profiles.eight_bits(values))[
        inside
    ][:, :3]
    assert changed.mean() > 10
    if kind == "RGBA":
        assert np.array_equal(after[..., 3], values[..., 3])
    if suffix == ".png" and depth == "16 bits":
        sent = opened(posts(sandbox)[0].files[0].data)
        assert np.abs(sent.astype(int) - chelsea[: sent.shape[0], : sent.shape[1]]).max() < 256


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
def test_a_picture_with_a_gray_profile_is_shown_by_it_and_stays_gray_with_it(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, soft: Path, camera_gray: Pixels, depth: type, alpha: bool
) -> None:
    values = color_profiles.like(camera_gray[..., None], np.dtype(depth))
    if alpha:
        values = np.dstack([values, np.full(values.shape[:2], color_profiles.white(values.dtype), depth)])
    source = tmp_path / "gray.png"
    source.write_bytes(codecs.encode_as(values, ".png", codecs.Metadata(GRAY_LINEAR)))
    out = tmp_path / "out.png"
    assert (
        shell("edit", source, "-p", "x", "--mask", soft, "--selection", "local", "--context", 500, "-o", out)
        == 0
    )
    found = codecs.decode(out.read_bytes())
    assert found.beside.icc == GRAY_LINEAR
    assert (found.values.dtype, found.values.shape) == (values.dtype, values.shape)
    assert np.array_equal(found.values[coverage(soft) == 0], values[coverage(soft) == 0])
    sent = opened(posts(sandbox)[0].files[0].data)
    assert np.abs(sent.astype(int) - color_profiles.to_srgb(values, GRAY_LINEAR)[..., :3]).max() <= 1
    assert "so the result is too" in shell.err


@pytest.fixture
def camera_gray(chelsea: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(chelsea).convert("L"))


def test_a_gray_picture_that_is_wholly_replaced_may_become_one_in_color(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, camera_gray: Pixels
) -> None:
    source = tmp_path / "gray.png"
    Image.fromarray(camera_gray).save(source, icc_profile=GRAY_LINEAR)
    assert shell("edit", source, "-p", "color it", "-o", tmp_path / "out.png") == 0
    out = Image.open(tmp_path / "out.png")
    assert out.mode == "RGB"
    assert "icc_profile" not in out.info


@pytest.mark.parametrize("name", ["GIMP built-in Linear sRGB", "anything"])
def test_a_linear_profile_is_one_whatever_it_is_called(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels, soft: Path, name: str
) -> None:
    profile = color_profiles._made(color_profiles.SRGB_POINTS, color_profiles._gamma(1.0), name, gray=False)
    values = color_profiles.from_srgb(chelsea, profile, gray=False, dtype=np.dtype(np.uint8))
    Image.fromarray(values).save(tmp_path / "linear.png", icc_profile=profile)
    out = tmp_path / "out.png"
    given = ("--mask", soft, "--selection", "local", "--context", 500, "-o", out)
    assert shell("edit", tmp_path / "linear.png", "-p", "x", *given) == 0
    assert np.abs(opened(posts(sandbox)[0].files[0].data).astype(int) - chelsea).mean() < 4, "as it looks"
    assert np.array_equal(read(out)[coverage(soft) == 0], values[coverage(soft) == 0])
    assert Image.open(out).info["icc_profile"] == profile


def test_a_picture_that_is_called_srgb_by_any_name_is_sent_as_it_is(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    profile = color_profiles._made(
        color_profiles.SRGB_POINTS, color_profiles._para(color_profiles.SRGB_CURVE), "Camera", gray=False
    )
    Image.fromarray(chelsea).save(tmp_path / "a.png", icc_profile=profile)
    assert shell("edit", tmp_path / "a.png", "-p", "x", "-o", tmp_path / "out.png") == 0
    assert np.array_equal(opened(posts(sandbox)[0].files[0].data), chelsea)
    assert Image.open(tmp_path / "out.png").info["icc_profile"] == profile


def test_one_transparent_gray_of_16_bits_stays_transparent(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, soft: Path, camera_gray: Pixels
) -> None:
    deep = camera_gray.astype(np.uint16) * 257
    deep[:20, :30] = 43_981
    data = codecs.encode_png(deep)
    (tmp_path / "in.png").write_bytes(with_chunks(data, chunk(b"tRNS", struct.pack(">H", 43_981))))
    assert shell("edit", tmp_path / "in.png", "-p", "x", "--mask", soft, "-o", tmp_path / "out.png") == 0
    after = read(tmp_path / "out.png")
    assert after.shape[2] == 4
    assert (after[:20, :30, 3] == 0).all()
    assert (after[30:, :, 3] == 65_535).all()
    assert np.array_equal(after[coverage(soft) == 0][:, 0], deep[coverage(soft) == 0])


def test_floats_without_a_profile_are_sent_as_they_look_not_as_they_are_large(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, camera_gray: Pixels
) -> None:
    for number, share in enumerate((1.0, 0.2)):
        saved(tmp_path / "in.tif", (camera_gray[..., None] / 255 * share).astype(np.float32))
        assert shell("edit", tmp_path / "in.tif", "-p", "x", "-o", tmp_path / f"{number}.tif") == 0
        sent = opened(posts(sandbox)[number].files[0].data)
        assert np.abs(sent[..., 0] - camera_gray * share).max() <= 1


def test_floats_of_another_scale_are_refused_before_a_white_picture_is_bought(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    assert shell("edit", saved(tmp_path / "in.tif", chelsea.astype(np.float32)), "-p", "x") == 2
    assert "do not run from 0" in shell.err
    assert not posts(sandbox)


@pytest.mark.parametrize("values", [np.zeros((300, 451, 1), np.uint32), np.zeros((300, 451, 3), np.int16)])
def test_whole_numbers_that_are_not_read_are_refused_before_anything_is_sent(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, values: Values
) -> None:
    assert shell("edit", saved(tmp_path / "in.tif", values), "-p", "x") == 2
    assert "-bit channels cannot be read here" in shell.err
    assert not posts(sandbox)


# What is lost is said before, or nothing is


def cmyk(path: Path, chelsea: Pixels) -> Path:
    Image.fromarray(chelsea).convert("CMYK").save(path, quality=95)
    return path


def pages(path: Path, chelsea: Pixels) -> Path:
    Image.fromarray(chelsea).save(path, save_all=True, append_images=[Image.fromarray(255 - chelsea)])
    return path


def deep(path: Path, chelsea: Pixels) -> Path:
    return saved(path, chelsea.astype(np.uint16) * np.uint16(257))


LOSSES: dict[str, tuple[Callable[[Path, Pixels], Path], str, str, str]] = {
    "inks": (cmyk, ".jpg", ".png", "in CMYK"),
    "pages": (pages, ".tif", ".tif", "first of the file's 2 images"),
    "frames": (pages, ".webp", ".png", "first of the file's 2 images"),
    "frames of a GIF": (pages, ".gif", ".png", "first of the file's 2 images"),
    "depth": (deep, ".png", ".webp", "16 bits per channel; a WebP file holds 8"),
    "depth and more": (deep, ".tif", ".jpg", "changes all pixels slightly"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_lost_is_said_before_anything_is_sent(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, soft: Path, chelsea: Pixels, name: str
) -> None:
    make, suffix, target, words = LOSSES[name]
    source = make(tmp_path / f"in{suffix}", chelsea)
    given = ("edit", source, "-p", "x", "--mask", soft, "-o", tmp_path / f"out{target}")
    assert shell(*given, "--dry-run") == 0
    assert words in shell.err
    code, result = shell.result(*given, "--dry-run")
    assert any(words in warning for warning in result["warnings"])
    assert not posts(sandbox)
    code, result = shell.result(*given)
    assert code == 0
    assert any(words in warning for warning in result["warnings"])
    assert words in shell.err


def test_a_picture_is_not_replaced_through_a_link_of_another_name(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    source, out = deep(tmp_path / "in.tif", chelsea), tmp_path / "in.webp"
    out.symlink_to(source)
    before = source.read_bytes()
    assert shell("edit", source, "-p", "x", "-o", out) == 2
    assert f"would replace the input {source}" in shell.err
    assert (source.read_bytes(), posts(sandbox)) == (before, [])


def test_alpha_that_is_opaque_everywhere_is_no_reason_to_refuse(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    source = tmp_path / "in.png"
    Image.fromarray(chelsea).convert("RGBA").save(source)
    assert shell("edit", source, "-p", "x", "-o", tmp_path / "out.jpg") == 0, shell.err
    assert shell("edit", source, "-p", "x", "-o", tmp_path / "out.png") == 0
    assert Image.open(tmp_path / "out.png").mode == "RGBA"


def test_metadata_goes_along_with_each_command(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    exif = Image.Exif()
    exif[Base.Orientation], exif[Base.Copyright] = 6, "Somebody"
    source = tmp_path / "in.jpg"
    Image.fromarray(chelsea).save(
        source, exif=exif, dpi=(300, 300), icc_profile=adobe_rgb(), xmp=b"<x:xmpmeta/>"
    )
    for command, suffix in (
        ("edit", ".jpg"),
        ("edit", ".tif"),
        ("cutout", ".png"),
        ("cutout", ".webp"),
        ("upscale", ".png"),
    ):
        out = tmp_path / f"{command}{suffix}"
        prompt = ("-p", "x") if command == "edit" else ()
        assert shell(command, source, *prompt, "-o", out) == 0, shell.err
        found = codecs.decode(out.read_bytes()).beside
        assert (found.icc, found.xmp, found.orientation) == (adobe_rgb(), b"<x:xmpmeta/>", 1), out
        assert found.dpi == pytest.approx((300, 300), abs=0.01)
        assert Image.open(out).getexif()[Base.Copyright] == "Somebody"
    assert shell("edit", source, "-p", "x", "--layer", "-o", tmp_path / "o.png") == 0
    layer = codecs.decode((tmp_path / "o-layer.png").read_bytes())
    assert layer.beside.dpi == pytest.approx((300, 300), abs=0.01)
    assert layer.beside.icc == b"", "it is sRGB"


# Where a result has no room


def wide(path: Path) -> Path:
    Image.fromarray(np.full((300, 17_000, 3), 90, np.uint8)).save(path)
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("edit", "wide.jpg", "-p", "x", "-o", "out.webp"),
            "at most 16383 px on a side, but the result is 17000",
        ),
        (("upscale", "long.png", "--scale", "4", "-o", "out.webp"), "16383 px on a side"),
        (("edit", "cat.png", "-p", "x", "-o", "out.gif"), "256 colors"),
        (("generate", "-p", "x", "-o", "out.gif"), "256 colors"),
        (("generate", "-p", "x", "--size", "20000x64", "-o", "out.webp"), "16383 px on a side"),
        (("cutout", "cat.png", "-o", "out.jpg"), "cannot hold transparency"),
        (("cutout", "wide.jpg", "--output", "mask", "-o", "out.webp"), "16383 px on a side"),
        (("edit", "clear.png", "-p", "x", "-o", "out.bmp"), "cannot hold transparency"),
        (("edit", "adobe.png", "-p", "x", "-o", "out.bmp"), "cannot hold the image's color profile"),
        (("edit", "cat.png", "-p", "x", "-o", "out.heic"), "not a file format"),
        (
            ("edit", "cat.png", "-p", "x", "--mask", "soft.png", "-o", "soft.png"),
            "soft.png would replace the input soft.png",
        ),
        (
            ("edit", "cat.png", "-p", "x", "--reference", "adobe.png", "-o", "adobe.png"),
            "adobe.png would replace the input adobe.png",
        ),
        (("edit", "cat.png", "-p", "x", "-o", "pipe.png"), "is not a regular file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_result_that_has_no_room_is_not_bought(
    shell: Shell,
    sandbox: Sandbox,
    tmp_path: Path,
    photo: Path,
    soft: Path,
    chelsea: Pixels,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    wide(tmp_path / "wide.jpg")
    Image.fromarray(np.full((300, 5000, 3), 90, np.uint8)).save(tmp_path / "long.png")
    Image.fromarray(np.dstack([chelsea, chelsea[..., 0]])).save(tmp_path / "clear.png")
    Image.fromarray(chelsea).save(tmp_path / "adobe.png", icc_profile=adobe_rgb())
    os.mkfifo(tmp_path / "pipe.png")
    monkeypatch.chdir(tmp_path)
    assert shell(*arguments) == 2
    assert words in shell.err
    assert not posts(sandbox)


def test_a_made_picture_that_is_transparent_has_room_in_a_jpeg(
    shell: Shell, tmp_path: Path, chelsea: Pixels
) -> None:
    made = codecs.encode_png(np.dstack([chelsea, chelsea[..., 0]]))
    with Scripted(lambda _: reply("200 OK", made, "Content-Type: image/png")) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        assert shell("generate", "-p", "x", "-o", tmp_path / "out.jpg") == 0, shell.err
    assert Image.open(tmp_path / "out.jpg").mode == "RGB"


def test_a_link_to_a_picture_stays_one(shell: Shell, sandbox: Sandbox, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "kept.png").write_bytes(b"old")
    (tmp_path / "kept.png").chmod(0o664)
    (tmp_path / "link.png").symlink_to("kept.png")
    assert shell("edit", photo, "-p", "x", "-o", tmp_path / "link.png") == 0
    assert (tmp_path / "link.png").is_symlink()
    assert Image.open(tmp_path / "kept.png").size == (451, 300)
    assert (tmp_path / "kept.png").stat().st_mode & 0o777 == 0o664


# Masks


def test_a_photograph_as_mask_is_questioned_and_can_be_insisted_on(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, photo: Path
) -> None:
    given = ("edit", photo, "-p", "x", "--mask", photo, "-o", tmp_path / "out.png")
    assert shell(*given) == 2
    assert "does not look like a mask" in shell.err
    assert "--mask-as-is" in shell.err
    assert not posts(sandbox)
    assert shell(*given, "--mask-as-is") == 0


@pytest.mark.parametrize("kind", ["black is 1", "JPEG", "0 and 1"])
def test_what_a_mask_means_is_what_changes(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, photo: Path, kind: str
) -> None:
    clean = np.zeros((300, 451), np.uint8)
    clean[100:200, 150:300] = 255
    path = tmp_path / ("m.jpg" if kind == "JPEG" else "m.png")
    made = {"black is 1": np.maximum(clean, 1), "JPEG": clean, "0 and 1": clean // 255}[kind]
    Image.fromarray(made).save(path, **({"quality": 60} if kind == "JPEG" else {}))
    out = tmp_path / "out.png"
    assert shell("edit", photo, "-p", "x", "--mask", path, "-o", out) == 0
    changed = (read(out) != read(photo)).any(axis=2)
    assert not changed[cv2.dilate(clean, np.ones((7, 7), np.uint8)) == 0].any()
    assert changed[cv2.erode(clean, np.ones((21, 21), np.uint8)) == 255].mean() > 0.9


# Terminals


@pytest.mark.skipif(sys.platform == "win32", reason="file names are bytes on POSIX only")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_names_and_words_that_a_terminal_cannot_show_change_nothing(
    shell: Shell,
    sandbox: Sandbox,
    tmp_path: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
) -> None:
    names = [tmp_path / os.fsdecode(b"caf\xe9.png"), tmp_path / "\U0001f431.png"]
    for name in names:
        name.write_bytes(photo.read_bytes())
    (tmp_path / "out").mkdir()
    outputs = [io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", outputs[0])
    monkeypatch.setattr(sys, "stderr", outputs[1])
    given = [*map(str, names), "-p", "\U0001f431 \x1b[2J", "-o", str(tmp_path / "out")]
    assert cli_main.main(["edit", *given], shell.env) == 0
    assert cli_main.main(["jobs"], shell.env) == 0
    assert cli_main.main(["edit", *given, "--json"], shell.env) == 0
    assert len(list((tmp_path / "out").iterdir())) == 4
    said = outputs[0].buffer.getvalue().decode(encoding)
    assert "\x1b" not in said
    results = json.loads(said.splitlines()[-1])["results"]
    assert [result["input"] for result in results] == list(map(str, names))
