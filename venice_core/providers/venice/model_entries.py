"""Models as listed by Venice (`GET /models`), with their prices; anything in an entry may be missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from venice_core.planning.capabilities import MODEL_TYPES, Catalogue, Model
from venice_core.planning.output_shapes import tier_side
from venice_core.planning.price import UNPRICED
from venice_core.providers.venice.json_values import as_mapping, as_text, as_texts, as_whole
from venice_core.providers.venice.prices import VenicePrices

MAX_FILES = 10
"""Of a multipart request, whatever the model accepts, as documented by Venice (autumn 2026)."""


def read_model(entry: Mapping[str, Any]) -> Model:
    """Read the entry of a model; what is not understood counts as missing.

    Raises ValueError if it is not a model's entry.
    """
    model_id = entry.get("id") if isinstance(entry, Mapping) else None
    kind = as_text(entry.get("type")) if isinstance(entry, Mapping) else ""
    if not isinstance(model_id, str) or not model_id or kind not in (*MODEL_TYPES, ""):
        raise ValueError("not the entry of a model for pictures")
    spec = as_mapping(entry.get("model_spec"))
    limits, pricing = as_mapping(spec.get("constraints")), as_mapping(spec.get("pricing"))
    images = as_whole(limits.get("maxInputImages"))
    images = None if images is None else min(images, MAX_FILES)
    if limits.get("combineImages") is False:
        images = 1
    tiers = sorted(map(str, as_mapping(pricing.get("resolutions"))), key=tier_side)
    by_tier = as_mapping(pricing.get("quality"))
    qualities = [quality for tier in by_tier.values() for quality in as_mapping(tier)]
    deprecation = as_mapping(spec.get("deprecation"))
    return Model(
        id=model_id,
        name=as_text(spec.get("name")) or model_id,
        type=kind,
        aspect_ratios=as_texts(limits.get("aspectRatios")),
        resolutions=as_texts(limits.get("resolutions")) or tuple(tiers),
        qualities=as_texts(limits.get("qualities")) or tuple(dict.fromkeys(qualities)),
        default_resolution=as_text(limits.get("defaultResolution")),
        default_quality=as_text(limits.get("defaultQuality")),
        max_prompt=as_whole(limits.get("promptCharacterLimit")),
        max_images=images,
        max_steps=as_whole(as_mapping(limits.get("steps")).get("max")),
        max_style_references=as_whole(limits.get("maxStyleReferences")),
        divisor=as_whole(limits.get("widthHeightDivisor")) or 1,
        keeps_shape=limits.get("singleImageAspectRatio") is False,
        offline=spec.get("offline") is True,
        privacy=as_text(spec.get("privacy")),
        retires=as_text(deprecation.get("removesAt")) or as_text(deprecation.get("date")),
        replacement=as_text(deprecation.get("replacementModelId")),
        traits=as_texts(spec.get("traits")),
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
