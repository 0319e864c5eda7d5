"""What the sandbox lets read: models and their limits, styles, and the account behind a key."""

from __future__ import annotations

import pytest
import requests
from sandbox_talk import GENERATE, GENERATIONS, IMAGE, MULTI, UPSCALE, ask, edit, entry, get, serving

from venice_core.sandbox import Sandbox

PAST, FUTURE = "2026-01-01 00:00:00+00:00", "2090-01-01T00:00:00.000Z"


def listed(sandbox: Sandbox, model_type: str) -> list[str]:
    return [entry["id"] for entry in get(sandbox, f"/models?type={model_type}").json()["data"]]


# The list


@pytest.mark.parametrize(
    ("model_type", "one"),
    [("inpaint", "firered-image-edit"), ("image", "z-image-turbo"), ("upscale", "upscaler")],
)
def test_models_are_listed_by_type(sandbox: Sandbox, model_type: str, one: str) -> None:
    listing = get(sandbox, f"/models?type={model_type}", "bad-key").json()
    assert (listing["object"], listing["type"]) == ("list", model_type)
    assert one in listed(sandbox, model_type)
    for found in listing["data"]:
        assert (found["object"], found["owned_by"], found["type"]) == ("model", "venice.ai", model_type)


def test_all_models_can_be_listed_and_of_some_types_there_are_none(sandbox: Sandbox) -> None:
    each = [name for kind in ("inpaint", "image", "upscale") for name in listed(sandbox, kind)]
    assert sorted(listed(sandbox, "all")) == sorted(each)
    assert listed(sandbox, "video") == []
    assert get(sandbox, "/models").json() == {"object": "list", "type": "text", "data": []}


@pytest.mark.parametrize("path", ["/models?type=paint", "/models/traits?type=all"])
def test_an_unknown_type_is_400(sandbox: Sandbox, path: str) -> None:
    response = get(sandbox, path)
    assert response.status_code == 400
    assert response.json()["issues"][0]["path"] == ["type"]


def test_traits_name_one_model_each(sandbox: Sandbox) -> None:
    traits = get(sandbox, "/models/traits?type=image", "bad-key").json()
    assert (traits["object"], traits["type"]) == ("list", "image")
    assert traits["data"] == {
        "default": "z-image-turbo",
        "fastest": "z-image-turbo",
        "highest_quality": "qwen-image",
        "eliza-default": "venice-sd35",
        "most_uncensored": "lustify-v7",
    }


def test_of_a_type_the_catalogue_does_not_have_there_are_the_packaged_models() -> None:
    with serving(entry("mine"), entry("maker", "image")) as sandbox:
        assert listed(sandbox, "inpaint") == ["mine"]
        assert listed(sandbox, "image") == ["maker"]
        assert listed(sandbox, "upscale") == ["upscaler"]


# What a model takes


@pytest.mark.covers("Every documented case: too many images: 400")
def test_the_catalogue_decides_limits_when_it_states_them() -> None:
    constraints = {"maxInputImages": 2, "promptCharacterLimit": 10, "aspectRatios": ["4:3"]}
    alone = entry("alone", constraints={"combineImages": False, "maxInputImages": 6})
    limited = entry("firered-image-edit", constraints=constraints)
    with serving(limited, alone, type="inpaint") as sandbox:

        def status(images: int = 1, **more: str) -> int:
            return ask(sandbox, MULTI, images=[IMAGE] * images, **more).status_code

        assert [status(2), status(3)] == [200, 400]
        assert [status(1, modelId="alone"), status(2, modelId="alone")] == [200, 400]
        assert [status(prompt="x" * 10), status(prompt="x" * 11)] == [200, 400]
        assert [status(aspect_ratio="4:3"), status(aspect_ratio="1:1")] == [200, 400]


