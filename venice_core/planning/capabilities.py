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
"""The types of `GET /models` that are of use here; an `inpaint` model edits, an `image` model generates."""
ANY = "any"
"""The type of a model that both edits and generates."""


@dataclass(frozen=True)
class Limits:
    """What a request may hold: picture sizes in px, file size in bytes, text in characters."""

    min_pixels: int = 1
    max_pixels: int = 2**62
    min_side: int = 1
    max_file_bytes: int = 2**62
    max_prompt: int = 32768
    max_images: int = 1


@dataclass(frozen=True)
class Model:
    """One model as the catalogue knows it; empty and None: the catalogue does not say.

    `keeps_shape`: an edit of one picture keeps its shape, whatever aspect ratio is asked for.
    `shapes`: what it makes, where that is more than a list of aspect ratios. `sized`: a request can say which
    of it is wanted. `mask`: the request has a field for a real mask. `at_once`: how many pictures a request
    may ask for. `limits`: where they are not the provider's. `listed`: the catalogue holds it.
    `constrained`: it also says what the model accepts, not only prices.
    """

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
    shapes: Shapes | None = None
    sized: bool = True
    mask: bool = False
    at_once: int | None = None
    limits: Limits | None = None
    offline: bool = False
    privacy: str = ""
    retires: str = ""
    replacement: str = ""
    traits: tuple[str, ...] = ()
    prices: PriceList = UNPRICED
    listed: bool = False
    constrained: bool = False

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
        """Return what one request with so many input pictures costs; None where nobody says.

        `pictures`: how many the request makes (`variants`).
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
    """The models that a provider is known to offer, by id, and the styles.

    `date`: Unix time in s of when the service said so; 0: it is the copy that travels with the package.
    `unlisted`: what is known of any other model of the service.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    styles: tuple[str, ...] = ()
    date: float = 0.0
    unlisted: Model | None = None

    def get(self, name: str) -> Model:
        """The model with that id or trait; one with nothing known about it where the catalogue lacks it."""
        model = self.models.get(name)
        if model is None:
            model = next((each for each in self.models.values() if name in each.traits), None)
        if model is None and self.unlisted is not None:
            return replace(self.unlisted, id=name, name=name or self.unlisted.name)
        return model or Model(name, name)

    def of_type(self, kind: str) -> tuple[Model, ...]:
        """The models of a type; those whose type is not known count as models that edit."""
        kinds = (kind, ANY) if kind in (INPAINT, IMAGE) else (kind,)
        return tuple(model for model in self.models.values() if (model.type or INPAINT) in kinds)


@dataclass(frozen=True)
class Capabilities:
    """A provider as the planner sees it.

    `endpoints`: by action; the first where nothing else decides, the last for an edit with further pictures.
    `without`: options that an endpoint's requests have no room for. `max_prompts` and `at_once`: the
    characters and pictures of a request, where the limits and the model do not say. `shapes`: what an
    endpoint makes with any model. `parse_fields`: values that are set by name, as the request takes them;
    raises BadInput. `keyless`: it can be used without a key; `key_variable`: of the environment, for the key.
    """

    name: str
    default_model: str
    limits: Limits
    catalogue: Catalogue = field(default_factory=Catalogue)
    aspect_ratios: tuple[str, ...] = ()
    """What an edit may ask of a model that lists none itself; empty: anything."""
    default_generator: str = ""
    cutout_model: str = ""
    """The model behind the endpoint for cut-outs: for its price."""
    upscale_model: str = ""
    max_upscaled: int = 2**62
    """Largest result of an upscaling, in px."""
    max_generated_side: int = 1024
    """Largest width or height that a generation may ask for, in px."""
    endpoints: Mapping[Action, tuple[Endpoint, ...]] = field(default_factory=dict)
    without: Mapping[Endpoint, tuple[str, ...]] = field(default_factory=dict)
    max_prompts: Mapping[Endpoint, int] = field(default_factory=dict)
    at_once: Mapping[Endpoint, int] = field(default_factory=dict)
    shapes: Mapping[Endpoint, Shapes] = field(default_factory=dict)
    parse_fields: Callable[[Endpoint, Mapping[str, str]], dict[str, Any]] = field(kw_only=True)
    keyless: bool = False
    key_variable: str = ""
    sends_defaults: bool = False
    """Whether a model's default quality and resolution are sent, so that their price is sure."""
    field_warnings: Mapping[str, str] = field(default_factory=dict)
    """What people should know before they pay, by the request's field."""
    today: date = field(default_factory=date.today, compare=False)
    """Whether a model has ended is a matter of the day."""

    @property
    def free(self) -> bool:
        """Whether it never charges."""
        return self.name in FREE_PROVIDERS

    def batches(self, count: int, endpoint: Endpoint, model: Model) -> tuple[int, int]:
        """How many requests, and how many pictures each makes."""
        most = model.at_once or self.at_once.get(endpoint, 1)
        return (1, count) if count <= most else (count, 1)

    def default_for(self, kind: str) -> str:
        """The model where none is named."""
        defaults = {INPAINT: self.default_model, IMAGE: self.generator, UPSCALE: self.upscale_model}
        return defaults[kind]

    @property
    def generator(self) -> str:
        """The model that generates where none is named: the service's own default, if it says one."""
        marked = [model.id for model in self.catalogue.of_type(IMAGE) if "default" in model.traits]
        return marked[0] if marked else self.default_generator
