"""What a front end can ask of the worker, a method each; running a job is `current_run`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from venice_core.cancellation import Cancel
from venice_core.errors import BadInput, ProtocolError, SpendingLimitExceeded
from venice_core.execution.context import RunContext
from venice_core.execution.inputs import Prepared, read_coverage
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
from venice_core.worker import pixel_files
from venice_core.worker.pixel_files import Kind
from venice_core.worker.protocol import (
    AccountParams,
    AccountValue,
    ConfigureParams,
    ConfigureValue,
    DecodeParams,
    EncodeParams,
    ForgetParams,
    ModelJson,
    PlacedParams,
    PlanParams,
    PlanValue,
    ProfileJson,
    ProfileParams,
    StatusParams,
    StatusValue,
    price_json,
)

_KINDS = {Action.EDIT: INPAINT, Action.GENERATE: IMAGE, Action.UPSCALE: UPSCALE, Action.CUTOUT: INPAINT}


class Methods:
    """Answers calls about plans, providers and files. Each method raises a VeniceError where it cannot."""

    def __init__(
        self, registry: Registry, journal: Journal, scratch: Scratch, on_news: Callable[[], None]
    ) -> None:
        self._registry = registry
        self._journal = journal
        self._scratch = scratch
        self._on_news = on_news
        self._rate_limiters: dict[tuple[str, int], RateLimiter] = {}
        self._plan_ids = itertools.count(1)
        self._sendable: tuple[int, Prepared, ProviderSession] | None = None
        """The last plan made to be sent, by its id; with the list of models that it was made by."""
        self.by_name: Mapping[str, Callable[[Any], Any]] = {
            "plan": self.plan,
            "placed": self.placed,
            "status": self.status,
            "account": self.account,
            "configure": self.configure,
            "profile": self.profile,
            "forget": self.forget,
            "decode": self.decode,
            "encode": self.encode,
        }

    def plan(self, params: PlanParams) -> PlanValue:
        """Answer how a job would be sent, and what that costs.

        Unless it is to be sent, an empty prompt is not a mistake yet: the price is shown while it is written.
        """
        to_send = bool(params.get("to_send"))
        if to_send:
            self._sendable = None  # even if this one fails, the one before is no longer what the user sees
        job = self._job(params)
        if not to_send and not job.options.prompt.strip():
            job = replace(job, options=replace(job.options, prompt="…"))
        session = self._registry.open(job.options.provider, to_send=to_send)
        self._refresh(session)
        coverage = read_coverage(self._coverage(params, job), job)
        prepared, number = Prepared.of(job, coverage, session.provider), next(self._plan_ids)
        if to_send:
            self._sendable = number, prepared, session
        plan = prepared.plan
        warnings = list(plan.warnings)
        budget = self._runner(session).context.budget()
        if budget is not None:
            try:
                budget.check(plan.total)
            except SpendingLimitExceeded as error:
                warnings.append(error.detail)
        known = {"id": number, "action": job.action.value, "key": not session.lacks_key, "warnings": warnings}
        return cast(PlanValue, plan.to_json() | known)

    def take_plan(self, number: int | None) -> tuple[Prepared, Runner]:
        """Return the plan with that id, once, and who runs it. Raises BadInput for any but the last one."""
        if self._sendable is None or number != self._sendable[0]:
            raise ProtocolError(
                "This plan is no longer valid: it was already sent, or a newer one was requested."
            )
        _, prepared, session = self._sendable
        self._sendable = None
        return prepared, self._runner(session)

    def placed(self, params: PlacedParams) -> None:
        """Note that a job's results are in the image."""
        self._journal.get(str(params.get("job"))).placed()

    def status(self, params: StatusParams) -> StatusValue:
        """Answer which providers and models there are, and what was spent today."""
        self._registry.look_again()
        session = self._registry.open(self._requested_provider(str(params.get("provider") or ""), params))
        self._refresh(session)
        action = Action(params.get("action") or Action.EDIT)
        can = session.provider.capabilities
        return {
            "provider": session.name,
            "providers": list(self._registry.names),
            "titles": self._registry.titles,
            "default_provider": self._default_provider(params),
            "trial": self._registry.on_trial,
            "key": bool(session.key),
            "key_source": session.key_source,
            "keyless": can.keyless,
            "profile": self._profile_json(session),
            "bases": list(self._registry.profiles.bases),
            "default_model": can.default_for(_KINDS[action]),
            "models": [_model_json(model, action, can) for model in can.catalogue.of_type(_KINDS[action])],
            "models_date": can.catalogue.date,
            "styles": list(can.catalogue.styles),
            "daily_limit": self._registry.settings.daily_limit,
            "spent_today": asdict(spent_today(self._journal, time.time())),
        }

    def account(self, params: AccountParams) -> AccountValue:
        """Test the connection and the key, as they were typed or are stored."""
        typed = Secret(str(params["key"]).strip()) if params.get("key") else None
        entries = {entry: str(params[entry]) for entry in ("base_url", "model") if params.get(entry)}
        session = self._registry.open(str(params.get("provider") or ""), key=typed, entries=entries)
        if session.lacks_key:
            raise session.missing_key
        provider = session.provider
        answer = provider.read_account(look_up(provider.account(), provider, Cancel()))
        return cast(AccountValue, asdict(answer))

    def configure(self, params: ConfigureParams) -> ConfigureValue:
        """Choose the provider to use from now on; store its key, the daily limit, or the trial."""
        requested = str(params.get("provider") or "")
        name = self._registry.name(requested)
        kept = ""
        if params.get("key") is not None:
            kept = self._registry.store_key(name, Secret(str(params["key"])))
        if requested and params.get("use", True):
            self._registry.settings.update(provider=name)
        if "trial" in params:
            self._registry.settings.update(trial=bool(params["trial"]))
        if "daily_limit" in params:
            self._registry.settings.set_daily_limit(params["daily_limit"])
        return {"provider": name, "kept": kept}

    def profile(self, params: ProfileParams) -> None:
        """Change entries of a profile, which is made if it is missing."""
        entries = params.get("entries")
        if not isinstance(entries, dict):
            raise BadInput("A profile needs entries.")
        self._registry.set_profile(str(params.get("provider") or ""), entries)

    def forget(self, params: ForgetParams) -> None:
        """Remove a provider that the user has added, with its key, or what was changed of a built-in one."""
        self._registry.forget_profile(str(params.get("provider") or ""))

    def decode(self, params: DecodeParams) -> None:
        """Make raw pixels of the picture that a host saved."""
        extent, kind = _shape_of(params)
        pixel_files.to_raw(self._scratch.file(params.get("picture")), self._new_file(params), extent, kind)

    def encode(self, params: EncodeParams) -> str:
        """Make a picture of a result's raw pixels, and return its path."""
        extent, kind = _shape_of(params)
        alpha = Path(str(params["alpha"])) if params.get("alpha") else None
        picture = self._new_file(params)
        pixel_files.to_picture(Path(str(params.get("pixels"))), picture, extent, kind, alpha)
        return str(picture)

    def _job(self, params: PlanParams) -> Job:
        job = Job.from_json(params["job"])
        provider = self._requested_provider(job.options.provider, params)
        return replace(job, options=replace(job.options, provider=provider))

    def _requested_provider(self, provider: str, params: Mapping[str, Any]) -> str:
        """Return the provider asked for: without a choice, the sandbox while it is tried out."""
        return SANDBOX if params.get("trial") and not provider and self._registry.on_trial else provider

    def _default_provider(self, params: StatusParams) -> str:
        """Return who is asked where none is chosen; "" where the settings name one that is missing."""
        try:
            return self._registry.name(self._requested_provider("", params))
        except BadInput:
            return ""

    def _refresh(self, session: ProviderSession) -> None:
        """Ask for a newer list of models, if it is time; the front end hears when there is one."""
        if session.catalogues is not None:
            session.catalogues.refresh_behind(self._on_news)

    def _runner(self, session: ProviderSession) -> Runner:
        whose = session.provider.base_url, hash(session.key.reveal())
        return Runner(
            RunContext(
                session.provider,
                session.key,
                Transport(),
                self._journal,
                rate_limiter=self._rate_limiters.setdefault(whose, RateLimiter()),
                daily_limit=self._registry.settings.daily_limit,
            )
        )

    def _coverage(self, params: PlanParams, job: Job) -> bytes | None:
        name = params.get("coverage")
        if not name or job.window is None:
            return None
        return self._scratch.file(name, job.window.extent.pixels).read_bytes()

    def _new_file(self, params: DecodeParams | EncodeParams) -> Path:
        path = self._scratch.path / str(params.get("to") or "")
        if path.parent != self._scratch.path or path.is_dir():
            raise ProtocolError(f"“{params.get('to')}” is not a valid file name.")
        return path

    def _profile_json(self, session: ProviderSession) -> ProfileJson | None:
        profile = session.profile
        if profile is None:
            return None
        return {
            "title": profile.title,
            "based_on": profile.based_on,
            "base_url": session.provider.base_url,
            "base_url_variable": self._registry.address_variable(profile),
            "model": profile.model,
            "changed": self._registry.profiles.is_changed(profile.name),
        }


def _shape_of(params: DecodeParams | EncodeParams) -> tuple[Extent, Kind]:
    try:
        return Extent(int(params["width"]), int(params["height"])), Kind(params["kind"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"not a shape of pixels: {error}") from error


def _model_json(model: Model, action: Action, can: Capabilities) -> ModelJson:
    offer = choices(model, action, can)
    return {
        "id": model.id,
        "name": model.name,
        "price": price_json(model.price() or model.upscale_price(2)),
        "aspect_ratios": list(offer.aspect_ratios),
        "resolutions": list(offer.resolutions),
        "qualities": list(offer.qualities),
        "offline": model.offline,
        "privacy": model.privacy,
    }
