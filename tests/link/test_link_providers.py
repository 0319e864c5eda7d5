"""Providers as a front end sees them: which there are, testing one, adding one, taking one away."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from runs import planned
from support import posts
from test_link import COMMAND, LinkError, prepare, venice_link

from venice_core.records.journal import Journal
from venice_core.sandbox import Sandbox

KEY = "sk-0123456789-secret"
ANYONES = ("GROK_RELAY_", "GPT_IMAGE_RELAY_", "SELF_HOSTED_")
BUILT_IN = ["openai", "grok-relay", "gpt-image-relay", "self-hosted"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="ends processes by POSIX signals")


@pytest.fixture
def link(sandbox: Sandbox, home: Path) -> Iterator[Any]:
    """With OpenAI's key and address in the environment; the address is the stand-in's."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ANYONES)}
    environ |= {"OPENAI_BASE_URL": sandbox.url_for("openai"), "OPENAI_API_KEY": KEY}
    with venice_link.Link(COMMAND, environ) as running:
        yield running


@pytest.fixture
def settings(home: Path) -> Path:
    return home / "venice" / "settings.json"


def test_status_tells_what_there_is_and_how_it_is_reached(link: Any, sandbox: Sandbox) -> None:
    status = link.call("status", {"provider": "openai"})
    assert status["provider"] == "openai"
    assert status["providers"] == ["venice", *BUILT_IN, "sandbox"]
    assert status["bases"] == BUILT_IN
    assert (status["key"], status["key_source"], status["keyless"]) == (True, "environment", False)
    assert status["profile"] == {
        "title": "OpenAI",
        "based_on": "",
        "base_url": sandbox.url_for("openai"),
        "base_url_variable": "OPENAI_BASE_URL",
        "model": "gpt-image-2.6-sunburst",
        "changed": False,
    }
    assert status["default_model"] == "gpt-image-2.6-sunburst"
    listed = {model["id"]: model for model in status["models"]}
    assert listed["gpt-image-1"]["aspect_ratios"] == ["1:1", "3:2", "2:3"]
    assert listed["gpt-image-2"]["qualities"] == ["low", "medium", "high"]
    assert listed["gpt-image-2"]["price"]["usd"] == 0.27
    assert KEY not in json.dumps(status)


def test_status_of_others(link: Any) -> None:
    own = link.call("status", {"provider": "self-hosted"})
    assert (own["key"], own["keyless"], own["profile"]["base_url_variable"]) == (False, True, "")
    relay = link.call("status", {"provider": "grok-relay", "action": "generate"})
    assert (relay["key"], relay["profile"]["base_url"]) == (False, "")
    assert relay["default_model"] == "grok-3-image"
    assert link.call("status", {"provider": "venice"})["profile"] is None
    nothing = link.call("status", {"provider": "openai", "action": "upscale"})
    assert (nothing["default_model"], nothing["models"]) == ("", [])


def test_a_profile_is_made_changed_and_forgotten(link: Any, sandbox: Sandbox, settings: Path) -> None:
    address = sandbox.url_for("self-hosted")
    entries = {"based_on": "self-hosted", "title": "The studio's", "base_url": address}
    assert link.call("profile", {"provider": "studio", "entries": entries}) is None
    assert link.call("profile", {"provider": "studio", "entries": {"model": "m", "title": None}}) is None
    link.call("configure", {"provider": "studio", "key": KEY})
    status = link.call("status")
    assert status["providers"] == ["venice", *BUILT_IN, "studio", "sandbox"]
    assert status["profile"] == {
        "title": "studio",
        "based_on": "self-hosted",
        "base_url": address,
        "base_url_variable": "",
        "model": "m",
        "changed": True,
    }
    assert (status["key"], status["key_source"]) == (True, "file")
    assert json.loads(settings.read_text())["provider"] == "studio"
    assert link.call("forget", {"provider": "studio"}) is None
    assert link.call("status")["provider"] == "venice"
    assert not [path for path in settings.parent.rglob("*.json") if KEY in path.read_text()]


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("profile", {"provider": "studio"}, "A profile needs entries"),
        ("profile", {"provider": "studio", "entries": [1]}, "A profile needs entries"),
        ("profile", {"entries": {}}, "cannot be the name of a provider"),
        ("profile", {"provider": "venice", "entries": {}}, "cannot be the name of a provider"),
        (
            "profile",
            {"provider": "studio", "entries": {"mask": 1}},
            "“studio” in the settings: “mask” must be",
        ),
        (
            "profile",
            {"provider": "studio", "entries": {"base_url": "http://a.example"}},
            "is not encrypted",
        ),
        ("forget", {"provider": "openai"}, "is built in"),
        ("status", {"provider": "midjourney"}, "There is no provider “midjourney”"),
        ("account", {"provider": "grok-relay", "key": "k"}, "has no address yet"),
        ("account", {"provider": "grok-relay"}, "No API key is set for grok-relay"),
        (
            "account",
            {"provider": "openai", "base_url": "http://a.example/v1"},
            "is not encrypted",
        ),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_stored(
    link: Any, settings: Path, method: str, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(LinkError, match=words) as caught:
        link.call(method, params)
    assert caught.value.charge == "none"
    assert not settings.exists()


def test_a_profile_that_cannot_be_read_is_said_and_the_others_serve(link: Any, settings: Path) -> None:
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"provider": "bad", "profiles": {"bad": {"size": "large"}}}))
    with pytest.raises(LinkError, match="“bad” in the settings: “size” must be"):
        link.call("status")
    assert link.call("status", {"provider": "openai"})["providers"][-2:] == ["bad", "sandbox"]
    link.call("configure", {"provider": "openai"})
    assert link.call("status")["provider"] == "openai"
    link.call("forget", {"provider": "bad"})
    assert "bad" not in link.call("status")["providers"]


