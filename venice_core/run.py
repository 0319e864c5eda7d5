"""One job from plan to placed result: encode, journal, send, journal, decode, fit.

The only place that knows the order. It works on pixels in memory; where they come from and where the
result goes is the caller's (the worker's or the command line's).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from venice_core import fit, images
from venice_core.cancel import Cancel
from venice_core.errors import BadInput, BrokenFile, Charge, MissingKey, Unplaced, UnusableAnswer, VeniceError
from venice_core.fit import Placed
from venice_core.images import Pixels
from venice_core.job import Action, Facts, Job
from venice_core.journal import Entry, Journal
from venice_core.plan import Plan, make_plan
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.providers.base import Encoded, Provider
from venice_core.retry import Busy, seconds_before_repeat
from venice_core.selection import Coverage, Selection
from venice_core.settings import Secret
from venice_core.transport import Request, Response, Transport

log = logging.getLogger(__name__)

NAME_LENGTH = 60


@dataclass(frozen=True, eq=False)
class Result:
    """A result in place and all that is said about it. `name` is for the layer."""

    entry: Entry
    plan: Plan
    placed: Placed
    facts: Facts
    name: str
    recipe: dict[str, Any]
    warnings: tuple[str, ...]
    charge: Charge


@dataclass(frozen=True)
class Prepared:
    """A job that could be sent: its selection, if one limits it, and the plan."""

    job: Job
    plan: Plan
    selection: Selection | None

    @classmethod
    def of(cls, job: Job, coverage: Coverage | None, provider: Provider) -> Prepared:
        """`coverage` is that of `job.window`. Raises BadInput where the job cannot be sent."""
        selection = Selection.of(job, coverage) if job.selected and coverage is not None else None
        return cls(job, make_plan(job, selection, provider.capabilities), selection)

    @cached_property
    def coverage(self) -> Coverage | None:
        """The grown coverage over the crop, not feathered."""
        return self.selection.cut(self.plan.crop) if self.selection else None

    @property
    def mask(self) -> Coverage | None:
        """The result's layer mask: coverage over the crop, grown and feathered."""
        return self.selection.cut(self.plan.crop, self.plan.feather) if self.selection else None


@dataclass(frozen=True)
class Runner:
    """What a run needs from outside."""

    provider: Provider
    key: Secret
    transport: Transport
    journal: Journal
    clock: Callable[[], float] = time.time

    def run(
        self,
        job: Job,
        source: bytes | Path,
        coverage: bytes | Path | None,
        on_progress: OnProgress,
        cancel: Cancel,
        on_entry: Callable[[Entry], None] | None = None,
    ) -> Result:
        """`source` is raw RGBA of the plan's crop, `coverage` raw bytes of the job's window.

        Raises a VeniceError; the journal then says what is known about charging.
        """
        if not self.key:
            raise MissingKey()
        on_progress(Progress(Stage.PREPARING))
        prepared = Prepared.of(job, read_coverage(coverage, job), self.provider)
        plan = prepared.plan
        pixels = _pixels(source, plan)
        encoded = self._encode(pixels, prepared)
        request = self.provider.request(plan, job.options, encoded)
        cancel.check()
        entry = self.journal.begin(job, plan, source=source, coverage=coverage)
        if on_entry is not None:
            on_entry(entry)
        try:
            response = self._send(request, entry, on_progress, cancel)
            if not 200 <= response.status < 300:
                raise self.provider.failure(response)
        except VeniceError as error:
            _keep(partial(entry.failed, error))
            raise
        facts = self._facts(response)
        charge = Charge.NONE if facts.sandbox else Charge.CHARGED
        warnings = _keep(lambda: entry.answered(response, charge))
        on_progress(Progress(Stage.FITTING))
        try:
            placed = self._fit(response, pixels, prepared)
        except VeniceError as error:
            _keep(partial(entry.failed, error))
            raise
        except Exception as error:  # whatever it is, it must not cost a result that is on disk
            raise Unplaced(f"{type(error).__name__}: {error}; job {entry.id}", charge=charge) from error
        recipe = _recipe(job, plan, entry, facts)
        warnings = plan.warnings + placed.warnings + tuple(_warnings(facts)) + warnings
        _keep(lambda: entry.done(facts=asdict(facts), warnings=warnings))
        return Result(entry, plan, placed, facts, _name(job, plan, facts), recipe, warnings, charge)

    def _encode(self, pixels: Pixels, prepared: Prepared) -> tuple[Encoded, ...]:
        plan, limit = prepared.plan, self.provider.capabilities.limits.max_file_bytes
        try:
            encoded = [Encoded(*images.encode_within(fit.to_send(pixels, plan), limit))]
            if plan.guided and prepared.coverage is not None:
                mask = fit.mask_to_send(prepared.coverage, plan)
                encoded.append(Encoded(images.encode_png(mask), images.MEDIA_TYPES["PNG"]))
        except BrokenFile as error:
            raise BadInput(error.detail) from error
        return tuple(encoded)

    def _send(self, request: Request, entry: Entry, on_progress: OnProgress, cancel: Cancel) -> Response:
        def watch(progress: Progress) -> None:
            on_progress(progress)  # first: from here on, whoever cancels must not throw the answer away
            if progress.stage is Stage.WAITING:
                _keep(entry.sent)

        attempt = 1
        while True:
            entry.sending()
            try:
                response = _without_key(self.transport.exchange(request, watch, cancel), request.key)
            except VeniceError as error:
                pause = seconds_before_repeat(error, attempt, self.clock())
                if pause is None:
                    raise
            else:
                if not self.provider.is_busy(response):
                    return response
                headers = response.headers
                busy = Busy(headers.get("retry-after", ""), headers.get("retry-after-ms", ""))
                pause = seconds_before_repeat(busy, attempt, self.clock())
                if pause is None:
                    return response
            attempt += 1
            on_progress(Progress(Stage.RETRYING, seconds=pause))
            cancel.wait(pause)

    def _facts(self, response: Response) -> Facts:
        try:
            return self.provider.facts(response)
        except Exception:  # what is said beside a picture must not cost the picture
            log.exception("the answer's facts could not be read")
            return Facts()

    def _fit(self, response: Response, pixels: Pixels, prepared: Prepared) -> Placed:
        plan = prepared.plan
        data = self.provider.picture(response)
        try:
            picture = images.decode(data)
        except BrokenFile as error:
            raise UnusableAnswer(error.detail, status=response.status, charge=Charge.POSSIBLE) from error
        answer = images.to_srgb(picture.pixels, picture.profile)
        if prepared.job.action is Action.CUTOUT:
            return fit.place_cutout(answer, plan, prepared.mask)
        return fit.place(answer, pixels, plan, prepared.coverage, prepared.mask)


