"""Run the requests of a job simultaneously and collect their outcomes."""

from __future__ import annotations

import logging
import threading
from functools import partial

from venice_core.error_messages import sentence
from venice_core.errors import Charge, VeniceError
from venice_core.execution.combined_progress import CombinedProgress
from venice_core.execution.request_run import RequestRun, keep_record
from venice_core.execution.results import Failure, Result, RunResult
from venice_core.planning.plan import Plan
from venice_core.records.entry import Entry

log = logging.getLogger(__name__)


def run_side_by_side(
    requests: list[RequestRun], together: CombinedProgress
) -> list[list[Result] | VeniceError]:
    """Return the outcome of each request.

    The threads are daemons, so that one that hangs does not keep the process from ending.
    """
    outcomes: dict[int, list[Result] | VeniceError] = {}

    def run(number: int) -> None:
        outcomes[number] = _outcome(requests[number])
        together.over(number)

    others = [threading.Thread(target=run, args=[n], daemon=True) for n in range(1, len(requests))]
    for thread in others:
        thread.start()
    run(0)
    for thread in others:
        thread.join()
    return [outcomes[number] for number in range(len(requests))]


def _outcome(request: RequestRun) -> list[Result] | VeniceError:
    try:
        return request.run()
    except VeniceError as error:
        return error
    except Exception as error:  # nobody thought of it: the others go on, and the record says how it ended
        log.exception("a request failed")
        charge = Charge(request.entry.record["charge"])
        unknown = VeniceError(f"{type(error).__name__}: {error}", charge=charge)
        keep_record(partial(request.entry.failed, unknown))
        return unknown


def collect(plan: Plan, entries: list[Entry], outcomes: list[list[Result] | VeniceError]) -> RunResult:
    """Combine the outcomes. Raises the most important error if there is no result."""
    failures = [
        Failure(entry, outcome)
        for entry, outcome in zip(entries, outcomes, strict=True)
        if isinstance(outcome, VeniceError)
    ]
    results = [result for outcome in outcomes if isinstance(outcome, list) for result in outcome]
    if not results:
        worst = Charge.gravest(failure.error.charge for failure in failures)
        raise next(failure.error for failure in failures if failure.error.charge is worst)
    warnings = [warning for result in results for warning in result.warnings]
    for failure in failures:
        why = f"{sentence(failure.error, plan.provider)} {failure.entry.whereabouts}".strip()
        warnings.append(f"Variation {entries.index(failure.entry) + 1} failed: {why}")
    return RunResult(tuple(results), tuple(dict.fromkeys(warnings)), tuple(failures))
