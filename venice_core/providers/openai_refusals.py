"""What the refusals of OpenAI-compatible services mean: OpenAI's own error bodies, FastAPI's, and others."""

from __future__ import annotations

from typing import Any

from venice_core.errors import (
    BadKey,
    Busy,
    Forbidden,
    InvalidRequest,
    NoFunds,
    NotFound,
    PolicyRefusal,
    Refused,
    ServerFailure,
    TooLarge,
    UnknownModel,
    VeniceError,
)
from venice_core.providers.refusals import request_id, words
from venice_core.settings import Secret
from venice_core.transport import Response

_BY_STATUS: dict[int, type[Refused]] = {
    401: BadKey,
    402: NoFunds,
    403: Forbidden,
    404: NotFound,
    410: UnknownModel,
    413: TooLarge,
}
# The error's `code`, or else its `type`: the finer word, whatever the status.
_BY_CODE: dict[str, type[Refused]] = {
    "invalid_api_key": BadKey,
    "insufficient_quota": NoFunds,
    "insufficient_user_quota": NoFunds,
    "billing_hard_limit_reached": NoFunds,
    "billing_not_active": NoFunds,
    "model_not_found": UnknownModel,
    "moderation_blocked": PolicyRefusal,
    "content_policy_violation": PolicyRefusal,
    "unsupported_country_region_territory": Forbidden,
}


def is_busy(response: Response) -> bool:
    """Whether the service says "not now": 429 that is about no money, or 503 with an error object.

    A gateway's own 503 may come after the request was worked on.
    """
    if response.status == 429:
        return _by_code(response) is None
    return response.status == 503 and isinstance(_error(response), dict)


def failure(response: Response, key: Secret) -> VeniceError:
    """What a response that is no success means; `key` is kept out of the server's words."""
    status, detail = response.status, words(response, key)
    facts: dict[str, Any] = {"status": status, "request_id": key.scrub(request_id(response))}
    if is_busy(response):
        return Busy(detail, **facts)
    if 300 <= status < 400:
        return ServerFailure("a redirect, which is not followed", **facts)
    if not 400 <= status < 500:
        return ServerFailure(detail, **facts)
    kind = _by_code(response) or _BY_STATUS.get(status, InvalidRequest)
    return kind(detail, **facts)


def _by_code(response: Response) -> type[Refused] | None:
    error = _error(response)
    if not isinstance(error, dict):
        return None
    names = (error.get("code"), error.get("type"))
    return next((_BY_CODE[name] for name in names if isinstance(name, str) and name in _BY_CODE), None)


def _error(response: Response) -> Any:
    body = response.json
    return body.get("error") if isinstance(body, dict) else None
