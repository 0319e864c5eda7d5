"""Further pictures for an edit: their order, their number, and the mask among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from contract_ways import EDIT, MULTI, Pixels, Shell, entry, opened
from PIL import Image
from support import posts

from venice_core.sandbox import Sandbox

Offering = Callable[..., Sandbox]

PAIR = entry("pair", constraints={"maxInputImages": 2})
SIX = entry("six", constraints={"maxInputImages": 6, "combineImages": True})
ALONE = entry("alone", constraints={"combineImages": False, "maxInputImages": 6})


@pytest.fixture
def hat(tmp_path: Path, coffee: Pixels) -> Path:
    Image.fromarray(coffee).save(tmp_path / "hat.png")
    return tmp_path / "hat.png"


def outside_is_untouched(result: Path, source: Path, mask: Path) -> bool:
    before, after = np.asarray(Image.open(source)), np.asarray(Image.open(result))
    outside = np.asarray(Image.open(mask)) == 0
    return np.array_equal(after[outside], before[outside]) and not np.array_equal(after, before)


@pytest.mark.covers("POST /image/multi-edit: images")
def test_the_order_is_base_then_mask_then_references(
    shell: Shell, offering: Offering, photo: Path, mask: Path, hat: Path, astronaut: Pixels, tmp_path: Path
) -> None:
    sandbox = offering(SIX)
    Image.fromarray(astronaut).save(tmp_path / "face.png")
    given = ("--reference", hat, "--reference", tmp_path / "face.png", "--mask", mask, "--context", 2000)
    assert shell("edit", photo, "-p", "a hat", "--model", "six", *given) == 0
    (seen,) = posts(sandbox)
    assert seen.path == MULTI
    assert [file.name for file in seen.files] == ["images"] * 4
    wanted = [np.asarray(Image.open(path)) for path in (photo, mask, hat)] + [astronaut]
    for file, pixels in zip(seen.files, wanted, strict=True):
        assert np.array_equal(opened(file.data), pixels)
    assert seen.files[1].mode == "L"
    assert "second image is a mask" in seen.fields["prompt"]


@pytest.mark.covers("POST /image/multi-edit: prompt", "Every documented case: two files on edit: 400")
def test_references_without_a_mask_go_along_with_the_words_as_they_are(
    shell: Shell, sandbox: Sandbox, photo: Path, hat: Path
) -> None:
    assert shell("edit", photo, "-p", "the hat of the second picture", "--reference", hat) == 0
    (seen,) = posts(sandbox)
    assert (seen.path, [file.mode for file in seen.files]) == (MULTI, ["RGB", "RGB"])
    assert seen.fields == {
        "prompt": "the hat of the second picture",
        "modelId": "firered-image-edit",
        "output_format": "png",
    }


@pytest.mark.covers("Input images")
def test_a_small_reference_is_enlarged_in_its_own_shape_and_a_transparent_one_flattened(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    Image.new("RGBA", (60, 30), (200, 30, 30, 128)).save(tmp_path / "dot.png")
    assert shell("edit", photo, "-p", "x", "--reference", tmp_path / "dot.png") == 0
    sent = posts(sandbox)[0].files[1]
    assert sent.mode == "RGB"
    assert sent.width is not None
    assert sent.height is not None
    assert sent.width * sent.height >= 65_536
    assert sent.width / sent.height == pytest.approx(2.0, rel=0.02)


@pytest.mark.covers("How a model's entry: pricing")
def test_what_references_cost_is_in_the_price(
    shell: Shell, offering: Offering, photo: Path, hat: Path
) -> None:
    further = {"included": 1, "additional": {"usd": 0.02, "diem": 0.03}}
    pricing = {"inpaint": {"usd": 0.1, "diem": 0.1}, "inputImages": further}
    offering(entry("costly", pricing=pricing, constraints={"maxInputImages": 4}))
    given = ("--model", "costly", "--reference", hat, "--reference", hat)
    code, said = shell.json("edit", photo, "-p", "x", *given)
    assert (code, said["results"][0]["price"]) == (0, {"usd": 0.14, "diem": 0.16})


@pytest.mark.covers("POST /image/multi-edit: images")
@pytest.mark.parametrize(("model", "references"), [("pair", 1), ("alone", 0)])
def test_where_the_mask_does_not_fit_any_more_it_only_limits_the_result_and_that_is_said(
    shell: Shell, offering: Offering, photo: Path, mask: Path, hat: Path, model: str, references: int
) -> None:
    sandbox = offering(PAIR, ALONE)
    given = ["--model", model, *(word for _ in range(references) for word in ("--reference", hat))]
    out = photo.with_name("out.png")
    code, said = shell.json("edit", photo, "-p", "a hat", "--mask", mask, "-o", out, *given)
    assert code == 0
    (seen,) = posts(sandbox)
    assert seen.path == (MULTI if references else EDIT)
    assert [file.mode for file in seen.files] == ["RGB"] * (1 + references)
    assert seen.fields["prompt"] == "a hat"
    assert "sees the region without a mask" in " ".join(said["results"][0]["warnings"])
    assert outside_is_untouched(out, photo, mask)


@pytest.mark.covers("POST /image/multi-edit: images", "Every documented case: too many images: 400")
@pytest.mark.parametrize(
    ("model", "references", "words"),
    [("pair", 2, "at most 2 images"), ("alone", 1, "only one image"), ("six", 6, "at most 6 images")],
)
def test_more_references_than_the_model_takes_are_refused_before_sending(
    shell: Shell, offering: Offering, photo: Path, hat: Path, model: str, references: int, words: str
) -> None:
    sandbox = offering(PAIR, ALONE, SIX)
    given = [word for _ in range(references) for word in ("--reference", hat)]
    assert shell("edit", photo, "-p", "x", "--model", model, *given) == 2
    assert words in shell.err
    assert posts(sandbox) == []
    assert shell.jobs == []


@pytest.mark.covers("POST /image/multi-edit: images")
def test_a_model_that_says_nothing_takes_three_pictures_in_all(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path, hat: Path
) -> None:
    two = ("--reference", hat, "--reference", hat)
    assert shell("edit", photo, "-p", "x", *two) == 0
    assert len(posts(sandbox)[0].files) == 3
    code, said = shell.json("edit", photo, "-p", "x", "--mask", mask, *two)
    assert code == 0
    assert [file.mode for file in posts(sandbox)[1].files] == ["RGB"] * 3
    assert "at most 3 images" in " ".join(said["results"][0]["warnings"])
    assert shell("edit", photo, "-p", "x", *two, "--reference", hat) == 2
    assert len(posts(sandbox)) == 2


@pytest.mark.covers("Input images")
def test_a_reference_that_is_no_picture_is_found_before_sending(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "words.png").write_text("words")
    for path in (tmp_path / "words.png", tmp_path / "none.png"):
        assert shell("edit", photo, "-p", "x", "--reference", path) == 2
        assert path.name in shell.err
    assert posts(sandbox) == []


@pytest.mark.covers("Input images")
@pytest.mark.parametrize("command", ["cutout", "upscale"])
def test_other_commands_take_no_references(shell: Shell, photo: Path, hat: Path, command: str) -> None:
    with pytest.raises(SystemExit) as caught:
        shell(command, photo, "--reference", hat)
    assert caught.value.code == 2
