"""Plan the removal of a background."""

from __future__ import annotations

from venice_core.job import Action, Job
from venice_core.planning.capabilities import Capabilities
from venice_core.planning.framing import choose_crop, frame, frame_fields
from venice_core.planning.model_support import endpoints_for
from venice_core.planning.output_shapes import Ratios
from venice_core.planning.plan import Plan
from venice_core.planning.selection import Selection


def plan_cutout(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    endpoint, *_ = endpoints_for(Action.CUTOUT, capabilities)
    model = capabilities.catalogue.get(capabilities.cutout_model)
    framed = frame(choose_crop(job, selection), job.layer, Ratios(), capabilities.limits)
    return Plan(
        endpoint=endpoint,
        model="",
        prompt="",
        support=selection.support if selection else None,
        privacy=model.privacy,
        price=model.price(),
        warnings=framed.warnings,
        **frame_fields(framed, capabilities),
    )
