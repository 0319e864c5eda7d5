"""Upscaling: what is sent, and that the result is the layer, only larger."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_ways import UPSCALE, Pixels, Shell, opened
from PIL import Image
from support import posts

from venice_core.sandbox import Sandbox

AS_IT_IS = {"creativity": "0.0"}  # without it, the service takes 0.01
MOST = 16_777_216  # px of a result, as the service documents it


def plain(path: Path, width: int, height: int) -> Path:
    Image.new("RGB", (width, height), (90, 120, 60)).save(path)
    return path


@pytest.mark.covers("POST /image/upscale: image")
@pytest.mark.parametrize(("scale", "usd"), [(2, 0.02), (4, 0.08)])
def test_a_picture_is_sent_as_it_is_and_comes_back_that_many_times_as_large(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path, scale: int, usd: float
) -> None:
    out = tmp_path / "out.png"
    code, said = shell.json("upscale", photo, "--scale", scale, "-o", out)
    assert code == 0
    (seen,) = posts(sandbox)
    assert (seen.path, seen.fields) == (UPSCALE, {"scale": str(scale), **AS_IT_IS})
    (file,) = seen.files
    assert (file.name, file.format, file.mode) == ("image", "PNG", "RGB")
    assert np.array_equal(opened(file.data), np.asarray(Image.open(photo)))
    assert Image.open(out).size == (451 * scale, 300 * scale)
    assert said["results"][0]["price"] == {"usd": usd, "diem": usd}


@pytest.mark.covers("POST /image/upscale: scale")
def test_three_times_costs_what_four_times_does(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    code, result = shell.result("upscale", photo, "--scale", 3)
    assert (code, result["price"]["usd"]) == (0, 0.08)
    assert posts(sandbox)[0].fields["scale"] == "3"
    assert Image.open(photo.with_name("cat-upscaled.png")).size == (1353, 900)


@pytest.mark.covers("POST /image/upscale: scale")
def test_twice_is_what_nobody_has_to_ask_for(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    assert shell("upscale", photo) == 0
    assert posts(sandbox)[0].fields == {"scale": "2", **AS_IT_IS}
    assert Image.open(photo.with_name("cat-upscaled.png")).size == (902, 600)


@pytest.mark.covers("Every documented case: upscale")
def test_the_answers_pixels_are_the_results(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    sandbox.switch(identity=True)
    assert shell("upscale", photo, "-o", tmp_path / "out.png") == 0
    source = np.asarray(Image.open(photo))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), source.repeat(2, 0).repeat(2, 1))


@pytest.mark.covers("POST /image/upscale: scale")
def test_a_scale_beyond_the_services_pixels_is_lowered_and_costs_no_more_than_it_gives(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = plain(tmp_path / "large.png", 3000, 2000)
    code, said = shell.json("upscale", path, "--scale", 4, "-o", tmp_path / "out.png")
    assert code == 0
    assert posts(sandbox)[0].fields["scale"] == "2"
    width, height = Image.open(tmp_path / "out.png").size
    assert 0.99 * MOST < width * height <= MOST
    assert width / height == pytest.approx(1.5, rel=0.001)
    (result,) = said["results"]
    assert "1.67 times" in " ".join(result["warnings"])
    assert result["price"]["usd"] == 0.02


@pytest.mark.covers("POST /image/upscale: scale")
def test_a_picture_between_two_and_four_times_is_asked_for_four(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = plain(tmp_path / "middle.png", 1500, 1000)
    assert shell("upscale", path, "--scale", 4, "-o", tmp_path / "out.png") == 0
    assert posts(sandbox)[0].fields["scale"] == "4"
    width, height = Image.open(tmp_path / "out.png").size
    assert 0.99 * MOST < width * height <= MOST
    assert "3.34 times" in shell.err


@pytest.mark.covers("POST /image/upscale: image")
@pytest.mark.parametrize("size", [(4096, 4096), (6000, 3000), (4000, 3500)])
def test_a_picture_that_is_as_large_as_results_may_be_is_refused_before_sending(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, size: tuple[int, int]
) -> None:
    assert shell("upscale", plain(tmp_path / "huge.png", *size)) == 2
    assert "limited to 16.8 megapixels" in shell.err
    assert posts(sandbox) == []
    assert shell.jobs == []


@pytest.mark.covers("POST /image/upscale: image")
def test_transparency_is_kept_and_enlarged(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    picture = Image.fromarray(chelsea)
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    picture.save(tmp_path / "soft.png")
    assert shell("upscale", tmp_path / "soft.png", "-o", tmp_path / "out.png") == 0
    assert posts(sandbox)[0].files[0].mode == "RGB"
    result = Image.open(tmp_path / "out.png")
    assert (result.mode, result.size) == ("RGBA", (902, 600))
    before = np.asarray(picture.getchannel("A").resize(result.size, Image.Resampling.BICUBIC), int)
    after = np.asarray(result.getchannel("A"), int)
    assert np.abs(after - before).max() <= 2
    assert shell("upscale", tmp_path / "soft.png", "-o", tmp_path / "out.jpg") == 2


@pytest.mark.covers("POST /image/upscale: image")
def test_a_small_picture_is_padded_for_the_service_and_comes_back_without_the_padding(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    small = chelsea[100:180, 100:200]
    Image.fromarray(small).save(tmp_path / "small.png")
    sandbox.switch(identity=True)
    code, said = shell.json("upscale", tmp_path / "small.png", "-o", tmp_path / "out.png")
    assert code == 0
    sent = posts(sandbox)[0].files[0]
    assert (sent.width, sent.height) == (256, 256)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), small.repeat(2, 0).repeat(2, 1))
    assert "padded" in " ".join(said["results"][0]["warnings"])


@pytest.mark.covers("POST /image/upscale: creativity")
@pytest.mark.parametrize(("amount", "sent"), [("0", "0.0"), ("0.01", "0.01"), ("0.02", "0.02")])
def test_how_much_may_be_invented_is_always_said(
    shell: Shell, sandbox: Sandbox, photo: Path, amount: str, sent: str
) -> None:
    code, result = shell.result("upscale", photo, "--creativity", amount)
    assert (code, posts(sandbox)[0].fields) == (0, {"scale": "2", "creativity": sent})
    assert result["plan"]["creativity"] == float(amount)
    assert shell.job.record["job"]["options"]["creativity"] == float(amount)


@pytest.mark.covers("POST /image/upscale: creativity")
@pytest.mark.parametrize("amount", ["0.021", "-0.01", "nan", "inf"])
def test_more_than_may_be_invented_is_refused_before_sending(
    shell: Shell, sandbox: Sandbox, photo: Path, amount: str
) -> None:
    assert shell("upscale", photo, f"--creativity={amount}") == 2
    assert "“creativity” must be between 0 and 0.02" in shell.err
    assert posts(sandbox) == []
