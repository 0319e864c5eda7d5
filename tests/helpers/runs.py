"""Runs as the worker and the command line make them: planned, then sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from venice_core.cancellation import Cancel
from venice_core.execution.inputs import JobInputs, Prepared, read_coverage
from venice_core.execution.results import RunResult
from venice_core.execution.runner import Runner
from venice_core.job import Job
from venice_core.progress import OnProgress
from venice_core.records.entry import Entry


def run_job(
    runner: Runner,
    job: Job,
    inputs: JobInputs,
    on_progress: OnProgress,
    cancel: Cancel,
    on_entry: Callable[[Entry], None] = lambda _: None,
) -> RunResult:
    prepared = Prepared.of(job, read_coverage(inputs.coverage, job), runner.context.provider)
    return runner.run(prepared, inputs, on_progress, cancel, on_entry)


def planned(link: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters of `run` for a job and its files: it is planned on the way."""
    job = {"job": parameters["job"], "coverage": parameters.get("coverage"), "to_send": True}
    files = {name: value for name, value in parameters.items() if name != "job"}
    return {"plan": link.call("plan", job)["id"], **files}
