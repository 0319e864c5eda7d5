"""Decide what part of the picture is sent, in which shape and at which size.

The crop is what leaves the image. If the provider requires a larger or differently shaped picture, the crop
is extended by real pixels of the layer first, and then by padding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.job import Job
from venice_core.planning.capabilities import Capabilities, Limits
from venice_core.planning.output_shapes import Shape, Shapes
from venice_core.planning.selection import Selection

MAX_PADDED = 200_000_000
"""In px: nobody wants to send padding beyond this."""
NOTICEABLE = 1.05
"""The user is warned if padding makes the region larger by this factor."""


@dataclass(frozen=True)
class Frame:
    """What is sent of a picture."""

    crop: Bounds
    """In image coordinates."""
    padding: Padding
    size: Extent
    """The size at which it is sent."""
    aspect_ratio: str = ""
    """By name, if one was chosen."""
    asked: Extent | None = None
    """The requested size, if one was chosen."""

    @property
    def padded(self) -> Extent:
        """The size of the crop with its padding, before it is scaled to `size`."""
        return self.padding.around(self.crop.extent)

    @property
    def warnings(self) -> tuple[str, ...]:
        warnings = []
        if self.padded.pixels > NOTICEABLE * self.crop.extent.pixels:
            warnings.append(
                f"The region is padded to {self.padded}, a size the service accepts; the padding is "
                "removed afterwards."
            )
        if self.size != self.padded:
            warnings.append(
                f"The region of {self.padded} is sent at {self.size}, the service's maximum, so the "
                "result is softer."
            )
        return tuple(warnings)


def frame(crop: Bounds, layer: Bounds, shapes: Shapes, limits: Limits) -> Frame:
    """Extend the crop to what the provider accepts and to a shape that the model makes.

    Raises BadInput if that would be unreasonably large or impossible to send.
    """
    crop = crop.widen(at_least(crop.extent, limits), within=layer)
    shape = shapes.nearest(crop.extent)
    if shape is None:
        padding = Padding.centered(crop.extent, at_least(crop.extent, limits))
        return Frame(crop, padding, within(padding.around(crop.extent), limits))
    outer = _outer(crop.extent, shape, limits)
    crop = crop.widen(outer, within=layer)
    padding = Padding.centered(crop.extent, outer)
    size = within(outer, limits)
    if shape.size is not None and size.pixels > shape.size.pixels:
        size = shape.size  # more than comes back would be sent in vain
    return Frame(crop, padding, size, shape.label, shape.size)


def _outer(extent: Extent, shape: Shape, limits: Limits) -> Extent:
    """Return the smallest extent of that shape that contains `extent` and is large enough."""
    outer = shape.around(at_least(shape.around(extent), limits))
    if outer.pixels > MAX_PADDED:
        name = shape.label or f"{shape.ratio:.3g}:1"
        raise BadInput(f"The aspect ratio {name} would enlarge the region to {outer}: choose another.")
    return outer


def within(extent: Extent, limits: Limits) -> Extent:
    """Return `extent`, or the largest of its shape that is accepted. Raises BadInput if there is none."""
    if extent.pixels <= limits.max_pixels:
        return extent
    factor = math.sqrt(limits.max_pixels / extent.pixels)
    width, height = math.floor(extent.width * factor), math.floor(extent.height * factor)
    if min(width, height) < limits.min_side:
        raise BadInput(f"A region of {extent} is too long and narrow for the service.")
    return Extent(width, height)


def at_least(extent: Extent, limits: Limits) -> Extent:
    """Return `extent`, or the smallest larger one that is accepted, no more square than necessary."""
    width, height = max(extent.width, limits.min_side), max(extent.height, limits.min_side)
    if width * height < limits.min_pixels:
        side = math.ceil(math.sqrt(limits.min_pixels))
        if width >= side:
            height = math.ceil(limits.min_pixels / width)
        elif height >= side:
            width = math.ceil(limits.min_pixels / height)
        else:
            width = height = side
    return Extent(width, height)


def scaled_within(extent: Extent, limits: Limits) -> Extent:
    """Return `extent` enlarged or reduced in its own shape as little as the limits require.

    For pictures that need not come back, such as references. Raises BadInput if it is too narrow.
    """
    factor = max(1.0, limits.min_side / extent.shorter, math.sqrt(limits.min_pixels / extent.pixels))
    if factor > 1.0:
        extent = Extent(math.ceil(extent.width * factor), math.ceil(extent.height * factor))
    return within(extent, limits)


MIN_CONTEXT = 64
CONTEXT_SHARE = 0.5


def frame_fields(framed: Frame, capabilities: Capabilities) -> dict[str, Any]:
    return {
        "provider": capabilities.name,
        "crop": framed.crop,
        "padding": framed.padding,
        "size": framed.size,
    }


def choose_crop(job: Job, selection: Selection | None) -> Bounds:
    if selection is None:
        return job.layer
    context = job.options.context
    if context < 0:
        context = max(MIN_CONTEXT, math.ceil(selection.support.extent.longer * CONTEXT_SHARE))
    return selection.support.pad(context, within=job.layer)


def choose_feather(job: Job, selection: Selection | None) -> int:
    if selection is None:
        return 0
    return selection.automatic_feather if job.options.feather < 0 else job.options.feather
