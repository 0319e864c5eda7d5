"""Plan an upscaled picture."""

from __future__ import annotations

import math

from venice_core.errors import BadInput
from venice_core.job import Action, Job
from venice_core.planning.capabilities import UPSCALE, Capabilities
from venice_core.planning.framing import frame, frame_fields
from venice_core.planning.model_support import endpoints_for
from venice_core.planning.output_shapes import Ratios
from venice_core.planning.plan import Plan
from venice_core.planning.selection import Selection

MIN_GAIN = 1.1
"""How many times as large an upscaled layer must become to be worth its price."""


def plan_upscale(job: Job, _selection: Selection | None, capabilities: Capabilities) -> Plan:
    endpoint, *_ = endpoints_for(Action.UPSCALE, capabilities)
    model = capabilities.catalogue.get(capabilities.default_for(UPSCALE))
    framed = frame(job.layer, job.layer, Ratios(), capabilities.limits)
    largest = capabilities.max_upscaled
    possible = math.sqrt(largest / framed.padded.pixels)
    if possible < MIN_GAIN:
        raise BadInput(
            f"An image of {framed.crop.extent} is too large to upscale: the service's results are "
            f"limited to {largest / 1e6:.1f} megapixels."
        )
    scale, warnings = job.options.scale, [warning for warning in framed.warnings if framed.padding]
    if possible < scale:
        warnings.append(
            f"The service's results are limited to {largest / 1e6:.1f} megapixels, so the image "
            f"becomes {possible:.2f} times as large instead of {scale} times."
        )
        scale = 2 if possible <= 2 else scale  # the larger one would cost more and give the same
    return Plan(
        endpoint=endpoint,
        model=model.id,
        prompt="",
        scale=scale,
        creativity=job.options.creativity,
        privacy=model.privacy,
        price=model.upscale_price(scale),
        warnings=tuple(warnings),
        **frame_fields(framed, capabilities),
    )
