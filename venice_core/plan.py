"""From a job's geometry and a provider's limits to what is sent. Pure: no pixels, no files, no network.

All of it is undone by `fit`, from the same plan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from venice_core.affine import Affine
from venice_core.endpoint import Endpoint
from venice_core.errors import BadInput
from venice_core.framing import Frame, frame, scaled_within
from venice_core.generated import generated
from venice_core.geometry import Bounds, Extent, Padding
from venice_core.job import Action, Job, Options, SelectionUse
from venice_core.offers import (
    about,
    check_wishes,
    choices,
    endpoints_for,
    model_for,
    offered,
    shapes_for,
    style,
)
from venice_core.providers.capabilities import IMAGE, INPAINT, UPSCALE, Capabilities, Limits, Model, Price
from venice_core.selection import Selection
from venice_core.shapes import Ratios

MIN_CONTEXT = 64
CONTEXT_SHARE = 0.5
MIN_GAIN = 1.1
"""How many times as large an upscaled layer must become to be worth its price."""

# The longest that fits is added to the prompt; the person's words are never shortened.
MASK_SENTENCES = (
    "The second image is a mask of the first: change only what is white in it, blend in where it is grey, "
    "and keep everything that is black in it exactly as it is. Do not paint the mask into the result.",
    "The second image is a mask: change only what is white in it and keep the rest exactly as it is.",
    "Change only the white area of the mask (second image).",
)


@dataclass(frozen=True)
class Plan:
    """What is sent. `crop` and `support` in image coordinates, `feather` in px of the image.

    `size` is that of the picture sent; for a generation `crop` is what the result is to cover, and `size`
    what is expected. `asked`: the size that is asked for in figures. `aspect_ratio`, `resolution`, `quality`
    "": the field is left out. `guided`: the selection goes along as a mask; `masked`: as the request's real
    mask, not as a further picture. `references`: the sizes at which further pictures are sent. `privacy`: how
    the service says that the model treats what it is sent, "private" or "anonymized"; "": it says nothing.
    `price` is that of one of `requests`, each of which makes `pictures`.
    """

    endpoint: Endpoint
    provider: str
    model: str
    prompt: str
    crop: Bounds
    padding: Padding
    size: Extent
    support: Bounds | None = None
    feather: int = 0
    guided: bool = False
    masked: bool = False
    references: tuple[Extent, ...] = ()
    asked: Extent | None = None
    aspect_ratio: str = ""
    resolution: str = ""
    quality: str = ""
    style: str = ""
    scale: int = 1
    creativity: float = 0.0
    privacy: str = ""
    requests: int = 1
    pictures: int = 1
    price: Price | None = None
    warnings: tuple[str, ...] = ()

    @property
    def padded(self) -> Extent:
        """The crop with its padding, before it is scaled to `size`."""
        return self.padding.around(self.crop.extent)

    @property
    def to_sent(self) -> Affine:
        """From image coordinates to those of the picture sent."""
        return Affine.shift(-self.crop.x, -self.crop.y).then(self.crop_to_sent)

    @property
    def crop_to_sent(self) -> Affine:
        """From px of the crop to those of the picture sent."""
        corner = Affine.shift(self.padding.left, self.padding.top)
        return corner.then(Affine.between(self.padded, self.size))

    @property
    def images(self) -> int:
        """How many pictures one request holds; a real mask is none."""
        own = 0 if self.endpoint in (Endpoint.GENERATE, Endpoint.GENERATIONS) else 1
        return own + (self.guided and not self.masked) + len(self.references)

    @property
    def total(self) -> Price | None:
        """What all requests cost together."""
        return self.price.times(self.requests) if self.price else None

    def to_json(self) -> dict[str, Any]:
        total = asdict(self.total) if self.total else None
        return {**asdict(self), "endpoint": self.endpoint.value, "images": self.images, "total": total}


def make_plan(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    """How `job` is sent to the provider. Raises BadInput where it cannot be sent as asked.

    `selection` is None exactly where nothing limits the result.
    """
    if job.options.endpoint and job.action is not Action.GENERATE:
        raise BadInput("Only for a generation can the endpoint be chosen.")
    planners = {
        Action.EDIT: _plan_edit,
        Action.CUTOUT: _plan_cutout,
        Action.GENERATE: _plan_generate,
        Action.UPSCALE: _plan_upscale,
    }
    plan = planners[job.action](job, selection, capabilities)
    capabilities.parse_fields(plan.endpoint, dict(job.options.fields))
    return replace(plan, price=Price(0.0, 0.0)) if capabilities.free else plan


def _plan_edit(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    options = job.options
    endpoints = endpoints_for(Action.EDIT, capabilities)
    model = model_for(INPAINT, options.model, capabilities)
    limits = model.limits or capabilities.limits
    guided, warnings = _guided(job, selection, model, limits)
    resolution, quality = _tier(job, model, capabilities)
    told = guided and not model.mask
    prompt = _prompt(options.prompt, model, limits.max_prompt, guided=told)
    # where there are two, only that for several pictures has a field for the quality
    endpoint = endpoints[-1] if told or job.references or quality else endpoints[0]
    check_wishes(job, endpoint, capabilities)
    shapes = shapes_for(options.aspect_ratio, model, capabilities.aspect_ratios)
    if endpoint is Endpoint.EDIT and model.keeps_shape:
        if options.aspect_ratio not in ("", "auto"):
            raise BadInput(f"{model.label} keeps the picture's shape: leave the aspect ratio empty.")
        shapes = Ratios()
    framed = frame(_crop(job, selection), job.layer, shapes, limits)
    auto = options.aspect_ratio == "auto" and "auto" in model.aspect_ratios
    requests, pictures = capabilities.batches(options.variations, endpoint, model)
    return Plan(
        endpoint=endpoint,
        model=model.id,
        prompt=prompt,
        support=selection.support if selection else None,
        feather=_feather(job, selection),
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
            images=1 + told + len(job.references),
            resolution=resolution,
            quality=quality,
            enhance=options.enhance_prompt,
            pictures=pictures,
        ),
        warnings=(*warnings, *about(model, capabilities), *framed.warnings),
        **_frame(framed, capabilities),
    )


def _plan_cutout(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    endpoint, *_ = endpoints_for(Action.CUTOUT, capabilities)
    model = capabilities.catalogue.get(capabilities.cutout_model)
    framed = frame(_crop(job, selection), job.layer, Ratios(), capabilities.limits)
    return Plan(
        endpoint=endpoint,
        model="",
        prompt="",
        support=selection.support if selection else None,
        privacy=model.privacy,
        price=model.price(),
        warnings=framed.warnings,
        **_frame(framed, capabilities),
    )


def _plan_upscale(job: Job, _selection: Selection | None, capabilities: Capabilities) -> Plan:
    endpoint, *_ = endpoints_for(Action.UPSCALE, capabilities)
    model = capabilities.catalogue.get(capabilities.default_for(UPSCALE))
    framed = frame(job.layer, job.layer, Ratios(), capabilities.limits)
    largest = capabilities.max_upscaled
    possible = math.sqrt(largest / framed.padded.pixels)
    if possible < MIN_GAIN:
        raise BadInput(
            f"A layer of {framed.crop.extent} is too large to be upscaled: the service's results have at "
            f"most {largest / 1e6:.1f} megapixels."
        )
    scale, warnings = job.options.scale, [warning for warning in framed.warnings if framed.padding]
    if possible < scale:
        warnings.append(
            f"The service's results have at most {largest / 1e6:.1f} megapixels: the layer becomes "
            f"{possible:.2f} times as large, not {scale} times."
        )
        scale = 2 if possible <= 2 else scale  # the larger one would cost more and give the same
    return Plan(
        endpoint=endpoint,
        model=model.id,
        prompt="",
        scale=scale,
        creativity=job.options.creativity,
        privacy=model.privacy,
        price=model.upscale_price(scale),
        warnings=tuple(warnings),
        **_frame(framed, capabilities),
    )


def _plan_generate(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    options = job.options
    endpoint = _generate_endpoint(job, capabilities)
    check_wishes(job, endpoint, capabilities)
    model = model_for(IMAGE, options.model, capabilities)
    resolution, quality = _tier(job, model, capabilities)
    fields = capabilities.parse_fields(endpoint, dict(options.fields))
    _check_generate_fields(options, fields, model)
    most = model.max_style_references
    if job.references and model.constrained and len(job.references) > (most or 0):
        takes = f"at most {most}" if most else "no"
        raise BadInput(f"{model.label} takes {takes} reference pictures.")
    longest = capabilities.max_prompts.get(endpoint, capabilities.limits.max_prompt)
    negative = options.negative_prompt.strip()
    room = min(model.max_prompt or longest, longest)
    if len(negative) > room:
        raise BadInput(f"The negative prompt is longer than the model takes ({room} characters).")
    if options.aspect_ratio not in ("", "auto") and not model.sized:
        raise BadInput(f"{model.label} cannot be asked for an aspect ratio: it chooses the shape itself.")
    target = selection.support if selection else job.layer
    size, asked, ratio = generated(options, endpoint, fields, model, target.extent, capabilities)
    warnings = list(about(model, capabilities))
    factor = max(target.width / size.width, target.height / size.height)
    if factor > 1.01 and not options.as_made:
        warnings.append(f"The picture is made at about {size} and enlarged {factor:.1f} times.")
    sent = {**fields, "style_references": job.references}
    warnings += [words for name, words in capabilities.told_of_fields.items() if sent.get(name)]
    requests, pictures = capabilities.batches(options.variations, endpoint, model)
    if pictures > 1 and options.seed != -1:
        warnings.append("The seed holds for the first picture only; the others are random.")
    return Plan(
        endpoint=endpoint,
        provider=capabilities.name,
        model=model.id,
        prompt=_prompt(options.prompt, model, longest, guided=False),
        crop=target,
        padding=Padding(),
        size=size,
        support=selection.support if selection else None,
        references=tuple(scaled_within(each, capabilities.limits) for each in job.references),
        asked=asked,
        aspect_ratio=ratio,
        resolution=resolution,
        quality=quality,
        style=style(options.style, capabilities.catalogue.styles),
        privacy=model.privacy,
        requests=requests,
        pictures=pictures,
        price=model.price(
            resolution=resolution, quality=quality, enhance=options.enhance_prompt, pictures=pictures
        ),
        warnings=tuple(warnings),
    )


def _frame(framed: Frame, capabilities: Capabilities) -> dict[str, Any]:
    return {
        "provider": capabilities.name,
        "crop": framed.crop,
        "padding": framed.padding,
        "size": framed.size,
    }


def _guided(job: Job, selection: Selection | None, model: Model, limits: Limits) -> tuple[bool, list[str]]:
    """Whether the selection goes along as a mask, and what people should know about it."""
    room = model.max_images or limits.max_images
    references = len(job.references)
    takes = "one picture only" if room == 1 else f"{room} pictures at most"
    if 1 + references > room:
        raise BadInput(f"{model.label} takes {takes}: the picture and {references} references are too many.")
    if selection is None or job.options.selection is not SelectionUse.GUIDE:
        return False, []
    if model.mask or 2 + references <= room:
        return True, []
    return False, [f"{model.label} takes {takes}: it sees the region without a mask."]


def _tier(job: Job, model: Model, capabilities: Capabilities) -> tuple[str, str]:
    """The resolution and the quality to ask for, as the model spells them; "" where the service decides."""
    offer = choices(model, job.action, capabilities)
    resolution = offered(model, "resolution", job.options.resolution, offer.resolutions)
    quality = offered(model, "quality", job.options.quality, offer.qualities)
    if capabilities.sends_defaults:
        return resolution or model.default_resolution, quality or model.default_quality
    return resolution, quality


def _prompt(words: str, model: Model, limit: int, *, guided: bool) -> str:
    words, limit = words.strip(), min(model.max_prompt or limit, limit)
    if not words:
        raise BadInput("The prompt is empty: write what you want, for example “remove the tree”.")
    if len(words) > limit:
        raise BadInput(f"The prompt has {len(words)} characters; the model takes at most {limit}.")
    if guided:
        for sentence in MASK_SENTENCES:
            extended = f"{words}\n\n{sentence}"
            if len(extended) <= limit:
                return extended
    return words


def _crop(job: Job, selection: Selection | None) -> Bounds:
    if selection is None:
        return job.layer
    context = job.options.context
    if context < 0:
        context = max(MIN_CONTEXT, math.ceil(selection.support.extent.longer * CONTEXT_SHARE))
    return selection.support.pad(context, within=job.layer)


def _feather(job: Job, selection: Selection | None) -> int:
    if selection is None:
        return 0
    return selection.automatic_feather if job.options.feather < 0 else job.options.feather


def _generate_endpoint(job: Job, capabilities: Capabilities) -> Endpoint:
    endpoints = endpoints_for(Action.GENERATE, capabilities)
    wish = job.options.endpoint or endpoints[0].value
    if wish not in [endpoint.value for endpoint in endpoints]:
        raise BadInput(f"“{wish}” generates nothing; {endpoints[0].value} does.")
    return Endpoint(wish)


def _check_generate_fields(options: Options, fields: Mapping[str, Any], model: Model) -> None:
    for name in ("width", "height"):
        side = fields.get(name, 0)
        if isinstance(side, int) and side % model.divisor:
            raise BadInput(f"{name} must be a multiple of {model.divisor} for {model.label}.")
    if "width" in fields or "height" in fields:
        if options.aspect_ratio:
            raise BadInput("Give either width and height or an aspect ratio, not both.")
        if model.aspect_ratios:
            raise BadInput(f"{model.label} takes an aspect ratio instead of width and height.")
    if model.max_steps and fields.get("steps", 0) > model.max_steps:
        raise BadInput(f"{model.label} takes at most {model.max_steps} steps.")
