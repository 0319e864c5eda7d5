"""What came of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from venice_core.errors import (
    Charge,
    VeniceError,
)
from venice_core.fitting.placed import Placed
from venice_core.geometry.rectangles import Bounds, Extent
from venice_core.job import Facts
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan
from venice_core.planning.price import Price
from venice_core.records.entry import Entry


@dataclass(frozen=True, eq=False)
class Result:
    """One result in place and all that is said about it; `name` is for the layer.

    `number` counts the pictures of one request from 1.
    """

    entry: Entry
    plan: Plan
    placed: Placed
    facts: Facts
    name: str
    recipe: dict[str, Any]
    warnings: tuple[str, ...]
    charge: Charge
    number: int = 1

    @property
    def bounds(self) -> Bounds:
        """Where its pixels lie in the image; those of an upscaled layer are an image of their own."""
        height, width = self.placed.pixels.shape[:2]
        own = Extent(width, height)
        in_place = own == self.plan.crop.extent and self.plan.endpoint is not Endpoint.UPSCALE
        return self.plan.crop if in_place else Bounds.of(own)

    @property
    def price(self) -> Price | None:
        """Of this picture: its share where one request makes several."""
        return self.plan.price.share(self.plan.pictures) if self.plan.price else None


@dataclass(frozen=True, eq=False)
class Failure:
    """A request of several that failed."""

    entry: Entry
    error: VeniceError


@dataclass(frozen=True, eq=False)
class RunResult:
    """What came of a job: at least one result, what people should know, and the requests that failed."""

    results: tuple[Result, ...]
    warnings: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple({result.entry.id: result.entry for result in self.results}.values())
