"""The name of a result, its recipe, and its warnings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from venice_core.fitting.placed import Placed
from venice_core.job import Action, Facts, Job
from venice_core.planning.plan import Plan
from venice_core.records.entry import Entry

NAME_LENGTH = 60

LOW_BALANCE = 1.0
"""In US dollars: enough for a few requests."""


def layer_name(job: Job, plan: Plan, facts: Facts, placed: Placed) -> str:
    """Return the layer's name; for an upscaled picture the factor, since it keeps the source's name."""
    if job.action is Action.UPSCALE:
        words = f"{placed.pixels.shape[1] / plan.crop.width:.3g}×"
    else:
        words = " ".join(job.options.prompt.split()) or "Cutout"
    if len(words) > NAME_LENGTH:
        words = words[: NAME_LENGTH - 1].rstrip() + "…"
    parts = [words, facts.model or plan.model]
    if facts.sandbox:
        parts.append("sandbox, no AI")
    return " · ".join(part for part in parts if part)


def make_recipe(job: Job, plan: Plan, entry: Entry, facts: Facts) -> dict[str, Any]:
    return {
        "version": 1,
        "action": job.action.value,
        "prompt": job.options.prompt,
        "model": facts.model or plan.model,
        "options": asdict(job.options),
        "provider": plan.provider,
        "job": entry.id,
        "price": asdict(plan.price.share(plan.pictures)) if plan.price else None,
    }


def result_warnings(facts: Facts, plan: Plan) -> Iterable[str]:
    if facts.blurred:
        yield "The service blurred the image (safe mode)."
    if facts.content_violation and plan.pictures > 1:
        yield "The service's content policy blocked some of the images."
    elif facts.content_violation:
        yield "The service flagged the image as a violation of its terms."
    if facts.model and plan.model and facts.model != plan.model:
        yield f"The service used the model {facts.model} instead of {plan.model}."
    if facts.deprecation:
        when = f" It will be retired on {facts.retires[:10]}." if facts.retires else ""
        instead = f" Use {facts.replacement} instead." if facts.replacement else ""
        yield f"{facts.deprecation.rstrip('.')}.{when}{instead}"
    if facts.balance_usd is not None and max(facts.balance_usd, facts.balance_diem or 0.0) < LOW_BALANCE:
        yield f"The account balance is low: it was ${facts.balance_usd:.2f} before this request."
    if facts.enhanced_prompt:
        yield f"The service rewrote the prompt: “{facts.enhanced_prompt}”"