def _keep(write: Callable[[], None]) -> tuple[str, ...]:
    """Writes to the journal; a disk that is full must not cost an answer that is paid for."""
    try:
        write()
    except OSError as error:
        log.exception("the journal could not be written")
        return (f"The answer could not be kept on the disk: {error.strerror or error}.",)
    return ()


def _without_key(response: Response, key: Secret) -> Response:
    """For the case that the server repeats it; a picture's bytes stay as they came."""
    headers = {name: key.scrub(value) for name, value in response.headers.items()}
    body = response.body if images.sniff(response.body) else key.scrub(response.body)
    return Response(response.status, headers, body)


def _pixels(source: bytes | Path, plan: Plan) -> Pixels:
    data = source.read_bytes() if isinstance(source, Path) else source
    if len(data) != plan.crop.extent.pixels * 4:
        raise BadInput(f"The pixels handed over are not those of the crop ({plan.crop.extent}).")
    return np.frombuffer(data, np.uint8).reshape(plan.crop.height, plan.crop.width, 4)


def read_coverage(source: bytes | Path | None, job: Job) -> Coverage | None:
    if source is None or job.window is None:
        return None
    data = source.read_bytes() if isinstance(source, Path) else source
    if len(data) != job.window.extent.pixels:
        raise BadInput("The selection handed over does not have the size of its bounds.")
    return np.frombuffer(data, np.uint8).reshape(job.window.height, job.window.width)


def _name(job: Job, plan: Plan, facts: Facts) -> str:
    words = " ".join(job.options.prompt.split()) or "Cut-out"
    if len(words) > NAME_LENGTH:
        words = words[: NAME_LENGTH - 1].rstrip() + "…"
    parts = [words, facts.model or plan.model]
    if facts.sandbox:
        parts.append("sandbox, no AI")
    return " · ".join(part for part in parts if part)


def _recipe(job: Job, plan: Plan, entry: Entry, facts: Facts) -> dict[str, Any]:
    return {
        "version": 1,
        "action": job.action.value,
        "prompt": job.options.prompt,
        "model": facts.model or plan.model,
        "options": asdict(job.options),
        "provider": plan.provider,
        "job": entry.id,
        "price": asdict(plan.price) if plan.price else None,
    }


def _warnings(facts: Facts) -> list[str]:
    warnings = []
    if facts.blurred:
        warnings.append("The service blurred the picture (safe mode).")
    if facts.content_violation:
        warnings.append("The service marked the picture as against its terms.")
    if facts.deprecation:
        instead = f" Use {facts.replacement} instead." if facts.replacement else ""
        warnings.append(f"{facts.deprecation}{instead}")
    return warnings
