"""What requests to services in OpenAI's manner cost, as counted, and how the day's limit holds."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from contract_ways import GROK, OPENAI, OWN, RELAY, Scripted, Shell, reply
from PIL import Image
from support import posts

from venice_core.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("small_answers")

USAGE = {
    "total_tokens": 3150,
    "input_tokens": 150,
    "output_tokens": 3000,
    "input_tokens_details": {"text_tokens": 50, "image_tokens": 100},
}
COST = 50 * 5e-6 + 100 * 8e-6 + 3000 * 30e-6


def answer(usage: object = None, count: int = 1) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), (9, 99, 9)).save(data, "PNG")
    entry = {"b64_json": base64.b64encode(data.getvalue()).decode()}
    told = {} if usage is None else {"usage": usage}
    body = json.dumps({"created": 1, "data": [entry] * count, **told}).encode()
    return reply("200 OK", body, "Content-Type: application/json")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.png"


def today(shell: Shell, sandbox: Sandbox) -> dict[str, Any]:
    """What was spent, asked of a healthy service."""
    spending: dict[str, Any] = {}
    env, shell.env = shell.env, {**shell.env, "VENICE_BASE_URL": sandbox.url, "VENICE_PROVIDER": "venice"}
    code, said = shell.json("account")
    shell.env = env
    assert code == 0
    spending |= said["spent_today"]
    return spending


# Counted


@pytest.mark.covers("Tests of the dialects: money")
@pytest.mark.parametrize(
    ("usage", "told", "counted"),
    [
        (USAGE, COST, COST),
        (
            dict.fromkeys(USAGE, 0) | {"input_tokens_details": {"text_tokens": 0, "image_tokens": 0}},
            0.0,
            0.27,
        ),
        (None, None, 0.27),
        ({}, None, 0.27),
        ({"total_tokens": 3150}, None, 0.27),
        ({**USAGE, "output_tokens": -1}, None, 0.27),
        ({**USAGE, "output_tokens": "3000"}, None, 0.27),
        ({**USAGE, "input_tokens_details": None}, None, 0.27),
        ("3150 tokens", None, 0.27),
    ],
)
def test_what_the_service_counted_wins_over_the_estimate(
    shell: Shell, sandbox: Sandbox, photo: Path, usage: object, told: float | None, counted: float
) -> None:
    with Scripted(lambda _: answer(usage)) as server:
        shell.choose(OPENAI, f"{server.origin}/v1")
        code, result = shell.result("edit", photo, "-p", "x")
    assert (code, result["price"]["usd"]) == (0, 0.27)
    facts = shell.job.record["facts"]
    assert facts["cost_usd"] == (None if told is None else pytest.approx(told))
    counts = usage if isinstance(usage, dict) else {}
    numbers = {name: count for name, count in counts.items() if not isinstance(count, str | None)}
    assert facts["usage"] == (numbers or None), "what is no number was not counted"
    assert shell.job.record["charge"] == "charged"
    spending = today(shell, sandbox)
    assert (spending["usd"], spending["certain"]) == (pytest.approx(counted), pytest.approx(counted))
    assert (spending["requests"], spending["unpriced"]) == (1, 0)


@pytest.mark.parametrize(
    ("profile", "given", "usd"),
    [
        (OPENAI, (), 0.27),
        (OPENAI, ("--quality", "low"), 0.06),
        (OPENAI, ("--quality", "medium", "--variations", 3), 0.33),
        (OPENAI, ("--quality", "max"), None),
        (OPENAI, ("--model", "gpt-image-1.5"), 0.2),
        (OPENAI, ("--model", "gpt-image-1-mini", "--quality", "low", "--variations", 2), 0.012),
        (OPENAI, ("--model", "gpt-image-3"), None),
        (GROK, (), None),
        (RELAY, ("--quality", "low"), None),
        (OWN, ("--variations", 2), 0.0),
    ],
    indirect=["profile"],
)
def test_the_price_is_known_before_and_that_of_no_other_model_is_taken(
    shell: Shell, profile: str, photo: Path, given: tuple[object, ...], usd: float | None
) -> None:
    code, result = shell.result("edit", photo, "-p", "x", "--dry-run", *given)
    assert code == 0
    assert (result["plan"]["total"] or {}).get("usd") == usd


@pytest.mark.parametrize(
    ("switches", "usd", "requests"),
    [
        ({"status": 524}, 0.27, 1),
        ({"drop": "after_body"}, 0.27, 1),
        ({"garbage": "error_200"}, 0.27, 1),
        ({"policy": True}, 0.27, 1),
        ({"status": 422}, 0.27, 1),
        ({"status": 422, "shape": "fastapi"}, 0.0, 0),
        ({"status": 429, "kind": "quota"}, 0.0, 0),
        ({"status": 503, "retry_after": "0"}, 0.0, 0),
    ],
)
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_what_may_have_been_charged_counts_and_what_was_refused_does_not(
    shell: Shell,
    sandbox: Sandbox,
    profile: str,
    photo: Path,
    switches: dict[str, Any],
    usd: float,
    requests: int,
) -> None:
    sandbox.switch(**switches)
    assert shell("edit", photo, "-p", "x") != 0
    sandbox.reset()
    spending = today(shell, sandbox)
    assert (spending["usd"], spending["requests"], spending["certain"]) == (usd, requests, 0.0)


def test_what_an_answer_counted_counts_even_if_it_holds_no_picture(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    body = json.dumps({"created": 1, "data": [], "usage": USAGE}).encode()
    with Scripted(lambda _: reply("200 OK", body, "Content-Type: application/json")) as server:
        shell.choose(OPENAI, f"{server.origin}/v1")
        assert shell("edit", photo, "-p", "x") == 5
    spending = today(shell, sandbox)
    assert (spending["usd"], spending["certain"]) == (pytest.approx(COST), 0.0)


def test_a_relays_unknown_price_is_counted_as_one_that_is_not_known(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    with Scripted(lambda _: answer({"generated_images": 1, "output_tokens": 16384})) as server:
        shell.choose(GROK, f"{server.origin}/v1")
        assert shell("edit", photo, "-p", "x") == 0
    spending = today(shell, sandbox)
    assert (spending["usd"], spending["requests"], spending["unpriced"]) == (0.0, 1, 1)


def test_several_pictures_of_one_request_are_counted_once(shell: Shell, sandbox: Sandbox, out: Path) -> None:
    with Scripted(lambda _: answer(USAGE, 3)) as server:
        shell.choose(OPENAI, f"{server.origin}/v1")
        code, result = shell.result("generate", "-p", "x", "--variations", 3, "-o", out)
        assert len(server.heads) == 1
    assert (code, result["price"]["usd"]) == (0, 0.81)
    assert today(shell, sandbox)["usd"] == pytest.approx(COST)


def test_what_the_sandbox_made_costs_nothing(shell: Shell, sandbox: Sandbox, profile: str, out: Path) -> None:
    assert shell("generate", "-p", "x", "-o", out) == 0
    assert shell.job.record["charge"] == "none"
    assert today(shell, sandbox)["requests"] == 0


# The day's limit


@pytest.mark.covers("Tests of the dialects: money")
@pytest.mark.parametrize(
    ("profile", "given", "limit", "words"),
    [
        (OPENAI, (), 0.269, "This would cost $0.27. Of today's $0.269 limit"),
        (OPENAI, ("--variations", 3), 0.8, "This would cost $0.81"),
        (OPENAI, ("--quality", "max"), 100, "The price is unknown"),
        (OPENAI, ("--model", "gpt-image-3"), 100, "The price is unknown"),
        (GROK, (), 100, "The price is unknown"),
        (RELAY, ("--quality", "low"), 100, "The price is unknown"),
    ],
    indirect=["profile"],
)
@pytest.mark.parametrize("command", ["edit", "generate"])
def test_what_would_go_beyond_the_limit_or_has_no_price_is_refused_with_nothing_sent(
    shell: Shell,
    sandbox: Sandbox,
    profile: str,
    photo: Path,
    out: Path,
    command: str,
    given: tuple[object, ...],
    limit: float,
    words: str,
) -> None:
    assert shell("account", "--daily-limit", limit) == 0
    sandbox.reset()
    picture = (photo,) if command == "edit" else ()
    for more in ((), ("--dry-run",)):
        code, result = shell.result(command, *picture, "-p", "x", "-o", out, *given, *more)
        error = result["error"]
        assert (code, error["kind"], error["charge"]) == (2, "over-limit", "none")
        assert words in error["message"]
    assert sandbox.requests == []
    assert today(shell, sandbox)["requests"] == 0, "what was refused is not kept as spent"
    assert shell("account", "--daily-limit", "none") == 0
    assert shell(command, *picture, "-p", "x", "-o", out, *given, "--dry-run") == 0


@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_within_the_limit_it_is_sent_and_what_may_have_been_charged_uses_it_up(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    assert shell("account", "--daily-limit", 0.6) == 0
    sandbox.switch(status=524)
    assert [shell("edit", photo, "-p", "x") for _ in range(3)] == [5, 5, 2]
    assert len(posts(sandbox)) == 2
    assert "$0.54 is already spent" in shell.err


def test_the_limit_goes_by_what_was_counted(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    """0.09 was counted for what had been estimated at 0.27."""
    shell.choose(OPENAI, sandbox.url_for(OPENAI))
    assert shell("account", "--daily-limit", 0.4) == 0
    with Scripted(lambda _: answer(USAGE)) as server:
        shell.choose(OPENAI, f"{server.origin}/v1")
        assert [shell("edit", photo, "-p", "x") for _ in range(3)] == [0, 0, 2]
        assert len(server.heads) == 2
    assert "$0.1821 is already spent" in shell.err


@pytest.mark.parametrize("profile", [OWN], indirect=True)
def test_a_server_of_ones_own_costs_nothing_so_no_limit_stops_it(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    assert shell("account", "--daily-limit", 0) == 0
    assert shell("edit", photo, "-p", "x") == 0
    assert len(posts(sandbox)) == 1


def test_a_price_of_ones_own_makes_a_relay_fit_the_limit(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    shell.choose(GROK, sandbox.url_for(GROK))
    shell.profiles({GROK: {"price_usd": 0.06}})
    assert shell("account", "--daily-limit", 0.1) == 0
    assert shell("edit", photo, "-p", "x") == 0
    code, result = shell.result("edit", photo, "-p", "x", "--variations", 2)
    assert (code, result["error"]["kind"]) == (2, "over-limit")
    assert len(posts(sandbox)) == 1
