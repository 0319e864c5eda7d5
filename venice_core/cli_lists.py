"""The commands that only tell: `models`, `styles`, `account`, `jobs`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from venice_core.cancel import Cancel
from venice_core.errors import BadInput, VeniceError
from venice_core.journal import Journal, summary
from venice_core.ledger import dollars, spent_today
from venice_core.lookup import look_up
from venice_core.messages import sentence
from venice_core.offers import is_past
from venice_core.providers import venice_lists as lists
from venice_core.providers.capabilities import (
    IMAGE,
    INPAINT,
    MODEL_TYPES,
    UPSCALE,
    Catalogue,
    Model,
    Price,
)
from venice_core.providers.registry import Opened, Registry
from venice_core.settings import Folders
from venice_core.terminal import plain, unfiltered

_KINDS = {INPAINT: "Models that edit", IMAGE: "Models that generate", UPSCALE: "Models that upscale"}
WIDE = 200
"""Characters in a line where nobody looks at it on a screen."""


def show(arguments: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Runs the command that `arguments.list` names."""
    commands = {"models": _models, "styles": _styles, "account": _account, "jobs": _jobs}
    with Registry(env, Folders.of(env)) as registry:
        commands[arguments.list](arguments, registry, env)
    return 0


def _models(arguments: argparse.Namespace, registry: Registry, _env: Mapping[str, str]) -> None:
    opened = registry.open(arguments.provider)
    if arguments.traits:
        if opened.profile is not None:
            raise BadInput(f"The provider {opened.name} lists no traits.")
        kind = IMAGE if arguments.type == "all" else arguments.type
        request = lists.traits(opened.provider.base_url, kind, opened.key)
        named = lists.read_traits(look_up(request, opened.provider, Cancel()))
        if arguments.json:
            print(json.dumps({"traits": named}))
        else:
            _table(("trait", "model"), [list(pair) for pair in named.items()])
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
            _table(("model", "price", "takes", "notes"), rows, wrapped=3)
    source = f"the profile {opened.name}" if opened.profile else _dated(catalogue)
    print(f"{len(models)} models, from {source}. Prices are for one picture, in US dollars.")


def _styles(arguments: argparse.Namespace, registry: Registry, _env: Mapping[str, str]) -> None:
    styles = _latest(registry.open(arguments.provider)).styles
    if arguments.json:
        print(json.dumps({"styles": styles}))
    else:
        print("\n".join(styles) or "The service lists no styles.")


def _account(arguments: argparse.Namespace, registry: Registry, env: Mapping[str, str]) -> None:
    if arguments.daily_limit is not None:
        registry.settings.set_daily_limit(_amount(arguments.daily_limit))
    opened = registry.open(arguments.provider)
    spending = spent_today(Journal(Folders.of(env).jobs), time.time())
    limit = registry.settings.daily_limit
    if not arguments.json:  # what is known here, whatever the service says
        unknown = f", and {spending.unpriced} at a price not known" if spending.unpriced else ""
        print(f"Today: {spending.requests} request(s), at most {dollars(spending.usd)}{unknown}")
        print("Limit a day: " + ("none" if limit is None else dollars(limit)))
    if opened.lacks_key:
        raise opened.missing_key
    account = opened.provider.read_account(look_up(opened.provider.account(), opened.provider, Cancel()))
    if arguments.json:
        told = {**asdict(account), "spent_today": asdict(spending), "daily_limit": limit}
        print(json.dumps({"provider": opened.name, "key_source": opened.key_source, **told}))
        return
    how = f"the key works ({opened.key_source})" if opened.key else "it answers, and needs no key"
    print(f"{opened.name}: {how}.")
    if account.note:
        print(account.note)
    if not account.permitted:
        print("The service does not give it access at present.")
    if account.tier:
        print(f"Tier: {account.tier}")
    for name, amount in (("US dollars", account.usd), ("DIEM", account.diem)):
        if amount is not None:
            print(f"Balance in {name}: {amount:.2f}")


