"""Make a plan from a job and what the provider can do."""

from __future__ import annotations

from dataclasses import replace

from venice_core.errors import BadInput
from venice_core.job import Action, Job
from venice_core.planning.capabilities import Capabilities
from venice_core.planning.cutout import plan_cutout
from venice_core.planning.edit import plan_edit
from venice_core.planning.generation import plan_generation
from venice_core.planning.plan import Plan
from venice_core.planning.price import Price
from venice_core.planning.selection import Selection
from venice_core.planning.upscale import plan_upscale


def make_plan(job: Job, selection: Selection | None, capabilities: Capabilities) -> Plan:
    """Plan how to send a job. Raises BadInput if it cannot be sent as requested.

    `selection` is None if nothing limits the result.
    """
    if job.options.endpoint and job.action is not Action.GENERATE:
        raise BadInput("You can choose the endpoint only when generating an image.")
    planners = {
        Action.EDIT: plan_edit,
        Action.CUTOUT: plan_cutout,
        Action.GENERATE: plan_generation,
        Action.UPSCALE: plan_upscale,
    }
    plan = planners[job.action](job, selection, capabilities)
    capabilities.parse_fields(plan.endpoint, dict(job.options.fields))
    return replace(plan, price=Price(0.0, 0.0)) if capabilities.free else plan
