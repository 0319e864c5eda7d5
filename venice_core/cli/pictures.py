"""The commands that send something: `edit`, `cutout`, `generate`, `upscale`.

All pictures are checked before the first is sent, and their total price is compared to the daily limit. Then
they are sent one by one. If one fails, the others go on, unless they would fail in the same way.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from venice_core.cli.interrupts import Interrupts
from venice_core.cli.picture_run import BatchOptions, Ready, Written
from venice_core.cli.remedies import sentence
from venice_core.cli.report import Fate, Outcome, Report
from venice_core.cli.targets import Targets
from venice_core.cli.terminal import Terminal
from venice_core.errors import (
    BadInput,
    BadKey,
    Cancelled,
    Charge,
    Forbidden,
    KeyNotReceived,
    NoConnection,
    NoFunds,
    NotFound,
    PlacementFailed,
    Refused,
    SpendingLimitExceeded,
    UnknownModel,
    UnusableFile,
    VeniceError,
)
from venice_core.execution.context import RunContext
from venice_core.execution.run_thread import RunThread
from venice_core.execution.runner import Runner
from venice_core.job import Options
from venice_core.network.transport import Transport
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.providers.registry import Registry
from venice_core.records.journal import Journal
from venice_core.records.spending import Budget, dollars
from venice_core.storage.folders import Folders
from venice_core.storage.settings import displayed_provider

E = TypeVar("E", bound=VeniceError)

IN_A_ROW = 3
"""This many consecutive failures other than refusals end a batch: they may cost money."""

_FOR_ALL = (
    BadKey,
    Cancelled,
    Forbidden,
    KeyNotReceived,
    NoFunds,
    NotFound,
    SpendingLimitExceeded,
    UnknownModel,
)
"""Errors that would affect any other picture as well."""


def run(arguments: argparse.Namespace, env: Mapping[str, str], interrupts: Interrupts) -> int:
    """Run a command. Raises BadInput if the options are invalid for any picture."""
    options = _options(arguments)
    terminal = Terminal(interrupts, quiet=arguments.json)
    with Registry(env, Folders.of(env)) as registry:
        batch = _Batch(arguments, options, env, registry, terminal)
        batch.run()
    return batch.tell()


def _options(arguments: argparse.Namespace) -> Options:
    names = Options.__dataclass_fields__
    chosen = {name: value for name, value in vars(arguments).items() if name in names}
    return Options.from_json(chosen | {"as_made": arguments.action == "generate" and not arguments.size})


@dataclass(frozen=True, eq=False)
class _Checked:
    """The pictures, ready to be sent or refused, and what sends them."""

    requested: BatchOptions
    runner: Runner
    budget: Budget | None
    pictures: list[Ready | BadInput]


class _Batch:
    """All pictures of a command; a generation is one without a file."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        options: Options,
        env: Mapping[str, str],
        registry: Registry,
        terminal: Terminal,
    ) -> None:
        self._arguments = arguments
        self._options = options
        self._env = env
        self._registry = registry
        self._terminal = terminal
        self._outcomes = [Outcome(path) for path in arguments.input or [None]]
        self._report = Report(self._outcomes, displayed_provider(options.provider, env))

    def run(self) -> None:
        try:
            checked = self._check()
        except VeniceError as error:
            self._end(error)
            words = sentence(error, self._report.provider)
            self._terminal.warn(words if len(self._outcomes) > 1 else self._outcomes[0].line(words))
            return
        if not self._arguments.dry_run:
            self._make_all(checked)

    def tell(self) -> int:
        """Report the outcome and return the exit code."""
        report = self._report
        if len(self._outcomes) > 1:
            if any(outcome.fate is Fate.PLANNED for outcome in self._outcomes):
                self._terminal.say(report.plans())
            else:
                self._terminal.warn(report.summary())
        if self._arguments.json:
            self._terminal.say_json(report.to_json())
        return report.exit_code

    # Before anything is sent

    def _check(self) -> _Checked:
        """Check all pictures. Raises what keeps all of them from being sent."""
        checked = self._terminal.run(self._look_at_all)
        ready = []
        for outcome, picture in zip(self._outcomes, checked.pictures, strict=True):
            if isinstance(picture, BadInput):
                self._failed(outcome, picture)
                continue
            ready.append(picture)
            outcome.plan, outcome.details = picture.plan, {"warnings": list(picture.warnings)}
            if self._arguments.dry_run:
                self._terminal.say(outcome.line(_plan_line(picture.plan.to_json())))
            for warning in picture.warnings if self._arguments.dry_run else picture.all_warnings:
                self._terminal.warn(outcome.line(warning))
        if checked.budget is not None:
            checked.budget.check_all([picture.plan.total for picture in ready])
        if self._arguments.dry_run:
            for outcome in self._outcomes:
                outcome.fate = Fate.PLANNED if outcome.plan else outcome.fate
        return checked

    def _look_at_all(self, attempt: RunThread[_Checked], show: OnProgress) -> _Checked:
        """Check one after the other to save memory; if there are several, only their plans are kept."""
        opened = self._registry.open(self._options.provider, to_send=True)
        attempt.cancel.check()  # that may have taken seconds, and the process may be about to end
        if opened.lacks_key:
            if not self._arguments.dry_run:
                raise opened.missing_key
            self._terminal.warn(sentence(opened.missing_key, self._report.provider))
        requested = BatchOptions.of(self._arguments, self._options, opened.provider)
        pictures: list[Ready | BadInput] = []
        for number, outcome in enumerate(self._outcomes):
            attempt.cancel.check()
            show(Progress(Stage.PREPARING, number, len(self._outcomes)))
            try:
                ready = requested.ready(outcome.path)
            except BadInput as error:
                if requested.concerns_all(error):
                    raise
                pictures.append(_bare(error))
            else:
                again = len(self._outcomes) > 1 and outcome.path is not None and outcome.path.is_file()
                pictures.append(ready.without_pixels if again else ready)
        journal, limit = Journal(Folders.of(self._env).jobs), self._registry.settings.daily_limit
        runner = Runner(RunContext(opened.provider, opened.key, Transport(), journal, daily_limit=limit))
        try:
            budget = runner.context.budget()
        except OSError as error:
            raise UnusableFile.of(error) from error
        return _Checked(requested, runner, budget, pictures)

    # One after the other

    def _make_all(self, checked: _Checked) -> None:
        in_a_row = 0
        for outcome, picture in zip(self._outcomes, checked.pictures, strict=True):
            if isinstance(picture, BadInput):
                continue
            if self._terminal.interrupts.heard():
                self._end(Cancelled())
                return
            error = self._make(outcome, picture, checked)
            if error is None:
                in_a_row = 0
                continue
            if isinstance(error, Refused):
                in_a_row = 0
            elif not isinstance(error, BadInput):
                in_a_row += 1
            for_all = _is_for_all(error)
            if for_all or in_a_row == IN_A_ROW:
                if self._end(error) and not isinstance(error, Cancelled):
                    why = "they would fail for the same reason" if for_all else f"{IN_A_ROW} in a row failed"
                    self._terminal.warn(f"The remaining images were not sent: {why}.")
                return
            _bare(error)

    def _make(self, outcome: Outcome, picture: Ready, checked: _Checked) -> VeniceError | None:
        """Send a picture and return the error if that failed."""
        requested, path = checked.requested, outcome.path

        def work(attempt: RunThread[Written], show: OnProgress) -> Written:
            outcome.entries = attempt.entries
            # one that was let go of is read again, and checked again: it may have changed
            ready = requested.ready(path) if path and picture.source is None else picture
            return requested.make(ready, targets, checked.runner, attempt, show)

        try:
            with Targets(requested.naming, path) as targets:
                written = self._terminal.run(work)
        except VeniceError as error:
            self._failed(outcome, error)
            return error
        outcome.fate = Fate.DONE
        outcome.cut_short = any(isinstance(error, Cancelled) for error in written.failures)
        outcome.plan, outcome.details = written.plan, written.details
        for warning in written.warnings:
            if warning not in picture.all_warnings:  # which were shown before it was sent
                self._terminal.warn(outcome.line(warning))
        if written.files:
            self._terminal.say(", ".join(str(file) for parts in written.files for file in parts.values()))
        if written.error is not None:
            self._failed(outcome, written.error)
        return written.error

    def _failed(self, outcome: Outcome, error: VeniceError) -> None:
        outcome.end(error)
        self._terminal.warn(outcome.line(outcome.why(self._report.provider)))

    def _end(self, error: VeniceError) -> bool:
        """End the batch for that reason; return whether any picture was left."""
        reason = copy.copy(error)
        reason.charge = Charge.NONE  # what was not sent cost nothing
        left = [each for each in self._outcomes if each.fate is Fate.NEVER_TRIED]
        for outcome in left:
            outcome.error = reason
        return bool(left)


def _is_for_all(error: VeniceError) -> bool:
    """Return whether the same would happen to any other picture."""
    if isinstance(error, NoConnection):
        return error.retryable  # not a byte had left
    if isinstance(error, PlacementFailed):
        # the disk's, not an encoder's, which has no number
        return isinstance(error.__cause__, OSError) and error.__cause__.errno is not None
    return isinstance(error, _FOR_ALL)


def _bare(error: E) -> E:
    """Return the error without its traceback and context, which refer to pictures."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _plan_line(plan: Mapping[str, Any]) -> str:
    size, price = plan["size"], plan["total"]
    cost = dollars(price["usd"]) if price and price["usd"] is not None else "price unknown"
    count = f"{plan['requests']} × " if plan["requests"] > 1 else ""
    pictures = f"{_images(plan['images'])} of {size['width']} × {size['height']} px"
    if not plan["images"]:
        pictures = f"for {_images(plan['pictures'])} of about {size['width']} × {size['height']} px"
    model = f"{plan['model']} ({plan['privacy']})" if plan["privacy"] else plan["model"]
    words = f"{count}{plan['endpoint']} {model}, {pictures}"
    return " ".join([f"{words}, {cost}.", *plan["warnings"]])


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
