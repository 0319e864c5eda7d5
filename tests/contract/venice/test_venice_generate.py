"""Pictures from words: what is sent, what is refused before it is sent, and what becomes of the answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_ways import GENERATE, GENERATIONS, Pixels, Shell, entry, opened, paths
from PIL import Image, ImageOps
from support import posts

from venice_core.records.entry import ANSWER
from venice_core.sandbox import Sandbox

Offering = Callable[..., Sandbox]

SIZED = entry(
    "sized",
    "image",
    constraints={"widthHeightDivisor": 32, "promptCharacterLimit": 100, "steps": {"default": 8, "max": 20}},
)
SHAPED = entry(
    "shaped",
    "image",
    constraints={
        "aspectRatios": ["1:1", "16:9", "9:16"],
        "resolutions": ["1K", "2K"],
        "defaultResolution": "1K",
        "qualities": ["low", "high"],
        "maxStyleReferences": 2,
    },
)
AUTO = entry("chooses", "image", constraints={"aspectRatios": ["auto", "1:1"]})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "made.png"


def distance(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


# What is sent


@pytest.mark.covers(
    "POST /image/generate: return_binary", "Every documented case: generate as JSON and as bytes, variants"
)
def test_one_picture_is_asked_for_in_the_fewest_words_and_comes_as_bare_bytes(
    shell: Shell, sandbox: Sandbox, out: Path
) -> None:
    assert shell("generate", "-p", "a boat", "-o", out) == 0
    (seen,) = posts(sandbox)
    assert (seen.path, seen.complete) == (GENERATE, True)
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.fields == {
        "model": "z-image-turbo",
        "prompt": "a boat",
        "width": 1024,
        "height": 1024,
        "return_binary": True,
        "format": "png",
    }
    assert (shell.job.folder / ANSWER).read_bytes()[:4] == b"\x89PNG"
    assert np.array_equal(opened(out.read_bytes())[..., :3], opened((shell.job.folder / ANSWER).read_bytes()))


@pytest.mark.covers(
    "POST /image/generate: variants", "Every documented case: generate as JSON and as bytes, variants"
)
def test_several_pictures_are_one_request_with_variants_in_json(
    shell: Shell, sandbox: Sandbox, out: Path
) -> None:
    code, said = shell.json("generate", "-p", "a boat", "--variations", "3", "-o", out)
    assert code == 0
    (seen,) = posts(sandbox)
    assert seen.fields["variants"] == 3
    assert "return_binary" not in seen.fields
    files = [out.with_name(f"made-{number}.png") for number in (1, 2, 3)]
    made = json.loads((shell.job.folder / ANSWER).read_bytes())["images"]
    for file, text in zip(files, made, strict=True):
        assert np.array_equal(opened(file.read_bytes())[..., :3], opened(base64.b64decode(text)))
    (result,) = said["results"]
    assert [each["output"] for each in result["variations"]] == [str(file) for file in files]
    assert result["jobs"] == [shell.job.id]
    assert result["price"] == {"usd": 0.03, "diem": 0.03}
    assert not out.exists()


@pytest.mark.covers("POST /image/generate: seed")
@pytest.mark.parametrize(
    ("option", "field"),
    [
        (("--negative-prompt", " fog "), {"negative_prompt": "fog"}),
        (("--seed", "7"), {"seed": 7}),
        (("--seed", "0"), {"seed": 0}),
        (("--seed", "-999999999"), {"seed": -999_999_999}),
        (("--style", "Anime"), {"style_preset": "Anime"}),
        (("--style", "aNALOG film"), {"style_preset": "Analog Film"}),
        (("--no-safe-mode",), {"safe_mode": False}),
        (("--enhance-prompt",), {"enhance_prompt": True}),
        (("--field", "cfg_scale=7.5"), {"cfg_scale": 7.5}),
    ],
)
def test_optional_fields_are_sent_only_when_asked_for(
    shell: Shell, sandbox: Sandbox, out: Path, option: tuple[str, ...], field: dict[str, Any]
) -> None:
    assert shell("generate", "-p", "a boat", "-o", out, *option) == 0
    sent = dict(posts(sandbox)[0].fields)
    for name in ("model", "prompt", "width", "height", "return_binary", "format"):
        sent.pop(name)
    assert sent == field


@pytest.mark.covers("POST /image/generate: model")
def test_a_model_can_be_named_by_what_it_is_known_for(shell: Shell, sandbox: Sandbox, out: Path) -> None:
    assert shell("generate", "-p", "x", "-o", out, "--model", "highest_quality") == 0
    assert posts(sandbox)[0].fields["model"] == "qwen-image"


@pytest.mark.covers("POST /image/generate: model", "How a model's entry: traits")
def test_the_service_says_which_model_is_its_default(shell: Shell, offering: Offering, out: Path) -> None:
    sandbox = offering(SIZED, entry("chosen", "image", traits=["default"]))
    assert shell("generate", "-p", "x", "-o", out) == 0
    assert posts(sandbox)[0].fields["model"] == "chosen"


# Size and shape


@pytest.mark.covers("POST /image/generate: width")
@pytest.mark.parametrize(
    ("wish", "ratio"), [((), 1.0), (("--size", "500x300"), 5 / 3), (("--aspect-ratio", "9:16"), 9 / 16)]
)
def test_a_model_by_width_and_height_is_asked_in_multiples_of_its_step(
    shell: Shell, offering: Offering, out: Path, wish: tuple[str, ...], ratio: float
) -> None:
    sandbox = offering(SIZED)
    assert shell("generate", "-p", "x", "-o", out, "--model", "sized", *wish) == 0
    fields = posts(sandbox)[0].fields
    width, height = fields["width"], fields["height"]
    assert (width % 32, height % 32) == (0, 0)
    assert width / height == pytest.approx(ratio, rel=0.06)
    assert max(width, height) <= 1280
    assert 700_000 < width * height <= 1_280_000
    assert "aspect_ratio" not in fields


@pytest.mark.covers("POST /image/generate: aspect_ratio")
@pytest.mark.parametrize(
    ("wish", "ratio", "tier"),
    [
        ((), "1:1", None),
        (("--size", "1920x1080"), "16:9", None),
        (("--size", "300x500", "--resolution", "2K"), "9:16", "2K"),
        (("--aspect-ratio", "16:9"), "16:9", None),
    ],
)
def test_a_model_by_aspect_ratio_is_asked_for_the_nearest_it_lists_without_pixels(
    shell: Shell, offering: Offering, out: Path, wish: tuple[str, ...], ratio: str, tier: str | None
) -> None:
    sandbox = offering(SHAPED)
    assert shell("generate", "-p", "x", "-o", out, "--model", "shaped", *wish) == 0
    fields = posts(sandbox)[0].fields
    assert (fields["aspect_ratio"], fields.get("resolution")) == (ratio, tier)
    assert not {"width", "height"} & fields.keys()


@pytest.mark.covers("POST /image/generate: aspect_ratio")
@pytest.mark.parametrize(("model", "sent"), [("chooses", "auto"), ("shaped", "1:1")])
def test_auto_is_sent_only_to_a_model_that_lists_it(
    shell: Shell, offering: Offering, out: Path, model: str, sent: str
) -> None:
    sandbox = offering(SHAPED, AUTO)
    assert shell("generate", "-p", "x", "-o", out, "--model", model, "--aspect-ratio", "auto") == 0
    assert posts(sandbox)[0].fields["aspect_ratio"] == sent


@pytest.mark.covers("POST /image/generate: width")
def test_a_size_is_covered_without_stretching(shell: Shell, offering: Offering, out: Path) -> None:
    offering(SHAPED)
    assert shell("generate", "-p", "x", "-o", out, "--model", "shaped", "--size", "600x300") == 0
    answer = Image.open(shell.job.folder / ANSWER).convert("RGB")
    assert answer.width / answer.height < 1.9, "the answer has another shape than what is to be covered"
    made = np.asarray(Image.open(out).convert("RGB"))
    assert made.shape == (300, 600, 3)
    covered = np.asarray(ImageOps.fit(answer, (600, 300), Image.Resampling.BOX))
    stretched = np.asarray(answer.resize((600, 300), Image.Resampling.BOX))
    assert distance(made, covered) < 3
    assert distance(stretched, covered) > 2 * distance(made, covered)


@pytest.mark.covers("POST /image/generate: width")
def test_a_size_larger_than_what_is_made_is_said_before_it_is_paid_for(shell: Shell, out: Path) -> None:
    code, said = shell.json("generate", "-p", "x", "-o", out, "--size", "4000x4000", "--dry-run")
    (result,) = said["results"]
    assert code == 0
    assert "enlarged" in " ".join(result["plan"]["warnings"])


# Style references


@pytest.fixture
def styles(tmp_path: Path, chelsea: Pixels, coffee: Pixels) -> list[Path]:
    found = []
    for name, pixels in (("one", chelsea), ("two", coffee), ("three", chelsea)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        found.append(tmp_path / f"{name}.png")
    return found


@pytest.mark.covers("POST /image/generate: style_references")
def test_style_references_go_as_plain_base64_in_their_order(
    shell: Shell, offering: Offering, out: Path, styles: list[Path]
) -> None:
    sandbox = offering(SHAPED)
    given = ("--reference", styles[0], "--reference", styles[1], "--reference-strength", "0.4")
    assert shell("generate", "-p", "x", "-o", out, "--model", "shaped", *given) == 0
    sent = posts(sandbox)[0].fields["style_references"]
    assert [reference["strength"] for reference in sent] == [0.4, 0.4]
    for reference, path in zip(sent, styles, strict=False):
        pixels = opened(base64.b64decode(reference["image"], validate=True))
        assert np.array_equal(pixels, np.asarray(Image.open(path)))


@pytest.mark.covers("POST /image/generate: style_references")
def test_without_a_wish_the_strength_is_the_services(
    shell: Shell, offering: Offering, out: Path, styles: list[Path]
) -> None:
    sandbox = offering(SHAPED)
    assert shell("generate", "-p", "x", "-o", out, "--model", "shaped", "--reference", styles[0]) == 0
    assert [set(each) for each in posts(sandbox)[0].fields["style_references"]] == [{"image"}]


@pytest.mark.covers("POST /image/generate: style_references")
@pytest.mark.parametrize(("model", "count", "words"), [("shaped", 3, "at most 2"), ("sized", 1, "no ref")])
def test_more_style_references_than_the_model_takes_are_refused_before_sending(
    shell: Shell, offering: Offering, out: Path, styles: list[Path], model: str, count: int, words: str
) -> None:
    sandbox = offering(SHAPED, SIZED)
    given = [word for path in styles[:count] for word in ("--reference", path)]
    assert shell("generate", "-p", "x", "-o", out, "--model", model, *given) == 2
    assert words in shell.err
    assert posts(sandbox) == []


# Refused before anything is sent


@pytest.mark.covers(
    "POST /image/generate: negative_prompt",
    "POST /image/generate: style_preset",
    "How a model's entry: constraints.widthHeightDivisor",
    "Other outcomes: bad-input",
)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-p", " "), "prompt is empty"),
        (("-p", "x" * 101), "at most 100"),
        (("-p", "x", "--negative-prompt", "y" * 101), "negative prompt"),
        (("-p", "x", "--style", "Animee"), "did you mean Anime"),
        (("-p", "x", "--style", "qqqqqqqq"), "There is no style"),
        (("-p", "x", "--seed", "1000000000"), "seed"),
        (("-p", "x", "--variations", "5"), "between 1 and 4"),
        (("-p", "x", "--reference-strength", "0.05"), "between 0.1 and 1"),
        (("-p", "x", "--size", "12"), "not a size"),
        (("-p", "x", "--resolution", "2K"), "no resolution “2K”"),
        (("-p", "x", "--quality", "high"), "no quality “high”"),
        (("-p", "x", "--field", "steps=21"), "at most 20 steps"),
        (("-p", "x", "--field", "width=1000"), "multiple of 32"),
        (("-p", "x", "--field", "width=1024", "--aspect-ratio", "1:1"), "not both"),
        (("-p", "x", "--aspect-ratio", "wide"), "not an aspect ratio"),
        (("-p", "x", "--model", "shaped", "--aspect-ratio", "4:3"), "no aspect ratio “4:3”"),
        (("-p", "x", "--model", "shaped", "--resolution", "4K"), "no resolution “4K”"),
        (("-p", "x", "--model", "shaped", "--quality", "medium"), "no quality “medium”"),
        (("-p", "x", "--model", "shaped", "--field", "height=1024"), "aspect ratio instead"),
        (("-p", "x", "--model", "firered-image-edit"), "generates images, such as"),
        (("-p", "x", "--model", "upscaler"), "generates images, such as"),
        (("-p", "x", "--endpoint", "/image/edit"), "cannot generate images"),
    ],
)
def test_what_the_model_does_not_take_is_refused_before_sending(
    shell: Shell, offering: Offering, out: Path, arguments: tuple[str, ...], words: str
) -> None:
    sandbox = offering(SIZED, SHAPED)
    named = () if "--model" in arguments else ("--model", "sized")
    assert shell("generate", "-o", out, *named, *arguments) == 2
    assert words in shell.err
    assert posts(sandbox) == []
    assert shell.jobs == []


@pytest.mark.covers("POST /image/generate: prompt", "POST /images/generations: prompt")
@pytest.mark.parametrize(
    ("endpoint", "longest"), [("/image/generate", 32_768), ("/images/generations", 1500)]
)
def test_the_longest_prompt_is_sent_and_one_character_more_is_not(
    shell: Shell, sandbox: Sandbox, out: Path, endpoint: str, longest: int
) -> None:
    assert shell("generate", "-p", "é" * longest, "-o", out, "--endpoint", endpoint) == 0
    assert posts(sandbox)[0].fields["prompt"] == "é" * longest
    assert shell("generate", "-p", "x" * (longest + 1), "-o", out, "--endpoint", endpoint) == 2
    assert f"at most {longest}" in shell.err
    assert len(posts(sandbox)) == 1


@pytest.mark.covers("POST /image/generate: prompt")
@pytest.mark.parametrize("limit", [1500, 20_000])
def test_a_models_own_limit_has_the_last_word_on_the_prompt(
    shell: Shell, offering: Offering, out: Path, limit: int
) -> None:
    sandbox = offering(entry("able", "image", constraints={"promptCharacterLimit": limit}))
    given = ("generate", "-o", out, "--model", "able", "-p")
    assert shell(*given, "x" * (limit + 1)) == 2
    assert f"at most {limit}" in shell.err
    assert posts(sandbox) == []
    assert shell(*given, "x" * limit) == 0


# What the content policy blocks

BLOCKED = "content policy blocked this request"


@pytest.mark.covers("Other outcomes: policy | 200")
@pytest.mark.parametrize("endpoint", ["/image/generate", "/images/generations"])
@pytest.mark.parametrize("count", [1, 2])
def test_blocked_pictures_are_a_refusal_that_cost_nothing(
    shell: Shell, sandbox: Sandbox, out: Path, endpoint: str, count: int
) -> None:
    """Bare, in JSON, and in OpenAI's manner: 200 with black pictures or a placeholder."""
    sandbox.switch(violation=True)
    given = ("generate", "-p", "x", "-o", out, "--endpoint", endpoint, "--variations", count)
    code, result = shell.result(*given)
    error = result["error"]
    assert (code, error["kind"], error["charge"]) == (3, "policy", "none")
    assert BLOCKED in error["message"]
    assert "Nothing was charged." in error["message"]
    assert "may" not in error["message"]
    assert list(out.parent.glob("*.png")) == []
    for job in shell.jobs:
        assert (job.record["status"], job.record["charge"]) == ("failed", "none")
        assert job.record["facts"]["content_violation"] is True


