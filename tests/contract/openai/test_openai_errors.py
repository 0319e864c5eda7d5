"""Refusals of services in OpenAI's manner: what each means, what it cost, and whether it is tried again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_ways import (
    GROK,
    KEY,
    OPENAI,
    OWN,
    PROFILES,
    RELAY,
    NoWaiting,
    Pixels,
    RunThread,
    Scripted,
    Shell,
    reply,
)
from support import posts

from venice_core.cli import pictures
from venice_core.network.transport import Transport
from venice_core.sandbox import Sandbox
from venice_core.sandbox.rate_limits import Traffic

pytestmark = pytest.mark.usefixtures("small_answers")

NOW = {"retry_after": "0"}


@pytest.fixture
def openai(shell: Shell, sandbox: Sandbox) -> Shell:
    """The command line beside the sandbox's OpenAI."""
    shell.choose(OPENAI, sandbox.url_for(OPENAI))
    return shell


@pytest.fixture
def square() -> Pixels:
    """Of a size that is made as it is."""
    return np.full((1024, 1024, 3), 90, np.uint8)


def failed(shell: Shell, photo: Path) -> dict[str, Any]:
    """The error of an edit that fails, whose message is one line on standard error, without the key."""
    code, result = shell.result("edit", photo, "-p", "x")
    error: dict[str, Any] = result["error"]
    message = error["message"]
    assert code == error["exit"] != 0
    assert shell.err == f"{photo}: {message}\n"
    assert message.isprintable()
    assert not {"<", "{"} & set(message)
    assert KEY not in message
    assert "charged" in message or error["charge"] == "none"
    assert (shell.job.record["charge"], shell.job.record["error"]["kind"]) == (error["charge"], error["kind"])
    return error


# (status and kind, or another switch) -> exit code, error kind, charge, POSTs, words of the server's
MEANINGS: list[tuple[dict[str, Any], int, str, str, int, str]] = [
    ({"status": 400}, 3, "invalid-request", "none", 1, "Refused by a switch"),
    ({"status": 400, "kind": "moderation"}, 3, "policy", "unknown", 1, "rejected by the safety system"),
    ({"policy": True}, 3, "policy", "unknown", 1, "rejected by the safety system"),
    ({"status": 400, "kind": "billing"}, 3, "no-funds", "none", 1, "Billing hard limit"),
    ({"status": 401}, 3, "bad-key", "none", 1, "Incorrect API key"),
    ({"status": 402}, 3, "no-funds", "none", 1, "HTTP 402"),
    ({"status": 403}, 3, "forbidden", "none", 1, "insufficient permissions"),
    ({"status": 404}, 3, "unknown-model", "none", 1, "does not exist"),
    ({"status": 404, "shape": "html"}, 3, "not-found", "none", 1, "404"),
    ({"status": 410}, 3, "unknown-model", "none", 1, "HTTP 410"),
    ({"status": 413}, 3, "too-large", "none", 1, "too large"),
    ({"status": 413, "shape": "html"}, 3, "too-large-on-the-way", "none", 1, "client_max_body_size"),
    ({"status": 403, "shape": "html"}, 3, "intercepted", "none", 1, "an HTML page, “403: You have"),
    ({"status": 415}, 3, "invalid-request", "none", 1, "Unsupported content type"),
    ({"status": 418}, 3, "invalid-request", "none", 1, "HTTP 418"),
    ({"status": 422}, 3, "policy", "unknown", 1, "cannot be processed"),
    ({"status": 422, "shape": "fastapi"}, 3, "invalid-request", "none", 1, "cannot be processed"),
    ({"status": 422, "shape": "detail_text"}, 3, "policy", "unknown", 1, "cannot be processed"),
    ({"status": 429, "kind": "quota"}, 3, "no-funds", "none", 1, "exceeded your current quota"),
    ({"status": 429}, 4, "busy", "none", 2, "Rate limit reached"),
    ({"status": 429, "kind": "overload"}, 4, "busy", "none", 2, "overloaded"),
    ({"status": 429, "shape": "plain"}, 4, "busy", "none", 2, "Rate limit reached"),
    ({"status": 429, "shape": "empty"}, 4, "busy", "none", 2, "HTTP 429"),
    ({"status": 503}, 4, "busy", "none", 2, "overloaded"),
    ({"status": 503, "shape": "html"}, 5, "server-failure", "possible", 1, "overloaded"),
    ({"status": 503, "shape": "empty"}, 5, "server-failure", "possible", 1, "HTTP 503"),
    ({"status": 503, "shape": "detail_text"}, 5, "server-failure", "possible", 1, "overloaded"),
    ({"status": 500}, 5, "server-failure", "possible", 1, "had an error"),
    ({"status": 502}, 5, "server-failure", "possible", 1, "Bad gateway"),
    ({"status": 504}, 5, "server-failure", "possible", 1, "Gateway time-out"),
    ({"status": 520}, 5, "server-failure", "possible", 1, "Web server error"),
    ({"status": 524}, 5, "server-failure", "possible", 1, "A timeout occurred"),
    ({"redirect": "http://127.0.0.1:9/"}, 5, "server-failure", "possible", 1, "a redirect"),
    ({"drop": "after_body"}, 5, "lost-connection", "possible", 1, "before you send it again"),
    ({"drop": "in_answer"}, 5, "lost-connection", "possible", 1, "before you send it again"),
]


