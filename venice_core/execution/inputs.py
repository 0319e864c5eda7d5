"""A job's pixels, and the job as prepared for sending."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from venice_core.errors import ProtocolError
from venice_core.geometry.rectangles import Extent
from venice_core.imaging.arrays import Coverage, Pixels
from venice_core.job import Job
from venice_core.planning.plan import Plan
from venice_core.planning.planner import make_plan
from venice_core.planning.selection import Selection
from venice_core.providers.base import Provider

PixelSource = bytes | Path


@dataclass(frozen=True, eq=False)
class JobInputs:
    """A job's raw pixels, in memory or in files that are moved."""

    source: PixelSource | None = None
    """RGBA of the plan's crop."""
    coverage: PixelSource | None = None
    """One byte per pixel of the job's window."""
    references: tuple[PixelSource, ...] = ()
    """RGBA of the job's references."""


@dataclass(frozen=True)
class Prepared:
    """A job that is ready to be sent."""

    job: Job
    plan: Plan
    selection: Selection | None
    """None if no selection limits the job."""

    @classmethod
    def of(cls, job: Job, coverage: Coverage | None, provider: Provider) -> Prepared:
        """Prepare a job; `coverage` is that of `job.window`. Raises BadInput if it cannot be sent."""
        selection = Selection.of(job, coverage) if job.selected and coverage is not None else None
        return cls(job, make_plan(job, selection, provider.capabilities), selection)

    @cached_property
    def coverage(self) -> Coverage | None:
        """The grown coverage over the crop, not feathered."""
        return self.selection.cut(self.plan.crop) if self.selection else None

    @property
    def mask(self) -> Coverage | None:
        """The result's layer mask: coverage over the crop, grown and feathered."""
        return self.selection.cut(self.plan.crop, self.plan.feather) if self.selection else None


def _bytes(raw: PixelSource) -> bytes:
    return raw.read_bytes() if isinstance(raw, Path) else raw


def read_pixels(raw: PixelSource, extent: Extent) -> Pixels:
    data = _bytes(raw)
    if len(data) != extent.pixels * 4:
        raise ProtocolError(f"The pixels do not match the crop ({extent}).")
    return np.frombuffer(data, np.uint8).reshape(extent.height, extent.width, 4)


def read_coverage(source: PixelSource | None, job: Job) -> Coverage | None:
    if source is None or job.window is None:
        return None
    data = _bytes(source)
    if len(data) != job.window.extent.pixels:
        raise ProtocolError("The selection does not match its bounds in size.")
    return np.frombuffer(data, np.uint8).reshape(job.window.height, job.window.width)