@pytest.mark.covers("Other outcomes: policy | 200")
@pytest.mark.parametrize(("endpoint", "requests"), [("/image/generate", 1), ("/images/generations", 3)])
def test_one_blocked_picture_does_not_cost_the_others(
    shell: Shell, sandbox: Sandbox, out: Path, endpoint: str, requests: int
) -> None:
    """Of one request the first is black; of several requests the first comes back so."""
    sandbox.switch(violation="first", times=1)
    code, result = shell.result(
        *("generate", "-p", "x", "-o", out, "--endpoint", endpoint, "--variations", 3)
    )
    assert (code, len(result["variations"]), len(posts(sandbox))) == (0, 2, requests)
    written = [Image.open(each["output"]).convert("RGB") for each in result["variations"]]
    assert all(picture.getbbox() for picture in written)
    said = " ".join(result["warnings"])
    assert "content policy blocked" in said
    if requests == 1:
        assert "Only 2 of the 3 requested images" in said
    else:
        (failure,) = result["failed"]
        assert (failure["kind"], failure["charge"]) == ("policy", "none")


@pytest.mark.covers("Other outcomes: policy | 200")
def test_a_blocked_answer_without_any_picture_is_no_other_thing(
    shell: Shell, sandbox: Sandbox, out: Path
) -> None:
    sandbox.switch(violation=True, garbage="no_images")
    code, result = shell.result("generate", "-p", "x", "-o", out, "--variations", 2)
    assert (code, result["error"]["kind"], result["error"]["charge"]) == (3, "policy", "none")