# The test of a connection


def account(link: Any, provider: str, **more: str) -> Any:
    return link.call("account", {"provider": provider, **more})


def test_a_connection_is_tested_by_asking_for_the_models(link: Any, sandbox: Sandbox) -> None:
    told = account(link, "openai")
    assert (told["permitted"], told["usd"], told["diem"]) == (True, None, None)
    (seen,) = sandbox.requests
    assert (seen.method, seen.path) == ("GET", "/openai/v1/models")
    assert posts(sandbox) == []


def test_a_key_and_an_address_are_tested_as_they_were_typed_and_not_kept(
    link: Any, sandbox: Sandbox, settings: Path
) -> None:
    address = sandbox.url_for("grok-relay")
    assert account(link, "grok-relay", key=f" {KEY}\n", base_url=address)["permitted"]
    assert link.call("status", {"provider": "grok-relay"})["key"] is False
    assert link.call("status", {"provider": "grok-relay"})["profile"]["base_url"] == ""
    assert not list(settings.parent.glob("*.json"))


def test_a_stored_key_is_not_sent_to_another_server_that_is_only_tested(link: Any, sandbox: Sandbox) -> None:
    stored = sandbox.url_for("grok-relay")
    link.call("profile", {"provider": "grok-relay", "entries": {"base_url": stored}})
    link.call("configure", {"provider": "grok-relay", "key": KEY})
    with pytest.raises(LinkError, match="No API key is set for grok-relay"):
        account(link, "grok-relay", base_url=stored.replace("127.0.0.1", "localhost"))
    assert sandbox.requests == []
    assert account(link, "grok-relay", base_url=stored)["permitted"], "to its own server it is"
    assert account(link, "openai", base_url=sandbox.url_for("openai").replace("127.0.0.1", "localhost"))[
        "permitted"
    ], "and one of the environment is"
    assert link.call("status", {"provider": "grok-relay"})["key"] is True


def test_with_another_server_the_stored_key_is_forgotten(link: Any, sandbox: Sandbox, settings: Path) -> None:
    first = sandbox.url_for("grok-relay")
    link.call("profile", {"provider": "grok-relay", "entries": {"base_url": first}})
    link.call("configure", {"provider": "grok-relay", "key": KEY})
    link.call("profile", {"provider": "grok-relay", "entries": {"model": "m"}})
    assert link.call("status")["key"] is True
    second = first.replace("127.0.0.1", "localhost")
    link.call("profile", {"provider": "grok-relay", "entries": {"base_url": second}})
    assert link.call("status")["key"] is False
    assert not [path for path in settings.parent.rglob("*.json") if KEY in path.read_text()]


def test_what_was_changed_of_a_built_in_one_is_undone_and_its_key_stays(link: Any) -> None:
    link.call("configure", {"provider": "self-hosted", "key": KEY})
    link.call("profile", {"provider": "self-hosted", "entries": {"model": "m"}})
    changed = link.call("status")
    assert (changed["profile"]["changed"], changed["profile"]["model"]) == (True, "m")
    assert link.call("forget", {"provider": "self-hosted"}) is None
    status = link.call("status")
    assert (status["provider"], status["profile"]["changed"], status["profile"]["model"]) == (
        *("self-hosted", False),
        "",
    )
    assert (status["key"], status["key_source"]) == (True, "file")


def test_a_key_that_is_refused_is_said(link: Any) -> None:
    with pytest.raises(LinkError, match="did not accept the API key") as caught:
        account(link, "openai", key="bad-key-0123456789")
    assert caught.value.kind == "bad-key"


def test_a_service_without_a_key_is_tested_without_one(link: Any, sandbox: Sandbox) -> None:
    assert account(link, "self-hosted", base_url=sandbox.url_for("self-hosted"))["permitted"]


def test_a_model_that_the_service_does_not_list_is_said(link: Any, sandbox: Sandbox) -> None:
    link.call("profile", {"provider": "openai", "entries": {"model": "gpt-image-99"}})
    assert account(link, "openai")["note"] == "The service does not list the model gpt-image-99."


# A run


def test_a_run_goes_to_the_provider_of_the_job_and_its_link_is_fetched(
    link: Any, sandbox: Sandbox, home: Path, chelsea: Any
) -> None:
    link.call("profile", {"provider": "grok-relay", "entries": {"base_url": sandbox.url_for("grok-relay")}})
    link.call("configure", {"provider": "grok-relay", "key": KEY})
    params = prepare(link, chelsea)
    params["job"]["options"]["provider"] = "grok-relay"
    plan = link.call("plan", {"job": params["job"], "coverage": None})
    assert (plan["provider"], plan["endpoint"], plan["key"]) == ("grok-relay", "/images/edits", True)
    (result,) = link.call("run", planned(link, params))["results"]
    assert result["crop"] == {"x": 0, "y": 0, "width": 451, "height": 300}
    assert result["recipe"]["provider"] == "grok-relay"
    (entry,) = Journal(home / "venice" / "jobs")
    assert entry.status.value == "done"
    assert [seen.path for seen in posts(sandbox)] == ["/grok-relay/v1/images/edits"]
