"""What the refusals of OpenAI-compatible services mean: OpenAI's own error bodies, FastAPI's, and others."""

from __future__ import annotations

from typing import Any

from venice_core.errors import (
    BadKey,
    Forbidden,
    InvalidRequest,
    NoFunds,
    PolicyRefusal,
    Refused,
    UnknownModel,
    VeniceError,
)
from venice_core.providers import refusals
from venice_core.settings import Secret
from venice_core.transport import Response

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
    said = response.status == 429 or (
        response.status == 503 and isinstance(_body(response).get("error"), dict)
    )
    return said and _by_code(response) is None


def failure(response: Response, key: Secret) -> VeniceError:
    """What a response that is no success means; `key` is kept out of the server's words."""
    return refusals.failure(response, key, busy=is_busy(response), refusal=lambda _: _refusal(response))


def _refusal(response: Response) -> type[Refused]:
    if response.status == 422 and isinstance(_body(response).get("detail"), list):
        return InvalidRequest  # FastAPI: the request did not have the form, so nobody has worked on it
    return _by_code(response) or refusals.by_status(response.status)


def _by_code(response: Response) -> type[Refused] | None:
    """Wherever it stands: in the error object, beside it, or as the error itself."""
    body = _body(response)
    error = body.get("error")
    inner = error if isinstance(error, dict) else {}
    names = (inner.get("code"), inner.get("type"), error, body.get("code"), body.get("type"))
    return next((_BY_CODE[name] for name in names if isinstance(name, str) and name in _BY_CODE), None)


def _body(response: Response) -> dict[str, Any]:
    body = response.json
    return body if isinstance(body, dict) else {}
