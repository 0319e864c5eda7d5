"""Run a job from its plan to placed results: encode, record, send, record, decode, fit.

This is the only place that knows the order. It works on pixels in memory; where they come from and where the
results go is up to the caller (the worker or the command line).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from venice_core.cancellation import Cancel
from venice_core.errors import BadInput, MissingKey
from venice_core.execution.combined_progress import CombinedProgress
from venice_core.execution.context import RunContext
from venice_core.execution.encoding import encode
from venice_core.execution.inputs import JobInputs, Prepared, read_pixels
from venice_core.execution.request_run import RequestRun, keep_record
from venice_core.execution.results import RunResult
from venice_core.execution.side_by_side import collect, run_side_by_side
from venice_core.planning.plan import Plan
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.records.entry import Entry

SMALL_ANSWER = 4096
SMALL_SHARE = 1 / 16
"""In bytes, and as a share of what was sent. A smaller answer shows hardly anything, such as a refusal."""

NOTHING_TO_SEE = "Nothing is visible in the region that would be sent: it is empty or hidden by a layer mask."


@dataclass(frozen=True)
class Runner:
    """Runs jobs with the services of its context."""

    context: RunContext

    def run(
        self,
        prepared: Prepared,
        inputs: JobInputs,
        on_progress: OnProgress,
        cancel: Cancel,
        on_entry: Callable[[Entry], None] = lambda _: None,
    ) -> RunResult:
        """Send a prepared job and put what comes back in place.

        If some of several requests fail, the others still have their results. Raises a VeniceError if there
        is no result at all; the journal then has what is known about charges.
        """
        self.check_key()
        on_progress(Progress(Stage.PREPARING))
        job, plan = prepared.job, prepared.plan
        pixels = read_pixels(inputs.source, plan.crop.extent) if inputs.source is not None else None
        if pixels is not None and not pixels[..., 3].any():
            raise BadInput(NOTHING_TO_SEE)  # nobody means to buy that
        upload = encode(pixels, prepared, inputs, self.context.provider.max_file_bytes(plan))
        request = self.context.provider.request(plan, job.options, upload)
        sent = len(upload.images[0].data) if pixels is not None else SMALL_ANSWER / SMALL_SHARE
        small = min(SMALL_ANSWER, sent * SMALL_SHARE)
        cancel.check()
        entries = self.context.journal.begin_all(job, plan, source=inputs.source, coverage=inputs.coverage)
        for entry in entries:
            on_entry(entry)
        self._check_budget(plan, entries)
        together = CombinedProgress(len(entries), on_progress)
        self.context.rate_limiter.reset()
        fitting = threading.Lock()
        requests = [
            RequestRun(
                self.context, prepared, pixels, request, small, entry, together.of(number), cancel, fitting
            )
            for number, entry in enumerate(entries)
        ]
        return collect(plan, entries, run_side_by_side(requests, together))

    def check_key(self) -> None:
        """Raise MissingKey if the provider needs a key and there is none."""
        can = self.context.provider.capabilities
        if not (self.context.key or can.keyless):
            raise MissingKey(variable=can.key_variable)

    def _check_budget(self, plan: Plan, entries: list[Entry]) -> None:
        budget = self.context.budget()
        if budget is None:
            return
        try:
            budget.check(plan.total, reserved=True)
        except BadInput as error:
            for entry in entries:
                keep_record(partial(entry.failed, error))
            raise
