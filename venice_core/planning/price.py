"""What a request costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Price:
    """A price in US dollars and in DIEM, Venice's own unit; None if unknown."""

    usd: float | None
    diem: float | None = None

    def plus(self, usd: float, diem: float) -> Price:
        return Price(
            None if self.usd is None else round(self.usd + usd, 6),
            None if self.diem is None else round(self.diem + diem, 6),
        )

    def share(self, count: int) -> Price:
        """Return the price of one of `count` pictures that were made for this price."""
        return Price(
            None if self.usd is None else round(self.usd / count, 6),
            None if self.diem is None else round(self.diem / count, 6),
        )

    def times(self, count: int) -> Price:
        return Price(
            None if self.usd is None else round(self.usd * count, 6),
            None if self.diem is None else round(self.diem * count, 6),
        )


@dataclass(frozen=True)
class PricedRequest:
    """What determines the price of a request."""

    images: int = 1
    """How many pictures it contains."""
    tier: str = ""
    """The resolution; "" if neither the request nor the model names one."""
    tier_chosen: bool = False
    """Whether the request names it, not the model."""
    quality: str = ""
    quality_chosen: bool = False
    enhance: bool = False
    pictures: int = 1
    """How many pictures it makes."""


class PriceList(Protocol):
    """The prices of a model's requests, in whatever form its service states them."""

    @property
    def is_known(self) -> bool:
        """Whether it contains any prices."""

    @property
    def by_quality(self) -> bool:
        """Whether each quality has its own price for each resolution."""

    def of(self, request: PricedRequest) -> Price | None:
        """Return the price of one request, or None if it is unknown."""

    def of_upscaling(self, scale: int) -> Price | None:
        """Return the price of enlarging by that factor, or None if it is unknown."""

    def to_json(self) -> dict[str, Any]:
        """Return the prices in the form used by the service."""


@dataclass(frozen=True)
class FlatPrices:
    """US dollars per picture by quality; "" stands for any quality."""

    usd: Mapping[str, float]

    by_quality = False

    @property
    def is_known(self) -> bool:
        return bool(self.usd)

    def of(self, request: PricedRequest) -> Price | None:
        amount = self.usd.get(request.quality, self.usd.get(""))
        return None if amount is None else Price(amount).times(request.pictures)

    def of_upscaling(self, scale: int) -> Price | None:  # noqa: ARG002 - services with such prices do not upscale
        return None

    def to_json(self) -> dict[str, Any]:
        return {"pricing": {}, "usd": dict(self.usd)}


UNPRICED = FlatPrices({})
FREE_PROVIDERS = ("sandbox",)
"""Providers that never charge, by name, which is what a journal keeps of them."""
