"""The results of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from venice_core.errors import Charge, VeniceError
from venice_core.fitting.placed import Placed
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.job import Facts
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan
from venice_core.planning.price import Price
from venice_core.records.entry import Entry


@dataclass(frozen=True, eq=False)
class Result:
    """A result in place, and everything that is reported about it."""

    entry: Entry
    plan: Plan
    placed: Placed
    facts: Facts
    name: str
    """The name of the layer."""
    recipe: dict[str, Any]
    warnings: tuple[str, ...]
    charge: Charge
    number: int = 1
    """The number of the picture within its request, from 1."""

    @property
    def bounds(self) -> Bounds:
        """Where its pixels belong in the image; an upscaled layer becomes an image of its own."""
        height, width = self.placed.pixels.shape[:2]
        own = Extent(width, height)
        in_place = own == self.plan.crop.extent and self.plan.endpoint is not Endpoint.UPSCALE
        return self.plan.crop if in_place else Bounds.of(own)

    @property
    def price(self) -> Price | None:
        """The price of this picture: its share if one request makes several."""
        return self.plan.price.share(self.plan.pictures) if self.plan.price else None


@dataclass(frozen=True, eq=False)
class Failure:
    """One of several requests that failed."""

    entry: Entry
    error: VeniceError


@dataclass(frozen=True, eq=False)
class RunResult:
    """The outcome of a job: at least one result, warnings, and the requests that failed."""

    results: tuple[Result, ...]
    warnings: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple({result.entry.id: result.entry for result in self.results}.values())
