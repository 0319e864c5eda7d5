"""Refusals as responses: the kinds a status has, and the shapes its body comes in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from werkzeug import Response

from .errors import BALANCE, SENTENCES, ApiError, invalid, payment_required
from .switches import Switches
from .traffic import Allowance

_GATEWAY = {502: "Bad gateway", 504: "Gateway time-out", 520: "Web server error", 524: "A timeout occurred"}
_JSON = "application/json"
# What a status says, kind by kind; the first where no kind of that status is asked for.
_KINDS: Mapping[int, Mapping[str, Mapping[str, str]]] = {
    402: {
        "balance": {"error": BALANCE, "code": "INSUFFICIENT_BALANCE"},
        "spending_limit": {"error": "API key has exceeded its spending limit for the current epoch"},
    },
    422: {
        "prompt": {"error": SENTENCES[422]},
        "result": {
            "error": "The generated image was blocked: it violates the content policy of Venice.ai or the "
            "model provider"
        },
    },
    429: {
        "rate_limit": {"error": SENTENCES[429]},
        "overload": {"error": "The model is overloaded. Please try again later."},
        "failures": {
            "error": "Too many failed attempts (> 20) resulting in a non-success status code. "
            "Please wait 30s and try again."
        },
    },
}


def refuse(error: ApiError, switches: Switches) -> Response:
    """The answer to a request that has earned its refusal."""
    return _response(error.status, error.body, switches.shape, "application/json; charset=utf-8")


def refuse_traffic(allowance: Allowance, switches: Switches) -> Response | None:
    """429 where `at_once` or `rate` is exceeded, with the seconds to wait."""
    if allowance.wait is None:
        return None
    response = _response(429, ApiError(429).body, switches.shape)
    response.headers["Retry-After"] = str(allowance.wait)
    response.headers.update(allowance.headers(switches.reset_format))
    return response


def refuse_on_demand(switches: Switches, allowance: Allowance, url: str) -> Response | None:
    """What `redirect`, `policy` and `status` ask for."""
    if switches.redirect:
        return Response("", 307, {"Location": switches.redirect})
    status = 422 if switches.policy else switches.status
    if status is None:
        return None
    shape = switches.shape or ("html" if status in _GATEWAY else None)
    response = _response(status, _documented(status, switches.kind, url), shape)
    if wait := switches.retry_after:
        if wait.endswith("ms"):
            response.headers["retry-after-ms"] = wait.removesuffix("ms")
        else:
            response.headers["Retry-After"] = wait
    if (status, switches.kind) == (429, "rate_limit"):
        response.headers.update(replace(allowance, remaining=0).headers(switches.reset_format))
    return response


def _documented(status: int, kind: str | None, url: str) -> Mapping[str, Any]:
    if status == 400:
        return invalid("prompt", "Refused by a switch of the sandbox").body
    if status == 402 and kind == "accepts":
        return payment_required(url).body
    if kinds := _KINDS.get(status):
        return kinds.get(kind or "") or next(iter(kinds.values()))
    return {"error": _GATEWAY.get(status) or SENTENCES.get(status, f"The sandbox answers {status}")}


def _response(status: int, body: Mapping[str, Any], shape: str | None, content_type: str = _JSON) -> Response:
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


def _shaped(status: int, body: Mapping[str, Any], shape: str | None) -> Mapping[str, Any]:
    sentence = body["error"]
    match shape:
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
