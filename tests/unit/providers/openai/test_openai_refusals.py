"""What a refusal of an OpenAI-compatible service means, and which of them may be asked again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core import errors
from venice_core.errors import Charge, VeniceError
from venice_core.network.messages import Response
from venice_core.providers.openai import refusals
from venice_core.secret import Secret

KEY = Secret("sk-0123456789abcdef")
HTML = b"<html><head><title>Bad gateway</title></head></html>"
FASTAPI = {"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]}


def response(status: int, body: Any = b"", **headers: str) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def refused(status: int, body: Any = b"", **headers: str) -> VeniceError:
    return refusals.failure(response(status, body, **headers), KEY)


def error(code: Any = None, kind: Any = "invalid_request_error", message: str = "No.") -> dict[str, Any]:
    """As OpenAI has it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        # OpenAI's codes say more than the status
        (400, error("moderation_blocked", "image_generation_user_error"), errors.PolicyRefusal),
        (400, error("content_policy_violation"), errors.PolicyRefusal),
        (400, error("billing_hard_limit_reached"), errors.NoFunds),
        (400, error("invalid_api_key"), errors.BadKey),
        (400, error("model_not_found"), errors.UnknownModel),
        (400, error("unknown_parameter"), errors.InvalidRequest),
        (400, error(None), errors.InvalidRequest),
        (401, error("invalid_api_key"), errors.BadKey),
        (401, error("model_not_found"), errors.UnknownModel),
        (403, error("unsupported_country_region_territory"), errors.NotInRegion),
        (403, error("insufficient_user_quota", "new_api_error"), errors.NoFunds),
        (403, error("model_not_found"), errors.UnknownModel),
        (404, error("model_not_found"), errors.UnknownModel),
        (404, error("unknown_url"), errors.NotFound),
        (429, error("insufficient_quota", "insufficient_quota"), errors.NoFunds),
        (429, error(None, "insufficient_quota"), errors.NoFunds),
        (429, error("billing_not_active"), errors.NoFunds),
        (429, error("rate_limit_exceeded", "requests"), errors.Busy),
        # wherever the code stands
        *(
            (status, {**body, "message": "No."}, errors.NoFunds)
            for status in (400, 402, 403, 429)
            for body in (
                {"error": {"code": "insufficient_quota"}},
                {"error": {"type": "insufficient_quota", "code": "rate_limit_exceeded"}},
                {"error": "insufficient_quota"},
                {"error": {}, "code": "insufficient_quota"},
                {"error": "no", "type": "insufficient_quota"},
                {"code": "insufficient_quota"},
            )
        ),
        (429, {"detail": "insufficient_quota"}, errors.NoFunds),
        (403, {"message": "insufficient_quota"}, errors.NoFunds),
        (400, error(7, ["insufficient_quota"]), errors.NoFunds),
        # the status alone
        (400, {"error": "no"}, errors.InvalidRequest),
        (401, b"", errors.BadKey),
        (402, b"", errors.NoFunds),
        (403, {"error": "no"}, errors.Forbidden),
        (404, b"", errors.NotFound),
        (404, FASTAPI, errors.NotFound),
        (405, b"", errors.InvalidRequest),
        (409, {"error": "busy"}, errors.InvalidRequest),
        (410, b"", errors.UnknownModel),
        (413, {"error": "no"}, errors.TooLarge),
        (415, FASTAPI, errors.InvalidRequest),
        (422, FASTAPI, errors.InvalidRequest),
        (422, error("content_policy_violation"), errors.PolicyRefusal),
        # of 422, only FastAPI's list says that nobody has worked on it
        (422, {"detail": []}, errors.InvalidRequest),
        (422, {"detail": "Your prompt was refused"}, errors.PolicyRefusal),
        (422, {"detail": {"msg": "no"}}, errors.PolicyRefusal),
        (422, error("unknown"), errors.PolicyRefusal),
        (422, b"", errors.PolicyRefusal),
        (422, HTML, errors.PolicyRefusal),
        (422, [FASTAPI], errors.InvalidRequest),
        (422, error("billing_not_active"), errors.NoFunds),
        (422, error("model_not_found"), errors.UnknownModel),
        (499, b"", errors.InvalidRequest),
        # "not now"
        (429, b"", errors.Busy),
        (429, HTML, errors.Busy),
        (429, {"error": "slow down"}, errors.Busy),
        (429, FASTAPI, errors.Busy),
        (503, error("overloaded"), errors.Busy),
        # a gateway's own 503 may come after the request was worked on
        (503, HTML, errors.ServerFailure),
        (503, b"", errors.ServerFailure),
        (503, {"error": "no healthy upstream"}, errors.ServerFailure),
        (503, {"detail": "loading"}, errors.ServerFailure),
        (503, {"error": None}, errors.ServerFailure),
        (503, [{"error": {}}], errors.ServerFailure),
        # what failed there, whatever its words
        (500, error("server_error"), errors.ServerFailure),
        (500, error("insufficient_quota"), errors.ServerFailure),
        (502, HTML, errors.ServerFailure),
        (504, b"", errors.ServerFailure),
        (524, HTML, errors.ServerFailure),
        # redirects are not followed
        (301, b"", errors.ServerFailure),
        (307, error("moved"), errors.ServerFailure),
        # the name of a field says nothing, nor does what was sent
        (429, error({"insufficient_quota": 1}, None), errors.Busy),
        (
            422,
            {"detail": [{"loc": ["prompt"], "msg": "no", "input": "moderation_blocked"}]},
            errors.InvalidRequest,
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_status_and_body_say_what_a_refusal_means(status: int, body: Any, cls: type[VeniceError]) -> None:
    found = refused(status, body)
    assert type(found) is cls
    assert found.status == status
    assert found.charge is cls.charge
    assert refusals.is_busy(response(status, body)) is (cls is errors.Busy)


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"])
def test_being_out_of_money_is_no_reason_to_ask_again(code: str) -> None:
    out = response(429, error(code, "insufficient_quota"), retry_after="1")
    assert not refusals.is_busy(out)
    found = refusals.failure(out, KEY)
    assert isinstance(found, errors.NoFunds)
    assert (found.charge, found.retryable) == (Charge.NONE, False)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (error(message="Invalid size"), "Invalid size"),
        ({"error": {"code": "x"}}, '{"code": "x"}'),
        ({"error": "as text"}, "as text"),
        ({"message": "under another name"}, "under another name"),
        ({"detail": "FastAPI's word"}, "FastAPI's word"),
        (FASTAPI, "body.prompt: field required"),
        (
            {"detail": [{"loc": ["body", "n"], "msg": "too many"}, {"loc": [], "msg": "odd"}]},
            "body.n: too many; odd",
        ),
        ({"detail": []}, ""),
        (HTML, "an HTML page, “Bad gateway”"),
        (b"upstream error", "upstream error"),
        (b"", ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_services_own_words_are_told(body: Any, said: str) -> None:
    assert refused(400, body).detail == said


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
@pytest.mark.parametrize(
    "body",
    [
        error(message=f"Incorrect API key provided: {KEY.reveal()}."),
        {"detail": [{"loc": ["header", KEY.reveal()], "msg": f"bad {KEY.reveal()}"}]},
        {"error": {"code": KEY.reveal()}},
        f"<html><title>{KEY.reveal()}</title>".encode(),
        KEY.reveal().encode(),
        {"error": "x", "request_id": KEY.reveal()},
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_key_is_never_told(status: int, body: Any) -> None:
    found = refused(status, body, x_request_id=f"req {KEY.reveal()}")
    assert KEY.reveal() not in json.dumps(found.facts)
    assert KEY.reveal() not in str(found)


def test_the_support_id_is_told() -> None:
    assert refused(500, error(), x_request_id="req-1", cf_ray="ray").request_id == "req-1"
    assert refused(500, HTML, cf_ray="ray").request_id == "ray"


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "detail", "message", "loc", "msg", "code", "type", "request_id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(any_json, st.integers(300, 599))
def test_any_json_gives_an_error_with_one_printable_line(body: Any, status: int) -> None:
    found = refused(status, body)
    assert found.status == status
    assert found.detail.isprintable()
    assert len(found.detail) <= 500
    assert refusals.is_busy(response(status, body)) is isinstance(found, errors.Busy)


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_a_body_nested_without_end_is_still_a_refusal(depth: int, status: int) -> None:
    for body in ('{"error":' * depth + "1" + "}" * depth, '{"detail":' + "[" * depth):
        assert len(refused(status, body.encode()).detail) <= 500
