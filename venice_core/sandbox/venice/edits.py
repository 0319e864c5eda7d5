"""Make something of pictures: edit, multi-edit, background-remove and upscale.

`aspect_ratio` and `resolution` are checked against the model; nevertheless an edit keeps the size of its
input (switch `size`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from PIL import Image

from venice_core.sandbox import picture_effects
from venice_core.sandbox.delivery import DrawnResult
from venice_core.sandbox.forms import Form
from venice_core.sandbox.switches import Size, Switches
from venice_core.sandbox.venice import inputs
from venice_core.sandbox.venice.catalogue import Catalogue, Model
from venice_core.sandbox.venice.errors import invalid
from venice_core.sandbox.venice.schemas import ASPECT_RATIOS

DEFAULT_MODEL = "firered-image-edit"
MAX_UPSCALED = 16_777_216  # px


def edit(form: Form, switches: Switches, catalogue: Catalogue) -> DrawnResult:
    """Answer /image/edit: one picture, changed everywhere."""
    model = _model(form, catalogue)
    _check(form.fields, model, model.tiers)
    return _edited(form, [inputs.single(form)], model, switches)


def multi_edit(form: Form, switches: Switches, catalogue: Catalogue) -> DrawnResult:
    """Answer /image/multi-edit: the first picture, changed where a mask in second place says."""
    model = _model(form, catalogue)
    _check(form.fields, model, model.tiers or [form.fields.get("resolution")])  # ignored without tiers
    return _edited(form, inputs.several(form, model), model, switches)


def remove_background(form: Form, switches: Switches, _: Catalogue) -> DrawnResult:
    """Answer /image/background-remove: the picture with alpha; its size is not checked."""
    picture = inputs.single(form, sized=False)
    result = (
        picture_effects.opaque(picture) if switches.identity else picture_effects.remove_background(picture)
    )
    return DrawnResult([result], "png")


def upscale(form: Form, switches: Switches, catalogue: Catalogue) -> DrawnResult:
    """Answer /image/upscale: the picture enlarged; `creativity` (clamped to 0..0.02) changes nothing.

    Raises ApiError 400 if no larger picture is allowed.
    """
    model = catalogue.default("upscale")
    picture = inputs.raw(form).convert("RGB")
    filtering = Image.Resampling.NEAREST if switches.identity else Image.Resampling.LANCZOS
    size = upscaled_size(picture.size, form.fields.get("scale", 2))
    if size[0] <= picture.width:
        raise invalid("image", f"The picture cannot become larger within {MAX_UPSCALED} pixels")
    return DrawnResult([picture.resize(size, filtering)], "png", model.headers())


def upscaled_size(size: Size, scale: float) -> Size:
    """Return the sides times `scale`, limited by MAX_UPSCALED: less than 1 for a larger picture."""
    width, height = size
    scale = min(scale, math.sqrt(MAX_UPSCALED / (width * height)))
    return int(width * scale + 1e-6), int(height * scale + 1e-6)


def _model(form: Form, catalogue: Catalogue) -> Model:
    name = form.fields.get("model") or form.fields.get("modelId") or DEFAULT_MODEL
    return catalogue.find(name, "inpaint")


def _check(fields: Mapping[str, Any], model: Model, resolutions: list[Any]) -> None:
    """Refuse what the model does not accept."""
    model.check_length(fields, "prompt")
    model.check_choice(fields, "aspect_ratio", model.limits.get("aspectRatios") or ASPECT_RATIOS)
    model.check_choice(fields, "resolution", resolutions)
    model.check_choice(fields, "quality", model.qualities)


def _edited(form: Form, sources: list[Image.Image], model: Model, switches: Switches) -> DrawnResult:
    fields = form.fields
    large = bool(model.tiers) and fields.get("resolution", "1K") != "1K"
    file_format = fields.get("output_format") or ("jpeg" if large else "png")
    headers = model.headers()
    if fields.get("enhance_prompt"):
        headers["x-venice-enhanced-prompt"] = quote(fields["prompt"])
    result = sources[0] if switches.identity else picture_effects.multi_edit(sources)
    return DrawnResult([result], file_format.replace("jpg", "jpeg"), headers)
