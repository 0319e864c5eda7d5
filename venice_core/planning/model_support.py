"""Match what the user requests to what a provider offers, and refuse what it does not."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from venice_core.errors import BadInput
from venice_core.geometry.aspect_ratio import parse_ratio
from venice_core.job import Action, Job
from venice_core.planning.capabilities import ANY, IMAGE, INPAINT, UPSCALE, Capabilities, Model
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.output_shapes import Ratios, Shapes

_DOES = {INPAINT: "edits images", IMAGE: "generates images", UPSCALE: "upscales images"}
_ACTIONS = {
    Action.EDIT: "edit images",
    Action.CUTOUT: "remove backgrounds",
    Action.GENERATE: "generate images",
    Action.UPSCALE: "upscale images",
}
# The names of `Capabilities.unsupported_options`, as the user knows them.
_OPTION_NAMES = {
    "negative_prompt": "a negative prompt",
    "style": "a style",
    "seed": "a seed",
    "aspect_ratio": "an aspect ratio",
    "resolution": "a resolution",
    "quality": "a quality",
    "enhance_prompt": "prompt rewriting",
    "references": "reference images",
}


class Choices(NamedTuple):
    """What the user may choose with a model, as the model spells it; empty if it names no choices."""

    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    qualities: tuple[str, ...]


def choices(model: Model, action: Action, capabilities: Capabilities) -> Choices:
    """Return what windows offer and plans accept."""
    edits = action is Action.EDIT
    ratios = _listed_ratios(model, capabilities.aspect_ratios if edits else ())
    return Choices(ratios if edits or model.size_selectable else (), model.resolutions, model.qualities)


def endpoints_for(action: Action, capabilities: Capabilities) -> tuple[Endpoint, ...]:
    """Return at least one endpoint. Raises BadInput if the provider does not support the action."""
    endpoints = capabilities.endpoints.get(action, ())
    if not endpoints:
        raise BadInput(
            f"The provider {capabilities.name} cannot {_ACTIONS[action]}: choose another one, such as venice."
        )
    return endpoints


def model_for(kind: str, requested: str, capabilities: Capabilities) -> Model:
    """Return a model. Raises BadInput if it is known to be of another type."""
    default = capabilities.default_for(kind)
    model = capabilities.catalogue.get(requested or default)
    if model.type not in ("", ANY, kind):
        raise BadInput(
            f"{model.label} {_DOES[model.type]}; choose a model that {_DOES[kind]}, such as {default}."
        )
    return model


def check_options(job: Job, endpoint: Endpoint, capabilities: Capabilities) -> None:
    """Raise BadInput if the job contains something that requests to the endpoint cannot express."""
    options = job.options
    for name in capabilities.unsupported_options.get(endpoint, ()):
        wanted = {"seed": options.seed != -1, "references": bool(job.references)}
        if wanted.get(name, bool(getattr(options, name, ""))):
            endpoints = capabilities.endpoints[job.action]
            if len(endpoints) > 1:
                raise BadInput(
                    f"{endpoint.value} does not support {_OPTION_NAMES[name]}; {endpoints[0].value} does."
                )
            raise BadInput(f"The provider {capabilities.name} does not support {_OPTION_NAMES[name]}.")


def match_choice(model: Model, name: str, requested: str, values: tuple[str, ...]) -> str:
    """Return the requested value as the model spells it. Raises BadInput if the model does not offer it."""
    spelled = {value.lower(): value for value in values}
    if not requested or requested.lower() in spelled:
        return spelled.get(requested.lower(), requested)
    if model.listed or model.constrained or model.prices.is_known or values:
        raise _not_offered(model, name, requested, values)
    return requested


def ratios(requested: str, model: Model, usual: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the possible aspect ratios of the picture, empty for any. Raises BadInput if not offered.

    `usual` is what may be requested of a model that lists none; with no request, nothing is sent then.
    """
    names = _listed_ratios(model, usual)
    # "auto" says no more than leaving it out does
    if requested and requested != "auto":
        if (model.aspect_ratios or usual) and requested not in names:
            raise _not_offered(model, "aspect ratio", requested, names)
        ratio_of(requested)
        return (requested,)
    if requested in names or not model.aspect_ratios:
        return ()
    return tuple(name for name in names if name != "auto")


def _listed_ratios(model: Model, usual: tuple[str, ...]) -> tuple[str, ...]:
    names = model.aspect_ratios or usual
    return tuple(name for name in names if name == "auto" or parse_ratio(name))


def shapes_for(requested: str, model: Model, usual: tuple[str, ...] = ()) -> Shapes:
    """Return the possible shapes of the picture. Raises BadInput if the aspect ratio is not offered."""
    if model.shapes is None:
        return Ratios(ratios(requested, model, usual))
    if requested in ("", "auto"):
        return model.shapes
    shapes = model.shapes.of_ratio(ratio_of(requested))
    if shapes is None:
        raise _not_offered(model, "aspect ratio", requested, model.aspect_ratios)
    return shapes


def model_warnings(model: Model, capabilities: Capabilities) -> list[str]:
    """Return what the user should know about the model before paying."""
    warnings = []
    catalogue = capabilities.catalogue
    if model.id and not model.listed and (catalogue.date or (catalogue.unlisted and catalogue.models)):
        who = "service" if catalogue.date else f"profile {capabilities.name}"
        warnings.append(f"The {who} does not list the model “{model.id}”.")
    if model.offline:
        warnings.append(f"The service reports that {model.label} is currently offline.")
    if model.retires or model.replacement:
        when = f" on {model.retires[:10]}" if model.retires else ""
        instead = f"; use {model.replacement} instead" if model.replacement else ""
        ends = "was retired" if is_past(model.retires, capabilities.today) else "will be retired"
        warnings.append(f"{model.label} {ends}{when}{instead}.")
    return warnings


def is_past(day: str, today: date) -> bool:
    """Return whether a day such as 2026-12-01 has come; False if it is not a date."""
    try:
        return date.fromisoformat(day[:10]) <= today
    except ValueError:
        return False


def _not_offered(model: Model, name: str, requested: str, values: tuple[str, ...]) -> BadInput:
    choice = f"it offers {', '.join(values)}" if values else "it offers no choice"
    return BadInput(f"{model.label} has no {name} “{requested}”: {choice}.")


def ratio_of(requested: str) -> float:
    """Return width divided by height. Raises BadInput if it is not an aspect ratio."""
    ratio = parse_ratio(requested)
    if ratio is None:
        raise BadInput(f"“{requested}” is not an aspect ratio, such as 16:9.")
    return ratio


def choose_tier(job: Job, model: Model, capabilities: Capabilities) -> tuple[str, str]:
    """Return the resolution and quality to request, as the model spells them; "" lets the service decide."""
    offer = choices(model, job.action, capabilities)
    resolution = match_choice(model, "resolution", job.options.resolution, offer.resolutions)
    quality = match_choice(model, "quality", job.options.quality, offer.qualities)
    if capabilities.sends_defaults:
        return resolution or model.default_resolution, quality or model.default_quality
    return resolution, quality