@pytest.mark.covers("Every documented case: a generation model's id: 400")
def test_a_model_for_other_work_is_400_and_an_unknown_one_404(sandbox: Sandbox) -> None:
    for model, status, message in (
        ("firered-image-edit", 400, "firered-image-edit is not an image generation model"),
        ("upscaler", 400, "upscaler is not an image generation model"),
        ("no-such-model", 404, ""),
    ):
        response = ask(sandbox, GENERATE, model=model)
        assert response.status_code == status
        assert message in response.text
    assert "qwen-image is not an image editing model" in edit(sandbox, model="qwen-image").text


def test_an_offline_model_is_503() -> None:
    with serving(
        entry("firered-image-edit", offline=True),
        entry("maker", "image", offline=True, traits=["default"]),
        entry("upscaler", "upscale", offline=True),
    ) as sandbox:
        answers = [
            edit(sandbox),
            ask(sandbox, GENERATE, model="maker"),
            ask(sandbox, GENERATIONS),
            ask(sandbox, UPSCALE),
        ]
        assert [answer.status_code for answer in answers] == [503] * 4
        assert "capacity" in answers[0].json()["error"]
        assert listed(sandbox, "image") == ["maker"]


def test_a_model_past_its_day_is_410_and_no_longer_listed() -> None:
    past = {"removesAt": PAST, "date": PAST, "autoRemap": False}
    future = {"removesAt": FUTURE, "date": FUTURE, "autoRemap": False, "replacementModelId": "new"}
    with serving(entry("old", deprecation=past), entry("ageing", deprecation=future)) as sandbox:
        assert edit(sandbox, model="old").status_code == 410
        assert listed(sandbox, "inpaint") == ["ageing"]
        headers = edit(sandbox, model="ageing").headers
        assert headers["x-venice-model-deprecation-warning"]
        assert headers["x-venice-model-deprecation-date"] == FUTURE
        assert headers["x-venice-deprecated-replacement"] == "new"


# The account


def test_the_model_list_needs_no_key_and_the_limits_need_one(sandbox: Sandbox) -> None:
    assert "firered-image-edit" in listed(sandbox, "inpaint")
    assert get(sandbox, "/api_keys/rate_limits").status_code == 401
    assert get(sandbox, "/api_keys/rate_limits", "good-key").json()["data"]["accessPermitted"] is True


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("both", {"USD": 50.23, "DIEM": 100.02}),
        ("usd", {"USD": 50.23}),
        ("diem", {"DIEM": 100.02}),
        ("none", {}),
    ],
)
def test_any_balance_may_be_missing(sandbox: Sandbox, told: str, expected: dict[str, float]) -> None:
    sandbox.switch(balances=told)
    limits = get(sandbox, "/api_keys/rate_limits", "good-key").json()["data"]
    assert limits["balances"] == expected
    headers = edit(sandbox).headers
    for name in ("USD", "DIEM"):
        assert (f"x-venice-balance-{name.lower()}" in headers) == (name in expected)
    left = get(sandbox, "/billing/balance", "admin-key").json()["balances"]
    assert left == {"usd": expected.get("USD"), "diem": expected.get("DIEM")}


@pytest.mark.covers("Every documented case: admin-only: 401")
@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("good-key", 401), ("bad-key", 401), ("admin-only", 401), ("admin-key", 200)],
)
def test_the_billing_balance_is_for_admin_keys(sandbox: Sandbox, key: str, status: int) -> None:
    assert get(sandbox, "/billing/balance", key).status_code == status


# Styles


def test_styles_need_no_key_and_come_in_two_shapes(sandbox: Sandbox) -> None:
    styles = get(sandbox, "/image/styles").json()
    some = {"3D Model", "Analog Film", "Anime", "Cinematic", "Comic Book", "Digital Art"}
    assert styles["object"] == "list"
    assert some <= set(styles["data"])
    sandbox.switch(styles="array")
    assert get(sandbox, "/image/styles", "bad-key").json() == styles["data"]


def test_what_is_read_can_be_spoilt_by_path(sandbox: Sandbox) -> None:
    sandbox.switch(garbage="truncated", path="/image/styles")
    with pytest.raises(requests.JSONDecodeError):
        get(sandbox, "/image/styles").json()
    assert get(sandbox, "/models?type=image").json()["data"]
