"""Request fields that are set by name: read, checked, and refused where they do not belong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.errors import BadInput
from venice_core.planning.endpoint import Endpoint
from venice_core.providers.venice.fields import FIELDS, parse_fields

EDIT, MULTI, CUTOUT = Endpoint.EDIT, Endpoint.MULTI_EDIT, Endpoint.BACKGROUND_REMOVE
UPSCALE, GENERATE, OPENAI = Endpoint.UPSCALE, Endpoint.GENERATE, Endpoint.GENERATIONS


@pytest.mark.parametrize(
    ("endpoint", "name", "text", "value"),
    [
        *(
            (endpoint, "disable_prompt_optimization_thinking", text, value)
            for endpoint in (EDIT, MULTI, GENERATE)
            for text, value in [
                ("true", True),
                ("YES", True),
                ("1", True),
                ("False", False),
                ("no", False),
                ("0", False),
            ]
        ),
        (EDIT, "output_format", "webp", "webp"),
        (EDIT, "output_format", "jpg", "jpg"),
        (MULTI, "output_format", "jpeg", "jpeg"),
        (GENERATE, "width", "1", 1),
        (GENERATE, "width", "1280", 1280),
        (GENERATE, "height", " 64 ", 64),
        (GENERATE, "format", "jpeg", "jpeg"),
        (GENERATE, "cfg_scale", "20", 20.0),
        (GENERATE, "cfg_scale", "0.1", 0.1),
        (GENERATE, "steps", "1", 1),
        (GENERATE, "lora_strength", "0", 0),
        (GENERATE, "lora_strength", "100", 100),
        (GENERATE, "hide_watermark", "true", True),
        (GENERATE, "embed_exif_metadata", "no", False),
        (GENERATE, "enable_web_search", "1", True),
        (OPENAI, "size", "1536x1024", "1536x1024"),
        (OPENAI, "size", "auto", "auto"),
        (OPENAI, "response_format", "url", "url"),
        (OPENAI, "output_compression", "100", 100),
        (OPENAI, "quality", "hd", "hd"),
        (OPENAI, "style", "vivid", "vivid"),
        (OPENAI, "background", "opaque", "opaque"),
        (OPENAI, "user", "someone", "someone"),
        (CUTOUT, "anon_user_id", "x" * 128, "x" * 128),
    ],
)
def test_a_field_is_read_as_what_the_service_expects(
    endpoint: Endpoint, name: str, text: str, value: Any
) -> None:
    (found,) = parse_fields(endpoint, {name: text}).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("endpoint", "name", "text", "expected"),
    [
        (EDIT, "output_format", "gif", "png|jpeg|jpg|webp"),
        (EDIT, "output_format", "PNG", "png|jpeg|jpg|webp"),
        (EDIT, "output_format", "", "png|jpeg|jpg|webp"),
        (GENERATE, "format", "jpg", "png|jpeg|webp"),
        (GENERATE, "width", "0", "1 to 1280"),
        (GENERATE, "width", "1281", "1 to 1280"),
        (GENERATE, "width", "512.0", "1 to 1280"),
        (GENERATE, "width", "²", "1 to 1280"),
        (GENERATE, "height", "-8", "1 to 1280"),
        (GENERATE, "height", "9" * 5000, "1 to 1280"),
        (GENERATE, "cfg_scale", "0", "above 0, up to 20"),
        (GENERATE, "cfg_scale", "20.1", "above 0, up to 20"),
        (GENERATE, "steps", "0", "1 or more"),
        (GENERATE, "lora_strength", "101", "0 to 100"),
        (GENERATE, "hide_watermark", "maybe", "true|false"),
        (GENERATE, "hide_watermark", "", "true|false"),
        (OPENAI, "size", "640x480", "auto|256x256"),
        (OPENAI, "user", "", "text"),
    ],
)
def test_a_value_outside_its_range_is_refused_with_what_is_expected(
    endpoint: Endpoint, name: str, text: str, expected: str
) -> None:
    with pytest.raises(BadInput) as caught:
        parse_fields(endpoint, {name: text})
    assert caught.value.detail.startswith(f"{name}={text}: expected {expected}")


@pytest.mark.parametrize(
    ("endpoint", "name", "words"),
    [
        (EDIT, "seed", "/image/edit has no field “seed” that can be set; available: anon_user_id, dis"),
        (EDIT, "modelId", "has no field “modelId”"),
        (EDIT, "quality", "has no field “quality”"),  # the service answers 400
        (MULTI, "model", "has no field “model”"),
        (CUTOUT, "model", "has no field “model” that can be set; available: anon_user_id."),
        (CUTOUT, "image_url", "has no field “image_url”"),
        (UPSCALE, "enhance", "has no field “enhance” that can be set."),
        (UPSCALE, "creativity", "set from creativity"),
        (GENERATE, "n", "has no field “n”"),
        (OPENAI, "seed", "has no field “seed”"),
        (EDIT, "prompt", "“prompt” is set from prompt."),
        (EDIT, "safe_mode", "“safe_mode” is set from safe-mode."),
        (MULTI, "quality", "set from quality"),
        (GENERATE, "return_binary", "set from variations"),
        (GENERATE, "style_preset", "set from style"),
        (OPENAI, "moderation", "set from safe-mode"),
        (UPSCALE, "scale", "set from scale"),
        (EDIT, "", "has no field “”"),
    ],
)
def test_a_field_that_is_not_there_or_has_an_option_is_refused(
    endpoint: Endpoint, name: str, words: str
) -> None:
    with pytest.raises(BadInput) as caught:
        parse_fields(endpoint, {name: "1"})
    assert words in caught.value.detail


def test_several_are_read_together_and_none_are_none() -> None:
    assert parse_fields(GENERATE, {"steps": "8", "format": "webp"}) == {"steps": 8, "format": "webp"}
    assert all(parse_fields(endpoint, {}) == {} for endpoint in FIELDS)


# The service's own names (API.md), by endpoint; what answers 400 or is deprecated is left out
DOCUMENTED = {
    EDIT: "image prompt model aspect_ratio resolution output_format safe_mode enhance_prompt "
    "disable_prompt_optimization_thinking anon_user_id",
    MULTI: "images prompt modelId aspect_ratio resolution output_format safe_mode enhance_prompt quality "
    "disable_prompt_optimization_thinking anon_user_id",
    CUTOUT: "image anon_user_id",
    UPSCALE: "image scale creativity",
    GENERATE: "model prompt negative_prompt width height aspect_ratio resolution quality cfg_scale steps "
    "seed variants return_binary format style_preset safe_mode hide_watermark embed_exif_metadata "
    "enable_web_search enhance_prompt lora_strength style_references disable_prompt_optimization_thinking "
    "anon_user_id",
}


@pytest.mark.parametrize("endpoint", DOCUMENTED)
def test_every_documented_field_is_known_and_no_other(endpoint: Endpoint) -> None:
    assert set(FIELDS[endpoint]) == set(DOCUMENTED[endpoint].split())


def test_every_field_has_either_an_option_or_a_reader() -> None:
    assert set(FIELDS) == set(Endpoint) - {Endpoint.EDITS}
    for fields in FIELDS.values():
        for name, field in fields.items():
            assert bool(field.option) != bool(field.parse), name
            assert bool(field.values) == bool(field.parse), name


@given(st.sampled_from(list(FIELDS)), st.data())
def test_any_text_is_a_value_for_json_or_bad_input(endpoint: Endpoint, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FIELDS[endpoint])) | st.text(max_size=5))
    text = data.draw(st.text(max_size=12) | st.floats().map(str) | st.integers().map(str))
    try:
        parsed = parse_fields(endpoint, {name: text})
    except BadInput:
        return
    json.dumps(parsed, allow_nan=False)