@pytest.mark.covers("Tests of the dialects: errors")
@pytest.mark.parametrize(
    ("switches", "code", "kind", "charge", "sent", "words"),
    MEANINGS,
    ids=[" ".join(f"{name}={value}" for name, value in row[0].items()) for row in MEANINGS],
)
def test_each_refusal_has_its_meaning_its_price_and_its_number_of_requests(
    openai: Shell,
    sandbox: Sandbox,
    photo: Path,
    switches: dict[str, Any],
    code: int,
    kind: str,
    charge: str,
    sent: int,
    words: str,
) -> None:
    sandbox.switch(**{**NOW, **switches})
    error = failed(openai, photo)
    assert (error["exit"], error["kind"], error["charge"]) == (code, kind, charge)
    assert words in error["message"]
    assert len(posts(sandbox)) == sent
    assert error["status"] == switches.get("status", error["status"])
    if "drop" not in switches:
        assert error["request_id"].startswith("req_"), "the service's support id"


@pytest.mark.covers("Tests of the dialects: errors")
@pytest.mark.parametrize(
    ("switches", "kind", "charge", "sent"),
    [
        ({"status": 401}, "bad-key", "none", 1),
        ({"policy": True}, "policy", "unknown", 1),
        ({"status": 422, "shape": "fastapi"}, "invalid-request", "none", 1),
        ({"status": 422, "shape": "openai"}, "policy", "unknown", 1),
        ({"status": 429, "kind": "quota"}, "no-funds", "none", 1),
        ({"status": 429}, "busy", "none", 2),
        ({"status": 503}, "busy", "none", 2),
        ({"status": 524}, "server-failure", "possible", 1),
        ({"drop": "after_body"}, "lost-connection", "possible", 1),
    ],
)
@pytest.mark.parametrize("profile", [GROK, RELAY, OWN], indirect=True)
def test_the_same_holds_for_every_service(
    shell: Shell,
    sandbox: Sandbox,
    profile: str,
    photo: Path,
    switches: dict[str, Any],
    kind: str,
    charge: str,
    sent: int,
) -> None:
    sandbox.switch(**NOW, **switches)
    error = failed(shell, photo)
    assert (error["kind"], error["charge"], len(posts(sandbox))) == (kind, charge, sent)


