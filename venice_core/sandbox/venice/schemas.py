"""The request schemas of the image endpoints: their keys, and what each may contain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from venice_core.sandbox.forms import Form
from venice_core.sandbox.venice.errors import invalid_all

MAX_PROMPT = 32_768  # characters
ASPECT_RATIOS = ("auto", "1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:3", "4:5")
QUALITIES = ("low", "medium", "high")
STYLES = (
    *("3D Model", "Analog Film", "Anime", "Cinematic", "Comic Book", "Digital Art", "Fantasy Art"),
    *("Line Art", "Neon Punk", "Photographic", "Pixel Art", "Watercolor"),
)

Issue = tuple[str, str]  # code, message


@dataclass(frozen=True)
class Text:
    """A string with limits on its length in characters."""

    longest: int | None = None
    choices: tuple[str, ...] = ()
    """All allowed values, if any are listed."""
    shortest: int = 1

    def read(self, text: str) -> Any:
        return text

    def issue(self, value: Any) -> Issue | None:
        if not isinstance(value, str):
            return "invalid_type", "Expected string"
        if len(value) < self.shortest:
            return "too_small", f"String must contain at least {self.shortest} character(s)"
        if self.longest is not None and len(value) > self.longest:
            return "too_big", f"String must contain at most {self.longest} character(s)"
        if self.choices and value not in self.choices:
            return "invalid_enum_value", f"Expected one of {', '.join(self.choices)}"
        return None


@dataclass(frozen=True)
class Number:
    """A finite number within bounds."""

    lowest: float = -math.inf
    highest: float = math.inf
    whole: bool = False
    above: bool = False
    """Whether the lower bound is excluded."""

    def read(self, text: str) -> Any:
        try:
            return float(text)
        except ValueError:
            return text

    def issue(self, value: Any) -> Issue | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return "invalid_type", "Expected number"
        if self.whole and value != int(value):
            return "invalid_type", "Expected integer"
        if value < self.lowest or (self.above and value == self.lowest):
            return "too_small", f"Number must be {'above' if self.above else 'at least'} {self.lowest:g}"
        if value > self.highest:
            return "too_big", f"Number must be at most {self.highest:g}"
        return None


@dataclass(frozen=True)
class Flag:
    """A boolean; in multipart the words true and false."""

    def read(self, text: str) -> Any:
        return {"true": True, "false": False}.get(text, text)

    def issue(self, value: Any) -> Issue | None:
        return None if isinstance(value, bool) else ("invalid_type", "Expected boolean")


@dataclass(frozen=True)
class Nullable:
    """What the rule allows, or null."""

    rule: Text | Number

    def read(self, text: str) -> Any:
        return self.rule.read(text)

    def issue(self, value: Any) -> Issue | None:
        return None if value is None else self.rule.issue(value)


@dataclass(frozen=True)
class References:
    """A list of objects, each with an `image` and optionally a `strength`."""

    def read(self, text: str) -> Any:
        return text

    def issue(self, value: Any) -> Issue | None:
        if not isinstance(value, list):
            return "invalid_type", "Expected array"
        for item in value:
            if not isinstance(item, dict):
                return "invalid_type", "Expected object"
            if unknown := sorted(set(item) - {"image", "strength"}):
                return "unrecognized_keys", f"Unrecognized key(s) in object: {', '.join(unknown)}"
            found = Text().issue(item.get("image")) or Number(0.1, 1).issue(item.get("strength", 0.5))
            if found:
                return found
        return None


Rule = Text | Number | Flag | Nullable | References

_USER = Text(128)
_EDIT: Mapping[str, Rule] = {
    "anon_user_id": _USER,
    "aspect_ratio": Text(),
    "disable_prompt_optimization_thinking": Flag(),
    "enhance_prompt": Flag(),
    "modelId": Text(),
    "output_format": Text(choices=("jpeg", "jpg", "png", "webp")),
    "prompt": Text(MAX_PROMPT),
    "resolution": Text(10),
    "safe_mode": Flag(),
}
_SIDE = Number(0, 1280, whole=True, above=True)
# By path and key; None is looked at where the pictures are read.
RULES: Mapping[str, Mapping[str, Rule | None]] = {
    "/image/edit": {**_EDIT, "image": None, "model": Text()},
    "/image/multi-edit": {**_EDIT, "images": None, "quality": Text(choices=QUALITIES)},
    "/image/background-remove": {"anon_user_id": _USER, "image": None, "image_url": Text()},
    "/image/upscale": {"image": None, "scale": Number(2, 4), "creativity": Nullable(Number())},
    "/image/generate": {
        "anon_user_id": _USER,
        "aspect_ratio": Text(),
        "cfg_scale": Number(0, 20, above=True),
        "disable_prompt_optimization_thinking": Flag(),
        "embed_exif_metadata": Flag(),
        "enable_web_search": Flag(),
        "enhance_prompt": Flag(),
        "format": Text(choices=("jpeg", "png", "webp")),
        "height": _SIDE,
        "hide_watermark": Flag(),
        "lora_strength": Number(0, 100, whole=True),
        "model": Text(),
        "negative_prompt": Text(MAX_PROMPT, shortest=0),
        "prompt": Text(MAX_PROMPT),
        "quality": Text(choices=QUALITIES),
        "resolution": Text(),
        "return_binary": Flag(),
        "safe_mode": Flag(),
        "seed": Number(-999_999_999, 999_999_999, whole=True),
        "steps": Number(whole=True),
        "style_preset": Text(choices=STYLES),
        "style_references": References(),
        "variants": Number(1, 4, whole=True),
        "width": _SIDE,
    },
    "/images/generations": {
        "anon_user_id": _USER,
        "background": Nullable(Text(choices=("transparent", "opaque", "auto"))),
        "model": Text(shortest=0),
        "moderation": Nullable(Text(choices=("low", "auto"))),
        "n": Nullable(Number(1, 1, whole=True)),
        "output_compression": Nullable(Number(0, 100, whole=True)),
        "output_format": Text(choices=("jpeg", "png", "webp")),
        "prompt": Text(1500),
        "quality": Nullable(Text(choices=("auto", "high", "medium", "low", "hd", "standard"))),
        "response_format": Nullable(Text(choices=("b64_json", "url"))),
        "size": Nullable(
            Text(
                choices=(
                    *("auto", "256x256", "512x512", "1024x1024"),
                    *("1536x1024", "1024x1536", "1792x1024", "1024x1792"),
                )
            )
        ),
        "style": Nullable(Text(choices=("vivid", "natural"))),
        "user": Text(shortest=0),
    },
}
KEYS: Mapping[str, frozenset[str]] = {path: frozenset(rules) for path, rules in RULES.items()}
OPEN = ("/image/upscale",)  # other keys are ignored there
_REQUIRED = {
    "/image/edit": ("prompt",),
    "/image/multi-edit": ("prompt",),
    "/image/generate": ("model", "prompt"),
    "/images/generations": ("prompt",),
}


def check(path: str, form: Form) -> None:
    """Refuse what the endpoint's schema does not allow; convert multipart text to booleans and numbers."""
    issues: list[tuple[str, str, str]] = []
    rules = RULES[path]
    sent = [*form.fields, *(upload.name for upload in form.uploads)]
    unknown = sorted(set(sent) - KEYS[path])
    if unknown and path not in OPEN:
        names = ", ".join(f"'{name}'" for name in unknown)
        issues.append(("", "unrecognized_keys", f"Unrecognized key(s) in object: {names}"))
    for name, value in form.fields.items():
        if rule := rules.get(name):
            if form.multipart and isinstance(value, str):
                form.fields[name] = rule.read(value)
            if issue := rule.issue(form.fields[name]):
                issues.append((name, *issue))
    missing = [name for name in _REQUIRED.get(path, ()) if name not in form.fields]
    issues += [(name, "invalid_type", "Required") for name in missing]
    if issues:
        raise invalid_all(issues)
