"""From a job's geometry and a provider's limits to what is sent. Pure: no pixels, no files, no network.

The crop is what leaves the image; padding is added where the provider wants more or another shape
than the layer has; `size` is what is sent. All of it is undone by `fit`, from the same plan.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from venice_core.errors import BadInput
from venice_core.geometry import Bounds, Extent, Padding, parse_ratio, with_ratio
from venice_core.job import Action, Job, SelectionUse
from venice_core.providers.capabilities import Capabilities, Limits, Model, Price
from venice_core.selection import Selection

MIN_CONTEXT = 64
CONTEXT_SHARE = 0.5
MAX_PADDED = 200_000_000
"""In px: padding beyond this is not what anybody wants to send."""

# The longest that fits is added to the prompt; the person's words are never shortened.
MASK_SENTENCES = (
    "The last image is a mask of the first: change only what is white in it, blend in where it is grey, and "
    "keep everything that is black in it exactly as it is. Do not paint the mask into the result.",
    "The last image is a mask: change only what is white in it and keep the rest exactly as it is.",
    "Change only the white area of the mask (last image).",
)


class Endpoint(str, Enum):
    EDIT = "/image/edit"
    MULTI_EDIT = "/image/multi-edit"
    BACKGROUND_REMOVE = "/image/background-remove"


@dataclass(frozen=True)
class Plan:
    """What is sent. `crop` and `support` in image coordinates, `feather` in px of the image.

    `aspect_ratio` "" means that the field is left out. `guided`: the selection goes along as a mask.
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
    aspect_ratio: str = ""
    price: Price | None = None
    warnings: tuple[str, ...] = ()

    @property
    def padded(self) -> Extent:
        """The crop with its padding, before it is scaled to `size`."""
        return self.padding.around(self.crop.extent)

    @property
    def images(self) -> int:
        return 2 if self.guided else 1

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "endpoint": self.endpoint.value, "images": self.images}


