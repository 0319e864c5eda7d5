"""The sandbox against the service's published OpenAPI document, where that is at hand.

Where the sandbox differs, it follows the service's newer notes: `inpaint`, deprecated, is no key of
/image/generate any more.
"""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from sandbox_talk import (
    CUTOUT,
    EDIT,
    GENERATE,
    GENERATIONS,
    GONE,
    GOOD,
    IMAGE,
    MULTI,
    UPSCALE,
    ask,
    edit,
    get,
)
from specification import SCHEMAS, SPECIFICATION, answer_schema, published

from venice_core.sandbox import Sandbox
from venice_core.sandbox.venice.schemas import KEYS


@pytest.fixture(scope="module")
def specification() -> dict[str, Any]:
    if not SPECIFICATION.exists():
        pytest.skip(f"the service's OpenAPI document is not at {SPECIFICATION}")
    return published()


# Requests

CHANGES: list[tuple[str, dict[str, Any]]] = [
    *((path, {}) for path in SCHEMAS),
    (EDIT, {"aspect_ratio": "21:9", "output_format": "webp", "safe_mode": False}),
    (EDIT, {"quality": "high"}),
    (EDIT, {"aspect_ratio": "5:7"}),
    (EDIT, {"output_format": "bmp"}),
    (EDIT, {"enhance_prompt": "true"}),
    (EDIT, {"disable_prompt_optimization_thinking": True}),
    (EDIT, {"image": GONE}),
    (EDIT, {"prompt": ""}),
    (MULTI, {"modelId": "gpt-image-2-edit", "quality": "medium"}),
    (MULTI, {"model": "gpt-image-2-edit"}),
    (MULTI, {"images": []}),
    (MULTI, {"resolution": "12345678901"}),
    (CUTOUT, {"model": "x"}),
    (UPSCALE, {"scale": 3.5, "creativity": None, "other": 1}),
    (UPSCALE, {"scale": 1.9}),
    (UPSCALE, {"creativity": "0.01"}),
    (UPSCALE, {"image": GONE, "scale": 2}),
    *(
        (GENERATE, {"height": 64, "format": "jpeg", name: value})
        for name, values in {
            "cfg_scale": (0, 0.5, 20, 20.1, "7"),
            "embed_exif_metadata": (True, None),
            "enable_web_search": (False, "no"),
            "format": ("webp", "jpg"),
            "height": (0, 1, 1280, 1281, 64.5),
            "lora_strength": (0, 100, 101, 0.5),
            "n": (1,),
            "negative_prompt": ("", "x" * 7500, "x" * 32_769),  # between them, the newer notes take more
            "prompt": ("", "x" * 7500, "x" * 32_769, 7),
            "seed": (-999_999_999, 999_999_999, 10**9),
            "steps": (-1, 0, 8, 8.5),
            "style_references": ([], [{}], [{"image": IMAGE, "strength": 1.1}], [{"image": IMAGE, "x": 1}]),
            "variants": (0, 1, 4, 5),
        }.items()
        for value in values
    ),
    *(
        (GENERATIONS, {"size": "256x256", name: value})
        for name, values in {
            "background": (None, "opaque", "white"),
            "model": ("dall-e-3", None),
            "moderation": (None, "low", "high"),
            "n": (None, 1, 2, 0),
            "output_compression": (None, 0, 101),
            "output_format": ("jpeg", "jpg", None),
            "quality": (None, "hd", "ultra"),
            "response_format": (None, "url", "file"),
            "seed": (1,),
            "size": (None, "auto", "1792x1024", "1x1"),
            "style": (None, "vivid", "noir"),
            "user": ("me", 5),
        }.items()
        for value in values
    ),
]


@pytest.mark.parametrize(("path", "change"), CHANGES)
def test_it_takes_what_the_specification_takes(
    sandbox: Sandbox, specification: dict[str, Any], path: str, change: dict[str, Any]
) -> None:
    sample = {name: value for name, value in {**GOOD[path], **change}.items() if value is not GONE}
    valid = Draft202012Validator(specification["components"]["schemas"][SCHEMAS[path]]).is_valid(sample)
    assert ask(sandbox, path, **change).status_code == (200 if valid else 400)


@pytest.mark.parametrize("path", SCHEMAS)
def test_its_closed_schema_has_the_specifications_keys(specification: dict[str, Any], path: str) -> None:
    published = set(specification["components"]["schemas"][SCHEMAS[path]]["properties"])
    newer = set() if path == UPSCALE else {"anon_user_id"}
    assert published - {"inpaint"} | newer == KEYS[path]


# Answers


@pytest.mark.parametrize(
    "path",
    [
        "/image/styles",
        *(f"/models?type={kind}" for kind in ("inpaint", "image", "upscale", "all", "text")),
        *(f"/models/traits?type={kind}" for kind in ("inpaint", "image")),
        "/api_keys/rate_limits",
        "/billing/balance",
    ],
)
@pytest.mark.parametrize("balances", ["both", "none"])
def test_what_it_lets_read_has_the_specifications_shape(
    sandbox: Sandbox, specification: dict[str, Any], path: str, balances: str
) -> None:
    sandbox.switch(balances=balances)
    response = get(sandbox, path, "admin-key")
    assert response.status_code == 200
    answer_schema(specification, "get", path.partition("?")[0]).validate(response.json())


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (GENERATE, {}),
        (GENERATE, {"variants": 3}),
        (GENERATIONS, {}),
        (GENERATIONS, {"response_format": "url"}),
    ],
)
def test_its_pictures_in_json_have_the_specifications_shape(
    sandbox: Sandbox, specification: dict[str, Any], path: str, change: dict[str, Any]
) -> None:
    response = ask(sandbox, path, **change)
    answer_schema(specification, "post", path).validate(response.json())


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "balance"), (402, "balance"), (402, "accepts"), (503, "balance")]
)
def test_its_refusals_have_the_specifications_shape(
    sandbox: Sandbox, specification: dict[str, Any], status: int, kind: str
) -> None:
    sandbox.switch(status=status, kind=kind)
    answer_schema(specification, "post", EDIT, status).validate(edit(sandbox).json())
