"""Which key goes to which address: of the built-in services, and of profiles of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from contract_ways import GROK, KEY, OPENAI, OWN, PROFILES, RELAY, Shell, variable
from support import posts

from venice_core.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("small_answers")

# the sandbox remembers the first three letters of a key
KEYS = {OPENAI: "opn-0123456789", GROK: "grk-0123456789", RELAY: "rly-0123456789", OWN: "own-0123456789"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.png"


@pytest.fixture
def everywhere(shell: Shell, sandbox: Sandbox) -> Shell:
    """All services are there, each with a key of its own."""
    for name in PROFILES:
        shell.choose(name, sandbox.url_for(name), KEYS[name])
    return shell


def keys_sent(sandbox: Sandbox) -> list[str]:
    return [seen.headers.get("Authorization", "none") for seen in sandbox.requests]


# Keys


@pytest.mark.covers("Tests of the dialects: keys, addresses, custom profiles")
def test_each_key_goes_to_its_own_service_only(everywhere: Shell, sandbox: Sandbox, out: Path) -> None:
    for name in PROFILES:
        sandbox.reset()
        sandbox.switch(size="96x64")
        assert everywhere("generate", "-p", "x", "-o", out, "--provider", name) == 0
        assert [seen.path for seen in posts(sandbox)] == [f"/{name}/v1/images/generations"]
        assert posts(sandbox)[0].headers["Authorization"] == f"Bearer {KEYS[name][:3]}***"
        assert everywhere("account", "--provider", name) == 0
        sent = {seen.headers.get("Authorization") for seen in sandbox.requests if "/files/" not in seen.path}
        assert sent == {f"Bearer {KEYS[name][:3]}***"}


@pytest.mark.parametrize("name", ["openai", "grok-relay", "gpt-image-relay", "mine"])
def test_a_service_without_a_key_gets_none_of_another(
    shell: Shell, sandbox: Sandbox, photo: Path, name: str
) -> None:
    """Not even a profile that is based on one that has a key."""
    shell.profiles({"mine": {"based_on": "openai", "base_url": sandbox.url_for(OPENAI)}})
    for other in (*PROFILES, "venice"):
        shell.env[variable(other, "API_KEY")] = KEYS[OPENAI]
    shell.env.pop(variable(name, "API_KEY"), None)
    shell.env |= {variable(each, "BASE_URL"): sandbox.url_for(each) for each in PROFILES}
    code, result = shell.result("edit", photo, "-p", "x", "--provider", name)
    error = result["error"]
    assert (code, error["kind"], error["charge"]) == (2, "missing-key", "none")
    assert f"No API key is set for {name}." in error["message"]
    assert "Filters > Venice > Settings" in error["message"]
    assert (sandbox.requests, shell.jobs) == ([], [])
    assert shell("account", "--provider", name) == 2
    assert sandbox.requests == []


def test_a_server_of_ones_own_needs_no_key_and_gets_one_that_is_set(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    shell.choose(OWN, sandbox.url_for(OWN), "")
    assert shell("edit", photo, "-p", "x") == 0
    assert shell("account") == 0
    assert keys_sent(sandbox) == ["none", "none"]
    assert "it responds and needs no key" in shell.out
    sandbox.reset()
    shell.choose(OWN, sandbox.url_for(OWN), KEYS[OWN])
    assert shell("edit", photo, "-p", "x") == 0
    assert keys_sent(sandbox) == ["Bearer own***"]


def test_a_stored_key_is_used_and_that_of_the_environment_wins(
    shell: Shell, sandbox: Sandbox, out: Path
) -> None:
    shell.home.mkdir()
    (shell.home / "keys.json").write_text(json.dumps({OPENAI: "sto-0123456789", GROK: "xxx-0123456789"}))
    shell.choose(OPENAI, sandbox.url_for(OPENAI), "")
    for key, expected, source in (("", "sto", "file"), (KEYS[OPENAI], "opn", "environment")):
        sandbox.reset()
        shell.env["OPENAI_API_KEY"] = key
        assert shell("generate", "-p", "x", "-o", out) == 0
        assert shell.json("account")[1]["key_source"] == source
        assert keys_sent(sandbox) == [f"Bearer {expected}***"] * 2


def test_the_key_is_in_no_file_and_in_no_word(everywhere: Shell, sandbox: Sandbox, photo: Path) -> None:
    said = []
    for name in PROFILES:
        for more in (("--mask", photo, "--mask-as-is"), ("--model", "no-such-model")):
            everywhere("edit", photo, "-p", "x", "--provider", name, "--json", *more)
            said.append(everywhere.out + everywhere.err)
    kept = b"".join(path.read_bytes() for path in everywhere.home.rglob("*") if path.is_file())
    assert len(everywhere.jobs) == 2 * len(PROFILES)
    assert not any(key in "".join(said) or key.encode() in kept for key in KEYS.values())


# Addresses


def test_a_relay_without_an_address_says_where_to_enter_it(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    shell.env |= {"VENICE_PROVIDER": GROK, "GROK_RELAY_API_KEY": KEY}
    code, result = shell.result("edit", photo, "-p", "x")
    assert (code, result["error"]["kind"], result["error"]["charge"]) == (2, "bad-input", "none")
    assert result["error"]["message"] == (
        "The provider grok-relay has no address yet (GROK_RELAY_BASE_URL is not set). To enter or change the "
        "address, open Filters > Venice > Settings in GIMP 3, or set its environment variable."
    )
    assert (sandbox.requests, shell.jobs) == ([], [])
    assert shell("account") == 2
    assert "GROK_RELAY_BASE_URL" in shell.err
    assert shell("edit", photo, "-p", "x", "--dry-run") == 0, "what it would be is known all the same"


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://images.example/v1", "is not encrypted: http:// is allowed for this computer only"),
        ("http://10.0.0.1/v1", "is not encrypted"),
        ("http://127.0.0.1.example/v1", "is not encrypted"),
        ("images.example/v1", "is not the address of a service"),
        ("https://me:secret@images.example/v1", "is not the address of a service"),
        ("ftp://127.0.0.1/v1", "is not the address of a service"),
    ],
)
def test_an_address_that_is_open_to_others_or_none_is_refused(
    shell: Shell, out: Path, name: str, address: str, words: str
) -> None:
    shell.choose(name, address)
    assert shell("generate", "-p", "x", "-o", out) == 2
    assert words in shell.err
    assert shell.jobs == []


def test_an_address_may_end_in_a_slash(shell: Shell, sandbox: Sandbox, out: Path) -> None:
    shell.choose(OPENAI, f" {sandbox.url_for(OPENAI)}/ ")
    assert shell("generate", "-p", "x", "-o", out) == 0


def test_an_address_of_openai_is_for_openai_alone(shell: Shell, sandbox: Sandbox, out: Path) -> None:
    """A profile that is based on it has its own."""
    shell.profiles({"mine": {"based_on": "openai", "key": "optional"}})
    shell.choose(OPENAI, sandbox.url_for(OPENAI))
    assert shell("generate", "-p", "x", "-o", out, "--provider", "mine") == 2
    assert "The provider mine has no address yet" in shell.err
    assert sandbox.requests == []


# Profiles that the user adds


@pytest.fixture
def mine(shell: Shell, sandbox: Sandbox) -> Shell:
    """One like OpenAI's, with a key, and one that is wrong."""
    good = {
        "based_on": "openai",
        "base_url": sandbox.url_for(OPENAI),
        "model": "gpt-image-1.5",
        "key_variable": "MY_KEY",
        "price_usd": 0.5,
    }
    shell.profiles({"mine": good, "wrong": {**good, "sise": ["1024x1024"]}})
    shell.env |= {"VENICE_PROVIDER": "mine", "MY_KEY": "min-0123456789", "OPENAI_API_KEY": KEYS[OPENAI]}
    return shell


