"""What a provider and its models accept, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from venice_core.job import Action
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.output_shapes import Shapes
from venice_core.planning.price import FREE_PROVIDERS, UNPRICED, Price, PricedRequest, PriceList

INPAINT, IMAGE, UPSCALE = "inpaint", "image", "upscale"
MODEL_TYPES = (INPAINT, IMAGE, UPSCALE)
"""The types of `GET /models` that are used here; an `inpaint` model edits, an `image` model generates."""
ANY = "any"
"""The type of a model that both edits and generates."""


@dataclass(frozen=True)
class Limits:
    """What a request may contain: picture sizes in px, file sizes in bytes, text lengths in characters."""

    min_pixels: int = 1
    max_pixels: int = 2**62
    min_side: int = 1
    max_file_bytes: int = 2**62
    max_prompt: int = 32768
    max_images: int = 1


@dataclass(frozen=True)
class Model:
    """A model as described by the catalogue, which says nothing where a field is empty or None."""

    id: str
    name: str = ""
    type: str = ""
    aspect_ratios: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    default_resolution: str = ""
    default_quality: str = ""
    max_prompt: int | None = None
    max_images: int | None = None
    max_steps: int | None = None
    max_style_references: int | None = None
    divisor: int = 1
    keeps_shape: bool = False
    """Whether an edit of a single picture keeps its shape, whatever aspect ratio is requested."""
    shapes: Shapes | None = None
    """What it makes, if that is more than a list of aspect ratios."""
    size_selectable: bool = True
    """Whether a request can select one of them."""
    mask: bool = False
    """Whether requests have a field for a real mask."""
    max_images_per_request: int | None = None
    """How many pictures a request may ask for."""
    limits: Limits | None = None
    """Limits that differ from the provider's."""
    offline: bool = False
    privacy: str = ""
    retires: str = ""
    """The day from which the model no longer answers, such as 2026-12-01."""
    replacement: str = ""
    traits: tuple[str, ...] = ()
    prices: PriceList = UNPRICED
    listed: bool = False
    """Whether the catalogue contains the model."""
    constrained: bool = False
    """Whether the catalogue says what the model accepts, not only its prices."""

    @property
    def label(self) -> str:
        return self.name or self.id

    def price(
        self,
        *,
        images: int = 1,
        resolution: str = "",
        quality: str = "",
        enhance: bool = False,
        pictures: int = 1,
    ) -> Price | None:
        """Return the price of one request, or None if it is unknown.

        `images` counts the input pictures, `pictures` those that the request makes (`variants`).
        """
        tier, grade = resolution or self.default_resolution, quality or self.default_quality
        request = PricedRequest(
            images=images,
            tier=tier,
            tier_chosen=bool(resolution),
            quality=grade,
            quality_chosen=bool(quality),
            enhance=enhance,
            pictures=pictures,
        )
        return self.prices.of(request)

    def upscale_price(self, scale: int) -> Price | None:
        return self.prices.of_upscaling(scale)


@dataclass(frozen=True)
class Catalogue:
    """The models and styles that a provider offers."""

    models: Mapping[str, Model] = field(default_factory=dict)
    """By id."""
    styles: tuple[str, ...] = ()
    date: float = 0.0
    """When the service sent it, in Unix time; 0 for the copy included in the package."""
    unlisted: Model | None = None
    """What is known about every model of the service that is not listed."""

    def get(self, name: str) -> Model:
        """Return the model with that id or trait; if the catalogue lacks it, one without any details."""
        model = self.models.get(name)
        if model is None:
            model = next((each for each in self.models.values() if name in each.traits), None)
        if model is None and self.unlisted is not None:
            return replace(self.unlisted, id=name, name=name or self.unlisted.name)
        return model or Model(name, name)

    def of_type(self, kind: str) -> tuple[Model, ...]:
        """Return the models of a type; those without a type count as models that edit."""
        kinds = (kind, ANY) if kind in (INPAINT, IMAGE) else (kind,)
        return tuple(model for model in self.models.values() if (model.type or INPAINT) in kinds)


@dataclass(frozen=True)
class Capabilities:
    """A provider as the planner sees it."""

    name: str
    default_model: str
    limits: Limits
    catalogue: Catalogue = field(default_factory=Catalogue)
    aspect_ratios: tuple[str, ...] = ()
    """What an edit may request of a model that lists none itself; empty if anything."""
    default_generator: str = ""
    cutout_model: str = ""
    """The model behind the endpoint for cutouts, for its price."""
    upscale_model: str = ""
    max_upscaled: int = 2**62
    """The largest upscaled picture, in px."""
    max_generated_side: int = 1024
    """The largest width or height that a generation may request, in px."""
    endpoints: Mapping[Action, tuple[Endpoint, ...]] = field(default_factory=dict)
    """By action: the first by default, the last for an edit with further pictures."""
    unsupported_options: Mapping[Endpoint, tuple[str, ...]] = field(default_factory=dict)
    """The options that requests to an endpoint cannot express."""
    max_prompts: Mapping[Endpoint, int] = field(default_factory=dict)
    """Characters per request, where limits and model do not say."""
    max_images_per_request: Mapping[Endpoint, int] = field(default_factory=dict)
    """Pictures per request, where the model does not say."""
    shapes: Mapping[Endpoint, Shapes] = field(default_factory=dict)
    """What an endpoint makes with any model."""
    parse_fields: Callable[[Endpoint, Mapping[str, str]], dict[str, Any]] = field(kw_only=True)
    """Converts values set by field name to those of the request. Raises BadInput."""
    keyless: bool = False
    """Whether it can be used without a key."""
    key_variable: str = ""
    """The environment variable that may hold the key."""
    sends_defaults: bool = False
    """Whether a model's default quality and resolution are sent, so that their price is certain."""
    field_warnings: Mapping[str, str] = field(default_factory=dict)
    """What the user should know before paying, by field of the request."""
    today: date = field(default_factory=date.today, compare=False)
    """Determines whether a model has been retired."""

    @property
    def free(self) -> bool:
        """Whether the provider never charges."""
        return self.name in FREE_PROVIDERS

    def batches(self, count: int, endpoint: Endpoint, model: Model) -> tuple[int, int]:
        """Return the number of requests, and of pictures that each of them makes."""
        most = model.max_images_per_request or self.max_images_per_request.get(endpoint, 1)
        return (1, count) if count <= most else (count, 1)

    def default_for(self, kind: str) -> str:
        """Return the model that is used if none is named."""
        defaults = {INPAINT: self.default_model, IMAGE: self.generator, UPSCALE: self.upscale_model}
        return defaults[kind]

    @property
    def generator(self) -> str:
        """The model that generates if none is named: the service's own default if it declares one."""
        marked = [model.id for model in self.catalogue.of_type(IMAGE) if "default" in model.traits]
        return marked[0] if marked else self.default_generator
