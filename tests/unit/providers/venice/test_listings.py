"""What the service lists and tells without being paid, in any shape of answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.error_messages import sentence
from venice_core.errors import Charge, LookupFailed
from venice_core.network.messages import Response
from venice_core.providers.venice import listings as lists
from venice_core.providers.venice.listings import Account
from venice_core.secret import Secret

URL = "https://service.example/api/v1"
KEY = Secret("vk-1")
READERS: list[Callable[[Response], Any]] = [
    lists.read_models,
    lists.read_styles,
    lists.read_traits,
    lists.read_account,
]


def answer(body: Any) -> Response:
    return Response(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_each_list_has_its_address_and_only_what_needs_a_key_gets_it() -> None:
    requests = [
        lists.models(URL, "inpaint"),
        lists.styles(URL),
        lists.traits(URL, "image", KEY),
        lists.account(URL, KEY),
    ]
    assert [request.url.removeprefix(URL) for request in requests] == [
        "/models?type=inpaint",
        "/image/styles",
        "/models/traits?type=image",
        "/api_keys/rate_limits",
    ]
    assert {request.method for request in requests} == {"GET"}
    assert [bool(request.key) for request in requests] == [False, False, True, True]
    assert all(not request.fields and not request.files and request.json is None for request in requests)


def test_models_are_handed_on_as_they_are() -> None:
    entries = [{"id": "a", "odd": [1]}, 7, None]
    assert lists.read_models(answer({"object": "list", "data": entries})) == entries
    assert lists.read_models(answer({"data": []})) == []


@pytest.mark.parametrize("body", [{"object": "list", "data": ["A", 7, None, "B"]}, ["A", {}, "B"]])
def test_styles_are_read_in_both_documented_forms(body: Any) -> None:
    assert lists.read_styles(answer(body)) == ("A", "B")


def test_traits_name_their_models() -> None:
    body = {"data": {"default": "a", "fastest": 7, "odd": None}}
    assert lists.read_traits(answer(body)) == {"default": "a"}
    assert lists.read_traits(answer({"data": []})) == {}


@pytest.mark.parametrize(
    ("data", "account"),
    [
        (
            {
                "accessPermitted": True,
                "apiTier": {"id": "paid", "isCharged": True},
                "balances": {"USD": 50.23, "DIEM": 100},
            },
            Account(True, "paid", 50.23, 100.0),
        ),
        ({"accessPermitted": False, "balances": {"USD": 0}}, Account(False, "", 0.0, None)),
        ({"balances": {"DIEM": 3.5}}, Account(True, "", None, 3.5)),
        ({"balances": {"USD": "50", "DIEM": True}, "apiTier": {"id": 7}}, Account(True)),
        ({"balances": None, "apiTier": "paid"}, Account(True)),
        ({"balances": {"USD": None, "DIEM": [1]}}, Account(True)),
        ({"balances": {"USD": float("nan"), "DIEM": 10**400}}, Account(True)),
        ({}, Account(True)),
        (None, Account(True)),
    ],
)
def test_an_account_may_lack_any_balance(data: Any, account: Account) -> None:
    assert lists.read_account(answer({"data": data})) == account


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"\xff", b"null", b"7", b'"x"', b"[" * 100_000], ids=lambda body: body[:6]
)
def test_what_cannot_be_read_is_said_and_was_not_charged(
    read: Callable[[Response], Any], body: bytes
) -> None:
    with pytest.raises(LookupFailed) as caught:
        read(answer(body))
    assert caught.value.charge is Charge.NONE
    assert "charged" not in sentence(caught.value)


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": "x"}, {"data": {"a": 1}}, {"error": "no"}])
@pytest.mark.parametrize("read", [lists.read_models, lists.read_styles])
def test_a_list_that_is_none_is_said(read: Callable[[Response], Any], body: Any) -> None:
    with pytest.raises(LookupFailed) as caught:
        read(answer(body))
    assert caught.value.charge is Charge.NONE


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "balances", "apiTier", "id", "USD", "DIEM", "accessPermitted"]), inner
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("read", READERS)
@given(any_json)
def test_any_json_is_read_or_unusable(read: Callable[[Response], Any], body: Any) -> None:
    try:
        read(answer(body))
    except LookupFailed as error:
        assert not error.maybe_charged
