"""A refusal means what is said innermost in it, however many proxies have wrapped it, each in its own way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core import errors
from venice_core.error_messages import sentence
from venice_core.errors import Charge, VeniceError
from venice_core.network.messages import Response
from venice_core.providers import web_pages
from venice_core.providers.openai import refusals as openai_refusals
from venice_core.providers.venice import refusals as venice_refusals
from venice_core.secret import Secret

KEY = Secret("sk-0123456789abcdef")
NGINX = (
    "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n"
    "<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr>nginx\r\n</body>\r\n</html>\r\n"
)


def response(status: int, body: Any = b"", **headers: str) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def refused(status: int, body: Any = b"", **headers: str) -> VeniceError:
    found = openai_refusals.failure(response(status, body, **headers), KEY)
    assert not set("<{") & set(found.detail), found.detail
    return found


def openai(message: str, code: Any = None, kind: str | None = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def litellm(inner: str, status: int, name: str = "BadRequestError") -> dict[str, Any]:
    return {
        "error": {
            "message": f"litellm.{name}: {name}: OpenAIException - {inner}. Received Model Group=x\n"
            "Available Model Group Fallbacks=None",
            "type": None,
            "param": None,
            "code": str(status),
        }
    }


# Each way in which an answer is put into another one; as bytes where that is no JSON.
WRAPPERS: dict[str, Callable[[dict[str, Any], int], Any]] = {
    "bare": lambda inner, _: inner,
    "LiteLLM": lambda inner, status: litellm(json.dumps(inner), status),
    "LiteLLM, as Python writes it": lambda inner, status: litellm(
        f"Error code: {status} - {inner!r}", status
    ),
    "LiteLLM, bytes": lambda inner, status: litellm(repr(json.dumps(inner).encode()), status),
    "LiteLLM, twice": lambda inner, status: litellm(json.dumps(litellm(json.dumps(inner), status)), status),
    "OpenRouter": lambda inner, status: {
        "error": {
            "code": status,
            "message": "Provider returned error",
            "metadata": {"raw": json.dumps(inner), "provider_name": "OpenAI"},
        }
    },
    "one-api": lambda inner, _: openai(
        f"upstream error: {json.dumps(inner)} (request id: 2026)", "", "one_api_error"
    ),
    "detail": lambda inner, _: {"detail": json.dumps(inner)},
    "detail, unwrapped": lambda inner, _: {"detail": inner},
    "message": lambda inner, _: {"message": f"Upstream said: {json.dumps(inner)}", "statusCode": 400},
    "escaped": lambda inner, _: {"message": f"failed: {json.dumps(json.dumps(inner))}"},
    "text": lambda inner, status: f"Error code: {status} - {inner!r}".encode(),
    "list": lambda inner, _: [inner],
    "cut off": lambda inner, status: litellm(json.dumps(inner)[:-2], status),
    "cut off, as text": lambda inner, _: json.dumps(inner)[:-2].encode(),
}

# What a service says, at which status, and what it means; the words must be told.
SAID: list[tuple[int, dict[str, Any], type[VeniceError], str]] = [
    (
        429,
        openai(
            "You exceeded your current quota, please check your plan",
            "insufficient_quota",
            "insufficient_quota",
        ),
        errors.NoFunds,
        "exceeded your current quota",
    ),
    (
        403,
        openai('User\'s quota: "0"', "insufficient_user_quota", "new_api_error"),
        errors.NoFunds,
        'quota: "0"',
    ),
    (
        400,
        openai("Billing hard limit has been reached", "billing_hard_limit_reached"),
        errors.NoFunds,
        "hard limit",
    ),
    (
        400,
        openai("Rejected. It's not allowed", "moderation_blocked"),
        errors.PolicyRefusal,
        "It's not allowed",
    ),
    (400, openai("Rejected", "content_policy_violation"), errors.PolicyRefusal, "Rejected"),
    (
        400,
        {
            "error": {
                "code": "content_filter",
                "message": "Filtered",
                "inner_error": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
        errors.PolicyRefusal,
        "Filtered",
    ),
    (404, openai("The model `x` does not exist", "model_not_found"), errors.UnknownModel, "model `x`"),
    (
        404,
        {"error": {"code": "DeploymentNotFound", "message": "No deployment"}},
        errors.UnknownModel,
        "No deployment",
    ),
    (401, openai("Incorrect API key provided: ***", "invalid_api_key"), errors.BadKey, "Incorrect API key"),
    (429, openai("Rate limit reached", "rate_limit_exceeded", "requests"), errors.Busy, "Rate limit"),
    (
        422,
        {"detail": [{"type": "missing", "loc": ["body", "image"], "msg": "Field required", "input": None}]},
        errors.InvalidRequest,
        "Field required",
    ),
    (400, openai("Invalid size", "invalid_value"), errors.InvalidRequest, "Invalid size"),
]


@pytest.mark.covers("Tests of the dialects: errors")
@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("status", "body", "cls", "words"), SAID, ids=lambda value: str(value)[:40])
def test_what_is_said_innermost_counts(
    status: int, body: dict[str, Any], cls: type[VeniceError], words: str, wrapper: str
) -> None:
    wrapped = WRAPPERS[wrapper](body, status)
    found = refused(status, wrapped)
    assert type(found) is cls
    assert words in found.detail
    assert "itellm" not in found.detail
    assert openai_refusals.is_busy(response(status, wrapped)) is (cls is errors.Busy)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 422, 429])
def test_a_lack_of_money_is_one_at_every_status_and_never_asked_again(wrapper: str, status: int) -> None:
    body = WRAPPERS[wrapper](openai("No.", "insufficient_quota"), status)
    assert isinstance(refused(status, body), errors.NoFunds)
    assert not openai_refusals.is_busy(response(status, body))
    assert not venice_refusals.is_busy(response(status, body))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        # LiteLLM keeps the sentence and drops the code
        (
            429,
            "litellm.RateLimitError: RateLimitError: OpenAIException - You exceeded your current quota",
        ),
        (429, "Budget has been exceeded! Current cost: 0.1, Max budget: 0.05"),
        (400, "ExceededBudget: Crossed spend within team"),
        (403, "用户额度不足，剩余额度: $0.00"),
        (401, "该令牌额度已用尽"),
        (400, "Insufficient balance"),
        (402, "Payment required"),
        (403, "token quota is not enough"),
    ],
)
def test_a_lack_of_money_without_a_code_is_told_by_its_words(status: int, message: str) -> None:
    for body in ({"error": {"message": message, "code": str(status)}}, {"detail": message}, message.encode()):
        assert isinstance(refused(status, body), errors.NoFunds)
        assert not openai_refusals.is_busy(response(status, body))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            400,
            "litellm.ContentPolicyViolationError: ContentPolicyViolationError: OpenAIException - "
            "Your request was rejected as a result of our safety system",
        ),
        (400, "Your request was rejected by the safety system. If you believe this is an error, contact us"),
        (403, "Your chosen model requires moderation and your input was flagged for violence"),
        (400, "Your prompt violates the content policy of Venice.ai or the model provider"),
        (400, "{'error': 'Violated moderation policy'}"),
        (451, "This request violates our usage policies"),
    ],
)
def test_a_policys_refusal_is_told_by_its_words_and_may_have_cost_something(
    status: int, message: str
) -> None:
    for reader in (openai_refusals, venice_refusals):
        found = reader.failure(response(status, {"error": {"message": message}}), KEY)
        assert (type(found), found.charge) == (errors.PolicyRefusal, Charge.UNKNOWN)


@given(
    st.text(max_size=60),
    st.sampled_from(
        ["<html>", "<!doctype html><![x", "<title>", "", '{"error": ', "{'error': '", '[{"detail":["']
    ),
    st.sampled_from([400, 403, 429, 503]),
    st.booleans(),
)
def test_whatever_is_wrapped_is_one_printable_line_without_tags(
    text: str, begin: str, status: int, wrapped: bool
) -> None:
    body = litellm(begin + text, status) if wrapped else (begin + text).encode()
    found = openai_refusals.failure(response(status, body), KEY)
    assert found.detail.isprintable()
    assert len(found.detail) <= 500
    assert not web_pages.begins(found.detail)


@pytest.mark.parametrize("text", ["{'" * 5000, '{"' * 5000, "<html>" * 2000, "\\'" * 5000, '{"a":' * 2000])
def test_what_is_made_to_take_long_does_not(text: str) -> None:
    begin = time.monotonic()
    for body in (text.encode(), litellm(text, 429), {"detail": [text] * 5}):
        openai_refusals.failure(response(429, body), KEY)
    assert time.monotonic() - begin < 20


# Who speaks


@pytest.mark.parametrize(
    ("status", "body", "headers", "cls"),
    [
        (403, NGINX.encode(), {}, errors.Intercepted),
        (401, b"<!DOCTYPE html><title>Log in</title>", {}, errors.Intercepted),
        (401, b"", {"www_authenticate": 'Basic realm="x"'}, errors.Intercepted),
        (407, b"", {}, errors.Intercepted),
        (403, b"RBAC: access denied", {}, errors.Intercepted),
        (403, b"", {}, errors.Intercepted),
        (
            403,
            litellm("<html><head><title>Attention Required! | Cloudflare</title>", 403),
            {},
            errors.Intercepted,
        ),
        # these speak of the key
        (401, b"", {}, errors.BadKey),
        (401, b"", {"www_authenticate": "Bearer"}, errors.BadKey),
        (403, b"This key may not do that", {}, errors.Forbidden),
        (403, {"error": "Forbidden"}, {}, errors.Forbidden),
        (
            403,
            litellm("Team not allowed to access model", 403) | {"type": "team_model_access_denied"},
            {},
            errors.Forbidden,
        ),
        # a limit of the proxy, or of the service
        (413, NGINX.encode(), {}, errors.TooLargeOnTheWay),
        (413, litellm(NGINX, 413, "APIError"), {}, errors.TooLargeOnTheWay),
        (413, openai("too large"), {}, errors.TooLarge),
        (400, openai("no", "file_too_large"), {}, errors.TooLarge),
    ],
    ids=lambda value: str(value)[:50],
)
def test_who_stands_between_is_not_taken_for_the_service(
    status: int, body: Any, headers: dict[str, str], cls: type[VeniceError]
) -> None:
    assert type(refused(status, body, **headers)) is cls


def test_the_sentences_about_who_stands_between_do_not_speak_of_the_key() -> None:
    for body in (NGINX.encode(), litellm(NGINX, 403)):
        said = sentence(refused(403, body))
        assert "between this computer and the service" in said
        assert "(HTTP 403: an HTML page, “413 Request Entity Too Large”)" in said
        assert "key" not in said
    assert "client_max_body_size" in sentence(refused(413, NGINX.encode()))
    assert "client_max_body_size" not in sentence(refused(413, openai("Too large")))


# "Not now" at second hand


@pytest.mark.parametrize(
    ("body", "busy"),
    [
        (openai("The engine is currently overloaded", "overloaded"), True),
        (litellm(json.dumps(openai("The engine is overloaded")), 503, "ServiceUnavailableError"), True),
        # of whom nobody knows whether the request had reached the service
        (
            litellm(
                "upstream connect error or disconnect/reset before headers", 503, "ServiceUnavailableError"
            ),
            False,
        ),
        (litellm("<html><title>503 Service Unavailable</title>", 503, "ServiceUnavailableError"), False),
        (litellm("Request timed out", 503, "Timeout"), False),
    ],
)
def test_a_503_that_a_proxy_made_of_a_gateways_is_not_asked_again(body: Any, busy: bool) -> None:
    assert openai_refusals.is_busy(response(503, body)) is busy
    found = refused(503, body)
    assert found.charge is (Charge.NONE if busy else Charge.POSSIBLE)


def test_a_503_whose_words_say_why_is_that() -> None:
    body = openai("no available channel for model x", "model_not_found", "new_api_error")
    assert type(refused(503, body)) is errors.UnknownModel
    assert not openai_refusals.is_busy(response(503, body))


def test_a_proxy_that_waited_in_vain_may_have_been_charged() -> None:
    assert refused(408, litellm("Request timed out", 408, "Timeout")).charge is Charge.POSSIBLE
    assert refused(408, b"<html><title>408 Request Time-out</title>").charge is Charge.NONE


@pytest.mark.parametrize("status", [500, 502, 520])
def test_a_failure_may_have_been_charged_whatever_its_words(status: int) -> None:
    found = refused(status, litellm(json.dumps(openai("Out of quota", "insufficient_quota")), status))
    assert (type(found), found.charge, found.detail) == (
        errors.ServerFailure,
        Charge.POSSIBLE,
        "Out of quota",
    )


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_rate_limit_under_another_status_is_one_but_is_not_asked_again(status: int) -> None:
    body = litellm(json.dumps(openai("Slow down", "rate_limit_exceeded")), status)
    assert type(refused(status, body)) is errors.Busy
    assert not openai_refusals.is_busy(response(status, body))


# Venice's own


@pytest.mark.parametrize(
    ("status", "said", "cls"),
    [
        (
            403,
            "This API key is set to 'Private only', but `flux-2-max-edit` is an Anonymous model. Choose a "
            "Private, TEE, or E2EE model, or change the model privacy setting of this API key.",
            errors.PrivateOnly,
        ),
        (403, "This model is not available in your region", errors.NotInRegion),
        (
            403,
            "API access has been disabled for this account. Please contact support@venice.ai",
            errors.Forbidden,
        ),
        (401, "This model is only available to Pro users", errors.Forbidden),
        (401, "Authentication failed - Pro subscription is inactive. Please upgrade", errors.Forbidden),
        (401, "Admin API key required", errors.Forbidden),
        (401, "Authentication failed", errors.BadKey),
        (400, "Invalid model id", errors.UnknownModel),
        (404, "Specified model not found: x", errors.UnknownModel),
        (404, "Could not fetch the input media", errors.InvalidRequest),
        (404, "Not found: POST /image/edits", errors.NotFound),
        (422, "Image dimensions exceed the maximum allowed.", errors.TooLarge),
        (
            422,
            "Your prompt violates the content policy of Venice.ai or the model provider",
            errors.PolicyRefusal,
        ),
        (422, "Your input was blocked by content moderation.", errors.PolicyRefusal),
        (429, "Too many failed attempts (> 50) resulting in a non-success status code.", errors.Busy),
        (402, "API key USD spend limit exceeded.", errors.NoFunds),
    ],
)
def test_venices_words_are_told_apart(status: int, said: str, cls: type[VeniceError]) -> None:
    found = venice_refusals.failure(response(status, {"error": said}), KEY)
    assert (type(found), found.detail) == (cls, said)
