"""A single request of a run, from the journal to its results."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial

from venice_core.cancellation import Cancel
from venice_core.errors import (
    Cancelled,
    Charge,
    DownloadFailed,
    PlacementFailed,
    PolicyRefusal,
    UnreadableImage,
    UnusableAnswer,
    VeniceError,
)
from venice_core.execution.context import RunContext
from venice_core.execution.inputs import Prepared
from venice_core.execution.labels import layer_name, make_recipe, result_warnings
from venice_core.execution.results import Result
from venice_core.fitting import blocked, cutout, edit, generation, upscale
from venice_core.fitting.placed import Placed
from venice_core.imaging import codecs
from venice_core.imaging.arrays import Pixels
from venice_core.imaging.formats import sniff
from venice_core.job import Action, Facts
from venice_core.network.download import fetch
from venice_core.network.messages import Request, Response
from venice_core.network.rate_limit_headers import RetryHint
from venice_core.network.retry import seconds_before_repeat
from venice_core.network.urls import is_local
from venice_core.planning.endpoint import Endpoint
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.providers.base import ImageLink, is_of_sandbox
from venice_core.records.entry import Entry
from venice_core.secret import Secret

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class RequestRun:
    """A single request of a run, from the journal to its results."""

    context: RunContext
    prepared: Prepared
    pixels: Pixels | None
    request: Request
    small: float
    """A file with fewer bytes is hardly a picture."""
    entry: Entry
    on_progress: OnProgress
    cancel: Cancel
    fitting: threading.Lock
    """Held while fitting, which needs much memory, so that it is done once at a time."""

    def run(self) -> list[Result]:
        entry, provider = self.entry, self.context.provider
        try:
            response = self._send()
            if not 200 <= response.status < 300:
                raise provider.failure(response)
        except VeniceError as error:
            keep_record(partial(entry.failed, error))
            raise
        charge = Charge.NONE if is_of_sandbox(response, provider.base_url) else Charge.CHARGED
        warnings = keep_record(lambda: entry.answered(response, charge))
        facts = self._facts(response)
        try:
            files, lost = self._allowed(response, charge, facts)
            self.on_progress(Progress(Stage.FITTING))
            with self.fitting:
                results = self._results(files, response.status, facts, charge)
            warnings += tuple(
                f"An image could not be downloaded: {error.detail}. {entry.whereabouts}" for error in lost
            )
        except VeniceError as error:
            keep_record(partial(entry.failed, error, facts=asdict(facts)))
            raise
        except Exception as error:  # whatever it is, it must not cost a result that is on disk
            raise PlacementFailed(
                f"{type(error).__name__}: {error}; job {entry.id}", charge=charge
            ) from error
        results = [replace(result, warnings=result.warnings + warnings) for result in results]
        keep_record(lambda: entry.done(facts=asdict(results[0].facts), warnings=results[0].warnings))
        return results

    def _send(self) -> Response:
        def watch(progress: Progress) -> None:
            if progress.stage is Stage.WAITING:
                keep_record(self.entry.sent)  # from here on, whoever cancels must not throw the answer away
            self.on_progress(progress)

        attempt, context = 1, self.context
        while True:
            try:
                with context.rate_limiter.slot(self.cancel, self._pause):
                    self.entry.sending()
                    response = context.transport.exchange(self.request, watch, self.cancel)
            except VeniceError as error:
                pause = seconds_before_repeat(error, attempt, context.clock())
                if pause is None:
                    raise
            else:
                response = _without_key(response, self.request.key)
                context.rate_limiter.update(response.headers)
                if not context.provider.is_busy(response):
                    return response
                pause = seconds_before_repeat(RetryHint.of(response.headers), attempt, context.clock())
                if pause is None:
                    return response
                context.rate_limiter.lower_concurrency()
            attempt += 1
            keep_record(self.entry.turned_away)
            self._pause(pause)
            self.cancel.wait(pause)

    def _pause(self, seconds: float) -> None:
        self.on_progress(Progress(Stage.RETRYING, seconds=seconds))

    def _facts(self, response: Response) -> Facts:
        try:
            return self.context.provider.facts(response, self.prepared.plan)
        except Exception:  # what is said beside a picture must not cost the picture
            log.exception("the answer's facts could not be read")
            return Facts()

    def _files(self, response: Response, charge: Charge) -> tuple[dict[int, bytes], list[DownloadFailed]]:
        """Return the answer's pictures by number, from 1, and why others could not be downloaded.

        At least one, and no more than requested; others remain in the stored answer. Linked pictures are
        stored before they are used.
        """
        files: dict[int, bytes] = {}
        lost: list[DownloadFailed] = []
        pictures = self.context.provider.pictures(response)[: self.prepared.plan.pictures]
        for number, picture in enumerate(pictures, 1):
            try:
                files[number] = self._fetched(picture, number) if isinstance(picture, ImageLink) else picture
            except DownloadFailed as error:
                lost.append(error)
            except Cancelled as error:
                error.charge = charge  # the fetching costs nothing, but the picture is made
                raise
        if not files:
            raise DownloadFailed(
                f"{lost[0].detail}; job {self.entry.id}", status=lost[0].status, charge=charge
            )
        return files, lost

    def _allowed(
        self, response: Response, charge: Charge, facts: Facts
    ) -> tuple[dict[int, bytes], list[DownloadFailed]]:
        """Return `_files` without what the service reports as blocked; PolicyRefusal if none is left."""
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
            raise PolicyRefusal("no image was produced", request_id=facts.request_id, charge=known)
        return left, lost

    def _fetched(self, link: ImageLink, number: int) -> bytes:
        local = is_local(self.context.provider.base_url)
        data = fetch(link.url, self.cancel, local=local, on_progress=self.on_progress)
        keep_record(lambda: self.entry.fetched(number, data))
        return data

    def _results(self, files: dict[int, bytes], status: int, facts: Facts, charge: Charge) -> list[Result]:
        """Return at least one result; of several pictures, broken ones are left out with a warning."""
        job, plan = self.prepared.job, self.prepared.plan
        broken: list[UnreadableImage] = []
        found: list[tuple[int, Placed]] = []
        for number, data in files.items():
            try:
                found.append((number, self._fit(data)))
            except UnreadableImage as error:
                broken.append(error)
        if not found:
            raise UnusableAnswer(broken[0].detail, status=status, charge=Charge.POSSIBLE)
        warnings = list(result_warnings(facts, plan))
        if len(found) < plan.pictures:
            warnings.append(f"Only {len(found)} of the {plan.pictures} requested images can be used.")
        smallest = min(map(len, files.values()))
        if smallest < self.small:
            warnings.append(
                f"The result is suspiciously small for an image ({smallest} bytes): the service may have "
                "refused the request."
            )
        return [
            Result(
                entry=self.entry,
                plan=plan,
                placed=placed,
                facts=replace(facts, fitting=placed.fitting),
                name=layer_name(job, plan, facts, placed),
                recipe=make_recipe(job, plan, self.entry, facts),
                warnings=(*plan.warnings, *placed.warnings, *warnings),
                charge=charge,
                number=number,
            )
            for number, placed in found
        ]

    def _fit(self, data: bytes) -> Placed:
        """Decode and fit a picture. Raises UnreadableImage if it is not one."""
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


def keep_record(write: Callable[[], None]) -> tuple[str, ...]:
    """Write to the journal; a full disk must not cost an answer that has been paid for."""
    try:
        write()
    except OSError as error:
        log.exception("the journal could not be written")
        return (f"The service's response could not be saved to disk: {error.strerror or error}.",)
    return ()


def _without_key(response: Response, key: Secret) -> Response:
    """Remove the key from a response, in case the server repeats it, but not from a picture."""
    headers = {name: key.scrub(value) for name, value in response.headers.items()}
    # a short key would occur by chance in the base64 of a picture
    kept = sniff(response.body) or (200 <= response.status < 300 and not key.is_distinct)
    body = response.body if kept else key.scrub(response.body)
    return Response(response.status, headers, body)