@pytest.mark.covers("Tests of the dialects: keys, addresses, custom profiles")
def test_a_profile_of_ones_own_has_its_address_its_key_and_its_model(
    mine: Shell, sandbox: Sandbox, photo: Path, mask: Path
) -> None:
    code, result = mine.result("edit", photo, "-p", "a hat", "--mask", mask)
    assert (code, result["price"]["usd"]) == (0, 0.5)
    (seen,) = posts(sandbox)
    assert seen.headers["Authorization"] == "Bearer min***"
    assert seen.fields == {
        "model": "gpt-image-1.5",
        "prompt": "a hat",
        "size": "1536x1024",
        "quality": "high",
        "background": "opaque",
        "output_format": "png",
        "input_fidelity": "high",
    }
    assert [file.name for file in seen.files] == ["image", "mask"]
    assert mine.job.record["plan"]["provider"] == "mine"
    assert (result["facts"]["cost_usd"], bool(result["facts"]["usage"])) == (None, True), "OpenAI's prices"


def test_a_profile_says_what_differs_and_takes_away_what_is_not_taken(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path
) -> None:
    own = {
        "based_on": "openai",
        "base_url": sandbox.url_for(RELAY),
        "key": "optional",
        "model": "gpt-image-1",
        "models": None,
        "image": "image[]",
        "mask": False,
        "size": {"field": "", "values": ["1024x1024", "1536x1024"]},
        "fields": None,
        "edit_fields": None,
        "quality": {"field": "quality", "values": ["low", "high"], "default": "low"},
        "n": None,
    }
    shell.profiles({"mine": own})
    shell.env |= {"VENICE_PROVIDER": "mine"}
    (shell.home / "keys.json").write_text(json.dumps({"mine": "min-0123456789"}))
    assert shell("edit", photo, "-p", "a hat", "--mask", mask) == 0
    (seen,) = posts(sandbox)
    assert [file.name for file in seen.files] == ["image[]", "image[]"]
    assert set(seen.fields) == {"model", "prompt", "quality"}
    assert seen.fields["quality"] == "low"
    assert seen.headers["Authorization"] == "Bearer min***"


