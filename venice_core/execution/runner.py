"""One job from plan to placed results: encode, journal, send, journal, decode, fit.

The only place that knows the order. It works on pixels in memory; where they come from and where the
results go is the caller's (the worker's or the command line's).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial

from venice_core.cancellation import Cancel
from venice_core.errors import (
    BadInput,
    BrokenFile,
    Cancelled,
    Charge,
    MissingKey,
    PolicyRefusal,
    Unfetched,
    Unplaced,
    UnusableAnswer,
    VeniceError,
)
from venice_core.execution.combined_progress import Together
from venice_core.execution.inputs import Material, Prepared, read_coverage, read_pixels
from venice_core.execution.labels import layer_name, make_recipe, result_warnings
from venice_core.execution.results import Failure, Made, Result
from venice_core.fitting import blocked, cutout, edit, generation, outgoing, upscale
from venice_core.fitting.placed import Placed
from venice_core.imaging import codecs, resampling
from venice_core.imaging.arrays import Pixels
from venice_core.imaging.compositing import flatten
from venice_core.imaging.formats import FORMATS, sniff
from venice_core.job import Action, Facts, Job
from venice_core.messages import sentence
from venice_core.network.download import fetch
from venice_core.network.messages import Request, Response
from venice_core.network.rate_limiter import Pace
from venice_core.network.retry import seconds_before_repeat
from venice_core.network.retry_headers import NotNow
from venice_core.network.transport import Transport
from venice_core.network.urls import is_local
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.providers.base import Encoded, Link, Provider, Upload, is_of_sandbox
from venice_core.records.entry import Entry
from venice_core.records.journal import Journal
from venice_core.records.spending import FREE, Budget, spent_today
from venice_core.secret import Secret

log = logging.getLogger(__name__)

SMALL_ANSWER = 4096
SMALL_SHARE = 1 / 16
"""In bytes, and of what was sent: an answer that is smaller shows hardly anything, such as a refusal."""

NOTHING_TO_SEE = (
    "There is nothing to see in the region that would be sent: it is empty, or hidden by a layer mask."
)


@dataclass(frozen=True)
class Runner:
    """What a run needs from outside. `daily_limit`: in US dollars, None where there is none."""

    provider: Provider
    key: Secret
    transport: Transport
    journal: Journal
    clock: Callable[[], float] = time.time
    pace: Pace = field(default_factory=Pace)
    daily_limit: float | None = None

    def run(
        self,
        job: Job,
        material: Material,
        on_progress: OnProgress,
        cancel: Cancel,
        on_entry: Callable[[Entry], None] = lambda _: None,
    ) -> Made:
        """Raises a VeniceError where nothing came of it; the journal then says what is known about charging.

        Of several requests those that fail do not cost the others their results.
        """
        can = self.provider.capabilities
        if not (self.key or can.keyless):
            raise MissingKey(variable=can.key_variable)
        on_progress(Progress(Stage.PREPARING))
        prepared = Prepared.of(job, read_coverage(material.coverage, job), self.provider)
        plan = prepared.plan
        pixels = read_pixels(material.source, plan.crop.extent) if material.source is not None else None
        if pixels is not None and not pixels[..., 3].any():
            raise BadInput(NOTHING_TO_SEE)  # nobody means to buy that
        upload = self._encode(pixels, prepared, material)
        request = self.provider.request(plan, job.options, upload)
        sent = len(upload.images[0].data) if pixels is not None else SMALL_ANSWER / SMALL_SHARE
        small = min(SMALL_ANSWER, sent * SMALL_SHARE)
        cancel.check()
        entries = self.journal.begin_all(job, plan, source=material.source, coverage=material.coverage)
        for entry in entries:
            on_entry(entry)
        self._check_budget(plan, entries)
        together = Together(len(entries), on_progress)
        self.pace.relax()
        fitting = threading.Lock()
        flights = [
            _Flight(self, prepared, pixels, request, small, entry, together.of(number), cancel, fitting)
            for number, entry in enumerate(entries)
        ]
        return _made(plan, entries, _side_by_side(flights, together))

    def budget(self) -> Budget | None:
        """Today's, or None where there is no limit or the provider never charges."""
        if self.daily_limit is None or self.provider.capabilities.name in FREE:
            return None
        return Budget(self.daily_limit, spent_today(self.journal, self.clock()).usd)

    def _check_budget(self, plan: Plan, entries: list[Entry]) -> None:
        budget = self.budget()
        if budget is None:
            return
        try:
            budget.check(plan.total, reserved=True)
        except BadInput as error:
            for entry in entries:
                _keep(partial(entry.failed, error))
            raise

    def _encode(self, pixels: Pixels | None, prepared: Prepared, material: Material) -> Upload:
        plan, job = prepared.plan, prepared.job
        limit = self.provider.max_file_bytes(plan)
        encoded: list[Encoded] = []
        mask: Encoded | None = None
        try:
            if pixels is not None:
                encoded.append(Encoded(*codecs.encode_within(outgoing.to_send(pixels, plan), limit)))
            if plan.masked and prepared.coverage is not None:
                mask = _png(outgoing.alpha_mask_to_send(prepared.coverage, plan))
            elif plan.guided and prepared.coverage is not None:
                encoded.append(_png(outgoing.mask_to_send(prepared.coverage, plan)))
            for raw, own, sent in zip(material.references, job.references, plan.references, strict=True):
                reference = resampling.resize(flatten(read_pixels(raw, own)), sent)
                encoded.append(Encoded(*codecs.encode_within(reference, limit)))
        except BrokenFile as error:
            raise BadInput(error.detail) from error
        except ValueError as error:
            raise BadInput("The reference pictures handed over are not those of the job.") from error
        return Upload(tuple(encoded), mask)


