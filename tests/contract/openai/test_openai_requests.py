"""What an edit sends to a service in OpenAI's manner, field by field and file by file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from contract_ways import GROK, OPENAI, OWN, PROFILES, RELAY, Pixels, Shell, opened
from PIL import Image
from support import posts

from venice_core.geometry.aspect_ratio import parse_ratio
from venice_core.planning.edit import MASK_SENTENCES
from venice_core.sandbox import Sandbox
from venice_core.sandbox.request_log import SeenFile, SeenRequest

Size = tuple[int, int]

MODEL = {OPENAI: "gpt-image-2.6-sunburst", GROK: "grok-3-image", RELAY: "gpt-image-1"}
# what an edit of `photo`, 451 x 300 px, holds beside the prompt and the files
FIELDS: dict[str, dict[str, str]] = {
    OPENAI: {
        "model": MODEL[OPENAI],
        "size": "1008x672",
        "quality": "high",
        "background": "opaque",
        "output_format": "png",
    },
    GROK: {"model": MODEL[GROK], "aspect_ratio": "3:2"},
    RELAY: {"model": MODEL[RELAY]},
    OWN: {"size": "640x432", "response_format": "b64_json"},
}
PADDED = {OPENAI: (452, 301), GROK: (452, 301), RELAY: (452, 301), OWN: (451, 304)}
ONE = {OPENAI: "image", GROK: "image", RELAY: "image[]", OWN: "image"}
TAKES_ONE = (GROK, OWN)
THREE_SIZES = {"1024x1024", "1536x1024", "1024x1536"}
RATIOS = {
    *("1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2"),
    *("9:19.5", "19.5:9", "9:20", "20:9", "1:2", "2:1", "auto"),
}


def only(sandbox: Sandbox) -> SeenRequest:
    """The one POST there was, which the service took."""
    (seen,) = posts(sandbox)
    assert seen.status == 200
    return seen


def facts(file: SeenFile) -> tuple[Any, ...]:
    return file.name, file.filename, file.content_type, file.format, file.mode, (file.width, file.height)


def picture(name: str, number: int, size: Size, mode: str = "RGB") -> tuple[Any, ...]:
    """A picture as it is always sent."""
    return name, f"image-{number}.png", "image/png", "PNG", mode, size


def blank(path: Path, width: int, height: int) -> Path:
    Image.new("RGB", (width, height), (90, 120, 60)).save(path)
    return path


def window(plan: dict[str, Any]) -> tuple[slice, slice]:
    """Where the crop lies in what is sent, which was not scaled."""
    crop, padding, size = plan["crop"], plan["padding"], plan["size"]
    assert size["width"] == crop["width"] + padding["left"] + padding["right"]
    assert size["height"] == crop["height"] + padding["top"] + padding["bottom"]
    left, top = padding["left"], padding["top"]
    return slice(top, top + crop["height"]), slice(left, left + crop["width"])


def of_crop(array: Pixels, plan: dict[str, Any]) -> Pixels:
    crop = plan["crop"]
    return array[crop["y"] : crop["y"] + crop["height"], crop["x"] : crop["x"] + crop["width"]]


# Fields and files


@pytest.mark.covers("Tests of the dialects: what is sent, field by field")
@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("selection", ["none", "local", "ignore"])
def test_an_edit_without_a_mask_is_one_picture_and_the_fewest_fields(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path, selection: str
) -> None:
    given = () if selection == "none" else ("--mask", mask, "--selection", selection)
    code, result = shell.result("edit", photo, "-p", "a hat", *given)
    assert code == 0
    seen = only(sandbox)
    assert seen.path == f"/{profile}/v1/images/edits"
    assert seen.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert seen.fields == {"prompt": "a hat", **FIELDS[profile]}
    assert [facts(file) for file in seen.files] == [picture(ONE[profile], 1, PADDED[profile])]
    sent = opened(seen.files[0].data)[window(result["plan"])]
    assert np.array_equal(sent, opened(photo.read_bytes()))


@pytest.mark.covers("Tests of the dialects: the selection")
@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("grow", [0, 6])
@pytest.mark.parametrize("profile", [OPENAI, OWN], indirect=True)
def test_a_real_mask_is_transparent_exactly_where_anything_is_selected(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path, grow: int
) -> None:
    code, result = shell.result("edit", photo, "-p", "a hat", "--mask", mask, "--grow", grow)
    assert code == 0
    seen = only(sandbox)
    assert seen.fields == {"prompt": "a hat", **FIELDS[profile]}, "no sentence about the mask"
    size = PADDED[profile]
    assert [facts(file) for file in seen.files] == [
        picture("image", 1, size),
        ("mask", "mask.png", "image/png", "PNG", "RGBA", size),
    ]
    coverage = opened(mask.read_bytes())
    assert set(np.unique(coverage)) > {0, 1, 128, 255}, "it is soft"
    away = cv2.distanceTransform((coverage == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    selected = of_crop(away <= grow + 1e-3, result["plan"])
    rgba = opened(seen.files[1].data)
    assert np.array_equal(rgba[window(result["plan"])][..., 3], np.where(selected, 0, 255))
    assert all(np.array_equal(rgba[..., band], 255 - rgba[..., 3]) for band in range(3))


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_a_real_mask_has_the_pictures_size_where_that_is_scaled_down_and_covers_no_less(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path
) -> None:
    """A line one pixel wide must not be lost on the way."""
    coverage = np.zeros((1120, 1600), np.uint8)
    coverage[560, 100:1500], coverage[100:1020, 801] = 1, 255
    Image.fromarray(coverage).save(tmp_path / "lines.png")
    large = blank(tmp_path / "large.png", 1600, 1120)
    given = ("--mask", tmp_path / "lines.png", "--model", "gpt-image-1.5")
    code, result = shell.result("edit", large, "-p", "a hat", *given)
    assert code == 0
    image, mask = only(sandbox).files
    assert (image.width, image.height) == (mask.width, mask.height) == (1536, 1024)
    crop, padding = result["plan"]["crop"], result["plan"]["padding"]
    alpha = opened(mask.data)[..., 3]
    assert set(np.unique(alpha)) == {0, 255}
    across = 1536 / (crop["width"] + padding["left"] + padding["right"])
    down = 1024 / (crop["height"] + padding["top"] + padding["bottom"])
    for y, x in np.argwhere(coverage):
        row = int((y + 0.5 - crop["y"] + padding["top"]) * down)
        column = int((x + 0.5 - crop["x"] + padding["left"]) * across)
        assert alpha[row, column] == 0, (x, y)
    assert (alpha == 0).mean() < 0.02


@pytest.mark.covers("Tests of the dialects: the selection")
@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("profile", [RELAY], indirect=True)
def test_without_a_field_for_masks_the_selection_goes_along_as_a_second_picture(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path
) -> None:
    code, result = shell.result("edit", photo, "-p", "a hat", "--mask", mask, "--reference", photo)
    assert code == 0
    seen = only(sandbox)
    assert seen.fields == {**FIELDS[RELAY], "prompt": f"a hat\n\n{MASK_SENTENCES[0]}"}
    assert [facts(file) for file in seen.files] == [
        picture("image[]", 1, PADDED[RELAY]),
        picture("image[]", 2, PADDED[RELAY], "L"),
        picture("image[]", 3, (451, 300)),
    ]
    sent = opened(seen.files[1].data)[window(result["plan"])]
    assert np.array_equal(sent, of_crop(opened(mask.read_bytes()), result["plan"])), "soft, white = change"


@pytest.mark.covers("Tests of the dialects: the selection")
@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("profile", [GROK], indirect=True)
def test_where_no_mask_can_go_along_the_region_alone_is_sent_and_that_is_said(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path
) -> None:
    code, result = shell.result("edit", photo, "-p", "a hat", "--mask", mask)
    assert code == 0
    seen = only(sandbox)
    assert seen.fields == {"prompt": "a hat", **FIELDS[GROK]}
    assert [facts(file) for file in seen.files] == [picture("image", 1, PADDED[GROK])]
    assert "accepts only one image, so it sees the region without a mask" in result["warnings"][0]


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("selection", ["guide", "ignore"])
@pytest.mark.parametrize("profile", [OPENAI, RELAY], indirect=True)
def test_references_follow_the_picture_under_the_name_for_several(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path, tmp_path: Path, selection: str
) -> None:
    other = blank(tmp_path / "other.png", 80, 60)
    given = ("--reference", other, "--reference", photo, "--mask", mask, "--selection", selection)
    assert shell("edit", photo, "-p", "a hat", *given) == 0
    names = [file.name for file in only(sandbox).files]
    sizes = [(file.width, file.height) for file in only(sandbox).files]
    told = profile == RELAY and selection == "guide"
    assert names == ["image[]"] * (4 if told else 3) + ["mask"] * (profile == OPENAI and selection == "guide")
    assert sizes[0] == PADDED[profile]
    assert sizes[2 if told else 1 :][:2] == [(80, 60), (451, 300)]


@pytest.mark.parametrize("profile", TAKES_ONE, indirect=True)
def test_references_are_refused_where_one_picture_is_all_that_is_taken(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    assert shell("edit", photo, "-p", "a hat", "--reference", photo) == 2
    assert "accepts only one image" in shell.err
    assert sandbox.requests == []
    assert shell.jobs == []


# Shapes and sizes


@pytest.mark.covers("Tests of the dialects: shapes and alignment")
@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize(
    "size",
    [(1, 1), (5, 900), (1000, 334), (1000, 1000)],
)
def test_every_shape_is_sent_as_the_service_takes_it(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path, size: Size
) -> None:
    code, result = shell.result("edit", blank(tmp_path / "odd.png", *size), "-p", "a hat")
    assert code == 0, "and the service took it"
    seen = only(sandbox)
    width, height = seen.files[0].width or 0, seen.files[0].height or 0
    if profile in (OPENAI, OWN):
        asked = tuple(map(int, seen.fields["size"].split("x")))
        assert not any(side % 16 for side in asked)
        assert max(asked) <= {OPENAI: 3, OWN: 4}[profile] * min(asked)
        assert asked[0] * asked[1] >= {OPENAI: 655_360, OWN: 262_144}[profile]
        assert asked[0] * asked[1] <= {OPENAI: 3_686_400, OWN: 4_194_304}[profile]
        assert math.log(width / height * asked[1] / asked[0]) == pytest.approx(0, abs=1 / min(width, height))
    if profile == GROK:
        across, down = map(float, seen.fields["aspect_ratio"].split(":"))
        assert seen.fields["aspect_ratio"] in RATIOS - {"auto"}
        assert math.log(width / height * down / across) == pytest.approx(0, abs=1 / min(width, height))
    if profile == RELAY:
        assert "size" not in seen.fields
        assert min(abs(math.log(width / height * ratio)) for ratio in (1, 1.5, 1 / 1.5)) <= 1 / min(
            width, height
        )
    assert Image.open(result["output"]).size == size


@pytest.mark.parametrize("size", [(2700, 1800), (300, 7000)])
def test_more_than_comes_back_is_not_sent(shell: Shell, profile: str, tmp_path: Path, size: Size) -> None:
    huge = blank(tmp_path / "huge.png", *size)
    code, result = shell.result("edit", huge, "-p", "a hat", "--dry-run")
    assert code == 0
    sent, asked = result["plan"]["size"], result["plan"]["asked"]
    if profile == GROK:
        assert sent["width"] * sent["height"] <= 4_194_304
    else:
        assert sent == asked
    assert any("service's maximum, so the result is softer" in each for each in result["plan"]["warnings"])


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ("9:19.5", {GROK: "9:19.5"}),
        ("auto", {GROK: "auto", OPENAI: "1008x672", OWN: "640x432", RELAY: ""}),
        ("1:1", {GROK: "1:1", OPENAI: "816x816", OWN: "512x512", RELAY: ""}),
        ("2:3", {GROK: "2:3", OPENAI: "672x992", OWN: "464x688", RELAY: ""}),
        ("5:7", {OPENAI: "688x960", OWN: "464x640"}),
    ],
)
def test_an_aspect_ratio_is_named_or_becomes_a_size_or_is_refused(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, ratio: str, expected: dict[str, str]
) -> None:
    code = shell("edit", photo, "-p", "a hat", "--aspect-ratio", ratio)
    if profile not in expected and profile in (GROK, RELAY):
        assert code == 2
        assert f"has no aspect ratio “{ratio}”: it offers 1:1," in shell.err
        assert sandbox.requests == []
        return
    assert code == 0
    fields = only(sandbox).fields
    named = fields.get("aspect_ratio" if profile == GROK else "size", "")
    if profile in expected:
        assert named == expected[profile]
    else:
        across, down = map(int, named.split("x"))
        wanted = math.log(parse_ratio(ratio) or 0)
        assert math.log(across / down) == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize("ratio", ["4:1", "1:4", "100:1"])
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_a_shape_beyond_one_to_three_is_refused_before_sending(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, ratio: str
) -> None:
    assert shell("edit", photo, "-p", "x", "--aspect-ratio", ratio) == 2
    assert f"no aspect ratio “{ratio}”" in shell.err
    assert sandbox.requests == []


# Options


@pytest.mark.covers("Tests of the dialects: what is sent, field by field")
@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize(
    ("option", "wish", "expected"),
    [
        ("resolution", "2K", {GROK: "2k"}),
        ("resolution", "4K", {}),
        ("quality", "low", {OPENAI: "low", GROK: "low", RELAY: "low"}),
        ("quality", "HIGH", {OPENAI: "high", GROK: "high", RELAY: "high"}),
        ("quality", "max", {OPENAI: "max"}),
        ("quality", "best", {}),
    ],
)
def test_a_choice_is_spelled_as_the_service_does_or_refused_where_it_has_none(
    shell: Shell,
    sandbox: Sandbox,
    profile: str,
    photo: Path,
    option: str,
    wish: str,
    expected: dict[str, str],
) -> None:
    code = shell("edit", photo, "-p", "a hat", f"--{option}", wish)
    if profile in expected:
        assert code == 0
        assert only(sandbox).fields == {"prompt": "a hat", **FIELDS[profile], option: expected[profile]}
    else:
        assert code == 2
        assert f"has no {option} “{wish}”" in shell.err
        assert sandbox.requests == []


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("gpt-image-2.6-flare", {}),
        ("gpt-image-2.5-flare", {}),
        ("gpt-image-2", {}),
        ("gpt-image-1.5", {"size": "1536x1024", "input_fidelity": "high"}),
        ("gpt-image-1-mini", {"size": "1536x1024"}),
        ("chatgpt-image-latest", {"size": "1536x1024"}),
    ],
)
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_each_of_openais_models_gets_what_it_takes(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path, model: str, more: dict[str, str]
) -> None:
    assert shell("edit", photo, "-p", "a hat", "--mask", mask, "--model", model) == 0
    assert only(sandbox).fields == {"prompt": "a hat", **FIELDS[OPENAI], "model": model, **more}


@pytest.mark.covers("Tests of the dialects: retired models")
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_what_has_no_option_is_set_by_name_except_what_could_not_be_read(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    assert shell("edit", photo, "-p", "x", "--field", "complexity=low") == 0
    assert only(sandbox).fields["complexity"] == "low"
    assert shell("edit", photo, "-p", "x", "--field", "output_format=svg") == 2
    assert "output_format=svg: expected jpg|png|jpeg|webp|avif|tiff|gif|bmp" in shell.err
    assert len(posts(sandbox)) == 1


@pytest.mark.covers("Tests of the dialects: retired models")
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("gpt-image-1.5", "gpt-image-1.5 will be retired on 2026-12-01; use gpt-image-2.6-sunburst instead."),
        ("gpt-image-1", "gpt-image-1 will be retired on 2026-10-23; use gpt-image-2.6-sunburst instead."),
        ("gpt-image-2.6-sunburst", ""),
    ],
)
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_a_model_that_ends_is_said_to_before_it_is_paid_for(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, model: str, words: str
) -> None:
    code, result = shell.result("edit", photo, "-p", "x", "--model", model, "--dry-run")
    assert code == 0
    # from its day on, it is said to have been retired
    said = [warning for warning in result["plan"]["warnings"] if " retired" in warning]
    assert [warning.replace("was retired", "will be retired") for warning in said] == (
        [words] if words else []
    )
    assert sandbox.requests == []


@pytest.mark.usefixtures("small_answers")
def test_safe_mode_off_is_nothing_that_an_edit_could_tell(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    assert shell("edit", photo, "-p", "a hat", "--no-safe-mode") == 0
    assert only(sandbox).fields == {"prompt": "a hat", **FIELDS[profile]}


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_further_fields_go_along_and_those_of_the_plan_cannot_be_set(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    assert shell("edit", photo, "-p", "a hat", "--field", "user=me", "--field", "background=auto") == 0
    assert only(sandbox).fields == {"prompt": "a hat", **FIELDS[OPENAI], "user": "me", "background": "auto"}
    sandbox.reset()
    for name in ("prompt", "model", "image", "mask", "n", "size", "stream"):
        assert shell("edit", photo, "-p", "a hat", "--field", f"{name}=1") == 2
        assert f"“{name}” cannot be set by name" in shell.err
    assert sandbox.requests == []


@pytest.mark.parametrize("command", ["cutout", "upscale"])
def test_what_such_a_service_cannot_do_is_said_before_anything_is_sent(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, command: str
) -> None:
    assert shell(command, photo) == 2
    what = {"cutout": "remove backgrounds", "upscale": "upscale images"}[command]
    assert f"The provider {profile} cannot {what}: choose another one, such as venice." in shell.err
    assert (sandbox.requests, shell.jobs) == ([], [])


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("profile", [OPENAI, RELAY], indirect=True)
def test_a_prompt_beyond_the_limit_is_refused_and_one_at_it_is_sent(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    assert shell("edit", photo, "-p", "x" * 32_001) == 2
    assert "the model accepts at most 32000" in shell.err
    assert sandbox.requests == []
    assert shell("edit", photo, "-p", "x" * 32_000) == 0
    assert only(sandbox).fields["prompt"] == "x" * 32_000


def test_the_profiles_here_are_all_that_are_built_in(shell: Shell) -> None:
    assert shell("models", "--provider", "none-such") == 2
    assert f"Available: venice, {', '.join(PROFILES)}, sandbox." in shell.err
