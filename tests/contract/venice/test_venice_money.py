"""What costs money is sent once, counted as what it may have cost, and stopped at the day's limit."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from contract_ways import (
    CUTOUT,
    EDIT,
    GENERATE,
    GENERATIONS,
    MULTI,
    UPSCALE,
    NoWaiting,
    Pixels,
    RunThread,
    Scripted,
    Shell,
    entry,
    paths,
    reply,
)
from PIL import Image
from support import posts

from venice_core.records.spending import dollars
from venice_core.sandbox import Sandbox

Offering = Callable[..., Sandbox]
Run = Callable[..., tuple[int, Any]]

ENDPOINTS: dict[str, tuple[object, ...]] = {
    EDIT: ("edit", "PHOTO", "-p", "x"),
    MULTI: ("edit", "PHOTO", "-p", "x", "--mask", "MASK"),
    CUTOUT: ("cutout", "PHOTO"),
    UPSCALE: ("upscale", "PHOTO"),
    GENERATE: ("generate", "-p", "x"),
    GENERATIONS: ("generate", "-p", "x", "--endpoint", "/images/generations"),
}


@pytest.fixture
def run(shell: Shell, photo: Path, mask: Path, tmp_path: Path) -> Run:
    """Runs the command for an endpoint; its exit code and its only result or error."""
    files = {"PHOTO": photo, "MASK": mask}

    def begin(path: str, *more: object) -> tuple[int, Any]:
        words = [files.get(str(word), word) for word in ENDPOINTS[path]]
        code, said = shell.json(*words, "-o", tmp_path / "out.png", *more)
        (result,) = said["results"]
        return code, result

    return begin


# Sent once


@pytest.mark.covers("Refusals: 429", "Refusals: 503 | JSON", "Money: A POST")
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_busy_service_is_asked_once_more_and_then_not_again(
    run: Run, shell: Shell, sandbox: Sandbox, path: str, status: int
) -> None:
    sandbox.switch(status=status, retry_after="0.05", times=1)
    assert run(path)[0] == 0
    assert paths(sandbox) == [path] * 2
    sandbox.reset()
    sandbox.switch(status=status, retry_after="0.05")
    code, result = run(path)
    assert (code, result["error"]["kind"], result["error"]["charge"]) == (4, "busy", "none")
    assert paths(sandbox) == [path] * 2


@pytest.mark.covers("Refusals: 500", "Money: A POST")
@pytest.mark.parametrize(
    "switches",
    [
        {"status": 500},
        {"status": 502},
        {"status": 504},
        {"status": 524},
        {"status": 503, "shape": "html"},
        {"drop": "after_body"},
        {"drop": "in_answer"},
        {"garbage": "truncated"},
        {"redirect": "http://127.0.0.1:9/"},
    ],
)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_what_may_have_been_worked_on_is_never_sent_again(
    run: Run, shell: Shell, sandbox: Sandbox, path: str, switches: dict[str, Any]
) -> None:
    sandbox.switch(**switches, retry_after="0")
    code, result = run(path)
    assert (code, result["error"]["charge"]) == (5, "possible")
    assert paths(sandbox) == [path]
    assert shell.job.record["charge"] == "possible"


@pytest.mark.covers("Response headers: Retry-After", "Every documented case: Retry-After")
@pytest.mark.parametrize(
    ("named", "wait"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("1500ms", 1.5),
        ("DATE", 30.0),
        ("PAST", 0.0),
        ("soon", 2.0),
        ("", 2.0),
    ],
)
def test_the_wait_is_the_one_that_is_named_in_any_of_its_forms(
    home: Path, sandbox: Sandbox, chelsea: Pixels, named: str, wait: float
) -> None:
    dates = {"DATE": formatdate(time.time() + 30, usegmt=True), "PAST": "Fri, 31 Dec 1999 23:59:59 GMT"}
    sandbox.switch(status=429, times=1, **({"retry_after": dates.get(named, named)} if named else {}))
    cancel = NoWaiting()
    attempt = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    assert attempt.result is not None
    assert cancel.waits == [pytest.approx(wait, abs=2 if named == "DATE" else 0.001)]


@pytest.mark.covers("Response headers: x-ratelimit-resets")
def test_too_many_failures_are_waited_out_by_the_count_of_their_own(
    home: Path, sandbox: Sandbox, chelsea: Pixels
) -> None:
    """That count's headers have other names, and its wait is another one."""
    sandbox.switch(status=429, kind="failures", times=1)
    cancel = NoWaiting()
    attempt = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    assert attempt.result is not None
    assert cancel.waits == [pytest.approx(30.0, abs=2)]


