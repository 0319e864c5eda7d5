"""Refusals as responses: the kinds of error that a status has, and the shapes of its body."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from werkzeug import Response

from venice_core.sandbox.openai import errors
from venice_core.sandbox.rate_limits import Allowance
from venice_core.sandbox.switches import Switches
from venice_core.sandbox.venice.errors import BALANCE, SENTENCES, ApiError, invalid, payment_required

_GATEWAY = {502: "Bad gateway", 504: "Gateway time-out", 520: "Web server error", 524: "A timeout occurred"}
_JSON = "application/json"
# What a status says, kind by kind; the first where no kind of that status is asked for.
_KINDS: Mapping[int, Mapping[str, Mapping[str, str]]] = {
    402: {
        "balance": {"error": BALANCE, "code": "INSUFFICIENT_BALANCE"},
        "spending_limit": {"error": "API key has exceeded its spending limit for the current epoch"},
    },
    403: {
        "key": {"error": SENTENCES[403]},
        "privacy": {
            "error": "This API key is set to 'Private only', but this is an Anonymous model. Choose a "
            "Private, TEE, or E2EE model, or change the model privacy setting of this API key."
        },
        "region": {"error": "This model is not available in your region"},
    },
    413: {"size": {"error": SENTENCES[413], "code": "PAYLOAD_TOO_LARGE"}},
    422: {
        "prompt": {"error": SENTENCES[422]},
        "result": {
            "error": "The generated image was blocked: it violates the content policy of Venice.ai or the "
            "model provider"
        },
        "pixels": {"error": "Image dimensions exceed the maximum allowed."},
    },
    429: {
        "rate_limit": {"error": SENTENCES[429]},
        "overload": {"error": "The model is overloaded. Please try again later."},
        "failures": {
            "error": "Too many failed attempts (> 50) resulting in a non-success status code. "
            "Please wait 30 seconds and try again."
        },
    },
}
# FastAPI's names of the faults that OpenAI names so.
_FAULTS = {
    "missing_required_parameter": "missing",
    "invalid_type": "type_error",
    "invalid_value": "literal_error",
    "string_above_max_length": "string_too_long",
    "string_below_min_length": "string_too_short",
    "integer_above_max_value": "less_than_equal",
    "integer_below_min_value": "greater_than_equal",
}


def _documented(status: int, kind: str | None, url: str) -> Mapping[str, Any]:
    if status == 400:
        return invalid("prompt", "Refused by a switch of the sandbox").body
    if status == 402 and kind == "accepts":
        return payment_required(url).body
    if kinds := _KINDS.get(status):
        return kinds.get(kind or "") or next(iter(kinds.values()))
    return {"error": SENTENCES.get(status, f"The sandbox answers {status}")}


@dataclass(frozen=True)
class Manner:
    """How a service refuses."""

    documented: Callable[[int, str | None, str], Mapping[str, Any]]
    """Returns the body for a status, from its kind and the request's URL."""
    policy: tuple[int, str | None]
    """Status and kind of what the content policy forbids."""
    limits: Callable[[Allowance, Switches], Mapping[str, str]]
    """Returns the headers that describe the rate limit."""
    shape: str = "text"
    """The usual shape of the body."""
    shapes: Mapping[int, str] = field(default_factory=dict)
    """Other shapes, by status."""


VENICE = Manner(
    _documented, (422, None), lambda allowance, switches: allowance.headers(switches.reset_format)
)
OPENAI = Manner(
    lambda status, kind, _: errors.documented(status, kind),
    (400, "moderation"),
    lambda allowance, _: allowance.openai_headers(),
    "openai",
)
SELF_HOSTED = replace(OPENAI, shapes={422: "fastapi"})


def refuse(error: ApiError, switches: Switches, manner: Manner = VENICE) -> Response:
    """Return the response to a request that has to be refused."""
    shape = switches.shape or manner.shapes.get(error.status, manner.shape)
    return _response(error.status, error.body, shape, "application/json; charset=utf-8")


def refuse_traffic(allowance: Allowance, switches: Switches, manner: Manner = VENICE) -> Response | None:
    """Return 429 with the seconds to wait if `at_once` or `rate` is exceeded."""
    if allowance.wait is None:
        return None
    response = _response(429, manner.documented(429, None, ""), switches.shape or manner.shape)
    response.headers["Retry-After"] = str(allowance.wait)
    response.headers.update(manner.limits(allowance, switches))
    return response


def refuse_on_demand(
    switches: Switches, allowance: Allowance, url: str, manner: Manner = VENICE
) -> Response | None:
    """Return what `redirect`, `policy` and `status` ask for."""
    if switches.redirect:
        return Response("", 307, {"Location": switches.redirect})
    status, kind = switches.status, switches.kind
    if switches.policy:
        status, kind = manner.policy[0], manner.policy[1] or kind
    if status is None:
        return None
    body, shape = manner.documented(status, kind, url), manner.shapes.get(status, manner.shape)
    if status in _GATEWAY:
        body, shape = {"error": _GATEWAY[status]}, "html"
    response = _response(status, body, switches.shape or shape)
    if wait := switches.retry_after:
        if wait.endswith("ms"):
            response.headers["retry-after-ms"] = wait.removesuffix("ms")
        else:
            response.headers["Retry-After"] = wait
    if (status, kind) == (429, "failures") and manner is VENICE:
        response.headers.update(allowance.budget_headers())
    if (status, kind) == (429, "rate_limit"):
        response.headers.update(manner.limits(replace(allowance, remaining=0), switches))
    return response


def _response(status: int, body: Mapping[str, Any], shape: str, content_type: str = _JSON) -> Response:
    sentence = body["error"]
    match shape:
        case "empty":
            return Response("", status, content_type=content_type)
        case "plain":
            return Response(sentence, status, content_type="text/plain; charset=utf-8")
        case "html":
            title = f"{status}: {sentence}"
            page = f"<!DOCTYPE html>\n<html><title>{title}</title><body><h1>{title}</h1></body></html>\n"
            return Response(page, status, content_type="text/html; charset=UTF-8")
    return Response(json.dumps(_shaped(status, body, shape)), status, content_type=content_type)


def _shaped(status: int, body: Mapping[str, Any], shape: str) -> Mapping[str, Any]:
    sentence = body["error"]
    match shape:
        case "openai":
            usual = {**errors.documented(status), **body}
            return {"error": {"message": sentence, **{key: usual[key] for key in ("type", "param", "code")}}}
        case "fastapi":
            return {"detail": [_fault(issue) for issue in body.get("issues", ())] or [_fault({}, sentence)]}
        case "detail_text":
            return {"detail": sentence}
        case "request_id":
            return {**body, "request_id": "sandbox-request-1"}
        case "object":
            names = {known.value: known.name for known in HTTPStatus}
            code = body.get("code") or names.get(status, str(status))
            return {**body, "error": {"message": sentence, "code": code}}
        case "details_text":
            issues = [f"{'.'.join(issue['path'])}: {issue['message']}" for issue in body.get("issues", ())]
            return {"error": sentence, "details": "; ".join(issues) or sentence}
        case "no_issues":
            return {"error": sentence, "details": body.get("details", {"_errors": [sentence]})}
    return body


def _fault(issue: Mapping[str, Any], sentence: str = "") -> Mapping[str, Any]:
    """Return one entry of the list in FastAPI's 422."""
    return {
        "type": _FAULTS.get(issue.get("code", ""), "value_error"),
        "loc": ["body", *issue.get("path", ())],
        "msg": issue.get("message", sentence),
        "input": issue.get("input"),
    }
