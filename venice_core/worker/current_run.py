"""The one job that a worker runs at a time.

Once a request is wholly sent, a cancel or the end of the front end only lets go of it: the answer is still
received and journaled.
"""

from __future__ import annotations

import os

from venice_core.errors import AlreadyRunning, PlacementFailed, ProtocolError, VeniceError
from venice_core.execution.inputs import JobInputs, Prepared
from venice_core.execution.run_thread import RunThread
from venice_core.execution.runner import Runner
from venice_core.job import Action, Job
from venice_core.records.journal import Journal
from venice_core.records.scratch import Scratch
from venice_core.worker.protocol import CancelParams, MessageWriter, RunParams, RunValue
from venice_core.worker.results import clipped_colors, run_value

DETACHED = (
    "The request had already been sent, so you may be charged. The result will still be received and "
    "kept in {}."
)
ABORT_SECONDS = 0.5


class CurrentRun:
    """Starts a job, cancels it, and waits for what is already paid for."""

    def __init__(self, journal: Journal, scratch: Scratch, writer: MessageWriter) -> None:
        self._journal = journal
        self._scratch = scratch
        self._writer = writer
        self._thread: RunThread[RunValue] | None = None
        self._call_id = 0

    def start(self, call_id: int, params: RunParams, prepared: Prepared, runner: Runner) -> None:
        """Begin; the call is answered when the job is over."""
        name = prepared.plan.provider

        def answer(outcome: RunValue | VeniceError) -> None:
            if isinstance(outcome, VeniceError):
                self._writer.error(call_id, outcome, name)
            else:
                self._writer.result(call_id, outcome)

        self._call_id = call_id
        self._thread = RunThread(lambda thread: self._work(thread, params, prepared, runner), answer)
        self._thread.start()

    def check_idle(self) -> None:
        """Raise BadInput while a job is running."""
        if self._thread is not None and not self._thread.over.is_set():
            raise AlreadyRunning("A job is already running.")

    def cancel(self, params: CancelParams) -> str | None:
        """Stop the job; where it may be paid for already, let go of the front end instead."""
        thread = self._thread
        if thread is None or thread.over.is_set():
            return None
        if params.get("stop"):
            thread.stop(ABORT_SECONDS)
        elif params.get("unless_sent") and thread.sent:
            return "sent"
        elif thread.let_go(ABORT_SECONDS):
            folder = self._journal.folder if len(thread.entries) > 1 else thread.entries[0].folder
            self._writer.detached(self._call_id, DETACHED.format(folder))
            self._writer.close()
        return None

    def abort(self) -> None:
        """Stop it whatever it costs: the process was told to end."""
        if self._thread is not None:
            self._thread.cancel.set()
            self._thread.over.wait(ABORT_SECONDS)

    def finish(self) -> None:
        """Wait for what may be paid for already, and stop anything else: the front end is gone."""
        thread = self._thread
        if thread is None:
            return
        if not thread.let_go(ABORT_SECONDS) and thread.is_alive():
            thread.join(ABORT_SECONDS)
            if thread.is_alive():  # it hangs where nothing wakes it
                self._scratch.remove()
                os._exit(0)
        thread.over.wait()

    def _work(
        self, thread: RunThread[RunValue], params: RunParams, prepared: Prepared, runner: Runner
    ) -> RunValue:
        call_id = self._call_id
        runner.check_key()  # without one, a front end hands over no pixels
        made = runner.run(
            prepared,
            self._inputs(params, prepared.job),
            lambda progress: self._writer.progress(call_id, progress),
            thread.cancel,
            thread.entries.append,
        )
        try:
            value = run_value(made)
        except OSError as error:
            result = made.results[0]
            detail = f"{error.strerror or error}; job {result.entry.id}"
            raise PlacementFailed(detail, charge=result.charge) from error
        if params.get("wide"):
            value["warnings"] += clipped_colors(self._scratch.path / str(params["wide"]), made.results[0])
        return value

    def _inputs(self, params: RunParams, job: Job) -> JobInputs:
        coverage = None
        if job.window is not None and params.get("coverage"):
            coverage = self._scratch.file(params["coverage"], job.window.extent.pixels)
        source = None if job.action is Action.GENERATE else self._scratch.file(params.get("source"))
        names = params.get("references") or ()
        if len(names) != len(job.references):
            raise ProtocolError("The reference images do not match the job.")
        sizes = (extent.pixels * 4 for extent in job.references)
        references = tuple(map(self._scratch.file, names, sizes))
        return JobInputs(source, coverage, references)