def test_an_entry_under_a_built_in_name_changes_that_one(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    shell.profiles({OPENAI: {"model": "gpt-image-1-mini", "quality": {"values": ["low"], "default": "low"}}})
    shell.choose(OPENAI, sandbox.url_for(OPENAI), KEYS[OPENAI])
    assert shell("edit", photo, "-p", "x", "--model", "gpt-image-2.5-flare") == 0
    assert shell("edit", photo, "-p", "x") == 0
    assert [seen.fields["quality"] for seen in posts(sandbox)] == ["low", "low"], "it holds for all models"
    assert posts(sandbox)[1].fields["model"] == "gpt-image-1-mini"
    assert posts(sandbox)[0].headers["Authorization"] == "Bearer opn***"


@pytest.mark.covers("Tests of the dialects: keys, addresses, custom profiles")
@pytest.mark.parametrize(
    ("name", "entries", "words"),
    [
        ("mine", {"sise": []}, "“sise” is not a known entry. Did you mean “size”?"),
        ("mine", {"based_on": "midjourney"}, "“based_on” must be one of openai, grok-relay,"),
        ("mine", {"base_url": 7}, "“base_url” must be a line of text"),
        ("mine", {"size": ["big"]}, "“size” must be a list of sizes, such as 1024x1024"),
        ("mine", {"mask": "yes"}, "“mask” must be true or false"),
        ("mine", {"n": 99}, "“n” must be a whole number from 1 to 10"),
        ("mine", {"fields": {"prompt": "x"}}, "“fields.prompt” must be removed"),
        ("mine", {"edit_fields": {"size": "auto"}}, "“edit_fields.size” must be removed"),
        ("mine", {"models": {"m": {"fields": {"n": 2}}}}, "“models.m.fields.n” must be removed"),
        (
            "mine",
            {"unsafe_fields": {"moderation": "low"}},
            "“unsafe_fields” is not a known entry. Did you mean",
        ),
        ("mine", {"key_variable": "OPENAI_API_KEY"}, "OPENAI_API_KEY, which belongs to another provider"),
        ("mine", {"key_variable": "VENICE_API_KEY"}, "VENICE_API_KEY, which belongs to another provider"),
        (GROK, {"based_on": "openai"}, "is built in: it cannot be based on another one"),
        ("mine", {"models": {"m": {"qualty": []}}}, "“models.m.qualty” is not a known entry"),
        ("mine", {"price_usd": "cheap"}, "“price_usd” must be an amount in US dollars"),
        ("mine", [], "must be an object with entries"),
        ("Mine!", {}, "cannot be the name of a provider"),
    ],
)
def test_a_profile_that_is_wrong_says_what_is_and_does_not_cost_the_others(
    shell: Shell, sandbox: Sandbox, out: Path, name: str, entries: Any, words: str
) -> None:
    good = {"base_url": sandbox.url_for(OWN)}
    shell.profiles({name: entries, "good": good})
    code, result = shell.result("generate", "-p", "x", "-o", out, "--provider", name)
    assert (code, result["error"]["kind"], result["error"]["charge"]) == (2, "bad-input", "none")
    assert words in result["error"]["message"]
    assert name in result["error"]["message"]
    assert sandbox.requests == []
    assert shell("generate", "-p", "x", "-o", out, "--provider", "good", "--dry-run") == 0
    assert shell("generate", "-p", "x", "-o", out, "--provider", OPENAI, "--dry-run") == 0


def test_an_open_address_in_a_profile_is_refused(shell: Shell, sandbox: Sandbox, out: Path) -> None:
    shell.profiles({"mine": {"base_url": "http://images.example/v1"}})
    assert shell("generate", "-p", "x", "-o", out, "--provider", "mine") == 2
    assert "“http://images.example/v1” is not encrypted" in shell.err


def test_profiles_that_are_none_are_said_to_be_so(shell: Shell, sandbox: Sandbox, out: Path) -> None:
    shell.profiles(["openai"])
    shell.choose(OPENAI, sandbox.url_for(OPENAI))
    code, result = shell.result("generate", "-p", "x", "-o", out)
    assert (code, result["error"]["kind"]) == (2, "bad-input")
    assert "“profiles” in" in result["error"]["message"]
    assert "must be an object with names" in result["error"]["message"]
    assert sandbox.requests == []


def test_what_is_said_of_a_profile_holds_for_all_its_models_and_null_takes_away(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    own = {
        "base_url": sandbox.url_for(OPENAI),
        "based_on": "openai",
        "key_variable": "MY_KEY",
        "n": None,
        "limits": {"prompt": 9},
        "fields": {"user": "me", "output_format": None},
        "edit_fields": {"background": "auto"},
        "models": {
            "gpt-image-1.5": {"edit_fields": {"input_fidelity": "low"}, "fields": {"user": None}},
            "gpt-image-2": {"quality": None},
        },
    }
    shell.profiles({"mine": own})
    shell.env |= {"VENICE_PROVIDER": "mine", "MY_KEY": "min-0123456789"}
    common = {"prompt": "x", "background": "auto", "user": "me", "quality": "high", "size": "1008x672"}
    expected = {
        "gpt-image-2.5-flare": common,
        "gpt-image-2": {name: text for name, text in common.items() if name != "quality"},
        "gpt-image-1.5": {
            **{name: text for name, text in common.items() if name != "user"},
            "size": "1536x1024",
            "input_fidelity": "low",
        },
    }
    for model, fields in expected.items():
        assert shell("edit", photo, "-p", "x", "--model", model) == 0
        assert posts(sandbox)[-1].fields == {"model": model, **fields}
        assert shell("edit", photo, "-p", "x" * 10, "--model", model) == 2
        assert "accepts at most 9" in shell.err
    assert shell("edit", photo, "-p", "x", "--variations", 2) == 0
    assert ["n" in seen.fields for seen in posts(sandbox)[-2:]] == [False, False], "two requests"


def test_null_takes_all_models_away(shell: Shell) -> None:
    shell.profiles({"mine": {"based_on": "openai", "model": "gpt-image-2", "models": None}})
    listed = [model["id"] for model in shell.json("models", "--provider", "mine")[1]["models"]]
    assert listed == ["gpt-image-2"]


def test_a_profile_without_a_field_for_several_pictures_takes_one(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    shell.profiles({"mine": {"base_url": sandbox.url_for(OWN), "max_images": 3}})
    assert shell("edit", photo, "-p", "x", "--reference", photo, "--provider", "mine") == 2
    assert "accepts only one image" in shell.err
    assert sandbox.requests == []


def test_a_model_that_a_profile_does_not_list_is_told_before_it_is_paid_for(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path
) -> None:
    """Where it lists any: a server of one's own names none."""
    code, result = shell.result("edit", photo, "-p", "x", "--model", "new-1", "--dry-run")
    assert code == 0
    told = f"The profile {profile} does not list the model “new-1”." in result["plan"]["warnings"]
    assert told == (profile != OWN)
    code, result = shell.result("edit", photo, "-p", "x", "--dry-run")
    assert not [each for each in result["plan"]["warnings"] if "does not list" in each]
    assert sandbox.requests == []


def test_prices_by_quality_hold_whatever_else_is_chosen(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    shell.choose(GROK, sandbox.url_for(GROK))
    shell.profiles({GROK: {"price_usd": {"low": 0.01, "": 0.05}}})
    for wish, usd in (((), 0.05), (("--quality", "low"), 0.01), (("--quality", "high"), 0.05)):
        for more in ((), ("--resolution", "2k")):
            plan = shell.result("edit", photo, "-p", "x", "--dry-run", *wish, *more)[1]["plan"]
            assert plan["price"] == {"usd": usd, "diem": None}


@pytest.mark.parametrize("name", [OPENAI, GROK, RELAY, "mine"])
def test_a_missing_key_names_its_own_variable(shell: Shell, sandbox: Sandbox, photo: Path, name: str) -> None:
    shell.choose(name, sandbox.url_for(OPENAI), "")
    shell.profiles({"mine": {"key": "required", "base_url": sandbox.url_for(OWN)}})
    code, result = shell.result("edit", photo, "-p", "x")
    message = result["error"]["message"]
    assert (code, result["error"]["kind"]) == (2, "missing-key")
    assert message.startswith(f"No API key is set for {name}.")
    assert ("Set " in message) == (name != "mine")
    assert name == "mine" or f"Set {variable(name, 'API_KEY')}" in message


@pytest.mark.parametrize(
    "address",
    ["https://images.example/v1?x=1", "https://images.example/v1#x", "https://me@images.example/v1"],
)
def test_an_address_with_more_than_a_path_is_refused_in_a_profile(
    shell: Shell, out: Path, address: str
) -> None:
    shell.profiles({"mine": {"base_url": address}})
    assert shell("generate", "-p", "x", "-o", out, "--provider", "mine") == 2
    assert "is not the address of a service" in shell.err


# What is told without sending anything


def test_the_models_of_a_service_are_those_of_its_profile(shell: Shell, sandbox: Sandbox) -> None:
    code, said = shell.json("models", "--provider", OPENAI)
    models = {model["id"]: model for model in said["models"]}
    assert code == 0
    assert {"gpt-image-2.6-sunburst", "gpt-image-2", "gpt-image-1.5", "gpt-image-1-mini"} <= set(models)
    assert models["gpt-image-1.5"]["qualities"] == ["low", "medium", "high"]
    assert models["gpt-image-1.5"]["price"] == {"usd": 0.2, "diem": None}
    assert models["gpt-image-1.5"]["retires"] == "2026-12-01"
    for name, expected in ((GROK, ["grok-3-image"]), (RELAY, ["gpt-image-1"]), (OWN, [])):
        assert [model["id"] for model in shell.json("models", "--provider", name)[1]["models"]] == expected
    assert shell("models", "--provider", OPENAI) == 0
    assert "from the profile openai" in shell.out
    assert shell("models", "--provider", OPENAI, "--traits") == 2
    assert sandbox.requests == []


def test_the_account_is_tested_by_the_list_of_models(shell: Shell, sandbox: Sandbox, profile: str) -> None:
    code, said = shell.json("account")
    assert (code, said["provider"], said["key_source"]) == (0, profile, "environment")
    assert (said["permitted"], said["note"]) == (True, "")
    assert (said["usd"], said["diem"], said["daily_limit"]) == (None, None, None)
    assert [(seen.method, seen.path) for seen in sandbox.requests] == [("GET", f"/{profile}/v1/models")]
    assert shell("account") == 0
    assert f"{profile}: the key works (environment)." in shell.out


@pytest.mark.covers("Tests of the dialects: retired models")
def test_an_account_says_of_the_model_that_it_is_not_listed_or_when_it_ends(
    mine: Shell, sandbox: Sandbox
) -> None:
    assert mine.json("account")[1]["note"] == "The model gpt-image-1.5 will be retired on 2026-12-01."
    mine.choose(RELAY, sandbox.url_for(OPENAI))
    mine.profiles({RELAY: {"model": "gpt-image-9"}})
    assert mine.json("account")[1]["note"] == "The service does not list the model gpt-image-9."


@pytest.mark.parametrize("profile", [OPENAI, GROK, RELAY], indirect=True)
def test_a_wrong_key_is_told_by_the_account(shell: Shell, sandbox: Sandbox, profile: str) -> None:
    shell.choose(profile, sandbox.url_for(profile), "bad-key-1")
    code, said = shell.json("account")
    assert (code, said["error"]["kind"], said["error"]["charge"]) == (3, "bad-key", "none")
    assert len(sandbox.requests) == 1


def test_a_dry_run_tells_the_plan_and_sends_nothing(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, mask: Path
) -> None:
    shell.env[variable(profile, "API_KEY")] = ""
    code, result = shell.result("edit", photo, "-p", "a hat", "--mask", mask, "--dry-run")
    plan = result["plan"]
    assert code == 0
    assert (plan["provider"], plan["endpoint"]) == (profile, "/images/edits")
    assert plan["masked"] == (profile in (OPENAI, OWN))
    assert plan["images"] == (2 if profile == RELAY else 1)
    assert (plan["price"] or {}).get("usd") == {OPENAI: 0.27, OWN: 0.0}.get(profile)
    assert (sandbox.requests, shell.jobs) == ([], [])
    assert shell("edit", photo, "-p", "a hat", "--dry-run") == 0
    assert {OPENAI: "$0.27", OWN: "$0.00"}.get(profile, "price unknown") in shell.out
