"""What can be read: models, styles, and the account behind a key."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug import Request

from venice_core.sandbox.switches import Switches
from venice_core.sandbox.venice.account import authorize, balances
from venice_core.sandbox.venice.catalogue import TYPES, Catalogue
from venice_core.sandbox.venice.errors import ApiError, invalid
from venice_core.sandbox.venice.schemas import STYLES


def models(request: Request, _: Switches, catalogue: Catalogue) -> Any:
    """Answer /models: the entries of a type, by default text, which has none."""
    kind = _type(request, (*TYPES, "all", "code"))
    defaults = {"object": "model", "owned_by": "venice.ai", "type": "inpaint"}
    entries = [{**defaults, **model.entry} for model in catalogue.of_type(kind)]
    return {"object": "list", "type": kind, "data": entries}


def traits(request: Request, _: Switches, catalogue: Catalogue) -> Any:
    """Answer /models/traits: for each trait, the first model that has it."""
    kind = _type(request, TYPES)
    found: dict[str, str] = {}
    for model in catalogue.of_type(kind):
        for trait in model.spec.get("traits", ()):
            found.setdefault(trait, model.id)
    return {"object": "list", "type": kind, "data": found}


def styles(_: Request, switches: Switches, __: Catalogue) -> Any:
    """Answer /image/styles: the presets, in either of the documented shapes."""
    return list(STYLES) if switches.styles == "array" else {"object": "list", "data": list(STYLES)}


def rate_limits(request: Request, switches: Switches, catalogue: Catalogue) -> Any:
    """Answer /api_keys/rate_limits: what the key may do, and its balance."""
    authorize(request.headers.get("Authorization", ""), ApiError(401))
    limits = [{"amount": 20, "type": "RPM"}, {"amount": 28_800, "type": "RPD"}]
    data = {
        "accessPermitted": True,
        "apiTier": {"id": "paid", "isCharged": True},
        "balances": balances(switches),
        "keyExpiration": None,
        "nextEpochBegins": time.strftime("%Y-%m-%d 00:00:00+00:00", time.gmtime(time.time() + 86_400)),
        "rateLimits": [{"apiModelId": model.id, "rateLimits": limits} for model in catalogue.of_type("all")],
    }
    return {"data": data}


def balance(request: Request, switches: Switches, _: Catalogue) -> Any:
    """Answer /billing/balance, for keys that begin with "admin"."""
    key = authorize(request.headers.get("Authorization", ""), ApiError(401))
    if not key.startswith("admin"):
        raise ApiError(401, "Unauthorized. This endpoint is only available to admin keys")
    left = balances(switches)
    return {
        "canConsume": True,
        "consumptionCurrency": next(iter(sorted(left)), None),
        "balances": {"diem": left.get("DIEM"), "usd": left.get("USD")},
        "diemEpochAllocation": 120.0,
    }


GETS: Mapping[str, Callable[[Request, Switches, Catalogue], Any]] = {
    "/models": models,
    "/models/traits": traits,
    "/image/styles": styles,
    "/api_keys/rate_limits": rate_limits,
    "/billing/balance": balance,
}


def _type(request: Request, choices: tuple[str, ...]) -> str:
    kind = request.args.get("type", "text")
    if kind not in choices:
        raise invalid("type", f"Expected one of {', '.join(choices)}", "invalid_enum_value")
    return kind
