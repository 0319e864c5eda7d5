"""What the service says beside a picture reaches the person: as a warning, or as a fact in --json."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_ways import EDIT, Scripted, Shell, entry, reply
from PIL import Image
from support import posts

from venice_core.sandbox import Sandbox

Offering = Callable[..., Sandbox]

COMMANDS: dict[str, tuple[str, ...]] = {
    "edit": ("-p", "x"),
    "cutout": (),
    "upscale": (),
    "generate": ("-p", "x"),
}


@pytest.fixture(params=COMMANDS)
def made(
    request: pytest.FixtureRequest, shell: Shell, photo: Path, tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Runs one of the commands, which works, and returns its result."""
    pictures = [] if request.param == "generate" else [photo]

    def run(*more: object) -> dict[str, Any]:
        given = (*pictures, *COMMANDS[request.param], "-o", tmp_path / "out.png", *more)
        code, said = shell.json(request.param, *given)
        assert code == 0
        result: dict[str, Any] = said["results"][0]
        assert all(warning in shell.err for warning in result["warnings"])
        return result

    return run


RunResult = Callable[..., dict[str, Any]]


@pytest.mark.covers("Response headers: x-venice-sandbox (the sandbox's own)")
def test_a_healthy_answer_warns_of_nothing(made: RunResult, sandbox: Sandbox) -> None:
    result = made()
    assert result["warnings"] == []
    facts = result["facts"]
    assert (facts["blurred"], facts["content_violation"], facts["deprecation"]) == (False, False, "")
    assert (facts["balance_usd"], facts["balance_diem"]) == (50.23, 100.02)
    assert facts["request_id"].endswith("-BOX")
    assert facts["sandbox"] is True


@pytest.mark.covers("Response headers: x-venice-is-blurred", "Every documented case: blurred")
def test_a_blurred_picture_is_said(made: RunResult, sandbox: Sandbox) -> None:
    sandbox.switch(blurred=True)
    result = made()
    assert result["facts"]["blurred"] is True
    assert any("blurred" in warning for warning in result["warnings"])


