"""Pictures from text: the service's own endpoint and the OpenAI-like one."""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from PIL import Image

from venice_core.sandbox.delivery import DrawnResult
from venice_core.sandbox.drawings import blocked, draw, placeholder
from venice_core.sandbox.forms import Form
from venice_core.sandbox.switches import Size, Switches
from venice_core.sandbox.venice import inputs
from venice_core.sandbox.venice.catalogue import Catalogue, Model
from venice_core.sandbox.venice.errors import invalid

SIDE = 1024  # px: of a square picture, and of 1K
STEP = 16  # px: sides of a picture asked for by aspect ratio
STRICT = ("qwen-image", "qwen-image-3", "qwen-image-3-pro")  # refuse width and height; others ignore them
LONGEST = 8.0  # the longest aspect ratio taken, where the model does not list them
_RATIO = re.compile(r"(\d{1,3}(?:\.\d{1,3})?):(\d{1,3}(?:\.\d{1,3})?)")
_TIER = re.compile(r"(\d(?:\.\d)?)K")


def generate(form: Form, switches: Switches, catalogue: Catalogue) -> DrawnResult:
    """Answer /image/generate: up to four pictures as JSON, or one as bytes."""
    started = time.perf_counter()
    fields = form.fields
    model = catalogue.find(fields["model"], "image")
    _check(fields, model)
    inputs.check_references(form, model)
    size = _size(fields, model)
    seed = int(fields.get("seed", 0))
    made = [draw(fields["prompt"], seed, number, size) for number in range(int(fields.get("variants", 1)))]
    made = _allowed(made, switches)
    headers = model.headers()
    if fields.get("enhance_prompt"):
        headers["x-venice-enhanced-prompt"] = quote(fields["prompt"])

    def written(files: list[bytes], _: str) -> dict[str, Any]:
        spent = int((time.perf_counter() - started) * 1000)
        return {
            "id": f"generate-image-{time.time_ns()}",
            "images": [_base64(data) for data in files],
            "timing": {
                "inferenceDuration": spent,
                "inferencePreprocessingTime": 0,
                "inferenceQueueTime": 0,
                "total": spent,
            },
        }

    binary = fields.get("return_binary", False)
    if binary and switches.violation:
        return DrawnResult([placeholder()], "png", headers)
    return DrawnResult(made, fields.get("format", "webp"), headers, None if binary else written)


def generations(form: Form, switches: Switches, catalogue: Catalogue) -> DrawnResult:
    """Answer /images/generations: one picture, by the named model or else the default."""
    fields = form.fields
    model = catalogue.find_or_default(fields.get("model"), "image")
    model.check_length(fields, "prompt")
    width, height = (fields.get("size") or "auto").replace("auto", f"{SIDE}x{SIDE}").split("x")
    made = _allowed([draw(fields["prompt"], 0, 0, (int(width), int(height)))], switches)

    def written(files: list[bytes], mime: str) -> dict[str, Any]:
        texts = [_base64(data) for data in files]
        if fields.get("response_format") == "url":
            data = [{"url": f"data:{mime};base64,{text}"} for text in texts]
        else:
            data = [{"b64_json": text} for text in texts]
        return {"created": int(time.time()), "data": data}

    return DrawnResult(made, fields.get("output_format", "png"), model.headers(), written)


def _allowed(made: list[Image.Image], switches: Switches) -> list[Image.Image]:
    """Return the pictures, with those that the content policy forbids in black."""
    count = {"": 0, "first": 1, "all": len(made)}[switches.violation]
    return [*map(blocked, made[:count]), *made[count:]]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _check(fields: Mapping[str, Any], model: Model) -> None:
    """Refuse contradictions and what the model does not accept."""
    if fields.get("return_binary") and "variants" in fields:
        raise invalid("variants", "Only supported when return_binary is false")
    model.check_length(fields, "prompt", "negative_prompt")
    if ratios := model.limits.get("aspectRatios"):
        model.check_choice(fields, "aspect_ratio", ratios)
        for name in {"width", "height"} & fields.keys() if model.id in STRICT else ():
            raise invalid(name, f"{model.id} takes aspect_ratio instead")
    elif _proportion(fields.get("aspect_ratio", "auto")) is None:
        raise invalid("aspect_ratio", "Expected an aspect ratio like 16:9", "invalid_string")
    model.check_choice(fields, "resolution", model.tiers)
    model.check_choice(fields, "quality", model.qualities)
    if divisor := model.limits.get("widthHeightDivisor"):
        for name in ("width", "height"):
            if fields.get(name, divisor) % divisor:
                raise invalid(name, f"Must be divisible by {divisor}", "not_multiple_of")
    most = model.limits.get("steps", {}).get("max", math.inf)
    if fields.get("steps", 0) > most:
        raise invalid("steps", f"{model.id} takes at most {most} steps", "too_big")


def _proportion(ratio: str) -> float | None:
    """Return width divided by height for "3:2" or "auto"; None if it is not a ratio or exceeds LONGEST."""
    if ratio == "auto":
        return 1.0
    if not (match := _RATIO.fullmatch(ratio)):
        return None
    width, height = float(match[1]), float(match[2])
    if not width or not height or max(width / height, height / width) > LONGEST:
        return None
    return width / height


def _size(fields: Mapping[str, Any], model: Model) -> Size:
    """Return a size in px: by aspect ratio and resolution if either is given or the model has ratios.

    Otherwise it is as given.
    """
    if not ({"aspect_ratio", "resolution"} & fields.keys() or model.limits.get("aspectRatios")):
        return int(fields.get("width", SIDE)), int(fields.get("height", SIDE))
    stretch = math.sqrt(_proportion(fields.get("aspect_ratio", "auto")) or 1.0)
    tier = _TIER.fullmatch(fields.get("resolution") or model.limits.get("defaultResolution", "1K"))
    side = SIDE * (float(tier[1]) if tier else 1.0)
    return round(side * stretch / STEP) * STEP, round(side / stretch / STEP) * STEP
