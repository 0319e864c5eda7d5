"""Venice's prices: from what the list of models says to the price of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from venice_core.planning.output_shapes import tier_side
from venice_core.planning.price import Price, PricedRequest
from venice_core.providers.venice.json_values import as_mapping, as_whole

ENHANCEMENT_USD = 0.04
"""Surcharge for `enhance_prompt`, as documented by Venice (autumn 2026)."""
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
        tiers = as_mapping(self.listed.get("resolutions"))
        usual = USUAL_TIER if USUAL_TIER in tiers else min(tiers, key=tier_side, default=USUAL_TIER)
        tier = request.tier or usual
        matrix = as_mapping(self.listed.get("quality"))
        if request.tier_chosen and (tiers or matrix) and tier not in {**tiers, **matrix}:
            return None
        by_quality = as_mapping(matrix.get(tier))
        if request.quality_chosen and matrix and request.quality not in by_quality:
            return None  # better none than that of another quality
        flat = self.listed.get("inpaint") or self.listed.get("generation")
        base = _price(by_quality.get(request.quality) or tiers.get(tier) or flat)
        if base is None:
            return None
        extra = as_mapping(self.listed.get("inputImages"))
        included = as_whole(extra.get("included"))
        surplus = 0 if included is None else max(0, request.images - included)
        each = _price(extra.get("additional")) or Price(0.0, 0.0)
        price = base.plus(surplus * (each.usd or 0.0), surplus * (each.diem or 0.0)).times(request.pictures)
        return price.plus(ENHANCEMENT_USD, ENHANCEMENT_USD) if request.enhance else price

    def of_upscaling(self, scale: int) -> Price | None:
        """Return the price of enlarging by that factor; by default that of enlarging by 4."""
        prices = as_mapping(self.listed.get("upscale"))
        return _price(prices.get(f"{scale}x") if scale <= 2 else prices.get(f"{scale}x", prices.get("4x")))

    def to_json(self) -> dict[str, Any]:
        return {"pricing": dict(self.listed), "usd": {}}


def _price(value: Any) -> Price | None:
    """Read a price; return None if it is not one."""
    amounts = as_mapping(value)
    usd, diem = _amount(amounts.get("usd")), _amount(amounts.get("diem"))
    return None if usd is None and diem is None else Price(usd, diem)


def _amount(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
    return float(value) if number else None
