"""`edit --output changes`: what the model did not change keeps its own bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from contract_ways import Pixels, Shell
from PIL import Image

from venice_core.sandbox import Sandbox, picture_effects

BOX = (150, 90, 270, 190)
FAR = 24  # px: from a change on, nothing is touched


@pytest.fixture
def a_hat(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox answers with noise all over, and a plain box as the only change."""

    def edited(sources: list[Image.Image]) -> Image.Image:
        picture = np.asarray(sources[0].convert("RGB"))
        noise = np.random.default_rng(5).normal(0.0, 2.0, picture.shape)
        made = Image.fromarray(np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8))
        made.paste((200, 30, 120), BOX)
        return made

    monkeypatch.setattr(picture_effects, "multi_edit", edited)


def box(shape: tuple[int, ...], margin: int = 0) -> Pixels:
    left, top, right, bottom = BOX
    where = np.zeros(shape[:2], bool)
    where[top - margin : bottom + margin, left - margin : right + margin] = True
    return where


@pytest.mark.covers("Unexpected responses: small differences")
@pytest.mark.usefixtures("a_hat")
def test_only_what_changed_is_replaced(shell: Shell, photo: Path, chelsea: Pixels, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert shell("edit", photo, "-p", "a hat", "--output", "changes", "-o", out) == 0
    made = np.asarray(Image.open(out))
    assert np.abs(made[box(made.shape)].astype(int) - (200, 30, 120)).max() <= 3
    elsewhere = ~box(made.shape, FAR)
    assert np.array_equal(made[elsewhere], chelsea[elsewhere])


@pytest.mark.covers("Unexpected responses: small differences")
@pytest.mark.usefixtures("a_hat")
def test_the_usual_output_is_all_of_the_result(
    shell: Shell, photo: Path, chelsea: Pixels, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    assert shell("edit", photo, "-p", "a hat", "-o", out) == 0
    made = np.asarray(Image.open(out))
    assert (made != chelsea)[~box(made.shape, FAR)].mean() > 0.5


@pytest.mark.covers("Unexpected responses: small differences")
@pytest.mark.usefixtures("a_hat")
def test_the_layer_comes_with_its_mask(shell: Shell, photo: Path, tmp_path: Path) -> None:
    arguments = ("--output", "changes", "--layer", "-o", tmp_path / "out.png")
    code, said = shell.json("edit", photo, "-p", "a hat", *arguments)
    (result,) = said["results"]
    assert code == 0
    layer, mask = np.asarray(Image.open(result["layer"])), np.asarray(Image.open(result["mask"]))
    assert layer.shape == (*mask.shape, 4)
    assert (mask[box(mask.shape)] == 255).all()
    assert not mask[~box(mask.shape, FAR)].any()


@pytest.mark.covers("Unexpected responses: small differences")
def test_an_answer_without_a_change_leaves_the_picture_and_is_told(
    shell: Shell, sandbox: Sandbox, photo: Path, chelsea: Pixels, tmp_path: Path
) -> None:
    sandbox.switch(identity=True)
    out = tmp_path / "out.png"
    code, said = shell.json("edit", photo, "-p", "a hat", "--output", "changes", "-o", out)
    assert code == 0
    assert np.array_equal(np.asarray(Image.open(out)), chelsea)
    assert any("made no visible change" in warning for warning in said["results"][0]["warnings"])


@pytest.mark.covers("Unexpected responses: small differences")
@pytest.mark.usefixtures("a_hat")
def test_a_mask_limits_the_changes_too(
    shell: Shell, photo: Path, mask: Path, chelsea: Pixels, tmp_path: Path
) -> None:
    parts = ("--output", "changes", "--layer", "-o", tmp_path / "out.png")
    code, said = shell.json("edit", photo, "-p", "x", "--mask", mask, "--feather", "0", *parts)
    assert code == 0
    (result,) = said["results"]
    crop = result["plan"]["crop"]
    right, bottom = crop["x"] + crop["width"], crop["y"] + crop["height"]
    selected = np.asarray(Image.open(mask))[crop["y"] : bottom, crop["x"] : right]
    limited = np.asarray(Image.open(result["mask"]))
    assert limited.any()
    assert (limited <= selected).all()
    assert (limited < selected).any()


@pytest.mark.covers("Unexpected responses: small differences")
def test_a_cut_outs_output_is_another_matter(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    with pytest.raises(SystemExit):
        shell("cutout", photo, "--output", "changes")
    with pytest.raises(SystemExit):
        shell("edit", photo, "-p", "x", "--output", "mask")
    assert not sandbox.requests
