"""Choose the size of a generated picture: in px, or by aspect ratio and resolution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from venice_core.geometry.aspect_ratio import parse_ratio
from venice_core.geometry.rectangles import Extent
from venice_core.job import Options
from venice_core.planning.capabilities import Capabilities, Model
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.model_support import ratio_of, ratios, shapes_for
from venice_core.planning.output_shapes import nearest_ratio, tier_side

GENERATED_PIXELS = 1024 * 1024
"""Approximate size, in px, requested by width and height, for which such models are made."""


class Generated(NamedTuple):
    """The size of a generated picture."""

    size: Extent
    """What is expected."""
    asked: Extent | None = None
    """What is requested in px, if anything."""
    ratio: str = ""
    """The aspect ratio requested by name, if any."""


def choose_generation_size(
    options: Options,
    endpoint: Endpoint,
    fields: Mapping[str, Any],
    model: Model,
    target: Extent,
    capabilities: Capabilities,
) -> Generated:
    """Return the size that fits `target` best.

    Values in `fields`, set by name, take precedence. Raises BadInput for an aspect ratio that the model does
    not make.
    """
    in_figures = _named(fields)
    if in_figures is None:
        in_figures = _in_figures(options, endpoint, model, target, capabilities)
    return Generated(in_figures, in_figures) if in_figures else _by_ratio(options, model, target)


def _named(fields: Mapping[str, Any]) -> Extent | None:
    if {"width", "height"} & fields.keys():
        width, height = fields.get("width", 1024), fields.get("height", 1024)
        # a service that no plan knows these of may take them as anything
        return Extent(width, height) if all(type(n) is int and n > 0 for n in (width, height)) else None
    sides = str(fields.get("size", "")).split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) for side in sides):
        return None
    return Extent(*map(int, sides))


def _in_figures(
    options: Options, endpoint: Endpoint, model: Model, target: Extent, capabilities: Capabilities
) -> Extent | None:
    """Return a size in px, or None if the request names an aspect ratio, a resolution, or nothing."""
    if model.shapes is not None or endpoint in capabilities.shapes:
        model = model if model.shapes else replace(model, shapes=capabilities.shapes[endpoint])
        shape = shapes_for(options.aspect_ratio, model).nearest(target)
        return shape.size if shape else None
    if model.aspect_ratios or model.resolutions:
        return None
    requested = ratio_of(options.aspect_ratio) if options.aspect_ratio not in ("", "auto") else target.ratio
    return _about_a_megapixel(requested, model.divisor, capabilities.max_generated_side)


def _by_ratio(options: Options, model: Model, target: Extent) -> Generated:
    names = ratios(options.aspect_ratio, model)
    nearest = nearest_ratio(target, names) if names else ""
    if not nearest and options.aspect_ratio == "auto" and "auto" in model.aspect_ratios:
        nearest = "auto"
    side = tier_side(options.resolution or model.default_resolution)
    ratio = math.sqrt(parse_ratio(nearest) or 1.0)
    return Generated(Extent(max(1, round(side * ratio)), max(1, round(side / ratio))), ratio=nearest)


def _about_a_megapixel(ratio: float, divisor: int, largest: int) -> Extent:
    """Return about `GENERATED_PIXELS` of that ratio, with sides that are multiples of `divisor`."""
    width = math.sqrt(GENERATED_PIXELS) * math.sqrt(ratio)
    height = width / ratio
    factor = min(1.0, largest / max(width, height))
    step = math.lcm(max(1, divisor), 8)
    if step > largest:
        step = min(max(1, divisor), largest)

    def side(length: float) -> int:
        return min(max(step, round(length * factor / step) * step), largest // step * step)

    return Extent(side(width), side(height))
