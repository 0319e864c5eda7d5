"""What OpenAI's API says with each status, by kind: message, type and code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _said(error: str, kind: str, code: str | None) -> Mapping[str, Any]:
    return {"error": error, "type": kind, "param": None, "code": code}


_REQUEST, _SERVER = "invalid_request_error", "server_error"
# The first where no kind of that status is asked for.
_KINDS: Mapping[int, Mapping[str, Mapping[str, Any]]] = {
    400: {
        "invalid": _said("Refused by a switch of the sandbox", _REQUEST, "invalid_value"),
        "moderation": _said(
            "Your request was rejected by the safety system. If you believe this is an error, contact us at "
            "help.openai.com.",
            "image_generation_user_error",
            "moderation_blocked",
        ),
        "billing": _said("Billing hard limit has been reached", _REQUEST, "billing_hard_limit_reached"),
    },
    401: {"key": _said("Incorrect API key provided", _REQUEST, "invalid_api_key")},
    403: {
        "scope": _said(
            "You have insufficient permissions for this operation", _REQUEST, "insufficient_permissions"
        )
    },
    404: {
        "model": _said(
            "The model does not exist or you do not have access to it", _REQUEST, "model_not_found"
        )
    },
    413: {"size": _said("The request body is too large", _REQUEST, "request_too_large")},
    415: {"type": _said("Unsupported content type", _REQUEST, "unsupported_content_type")},
    422: {"invalid": _said("The request cannot be processed", _REQUEST, "invalid_value")},
    429: {
        "rate_limit": _said(
            "Rate limit reached for images per minute: Limit 5, Used 5, Requested 1",
            "requests",
            "rate_limit_exceeded",
        ),
        "quota": _said(
            "You exceeded your current quota, please check your plan and billing details",
            "insufficient_quota",
            "insufficient_quota",
        ),
        "overload": _said("The engine is currently overloaded", _SERVER, "engine_overloaded"),
        "failures": _said("Too many failed attempts", "requests", "too_many_failures"),
    },
    500: {"server": _said("The server had an error while processing your request", _SERVER, "server_error")},
    503: {"overload": _said("The engine is currently overloaded", _SERVER, "service_unavailable")},
}


def documented(status: int, kind: str | None = None) -> Mapping[str, Any]:
    """Return the `error` message, `type`, `param` and `code` of a status."""
    if kinds := _KINDS.get(status):
        return kinds.get(kind or "") or next(iter(kinds.values()))
    return _said(f"The sandbox answers {status}", _REQUEST if status < 500 else _SERVER, None)
