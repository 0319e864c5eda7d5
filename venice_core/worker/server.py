"""The process behind a front end: reads calls, runs one job at a time, answers.

It outlives its front end where money is at stake: once a request is wholly sent, a cancel or the end
of standard input only lets go of the front end; the answer is still received and journaled.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO

from venice_core.cancellation import Cancel
from venice_core.errors import BadInput, PlacementFailed, SpendingLimitExceeded, VeniceError
from venice_core.execution.context import RunContext
from venice_core.execution.inputs import JobInputs, Prepared, read_coverage
from venice_core.execution.run_thread import RunThread
from venice_core.execution.runner import Runner
from venice_core.geometry.rectangles import Extent
from venice_core.job import Action, Job
from venice_core.network.lookup import look_up
from venice_core.network.rate_limiter import RateLimiter
from venice_core.network.transport import Transport
from venice_core.planning.capabilities import IMAGE, INPAINT, UPSCALE, Capabilities, Model
from venice_core.planning.model_support import choices
from venice_core.providers.registry import SANDBOX, ProviderSession, Registry
from venice_core.records.journal import Journal
from venice_core.records.scratch import Scratch
from venice_core.records.spending import spent_today
from venice_core.secret import Secret
from venice_core.storage.folders import Folders
from venice_core.storage.settings import provider_for_people
from venice_core.version import VERSION
from venice_core.worker import pixel_files
from venice_core.worker.pixel_files import Kind
from venice_core.worker.protocol import Call, Output
from venice_core.worker.results import clipped_colors, result_message

log = logging.getLogger("venice_core.worker.server")

DETACHED = (
    "The request had already been sent, so it may be charged. Its result will still be received and "
    "kept in {}."
)
ABORT_SECONDS = 0.5
_KINDS = {Action.EDIT: INPAINT, Action.GENERATE: IMAGE, Action.UPSCALE: UPSCALE, Action.CUTOUT: INPAINT}


class Worker:
    """Serves one front end."""

    def __init__(self, env: Mapping[str, str], calls: BinaryIO, output: Output) -> None:
        self._env = env
        self._folders = Folders.of(env)
        self._calls = calls
        self._output = output
        self._registry = Registry(env, self._folders)
        self._journal = Journal(self._folders.jobs)
        self._paces: dict[tuple[str, int], RateLimiter] = {}
        self._attempt: RunThread[dict[str, Any]] | None = None
        self._call = 0
        self._plans = itertools.count(1)
        self._sendable: tuple[int, Prepared, ProviderSession] | None = None
        """The last plan made to be sent, by its id; with the list of models that it was made by."""
        self._methods = {
            "plan": self._plan,
            "placed": self._placed,
            "status": self._status,
            "account": self._account,
            "cancel": self._cancel,
            "configure": self._configure,
            "profile": self._profile,
            "forget": self._forget,
            "decode": self._decode,
            "encode": self._encode,
        }

    def serve(self) -> None:
        """Until standard input ends; then until what is already paid for has arrived."""
        self._scratch = Scratch(self._folders.scratch)
        try:
            self._output.hello(VERSION, str(self._scratch.path))
            for line in self._calls:
                if line.strip():
                    self._handle(line)
            self._end()
        except SystemExit:  # asked to end by a signal
            if self._attempt is not None:
                self._attempt.cancel.set()
                self._attempt.over.wait(ABORT_SECONDS)
            raise
        finally:
            self._scratch.remove()
            self._registry.__exit__(None, None, None)

    def _handle(self, line: bytes) -> None:
        try:
            call = Call.parse(line)
        except VeniceError as error:
            self._output.error(0, error, "")
            return
        if call.method == "account":  # the service may be slow
            threading.Thread(target=self._answer, args=[call], daemon=True).start()
        else:
            self._answer(call)

    def _answer(self, call: Call) -> None:
        """The method's value, or why there is none; the end of a `run` is told later."""
        try:
            if call.method == "run":
                self._start(call)
            elif call.method in self._methods:
                self._output.result(call.id, self._methods[call.method](call.params))
            else:
                raise BadInput(f"There is no method “{call.method}”.")
        except VeniceError as error:
            provider = provider_for_people(str(call.params.get("provider") or ""), self._env)
            self._output.error(call.id, error, provider)
        except Exception as error:
            log.exception("call failed")
            self._output.error(call.id, VeniceError(f"{type(error).__name__}: {error}"), "")

    def _plan(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer how a job would be sent, and what that costs.

        `to_send`: its pixels come next, and `run` names it by its `id`. Without it, an empty prompt is no
        mistake yet: who has still to write it may see the price.
        """
        job = self._job(params)
        if not params.get("to_send") and not job.options.prompt.strip():
            job = replace(job, options=replace(job.options, prompt="…"))
        opened = self._registry.open(job.options.provider, to_send=bool(params.get("to_send")))
        self._refresh(opened)
        coverage = read_coverage(self._pixels(params.get("coverage"), job), job)
        prepared, number = Prepared.of(job, coverage, opened.provider), next(self._plans)
        plan = prepared.plan
        if params.get("to_send"):
            self._sendable = number, prepared, opened
        told = {**plan.to_json(), "id": number, "key": not opened.lacks_key}
        budget = self._runner(opened).context.budget()
        if budget is not None:
            try:
                budget.check(plan.total)
            except SpendingLimitExceeded as error:
                told["warnings"] = [*plan.warnings, error.detail]
        return told

    def _job(self, params: Mapping[str, Any]) -> Job:
        """`trial`: as for `_wish`."""
        job = Job.from_json(params["job"])
        provider = self._wish(job.options.provider, params)
        return replace(job, options=replace(job.options, provider=provider))

    def _wish(self, provider: str, params: Mapping[str, Any]) -> str:
        """The provider asked for.

        `trial`: the user sees in a window who it is. So without a choice it is the sandbox, where that is
        tried until there is a key.
        """
        return SANDBOX if params.get("trial") and not provider and self._registry.on_trial else provider

    def _refresh(self, opened: ProviderSession) -> None:
        """Asks for a newer list of models, if it is time; the front end hears when there is one."""
        if opened.catalogues is not None:
            opened.catalogues.refresh_behind(self._output.news)

    def _runner(self, opened: ProviderSession) -> Runner:
        limit = self._registry.settings.daily_limit
        whose = opened.provider.base_url, hash(opened.key.reveal())
        pace = self._paces.setdefault(whose, RateLimiter())
        return Runner(
            RunContext(
                opened.provider, opened.key, Transport(), self._journal, rate_limiter=pace, daily_limit=limit
            )
        )

    def _placed(self, params: Mapping[str, Any]) -> None:
        self._journal.get(str(params.get("job"))).placed()

    def _status(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`action`: whose models to list; `trial`: as for `_wish`."""
        self._registry.look_again()
        opened = self._registry.open(self._wish(str(params.get("provider") or ""), params))
        self._refresh(opened)
        action = Action(params.get("action") or Action.EDIT)
        can = opened.provider.capabilities
        return {
            "provider": opened.name,
            "providers": list(self._registry.names),
            "titles": self._registry.titles,
            "default_provider": self._default_provider(params),
            "trial": self._registry.on_trial,
            "key": bool(opened.key),
            "key_source": opened.key_source,
            "keyless": can.keyless,
            "profile": self._described(opened),
            "bases": list(self._registry.profiles.bases),
            "default_model": can.default_for(_KINDS[action]),
            "models": [_listed(model, action, can) for model in can.catalogue.of_type(_KINDS[action])],
            "models_date": can.catalogue.date,
            "styles": list(can.catalogue.styles),
            "daily_limit": self._registry.settings.daily_limit,
            "spent_today": asdict(spent_today(self._journal, time.time())),
        }

    def _default_provider(self, params: Mapping[str, Any]) -> str:
        """Who is asked where none is chosen; "" where the settings name one that is not there (any more)."""
        try:
            return self._registry.name(self._wish("", params))
        except BadInput:
            return ""

    def _account(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The test of the connection and the key, as they were typed or are stored.

        Raises what the service says of them.
        """
        typed = Secret(str(params["key"]).strip()) if params.get("key") else None
        entries = {entry: str(params[entry]) for entry in ("base_url", "model") if params.get(entry)}
        opened = self._registry.open(str(params.get("provider") or ""), key=typed, entries=entries)
        if opened.lacks_key:
            raise opened.missing_key
        provider = opened.provider
        return asdict(provider.read_account(look_up(provider.account(), provider, Cancel())))

    def _configure(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`provider`: which to use from now on; `key`: that provider's key ("" forgets it).

        `use`: False where the provider in use shall stay. `daily_limit`: in US dollars; None takes it away.
        `trial`: whether the sandbox is tried until there is a key.
        """
        wish = str(params.get("provider") or "")
        name = self._registry.name(wish)
        kept = ""
        if params.get("key") is not None:
            kept = self._registry.store_key(name, Secret(str(params["key"])))
        if wish and params.get("use", True):
            self._registry.settings.update(provider=name)
        if "trial" in params:
            self._registry.settings.update(trial=bool(params["trial"]))
        if "daily_limit" in params:
            self._registry.settings.set_daily_limit(params["daily_limit"])
        return {"provider": name, "kept": kept}

    def _profile(self, params: Mapping[str, Any]) -> None:
        """`entries` of the profile `provider`, which is made where there is none; an entry of None goes."""
        entries = params.get("entries")
        if not isinstance(entries, dict):
            raise BadInput("A profile needs entries.")
        self._registry.set_profile(str(params.get("provider") or ""), entries)

    def _forget(self, params: Mapping[str, Any]) -> None:
        """`provider`: one of the person's own, with its key; or what was changed of one that is built in."""
        self._registry.forget_profile(str(params.get("provider") or ""))

    def _decode(self, params: Mapping[str, Any]) -> None:
        """Raw pixels from the `picture` that a host saved in the scratch folder: see `exchange`.

        `to`: the new file's name there; `width`, `height`; `kind`: "rgba", "coverage" or "wide".
        """
        extent, kind = _shape_of(params)
        pixel_files.to_raw(self._scratch.file(params.get("picture")), self._new_file(params), extent, kind)

    def _encode(self, params: Mapping[str, Any]) -> str:
        """A picture from raw `pixels`, a result's file, with the coverage `alpha` if that is given.

        `to`, `width`, `height` and `kind` as for `decode`. Returns the picture's path.
        """
        extent, kind = _shape_of(params)
        alpha = Path(params["alpha"]) if params.get("alpha") else None
        picture = self._new_file(params)
        pixel_files.to_picture(Path(str(params.get("pixels"))), picture, extent, kind, alpha)
        return str(picture)

    def _new_file(self, params: Mapping[str, Any]) -> Path:
        path = self._scratch.path / str(params.get("to") or "")
        if path.parent != self._scratch.path or path.is_dir():
            raise BadInput(f"“{params.get('to')}” is not a valid file name.")
        return path

    def _described(self, opened: ProviderSession) -> dict[str, Any] | None:
        """The profile for Settings: where the service is and which model it takes."""
        profile = opened.profile
        if profile is None:
            return None
        return {
            "title": profile.title,
            "based_on": profile.based_on,
            "base_url": opened.provider.base_url,
            "base_url_variable": self._registry.address_variable(profile),
            "model": profile.model,
            "changed": self._registry.profiles.is_changed(profile.name),
        }

    def _pixels(self, name: Any, job: Job) -> bytes | None:
        if not name or job.window is None:
            return None
        return self._scratch.file(name, job.window.extent.pixels).read_bytes()

    def _start(self, call: Call) -> None:
        if self._attempt is not None and not self._attempt.over.is_set():
            raise BadInput("A job is already running.")
        if self._sendable is None or call.params.get("plan") != self._sendable[0]:
            raise BadInput("The plan to be sent no longer exists.")
        _, prepared, opened = self._sendable
        self._sendable = None  # each is sent once
        name = opened.provider.capabilities.name
        runner = self._runner(opened)

        def tell(outcome: dict[str, Any] | VeniceError) -> None:
            if isinstance(outcome, VeniceError):
                self._output.error(call.id, outcome, name)
            else:
                self._output.result(call.id, outcome)

        self._call = call.id
        self._attempt = RunThread(lambda attempt: self._work(attempt, call, prepared, runner), tell)
        self._attempt.start()

    def _work(
        self, attempt: RunThread[dict[str, Any]], call: Call, prepared: Prepared, runner: Runner
    ) -> dict[str, Any]:
        made = runner.run(
            prepared,
            self._inputs(call.params, prepared.job),
            lambda progress: self._output.progress(call.id, progress),
            attempt.cancel,
            attempt.entries.append,
        )
        try:
            message = result_message(made)
        except OSError as error:
            result = made.results[0]
            detail = f"{error.strerror or error}; job {result.entry.id}"
            raise PlacementFailed(detail, charge=result.charge) from error
        if call.params.get("wide"):
            message["warnings"] += clipped_colors(
                self._scratch.path / str(call.params["wide"]), made.results[0]
            )
        return message

    def _inputs(self, params: Mapping[str, Any], job: Job) -> JobInputs:
        coverage = None
        if job.window is not None and params.get("coverage"):
            coverage = self._scratch.file(params["coverage"], job.window.extent.pixels)
        source = None if job.action is Action.GENERATE else self._scratch.file(params.get("source"))
        names = params.get("references") or ()
        if len(names) != len(job.references):
            raise BadInput("The reference images do not match the job.")
        sizes = (extent.pixels * 4 for extent in job.references)
        references = tuple(map(self._scratch.file, names, sizes))
        return JobInputs(source, coverage, references)

    def _cancel(self, params: Mapping[str, Any]) -> str | None:
        """Lets go of the front end where something may be paid for already.

        `stop`: ends that as well. `unless_sent`: does nothing in that case, and answers "sent".
        """
        attempt = self._attempt
        if attempt is None or attempt.over.is_set():
            return None
        if params.get("stop"):
            attempt.stop(ABORT_SECONDS)
        elif params.get("unless_sent") and attempt.sent:
            return "sent"
        elif attempt.let_go(ABORT_SECONDS):
            folder = self._journal.folder if len(attempt.entries) > 1 else attempt.entries[0].folder
            self._output.detached(self._call, DETACHED.format(folder))
            self._output.close()
        return None

    def _end(self) -> None:
        """The front end is gone."""
        self._output.close()
        attempt = self._attempt
        if attempt is None:
            return
        if not attempt.let_go(ABORT_SECONDS) and attempt.is_alive():
            attempt.join(ABORT_SECONDS)
            if attempt.is_alive():  # it hangs where nothing wakes it
                self._scratch.remove()
                os._exit(0)
        attempt.over.wait()


def _shape_of(params: Mapping[str, Any]) -> tuple[Extent, Kind]:
    try:
        return Extent(int(params["width"]), int(params["height"])), Kind(params["kind"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"not a shape of pixels: {error}") from error


def _listed(model: Model, action: Action, can: Capabilities) -> dict[str, Any]:
    price = model.price() or model.upscale_price(2)
    offer = choices(model, action, can)
    return {
        "id": model.id,
        "name": model.name,
        "price": asdict(price) if price else None,
        "aspect_ratios": list(offer.aspect_ratios),
        "resolutions": list(offer.resolutions),
        "qualities": list(offer.qualities),
        "offline": model.offline,
        "privacy": model.privacy,
    }