def make_plan(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    """How `job` is sent to the provider. Raises BadInput where it cannot be sent as asked.

    `selection` is None exactly where nothing limits the result.
    """
    if job.action is Action.CUTOUT:
        return _plan_cutout(job, selection, capabilities)
    return _plan_edit(job, selection, capabilities)


def _plan_edit(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    options = job.options
    model = capabilities.catalogue.get(options.model or capabilities.default_model)
    warnings: list[str] = []
    room = model.max_images or capabilities.limits.max_images
    guided = selection is not None and options.selection is SelectionUse.GUIDE
    if guided and room < 2:
        guided = False
        warnings.append(
            f"{model.name or model.id} takes one picture only: it sees the region without a mask."
        )
    _check_offered(model, "resolution", options.resolution, model.resolutions)
    _check_offered(model, "quality", options.quality, model.qualities)
    prompt = _prompt(options.prompt, guided, min(model.max_prompt or 2**31, capabilities.limits.max_prompt))
    # quality is a field of multi-edit only
    endpoint = Endpoint.MULTI_EDIT if guided or options.quality else Endpoint.EDIT
    ratios = _ratios(options.aspect_ratio, model, capabilities, endpoint)
    crop = _crop(job, selection)
    crop, padding, aspect_ratio = _shape(crop, job.layer, ratios, capabilities.limits)
    padded = padding.around(crop.extent)
    size = _size(padded, capabilities.limits)
    warnings += _size_warnings(padding, padded, size)
    if options.variations > 1:
        warnings.append("Several variations are not made yet: one is.")
    return Plan(
        endpoint=endpoint,
        provider=capabilities.name,
        model=model.id,
        prompt=prompt,
        crop=crop,
        padding=padding,
        size=size,
        support=selection.support if selection else None,
        feather=_feather(job, selection),
        guided=guided,
        aspect_ratio=options.aspect_ratio if options.aspect_ratio == "auto" else aspect_ratio,
        price=model.price(
            images=2 if guided else 1,
            resolution=options.resolution,
            quality=options.quality,
            enhance=options.enhance_prompt,
        ),
        warnings=tuple(warnings),
    )


def _plan_cutout(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    crop, padding, _ = _shape(_crop(job, selection), job.layer, (), capabilities.limits)
    padded = padding.around(crop.extent)
    size = _size(padded, capabilities.limits)
    return Plan(
        endpoint=Endpoint.BACKGROUND_REMOVE,
        provider=capabilities.name,
        model="",
        prompt="",
        crop=crop,
        padding=padding,
        size=size,
        support=selection.support if selection else None,
        price=capabilities.cutout_price,
        warnings=tuple(_size_warnings(padding, padded, size)),
    )


def _check_offered(model: Model, name: str, wish: str, offered: tuple[str, ...]) -> None:
    known = bool(model.pricing) or bool(offered)
    if wish and known and wish not in offered:
        choice = f"it offers {', '.join(offered)}" if offered else "it offers no choice"
        raise BadInput(f"{model.name or model.id} has no {name} “{wish}”: {choice}.")


def _prompt(words: str, guided: bool, limit: int) -> str:
    words = words.strip()
    if not words:
        raise BadInput("The prompt is empty: write what should change, for example “remove the tree”.")
    if len(words) > limit:
        raise BadInput(f"The prompt has {len(words)} characters; the model takes at most {limit}.")
    if guided:
        for sentence in MASK_SENTENCES:
            extended = f"{words}\n\n{sentence}"
            if len(extended) <= limit:
                return extended
    return words


def _ratios(wish: str, model: Model, capabilities: Capabilities, endpoint: Endpoint) -> tuple[str, ...]:
    """The aspect ratios that the crop may take; empty: any."""
    accepted = model.aspect_ratios
    if accepted and capabilities.aspect_ratios:
        accepted = tuple(ratio for ratio in accepted if ratio in capabilities.aspect_ratios)
    if wish:
        offered = accepted or capabilities.aspect_ratios
        if offered and wish not in offered:
            raise BadInput(
                f"{model.name or model.id} has no aspect ratio “{wish}”: it offers {', '.join(offered)}."
            )
        if wish != "auto" and parse_ratio(wish) is None:
            raise BadInput(f"“{wish}” is no aspect ratio, such as 16:9.")
        return () if wish == "auto" else (wish,)
    if endpoint is Endpoint.EDIT and model.keeps_shape:
        return ()
    return tuple(ratio for ratio in accepted if parse_ratio(ratio) is not None)


def _crop(job: Job, selection: Selection | None) -> Bounds:
    if selection is None:
        return job.layer
    context = job.options.context
    if context < 0:
        context = max(MIN_CONTEXT, math.ceil(selection.support.extent.longer * CONTEXT_SHARE))
    return selection.support.pad(context, within=job.layer)


def _shape(
    crop: Bounds, layer: Bounds, ratios: tuple[str, ...], limits: Limits
) -> tuple[Bounds, Padding, str]:
    """The crop, widened to what the provider accepts: with real pixels first, then with padding."""
    crop = crop.widen(_at_least(crop.extent, limits), within=layer)
    if not ratios:
        return crop, Padding.centred(crop.extent, _at_least(crop.extent, limits)), ""

    def stretch(ratio: str) -> float:
        return abs(math.log((parse_ratio(ratio) or 1.0) / crop.extent.ratio))

    nearest = min(ratios, key=stretch)
    ratio = parse_ratio(nearest) or 1.0
    crop = crop.widen(with_ratio(crop.extent, ratio), within=layer)
    outer = with_ratio(crop.extent, ratio)
    outer = with_ratio(_at_least(outer, limits), ratio)
    if outer.pixels > MAX_PADDED:
        raise BadInput(f"With the aspect ratio {nearest} the region would become {outer}: choose another.")
    return crop, Padding.centred(crop.extent, outer), nearest


def _at_least(extent: Extent, limits: Limits) -> Extent:
    """`extent`, or the least larger one that the provider takes, as near to a square as it needs."""
    width, height = max(extent.width, limits.min_side), max(extent.height, limits.min_side)
    if width * height < limits.min_pixels:
        side = math.ceil(math.sqrt(limits.min_pixels))
        if width >= side:
            height = math.ceil(limits.min_pixels / width)
        elif height >= side:
            width = math.ceil(limits.min_pixels / height)
        else:
            width = height = side
    return Extent(width, height)


def _size(padded: Extent, limits: Limits) -> Extent:
    if padded.pixels <= limits.max_pixels:
        return padded
    factor = math.sqrt(limits.max_pixels / padded.pixels)
    width, height = math.floor(padded.width * factor), math.floor(padded.height * factor)
    if min(width, height) < limits.min_side:
        raise BadInput(f"A region of {padded} is too long and narrow for the service.")
    return Extent(width, height)


def _size_warnings(padding: Padding, padded: Extent, size: Extent) -> list[str]:
    warnings = []
    if padding:
        warnings.append(f"The region is padded to {padded}, which the service needs; that is cut off again.")
    if size != padded:
        warnings.append(
            f"The region of {padded} is sent at {size}, the service's largest: the result is softer."
        )
    return warnings


def _feather(job: Job, selection: Selection | None) -> int:
    if selection is None:
        return 0
    return selection.automatic_feather if job.options.feather < 0 else job.options.feather
