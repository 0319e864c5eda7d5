"""What a provider and its models accept, and what they cost.

A model's entry is read as the service publishes it (`GET /models`); anything in it may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

ENHANCEMENT_USD = 0.04
"""Surcharge for `enhance_prompt`, as Venice documents it (autumn 2026)."""


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
class Price:
    """In US dollars and in DIEM, Venice's own unit; None: not known."""

    usd: float | None
    diem: float | None = None

    def plus(self, usd: float, diem: float) -> Price:
        return Price(
            None if self.usd is None else round(self.usd + usd, 6),
            None if self.diem is None else round(self.diem + diem, 6),
        )


@dataclass(frozen=True)
class Model:
    """One model as the catalogue knows it; empty and None: the catalogue does not say."""

    id: str
    name: str = ""
    aspect_ratios: tuple[str, ...] = ()
    resolutions: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    default_resolution: str = ""
    default_quality: str = ""
    max_prompt: int | None = None
    max_images: int | None = None
    keeps_shape: bool = False
    pricing: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Model:
        spec = entry.get("model_spec") or {}
        limits = spec.get("constraints") or {}
        pricing = spec.get("pricing") or {}
        images = limits.get("maxInputImages")
        if limits.get("combineImages") is False:
            images = 1
        tiers = pricing.get("resolutions") or {}
        by_tier = pricing.get("quality") or {}
        qualities = [quality for tier in by_tier.values() for quality in tier]
        return cls(
            id=str(entry["id"]),
            name=str(spec.get("name") or entry["id"]),
            aspect_ratios=tuple(limits.get("aspectRatios") or ()),
            resolutions=tuple(limits.get("resolutions") or tiers),
            qualities=tuple(limits.get("qualities") or dict.fromkeys(qualities)),
            default_resolution=str(limits.get("defaultResolution") or ""),
            default_quality=str(limits.get("defaultQuality") or ""),
            max_prompt=limits.get("promptCharacterLimit"),
            max_images=images,
            keeps_shape=limits.get("singleImageAspectRatio") is False,
            pricing=pricing,
        )

    def price(
        self, *, images: int = 1, resolution: str = "", quality: str = "", enhance: bool = False
    ) -> Price | None:
        """What one request with so many input pictures costs; None where the catalogue does not say."""
        tiers = self.pricing.get("resolutions") or {}
        by_quality = self.pricing.get("quality") or {}
        tier = resolution or self.default_resolution or next(iter(tiers), "1K")
        chosen = quality or self.default_quality
        base = (by_quality.get(tier) or {}).get(chosen) or tiers.get(tier) or self.pricing.get("inpaint")
        if not base:
            return None
        price = Price(base.get("usd"), base.get("diem"))
        extra = self.pricing.get("inputImages") or {}
        surplus = max(0, images - int(extra.get("included", images)))
        each = extra.get("additional") or {}
        price = price.plus(surplus * each.get("usd", 0.0), surplus * each.get("diem", 0.0))
        return price.plus(ENHANCEMENT_USD, ENHANCEMENT_USD) if enhance else price


@dataclass(frozen=True)
class Catalogue:
    """The models that a provider is known to offer, by id."""

    models: Mapping[str, Model] = field(default_factory=dict)

    @classmethod
    def from_entries(cls, entries: Iterable[Mapping[str, Any]]) -> Catalogue:
        models = (Model.from_entry(entry) for entry in entries if entry.get("id"))
        return cls({model.id: model for model in models})

    @classmethod
    def packaged(cls) -> Catalogue:
        """The dated copy of Venice's list of edit models that travels with the package."""
        text = resources.files("venice_core").joinpath("data/models-inpaint.json").read_text("utf-8")
        return cls.from_entries(json.loads(text)["data"])

    def get(self, model_id: str) -> Model:
        """The model; one with nothing known about it where the catalogue lacks it."""
        return self.models.get(model_id) or Model(model_id, model_id)


@dataclass(frozen=True)
class Capabilities:
    """A provider as the planner sees it."""

    name: str
    default_model: str
    limits: Limits
    catalogue: Catalogue = field(default_factory=Catalogue)
    aspect_ratios: tuple[str, ...] = ()
    """What the request itself accepts; empty: anything. A model's list narrows it further."""
    cutout_price: Price | None = None
