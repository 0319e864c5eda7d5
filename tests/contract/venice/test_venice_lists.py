"""What is read without being paid for: models, styles, traits, the account."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_ways import KEY, Shell, entry
from support import posts

from venice_core.sandbox import Sandbox

Offering = Callable[..., Sandbox]

FULL = entry(
    "full",
    traits=["fastest"],
    pricing={
        "resolutions": {"1K": {"usd": 0.1, "diem": 0.2}, "2K": {"usd": 0.3, "diem": 0.4}},
        "inputImages": {"included": 1, "additional": {"usd": 0.01, "diem": 0.01}},
    },
    constraints={
        "aspectRatios": ["auto", "1:1"],
        "promptCharacterLimit": 5000,
        "combineImages": True,
        "maxInputImages": 6,
        "singleImageAspectRatio": False,
        "defaultResolution": "2K",
        "resolutions": ["1K", "2K"],
        "qualities": ["low", "high"],
        "defaultQuality": "high",
    },
)
BARE = {
    "id": "bare",
    "object": "model",
    "owned_by": "x",
    "type": "inpaint",
    "model_spec": {"privacy": "private"},
}


def nobody() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"


def listed(shell: Shell, *arguments: str) -> dict[str, Any]:
    code, said = shell.json("models", *arguments)
    assert code == 0
    return {model["id"]: model for model in said["models"]}


# Models


@pytest.mark.covers("Free requests: /models?type", "Every documented case: styles, models, rate_limits")
def test_limits_and_prices_are_told_as_the_service_states_them(shell: Shell, offering: Offering) -> None:
    offering(FULL, BARE)
    models = listed(shell, "--type", "inpaint")
    assert set(models) == {"full", "bare"}
    full = models["full"]
    assert full["price"] == {"usd": 0.3, "diem": 0.4}
    assert (full["max_prompt"], full["max_images"], full["keeps_shape"]) == (5000, 6, True)
    assert (full["aspect_ratios"], full["resolutions"]) == (["auto", "1:1"], ["1K", "2K"])
    assert (full["qualities"], full["traits"], full["privacy"]) == (["low", "high"], ["fastest"], "private")
    bare = models["bare"]
    assert (bare["price"], bare["max_prompt"], bare["max_images"]) == (None, None, None)


@pytest.mark.covers("Free requests: /models?type")
def test_the_table_names_every_model_with_its_price(
    shell: Shell, offering: Offering, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering(FULL, BARE)
    monkeypatch.setenv("COLUMNS", "220")
    assert shell("models", "--type", "inpaint") == 0
    for word in ("full", "bare", "0.1", "0.3", "5000", "2K"):
        assert word in shell.out
    assert "z-image-turbo" not in shell.out


@pytest.mark.covers("Free requests: /models?type")
@pytest.mark.parametrize(
    ("kind", "some"),
    [("inpaint", "firered-image-edit"), ("image", "z-image-turbo"), ("upscale", "upscaler")],
)
def test_models_are_listed_by_type(shell: Shell, sandbox: Sandbox, kind: str, some: str) -> None:
    assert {model["type"] for model in listed(shell, "--type", kind).values()} == {kind}
    assert some in listed(shell, "--type", kind)
    assert some in listed(shell)


@pytest.mark.covers("Free requests: /models?type")
@pytest.mark.parametrize("key", ["", "bad-key", KEY])
def test_the_lists_need_no_key_and_are_shown_none(shell: Shell, sandbox: Sandbox, key: str) -> None:
    shell.env["VENICE_API_KEY"] = key
    assert listed(shell)
    assert shell("styles") == 0
    assert sandbox.requests
    assert not any("Authorization" in seen.headers for seen in sandbox.requests)
    assert posts(sandbox) == []


def test_without_a_network_the_packaged_list_is_shown_with_a_word(shell: Shell) -> None:
    shell.env["VENICE_BASE_URL"] = nobody()
    models = listed(shell)
    assert models["firered-image-edit"]["price"]["usd"] == 0.04
    assert "could not be reached" in shell.err
    assert "built-in list" in shell.err


def test_without_a_network_the_last_list_the_service_told_is_shown(shell: Shell) -> None:
    catalogue = {"object": "list", "data": [FULL]}
    with Sandbox(catalogue=catalogue) as sandbox:
        shell.env["VENICE_BASE_URL"] = sandbox.url
        assert "full" in listed(shell)
        assert shell.err == ""
    assert "full" in listed(shell)
    assert "could not be reached" in shell.err
    assert "built-in list" not in shell.err


@pytest.mark.parametrize("garbage", ["html", "empty", "json", "truncated"])
def test_a_list_that_cannot_be_read_is_as_good_as_none(shell: Shell, sandbox: Sandbox, garbage: str) -> None:
    sandbox.switch(garbage=garbage, path="/models")
    assert "firered-image-edit" in listed(shell)
    assert "built-in list" in shell.err


def test_a_read_is_repeated_since_it_costs_nothing(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.switch(status=500, path="/models", times=1)
    assert listed(shell, "--type", "inpaint")
    assert shell.err == ""
    assert [seen.status for seen in sandbox.requests].count(500) == 1


def test_a_read_is_not_repeated_for_ever(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.switch(status=503, path="/rate_limits", retry_after="0.05")
    assert shell("account") == 4
    assert [seen.status for seen in sandbox.requests] == [503] * 3


# Traits and styles


@pytest.mark.covers("Free requests: /models/traits")
def test_traits_name_one_model_each(shell: Shell, sandbox: Sandbox) -> None:
    code, said = shell.json("models", "--traits")
    assert code == 0
    assert said["traits"]["default"] == "z-image-turbo"
    assert said["traits"]["highest_quality"] == "qwen-image"
    assert shell("models", "--traits") == 0
    assert "highest_quality" in shell.out
    code, said = shell.json("models", "--traits", "--type", "inpaint")
    assert (code, said["traits"]) == (0, {})


@pytest.mark.covers("Free requests: /image/styles", "Every documented case: styles, models, rate_limits")
@pytest.mark.parametrize("form", ["object", "array"])
def test_styles_are_read_in_both_forms(shell: Shell, sandbox: Sandbox, form: str) -> None:
    sandbox.switch(styles=form)
    code, said = shell.json("styles")
    assert code == 0
    assert {"Anime", "Photographic", "Watercolor"} <= set(said["styles"])
    assert shell("styles") == 0
    assert shell.out.splitlines() == said["styles"]


@pytest.mark.covers("POST /image/generate: style_preset")
def test_a_style_is_sent_as_it_was_written_where_the_service_lists_none(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.switch(status=404, path="/image/styles")
    assert shell("generate", "-p", "x", "--style", "Anime", "-o", tmp_path / "out.png") == 0
    assert posts(sandbox)[0].fields["style_preset"] == "Anime"


# The account


@pytest.mark.covers(
    "Free requests: /api_keys/rate_limits", "Every documented case: styles, models, rate_limits"
)
@pytest.mark.parametrize(
    ("told", "usd", "diem"),
    [("both", 50.23, 100.02), ("usd", 50.23, None), ("diem", None, 100.02), ("none", None, None)],
)
def test_any_balance_may_be_missing(
    shell: Shell, sandbox: Sandbox, told: str, usd: float | None, diem: float | None
) -> None:
    sandbox.switch(balances=told)
    code, said = shell.json("account")
    assert (code, said["usd"], said["diem"]) == (0, usd, diem)
    assert (said["permitted"], said["tier"], said["key_source"]) == (True, "paid", "environment")
    assert shell("account") == 0
    assert ("50.23" in shell.out) == (usd is not None)
    assert ("100.02" in shell.out) == (diem is not None)
    assert KEY not in shell.out + shell.err


@pytest.mark.covers("Free requests: /api_keys/rate_limits", "Every documented case: bad key: 401")
@pytest.mark.parametrize(
    ("key", "code", "words"),
    [
        ("bad-key", 3, "did not accept the API key"),
        ("restricted-1", 3, "restricted from accessing"),
        ("", 2, "No API key is set"),
    ],
)
def test_a_key_that_does_not_work_is_said(
    shell: Shell, sandbox: Sandbox, key: str, code: int, words: str
) -> None:
    shell.env["VENICE_API_KEY"] = key
    assert shell("account") == code
    assert words in shell.err
    code_again, said = shell.json("account")
    assert code_again == said["exit"] == code
    assert said["error"]["charge"] == "none"


@pytest.mark.covers("Free requests: /api_keys/rate_limits", "Other outcomes: unlisted")
@pytest.mark.parametrize("garbage", ["html", "empty", "text"])
def test_an_account_that_cannot_be_read_has_cost_nothing(
    shell: Shell, sandbox: Sandbox, garbage: str
) -> None:
    sandbox.switch(garbage=garbage, path="/rate_limits")
    code, said = shell.json("account")
    assert (code, said["error"]["kind"], said["error"]["charge"]) == (4, "unlisted", "none")
    assert "could not be read" in shell.err
    assert "charged" not in shell.err


@pytest.mark.covers("Free requests: /api_keys/rate_limits")
def test_an_account_without_anything_in_it_is_read_all_the_same(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.switch(garbage="json", path="/rate_limits")
    code, said = shell.json("account")
    assert (code, said["usd"], said["diem"], said["tier"]) == (0, None, None, "")


@pytest.mark.covers("Money: account --daily-limit")
def test_the_account_knows_what_is_spent_and_what_may_be(shell: Shell, sandbox: Sandbox) -> None:
    code, said = shell.json("account", "--daily-limit", "1.5")
    assert (code, said["daily_limit"], said["spent_today"]["requests"]) == (0, 1.5, 0)
    assert json.loads((shell.home / "settings.json").read_text("utf-8"))["daily_limit_usd"] == 1.5
    assert shell("account", "--daily-limit", "much") == 2
    assert shell("account", "--daily-limit", "-1") == 2
    code, said = shell.json("account", "--daily-limit", "none")
    assert (code, said["daily_limit"]) == (0, None)