def _jobs(arguments: argparse.Namespace, _registry: Registry, env: Mapping[str, str]) -> None:
    found = [summary(entry) for entry in Journal(Folders.of(env).jobs)]
    if arguments.json:
        print(json.dumps({"jobs": found}))
        return
    rows = [
        [
            job["id"],
            time.strftime("%Y-%m-%d %H:%M", time.localtime(job["created"])),
            job["action"],
            f"{job['status']} {job['error']}".strip(),
            job["charge"],
            _dollars(Price(job["price"]["usd"]) if job["price"] else None),
            job["prompt"],
        ]
        for job in found
    ]
    _table(("job", "made", "action", "status", "charge", "price", "prompt"), rows)


def _latest(opened: Opened) -> Catalogue:
    """As the service tells it now; where it cannot be asked, the list that is known, with a word."""
    if opened.catalogues is None:
        return opened.provider.capabilities.catalogue
    try:
        return opened.catalogues.refresh()
    except VeniceError as error:
        known = opened.catalogues.current
        print(f"{sentence(error, opened.name)} This is {_dated(known)}.", file=sys.stderr)
        return known


def _dated(catalogue: Catalogue) -> str:
    if not catalogue.date:
        return "the packaged list of August 2026"
    return time.strftime("the service's list of %Y-%m-%d %H:%M", time.localtime(catalogue.date))


def _described(model: Model) -> dict[str, Any]:
    price = model.price()
    scales = {f"{scale}x": model.upscale_price(scale) for scale in (2, 4)}
    return {
        **asdict(model),
        "price": asdict(price) if price else None,
        "upscale_price": {name: asdict(each) for name, each in scales.items() if each},
    }


def _cost(model: Model) -> str:
    """By resolution where that matters, with what further input pictures cost."""
    if model.type == "upscale":
        scales = ((scale, model.upscale_price(scale)) for scale in (2, 4))
        return " ".join(f"{scale}x {_dollars(price)}" for scale, price in scales if price)
    by_quality = [f"{quality}: {_tiers(model, quality)}" for quality in model.qualities]
    text = "; ".join(by_quality) if model.pricing.get("quality") else _tiers(model, "")
    one, two = model.price(images=1), model.price(images=2)
    if one and two and one.usd is not None and two.usd is not None and two.usd > one.usd:
        text += f" +{_dollars(Price(round(two.usd - one.usd, 6)))} a further picture"
    return text


def _tiers(model: Model, quality: str) -> str:
    """One price, or one for each resolution where they differ."""
    tiers = {tier: _dollars(model.price(resolution=tier, quality=quality)) for tier in model.resolutions}
    if len(set(tiers.values())) > 1:
        return " ".join(f"{tier} {price}" for tier, price in tiers.items())
    return _dollars(model.price(quality=quality))


def _limits(model: Model) -> str:
    limits = [" ".join(each) for each in (model.aspect_ratios, model.resolutions, model.qualities) if each]
    if model.divisor > 1:
        limits.append(f"sizes by {model.divisor} px")
    if model.max_prompt:
        limits.append(f"{model.max_prompt} characters")
    if model.max_images:
        limits.append(f"{model.max_images} picture{'s' if model.max_images > 1 else ''}")
    if model.max_steps:
        limits.append(f"{model.max_steps} steps")
    if model.max_style_references:
        limits.append(f"{model.max_style_references} style references")
    return "; ".join(limits)


def _notes(model: Model) -> str:
    notes = [model.privacy, *model.traits]
    if model.keeps_shape:
        notes.append("keeps the shape")
    if model.offline:
        notes.append("offline")
    if model.retires or model.replacement:
        ends = "ended" if is_past(model.retires, date.today()) else "retires"
        notes.append(f"{ends} {model.retires[:10]} {model.replacement}".strip())
    return ", ".join(note for note in notes if note)


def _dollars(price: Price | None) -> str:
    return "" if price is None or price.usd is None else dollars(price.usd)


def _amount(text: str) -> float | None:
    if text.lower() == "none":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(f"“{text}” is not an amount in US dollars.") from error


def _table(heads: tuple[str, ...], rows: list[list[str]], wrapped: int = 1) -> None:
    """The last `wrapped` columns share what room the others leave."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, no_wrap=number < len(heads) - wrapped, overflow="fold")
    for row in rows:
        table.add_row(*(escape(plain(cell)) for cell in row))
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width, file=unfiltered(sys.stdout)).print(table)