@pytest.mark.covers("Response headers: x-venice-is-content-violation")
def test_an_edit_that_is_marked_as_a_violation_is_shown_as_long_as_it_shows_something(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    """The service refuses edits with 422: what a mark on a success costs is not known."""
    sandbox.switch(violation=True)
    code, result = shell.result("edit", photo, "-p", "x")
    assert (code, result["facts"]["content_violation"]) == (0, True)
    assert any("violation of its terms" in warning for warning in result["warnings"])


@pytest.mark.covers("Other outcomes: policy | the same for an edit")
def test_an_edit_that_is_marked_and_blank_is_refused_and_may_have_been_charged(
    shell: Shell, photo: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (451, 300)).save(tmp_path / "black.png")
    black = (tmp_path / "black.png").read_bytes()
    told = ("Content-Type: image/png", "x-venice-is-content-violation: true")
    with Scripted(lambda _: reply("200 OK", black, *told)) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, result = shell.result("edit", photo, "-p", "x", "-o", tmp_path / "out.png")
    assert (code, result["error"]["kind"], result["error"]["charge"]) == (3, "policy", "unknown")
    assert "not known" in result["error"]["message"]
    assert shell.job.record["charge"] == "unknown"
    assert not (tmp_path / "out.png").exists()


@pytest.mark.covers("Response headers: x-venice-model-deprecation-warning")
def test_a_model_that_will_be_retired_is_said_with_its_day_and_its_successor(
    made: RunResult, sandbox: Sandbox
) -> None:
    sandbox.switch(deprecated=True)
    result = made()
    facts = result["facts"]
    assert facts["retires"].startswith("2027-01-01")
    assert facts["replacement"] == "qwen-image-3-edit"
    (told,) = result["warnings"]
    assert told == (
        "This model is scheduled for retirement. It will be retired on 2027-01-01. "
        "Use qwen-image-3-edit instead."
    )


@pytest.mark.covers("Response headers: x-venice-balance-usd")
@pytest.mark.parametrize(
    ("told", "usd", "diem"),
    [("both", 50.23, 100.02), ("usd", 50.23, None), ("diem", None, 100.02), ("none", None, None)],
)
def test_the_balances_before_the_request_are_facts_where_they_are_told(
    shell: Shell, sandbox: Sandbox, photo: Path, told: str, usd: float | None, diem: float | None
) -> None:
    sandbox.switch(balances=told)
    code, said = shell.json("edit", photo, "-p", "x")
    facts = said["results"][0]["facts"]
    assert (code, facts["balance_usd"], facts["balance_diem"]) == (0, usd, diem)


@pytest.mark.covers("Response headers: x-venice-model-id")
def test_another_model_than_was_asked_for_is_said(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    sandbox.switch(served="nano-banana-pro-edit")
    code, said = shell.json("edit", photo, "-p", "x")
    (result,) = said["results"]
    assert (code, result["facts"]["model"]) == (0, "nano-banana-pro-edit")
    assert result["facts"]["model_name"]
    assert any(
        "nano-banana-pro-edit instead of firered-image-edit" in warning for warning in result["warnings"]
    )


@pytest.mark.covers("POST /image/edit: enhance_prompt", "Response headers: x-venice-enhanced-prompt")
@pytest.mark.parametrize("command", ["edit", "generate"])
def test_a_rewritten_prompt_is_shown_as_text(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path, command: str
) -> None:
    words = "ein Hut für 50 % mehr, naïve & 猫"
    pictures = [photo] if command == "edit" else []
    given = (*pictures, "-p", words, "--enhance-prompt", "-o", tmp_path / "out.png")
    code, said = shell.json(command, *given)
    (result,) = said["results"]
    assert (code, result["facts"]["enhanced_prompt"]) == (0, words)
    assert any(f"“{words}”" in warning for warning in result["warnings"])


@pytest.mark.covers("Response headers: CF-RAY (or request_id in the body)")
def test_facts_stay_with_the_job(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    sandbox.switch(blurred=True)
    assert shell("edit", photo, "-p", "x") == 0
    record = shell.job.record
    assert record["facts"]["blurred"] is True
    assert record["facts"]["request_id"].endswith("-BOX")
    _, said = shell.json("jobs")
    assert said["jobs"][0]["request_id"] == record["facts"]["request_id"]


@pytest.mark.covers("Response headers: CF-RAY (or request_id in the body)")
def test_the_services_own_support_id_goes_before_the_networks(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    sandbox.switch(status=500, shape="request_id")
    code, said = shell.json("edit", photo, "-p", "x")
    error = said["results"][0]["error"]
    assert (code, error["request_id"]) == (5, "sandbox-request-1")
    assert "Support ID: sandbox-request-1." in error["message"]
    assert [seen.path for seen in posts(sandbox)] == [EDIT]


@pytest.mark.covers("Response headers: x-venice-model-deprecation-warning")
def test_a_deprecation_without_day_or_successor_is_said_all_the_same(
    shell: Shell, offering: Offering, photo: Path
) -> None:
    offering(entry("limited", deprecation={"removesAt": "2090-01-01T00:00:00Z"}))
    code, said = shell.json("edit", photo, "-p", "x", "--model", "limited")
    assert code == 0
    words = " ".join(said["results"][0]["warnings"])
    assert "It will be retired on 2090-01-01." in words
    assert "Use " not in words


@pytest.mark.covers("Response headers: x-venice-balance-usd")
@pytest.mark.parametrize(
    ("told", "low"),
    [
        (("X-Venice-Balance-USD: 0.40",), True),
        (("X-Venice-Balance-USD: 0.40", "X-Venice-Balance-DIEM: 0.1"), True),
        (("X-Venice-Balance-USD: 0.40", "X-Venice-Balance-DIEM: 90"), False),
        (("X-Venice-Balance-USD: 12",), False),
        (("X-Venice-Balance-USD: plenty",), False),
        ((), False),
    ],
)
def test_a_balance_that_runs_out_is_said(shell: Shell, photo: Path, told: tuple[str, ...], low: bool) -> None:
    with Scripted(lambda _: reply("200 OK", photo.read_bytes(), "Content-Type: image/png", *told)) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, said = shell.json("edit", photo, "-p", "x")
    words = " ".join(said["results"][0]["warnings"])
    assert code == 0
    assert ("balance is low: it was $0.40" in words) == low
