"""From a job's geometry and a provider's limits to what is sent. Pure: no pixels, no files, no network.

All of it is undone by `fit`, from the same plan.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from venice_core.endpoint import Endpoint
from venice_core.errors import BadInput
from venice_core.framing import Frame, frame, nearest_ratio, scaled_within
from venice_core.geometry import Bounds, Extent, Padding, parse_ratio
from venice_core.job import Action, Job, Options, SelectionUse
from venice_core.providers.capabilities import IMAGE, INPAINT, UPSCALE, Capabilities, Model, Price
from venice_core.providers.venice_fields import parse_fields
from venice_core.selection import Selection

MIN_CONTEXT = 64
CONTEXT_SHARE = 0.5
GENERATED_PIXELS = 1024 * 1024
"""About what a generation by width and height asks for, in px: what such models are made for."""
MIN_GAIN = 1.1
"""How many times as large an upscaled layer must become to be worth its price."""
MAX_GENERATE_PROMPT = 7500
MAX_GENERATIONS_PROMPT = 1500

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

    For a generation `crop` is what the result is to cover, and `size` what is asked for (`sized`: in
    figures) or expected. `aspect_ratio` "" means that the field is left out. `guided`: the selection goes
    along as a mask. `references`: the sizes at which further pictures are sent. `price` is that of one of
    `requests`, each of which makes `pictures`.
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
    references: tuple[Extent, ...] = ()
    aspect_ratio: str = ""
    style: str = ""
    sized: bool = False
    scale: int = 1
    requests: int = 1
    pictures: int = 1
    price: Price | None = None
    warnings: tuple[str, ...] = ()

    @property
    def padded(self) -> Extent:
        """The crop with its padding, before it is scaled to `size`."""
        return self.padding.around(self.crop.extent)

    @property
    def images(self) -> int:
        """How many pictures one request holds."""
        own = 0 if self.endpoint in (Endpoint.GENERATE, Endpoint.GENERATIONS) else 1
        return own + self.guided + len(self.references)

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
    parse_fields(plan.endpoint, dict(job.options.fields))
    return replace(plan, price=Price(0.0, 0.0)) if capabilities.free else plan


def _plan_edit(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    options = job.options
    model = _model(INPAINT, options.model, capabilities)
    guided, warnings = _guided(job, selection, model, capabilities)
    _check_offered(model, "resolution", options.resolution, model.resolutions)
    _check_offered(model, "quality", options.quality, model.qualities)
    prompt = _prompt(options.prompt, model, capabilities.limits.max_prompt, guided=guided)
    # quality is a field of multi-edit only
    several = guided or job.references or options.quality
    endpoint = Endpoint.MULTI_EDIT if several else Endpoint.EDIT
    ratios = _ratios(options.aspect_ratio, model, capabilities.aspect_ratios)
    if endpoint is Endpoint.EDIT and model.keeps_shape:
        if options.aspect_ratio not in ("", "auto"):
            raise BadInput(f"{model.label} keeps the picture's shape: leave the aspect ratio empty.")
        ratios = ()
    framed = frame(_crop(job, selection), job.layer, ratios, capabilities.limits)
    auto = options.aspect_ratio == "auto" and "auto" in model.aspect_ratios
    return Plan(
        endpoint=endpoint,
        model=model.id,
        prompt=prompt,
        support=selection.support if selection else None,
        feather=_feather(job, selection),
        guided=guided,
        references=tuple(scaled_within(each, capabilities.limits) for each in job.references),
        aspect_ratio="auto" if auto else framed.aspect_ratio,
        requests=options.variations,
        price=model.price(
            images=1 + guided + len(job.references),
            resolution=options.resolution,
            quality=options.quality,
            enhance=options.enhance_prompt,
        ),
        warnings=(*warnings, *_about(model, capabilities), *framed.warnings),
        **_frame(framed, capabilities),
    )


def _plan_cutout(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    framed = frame(_crop(job, selection), job.layer, (), capabilities.limits)
    return Plan(
        endpoint=Endpoint.BACKGROUND_REMOVE,
        model="",
        prompt="",
        support=selection.support if selection else None,
        price=capabilities.catalogue.get(capabilities.cutout_model).price(),
        warnings=framed.warnings,
        **_frame(framed, capabilities),
    )


def _plan_upscale(job: Job, _selection: Selection | None, capabilities: Capabilities) -> Plan:
    model = capabilities.catalogue.get(capabilities.default_for(UPSCALE))
    framed = frame(job.layer, job.layer, (), capabilities.limits)
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
        endpoint=Endpoint.UPSCALE,
        model=model.id,
        prompt="",
        scale=scale,
        price=model.upscale_price(scale),
        warnings=tuple(warnings),
        **_frame(framed, capabilities),
    )


def _plan_generate(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    options = job.options
    endpoint = _generate_endpoint(job)
    native = endpoint is Endpoint.GENERATE
    model = _model(IMAGE, options.model, capabilities)
    if native:
        _check_offered(model, "resolution", options.resolution, model.resolutions)
        _check_offered(model, "quality", options.quality, model.qualities)
    fields = parse_fields(endpoint, dict(options.fields))
    _check_generate_fields(options, fields, model)
    most = model.max_style_references
    if job.references and model.constrained and len(job.references) > (most or 0):
        takes = f"at most {most}" if most else "no"
        raise BadInput(f"{model.label} takes {takes} reference pictures.")
    longest = MAX_GENERATE_PROMPT if native else MAX_GENERATIONS_PROMPT
    negative = options.negative_prompt.strip()
    room = min(model.max_prompt or longest, longest)
    if len(negative) > room:
        raise BadInput(f"The negative prompt is longer than the model takes ({room} characters).")
    target = selection.support if selection else job.layer
    size, ratio = _generated_size(options, fields, model, target.extent, capabilities)
    sized = native and _by_size(model)
    warnings = list(_about(model, capabilities))
    factor = max(target.width / size.width, target.height / size.height)
    if factor > 1.01 and not options.as_made:
        warnings.append(f"The picture is made at about {size} and enlarged {factor:.1f} times.")
    if fields.get("enable_web_search"):
        warnings.append("If the service searches the web, it charges extra; the price here is without that.")
    count = options.variations
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
        aspect_ratio=ratio,
        style=_style(options.style, capabilities.catalogue.styles),
        sized=sized,
        requests=1 if native else count,
        pictures=count if native else 1,
        price=model.price(
            resolution=options.resolution,
            quality=options.quality,
            enhance=options.enhance_prompt,
            pictures=count if native else 1,
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


_CAN = {INPAINT: "edits pictures", IMAGE: "generates pictures", UPSCALE: "upscales pictures"}


def _model(kind: str, wish: str, capabilities: Capabilities) -> Model:
    """Raises BadInput for a model that is known to be of another kind."""
    default = capabilities.default_for(kind)
    model = capabilities.catalogue.get(wish or default)
    if model.type and model.type != kind:
        raise BadInput(
            f"{model.label} {_CAN[model.type]}; choose a model that {_CAN[kind]}, such as {default}."
        )
    return model


def _guided(
    job: Job, selection: Selection | None, model: Model, capabilities: Capabilities
) -> tuple[bool, list[str]]:
    """Whether the selection goes along as a mask, and what people should know about it."""
    room = model.max_images or capabilities.limits.max_images
    references = len(job.references)
    takes = "one picture only" if room == 1 else f"{room} pictures at most"
    if 1 + references > room:
        raise BadInput(f"{model.label} takes {takes}: the picture and {references} references are too many.")
    if selection is None or job.options.selection is not SelectionUse.GUIDE:
        return False, []
    if 2 + references <= room:
        return True, []
    return False, [f"{model.label} takes {takes}: it sees the region without a mask."]


def _about(model: Model, capabilities: Capabilities) -> list[str]:
    """What the catalogue says about the model that people should know before they pay."""
    warnings = []
    if not model.listed and capabilities.catalogue.date:
        warnings.append(f"The service does not list a model “{model.id}”.")
    if model.offline:
        warnings.append(f"The service says that {model.label} is offline at present.")
    if model.retires or model.replacement:
        when = f" on {model.retires[:10]}" if model.retires else ""
        instead = f"; use {model.replacement} instead" if model.replacement else ""
        warnings.append(f"{model.label} will be retired{when}{instead}.")
    return warnings


def _check_offered(model: Model, name: str, wish: str, offered: tuple[str, ...]) -> None:
    known = model.listed or bool(model.pricing) or bool(offered)
    if wish and known and wish not in offered:
        raise _not_offered(model, name, wish, offered)


def _not_offered(model: Model, name: str, wish: str, offered: tuple[str, ...]) -> BadInput:
    choice = f"it offers {', '.join(offered)}" if offered else "it offers no choice"
    return BadInput(f"{model.label} has no {name} “{wish}”: {choice}.")


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


def _ratios(wish: str, model: Model, taken: tuple[str, ...]) -> tuple[str, ...]:
    """The aspect ratios that the picture may have; empty: any. `taken`: by the request itself."""
    offered = model.aspect_ratios or taken
    if taken:
        offered = tuple(ratio for ratio in offered if ratio in taken)
    # "auto" says no more than leaving it out does
    if wish and wish != "auto":
        if (model.aspect_ratios or taken) and wish not in offered:
            raise _not_offered(model, "aspect ratio", wish, offered)
        if parse_ratio(wish) is None:
            raise BadInput(f"“{wish}” is no aspect ratio, such as 16:9.")
        return (wish,)
    if wish == "auto" and "auto" in model.aspect_ratios:
        return ()
    return tuple(ratio for ratio in offered if parse_ratio(ratio)) if model.aspect_ratios else ()


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


def _generate_endpoint(job: Job) -> Endpoint:
    wish = job.options.endpoint or Endpoint.GENERATE.value
    if wish not in (Endpoint.GENERATE.value, Endpoint.GENERATIONS.value):
        raise BadInput(f"“{wish}” generates nothing; {Endpoint.GENERATE.value} does.")
    if wish == Endpoint.GENERATIONS.value:
        options = job.options
        without = {
            "a negative prompt": options.negative_prompt,
            "a style": options.style,
            "a seed": options.seed != -1,
            "an aspect ratio": options.aspect_ratio,
            "a resolution": options.resolution,
            "a quality": options.quality,
            "a rewritten prompt": options.enhance_prompt,
            "reference pictures": job.references,
        }
        for what, wanted in without.items():
            if wanted:
                raise BadInput(f"{wish} does not know {what}; {Endpoint.GENERATE.value} does.")
    return Endpoint(wish)


def _check_generate_fields(options: Options, fields: Mapping[str, Any], model: Model) -> None:
    for name in ("width", "height"):
        if fields.get(name, 0) % model.divisor:
            raise BadInput(f"{name} must be a multiple of {model.divisor} for {model.label}.")
    if "width" in fields or "height" in fields:
        if options.aspect_ratio:
            raise BadInput("Give either width and height or an aspect ratio, not both.")
        if model.aspect_ratios:
            raise BadInput(f"{model.label} takes an aspect ratio instead of width and height.")
    if model.max_steps and fields.get("steps", 0) > model.max_steps:
        raise BadInput(f"{model.label} takes at most {model.max_steps} steps.")


def _by_size(model: Model) -> bool:
    """Whether the model takes width and height, as far as is known."""
    return not (model.aspect_ratios or model.resolutions)


def _generated_size(
    options: Options, fields: Mapping[str, Any], model: Model, target: Extent, capabilities: Capabilities
) -> tuple[Extent, str]:
    """What to ask for, or to expect, and the aspect ratio to send ("": none)."""
    if options.endpoint == Endpoint.GENERATIONS.value:
        return _openai_size(fields.get("size", ""), target), ""
    if {"width", "height"} & fields.keys() and not model.aspect_ratios:
        return Extent(fields.get("width", 1024), fields.get("height", 1024)), ""
    if _by_size(model):
        wish = parse_ratio(options.aspect_ratio)
        if wish is None and options.aspect_ratio not in ("", "auto"):
            raise BadInput(f"“{options.aspect_ratio}” is no aspect ratio, such as 16:9.")
        return _pixel_size(wish or target.ratio, model.divisor, capabilities.max_generated_side), ""
    ratios = _ratios(options.aspect_ratio, model, ())
    nearest = nearest_ratio(target, ratios) if ratios else ""
    if not nearest and options.aspect_ratio == "auto" and "auto" in model.aspect_ratios:
        nearest = "auto"
    tier = options.resolution or model.default_resolution
    side = 1024 * (int(tier[:-1]) if tier[:-1].isdigit() and tier.endswith("K") else 1)
    ratio = math.sqrt(parse_ratio(nearest) or 1.0)
    return Extent(max(1, round(side * ratio)), max(1, round(side / ratio))), nearest


def _pixel_size(ratio: float, divisor: int, largest: int) -> Extent:
    """About `GENERATED_PIXELS` of that ratio, each side a multiple of `divisor` up to `largest`."""
    width = math.sqrt(GENERATED_PIXELS) * math.sqrt(ratio)
    height = width / ratio
    factor = min(1.0, largest / max(width, height))
    step = math.lcm(max(1, divisor), 8)
    if step > largest:
        step = min(max(1, divisor), largest)

    def side(length: float) -> int:
        return min(max(step, round(length * factor / step) * step), largest // step * step)

    return Extent(side(width), side(height))


def _openai_size(wish: str, target: Extent) -> Extent:
    if "x" in wish:
        width, _, height = wish.partition("x")
        return Extent(int(width), int(height)) if width.isdigit() and height.isdigit() else Extent(1024, 1024)
    sizes = (
        Extent(1024, 1024),
        Extent(1536, 1024),
        Extent(1024, 1536),
        Extent(1792, 1024),
        Extent(1024, 1792),
    )
    return min(sizes, key=lambda size: abs(math.log(size.ratio / target.ratio)))


def _style(wish: str, known: tuple[str, ...]) -> str:
    """The style as the service spells it. Raises BadInput for one that it does not have."""
    if not wish or not known:
        return wish
    spelled = {style.lower(): style for style in known}
    if wish.lower() in spelled:
        return spelled[wish.lower()]
    near = [spelled[name] for name in difflib.get_close_matches(wish.lower(), spelled, 3, 0.5)]
    hint = f"; did you mean {', '.join(near)}?" if near else f"; it has {', '.join(known[:8])} …"
    raise BadInput(f"There is no style “{wish}”{hint}")