@pytest.mark.parametrize(
    ("key", "kind", "status"), [("bad-key-1", "bad-key", 401), ("restricted-1", "forbidden", 403)]
)
@pytest.mark.parametrize("profile", [OPENAI, GROK, RELAY], indirect=True)
def test_a_key_that_is_not_accepted_is_told(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, key: str, kind: str, status: int
) -> None:
    shell.choose(profile, sandbox.url_for(profile), key)
    error = failed(shell, photo)
    assert (error["kind"], error["status"], error["charge"]) == (kind, status, "none")


def test_what_is_wrong_with_a_field_is_said_by_its_name(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    shell.choose(OPENAI, sandbox.url_for(OPENAI))
    assert shell("edit", photo, "-p", "x", "--field", "response_format=b64_json") == 3
    assert "Unknown parameter: 'response_format'" in shell.err
    assert shell("edit", photo, "-p", "x", "--field", "input_fidelity=high") == 3
    assert "'input_fidelity'" in shell.err
    shell.choose(OWN, sandbox.url_for(OWN))
    assert shell("edit", photo, "-p", "x", "--field", "response_format=parquet") == 3
    assert "body.response_format:" in shell.err, "as FastAPI names it"


@pytest.mark.parametrize("profile", [OPENAI, GROK, RELAY], indirect=True)
def test_a_model_that_there_is_not_is_unknown(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    code, result = shell.result("edit", photo, "-p", "x", "--model", "no-such-model")
    assert (code, result["error"]["kind"]) == (3, "unknown-model")
    assert "no-such-model" in result["error"]["message"]


QUOTA = {"error": {"message": "no money", "type": "insufficient_quota", "code": "insufficient_quota"}}
NO_MONEY = [
    {"error": {"message": "no money", "type": "x", "code": "insufficient_user_quota"}},
    {"error": {"message": "no money", "type": "billing_not_active", "code": None}},
    {"error": {"message": "no money", "type": "insufficient_quota", "code": "x"}},
    {"error": "insufficient_quota", "message": "no money"},
    {"code": "insufficient_quota", "message": "no money"},
    {"type": "insufficient_quota", "error": {"message": "no money"}},
    # as proxies wrap it, and as one repeats the sentence without its code
    {"error": {"message": f"litellm.RateLimitError: OpenAIException - {QUOTA}", "type": None, "code": "429"}},
    {"detail": f"Error code: 429 - {QUOTA}"},
    {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": json.dumps(QUOTA)}}},
    {"error": {"message": "litellm.RateLimitError: OpenAIException - You exceeded your current quota"}},
]


@pytest.mark.covers("Tests of the dialects: errors")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        *(("429 Too Many", body) for body in NO_MONEY),
        ("429 Too Many", b"429 insufficient_quota"),
        *((status, NO_MONEY[0]) for status in ("403 Forbidden", "400 Bad", "422 Unprocessable")),
    ],
)
def test_a_lack_of_money_is_told_by_the_code_wherever_it_stands_and_whatever_the_status(
    shell: Shell, photo: Path, status: str, body: dict[str, Any] | bytes
) -> None:
    """And it is not tried again, as a 429 for want of time would be."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with Scripted(lambda _: reply(status, data, "Content-Type: application/json")) as server:
        shell.choose(GROK, f"{server.origin}/v1")
        error = failed(shell, photo)
        assert len(server.heads) == 1
    assert (error["exit"], error["kind"], error["charge"]) == (3, "no-funds", "none")


def test_no_answer_within_the_time_limit_may_have_been_charged(
    openai: Shell, sandbox: Sandbox, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "Transport", lambda: Transport(read=0.3))
    sandbox.switch(stall=30)
    error = failed(openai, photo)
    assert (error["exit"], error["kind"], error["charge"]) == (5, "lost-connection", "possible")
    assert "no response within the time limit" in error["message"]
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("profile", PROFILES, indirect=True)
def test_nobody_there_is_no_connection_and_costs_nothing(shell: Shell, profile: str, photo: Path) -> None:
    shell.choose(profile, "http://127.0.0.1:9/v1")
    error = failed(shell, photo)
    assert (error["exit"], error["kind"], error["charge"]) == (4, "no-connection", "none")


@pytest.mark.parametrize(("status", "kind"), [("401 Unauthorized", "bad-key"), ("200 OK", "unusable-answer")])
def test_a_key_that_the_service_repeats_is_neither_shown_nor_kept(
    shell: Shell, photo: Path, status: str, kind: str
) -> None:
    body = f'{{"error": {{"message": "Incorrect API key provided: {KEY}", "type": "x"}}}}'.encode()
    with Scripted(lambda _: reply(status, body, "Content-Type: application/json", f"X-Key: {KEY}")) as server:
        shell.choose(OPENAI, f"{server.origin}/v1")
        error = failed(shell, photo)
    assert error["kind"] == kind
    assert "Incorrect API key provided: ***" in error["message"]
    assert KEY.encode() not in b"".join(p.read_bytes() for p in shell.home.rglob("*") if p.is_file())


# Repeats


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_once_more(openai: Shell, sandbox: Sandbox, photo: Path, status: int) -> None:
    sandbox.switch(status=status, **NOW, times=1)
    assert openai("edit", photo, "-p", "x") == 0
    assert [seen.status for seen in posts(sandbox)] == [status, 200]
    first, second = posts(sandbox)
    assert (first.fields, first.files) == (second.fields, second.files)


@pytest.mark.parametrize(
    ("switches", "wait"),
    [
        ({"status": 429, "retry_after": "7"}, 7.0),
        ({"status": 429, "retry_after": "1500ms"}, 1.5),
        ({"status": 503, "retry_after": "0.5"}, 0.5),
        ({"status": 503}, 2.0),
        ({"status": 429, "retry_after": "61"}, None),
        ({"status": 429, "kind": "quota", "retry_after": "1"}, None),
        ({"status": 500, "retry_after": "1"}, None),
    ],
)
def test_the_wait_is_the_one_that_is_named_and_not_an_absurd_one(
    home: Path, sandbox: Sandbox, square: Pixels, switches: dict[str, Any], wait: float | None
) -> None:
    sandbox.switch(**switches, times=1)
    cancel = NoWaiting()
    attempt = RunThread(home, sandbox.url_for(OPENAI), square, cancel, OPENAI).start().finish()
    assert cancel.waits == ([] if wait is None else [pytest.approx(wait, abs=0.01)])
    assert len(posts(sandbox)) == (1 if wait is None else 2)
    assert (attempt.result is None) == (wait is None)


def test_openais_headers_about_its_rate_limit_hold_back_the_next_request(
    home: Path, sandbox: Sandbox, square: Pixels
) -> None:
    """They tell the time as “12s” or “1m0s”."""
    cancel = NoWaiting()
    sandbox._traffic = Traffic(cancel.now)
    sandbox.switch(rate=1)
    first = RunThread(home, sandbox.url_for(OPENAI), square, cancel, OPENAI).start().finish()
    second = RunThread(home, sandbox.url_for(OPENAI), square, cancel, OPENAI)
    second._runner = first._runner
    assert second.start().finish().result is not None
    assert [seen.status for seen in posts(sandbox)] == [200, 200], "it was not even tried too early"
    assert 50 <= sum(cancel.waits) <= 61


@pytest.mark.parametrize("profile", [RELAY], indirect=True)
def test_of_several_requests_one_that_fails_does_not_cost_the_others(
    shell: Shell, sandbox: Sandbox, profile: str, tmp_path: Path
) -> None:
    sandbox.switch(status=524, times=1)
    given = ("-p", "x", "--variations", 3, "-o", tmp_path / "out.png")
    code, result = shell.result("generate", *given)
    assert (code, len(result["variations"]), len(posts(sandbox))) == (0, 2, 3)
    (failure,) = result["failed"]
    assert (failure["kind"], failure["charge"], failure["status"]) == ("server-failure", "possible", 524)
    assert sorted(job.record["charge"] for job in shell.jobs) == ["none", "none", "possible"]
