"""What a refusal means and says, whatever its body looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core import errors
from venice_core.errors import VeniceError
from venice_core.network.messages import Response
from venice_core.providers.venice import refusals
from venice_core.secret import Secret

KEY = Secret("vk-0123456789abcdef")
HTML = b"<html><head><title>Bad\n gateway</title></head><body>x</body></html>"


def response(status: int, body: Any = b"", **headers: str) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def words(body: Any, status: int = 400) -> str:
    return refusals.failure(response(status, body), KEY).detail


PROMPT = {"prompt": {"_errors": ["Required"]}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "No such model"}, "No such model"),
        ({"error": "Two\n lines\t of it "}, "Two lines of it"),
        ({"message": "Under another name"}, "Under another name"),
        ({"detail": "FastAPI's word"}, "FastAPI's word"),
        ({"error": {"message": "In an object", "code": 7}}, "In an object"),
        ({"error": {"code": 7}}, '{"code": 7}'),
        ({"error": "Bad", "details": "the prompt is missing"}, "Bad; the prompt is missing"),
        ({"error": "Bad", "details": PROMPT}, "Bad; prompt: Required"),
        ({"error": "Bad", "details": {"_errors": ["Both", "of them"]}}, "Bad; Both; of them"),
        (
            {"error": "Bad", "details": {"_errors": [], "a": {"b": {"_errors": ["No", "never"]}}}},
            "Bad; a.b: No; a.b: never",
        ),
        ({"error": "Bad", "details": {"prompt": ["one", "two"]}}, "Bad; prompt: one; prompt: two"),
        (
            {
                "error": "Bad",
                "issues": [
                    {"code": "too_big", "path": ["images", 0], "message": "Too big"},
                    {"path": [], "message": "Odd"},
                ],
            },
            "Bad; images.0: Too big; Odd",
        ),
        # the same said twice is said once: issues go before details
        ({"error": "Bad", "details": PROMPT, "issues": [{"path": ["a"], "message": "No"}]}, "Bad; a: No"),
        ({"error": "Bad", "details": PROMPT, "issues": []}, "Bad; prompt: Required"),
        ({"error": "Bad", "details": "Bad"}, "Bad"),
        ({"error": "Bad", "issues": "none", "details": 7}, "Bad"),
        ({"error": "Bad", "issues": [None, 3, "x", {"path": "prompt"}]}, "Bad; "),
        ({"error": ""}, ""),
        ({"error": None}, ""),
        ({}, ""),
        ([], "[]"),
        (HTML, "an HTML page, “Bad gateway”"),
        (b"<html><TITLE lang=en>502 Bad &amp; gateway</title>", "an HTML page, “502 Bad & gateway”"),
        (
            b"<html><body><h1>403 Forbidden</h1>\nAdministrative rules.\n</body></html>",
            "an HTML page, “403 Forbidden”",
        ),
        (b"<!doctype html><title>Just a moment...</title>", "an HTML page, “Just a moment...”"),
        (
            b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Expired</Message></Error>',
            "an XML page, “Expired”",
        ),
        (b"<!DOCTYPE html>\n<HTML><body>no title", "an HTML page"),
        (b"<html></title><title>", "an HTML page"),
        (b"upstream connect error", "upstream connect error"),
        (b"", ""),
        (b"   \n", ""),
        (bytes(range(256)) * 4, ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), ""),
        (b"\xff\xd8\xff\xe0" + b"\xc5\xd3\xf1\xa9" * 200, ""),
        ('{"error": "größer"}'.encode(), "größer"),
        ("{kein JSON, größer".encode(), "{kein JSON, größer"),
        (b'{"error": "cut of', "cut of"),
        (b'{"error": {"message": "cut \\"off\\" here, if', 'cut "off" here, if'),
    ],
)
def test_the_services_own_words(body: Any, said: str) -> None:
    assert words(body).rstrip("; ") == said.rstrip("; ")


@pytest.mark.parametrize(
    "body",
    [
        {"error": "x" * 600},
        {"error": {"message": "word " * 300}},
        {"error": {"no message": "x" * 600}},
        {"error": "Bad", "details": {f"field {n}": {"_errors": ["wrong"]} for n in range(200)}},
        {"error": "Bad", "issues": [{"path": ["a"] * 200, "message": "m" * 200}] * 3},
        b"y" * 100_000,
        b"<html><title>" + b"z" * 1500 + b"</title>",
    ],
)
def test_no_more_than_500_characters_are_told(body: Any) -> None:
    said = words(body)
    assert len(said) == 500
    assert said.endswith("…")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["error", "details", "issues", "path", "message", "_errors", "request_id", "accepts"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)
statuses = st.integers(300, 599)


@given(json_values, statuses)
def test_any_json_gives_an_error_with_one_printable_line(body: Any, status: int) -> None:
    error = refusals.failure(response(status, body), KEY)
    assert error.status == status
    for text in (error.detail, error.request_id):
        assert len(text) <= 500
        assert text.isprintable()
    json.dumps(error.facts).encode()


@given(st.binary(max_size=300), statuses)
def test_any_bytes_give_an_error_with_one_printable_line(body: bytes, status: int) -> None:
    detail = refusals.failure(response(status, body), KEY).detail
    assert len(detail) <= 500
    assert detail.isprintable()


def nested(depth: int) -> list[str]:
    lists, fields = "[" * depth + '"x"' + "]" * depth, '{"_errors":' * depth + '"x"' + "}" * depth
    return [
        f'{{"error": "Bad", "details": {lists}}}',
        f'{{"error": "Bad", "details": {fields}}}',
        f'{{"error": {lists}}}',
        f'{{"error": {fields}}}',
        f'{{"request_id": {lists}, "error": "Bad"}}',
        '{"a":' * depth,
        "[" * depth,
    ]


# more levels than Python reads, than this reads, and about as many as both can
@pytest.mark.parametrize(
    "body", [body for depth in (480, 900, 5000, 100_000) for body in nested(depth)], ids=len
)
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_body_nested_without_end_is_still_a_refusal(body: str, status: int) -> None:
    error = refusals.failure(response(status, body.encode()), KEY)
    assert len(error.detail) <= 500


def test_what_would_move_a_terminals_cursor_is_not_told() -> None:
    assert words({"error": "\x1b[31mred\x00\x07 \u202eturned \ud800 half"}) == "[31mred turned half"


# The key


@pytest.mark.parametrize("place", [0, 100, 480, 485, 495, 498, 500, 510, 1985, 1995])
@pytest.mark.parametrize("wrap", ["plain", "error", "issue", "html"])
def test_no_part_of_the_key_is_told_wherever_the_words_are_cut(place: int, wrap: str) -> None:
    text = "." * place + KEY.reveal() + "." * 50
    body: Any = {
        "plain": text.encode(),
        "error": {"error": text},
        "issue": {"issues": [{"path": [], "message": text}]},
        "html": b"<html><title>" + text.encode() + b"</title>",
    }[wrap]
    assert "vk-0" not in words(body)
    spaced = text.replace(".", " ").encode()
    assert "vk-0" not in words(spaced)


def test_the_key_is_not_told_as_support_id_either() -> None:
    for refused in (
        response(401, {"error": "x", "request_id": KEY.reveal()}),
        response(401, {"error": "x"}, cf_ray=f"ray {KEY.reveal()}"),
    ):
        assert KEY.reveal() not in refusals.failure(refused, KEY).request_id


@pytest.mark.parametrize(
    ("body", "headers", "found"),
    [
        ({"request_id": "abc"}, {"cf_ray": "ray"}, "abc"),
        ({"error": "x"}, {"cf_ray": "ray"}, "ray"),
        ({"request_id": ""}, {"cf_ray": "ray"}, "ray"),
        ({"request_id": {"no": "text"}}, {"cf_ray": "ray"}, "ray"),
        (b"<html>", {"cf_ray": "ray"}, "ray"),
        ({"error": "x"}, {}, ""),
    ],
)
def test_the_support_id_is_the_bodys_or_the_networks(body: Any, headers: dict[str, str], found: str) -> None:
    assert refusals.failure(response(500, body, **headers), KEY).request_id == found


# Status and body to class


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (300, b"", errors.ServerFailure),
        (302, b"", errors.ServerFailure),
        (307, {"error": "moved"}, errors.ServerFailure),
        (400, {"error": "Bad"}, errors.InvalidRequest),
        (400, {"error": "the model is unknown"}, errors.InvalidRequest),
        (401, {"error": "Authentication failed"}, errors.BadKey),
        (401, b"", errors.BadKey),
        (401, {"error": "This model needs a higher access level"}, errors.Forbidden),
        (401, {"error": "Unauthorized. This endpoint is only available to admin keys"}, errors.Forbidden),
        (401, {"error": "You are not authorized to use it"}, errors.Forbidden),
        (402, {"error": "Insufficient balance"}, errors.NoFunds),
        (402, {"error": "API key DIEM spend limit exceeded"}, errors.NoFunds),
        (402, {"error": "Payment required", "accepts": [{"scheme": "exact"}]}, errors.KeyNotReceived),
        (402, {"accepts": []}, errors.KeyNotReceived),
        (402, b"accepts", errors.NoFunds),
        (403, {"error": "restricted"}, errors.Forbidden),
        (404, {"error": "Specified model not found: m"}, errors.UnknownModel),
        (404, {"error": "Not found"}, errors.NotFound),
        (404, b"<html><title>model railways</title>", errors.NotFound),
        (404, b"", errors.NotFound),
        (409, {"error": "conflict"}, errors.InvalidRequest),
        (410, {"error": "gone"}, errors.UnknownModel),
        (413, {"code": "PAYLOAD_TOO_LARGE", "error": "too much"}, errors.TooLarge),
        (415, {"error": "unsupported"}, errors.InvalidRequest),
        (418, b"", errors.InvalidRequest),
        (422, {"error": "policy"}, errors.PolicyRefusal),
        (422, b"", errors.PolicyRefusal),
        (429, {"error": "slow"}, errors.Busy),
        (429, HTML, errors.Busy),
        (429, b"", errors.Busy),
        (499, b"", errors.InvalidRequest),
        (500, {"error": "boom"}, errors.ServerFailure),
        (501, b"", errors.ServerFailure),
        (502, HTML, errors.ServerFailure),
        (503, {"error": "capacity"}, errors.Busy),
        (503, {"error": {"message": "capacity"}}, errors.Busy),
        (503, {"error": None}, errors.ServerFailure),
        (503, {"message": "no upstream"}, errors.ServerFailure),
        (503, ["error"], errors.ServerFailure),
        (503, HTML, errors.ServerFailure),
        (503, b"", errors.ServerFailure),
        (504, {"error": "late"}, errors.ServerFailure),
        (520, HTML, errors.ServerFailure),
        (524, HTML, errors.ServerFailure),
        (599, b"", errors.ServerFailure),
        (600, b"", errors.ServerFailure),
        (199, b"", errors.ServerFailure),
    ],
)
def test_status_and_body_give_one_class(status: int, body: Any, cls: type[VeniceError]) -> None:
    answer = response(status, body)
    assert type(refusals.failure(answer, KEY)) is cls
    assert refusals.is_busy(answer) == (cls is errors.Busy)


@given(statuses, json_values)
def test_nothing_but_429_and_the_services_own_503_counts_as_not_worked_on(status: int, body: Any) -> None:
    unworked = refusals.is_busy(response(status, body))
    documented = isinstance(body, dict) and isinstance(body.get("error"), str | dict)
    assert unworked == (status == 429 or (status == 503 and documented))
