"""Models as listed by Venice (`GET /models`), with their prices; anything in an entry may be missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from venice_core.planning.capabilities import MODEL_TYPES, Catalogue, Model
from venice_core.planning.output_shapes import tier_side
from venice_core.planning.price import UNPRICED, Price, PricedRequest

ENHANCEMENT_USD = 0.04
"""Surcharge for `enhance_prompt`, as documented by Venice (autumn 2026)."""
MAX_FILES = 10
"""Of a multipart request, whatever the model accepts, as documented by Venice (autumn 2026)."""
USUAL_TIER = "1K"
"""The resolution of a request that names none, unless the model says otherwise."""


@dataclass(frozen=True)
class VenicePrices:
    """A model's prices as listed by Venice."""

    listed: Mapping[str, Any]

    @property
    def is_known(self) -> bool:
        return bool(self.listed)

    @property
    def by_quality(self) -> bool:
        return bool(self.listed.get("quality"))

    def of(self, request: PricedRequest) -> Price | None:
        """Return the price of one request, or None if the list does not have it."""
        tiers = _mapping(self.listed.get("resolutions"))
        usual = USUAL_TIER if USUAL_TIER in tiers else min(tiers, key=tier_side, default=USUAL_TIER)
        tier = request.tier or usual
        matrix = _mapping(self.listed.get("quality"))
        if request.tier_chosen and (tiers or matrix) and tier not in {**tiers, **matrix}:
            return None
        by_quality = _mapping(matrix.get(tier))
        if request.quality_chosen and matrix and request.quality not in by_quality:
            return None  # better none than that of another quality
        flat = self.listed.get("inpaint") or self.listed.get("generation")
        base = _price(by_quality.get(request.quality) or tiers.get(tier) or flat)
        if base is None:
            return None
        extra = _mapping(self.listed.get("inputImages"))
        included = _whole(extra.get("included"))
        surplus = 0 if included is None else max(0, request.images - included)
        each = _price(extra.get("additional")) or Price(0.0, 0.0)
        price = base.plus(surplus * (each.usd or 0.0), surplus * (each.diem or 0.0)).times(request.pictures)
        return price.plus(ENHANCEMENT_USD, ENHANCEMENT_USD) if request.enhance else price

    def of_upscaling(self, scale: int) -> Price | None:
        """Return the price of enlarging by that factor; by default that of enlarging by 4."""
        prices = _mapping(self.listed.get("upscale"))
        return _price(prices.get(f"{scale}x") if scale <= 2 else prices.get(f"{scale}x", prices.get("4x")))

    def to_json(self) -> dict[str, Any]:
        return {"pricing": dict(self.listed), "usd": {}}


def read_model(entry: Mapping[str, Any]) -> Model:
    """Read the entry of a model; what is not understood counts as missing.

    Raises ValueError if it is not a model's entry.
    """
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
    return Model(
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
        prices=VenicePrices(pricing) if pricing else UNPRICED,
        listed=True,
        constrained=bool(limits),
    )


def read_catalogue(entries: Iterable[Any], *, styles: Iterable[str] = (), date: float = 0.0) -> Catalogue:
    """Read a list of entries, skipping those that are not models."""
    models: dict[str, Model] = {}
    for entry in entries:
        try:
            model = read_model(entry)
        except ValueError:
            continue
        models[model.id] = model
    return Catalogue(models, tuple(styles), date)


def packaged_catalogue() -> Catalogue:
    """Read the dated copy of the list included in the package; it has prices but hardly any limits."""
    data = resources.files(__package__).joinpath("data")
    files = ("models-inpaint.json", "models-image.json")
    lists = [json.loads(data.joinpath(name).read_text("utf-8"))["data"] for name in files]
    return read_catalogue([entry for entries in lists for entry in entries])


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
    """Read a price; return None if it is not one."""
    amounts = _mapping(value)
    usd, diem = _amount(amounts.get("usd")), _amount(amounts.get("diem"))
    return None if usd is None and diem is None else Price(usd, diem)


def _amount(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if number else None
