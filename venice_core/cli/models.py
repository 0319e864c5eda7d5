"""The commands `models` and `styles`: what a service offers."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from venice_core.cancellation import Cancel
from venice_core.cli.remedies import sentence
from venice_core.cli.tables import price_text, print_table
from venice_core.errors import VeniceError
from venice_core.network.lookup import look_up
from venice_core.planning.capabilities import IMAGE, INPAINT, MODEL_TYPES, UPSCALE, Catalogue, Model
from venice_core.planning.model_support import is_past
from venice_core.planning.price import Price
from venice_core.providers.registry import ProviderSession, Registry

_KINDS = {INPAINT: "Models that edit", IMAGE: "Models that generate", UPSCALE: "Models that upscale"}


def show_models(arguments: argparse.Namespace, registry: Registry, _env: Mapping[str, str]) -> None:
    opened = registry.open(arguments.provider)
    if arguments.traits:
        provider = opened.provider
        request = provider.traits(IMAGE if arguments.type == "all" else arguments.type)
        named = provider.read_traits(look_up(request, provider, Cancel()))
        if arguments.json:
            print(json.dumps({"traits": named}))
        else:
            print_table(("trait", "model"), [list(pair) for pair in named.items()])
        return
    catalogue = _latest(opened)
    kinds = MODEL_TYPES if arguments.type == "all" else (arguments.type,)
    by_kind = {kind: catalogue.of_type(kind) for kind in kinds}
    models = {model.id: model for listed in by_kind.values() for model in listed}.values()
    if arguments.json:
        print(json.dumps({"date": catalogue.date, "models": [_described(model) for model in models]}))
        return
    for kind, listed in by_kind.items():
        if listed:
            print(f"{_KINDS[kind]} ({kind}):")
            rows = [[model.id, _cost(model), _limits(model), _notes(model)] for model in listed]
            print_table(("model", "price", "accepts", "notes"), rows, wrapped=3)
    source = f"the profile {opened.name}" if opened.profile else _dated(catalogue)
    print(f"{len(models)} models, from {source}. Prices are per image, in US dollars.")


def show_styles(arguments: argparse.Namespace, registry: Registry, _env: Mapping[str, str]) -> None:
    styles = _latest(registry.open(arguments.provider)).styles
    if arguments.json:
        print(json.dumps({"styles": styles}))
    else:
        print("\n".join(styles) or "The service lists no styles.")


def _latest(opened: ProviderSession) -> Catalogue:
    """Return the current list from the service or, with a warning if that fails, the known one."""
    if opened.catalogues is None:
        return opened.provider.capabilities.catalogue
    try:
        return opened.catalogues.refresh()
    except VeniceError as error:
        known = opened.catalogues.current
        print(f"{sentence(error, opened.name)} Showing {_dated(known)}.", file=sys.stderr)
        return known


def _dated(catalogue: Catalogue) -> str:
    if not catalogue.date:
        return "the built-in list from August 2026"
    return time.strftime("the service's list from %Y-%m-%d %H:%M", time.localtime(catalogue.date))


def _described(model: Model) -> dict[str, Any]:
    price, fields = model.price(), asdict(model)
    del fields["prices"]
    # as they were called when this was first printed
    fields["sized"] = fields.pop("size_selectable")
    fields["at_once"] = fields.pop("max_images_per_request")
    scales = {f"{scale}x": model.upscale_price(scale) for scale in (2, 4)}
    return {
        **fields,
        **model.prices.to_json(),
        "price": asdict(price) if price else None,
        "upscale_price": {name: asdict(each) for name, each in scales.items() if each},
    }


def _cost(model: Model) -> str:
    """Return the price by resolution where that matters, and that of further input pictures."""
    if model.type == "upscale":
        scales = ((scale, model.upscale_price(scale)) for scale in (2, 4))
        return " ".join(f"{scale}x {price_text(price)}" for scale, price in scales if price)
    by_quality = [f"{quality}: {_tiers(model, quality)}" for quality in model.qualities]
    text = "; ".join(by_quality) if model.prices.by_quality else _tiers(model, "")
    one, two = model.price(images=1), model.price(images=2)
    if one and two and one.usd is not None and two.usd is not None and two.usd > one.usd:
        text += f" +{price_text(Price(round(two.usd - one.usd, 6)))} per additional image"
    return text


def _tiers(model: Model, quality: str) -> str:
    """Return one price, or one for each resolution if they differ."""
    tiers = {tier: price_text(model.price(resolution=tier, quality=quality)) for tier in model.resolutions}
    if len(set(tiers.values())) > 1:
        return " ".join(f"{tier} {price}" for tier, price in tiers.items())
    return price_text(model.price(quality=quality))


def _limits(model: Model) -> str:
    limits = [" ".join(each) for each in (model.aspect_ratios, model.resolutions, model.qualities) if each]
    if model.divisor > 1:
        limits.append(f"multiples of {model.divisor} px")
    if model.max_prompt:
        limits.append(f"{model.max_prompt} characters")
    if model.max_images:
        limits.append(f"{model.max_images} image{'s' if model.max_images > 1 else ''}")
    if model.max_steps:
        limits.append(f"{model.max_steps} steps")
    if model.max_style_references:
        limits.append(f"{model.max_style_references} style references")
    return "; ".join(limits)


def _notes(model: Model) -> str:
    notes = [model.privacy, *model.traits]
    if model.keeps_shape:
        notes.append("keeps the image's shape")
    if model.offline:
        notes.append("offline")
    if model.retires or model.replacement:
        ends = "retired" if is_past(model.retires, date.today()) else "retires"
        notes.append(f"{ends} {model.retires[:10]} {model.replacement}".strip())
    return ", ".join(note for note in notes if note)