@dataclass(frozen=True, eq=False)
class _Flight:
    """One request of a run, from the journal to its results.

    `small`: a file of fewer bytes is hardly a picture. `fitting`: one at a time, since it takes memory.
    """

    runner: Runner
    prepared: Prepared
    pixels: Pixels | None
    request: Request
    small: float
    entry: Entry
    on_progress: OnProgress
    cancel: Cancel
    fitting: threading.Lock

    def run(self) -> list[Result]:
        entry, provider = self.entry, self.runner.provider
        try:
            response = self._send()
            if not 200 <= response.status < 300:
                raise provider.failure(response)
        except VeniceError as error:
            _keep(partial(entry.failed, error))
            raise
        charge = Charge.NONE if is_of_sandbox(response, provider.base_url) else Charge.CHARGED
        warnings = _keep(lambda: entry.answered(response, charge))
        facts = self._facts(response)
        try:
            files, lost = self._allowed(response, charge, facts)
            self.on_progress(Progress(Stage.FITTING))
            with self.fitting:
                results = self._results(files, response.status, facts, charge)
            warnings += tuple(
                f"A picture could not be fetched: {error.detail}. {entry.whereabouts}" for error in lost
            )
        except VeniceError as error:
            _keep(partial(entry.failed, error, facts=asdict(facts)))
            raise
        except Exception as error:  # whatever it is, it must not cost a result that is on disk
            raise Unplaced(f"{type(error).__name__}: {error}; job {entry.id}", charge=charge) from error
        results = [replace(result, warnings=result.warnings + warnings) for result in results]
        _keep(lambda: entry.done(facts=asdict(results[0].facts), warnings=results[0].warnings))
        return results

    def _send(self) -> Response:
        def watch(progress: Progress) -> None:
            if progress.stage is Stage.WAITING:
                _keep(self.entry.sent)  # from here on, whoever cancels must not throw the answer away
            self.on_progress(progress)

        attempt, runner = 1, self.runner
        while True:
            try:
                with runner.pace.turn(self.cancel, self._pause):
                    self.entry.sending()
                    response = runner.transport.exchange(self.request, watch, self.cancel)
            except VeniceError as error:
                pause = seconds_before_repeat(error, attempt, runner.clock())
                if pause is None:
                    raise
            else:
                response = _without_key(response, self.request.key)
                runner.pace.learn(response.headers)
                if not runner.provider.is_busy(response):
                    return response
                pause = seconds_before_repeat(NotNow.of(response.headers), attempt, runner.clock())
                if pause is None:
                    return response
                runner.pace.crowded()
            attempt += 1
            _keep(self.entry.turned_away)
            self._pause(pause)
            self.cancel.wait(pause)

    def _pause(self, seconds: float) -> None:
        self.on_progress(Progress(Stage.RETRYING, seconds=seconds))

    def _facts(self, response: Response) -> Facts:
        try:
            return self.runner.provider.facts(response, self.prepared.plan)
        except Exception:  # what is said beside a picture must not cost the picture
            log.exception("the answer's facts could not be read")
            return Facts()

    def _files(self, response: Response, charge: Charge) -> tuple[dict[int, bytes], list[Unfetched]]:
        """The answer's pictures by their number in it, from 1, and why others could not be fetched.

        At least one, and not more than were asked for: what else there is stays in the answer. Those that it
        links to are kept before they are used.
        """
        files: dict[int, bytes] = {}
        lost: list[Unfetched] = []
        pictures = self.runner.provider.pictures(response)[: self.prepared.plan.pictures]
        for number, picture in enumerate(pictures, 1):
            try:
                files[number] = self._fetched(picture, number) if isinstance(picture, Link) else picture
            except Unfetched as error:
                lost.append(error)
            except Cancelled as error:
                error.charge = charge  # the fetching costs nothing, but the picture is made
                raise
        if not files:
            raise Unfetched(f"{lost[0].detail}; job {self.entry.id}", status=lost[0].status, charge=charge)
        return files, lost

    def _allowed(
        self, response: Response, charge: Charge, facts: Facts
    ) -> tuple[dict[int, bytes], list[Unfetched]]:
        """`_files` without what the service blocked and says so; where that leaves none: PolicyRefusal."""
        try:
            files, lost = self._files(response, charge)
        except UnusableAnswer:
            if not facts.content_violation:
                raise
            files, lost = {}, []
        if not facts.content_violation:
            return files, lost
        generated = self.prepared.plan.endpoint in (Endpoint.GENERATE, Endpoint.GENERATIONS)
        if generated:  # it is said of these that they cost nothing
            left = blocked.shown(files)
        else:  # of an edit it is not known what that means: what can be seen may be paid for
            left = {number: data for number, data in files.items() if not blocked.is_blank(data)}
        if not left:
            known = Charge.NONE if generated else Charge.UNKNOWN
            raise PolicyRefusal("it made no picture", request_id=facts.request_id, charge=known)
        return left, lost

    def _fetched(self, link: Link, number: int) -> bytes:
        local = is_local(self.runner.provider.base_url)
        data = fetch(link.url, self.cancel, local=local, on_progress=self.on_progress)
        _keep(lambda: self.entry.fetched(number, data))
        return data

    def _results(self, files: dict[int, bytes], status: int, facts: Facts, charge: Charge) -> list[Result]:
        """At least one; of several pictures those that are broken are left out with a warning."""
        job, plan = self.prepared.job, self.prepared.plan
        broken: list[BrokenFile] = []
        found: list[tuple[int, Placed]] = []
        for number, data in files.items():
            try:
                found.append((number, self._fit(data)))
            except BrokenFile as error:
                broken.append(error)
        if not found:
            raise UnusableAnswer(broken[0].detail, status=status, charge=Charge.POSSIBLE)
        told = list(result_warnings(facts, plan))
        if len(found) < plan.pictures:
            told.append(f"The service made {len(found)} of {plan.pictures} pictures that can be used.")
        smallest = min(map(len, files.values()))
        if smallest < self.small:
            told.append(f"The answer is hardly a picture ({smallest} bytes): the service may have refused.")
        return [
            Result(
                entry=self.entry,
                plan=plan,
                placed=placed,
                facts=replace(facts, fitting=placed.fitting),
                name=layer_name(job, plan, facts, placed),
                recipe=make_recipe(job, plan, self.entry, facts),
                warnings=(*plan.warnings, *placed.warnings, *told),
                charge=charge,
                number=number,
            )
            for number, placed in found
        ]

    def _fit(self, data: bytes) -> Placed:
        """Raises BrokenFile for what is no picture."""
        prepared, plan = self.prepared, self.prepared.plan
        picture = codecs.decode(data)
        answer = picture.srgb
        if self.pixels is None:
            return generation.place_generated(
                answer, plan, prepared.mask, as_made=prepared.job.options.as_made
            )
        if prepared.job.action is Action.CUTOUT:
            defringe = prepared.job.options.defringe
            return cutout.place_cutout(answer, self.pixels, plan, prepared.mask, defringe=defringe)
        if prepared.job.action is Action.UPSCALE:
            return upscale.place_upscaled(answer, self.pixels, plan)
        return edit.place(answer, self.pixels, plan, prepared.coverage, prepared.mask, prepared.job.options)


