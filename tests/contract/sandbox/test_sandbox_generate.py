"""The sandbox's pictures from words: drawn, sized, refused and spoilt as documented."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from test_sandbox import IMAGE, KEY, b64, photo, post_json
from test_sandbox_models import GENERATE, GENERATIONS, entry, serving

from venice_core.sandbox import Sandbox

GOOD: dict[str, Any] = {"model": "z-image-turbo", "prompt": "a boat"}
TIERED = "nano-banana-pro"  # 1K, 2K, 4K


def generate(sandbox: Sandbox, **change: Any) -> requests.Response:
    """GOOD with changes; None takes a field out."""
    body = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    return post_json(sandbox, GENERATE, **body)


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def made(response: requests.Response) -> list[Image.Image]:
    assert response.status_code == 200, response.text
    return [opened(base64.b64decode(text, validate=True)) for text in response.json()["images"]]


# Pictures


def test_an_answer_is_json_with_pictures_and_times(sandbox: Sandbox) -> None:
    response = generate(sandbox)
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.json()["id"]
    timing = response.json()["timing"]
    assert set(timing) == {
        "inferenceDuration",
        "inferencePreprocessingTime",
        "inferenceQueueTime",
        "total",
    }
    assert all(value >= 0 for value in timing.values())
    (picture,) = made(response)
    assert (picture.format, picture.mode, picture.size) == ("WEBP", "RGB", (1024, 1024))


def test_a_picture_is_decided_by_prompt_seed_and_number(sandbox: Sandbox) -> None:
    def pixels(**change: Any) -> bytes:
        return made(generate(sandbox, format="png", width=64, height=64, **change))[0].tobytes()

    assert pixels() == pixels() == pixels(seed=0)
    assert len({pixels(), pixels(prompt="a bridge"), pixels(seed=7), pixels(seed=-7)}) == 4


def test_every_variant_is_another_picture(sandbox: Sandbox) -> None:
    pictures = made(generate(sandbox, variants=4, width=64, height=64))
    assert len({picture.tobytes() for picture in pictures}) == 4


@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp"])
def test_binary_is_the_picture_itself(sandbox: Sandbox, file_format: str) -> None:
    response = generate(sandbox, return_binary=True, format=file_format)
    assert response.headers["Content-Type"] == f"image/{file_format}"
    assert opened(response.content).format == file_format.upper()


def test_an_answer_carries_the_documented_headers(sandbox: Sandbox) -> None:
    headers = generate(sandbox, enhance_prompt=True).headers
    assert headers["x-venice-model-id"] == "z-image-turbo"
    assert headers["x-venice-model-name"]
    assert headers["x-venice-enhanced-prompt"] == "a%20boat"
    assert headers["x-venice-is-blurred"] == headers["x-venice-is-content-violation"] == "false"
    assert headers["x-ratelimit-remaining-requests"]
    assert "x-venice-enhanced-prompt" not in generate(sandbox).headers


# Size


@pytest.mark.parametrize(
    ("change", "size"),
    [
        ({"width": 640, "height": 1280}, (640, 1280)),
        ({"width": 1}, (1, 1024)),
        ({"aspect_ratio": "16:9"}, (1360, 768)),
        ({"aspect_ratio": "2:3", "width": 640}, (832, 1248)),
        ({"aspect_ratio": "auto"}, (1024, 1024)),
        ({"model": TIERED, "resolution": "2K"}, (2048, 2048)),
        ({"model": TIERED, "resolution": "2K", "aspect_ratio": "21:9"}, (3136, 1344)),
        ({"model": TIERED, "resolution": "4K", "aspect_ratio": "9:16"}, (3072, 5456)),
    ],
)
def test_the_size_follows_ratio_and_tier_else_width_and_height(
    sandbox: Sandbox, change: dict[str, Any], size: tuple[int, int]
) -> None:
    (picture,) = made(generate(sandbox, format="png", **change))
    assert picture.size == size


def test_a_model_has_a_default_tier() -> None:
    limits = {"aspectRatios": ["1:1", "2:1"], "resolutions": ["1K", "2K"], "defaultResolution": "2K"}
    with serving(entry("maker", "image", constraints=limits)) as sandbox:
        (picture,) = made(generate(sandbox, model="maker", aspect_ratio="2:1"))
        assert picture.size == (2896, 1456)


# Refusals


REFERENCE = {"image": IMAGE}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"n": 1}, ""),
        ({"output_format": "png"}, ""),
        ({"image": IMAGE}, ""),
        ({"inpaint": None, "mask": IMAGE}, ""),
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"model": "upscaler"}, "model"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 32_769}, "prompt"),
        ({"negative_prompt": "x" * 32_769}, "negative_prompt"),
        ({"anon_user_id": "x" * 129}, "anon_user_id"),
        ({"width": 0}, "width"),
        ({"width": 1281}, "width"),
        ({"height": 64.5}, "height"),
        ({"height": "64"}, "height"),
        ({"cfg_scale": 0}, "cfg_scale"),
        ({"cfg_scale": 20.5}, "cfg_scale"),
        ({"steps": 1.5}, "steps"),
        ({"seed": 1_000_000_000}, "seed"),
        ({"seed": -1_000_000_000}, "seed"),
        ({"seed": True}, "seed"),
        ({"variants": 0}, "variants"),
        ({"variants": 5}, "variants"),
        ({"variants": 2, "return_binary": True}, "variants"),
        ({"return_binary": "true"}, "return_binary"),
        ({"format": "jpg"}, "format"),
        ({"lora_strength": 101}, "lora_strength"),
        ({"style_preset": "Baroque"}, "style_preset"),
        ({"aspect_ratio": "wide"}, "aspect_ratio"),
        ({"aspect_ratio": "9:1"}, "aspect_ratio"),
        ({"aspect_ratio": "0:1"}, "aspect_ratio"),
        ({"resolution": "1K"}, "resolution"),
        ({"model": TIERED, "resolution": "8K"}, "resolution"),
        ({"quality": "high"}, "quality"),
        ({"model": "gpt-image-2", "quality": "best"}, "quality"),
        ({"model": "grok-imagine-image-2-0", "quality": "high"}, "quality"),
        ({"safe_mode": 1}, "safe_mode"),
        ({"hide_watermark": "no"}, "hide_watermark"),
        ({"style_references": [REFERENCE]}, "style_references"),
        ({"style_references": REFERENCE}, "style_references"),
        ({"style_references": [IMAGE]}, "style_references"),
        ({"style_references": [{"strength": 0.5}]}, "style_references"),
        ({"style_references": [{**REFERENCE, "strength": 0.05}]}, "style_references"),
        ({"style_references": [{**REFERENCE, "weight": 1}]}, "style_references"),
    ],
)
def test_a_request_outside_the_schema_or_the_model_is_a_documented_400(
    sandbox: Sandbox, change: dict[str, Any], field: str
) -> None:
    response = generate(sandbox, **change)
    assert response.status_code == 400
    error = response.json()
    assert error["error"] == "Invalid request parameters"
    assert [issue["path"] for issue in error["issues"]] == [[field] if field else []]
    assert error["details"][field]["_errors"] if field else error["details"]["_errors"]


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "x" * 32_768, "negative_prompt": ""},
        {"anon_user_id": "x" * 128},
        {"cfg_scale": 20, "steps": 8, "seed": -999_999_999, "lora_strength": 0},
        {"width": 64.0, "variants": 1, "return_binary": False},
        {"style_preset": "3D Model", "style_references": []},
        {"embed_exif_metadata": True, "enable_web_search": True, "hide_watermark": True, "safe_mode": False},
        {"disable_prompt_optimization_thinking": True, "enhance_prompt": False},
        {"model": "gpt-image-2", "quality": "low", "resolution": "1K"},
    ],
)
def test_a_request_at_the_edge_of_the_schema_is_answered(sandbox: Sandbox, change: dict[str, Any]) -> None:
    assert generate(sandbox, **{"height": 64, **change}).status_code == 200


def test_the_catalogue_decides_limits_when_it_states_them() -> None:
    limits = {
        "promptCharacterLimit": 10,
        "steps": {"default": 4, "max": 8},
        "widthHeightDivisor": 16,
        "aspectRatios": ["1:1", "5:1"],
        "resolutions": ["1K"],
        "qualities": ["low"],
    }
    with serving(entry("maker", "image", constraints=limits)) as sandbox:

        def statuses(name: str, *values: Any) -> list[int]:
            return [generate(sandbox, model="maker", **{name: value}).status_code for value in values]

        assert statuses("prompt", "x" * 10, "x" * 11) == [200, 400]
        assert statuses("negative_prompt", "x" * 10, "x" * 11) == [200, 400]
        assert statuses("steps", 8, 9) == [200, 400]
        assert statuses("width", 32, 40) == [200, 400]
        assert statuses("height", 32, 40) == [200, 400]
        assert statuses("aspect_ratio", "5:1", "16:9", "auto") == [200, 400, 400]
        assert statuses("resolution", "1K", "2K") == [200, 400]
        assert statuses("quality", "low", "high") == [200, 400]


def test_style_references_are_counted_weighed_and_opened() -> None:
    with serving(entry("maker", "image", constraints={"maxStyleReferences": 2})) as sandbox:

        def status(*references: dict[str, Any]) -> int:
            return generate(sandbox, model="maker", style_references=list(references)).status_code

        small = {"image": b64(photo(40, 30)), "strength": 0.1}
        assert status(small, {"image": "data:image/png;base64," + IMAGE, "strength": 1}) == 200
        assert status(small, small, small) == 400
        assert status({"image": base64.b64encode(b"no picture").decode()}) == 400
        assert status({"image": base64.b64encode(bytes(8_000_000)).decode()}) == 413
        assert status({"image": sandbox.url + "/models"}) == 400, "reachable, and no picture"


@pytest.mark.parametrize("path", [GENERATE, GENERATIONS])
def test_only_json_is_taken(sandbox: Sandbox, path: str) -> None:
    files = {"prompt": (None, "a boat"), "model": (None, "z-image-turbo")}
    response = requests.post(sandbox.url + path, files=files, headers=KEY, timeout=30)
    assert (response.status_code, response.json()) == (
        400,
        {"error": "'Content-Type' must be 'application/json'"},
    )
    assert requests.post(sandbox.url + path, json=GOOD, timeout=30).status_code == 402


# Switches


def test_what_the_policy_forbids_is_200_with_black_pictures_or_a_placeholder(sandbox: Sandbox) -> None:
    sandbox.switch(violation=True)
    response = generate(sandbox, variants=2)
    assert response.headers["x-venice-is-content-violation"] == "true"
    assert [picture.getextrema() for picture in made(response)] == [((0, 0),) * 3] * 2
    bare = generate(sandbox, return_binary=True, format="jpeg")
    assert bare.headers["x-venice-is-content-violation"] == "true"
    assert opened(bare.content).format == "PNG"
    openai = post_json(sandbox, GENERATIONS, **GOOD)
    (entry,) = openai.json()["data"]
    assert opened(base64.b64decode(entry["b64_json"])).getbbox() is None


def test_the_policy_may_forbid_one_of_several(sandbox: Sandbox) -> None:
    sandbox.switch(violation="first")
    response = generate(sandbox, variants=3)
    assert response.headers["x-venice-is-content-violation"] == "true"
    assert [picture.getbbox() is None for picture in made(response)] == [True, False, False]


def test_models_with_ratios_ignore_a_size_in_figures_or_refuse_it() -> None:
    ratios = {"constraints": {"aspectRatios": ["1:1", "16:9"]}}
    with serving(entry("shaped", "image", **ratios), entry("qwen-image-3", "image", **ratios)) as sandbox:
        (picture,) = made(generate(sandbox, model="shaped", width=640, height=320))
        assert picture.size == (1024, 1024)
        assert generate(sandbox, model="qwen-image-3", width=640).status_code == 400


def test_a_made_picture_is_disturbed_like_an_edit(sandbox: Sandbox) -> None:
    sandbox.switch(size="300x200", format="jpeg", blurred=True, served="qwen-image")
    response = generate(sandbox, variants=2)
    assert [(picture.size, picture.format) for picture in made(response)] == [((300, 200), "JPEG")] * 2
    assert response.headers["x-venice-is-blurred"] == "true"
    assert response.headers["x-venice-model-id"] == "qwen-image"
    sandbox.switch(label="image/png")
    binary = generate(sandbox, return_binary=True)
    assert (binary.headers["Content-Type"], opened(binary.content).format) == ("image/png", "JPEG")


def test_a_refusal_picture_takes_the_place_of_every_variant(sandbox: Sandbox) -> None:
    sandbox.switch(refusal=True)
    pictures = made(generate(sandbox, variants=2, format="png"))
    assert [len(picture.getcolors() or ()) for picture in pictures] == [1, 1]


@pytest.mark.parametrize("kind", ["text", "empty", "truncated", "html"])
def test_garbage_is_no_json(sandbox: Sandbox, kind: str) -> None:
    sandbox.switch(garbage=kind)
    response = generate(sandbox)
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_garbage_can_be_json_without_pictures(sandbox: Sandbox) -> None:
    sandbox.switch(garbage="json")
    assert set(generate(sandbox).json()) == {"error"}
    sandbox.switch(garbage="no_images")
    assert generate(sandbox).json()["images"] == []
    assert post_json(sandbox, GENERATIONS, prompt="a boat").json()["data"] == []
    assert generate(sandbox, return_binary=True).content == b""
    sandbox.switch(garbage="bad_images")
    with pytest.raises(OSError, match=r"."):
        made(generate(sandbox, format="png"))


# In OpenAI's manner


def test_generations_answers_one_picture_in_base64(sandbox: Sandbox) -> None:
    response = post_json(sandbox, GENERATIONS, prompt="a boat")
    assert set(response.json()) == {"created", "data"}
    (entry,) = response.json()["data"]
    picture = opened(base64.b64decode(entry["b64_json"]))
    assert (picture.format, picture.size) == ("PNG", (1024, 1024))
    assert response.headers["x-venice-model-id"] == "z-image-turbo"


@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp"])
def test_generations_answers_a_data_url(sandbox: Sandbox, file_format: str) -> None:
    response = post_json(
        sandbox,
        GENERATIONS,
        prompt="a boat",
        response_format="url",
        output_format=file_format,
        size="1536x1024",
    )
    head, _, text = response.json()["data"][0]["url"].partition(",")
    assert head == f"data:image/{file_format};base64"
    picture = opened(base64.b64decode(text))
    assert (picture.format, picture.size) == (file_format.upper(), (1536, 1024))


@pytest.mark.parametrize(
    ("model", "served"),
    [
        ("qwen-image", "qwen-image"),
        ("dall-e-3", "z-image-turbo"),
        ("", "z-image-turbo"),
        ("firered-image-edit", "z-image-turbo"),
    ],
)
def test_generations_takes_the_default_for_a_model_it_does_not_know(
    sandbox: Sandbox, model: str, served: str
) -> None:
    response = post_json(sandbox, GENERATIONS, prompt="a boat", model=model)
    assert response.headers["x-venice-model-id"] == served


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"n": 1, "size": "auto", "quality": "hd", "style": "vivid", "user": "me"}, 200),
        ({"n": None, "size": None, "response_format": None, "moderation": None, "background": None}, 200),
        ({"prompt": "x" * 1500, "output_compression": 100, "moderation": "low"}, 200),
        ({"prompt": "x" * 1501}, 400),
        ({"prompt": ""}, 400),
        ({"n": 2}, 400),
        ({"size": "640x640"}, 400),
        ({"response_format": "binary"}, 400),
        ({"output_format": "jpg"}, 400),
        ({"output_compression": 101}, 400),
        ({"seed": 5}, 400),
    ],
)
def test_generations_has_a_closed_schema(sandbox: Sandbox, change: dict[str, Any], status: int) -> None:
    response = post_json(sandbox, GENERATIONS, **{"prompt": "a boat", **change})
    assert response.status_code == status
    assert status == 200 or response.json()["issues"]


def test_drift_shows_in_a_made_picture(sandbox: Sandbox) -> None:
    plain = made(generate(sandbox, format="png"))[0]
    sandbox.switch(drift=True)
    drifted = made(generate(sandbox, format="png"))[0]
    change = np.abs(np.asarray(drifted, int) - np.asarray(plain, int))
    assert 1 <= np.median(change) <= 4
