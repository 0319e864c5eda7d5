"""Plan a generated picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Padding
from venice_core.job import Action, Job, Options
from venice_core.planning.capabilities import IMAGE, Capabilities, Model
from venice_core.planning.edit import full_prompt
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.framing import scaled_within
from venice_core.planning.generation_size import choose_generation_size
from venice_core.planning.model_support import (
    check_options,
    choose_tier,
    endpoints_for,
    model_for,
    model_warnings,
)
from venice_core.planning.plan import Plan
from venice_core.planning.selection import Selection
from venice_core.planning.styles import match_style


def plan_generation(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    options = job.options
    endpoint = _generate_endpoint(job, capabilities)
    check_options(job, endpoint, capabilities)
    model = model_for(IMAGE, options.model, capabilities)
    resolution, quality = choose_tier(job, model, capabilities)
    fields = capabilities.parse_fields(endpoint, dict(options.fields))
    _check_generate_fields(options, fields, model)
    most = model.max_style_references
    if job.references and model.constrained and len(job.references) > (most or 0):
        takes = f"at most {most}" if most else "no"
        raise BadInput(f"{model.label} accepts {takes} reference images.")
    longest = capabilities.max_prompts.get(endpoint, capabilities.limits.max_prompt)
    negative = options.negative_prompt.strip()
    room = min(model.max_prompt or longest, longest)
    if len(negative) > room:
        raise BadInput(f"The negative prompt is too long: the model accepts at most {room} characters.")
    if options.aspect_ratio not in ("", "auto") and not model.size_selectable:
        raise BadInput(f"{model.label} chooses the shape itself: leave the aspect ratio empty.")
    target = selection.support if selection else job.layer
    size, asked, ratio = choose_generation_size(options, endpoint, fields, model, target.extent, capabilities)
    warnings = list(model_warnings(model, capabilities))
    factor = max(target.width / size.width, target.height / size.height)
    if factor > 1.01 and not options.as_made:
        warnings.append(f"The image is generated at about {size} and enlarged {factor:.1f} times.")
    sent = {**fields, "style_references": job.references}
    warnings += [words for name, words in capabilities.field_warnings.items() if sent.get(name)]
    requests, pictures = capabilities.batches(options.variations, endpoint, model)
    if pictures > 1 and options.seed != -1:
        warnings.append("The seed applies to the first image only; the others are random.")
    return Plan(
        endpoint=endpoint,
        provider=capabilities.name,
        model=model.id,
        prompt=full_prompt(options.prompt, model, longest, guided=False),
        crop=target,
        padding=Padding(),
        size=size,
        support=selection.support if selection else None,
        references=tuple(scaled_within(each, capabilities.limits) for each in job.references),
        asked=asked,
        aspect_ratio=ratio,
        resolution=resolution,
        quality=quality,
        style=match_style(options.style, capabilities.catalogue.styles),
        privacy=model.privacy,
        requests=requests,
        pictures=pictures,
        price=model.price(
            resolution=resolution, quality=quality, enhance=options.enhance_prompt, pictures=pictures
        ),
        warnings=tuple(warnings),
    )


def _generate_endpoint(job: Job, capabilities: Capabilities) -> Endpoint:
    endpoints = endpoints_for(Action.GENERATE, capabilities)
    requested = job.options.endpoint or endpoints[0].value
    if requested not in [endpoint.value for endpoint in endpoints]:
        raise BadInput(f"“{requested}” cannot generate images; {endpoints[0].value} can.")
    return Endpoint(requested)


def _check_generate_fields(options: Options, fields: Mapping[str, Any], model: Model) -> None:
    for name in ("width", "height"):
        side = fields.get(name, 0)
        if isinstance(side, int) and side % model.divisor:
            raise BadInput(f"{name} must be a multiple of {model.divisor} for {model.label}.")
    if "width" in fields or "height" in fields:
        if options.aspect_ratio:
            raise BadInput("Set either width and height or an aspect ratio, not both.")
        if model.aspect_ratios:
            raise BadInput(f"{model.label} accepts an aspect ratio instead of width and height.")
    if model.max_steps and fields.get("steps", 0) > model.max_steps:
        raise BadInput(f"{model.label} accepts at most {model.max_steps} steps.")
