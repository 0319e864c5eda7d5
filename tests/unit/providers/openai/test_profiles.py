"""Services as data: what a profile may hold, takes over from another, and what is said of a wrong one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.errors import BadInput
from venice_core.geometry.rectangles import Extent
from venice_core.planning.capabilities import ANY, IMAGE, INPAINT, Limits
from venice_core.planning.output_shapes import Grid, Sizes
from venice_core.planning.price import Price
from venice_core.providers.openai.dialect import ENTRIES, MAX_SENT_PIXELS, Choice, Dialect
from venice_core.providers.openai.profile import DEFAULT_BASE, ServiceProfile, ServiceProfiles

BUILT_IN = ("openai", "grok-relay", "gpt-image-relay", "self-hosted")
PARTS = json.loads(
    resources.files("venice_core.providers.openai").joinpath("data", "profiles.json").read_text("utf-8")
)


def dialect(**entries: Any) -> Dialect:
    return Dialect.parse("mine", entries)


def profile(**entries: Any) -> ServiceProfile:
    """On nothing but what is given."""
    return ServiceProfile.parse("mine", entries)


def shared_by_models(name: str) -> dict[str, Any]:
    """What a built-in profile says of all its models."""
    return {entry: value for entry, value in PARTS[name].items() if entry in ENTRIES}


def own(**entries: Any) -> ServiceProfile:
    """As the settings file has one."""
    found = ServiceProfiles({"mine": entries}).get("mine")
    assert found is not None
    return found


# Every entry of a dialect


@pytest.mark.parametrize(
    ("entries", "filled_in"),
    [
        ({"image": "picture"}, {"image": "picture"}),
        ({"image": "image[]"}, {"image": "image[]"}),
        (
            {"images": "image[]", "max_images": 16},
            {"images": "image[]", "max_images": 16},
        ),
        ({"mask": True}, {"mask": True}),
        ({"size": ["1024x512"]}, {"size": "size", "shapes": Sizes((Extent(1024, 512),))}),
        (
            {"size": {"field": "dimensions", "values": ["64x64", "99x12345"]}},
            {"size": "dimensions", "shapes": Sizes((Extent(64, 64), Extent(99, 12345)))},
        ),
        ({"size": {"field": "", "values": ["64x64"]}}, {"size": "", "shapes": Sizes((Extent(64, 64),))}),
        ({"size": {"multiple_of": 8}}, {"size": "size", "shapes": Grid(8, max_ratio=8.0)}),
        (
            {
                "size": {
                    "multiple_of": 32,
                    "min_pixels": 1000,
                    "max_pixels": 5000,
                    "max_side": 90,
                    "max_ratio": 2.5,
                }
            },
            {"size": "size", "shapes": Grid(32, 1000, 5000, 90, 2.5)},
        ),
        ({"aspect_ratio": ["1:1", "9:19.5"]}, {"aspect_ratio": Choice("aspect_ratio", ("1:1", "9:19.5"))}),
        (
            {"aspect_ratio": {"field": "ratio", "values": ["auto", "2:1"], "default": "auto"}},
            {"aspect_ratio": Choice("ratio", ("auto", "2:1"), "auto")},
        ),
        ({"resolution": ["1k", "2k"]}, {"resolution": Choice("resolution", ("1k", "2k"))}),
        ({"quality": ["hd"]}, {"quality": Choice("quality", ("hd",))}),
        (
            {"quality": {"values": ["low", "hd"], "default": "hd"}},
            {"quality": Choice("quality", ("low", "hd"), "hd")},
        ),
        (
            {"quality": {"field": "", "values": ["low"]}},
            {"quality": Choice("", ("low",))},
        ),
        ({"n": 4}, {"n": "n", "max_images_per_request": 4}),
        ({"n": {"field": "num_images", "max": 10}}, {"n": "num_images", "max_images_per_request": 10}),
        ({"response_format": "url"}, {"response_format": "url"}),
        ({"response_format": "b64_json"}, {"response_format": "b64_json"}),
        (
            {"fields": {"a": 1, "b": "x", "c": True, "d": 0.5}},
            {"fields": {"a": 1, "b": "x", "c": True, "d": 0.5}},
        ),
        ({"edit_fields": {"background": "opaque"}}, {"edit_fields": {"background": "opaque"}}),
        ({"generate_fields": {"style": "vivid"}}, {"generate_fields": {"style": "vivid"}}),
        (
            {"unsafe_generate_fields": {"moderation": "low"}},
            {"unsafe_generate_fields": {"moderation": "low"}},
        ),
        (
            {"limits": {"prompt": 900, "file_bytes": 4_000_000, "pixels": 2_000_000}},
            {"limits": Limits(max_prompt=900, max_file_bytes=4_000_000, max_pixels=2_000_000)},
        ),
        (
            {"limits": {"min_pixels": 4096, "min_side": 64}},
            {"limits": Limits(min_pixels=4096, min_side=64, max_pixels=MAX_SENT_PIXELS)},
        ),
        ({"price_usd": 0.5}, {"usd": {"": 0.5}}),
        ({"price_usd": 0}, {"usd": {"": 0.0}}),
        ({"price_usd": {"low": 1}}, {"usd": {"low": 1.0}}),
        ({"token_prices_usd": {"text": 5, "output": 30}}, {"token_prices": {"text": 5.0, "output": 30.0}}),
        ({"retires": "2026-12-01", "replacement": "new"}, {"retires": "2026-12-01", "replacement": "new"}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_an_entry_fills_in_its_part_and_nothing_else(entries: Any, filled_in: Any) -> None:
    assert vars(dialect(**entries)) == {**vars(Dialect()), **filled_in}


def test_the_table_above_has_every_entry() -> None:
    (table,) = test_an_entry_fills_in_its_part_and_nothing_else.pytestmark
    assert {entry for entries, _ in table.args[1] for entry in entries} == set(ENTRIES)


# Every wrong entry


WRONG = [
    ({"image": ""}, "image", "the name of a request field"),
    ({"image": 7}, "image", "a line of text"),
    ({"image": "two words"}, "image", "the name of a request field"),
    ({"image": "image[]x"}, "image", "the name of a request field"),
    ({"image": 'a"; name="key'}, "image", "the name of a request field"),
    ({"images": "a\r\nb"}, "images", "a line of text"),
    ({"max_images": 0}, "max_images", "a whole number, 1 or more"),
    ({"max_images": 2.5}, "max_images", "a whole number"),
    ({"max_images": True}, "max_images", "a whole number"),
    ({"mask": "yes"}, "mask", "true or false"),
    ({"mask": 1}, "mask", "true or false"),
    ({"size": []}, "size", "a list of sizes, such as 1024x1024"),
    ({"size": ["large"]}, "size", "a list of sizes"),
    ({"size": ["1024x1024", "auto"]}, "size", "a list of sizes"),
    ({"size": ["1024 x 1024"]}, "size", "a list of sizes"),
    ({"size": ["1x1"]}, "size", "a list of sizes"),
    ({"size": "1024x1024"}, "size", "an object"),
    ({"size": {}}, "size", "a list of sizes, or an object with values or multiple_of"),
    ({"size": {"values": []}}, "size.values", "a list of sizes"),
    ({"size": {"multiple_of": 0}}, "size.multiple_of", "1 to 512"),
    ({"size": {"multiple_of": 513}}, "size.multiple_of", "1 to 512"),
    ({"size": {"multiple_of": "16"}}, "size.multiple_of", "1 to 512"),
    ({"size": {"multiple_of": 16, "max_side": 0}}, "size.max_side", "a whole number"),
    ({"size": {"multiple_of": 16, "min_pixels": -1}}, "size.min_pixels", "a whole number"),
    ({"size": {"multiple_of": 16, "max_pixels": 1.5}}, "size.max_pixels", "a whole number"),
    ({"size": {"multiple_of": 16, "max_ratio": 0.5}}, "size.max_ratio", "a number, 1 or more"),
    ({"size": {"multiple_of": 16, "max_ratio": "3:1"}}, "size.max_ratio", "a number, 1 or more"),
    ({"size": {"multiple_of": 16, "max_ratio": True}}, "size.max_ratio", "a number, 1 or more"),
    ({"size": {"multiple_of": 16, "max_ratio": float("inf")}}, "size.max_ratio", "a number, 1 or more"),
    ({"size": {"multiple_of": 16, "max_ratio": float("nan")}}, "size.max_ratio", "a number, 1 or more"),
    ({"size": {"multiple_of": 16, "min_pixels": 600, "max_pixels": 1199}}, "size", "allow at least"),
    ({"size": {"multiple_of": 16, "min_pixels": 600, "max_side": 34}}, "size", "allow at least"),
    ({"size": {"field": "a b", "values": ["64x64"]}}, "size.field", "the name of a request field"),
    ({"aspect_ratio": ["wide"]}, "aspect_ratio", "a list of aspect ratios, such as 16:9"),
    ({"aspect_ratio": ["16:0"]}, "aspect_ratio", "a list of aspect ratios"),
    ({"aspect_ratio": "16:9"}, "aspect_ratio", "an object"),
    ({"resolution": ["1k", 2]}, "resolution", "a list of strings"),
    ({"resolution": ["1k", ""]}, "resolution", "a list of strings"),
    ({"resolution": {"values": ["1k"], "default": "2k"}}, "resolution.default", "one of its values"),
    ({"quality": {"values": "hd"}}, "quality.values", "a list of strings"),
    ({"quality": {"field": 7, "values": ["hd"]}}, "quality.field", "a line of text"),
    ({"quality": {"values": ["hd"], "default": 7}}, "quality.default", "a line of text"),
    ({"n": 0}, "n", "1 to 10"),
    ({"n": 11}, "n", "1 to 10"),
    ({"n": True}, "n", "1 to 10"),
    ({"n": {"field": "count"}}, "n", "1 to 10"),
    ({"n": {"field": "a b", "max": 4}}, "n.field", "the name of a request field"),
    ({"response_format": "png"}, "response_format", "b64_json or url"),
    ({"response_format": ["url"]}, "response_format", "b64_json or url"),
    ({"fields": {"a": [1]}}, "fields", "an object of request fields with plain values"),
    ({"fields": {"a": None}}, "fields", "an object of request fields with plain values"),
    ({"edit_fields": ["a"]}, "edit_fields", "an object"),
    ({"generate_fields": {"a": {}}}, "generate_fields", "plain values"),
    ({"unsafe_generate_fields": "moderation"}, "unsafe_generate_fields", "an object"),
    ({"limits": 7}, "limits", "an object"),
    ({"limits": {"prompt": 0}}, "limits.prompt", "a whole number, 1 or more"),
    ({"limits": {"file_bytes": "25 MB"}}, "limits.file_bytes", "a whole number"),
    ({"price_usd": -0.1}, "price_usd", "an amount in US dollars, 0 or more"),
    ({"price_usd": "0.1"}, "price_usd", "an amount in US dollars"),
    ({"price_usd": float("nan")}, "price_usd", "an amount in US dollars"),
    ({"price_usd": True}, "price_usd", "an amount in US dollars"),
    ({"price_usd": {"low": "cheap"}}, "price_usd.low", "an amount in US dollars"),
    ({"token_prices_usd": 5}, "token_prices_usd", "an object"),
    ({"token_prices_usd": {"text": 1e6}}, "token_prices_usd.text", "an amount in US dollars"),
    ({"retires": 2026}, "retires", "a line of text"),
    ({"replacement": "a\nb"}, "replacement", "a line of text"),
    ({"title": 7}, "title", "a line of text"),
    ({"base_url": 8080}, "base_url", "a line of text"),
    ({"base_url_variable": "MY URL"}, "base_url_variable", "a name"),
    ({"key_variable": "$KEY"}, "key_variable", "a name"),
    ({"key_variable": ["KEY"]}, "key_variable", "a line of text"),
    ({"key": "sk-0123456789"}, "key", "required or optional"),
    ({"key": False}, "key", "required or optional"),
    ({"model": 3}, "model", "a line of text"),
    ({"models": ["a"]}, "models", "an object"),
    ({"models": []}, "models", "an object"),
    ({"models": ""}, "models", "an object"),
    ({"models": 0}, "models", "an object"),
    ({"models": False}, "models", "an object"),
    ({"models": {"a": "b"}}, "models.a", "an object"),
]


@pytest.mark.parametrize(("entries", "entry", "expected"), WRONG, ids=lambda value: str(value)[:50])
def test_a_wrong_entry_is_named_with_its_provider_and_what_it_should_be(
    entries: Any, entry: str, expected: str
) -> None:
    with pytest.raises(BadInput) as caught:
        profile(**entries)
    said = caught.value.detail
    assert said.startswith(f"The provider “mine” in the settings: “{entry}” must be ")
    assert expected in said


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"modle": "x"}, "“modle” is not a known entry. Did you mean “model”?"),
        ({"mask_field": True}, "“mask_field” is not a known entry."),
        ({"zzz": 1}, "Known entries: based_on, title, base_url, "),
        (
            {"size": {"multiple": 16}},
            "“size.multiple” is not a known entry. Did you mean “size.multiple_of”?",
        ),
        (
            {"quality": {"value": ["hd"]}},
            "“quality.value” is not a known entry. Did you mean “quality.values”?",
        ),
        ({"n": {"maximum": 3}}, "“n.maximum” is not a known entry. Did you mean “n.max”?"),
        (
            {"limits": {"max_prompt": 3}},
            "“limits.max_prompt” is not a known entry. Did you mean “limits.prompt”?",
        ),
        ({"token_prices_usd": {"input": 3}}, "“token_prices_usd.input” is not a known entry"),
        (
            {"models": {"m": {"qualty": ["hd"]}}},
            "“models.m.qualty” is not a known entry. Did you mean “models.m.quality”?",
        ),
        ({"models": {"m": {"base_url": "https://a.example"}}}, "“models.m.base_url” is not a known entry"),
        ({"models": {"m": {"key_variable": "K"}}}, "“models.m.key_variable” is not a known entry"),
    ],
)
def test_an_unknown_entry_is_named_with_one_that_was_meant_or_all_that_there_are(
    entries: Any, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        profile(**entries)
    assert caught.value.detail.startswith("The provider “mine” in the settings: ")
    assert said in caught.value.detail


@pytest.mark.parametrize(
    "base_url", ["http://images.example/v1", "images.example", "ftp://a.example", "https://"]
)
def test_an_address_that_is_none_or_not_encrypted_is_refused(base_url: str) -> None:
    with pytest.raises(BadInput, match=r"is not the address of a service|is not encrypted"):
        profile(base_url=base_url)


@pytest.mark.parametrize("entries", [None, [], "x", 7, True])
def test_a_profile_that_is_no_object_is_refused(entries: Any) -> None:
    with pytest.raises(BadInput, match="“mine” in the settings must be an object"):
        ServiceProfiles({"mine": entries}).get("mine")


@pytest.mark.parametrize(
    "name", ["", "Mine", "a b", "venice", "sandbox", "-a", ".a", "a/b", "ä", "a" * 41, "a\n", "../a"]
)
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="cannot be the name of a provider"):
        ServiceProfiles().parse(name, {})


@pytest.mark.parametrize("name", ["a", "7", "my-server_2.local", "a" * 40])
def test_a_name_may_have_small_letters_digits_and_some_signs(name: str) -> None:
    assert ServiceProfiles().parse(name, {}).name == name


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["field", "values", "default", "multiple_of", "max", "prompt", "text"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
entry_names = st.sampled_from([*ENTRIES, "title", "base_url", "key", "key_variable", "model", "models"])


@given(st.dictionaries(entry_names, any_json, max_size=3), st.sampled_from([*BUILT_IN, "mine"]))
def test_any_json_is_a_profile_or_refused_in_words(entries: Any, name: str) -> None:
    try:
        found = ServiceProfiles().parse(name, entries)
    except BadInput as error:
        assert error.detail.isprintable()
    else:
        assert found.catalogue.get("any") is not None


# Those that are built in


def test_four_are_built_in_and_all_of_them_can_be_read() -> None:
    assert ServiceProfiles().names == ServiceProfiles().bases == BUILT_IN
    for name in BUILT_IN:
        found = ServiceProfiles().get(name)
        assert found is not None
        assert found.title
        assert found.based_on == ""
        assert not ServiceProfiles().is_changed(name)
    assert ServiceProfiles().get("other") is None


@pytest.mark.parametrize(
    ("name", "base_url", "base_url_variable", "key_variable", "keyless", "model"),
    [
        (
            *("openai", "https://api.openai.com/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY"),
            *(False, "gpt-image-2.6-sunburst"),
        ),
        ("grok-relay", "", "GROK_RELAY_BASE_URL", "GROK_RELAY_API_KEY", False, "grok-3-image"),
        (
            *("gpt-image-relay", "https://api.wenwen-ai.com/v1", "GPT_IMAGE_RELAY_BASE_URL"),
            *("GPT_IMAGE_RELAY_API_KEY", False, "gpt-image-1"),
        ),
        (
            *("self-hosted", "http://127.0.0.1:8080/v1", "SELF_HOSTED_BASE_URL", "SELF_HOSTED_API_KEY"),
            *(True, ""),
        ),
    ],
)
def test_where_each_is_and_which_key_it_takes(
    name: str, base_url: str, base_url_variable: str, key_variable: str, keyless: bool, model: str
) -> None:
    found = ServiceProfiles().get(name)
    assert found is not None
    assert (found.base_url, found.base_url_variable) == (base_url, base_url_variable)
    assert (found.key_variable, found.keyless, found.model) == (key_variable, keyless, model)


def test_those_that_are_built_in_are_read_once() -> None:
    for name in BUILT_IN:
        assert ServiceProfiles().get(name) is ServiceProfiles({"mine": {}}).get(name)


def test_no_two_share_a_variable_of_the_environment() -> None:
    variables = [parts[name] for parts in PARTS.values() for name in ("base_url_variable", "key_variable")]
    assert len(set(variables)) == len(variables) == 8


def test_the_models_of_a_profile_edit_and_generate() -> None:
    found = ServiceProfiles().get("openai")
    assert found is not None
    names = [model.id for model in found.catalogue.of_type(INPAINT)]
    assert names == [model.id for model in found.catalogue.of_type(IMAGE)] == list(PARTS["openai"]["models"])
    assert names[0] == found.model
    assert {model.type for model in found.catalogue.models.values()} == {ANY}


@pytest.mark.parametrize(
    ("model", "quality", "usd"),
    [
        ("gpt-image-2.6-sunburst", "", 0.27),
        ("gpt-image-2.6-sunburst", "low", 0.06),
        ("gpt-image-2.6-flare", "medium", 0.11),
        ("gpt-image-2.5-flare", "medium", 0.11),
        ("gpt-image-2", "high", 0.27),
        ("gpt-image-2.5-sunburst", "max", None),  # better none than that of another quality
        ("gpt-image-1-mini", "", 0.052),
        ("gpt-image-1-mini", "medium", 0.015),
        ("not-in-the-list", "medium", None),
    ],
)
def test_what_a_picture_of_openais_costs(model: str, quality: str, usd: float | None) -> None:
    found = ServiceProfiles().get("openai")
    assert found is not None
    assert found.catalogue.get(model).price(quality=quality) == (usd if usd is None else Price(usd))


def test_a_model_has_the_profiles_entries_but_for_its_own() -> None:
    found = profile(
        mask=True, quality=["a"], n=2, models={"m": {"quality": ["b"], "mask": False}}, model="default"
    )
    assert found.dialect_of("m") == dialect(mask=False, quality=["b"], n=2)
    assert (
        found.dialect_of("default") == found.dialect_of("any other") == dialect(mask=True, quality=["a"], n=2)
    )
    assert list(found.catalogue.models) == ["default", "m"]
    assert found.catalogue.get("any other").qualities == ("a",)


def test_a_profile_without_a_model_is_known_by_its_title() -> None:
    unnamed = profile(title="The studio's").catalogue.get("")
    assert (unnamed.id, unnamed.label) == ("", "The studio's")


def test_fixed_sizes_are_offered_as_aspect_ratios_each_once() -> None:
    sizes = {"size": ["1024x1024", "512x512", "1536x1024", "1024x1536"]}
    assert dialect(**sizes).model("m", "M").aspect_ratios == ("1:1", "3:2", "2:3")
    assert dialect(size={"multiple_of": 16}).model("m", "M").aspect_ratios == ()


# What a profile of one's own takes over


def test_without_a_base_it_is_like_a_server_of_ones_own() -> None:
    base = ServiceProfiles().get(DEFAULT_BASE)
    found = own(base_url="https://studio.example/v1")
    assert base is not None
    assert found.based_on == DEFAULT_BASE == "self-hosted"
    assert (found.dialect.mask, found.dialect.shapes) == (True, base.dialect.shapes)
    assert found.keyless is True


@pytest.mark.parametrize("base", BUILT_IN)
def test_it_never_takes_over_an_address_a_keys_variable_a_title_or_a_price(base: str) -> None:
    found = own(based_on=base)
    assert (found.title, found.base_url, found.base_url_variable, found.key_variable) == ("mine", "", "", "")
    dialects = [found.dialect, *found.models.values()]
    assert all(each.usd == {} and each.token_prices == {} for each in dialects)
    assert all(model.price() is None for model in found.catalogue.models.values())
    assert found.catalogue.get("any").price() is None


@pytest.mark.parametrize("base", BUILT_IN)
def test_it_takes_over_the_dialect_the_models_and_whether_a_key_is_needed(base: str) -> None:
    found, like = own(based_on=base), ServiceProfiles().get(base)
    assert like is not None
    assert (found.model, found.keyless, list(found.models)) == (like.model, like.keyless, list(like.models))
    for model in ("", "any", *like.models):
        ours, theirs = vars(found.dialect_of(model)), vars(like.dialect_of(model))
        differing = {name for name in theirs if ours[name] != theirs[name]}
        assert differing <= {"usd", "token_prices"}


def test_its_own_entries_win_whole_over_those_of_its_base() -> None:
    found = own(based_on="openai", quality=["hd"], models={"m": {}}, price_usd=0.1, max_images=2)
    assert found.dialect.quality == Choice("quality", ("hd",))
    assert list(found.models) == [*PARTS["openai"]["models"], "m"]
    for model in found.models:
        assert found.dialect_of(model).quality == Choice("quality", ("hd",)), "without a default"
        assert found.catalogue.get(model).price(resolution="4K") == Price(0.1)


def test_null_takes_an_entry_away() -> None:
    found = own(based_on="openai", mask=None, n=None, size=None, fields=None, model=None)
    assert found.model == ""
    for each in (found.dialect, found.dialect_of("gpt-image-1"), found.dialect_of("gpt-image-2")):
        assert (each.mask, each.n, each.max_images_per_request) == (False, "", 1)
        assert (each.size, each.shapes, each.fields) == ("", None, {})
        assert each.images == "image[]", "the others stay"
    assert found.dialect_of("gpt-image-1").edit_fields["input_fidelity"] == "high"


def test_null_takes_all_models_away() -> None:
    found = own(based_on="openai", models=None)
    assert (found.models, list(found.catalogue.models)) == ({}, ["gpt-image-2.6-sunburst"])
    assert found.dialect_of("gpt-image-1") == found.dialect


def test_null_takes_an_entry_of_one_model_away() -> None:
    found = own(based_on="openai", models={"gpt-image-1": {"mask": None, "size": None}})
    assert (found.dialect_of("gpt-image-1").mask, found.dialect_of("gpt-image-1").shapes) == (False, None)
    assert found.dialect.mask is found.dialect_of("gpt-image-2").mask is True


def test_null_as_its_base_is_as_good_as_none() -> None:
    assert own(based_on=None).based_on == DEFAULT_BASE


OPENAIS = ServiceProfiles().get("openai")
assert OPENAIS is not None


@pytest.mark.parametrize(
    ("name", "entries", "found"),
    [
        # said at the top: of all models, its own and those of its base
        ("mine", {"quality": ["hd"]}, {"": "hd", "gpt-image-1": "hd", "any other": "hd"}),
        ("openai", {"quality": ["hd"]}, {"": "hd", "gpt-image-1": "hd", "gpt-image-2.5-flare": "hd"}),
        # unless it is said of one
        (
            "mine",
            {"quality": ["hd"], "models": {"gpt-image-1": {"quality": ["best"]}, "m": {}}},
            {"": "hd", "gpt-image-1": "best", "gpt-image-2": "hd", "m": "hd"},
        ),
        (
            "openai",
            {"models": {"gpt-image-1": {"quality": ["best"]}, "m": {}}},
            {"": "low", "gpt-image-1": "best", "gpt-image-2": "low", "m": "low"},
        ),
        ("openai", {"quality": None}, {"": "", "gpt-image-1": "", "gpt-image-2": ""}),
    ],
    ids=str,
)
def test_what_is_said_at_the_top_holds_for_every_model_but_those_of_which_it_is_said(
    name: str, entries: Any, found: dict[str, str]
) -> None:
    base = {} if name == "openai" else {"based_on": "openai"}
    profile = ServiceProfiles({name: {**base, **entries}}).get(name)
    assert profile is not None
    assert {model: next(iter(profile.dialect_of(model).quality.values), "") for model in found} == found


@pytest.mark.parametrize(
    ("entry", "change", "model", "merged"),
    [
        ("limits", {"prompt": 5}, "", {"max_prompt": 5, "max_file_bytes": 50_000_000}),
        ("limits", {"prompt": None}, "", {"max_prompt": 32768, "max_file_bytes": 50_000_000}),
        ("limits", {"prompt": 5}, "gpt-image-1", {"max_prompt": 5, "max_file_bytes": 50_000_000}),
        ("fields", {"user": "me"}, "", {"output_format": "png", "user": "me"}),
        ("fields", {"output_format": "webp"}, "gpt-image-1", {"output_format": "webp"}),
        ("fields", {"output_format": None, "a": 1}, "", {"a": 1}),
        ("edit_fields", {"a": 1}, "gpt-image-1", {"background": "opaque", "input_fidelity": "high", "a": 1}),
        ("edit_fields", {"background": None}, "gpt-image-1", {"input_fidelity": "high"}),
        ("generate_fields", {"style": "vivid"}, "", {"style": "vivid"}),
        ("unsafe_generate_fields", {"a": 1}, "", {"moderation": "low", "a": 1}),
        ("unsafe_generate_fields", None, "gpt-image-1", {}),
    ],
    ids=str,
)
@pytest.mark.parametrize("where", ["at the top", "of the model"])
def test_limits_and_fields_are_changed_one_by_one(
    where: str, entry: str, change: Any, model: str, merged: Any
) -> None:
    if where == "of the model" and model:
        found = own(based_on="openai", models={model: {entry: change}})
    else:
        found = own(based_on="openai", **{entry: change})
    value = getattr(found.dialect_of(model), entry)
    if isinstance(value, Limits):
        value = {name: getattr(value, name) for name in merged}
    assert value == merged


@pytest.mark.parametrize("entry", ["fields", "edit_fields", "generate_fields", "unsafe_generate_fields"])
@pytest.mark.parametrize(
    ("field", "more"),
    [
        *((each, {}) for each in ("prompt", "model", "image", "image[]", "mask", "n", "stream")),
        ("partial_images", {}),
        ("detail", {"quality": {"field": "detail", "values": ["fine"]}}),
        ("ratio", {"aspect_ratio": {"field": "ratio", "values": ["1:1"]}}),
        ("tier", {"resolution": {"field": "tier", "values": ["1k"]}}),
        ("dimensions", {"size": {"field": "dimensions", "values": ["64x64"]}}),
        ("count", {"n": {"field": "count", "max": 2}}),
        ("picture", {"image": "picture"}),
        ("pictures", {"images": "pictures"}),
    ],
)
def test_a_fixed_field_may_not_be_one_that_the_plan_fills_in(entry: str, field: str, more: Any) -> None:
    for entries, named in (
        ({**more, entry: {field: 1}}, entry),
        ({"models": {"m": {**more, entry: {field: 1}}}}, f"models.m.{entry}"),
    ):
        with pytest.raises(BadInput) as caught:
            profile(**entries)
        assert caught.value.detail == (
            f"The provider “mine” in the settings: “{named}.{field}” must be removed; this field "
            "cannot be set here."
        )
    assert dialect(**{entry: {f"{field}-x": 1}})


@pytest.mark.parametrize(
    ("entries", "most"),
    [
        ({}, 1),
        ({"max_images": 3}, 1),
        ({"images": "image[]", "max_images": 3}, 3),
        ({"images": "image[]"}, 1),
    ],
)
def test_without_a_field_for_several_pictures_there_is_room_for_one(entries: Any, most: int) -> None:
    assert dialect(**entries).max_images == most


@pytest.mark.parametrize("base", ["grok-relay", "self-hosted", "venice", "mine", "", 7])
def test_a_built_in_one_cannot_be_based_on_another(base: Any) -> None:
    with pytest.raises(BadInput) as caught:
        ServiceProfiles({"openai": {"based_on": base}}).get("openai")
    assert caught.value.detail == "The provider “openai” is built in: it cannot be based on another one."


@pytest.mark.parametrize("base", [None, "openai"])
def test_a_built_in_one_is_based_on_itself(base: Any) -> None:
    found = ServiceProfiles({"openai": {"based_on": base, "model": "m"}}).get("openai")
    assert found is not None
    assert (found.model, found.dialect) == ("m", OPENAIS.dialect)


@pytest.mark.parametrize("base", ["venice", "sandbox", "mine", "other", "", 7, ["openai"]])
def test_what_it_is_based_on_must_be_built_in(base: Any) -> None:
    with pytest.raises(BadInput) as caught:
        own(based_on=base)
    assert caught.value.detail == (
        "The provider “mine” in the settings: “based_on” must be one of openai, grok-relay, gpt-image-relay, "
        "self-hosted."
    )


def test_one_of_the_name_of_a_built_in_profile_changes_that_one() -> None:
    profiles = ServiceProfiles({"openai": {"model": "gpt-image-2", "mask": None}})
    found = profiles.get("openai")
    assert found is not None
    assert (found.model, found.dialect.mask) == ("gpt-image-2", False)
    assert (found.title, found.base_url, found.key_variable) == (
        *("OpenAI", "https://api.openai.com/v1"),
        "OPENAI_API_KEY",
    )
    assert found.catalogue.get("gpt-image-2").price(quality="low") == Price(0.06)
    assert profiles.names == BUILT_IN
    assert profiles.is_changed("openai"), "which can be undone"


def test_changing_one_changes_no_other() -> None:
    ServiceProfiles({"openai": {"mask": None}}).get("openai")
    own(based_on="openai", mask=None, limits={"prompt": 5})
    untouched = ServiceProfiles().get("openai")
    assert untouched is not None
    assert untouched.dialect.mask is True
    kept = {**untouched.entries, "models": untouched.model_entries}
    models = {
        name: {**shared_by_models("openai"), **each} for name, each in PARTS["openai"]["models"].items()
    }
    assert json.loads(json.dumps(kept)) == {**PARTS["openai"], "models": models}


def test_a_bad_one_does_not_cost_the_others() -> None:
    bad: Mapping[str, Any] = {
        "openai": {"mask": "perhaps"},
        "Bad Name": {},
        "none": None,
        "wrong": {"size": "large"},
        "good": {"base_url": "https://good.example/v1"},
    }
    profiles = ServiceProfiles(bad)
    assert profiles.names == (*BUILT_IN, "Bad Name", "none", "wrong", "good")
    for name in ("openai", "Bad Name", "none", "wrong"):
        with pytest.raises(BadInput, match=name):
            profiles.get(name)
    for name in ("grok-relay", "gpt-image-relay", "self-hosted", "good"):
        found = profiles.get(name)
        assert found is not None
        assert found.name == name
    assert profiles.is_changed("wrong"), "so it can be taken away"


@pytest.mark.parametrize("kept", [None, {}])
def test_settings_that_hold_no_profiles_leave_those_that_are_built_in(kept: Any) -> None:
    assert ServiceProfiles(kept).names == BUILT_IN


def test_a_model_that_is_null_is_taken_out() -> None:
    found = ServiceProfiles(
        {"openai": {"models": {"gpt-image-1": None, "gpt-image-2": {"mask": False}}}}
    ).get("openai")
    assert found is not None
    assert "gpt-image-1" not in found.models
    assert not found.dialect_of("gpt-image-2").mask
    assert found.dialect_of("gpt-image-2.5-flare").mask


def test_without_its_models_a_service_lists_its_default_only() -> None:
    found = ServiceProfiles({"openai": {"models": None}}).get("openai")
    assert found is not None
    assert list(found.catalogue.models) == ["gpt-image-2.6-sunburst"]