# The endpoint in OpenAI's manner


@pytest.mark.covers(
    "POST /images/generations: response_format", "Every documented case: generations b64 and url"
)
@pytest.mark.parametrize(
    ("form", "field"), [((), {}), (("--field", "response_format=url"), {"response_format": "url"})]
)
def test_generations_gives_the_same_picture_in_either_form(
    shell: Shell, sandbox: Sandbox, out: Path, form: tuple[str, ...], field: dict[str, str]
) -> None:
    assert shell("generate", "-p", "a boat", "-o", out, "--endpoint", "/images/generations", *form) == 0
    (seen,) = posts(sandbox)
    assert seen.path == GENERATIONS
    assert seen.fields == {"model": "z-image-turbo", "prompt": "a boat", "size": "1024x1024", **field}
    (answered,) = json.loads((shell.job.folder / ANSWER).read_bytes())["data"]
    text = answered["url"].partition(",")[2] if field else answered["b64_json"]
    assert np.array_equal(opened(out.read_bytes())[..., :3], opened(base64.b64decode(text)))


@pytest.mark.covers("POST /images/generations: n")
def test_generations_makes_one_picture_a_request(shell: Shell, sandbox: Sandbox, out: Path) -> None:
    code, said = shell.json(
        "generate", "-p", "x", "-o", out, "--endpoint", "/images/generations", "--variations", "2"
    )
    assert code == 0
    assert paths(sandbox) == [GENERATIONS] * 2
    assert not any({"n", "variants"} & seen.fields.keys() for seen in posts(sandbox))
    assert len(shell.jobs) == 2
    assert said["results"][0]["price"]["usd"] == 0.02


