"""Whatever picture is given, what arrives is within the service's limits for input pictures."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contract_ways import CUTOUT, EDIT, Pixels, Shell, entry, opened
from PIL import Image
from support import posts

from venice_core.sandbox import Sandbox
from venice_core.sandbox.request_log import SeenFile

MOST, LEAST, SIDE, BYTES = 33_177_600, 65_536, 64, 25_000_000  # px, px, px, bytes of a file


def sent(sandbox: Sandbox) -> SeenFile:
    """The one picture that was sent, which the service took."""
    (seen,) = posts(sandbox)
    assert seen.status == 200
    (file,) = seen.files
    assert file.width is not None
    assert file.height is not None
    assert LEAST <= file.width * file.height <= MOST
    assert min(file.width, file.height) >= SIDE
    assert len(file.data) < BYTES
    assert file.content_type == f"image/{(file.format or '').lower()}"
    return file


@pytest.mark.covers("Input images", "Every documented case: too small, too large, more than 25 MB")
@pytest.mark.parametrize(
    ("size", "expected"),
    [((40, 90), (256, 256)), ((20, 3000), (64, 3000)), ((255, 257), (256, 257)), ((256, 256), (256, 256))],
)
@pytest.mark.parametrize("command", ["edit", "cutout"])
def test_a_small_or_narrow_picture_is_padded_as_little_as_it_needs(
    shell: Shell,
    sandbox: Sandbox,
    tmp_path: Path,
    size: tuple[int, int],
    expected: tuple[int, int],
    command: str,
) -> None:
    Image.effect_noise(size, 60).convert("RGB").save(tmp_path / "a.png")
    words = ("-p", "x") if command == "edit" else ()
    assert shell(command, tmp_path / "a.png", *words, "-o", tmp_path / "out.png") == 0
    file = sent(sandbox)
    assert (file.width, file.height) == expected
    assert Image.open(tmp_path / "out.png").size == size


@pytest.mark.covers("Input images", "Every documented case: too small, too large, more than 25 MB")
def test_a_picture_of_too_many_pixels_is_sent_smaller_and_comes_back_in_its_size(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    Image.linear_gradient("L").resize((6400, 5400)).convert("RGB").save(tmp_path / "a.png", compress_level=1)
    sandbox.switch(identity=True, size="640x540")  # or most of the time goes into this answer
    assert shell("edit", tmp_path / "a.png", "-p", "x", "-o", tmp_path / "out.png") == 0
    file = sent(sandbox)
    assert (file.width or 0) * (file.height or 0) > 0.99 * MOST
    assert (file.width or 0) / (file.height or 1) == pytest.approx(6400 / 5400, rel=0.001)
    assert "the service's maximum" in shell.err
    assert Image.open(tmp_path / "out.png").size == (6400, 5400)


@pytest.mark.covers("Input images", "Every documented case: too small, too large, more than 25 MB")
def test_a_file_that_would_be_too_heavy_is_sent_in_a_lighter_format(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.switch(size="300x300")
    noise = np.random.default_rng(3).integers(0, 256, (3000, 3000, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.bmp")
    assert shell("edit", tmp_path / "a.bmp", "-p", "x", "-o", tmp_path / "out.png") == 0
    file = sent(sandbox)
    assert file.format in ("JPEG", "WEBP")
    assert (file.width, file.height) == (3000, 3000)


@pytest.mark.covers("POST /image/generate: style_references")
def test_style_references_fit_into_one_body_together(
    shell: Shell, offering: Callable[..., Sandbox], tmp_path: Path
) -> None:
    """A body in JSON may have 35 MB, in which a file takes a third more; each alone may have 8 MB."""
    sandbox = offering(entry("many", "image", constraints={"maxStyleReferences": 4}))
    noise = np.random.default_rng(3).integers(0, 256, (1600, 1600, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.bmp")
    given = ["--reference", tmp_path / "a.bmp"] * 4
    assert shell("generate", "-p", "x", "--model", "many", *given, "-o", tmp_path / "out.png") == 0
    (seen,) = posts(sandbox)
    assert seen.bytes_received <= 35_000_000
    assert len(seen.fields["style_references"]) == 4
    for reference in seen.fields["style_references"]:
        assert len(base64.b64decode(reference["image"])) < 8_000_000


@pytest.mark.covers("Input images")
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_arrives_as_eight_bit_rgb(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels, mode: str
) -> None:
    picture = Image.fromarray(chelsea)
    if mode == "I;16":
        picture = Image.fromarray(chelsea[..., 0].astype(np.uint16) * 257)
    else:
        picture = picture.convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture.save(path)
    assert shell("edit", path, "-p", "x", "-o", tmp_path / "out.png") == 0
    file = sent(sandbox)
    assert (file.format, file.mode, file.width, file.height) == ("PNG", "RGB", 451, 300)
    assert posts(sandbox)[0].path == EDIT
    spread = opened(file.data).std()
    assert 20 < spread < 130, "it is the photograph, not a flat or a blown out picture"


@pytest.mark.covers("Input images", "Other outcomes: broken-file", "Every documented case: corrupt PNG")
@pytest.mark.parametrize("name", ["words.png", "half.png", "empty.png", "bomb.png"])
def test_what_is_no_whole_picture_is_found_before_sending(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path, name: str
) -> None:
    data = photo.read_bytes()
    large = data[:16] + (100_000).to_bytes(4, "big") * 2 + data[24:]
    spoilt = {"words.png": b"words", "half.png": data[: len(data) // 2], "empty.png": b"", "bomb.png": large}
    (tmp_path / name).write_bytes(spoilt[name])
    for command in (("edit", "-p", "x"), ("cutout",), ("upscale",)):
        word, *more = command
        code, said = shell.json(word, tmp_path / name, *more)
        assert (code, said["results"][0]["error"]["kind"]) == (2, "broken-file")
    assert posts(sandbox) == []


@pytest.mark.covers("Input images")
def test_a_picture_within_the_limits_arrives_pixel_by_pixel(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    assert shell("cutout", photo) == 0
    assert posts(sandbox)[0].path == CUTOUT
    assert np.array_equal(opened(sent(sandbox).data), np.asarray(Image.open(photo)))