@pytest.mark.covers("Response headers: x-ratelimit-remaining-requests")
@pytest.mark.parametrize("reset", ["ms", "s", "duration"])
def test_without_retry_after_the_end_of_the_rate_limit_is_the_wait(
    home: Path, photo: Path, chelsea: Pixels, reset: str
) -> None:
    end = time.time() + 20
    value = {"ms": int(end * 1000), "s": int(end), "duration": 20}[reset]
    limit = ("X-RateLimit-Remaining-Requests: 0", f"X-RateLimit-Reset-Requests: {value}")
    answers = iter(
        [
            reply("429 Too Many Requests", b'{"error":"Rate limit exceeded"}', *limit),
            reply("200 OK", photo.read_bytes(), "Content-Type: image/png"),
        ]
    )
    cancel = NoWaiting()
    with Scripted(lambda _: next(answers)) as server:
        attempt = RunThread(home, server.url, chelsea, cancel).start().finish()
        assert len(server.heads) == 2
    assert attempt.result is not None
    assert sum(cancel.waits) == pytest.approx(20, abs=2)


@pytest.mark.covers("Response headers: Retry-After", "Every documented case: Retry-After")
@pytest.mark.parametrize("named", ["61", "3600", "99999ms", "1e400", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_wait_is_not_waited_for(home: Path, sandbox: Sandbox, chelsea: Pixels, named: str) -> None:
    sandbox.switch(status=503, retry_after=named)
    cancel = NoWaiting()
    attempt = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    assert cancel.waits == []
    assert paths(sandbox) == [EDIT]
    assert attempt.outcomes == [("failed", "none")]


# Counted


def spent_today(shell: Shell, url: str) -> dict[str, Any]:
    """Asked of a healthy service."""
    before, shell.env["VENICE_BASE_URL"] = shell.env["VENICE_BASE_URL"], url
    code, said = shell.json("account")
    shell.env["VENICE_BASE_URL"] = before
    assert code == 0
    spending: dict[str, Any] = said["spent_today"]
    return spending


@pytest.mark.covers("Refusals: 422", "Money: Possible")
@pytest.mark.parametrize(
    ("switches", "usd", "requests"),
    [
        ({"status": 504}, 0.04, 1),
        ({"drop": "after_body"}, 0.04, 1),
        ({"garbage": "html"}, 0.04, 1),
        ({"policy": True}, 0.04, 1),
        ({"status": 422, "kind": "result"}, 0.04, 1),
        ({"status": 400}, 0.0, 0),
        ({"status": 402}, 0.0, 0),
        ({"status": 429, "retry_after": "0"}, 0.0, 0),
    ],
)
def test_what_may_have_been_charged_counts_and_what_was_refused_does_not(
    run: Run, shell: Shell, sandbox: Sandbox, switches: dict[str, Any], usd: float, requests: int
) -> None:
    sandbox.switch(**switches)
    assert run(EDIT)[0] != 0
    spending = spent_today(shell, sandbox.url)
    assert (spending["usd"], spending["requests"], spending["certain"]) == (usd, requests, 0.0)


@pytest.mark.covers("Money: Possible")
def test_what_the_sandbox_made_costs_nothing(run: Run, shell: Shell, sandbox: Sandbox) -> None:
    for path in ENDPOINTS:
        assert run(path)[0] == 0
    assert spent_today(shell, sandbox.url)["usd"] == 0


@pytest.mark.covers("Money: Possible")
def test_what_a_service_made_is_charged(run: Run, shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    with Scripted(lambda _: reply("200 OK", photo.read_bytes(), "Content-Type: image/png")) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        assert run(EDIT)[0] == 0
    assert shell.job.record["charge"] == "charged"
    spending = spent_today(shell, sandbox.url)
    assert (spending["usd"], spending["certain"], spending["diem"]) == (0.04, 0.04, 0.04)


@pytest.mark.covers("Money: Possible")
def test_several_pictures_of_one_request_count_as_several(run: Run, shell: Shell, sandbox: Sandbox) -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    body = json.dumps({"images": [base64.b64encode(out.getvalue()).decode()] * 3}).encode()
    with Scripted(lambda _: reply("200 OK", body, "Content-Type: application/json")) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, result = run(GENERATE, "--variations", 3)
        assert (code, result["price"]["usd"]) == (0, 0.03)
    spending = spent_today(shell, sandbox.url)
    assert (spending["usd"], spending["requests"]) == (0.03, 1)


@pytest.mark.covers("Money: Possible")
def test_a_charge_at_a_price_that_nobody_knows_is_counted_as_one(
    run: Run, shell: Shell, sandbox: Sandbox
) -> None:
    sandbox.switch(status=504)
    assert run(EDIT, "--model", "brand-new")[0] == 5
    spending = spent_today(shell, sandbox.url)
    assert (spending["requests"], spending["unpriced"], spending["usd"]) == (1, 1, 0.0)


# The day's limit


@pytest.mark.covers("Other outcomes: over-limit", "Money: account --daily-limit")
@pytest.mark.parametrize(
    ("path", "more", "usd"),
    [
        (EDIT, (), 0.04),
        (MULTI, (), 0.04),
        (CUTOUT, (), 0.03),
        (UPSCALE, ("--scale", 4), 0.08),
        (GENERATE, (), 0.01),
        (GENERATIONS, (), 0.01),
        (EDIT, ("--variations", 3), 0.12),
        (GENERATE, ("--variations", 4), 0.04),
        (GENERATIONS, ("--variations", 2), 0.02),
        (EDIT, ("--enhance-prompt",), 0.08),
    ],
)
def test_what_would_go_beyond_the_limit_is_refused_with_nothing_sent(
    run: Run, shell: Shell, sandbox: Sandbox, path: str, more: tuple[object, ...], usd: float
) -> None:
    assert shell("account", "--daily-limit", usd - 0.001) == 0
    for dry in ((), ("--dry-run",)):
        code, result = run(path, *more, *dry)
        assert (code, result["error"]["kind"], result["error"]["charge"]) == (2, "over-limit", "none")
        assert dollars(usd) in result["error"]["message"]
    assert posts(sandbox) == []
    assert spent_today(shell, sandbox.url)["usd"] == 0, "what was refused is not kept as spent"
    assert shell("account", "--daily-limit", usd) == 0
    assert run(path, *more)[0] == 0


@pytest.mark.covers("Money: account --daily-limit")
def test_what_may_have_been_charged_uses_up_the_limit(run: Run, shell: Shell, sandbox: Sandbox) -> None:
    assert shell("account", "--daily-limit", 0.1) == 0
    sandbox.switch(status=504)
    assert [run(EDIT)[0] for _ in range(3)] == [5, 5, 2]
    assert paths(sandbox) == [EDIT] * 2
    assert "$0.08 is already spent" in shell.err
    sandbox.switch(status=None)
    assert run(CUTOUT)[0] == 2
    assert run(GENERATE)[0] == 0, "this still fits"
    assert shell("account", "--daily-limit", "none") == 0
    assert run(CUTOUT)[0] == 0


@pytest.mark.covers("Other outcomes: over-limit", "Money: account --daily-limit")
def test_with_a_limit_a_price_that_is_not_known_is_refused(
    run: Run, shell: Shell, offering: Offering
) -> None:
    sandbox = offering(entry("priceless", price=None))
    assert shell("account", "--daily-limit", 100) == 0
    code, result = run(EDIT, "--model", "priceless")
    assert (code, result["error"]["kind"]) == (2, "over-limit")
    assert "price is unknown" in result["error"]["message"]
    assert posts(sandbox) == []
    assert shell("account", "--daily-limit", "none") == 0
    assert run(EDIT, "--model", "priceless")[0] == 0


@pytest.mark.covers("Money: account --daily-limit")
def test_the_built_in_sandbox_has_no_limit(run: Run, shell: Shell, sandbox: Sandbox) -> None:
    assert shell("account", "--daily-limit", 0) == 0
    assert run(EDIT)[0] == 2
    assert run(EDIT, "--provider", "sandbox")[0] == 0
    assert posts(sandbox) == []