@pytest.mark.covers("POST /images/generations: size")
@pytest.mark.parametrize(
    ("option", "field"),
    [
        (("--size", "1600x900"), ("size", "1792x1024")),
        (("--size", "600x900"), ("size", "1024x1536")),
        (("--field", "size=256x256"), ("size", "256x256")),
        (("--no-safe-mode",), ("moderation", "low")),
    ],
)
def test_generations_has_its_own_words(
    shell: Shell, sandbox: Sandbox, out: Path, option: tuple[str, ...], field: tuple[str, str]
) -> None:
    assert shell("generate", "-p", "x", "-o", out, "--endpoint", "/images/generations", *option) == 0
    name, value = field
    assert posts(sandbox)[0].fields[name] == value


@pytest.mark.parametrize(
    "option",
    [
        ("--negative-prompt", "fog"),
        ("--style", "Anime"),
        ("--seed", "5"),
        ("--aspect-ratio", "1:1"),
        ("--resolution", "1K"),
        ("--quality", "high"),
        ("--enhance-prompt",),
    ],
)
def test_generations_does_not_drop_a_wish_in_silence(
    shell: Shell, sandbox: Sandbox, out: Path, option: tuple[str, ...]
) -> None:
    assert shell("generate", "-p", "x", "-o", out, "--endpoint", "/images/generations", *option) == 2
    assert "does not support" in shell.err
    assert posts(sandbox) == []


def test_a_dry_run_says_endpoint_size_and_price_and_sends_nothing(
    shell: Shell, sandbox: Sandbox, out: Path
) -> None:
    assert shell("generate", "-p", "x", "-o", out, "--variations", "4", "--dry-run") == 0
    assert "/image/generate z-image-turbo" in shell.out
    assert "4 images of about 1024 × 1024 px" in shell.out
    assert "$0.04" in shell.out
    assert posts(sandbox) == []
    assert not out.exists()
