"""Interpret a refusal by its innermost message, or else by its status."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from venice_core.errors import (
    BadKey,
    Busy,
    Forbidden,
    Intercepted,
    InvalidRequest,
    NoFunds,
    NotFound,
    NotInRegion,
    PolicyRefusal,
    Refused,
    ServerFailure,
    TooLarge,
    TooLargeOnTheWay,
    UnknownModel,
    VeniceError,
)
from venice_core.network.messages import Response
from venice_core.providers.response_text import Words, one_line, read
from venice_core.secret import Secret

_SUPPORT_IDS = ("x-request-id", "cf-ray")
_BY_STATUS: dict[int, type[Refused]] = {
    401: BadKey,
    402: NoFunds,
    403: Forbidden,
    404: NotFound,
    407: Intercepted,
    410: UnknownModel,
    413: TooLarge,
    422: PolicyRefusal,
}
_NOT_OURS = re.compile(r"\s*(basic|digest|negotiate|ntlm)\b", re.IGNORECASE)
"""How a proxy asks for its own password; a service asks for the key."""
_OF_KEY = re.compile(r"\b(key|token|account|permission|user|plan)s?\b", re.IGNORECASE)
_TIMED_OUT = re.compile(r"time[d]?[- ]?out", re.IGNORECASE)


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# What is said wherever it stands, whatever the status: the codes of OpenAI, Azure, LiteLLM, one-api and
# others, and the words of those that have no code. Money goes first: what is about it is not asked again.
_NAMED: tuple[tuple[re.Pattern[str], type[VeniceError]], ...] = (
    (
        _any(
            r"insufficient[_ ](user[_ ])?(quota|balance|credits?|funds)\b",
            r"\bbilling_(hard_limit_reached|not_active)\b",
            r"\bpre_consume_token_quota_failed\b",
            r"\bbudget_?exceeded",
            r"budget has been exceeded",
            r"\bexceededbudget\b",
            r"\bquota_(exceeded|exhausted|not_enough)\b",
            r"exceeded your current quota",
            r"check your plan and billing",
            r"credit balance is too low",
            r"(quota|balance) is not enough",
            r"spend(ing)? limit",
            r"额度不足|余额不足|额度已用尽",
        ),
        NoFunds,
    ),
    (
        _any(
            r"\bmoderation_blocked\b",
            r"content_?policy_?violation",
            r"\bprovider_content_policy\b",
            r"(?<!parameter: .)\bcontent_?filter(ed)?\b",
            r"responsibleaipolicyviolation",
            r"\bsensitive_words_detected\b",
            r"\bdata_?inspection_?failed\b",
            r"(rejected|blocked) (by|as a result of) (the|our) (safety|content)",
            r"blocked by content moderation",
            r"violat\w+ (of )?(?![\w' .]{0,40}\b(rate|limit))[\w' .]{0,50}(polic|guideline|terms of)",
            r"input was flagged",
        ),
        PolicyRefusal,
    ),
    (
        _any(r"\binvalid_api_key\b", r"incorrect api key", r"\btoken_not_found_in_db\b", r"\bexpired_key\b"),
        BadKey,
    ),
    (_any(r"\bunsupported_country_region_territory\b"), NotInRegion),
    (_any(r"\w_model_access_denied\b"), Forbidden),
    (_any(r"\bmodel_not_found\b", r"\bdeploymentnotfound\b", r"invalid model (id|name)\b"), UnknownModel),
    (_any(r"\b(payload|request|file)_too_large\b"), TooLarge),
    (_any(r"\brate_limit_exceeded\b"), Busy),
)


@dataclass(frozen=True)
class Refusals:
    """How a service refuses."""

    documented: Callable[[Response], bool]
    """Returns whether a 503 has the form by which the service says that it is busy."""
    own: Callable[[Response, Words], type[VeniceError] | None]
    """Returns what the words of a refusal mean for this service only; None if nothing special."""

    def failure(self, response: Response, key: Secret) -> VeniceError:
        """Return what an unsuccessful response means; `key` is removed from the server's words."""
        said = read(response, key)
        line = "a redirect, which is not followed" if 300 <= response.status < 400 else said.line
        support = key.scrub(request_id(response))
        return self._meaning(response, said)(line, status=response.status, request_id=support)

    def is_busy(self, response: Response) -> bool:
        """Return whether the service itself says that it is busy: 429, or 503 in the documented form.

        A gateway's own 503 may come after the request was processed; so may one that only reports another's
        response.
        """
        if response.status not in (429, 503):
            return False
        return self._meaning(response, read(response, Secret(""))) is Busy

    def _meaning(self, response: Response, said: Words) -> type[VeniceError]:
        status = response.status
        unworked = status == 429 or (status == 503 and self.documented(response) and not said.hearsay)
        if not (400 <= status < 500 or unworked):
            return ServerFailure
        named = self.own(response, said) or _named(said)
        if named is PolicyRefusal and status == 429:
            return Busy  # it is about how often, whatever else it says
        if named is not None:
            return named
        return Busy if unworked else _by_status(response, said)


def _named(said: Words) -> type[VeniceError] | None:
    return next((cls for pattern, cls in _NAMED if pattern.search(said.text)), None)


def _by_status(response: Response, said: Words) -> type[VeniceError]:
    """Return what a refusal (4xx) means if its words are not more specific."""
    status = response.status
    if said.faults and status in (400, 422):
        return InvalidRequest  # FastAPI: the request did not have the form, so nobody has worked on it
    if status in (401, 403) and _is_anothers(response, said):
        return Intercepted
    if status == 408 and not said.page and _TIMED_OUT.search(said.text):
        return ServerFailure  # of a proxy that waited for the service: it may have worked
    if status == 413 and said.page:
        return TooLargeOnTheWay
    return _BY_STATUS.get(status, InvalidRequest)


def _is_anothers(response: Response, said: Words) -> bool:
    """Return whether something between here and the service sent it: services respond in JSON."""
    if said.page or _NOT_OURS.match(response.headers.get("www-authenticate", "")):
        return True
    return response.status == 403 and response.json is None and not _OF_KEY.search(said.text)


def request_id(response: Response) -> str:
    """Return the service's support id."""
    body = response.json if len(response.body) < 100_000 else None
    named = body.get("request_id") if isinstance(body, dict) else None
    if named and isinstance(named, str):
        return one_line(named)
    return one_line(next((response.headers[name] for name in _SUPPORT_IDS if response.headers.get(name)), ""))