def _side_by_side(flights: list[_Flight], together: Together) -> list[list[Result] | VeniceError]:
    """What came of each. Daemon threads: one that hangs must not keep the process from ending."""
    outcomes: dict[int, list[Result] | VeniceError] = {}

    def fly(number: int) -> None:
        outcomes[number] = _outcome(flights[number])
        together.over(number)

    others = [threading.Thread(target=fly, args=[n], daemon=True) for n in range(1, len(flights))]
    for thread in others:
        thread.start()
    fly(0)
    for thread in others:
        thread.join()
    return [outcomes[number] for number in range(len(flights))]


def _outcome(flight: _Flight) -> list[Result] | VeniceError:
    try:
        return flight.run()
    except VeniceError as error:
        return error
    except Exception as error:  # nobody thought of it: the others go on, and the record says how it ended
        log.exception("a request failed")
        charge = Charge(flight.entry.record["charge"])
        unknown = VeniceError(f"{type(error).__name__}: {error}", charge=charge)
        _keep(partial(flight.entry.failed, unknown))
        return unknown


def _made(plan: Plan, entries: list[Entry], outcomes: list[list[Result] | VeniceError]) -> Made:
    """Raises the error that matters most where there is no result."""
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
    return Made(tuple(results), tuple(dict.fromkeys(warnings)), tuple(failures))


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
    # a short key would occur by chance in the base64 of a picture
    kept = sniff(response.body) or (200 <= response.status < 300 and not key.is_distinct)
    body = response.body if kept else key.scrub(response.body)
    return Response(response.status, headers, body)


def _png(pixels: Pixels) -> Encoded:
    return Encoded(codecs.encode_png(pixels), FORMATS["PNG"].media_type)
