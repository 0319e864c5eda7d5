"""Plan an edit."""

from __future__ import annotations

from venice_core.errors import BadInput
from venice_core.job import Action, Job, SelectionUse
from venice_core.planning.capabilities import INPAINT, Capabilities, Limits, Model
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.framing import choose_crop, choose_feather, frame, frame_fields, scaled_within
from venice_core.planning.model_support import (
    check_options,
    choose_tier,
    endpoints_for,
    model_for,
    model_warnings,
    shapes_for,
)
from venice_core.planning.output_shapes import Ratios
from venice_core.planning.plan import Plan
from venice_core.planning.selection import Selection

# The longest that fits is added to the prompt; the user's words are never shortened.
MASK_SENTENCES = (
    "The second image is a mask of the first: change only what is white in it, blend in where it is gray, "
    "and keep everything that is black in it exactly as it is. Do not paint the mask into the result.",
    "The second image is a mask: change only what is white in it and keep the rest exactly as it is.",
    "Change only the white area of the mask (second image).",
)


def plan_edit(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    options = job.options
    endpoints = endpoints_for(Action.EDIT, capabilities)
    model = model_for(INPAINT, options.model, capabilities)
    limits = model.limits or capabilities.limits
    guided, warnings = _guided(job, selection, model, limits)
    resolution, quality = choose_tier(job, model, capabilities)
    mask_as_image = guided and not model.mask
    prompt = full_prompt(options.prompt, model, limits.max_prompt, guided=mask_as_image)
    # where there are two, only that for several pictures has a field for the quality
    endpoint = endpoints[-1] if mask_as_image or job.references or quality else endpoints[0]
    check_options(job, endpoint, capabilities)
    shapes = shapes_for(options.aspect_ratio, model, capabilities.aspect_ratios)
    if endpoint is Endpoint.EDIT and model.keeps_shape:
        if options.aspect_ratio not in ("", "auto"):
            raise BadInput(f"{model.label} keeps the image's shape: leave the aspect ratio empty.")
        shapes = Ratios()
    framed = frame(choose_crop(job, selection), job.layer, shapes, limits)
    auto = options.aspect_ratio == "auto" and "auto" in model.aspect_ratios
    requests, pictures = capabilities.batches(options.variations, endpoint, model)
    return Plan(
        endpoint=endpoint,
        model=model.id,
        prompt=prompt,
        support=selection.support if selection else None,
        feather=choose_feather(job, selection),
        guided=guided,
        masked=guided and model.mask,
        references=tuple(scaled_within(each, limits) for each in job.references),
        asked=framed.asked,
        aspect_ratio="auto" if auto else framed.aspect_ratio,
        resolution=resolution,
        quality=quality,
        privacy=model.privacy,
        requests=requests,
        pictures=pictures,
        price=model.price(
            images=1 + mask_as_image + len(job.references),
            resolution=resolution,
            quality=quality,
            enhance=options.enhance_prompt,
            pictures=pictures,
        ),
        warnings=(*warnings, *model_warnings(model, capabilities), *framed.warnings),
        **frame_fields(framed, capabilities),
    )


def _guided(job: Job, selection: Selection | None, model: Model, limits: Limits) -> tuple[bool, list[str]]:
    """Return whether the selection is sent as a mask, and what the user should know about that."""
    room = model.max_images or limits.max_images
    references = len(job.references)
    takes = "only one image" if room == 1 else f"at most {room} images"
    if 1 + references > room:
        raise BadInput(f"{model.label} accepts {takes}, but this request has {1 + references}.")
    if selection is None or job.options.selection is not SelectionUse.GUIDE:
        return False, []
    if model.mask or 2 + references <= room:
        return True, []
    return False, [f"{model.label} accepts {takes}, so it sees the region without a mask."]


def full_prompt(words: str, model: Model, limit: int, *, guided: bool) -> str:
    words, limit = words.strip(), min(model.max_prompt or limit, limit)
    if not words:
        raise BadInput("The prompt is empty: describe what you want.")
    if len(words) > limit:
        raise BadInput(f"The prompt has {len(words)} characters; the model accepts at most {limit}.")
    if guided:
        for sentence in MASK_SENTENCES:
            extended = f"{words}\n\n{sentence}"
            if len(extended) <= limit:
                return extended
    return words
