"""What a provider and its models accept, and what they cost.

A model's entry is read as the service publishes it (`GET /models`); anything in it may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import resources
from typing import Any

from venice_core.job import Action
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.output_shapes import Shapes, tier_side
from venice_core.planning.price import Price

ENHANCEMENT_USD = 0.04
"""Surcharge for `enhance_prompt`, as Venice documents it (autumn 2026)."""

INPAINT, IMAGE, UPSCALE = "inpaint", "image", "upscale"
MODEL_TYPES = (INPAINT, IMAGE, UPSCALE)
"""The types of `GET /models` that are of use here; an `inpaint` model edits, an `image` model generates."""
ANY = "any"
"""The type of a model that both edits and generates."""
MAX_FILES = 10
"""Of a multipart request, whatever a model takes, as Venice documents it (autumn 2026)."""
USUAL_TIER = "1K"
"""The resolution of a request that names none, where a model says nothing else."""


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
    may ask for. `limits`: where they are not the provider's. `pricing`: the price as Venice lists it; `usd`:
    as a profile gives it, in US dollars for a picture of a quality ("": of any).
    `listed`: the catalogue holds it. `constrained`: it also says what the model accepts, not only prices.
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
    pricing: Mapping[str, Any] = field(default_factory=dict)
    usd: Mapping[str, float] = field(default_factory=dict)
    listed: bool = False
    constrained: bool = False

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Model:
        """Raises ValueError for what is no model's entry; what it does not understand counts as missing."""
        model_id = entry.get("id") if isinstance(entry, Mapping) else None
        kind = _text(entry.get("type")) if isinstance(entry, Mapping) else ""
        if not isinstance(model_id, str) or not model_id or kind not in (*MODEL_TYPES, ""):
            raise ValueError("not the entry of a model for pictures")
        spec = _mapping(entry.get("model_spec"))
        limits, pricing = _mapping(spec.get("constraints")), _mapping(spec.get("pricing"))
        images = _whole(limits.get("maxInputImages"))
        images = None if images is None else min(images, MAX_FILES)
        if limits.get("combineImages") is False:
            images = 1
        tiers = sorted(map(str, _mapping(pricing.get("resolutions"))), key=tier_side)
        by_tier = _mapping(pricing.get("quality"))
        qualities = [quality for tier in by_tier.values() for quality in _mapping(tier)]
        deprecation = _mapping(spec.get("deprecation"))
        return cls(
            id=model_id,
            name=_text(spec.get("name")) or model_id,
            type=kind,
            aspect_ratios=_texts(limits.get("aspectRatios")),
            resolutions=_texts(limits.get("resolutions")) or tuple(tiers),
            qualities=_texts(limits.get("qualities")) or tuple(dict.fromkeys(qualities)),
            default_resolution=_text(limits.get("defaultResolution")),
            default_quality=_text(limits.get("defaultQuality")),
            max_prompt=_whole(limits.get("promptCharacterLimit")),
            max_images=images,
            max_steps=_whole(_mapping(limits.get("steps")).get("max")),
            max_style_references=_whole(limits.get("maxStyleReferences")),
            divisor=_whole(limits.get("widthHeightDivisor")) or 1,
            keeps_shape=limits.get("singleImageAspectRatio") is False,
            offline=spec.get("offline") is True,
            privacy=_text(spec.get("privacy")),
            retires=_text(deprecation.get("removesAt")) or _text(deprecation.get("date")),
            replacement=_text(deprecation.get("replacementModelId")),
            traits=_texts(spec.get("traits")),
            pricing=pricing,
            listed=True,
            constrained=bool(limits),
        )

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
        """What one request with so many input pictures costs; None where the catalogue does not say.

        `pictures`: how many the request makes (`variants`).
        """
        if self.usd:
            amount = self.usd.get(quality or self.default_quality, self.usd.get(""))
            return None if amount is None else Price(amount).times(pictures)
        tiers = _mapping(self.pricing.get("resolutions"))
        usual = USUAL_TIER if USUAL_TIER in tiers else min(tiers, key=tier_side, default=USUAL_TIER)
        tier = resolution or self.default_resolution or usual
        matrix = _mapping(self.pricing.get("quality"))
        if resolution and (tiers or matrix) and resolution not in {**tiers, **matrix}:
            return None
        by_quality = _mapping(matrix.get(tier))
        if quality and matrix and quality not in by_quality:
            return None  # better none than that of another quality
        flat = self.pricing.get("inpaint") or self.pricing.get("generation")
        base = _price(by_quality.get(quality or self.default_quality) or tiers.get(tier) or flat)
        if base is None:
            return None
        extra = _mapping(self.pricing.get("inputImages"))
        included = _whole(extra.get("included"))
        surplus = 0 if included is None else max(0, images - included)
        each = _price(extra.get("additional")) or Price(0.0, 0.0)
        price = base.plus(surplus * (each.usd or 0.0), surplus * (each.diem or 0.0)).times(pictures)
        return price.plus(ENHANCEMENT_USD, ENHANCEMENT_USD) if enhance else price

    def upscale_price(self, scale: int) -> Price | None:
        """Of a result that many times as large: what has no price of its own costs what 4 times does."""
        prices = _mapping(self.pricing.get("upscale"))
        return _price(prices.get(f"{scale}x") if scale <= 2 else prices.get(f"{scale}x", prices.get("4x")))


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

    @classmethod
    def from_entries(
        cls, entries: Iterable[Any], *, styles: Iterable[str] = (), date: float = 0.0
    ) -> Catalogue:
        """Entries that are none are passed over."""
        models: dict[str, Model] = {}
        for entry in entries:
            try:
                model = Model.from_entry(entry)
            except ValueError:
                continue
            models[model.id] = model
        return cls(models, tuple(styles), date)

    @classmethod
    def packaged(cls) -> Catalogue:
        """The dated copy of Venice's list that travels with the package; it has prices, hardly limits."""
        data = resources.files("venice_core.providers.venice").joinpath("data")
        files = ("models-inpaint.json", "models-image.json")
        lists = [json.loads(data.joinpath(name).read_text("utf-8"))["data"] for name in files]
        return cls.from_entries([entry for entries in lists for entry in entries])

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
    free: bool = False
    """Whether it never charges."""
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


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _whole(value: Any) -> int | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31
    return int(value) if number else None


def _price(value: Any) -> Price | None:
    """Raises nothing: what is no price is not known."""
    amounts = _mapping(value)
    usd, diem = _amount(amounts.get("usd")), _amount(amounts.get("diem"))
    return None if usd is None and diem is None else Price(usd, diem)


def _amount(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if number else None
