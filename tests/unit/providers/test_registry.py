"""From a provider's name to its address and key: profiles, the settings file and the environment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from venice_core.errors import BadInput
from venice_core.providers.openai.provider import OpenAI
from venice_core.providers.registry import ProviderSession, Registry
from venice_core.providers.venice.provider import Venice
from venice_core.secret import Secret
from venice_core.storage.folders import Folders

BUILT_IN = ("openai", "grok-relay", "gpt-image-relay", "self-hosted")
STUDIO = {"based_on": "openai", "base_url": "https://studio.example/v1", "model": "m"}


@pytest.fixture
def registry(home: Path) -> Iterator[Callable[..., Registry]]:
    """One for an environment, over the same settings file."""
    opened: list[Registry] = []

    def make(env: dict[str, str] | None = None, **settings: Any) -> Registry:
        folders = Folders.of({"VENICE_HOME": str(home / "venice")})
        found = Registry(env or {}, folders)
        if settings:
            found.settings.update(**settings)
        opened.append(found)
        return found

    yield make
    for each in opened:
        each.__exit__()


def base_url(opened: ProviderSession) -> str:
    return opened.provider.base_url


# Names


def test_there_are_venice_the_profiles_and_the_sandbox(registry: Any) -> None:
    assert registry().names == ("venice", *BUILT_IN, "sandbox")
    assert registry(profiles={"studio": STUDIO, "openai": {}}).names == (
        "venice",
        *BUILT_IN,
        "studio",
        "sandbox",
    )


@pytest.mark.parametrize(
    ("wish", "env", "settings", "name"),
    [
        ("", {}, {}, "venice"),
        ("openai", {}, {}, "openai"),
        ("", {"VENICE_PROVIDER": "grok-relay"}, {}, "grok-relay"),
        ("", {}, {"provider": "studio"}, "studio"),
        ("", {"VENICE_PROVIDER": "self-hosted"}, {"provider": "studio"}, "self-hosted"),
        ("studio", {"VENICE_PROVIDER": "self-hosted"}, {"provider": "openai"}, "studio"),
    ],
)
def test_a_wish_the_environment_or_the_settings_name_the_provider(
    registry: Any, wish: str, env: dict[str, str], settings: dict[str, str], name: str
) -> None:
    assert registry(env, profiles={"studio": STUDIO}, **settings).open(wish).name == name


def test_an_unknown_name_is_told_with_those_that_there_are(registry: Any) -> None:
    with pytest.raises(BadInput) as caught:
        registry(profiles={"studio": STUDIO}).open("midjourney")
    assert caught.value.detail == (
        "There is no provider “midjourney”. Available: venice, openai, grok-relay, gpt-image-relay, "
        "self-hosted, studio, sandbox."
    )


@pytest.mark.parametrize(("name", "kind"), [("venice", Venice), ("openai", OpenAI), ("studio", OpenAI)])
def test_each_is_opened_in_its_own_dialect(registry: Any, name: str, kind: type) -> None:
    opened = registry(profiles={"studio": STUDIO}).open(name)
    assert isinstance(opened.provider, kind)
    assert opened.provider.capabilities.name == name
    assert (opened.profile is None) is (opened.catalogues is not None) is (name == "venice")


def test_a_profile_that_cannot_be_read_does_not_cost_the_others(registry: Any) -> None:
    bad = registry(profiles={"studio": STUDIO, "bad": {"size": "large"}, "Odd Name": {}})
    for name in ("venice", *BUILT_IN, "studio"):
        assert bad.open(name).name == name
    with pytest.raises(BadInput, match="“bad” in the settings: “size” must be an object"):
        bad.open("bad")
    with pytest.raises(BadInput, match="“Odd Name” cannot be the name"):
        bad.open("Odd Name")


# Addresses


@pytest.mark.parametrize(
    ("name", "variable", "own"),
    [
        ("openai", "OPENAI_BASE_URL", "https://api.openai.com/v1"),
        ("grok-relay", "GROK_RELAY_BASE_URL", ""),
        ("gpt-image-relay", "GPT_IMAGE_RELAY_BASE_URL", "https://api.wenwen-ai.com/v1"),
        ("self-hosted", "SELF_HOSTED_BASE_URL", "http://127.0.0.1:8080/v1"),
    ],
)
def test_the_environments_address_wins_over_the_profiles_and_over_no_others(
    registry: Any, name: str, variable: str, own: str
) -> None:
    assert base_url(registry().open(name)) == own
    elsewhere = registry({variable: "https://elsewhere.example/v1/"})
    assert base_url(elsewhere.open(name)) == "https://elsewhere.example/v1"
    for other in set(BUILT_IN) - {name}:
        assert base_url(elsewhere.open(other)) == base_url(registry().open(other))
    profile = elsewhere.open(name).profile
    assert elsewhere.address_variable(profile) == variable
    assert registry().address_variable(profile) == ""


def test_a_profile_based_on_one_does_not_take_its_variable(registry: Any) -> None:
    found = registry({"OPENAI_BASE_URL": "https://elsewhere.example/v1"}, profiles={"studio": STUDIO})
    assert base_url(found.open("studio")) == "https://studio.example/v1"


def test_an_address_that_was_typed_wins_over_both(registry: Any) -> None:
    found = registry({"OPENAI_BASE_URL": "https://elsewhere.example/v1"})
    assert (
        base_url(found.open("openai", entries={"base_url": "https://typed.example/v1"}))
        == "https://typed.example/v1"
    )


@pytest.mark.parametrize(
    "address", ["http://elsewhere.example/v1", "http://192.168.0.7:8080/v1", "http://localhost.example/v1"]
)
@pytest.mark.parametrize("name", [*BUILT_IN, "studio", "venice"])
def test_an_address_beyond_this_machine_without_encryption_is_refused(
    registry: Any, name: str, address: str
) -> None:
    variables = {
        "openai": "OPENAI_BASE_URL",
        "grok-relay": "GROK_RELAY_BASE_URL",
        "gpt-image-relay": "GPT_IMAGE_RELAY_BASE_URL",
        "self-hosted": "SELF_HOSTED_BASE_URL",
        "venice": "VENICE_BASE_URL",
        "studio": "STUDIO_URL",
    }
    studio = {**STUDIO, "base_url_variable": "STUDIO_URL"}
    with pytest.raises(BadInput, match="is not encrypted: http:// is allowed for this computer only"):
        registry({variables[name]: address}, profiles={"studio": studio}).open(name)
    if name != "venice":
        with pytest.raises(BadInput, match="is not encrypted"):
            registry(profiles={"studio": STUDIO}).open(name, entries={"base_url": address})
        with pytest.raises(BadInput, match="is not encrypted"):
            registry(profiles={name: {"base_url": address}}).open(name)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_on_this_machine_it_need_not_be_encrypted(registry: Any, host: str) -> None:
    address = f"http://{host}:8080/v1"
    assert base_url(registry({"SELF_HOSTED_BASE_URL": address}).open("self-hosted")) == address


# Keys

KEYS = {
    "venice": "VENICE_API_KEY",
    "openai": "OPENAI_API_KEY",
    "grok-relay": "GROK_RELAY_API_KEY",
    "gpt-image-relay": "GPT_IMAGE_RELAY_API_KEY",
    "self-hosted": "SELF_HOSTED_API_KEY",
}


@pytest.mark.parametrize(("name", "variable"), KEYS.items())
def test_a_key_of_the_environment_is_for_its_own_provider_only(
    registry: Any, name: str, variable: str
) -> None:
    likes = {f"like-{base}": {"based_on": base, "base_url": "https://like.example/v1"} for base in BUILT_IN}
    found = registry({variable: "the-key"}, profiles=likes)
    for other in (*KEYS, *likes):
        opened = found.open(other)
        assert opened.key.reveal() == ("the-key" if other == name else ""), other
        assert opened.key_source == ("environment" if other == name else "")


def test_a_profile_names_the_variable_of_its_own_key(registry: Any) -> None:
    studio = {**STUDIO, "key_variable": "STUDIO_KEY"}
    opened = registry({"STUDIO_KEY": "s", "OPENAI_API_KEY": "o"}, profiles={"studio": studio}).open("studio")
    assert (opened.key.reveal(), opened.key_source) == ("s", "environment")


def test_every_provider_keeps_a_key_of_its_own(registry: Any) -> None:
    found = registry(profiles={"studio": STUDIO})
    for name in (*KEYS, "studio"):
        found.store_key(name, Secret(f"key of {name}"))
    for reader in (found, registry()):
        for name in (*KEYS, "studio"):
            assert reader.open(name).key.reveal() == f"key of {name}"
    found.store_key("openai", Secret(""))
    assert not found.open("openai").key
    assert found.open("studio").key.reveal() == "key of studio"


def test_a_key_that_was_typed_is_used_and_not_kept(registry: Any) -> None:
    found = registry()
    assert found.open("openai", key=Secret("typed")).key.reveal() == "typed"
    assert not found.open("openai").key


TYPED = "https://typed.example/v1"
CHANGED = [
    # an address for a profile of STUDIO's, and whether it leads to another server
    (STUDIO["base_url"], False),
    ("https://studio.example/v2/other", False),
    ("https://STUDIO.example/v1", False),
    (TYPED, True),
    ("https://studio.example:8443/v1", True),
    ("https://sub.studio.example/v1", True),
    ("http://127.0.0.1:8080/v1", True),
]


@pytest.mark.parametrize(("address", "elsewhere"), CHANGED)
def test_a_key_that_is_stored_is_not_sent_to_another_server_that_is_only_tried(
    registry: Any, address: str, elsewhere: bool
) -> None:
    found = registry(profiles={"studio": STUDIO})
    found.store_key("studio", Secret("stored"))
    opened = found.open("studio", entries={"base_url": address})
    assert (opened.key.reveal(), opened.key_source) == (("", "") if elsewhere else ("stored", "file"))
    assert opened.lacks_key is elsewhere
    assert opened.provider.key.reveal() == opened.key.reveal()
    assert found.open("studio").key.reveal() == "stored", "it is kept"


def test_a_key_that_was_typed_or_is_in_the_environment_is_sent_to_an_address_that_is_tried(
    registry: Any,
) -> None:
    entries = {"base_url": TYPED}
    found = registry({"OPENAI_API_KEY": "from the environment"})
    found.store_key("grok-relay", Secret("stored"))
    assert found.open("openai", entries=entries).key.reveal() == "from the environment"
    assert found.open("grok-relay", key=Secret("typed"), entries=entries).key.reveal() == "typed"


def test_the_address_of_the_environment_is_that_of_the_key(registry: Any) -> None:
    found = registry({"OPENAI_BASE_URL": TYPED})
    found.store_key("openai", Secret("stored"))
    assert found.open("openai").key.reveal() == "stored"
    assert found.open("openai", entries={"base_url": f"{TYPED}/more"}).key.reveal() == "stored"
    assert not found.open("openai", entries={"base_url": "https://api.openai.com/v1"}).key


def test_entries_that_are_tried_are_used_and_not_kept(registry: Any) -> None:
    found = registry(profiles={"studio": STUDIO})
    before = settings(found)
    tried = found.open("studio", entries={"model": "other", "base_url": TYPED})
    assert (tried.provider.capabilities.default_model, base_url(tried)) == ("other", TYPED)
    assert settings(found) == before
    assert found.open("studio").provider.capabilities.default_model == "m"
    with pytest.raises(BadInput, match="“modle” is not a known entry"):
        found.open("studio", entries={"modle": "x"})


@pytest.mark.parametrize(("address", "elsewhere"), CHANGED)
def test_with_another_server_the_stored_key_is_forgotten(
    registry: Any, address: str, elsewhere: bool
) -> None:
    found = registry(profiles={"studio": STUDIO, "other": STUDIO})
    found.store_key("studio", Secret("stored"))
    found.store_key("other", Secret("another's"))
    found.set_profile("studio", {"model": "n"})
    assert found.open("studio").key.reveal() == "stored"
    found.set_profile("studio", {"base_url": address})
    assert bool(found.open("studio").key) is not elsewhere
    found.set_profile("studio", {"base_url": STUDIO["base_url"]})
    assert bool(found.open("studio").key) is not elsewhere, "it does not come back"
    assert found.open("other").key.reveal() == "another's"


def test_a_change_that_is_refused_does_not_cost_the_key(registry: Any) -> None:
    found = registry(profiles={"studio": STUDIO})
    found.store_key("studio", Secret("stored"))
    with pytest.raises(BadInput):
        found.set_profile("studio", {"base_url": TYPED, "mask": "perhaps"})
    assert found.open("studio").key.reveal() == "stored"


@pytest.mark.parametrize("variable", KEYS.values())
def test_a_profile_of_ones_own_does_not_take_anothers_key(registry: Any, variable: str) -> None:
    entries = {**STUDIO, "key_variable": variable}
    found = registry({variable: "k"}, profiles={"studio": STUDIO, "thief": entries})
    said = f"“key_variable” cannot be {variable}, which belongs to another provider"
    with pytest.raises(BadInput, match=said):
        found.open("thief")
    with pytest.raises(BadInput, match=said):
        found.set_profile("studio", {"key_variable": variable})
    with pytest.raises(BadInput, match=said):
        found.open("studio", entries={"key_variable": variable})
    assert not found.open("studio").key
    found.set_profile("studio", {"key_variable": "STUDIO_KEY"})


def test_a_missing_key_is_told_with_the_variable_that_could_hold_it(registry: Any) -> None:
    found = registry(profiles={"studio": STUDIO, "other": {**STUDIO, "key_variable": "OTHER_KEY"}})
    variables = {**KEYS, "studio": "", "other": "OTHER_KEY"}
    assert {name: found.open(name).missing_key.variable for name in variables} == variables


@pytest.mark.parametrize("kept", [[], ["studio"], "x", "", 7, 0, True, False])
def test_profiles_that_are_no_object_are_said(registry: Any, kept: Any) -> None:
    found = registry(profiles=kept)
    for ask in (
        lambda: found.names,
        lambda: found.open("venice"),
        lambda: found.set_profile("studio", STUDIO),
        lambda: found.forget_profile("studio"),
    ):
        with pytest.raises(BadInput, match=r"“profiles” in .*settings\.json must be an object with names"):
            ask()
    assert settings(found)["profiles"] == kept


@pytest.mark.parametrize("address", ["https://[bad/v1", "https://a.example:99999", "https://u@a.example"])
def test_an_address_in_the_environment_that_is_none_is_said(registry: Any, address: str) -> None:
    found = registry({"OPENAI_BASE_URL": address, "VENICE_BASE_URL": address})
    for name in ("openai", "venice"):
        with pytest.raises(BadInput, match="is not the address of a service"):
            found.open(name)


@pytest.mark.parametrize(
    ("name", "lacks"), [("venice", True), ("openai", True), ("grok-relay", True), ("self-hosted", False)]
)
def test_who_needs_a_key_lacks_one(registry: Any, name: str, lacks: bool) -> None:
    assert registry().open(name).lacks_key is lacks
    assert not registry({KEYS[name]: "k"}).open(name).lacks_key


def test_whether_a_key_is_needed_can_be_said(registry: Any) -> None:
    profiles = {"free": {"based_on": "openai", "key": "optional"}, "kept": {"key": "required"}}
    assert not registry(profiles=profiles).open("free").lacks_key
    assert registry().open("kept").lacks_key


# Adding, changing and taking away


def settings(registry: Registry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(registry.settings.path.read_text())
    return found


def test_a_profile_is_added_and_changed_entry_by_entry(registry: Any) -> None:
    found = registry(provider="openai", later=7)
    found.set_profile("studio", {"based_on": "openai", "model": "m", "base_url": None})
    found.set_profile("studio", {"base_url": "https://studio.example/v1", "model": None})
    assert settings(found) == {
        "provider": "openai",
        "later": 7,
        "profiles": {"studio": {"based_on": "openai", "base_url": "https://studio.example/v1"}},
    }
    assert base_url(found.open("studio")) == "https://studio.example/v1"


def test_a_profile_that_is_built_in_is_changed_and_changed_back(registry: Any) -> None:
    found = registry()
    found.set_profile("openai", {"model": "gpt-image-2"})
    assert found.open("openai").provider.capabilities.default_model == "gpt-image-2"
    assert base_url(found.open("openai")) == "https://api.openai.com/v1"
    found.set_profile("openai", {"model": None})
    assert found.open("openai").provider.capabilities.default_model == "gpt-image-2.6-sunburst"
    assert found.names == ("venice", *BUILT_IN, "sandbox")


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("venice", {}),
        ("sandbox", {}),
        ("", {}),
        ("Studio", {}),
        ("../studio", {}),
        ("studio", {"size": "large"}),
        ("studio", {"based_on": "venice"}),
        ("studio", {"base_url": "http://studio.example/v1"}),
        ("studio", {"modle": "m"}),
        ("openai", {"mask": "perhaps"}),
    ],
)
def test_a_profile_that_could_not_be_used_is_not_stored(
    registry: Any, name: str, entries: dict[str, Any]
) -> None:
    found = registry(profiles={"studio": STUDIO})
    before = settings(found)
    with pytest.raises(BadInput):
        found.set_profile(name, entries)
    assert settings(found) == before
    assert base_url(found.open("studio")) == "https://studio.example/v1"


def test_another_bad_profile_does_not_keep_one_from_being_stored(registry: Any) -> None:
    found = registry(profiles={"bad": {"size": "large"}})
    found.set_profile("studio", STUDIO)
    assert found.open("studio").name == "studio"
    assert settings(found)["profiles"]["bad"] == {"size": "large"}


def test_a_profile_is_taken_away_with_its_key_and_as_the_one_in_use(registry: Any) -> None:
    found = registry(profiles={"studio": STUDIO, "other": STUDIO}, provider="studio")
    found.store_key("studio", Secret("s"))
    found.store_key("other", Secret("o"))
    assert found.open().name == "studio"
    found.forget_profile("studio")
    assert found.names == ("venice", *BUILT_IN, "other", "sandbox")
    assert found.open().name == "venice"
    assert found.open("other").key.reveal() == "o"
    found.set_profile("studio", STUDIO)
    assert not found.open("studio").key, "the key is gone with it"


def test_another_provider_in_use_stays_so(registry: Any) -> None:
    found = registry(profiles={"studio": STUDIO}, provider="openai", later=7)
    found.forget_profile("studio")
    assert found.open().name == "openai"
    assert settings(found)["later"] == 7


def test_one_that_cannot_be_read_can_be_taken_away(registry: Any) -> None:
    found = registry(profiles={"bad": {"size": "large"}, "none": None})
    found.forget_profile("bad")
    found.forget_profile("none")
    assert settings(found)["profiles"] == {}


@pytest.mark.parametrize("name", ["venice", "sandbox", "grok-relay"])
def test_what_is_built_in_cannot_be_taken_away(registry: Any, name: str) -> None:
    found = registry(profiles={"openai": {"model": "m"}})
    with pytest.raises(BadInput, match=f"The provider “{name}” is built in and has not been changed"):
        found.forget_profile(name)
    assert settings(found)["profiles"] == {"openai": {"model": "m"}}


def test_what_was_changed_of_a_built_in_one_is_undone_and_its_key_stays(registry: Any) -> None:
    found = registry(profiles={"openai": {"mask": "yes"}}, provider="openai")
    found.store_key("openai", Secret("o"))
    with pytest.raises(BadInput, match="“mask” must be true or false"):
        found.open()
    found.forget_profile("openai")
    opened = found.open()
    assert (opened.name, opened.key.reveal()) == ("openai", "o")
    assert settings(found) == {"profiles": {}, "provider": "openai"}


def test_a_key_that_was_for_another_address_goes_when_the_change_is_undone(registry: Any) -> None:
    found = registry(profiles={"openai": {"base_url": "https://relay.example/v1"}})
    found.store_key("openai", Secret("for-the-relay"))
    found.forget_profile("openai")
    opened = found.open("openai")
    assert base_url(opened) == "https://api.openai.com/v1"
    assert not opened.key


def test_what_is_not_there_cannot_be_taken_away(registry: Any) -> None:
    with pytest.raises(BadInput, match="“nope” does not exist"):
        registry().forget_profile("nope")


@pytest.mark.parametrize("name", ["venice", "sandbox"])
def test_a_profile_of_a_reserved_name_is_passed_over(registry: Any, name: str) -> None:
    found = registry(profiles={name: {}, "studio": STUDIO})
    assert found.names == ("venice", *BUILT_IN, "studio", "sandbox")
    assert found.open(name).profile is None


def test_a_null_that_was_written_by_hand_stays(registry: Any) -> None:
    found = registry(profiles={"openai": {"mask": None, "model": "a"}})
    found.set_profile("openai", {"model": None, "base_url": "https://x.example/v1"})
    assert settings(found)["profiles"] == {"openai": {"mask": None, "base_url": "https://x.example/v1"}}
    assert not found.open("openai").profile.dialect.mask


def test_another_variable_for_the_key_is_looked_into_at_once(registry: Any) -> None:
    found = registry({"ONE": "1", "TWO": "2"}, profiles={"studio": {**STUDIO, "key_variable": "ONE"}})
    assert found.open("studio").key.reveal() == "1"
    found.set_profile("studio", {"key_variable": "TWO"})
    assert found.open("studio").key.reveal() == "2"
