"""Providers in Settings as a person uses them: chosen, tested, added, used for an edit, taken away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gimp3_machine import until
from gui_desk import EDIT, NEW_PROVIDER, SETTINGS, Desk
from pictures import photo, raw
from support import posts
from test_gui_edit import keep, state

from venice_core.sandbox import Sandbox
from venice_core.sandbox.request_log import SeenRequest

# Where they are in the list of providers: from its top, those of one's own below them.
OPENAI, GROK_RELAY, FIRST_OWN = 1, 2, 5
BROKEN = {"mask": "yes"}


class Stored:
    """What the windows leave on the disk."""

    def __init__(self, home: Path) -> None:
        self._home = home

    @property
    def settings(self) -> dict[str, Any]:
        return self._read("settings.json")

    @property
    def keys(self) -> dict[str, Any]:
        return self._read("keys.json")

    def write(self, settings: dict[str, Any], keys: dict[str, str] | None = None) -> None:
        self._home.mkdir(exist_ok=True)
        (self._home / "settings.json").write_text(json.dumps(settings), "utf-8")
        (self._home / "keys.json").write_text(json.dumps(keys or {}), "utf-8")

    def _read(self, name: str) -> dict[str, Any]:
        path = self._home / name
        return dict(json.loads(path.read_text("utf-8"))) if path.exists() else {}


@pytest.fixture
def stored(desk: Desk) -> Iterator[Stored]:
    """Nothing at first, and nothing is left of it."""
    shutil.rmtree(desk.folder / "profile" / "plug-in-settings", ignore_errors=True)
    files = [desk.home / name for name in ("settings.json", "keys.json")]
    for file in files:
        file.unlink(missing_ok=True)
    yield Stored(desk.home)
    for file in files:
        file.unlink(missing_ok=True)


@pytest.fixture
def image(desk: Desk) -> int:
    number: int = desk.new_image(300, 240)
    layer = desk.add_layer(number, raw(photo("coffee", 300, 240)), name="photo")
    desk.select(number, (90, 60, 120, 100), feather=8.0)
    desk.select_layers(number, [layer])
    desk.show(number)
    return number


def choose(desk: Desk, row: int) -> None:
    desk.keys("alt+p", "Home", *["Down"] * row)


def entry(desk: Desk, letter: str) -> str:
    """What stands in a field, by its mnemonic."""
    desk.keys(f"alt+{letter}", "ctrl+a")
    text: str = desk.marked_text()
    return text


def fill(desk: Desk, **texts: str) -> None:
    """Types over what stands in fields, by their mnemonics."""
    for letter, text in texts.items():
        desk.keys(f"alt+{letter}", "ctrl+a")
        desk.type(text)


def asked_of(server: Sandbox, service: str) -> list[SeenRequest]:
    return [seen for seen in server.requests if seen.path.startswith(f"/{service}/")]


def save(desk: Desk) -> None:
    desk.keys("alt+s")
    desk.wait_gone(SETTINGS)


def test_openai_is_chosen_tested_with_a_typed_key_and_stored(
    desk: Desk, server: Sandbox, image: int, stored: Stored
) -> None:
    desk.open(SETTINGS)
    choose(desk, OPENAI)
    assert "The address comes from OPENAI_BASE_URL." in desk.read("OPENAI_BASE_URL")
    keep(desk, "settings-openai")
    assert entry(desk, "m") == "gpt-image-2.6-sunburst"
    desk.keys("alt+t")
    assert "No API key is set for openai" in desk.read("for openai")
    keep(desk, "settings-openai-without-key")
    assert asked_of(server, "openai") == []
    fill(desk, k="typed-key-4711")
    desk.keys("alt+t")
    assert desk.read("connection works") == "The connection works."
    keep(desk, "settings-openai-tested")
    (seen,) = asked_of(server, "openai")
    assert (seen.method, seen.path) == ("GET", "/openai/v1/models")
    assert seen.headers["Authorization"] == "Bearer typ***"
    assert stored.keys == {}, "a test stores nothing"
    desk.keys("alt+m", "alt+a", "ctrl+a")
    desk.type("gpt-image-2")  # into the model: the address of the environment cannot be reached
    save(desk)
    assert stored.settings["provider"] == "openai"
    assert stored.settings["profiles"] == {"openai": {"model": "gpt-image-2"}}
    assert stored.keys == {"openai": "typed-key-4711"}


def test_a_built_in_provider_without_an_address_is_given_one(
    desk: Desk, server: Sandbox, image: int, stored: Stored
) -> None:
    desk.open(SETTINGS)
    choose(desk, GROK_RELAY)
    fill(desk, k="typed-key-4711", a="http://example.com/v1")
    desk.keys("alt+s")
    assert "http:// is allowed for this computer only; use https://" in desk.read("not encrypted")
    keep(desk, "settings-unencrypted")
    assert stored.settings == {}
    fill(desk, a=server.url_for("grok-relay"))
    desk.keys("alt+t")
    assert desk.read("connection works") == "The connection works."
    save(desk)
    assert stored.settings["provider"] == "grok-relay"
    assert stored.settings["profiles"] == {"grok-relay": {"base_url": server.url_for("grok-relay")}}
    assert [seen.path for seen in asked_of(server, "grok-relay")] == ["/grok-relay/v1/models"]


def test_a_provider_of_ones_own_is_added_tested_and_edits(
    desk: Desk, server: Sandbox, image: int, stored: Stored
) -> None:
    before = state(desk, image)
    desk.open(SETTINGS)
    desk.keys("alt+n")
    desk.wait_for(NEW_PROVIDER)
    desk.type("My Server")
    desk.keys("Return")
    assert "Enter an address" in desk.read("Enter an address")
    fill(desk, a="http://example.com/v1")
    desk.keys("Return")
    assert "cannot be the name of a provider" in desk.read("“My Server”")
    keep(desk, "new-provider-bad-name")
    fill(desk, n="my-server")
    desk.keys("Return")
    assert "http:// is allowed for this computer only; use https://" in desk.read("not encrypted")
    keep(desk, "new-provider-unencrypted")
    assert stored.settings == {}
    fill(desk, a=server.url_for("self-hosted"), m="image-edit")
    desk.keys("Return")
    desk.wait_gone(NEW_PROVIDER)
    desk.wait_for(SETTINGS)
    assert entry(desk, "a") == server.url_for("self-hosted"), "it is chosen at once"
    desk.keys("alt+t")
    assert desk.read("connection works") == "The connection works."
    keep(desk, "settings-own-provider")
    save(desk)
    assert stored.settings["provider"] == "my-server"

    desk.open(EDIT)
    desk.type("make it pink")
    desk.keys("alt+v")
    told = desk.read("Sends")
    assert "the selection as a mask" in told
    assert "to my-server, image-edit" in told
    assert "The price is unknown" in told
    keep(desk, "edit-own-provider")
    desk.keys("alt+p", "ctrl+Return")
    desk.wait_gone(EDIT)
    new, source = desk.layers(image)
    assert new["name"] == "make it pink · image-edit · sandbox, no AI"
    assert (new["mask"] is not None, source["name"]) == (True, "photo")
    (seen,) = posts(server)
    assert seen.path == "/self-hosted/v1/images/edits"
    assert [file.name for file in seen.files] == ["image", "mask"]
    assert "Authorization" not in seen.headers, "it needs no key, and gets none of another service"
    desk.undo()
    until(lambda: state(desk, image) == before)


def test_a_provider_of_ones_own_is_removed_with_its_key_after_a_question(
    desk: Desk, server: Sandbox, image: int, stored: Stored
) -> None:
    profiles = {"my-server": {"base_url": server.url_for("self-hosted")}}
    stored.write({"provider": "my-server", "profiles": profiles}, {"my-server": "abc", "openai": "def"})
    desk.open(SETTINGS)
    assert entry(desk, "a") == server.url_for("self-hosted"), "it is the one in use"
    desk.keys("alt+r")
    keep(desk, "settings-remove")
    desk.keys("Return")
    assert stored.settings["profiles"] == profiles, "nothing is lost by a slip"
    desk.keys("alt+r", "alt+r")
    until(lambda: stored.settings["profiles"] == {})
    assert stored.keys == {"openai": "def"}
    keep(desk, "settings-removed")
    save(desk)
    assert stored.settings["provider"] == "venice"


def test_a_provider_that_cannot_be_read_is_told_and_can_be_left_or_removed(
    desk: Desk, server: Sandbox, image: int, stored: Stored
) -> None:
    stored.write({"provider": "broken", "profiles": {"broken": BROKEN}})
    desk.open(SETTINGS)
    expected = "The provider “broken” in the settings: “mask” must be true or false."
    assert desk.read("broken") == expected
    keep(desk, "settings-broken-provider")
    fill(desk, d="5")
    save(desk)
    assert stored.settings["provider"] == "broken", "it is not changed in passing"
    assert stored.settings["daily_limit_usd"] == 5.0
    desk.open(SETTINGS)
    choose(desk, FIRST_OWN)
    desk.keys("alt+r", "alt+r")
    until(lambda: stored.settings["profiles"] == {})
    save(desk)
    assert stored.settings["provider"] == "venice"
