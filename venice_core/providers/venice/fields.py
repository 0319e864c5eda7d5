"""Every request field that Venice documents (autumn 2026), by endpoint, and what sets it.

Fields without an option can be set by name (`Options.fields`, `--field name=value`); their values are checked
here before anything is sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from venice_core.errors import BadInput
from venice_core.planning.endpoint import Endpoint


@dataclass(frozen=True)
class Field:
    """A field of a request."""

    option: str = ""
    """The option that sets it; "" if it can be set by name."""
    parse: Callable[[str], Any] | None = None
    """Converts a value that is set by name."""
    values: str = ""


def _flag(text: str) -> bool:
    try:
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError from None


def _number(low: float, high: float, *, above: bool = False) -> Callable[[str], float]:
    def parse(text: str) -> float:
        number = float(text)
        if not (math.isfinite(number) and low <= number <= high) or (above and number == low):
            raise ValueError
        return number

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError
        return number

    return parse


def _one_of(*choices: str) -> Field:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return Field(parse=parse, values="|".join(choices))


def _text(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _user(text: str) -> str:
    if not (1 <= len(text) <= 128 and text.isascii() and text.isprintable()):
        raise ValueError
    return text


_FLAG = Field(parse=_flag, values="true|false")
_FORMAT = _one_of("png", "jpeg", "webp")
_USER = Field(parse=_user, values="up to 128 printable ASCII characters")
_SHARED = {
    "anon_user_id": _USER,
    "prompt": Field("prompt"),
    "aspect_ratio": Field("aspect_ratio"),
    "resolution": Field("resolution"),
    "safe_mode": Field("safe_mode"),
    "enhance_prompt": Field("enhance_prompt"),
    "disable_prompt_optimization_thinking": _FLAG,
}

FIELDS: Mapping[Endpoint, Mapping[str, Field]] = {
    Endpoint.EDIT: {
        **_SHARED,
        "image": Field("the image"),
        "model": Field("model"),
        "output_format": _one_of("png", "jpeg", "jpg", "webp"),
    },
    Endpoint.MULTI_EDIT: {
        **_SHARED,
        "images": Field("the image, the selection, references"),
        "modelId": Field("model"),
        "quality": Field("quality"),
        "output_format": _one_of("png", "jpeg", "jpg", "webp"),
    },
    Endpoint.BACKGROUND_REMOVE: {"anon_user_id": _USER, "image": Field("the image")},
    Endpoint.UPSCALE: {
        "image": Field("the image"),
        "scale": Field("scale"),
        "creativity": Field("creativity"),
    },
    Endpoint.GENERATE: {
        **_SHARED,
        "model": Field("model"),
        "negative_prompt": Field("negative_prompt"),
        "quality": Field("quality"),
        "seed": Field("seed"),
        "style_preset": Field("style"),
        "variants": Field("variations"),
        "return_binary": Field("variations"),
        "style_references": Field("references"),
        "width": Field(parse=_whole(1, 1280), values="1 to 1280"),
        "height": Field(parse=_whole(1, 1280), values="1 to 1280"),
        "format": _FORMAT,
        "cfg_scale": Field(parse=_number(0.0, 20.0, above=True), values="above 0, up to 20"),
        "steps": Field(parse=_whole(1, 1000), values="1 or more"),
        "lora_strength": Field(parse=_whole(0, 100), values="0 to 100"),
        "hide_watermark": _FLAG,
        "embed_exif_metadata": _FLAG,
        "enable_web_search": _FLAG,
    },
    Endpoint.GENERATIONS: {
        "anon_user_id": _USER,
        "prompt": Field("prompt"),
        "model": Field("model"),
        "n": Field("variations"),
        "size": _one_of(
            "auto",
            "256x256",
            "512x512",
            "1024x1024",
            "1536x1024",
            "1024x1536",
            "1792x1024",
            "1024x1792",
        ),
        "moderation": Field("safe_mode"),
        "response_format": _one_of("b64_json", "url"),
        "output_format": _FORMAT,
        "output_compression": Field(parse=_whole(0, 100), values="0 to 100"),
        "quality": _one_of("auto", "high", "medium", "low", "hd", "standard"),
        "style": _one_of("vivid", "natural"),
        "background": _one_of("transparent", "opaque", "auto"),
        "user": Field(parse=_text, values="text"),
    },
}


def parse_fields(endpoint: Endpoint, chosen: Mapping[str, str]) -> dict[str, Any]:
    """Return values set by name as in the request. Raises BadInput if the endpoint does not accept them."""
    fields = FIELDS[endpoint]
    parsed: dict[str, Any] = {}
    for name, text in chosen.items():
        known = fields.get(name)
        if known is None:
            free = sorted(each for each, row in fields.items() if row.parse)
            others = f"; available: {', '.join(free)}" if free else ""
            raise BadInput(f"{endpoint.value} has no field “{name}” that can be set{others}.")
        if known.parse is None:
            raise BadInput(f"The field “{name}” is set from {known.option.replace('_', '-')}.")
        try:
            parsed[name] = known.parse(text)
        except ValueError as error:
            raise BadInput(f"{name}={text}: expected {known.values}.") from error
    return parsed
