"""What models cost and accept, from entries as the service writes them or as nobody should."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venice_core.planning.capabilities import Capabilities, Model
from venice_core.planning.price import FlatPrices, Price
from venice_core.providers.venice.model_entries import packaged_catalogue, read_catalogue, read_model
from venice_core.providers.venice.prices import VenicePrices
from venice_core.providers.venice.provider import Venice
from venice_core.secret import Secret


def amount(usd: Any, diem: Any = None) -> dict[str, Any]:
    return {"usd": usd, "diem": usd if diem is None else diem}


def model(pricing: Any, **constraints: Any) -> Model:
    spec = {"pricing": pricing, "constraints": constraints}
    return read_model({"id": "m", "type": "inpaint", "model_spec": spec})


FLAT = {"inpaint": amount(0.04)}
GENERATION = {"generation": amount(0.01)}
TIERS = {"inpaint": amount(0.1), "resolutions": {"1K": amount(0.1), "2K": amount(0.14), "4K": amount(0.19)}}
QUALITIES = {
    "inpaint": amount(0.34),
    "resolutions": {"1K": amount(0.34), "2K": amount(0.52)},
    "quality": {
        "1K": {"low": amount(0.03), "high": amount(0.33)},
        "2K": {"low": amount(0.04), "high": amount(0.51)},
    },
}
ONLY_QUALITIES = {"quality": {"1K": {"low": amount(0.02)}, "2K": {"low": amount(0.05)}}}


def inputs(included: Any, each: Any) -> dict[str, Any]:
    return {**FLAT, "inputImages": {"included": included, "additional": amount(each)}}


@pytest.mark.parametrize(
    ("pricing", "constraints", "wish", "usd"),
    [
        (FLAT, {}, {}, 0.04),
        (FLAT, {}, {"resolution": "2K", "quality": "high", "images": 3}, 0.04),
        (GENERATION, {}, {}, 0.01),
        ({"resolutions": {"1K": amount(0.07), "2K": amount(0.1)}}, {}, {}, 0.07),
        (TIERS, {}, {}, 0.1),
        (TIERS, {}, {"resolution": "2K"}, 0.14),
        (TIERS, {}, {"resolution": "4K"}, 0.19),
        (TIERS, {"resolutions": ["1K", "8K"]}, {"resolution": "8K"}, None),  # not that of another tier
        (TIERS, {"defaultResolution": "2K"}, {}, 0.14),
        (TIERS, {"defaultResolution": "2K"}, {"resolution": "1K"}, 0.1),
        (QUALITIES, {}, {}, 0.34),
        (QUALITIES, {}, {"quality": "low"}, 0.03),
        (QUALITIES, {}, {"quality": "high", "resolution": "2K"}, 0.51),
        (QUALITIES, {"defaultQuality": "high"}, {}, 0.33),
        (QUALITIES, {"defaultQuality": "high", "defaultResolution": "2K"}, {}, 0.51),
        (QUALITIES, {"defaultQuality": "high", "defaultResolution": "2K"}, {"quality": "low"}, 0.04),
        (ONLY_QUALITIES, {}, {"quality": "low"}, 0.02),
        (ONLY_QUALITIES, {}, {"quality": "low", "resolution": "2K"}, 0.05),
        (ONLY_QUALITIES, {}, {}, None),
        (inputs(1, 0.01), {}, {"images": 1}, 0.04),
        (inputs(1, 0.01), {}, {"images": 3}, 0.06),
        (inputs(0, 0.01), {}, {"images": 1}, 0.05),
        (inputs(0, 0.01), {}, {"images": 3}, 0.07),
        (inputs(5, 0.01), {}, {"images": 3}, 0.04),
        (inputs(None, 0.01), {}, {"images": 3}, 0.04),
        (inputs(1, None), {}, {"images": 3}, 0.04),
        (FLAT, {}, {"enhance": True}, 0.08),
        (inputs(0, 0.01), {}, {"images": 2, "enhance": True}, 0.10),
        (GENERATION, {}, {"pictures": 4}, 0.04),
        (GENERATION, {}, {"pictures": 4, "enhance": True}, 0.08),  # one prompt is rewritten once
        ({}, {}, {}, None),
        ({}, {}, {"enhance": True}, None),
        ({"upscale": {"2x": amount(0.02)}}, {}, {}, None),
    ],
)
def test_every_documented_shape_of_a_price(
    pricing: Any, constraints: dict[str, Any], wish: dict[str, Any], usd: float | None
) -> None:
    price = model(pricing, **constraints).price(**wish)
    if usd is None:
        assert price is None
    else:
        assert price == Price(pytest.approx(usd), pytest.approx(usd))


def test_diem_is_counted_apart_from_dollars() -> None:
    pricing = {
        "inpaint": {"usd": 0.1, "diem": 0.3},
        "inputImages": {"included": 1, "additional": {"usd": 0.01, "diem": 0.05}},
    }
    priced = model(pricing)
    assert priced.price(images=3) == Price(0.12, 0.4)
    assert priced.price(images=3, pictures=2) == Price(0.24, 0.8)
    assert priced.price(enhance=True) == Price(0.14, 0.34)


@pytest.mark.parametrize(
    ("written", "price"),
    [
        ({"usd": 0.5}, Price(0.5, None)),
        ({"diem": 0.5}, Price(None, 0.5)),
        ({"usd": 0}, Price(0.0, None)),
        ({"usd": "0.5", "diem": 0.5}, Price(None, 0.5)),
        *(
            ({"usd": odd}, None)
            for odd in (
                "0.5",
                -0.1,
                True,
                None,
                [0.5],
                {"usd": 1},
                1e9,
                math.nan,
                math.inf,
                -math.inf,
                10**400,
            )
        ),
        *((odd, None) for odd in (0.5, "0.5", True, None, [], [0.5], {})),
    ],
)
def test_what_is_no_price_is_not_known_and_breaks_nothing(written: Any, price: Price | None) -> None:
    assert model({"inpaint": written}).price() == price
    assert model({"generation": written}).price() == price
    assert model({"upscale": {"2x": written}}).upscale_price(2) == price
    assert model({"resolutions": {"1K": written}}).price(resolution="1K") == price


def test_what_is_not_known_stays_so_whatever_is_added() -> None:
    half = model({"inpaint": {"diem": 0.5}, "inputImages": {"included": 0, "additional": {"usd": 1}}})
    assert half.price(images=4, enhance=True) == Price(None, 0.54)
    assert Price(None, None).times(3) == Price(None, None)


def test_money_does_not_gather_rounding_errors() -> None:
    assert Price(0.1, 0.7).times(3) == Price(0.3, 2.1)
    assert Price(0.1).plus(0.2, 0.0) == Price(0.3)


@pytest.mark.parametrize(("scale", "usd"), [(2, 0.02), (3, 0.08), (4, 0.08)])
def test_upscaling_more_than_twice_costs_what_four_times_does(scale: int, usd: float) -> None:
    pricing = {"generation": amount(0.01), "upscale": {"2x": amount(0.02), "4x": amount(0.08)}}
    assert model(pricing).upscale_price(scale) == Price(usd, usd)
    assert model({"upscale": {"2x": amount(0.02)}}).upscale_price(scale) == (
        Price(0.02, 0.02) if scale == 2 else None
    )


@pytest.mark.parametrize(
    ("tiers", "usd"), [(("1.5K", "1K", "2K"), 0.1), (("2K", "1.5K"), 0.15), (("4K",), 0.4)]
)
def test_without_a_wish_and_a_default_the_usual_resolution_is_priced_else_the_smallest(
    tiers: tuple[str, ...], usd: float
) -> None:
    found = model({"resolutions": {tier: amount(float(tier[:-1]) / 10) for tier in tiers}})
    assert found.price() == Price(usd, usd)
    assert list(found.resolutions) == sorted(tiers, key=lambda tier: float(tier[:-1]))


# The packaged list, against the numbers published in August 2026


@pytest.mark.parametrize(
    ("name", "wish", "usd"),
    [
        ("firered-image-edit", {}, 0.04),
        ("firered-image-edit", {"images": 3}, 0.04),
        ("flux-2-max-edit", {"images": 1}, 0.12),
        ("flux-2-max-edit", {"images": 3}, 0.189),
        ("gpt-image-1-5-edit", {"images": 2}, 0.33806),
        ("gpt-image-2-edit", {}, 0.34),
        ("gpt-image-2-edit", {"resolution": "4K"}, 0.84),
        ("gpt-image-2-edit", {"resolution": "4K", "quality": "low"}, 0.04),
        ("gpt-image-2-edit", {"quality": "medium", "images": 3}, 0.0984),
        ("grok-imagine-edit", {}, 0.0323),
        ("grok-imagine-image-2-0-edit", {"resolution": "2K", "quality": "low", "images": 2}, 0.093),
        ("nano-banana-pro-edit", {"resolution": "4K", "enhance": True}, 0.39),
        ("seedream-v5-pro-edit", {"resolution": "2K", "images": 2}, 0.11345),
        ("wan-2-7-pro-edit", {}, 0.094),
        ("bria-bg-remover", {}, 0.03),
        ("z-image-turbo", {}, 0.01),
        ("z-image-turbo", {"pictures": 4}, 0.04),
        ("gpt-image-2", {}, 0.27),
        ("gpt-image-2", {"quality": "high"}, 0.26),
        ("gpt-image-2", {"quality": "low", "resolution": "4K", "pictures": 2}, 0.1),
        ("wan-2-7-text-to-image", {"pictures": 3}, 0.1125),
    ],
)
def test_the_packaged_prices_are_the_published_ones(name: str, wish: dict[str, Any], usd: float) -> None:
    price = packaged_catalogue().get(name).price(**wish)
    assert price == Price(pytest.approx(usd), pytest.approx(usd))


def test_the_packaged_list_holds_every_type_and_a_price_for_each() -> None:
    packaged = packaged_catalogue()
    counts = {kind: len(packaged.of_type(kind)) for kind in ("inpaint", "image", "upscale")}
    assert counts == {"inpaint": 21, "image": len(packaged.models) - 22, "upscale": 1}
    assert packaged.date == 0
    assert packaged.get("upscaler").upscale_price(2) == Price(0.02, 0.02)
    assert packaged.get("upscaler").upscale_price(4) == Price(0.08, 0.08)
    unpriced = [each.id for each in packaged.models.values() if each.price() is None]
    assert not unpriced
    assert all(each.listed and not each.constrained for each in packaged.models.values())


# Entries

FULL = {
    "id": "full",
    "type": "image",
    "model_spec": {
        "name": "Full One",
        "offline": True,
        "privacy": "private",
        "traits": ["default", "fastest"],
        "constraints": {
            "promptCharacterLimit": 1500,
            "steps": {"default": 8, "max": 20},
            "widthHeightDivisor": 16,
            "maxStyleReferences": 4,
            "aspectRatios": ["1:1", "16:9"],
        },
        "deprecation": {"removesAt": "2026-12-01T00:00:00Z", "replacementModelId": "next"},
        "pricing": GENERATION,
    },
}


def test_an_entry_is_read_as_the_service_writes_it() -> None:
    full = read_model(FULL)
    assert (full.id, full.name, full.type, full.label) == ("full", "Full One", "image", "Full One")
    assert (full.offline, full.privacy, full.traits) == (True, "private", ("default", "fastest"))
    assert (full.max_prompt, full.max_steps, full.divisor, full.max_style_references) == (1500, 20, 16, 4)
    assert full.aspect_ratios == ("1:1", "16:9")
    assert (full.retires, full.replacement) == ("2026-12-01T00:00:00Z", "next")
    assert full.listed
    assert full.constrained


def test_what_the_prices_tell_of_tiers_and_qualities_fills_what_is_not_said() -> None:
    told = model(QUALITIES)
    assert (told.resolutions, told.qualities) == (("1K", "2K"), ("low", "high"))
    limited = model(QUALITIES, resolutions=["1K"], qualities=["high"])
    assert (limited.resolutions, limited.qualities) == (("1K",), ("high",))


@pytest.mark.parametrize("entry", [None, 7, "m", [], {}, {"id": ""}, {"id": None}, {"id": 7}, {"id": ["m"]}])
def test_what_is_no_entry_is_a_value_error_and_is_passed_over(entry: Any) -> None:
    with pytest.raises(ValueError, match="not the entry"):
        read_model(entry)
    assert list(read_catalogue([entry, {"id": "m"}, entry]).models) == ["m"]


def test_an_entry_with_nothing_but_an_id_says_nothing_else() -> None:
    bare = read_model({"id": "bare"})
    unset = Model("bare", "bare", listed=True)
    assert bare == unset


WORDS = (
    *("id", "type", "model_spec", "name", "traits", "pricing", "constraints", "usd", "diem", "included"),
    *("inpaint", "generation", "resolutions", "quality", "inputImages", "additional", "upscale", "2x", "1K"),
    *("aspectRatios", "steps", "max", "maxInputImages", "combineImages", "widthHeightDivisor", "deprecation"),
    *("promptCharacterLimit", "removesAt", "qualities", "defaultResolution", "default", "offline"),
)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=30,
)
constraints = st.dictionaries(st.sampled_from(WORDS), any_json, max_size=8)
specs = st.fixed_dictionaries({}, optional={"constraints": constraints, "pricing": constraints})
broken_entries = st.fixed_dictionaries(
    {"id": st.text(min_size=1, max_size=3)}, optional={"type": any_json, "model_spec": specs | any_json}
)


@given(broken_entries, st.sampled_from(["", "1K", "2x"]), st.integers(1, 5), st.booleans())
def test_an_entry_of_any_brokenness_is_read_and_priced(
    entry: dict[str, Any], wish: str, count: int, enhance: bool
) -> None:
    if not is_entry(entry):
        return
    broken = read_model(entry)
    assert broken.id == entry["id"]
    for field in fields(Model):
        default = getattr(Model("x"), field.name)
        value = getattr(broken, field.name)
        wanted = (VenicePrices, FlatPrices) if field.name == "prices" else type(default)
        assert value is None or default is None or isinstance(value, wanted), field.name
    assert broken.divisor >= 1
    for price in (
        broken.price(images=count, resolution=wish, quality=wish, enhance=enhance, pictures=count),
        broken.upscale_price(2),
    ):
        for number in (price.usd, price.diem) if price else ():
            assert number is None or (math.isfinite(number) and number >= 0)


def is_entry(entry: Any) -> bool:
    """Whether it names a model and is not of a type that has nothing to do with pictures."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
        return False
    kind = entry.get("type")
    return not isinstance(kind, str) or kind in ("", "inpaint", "image", "upscale")


@given(any_json)
def test_anything_else_is_a_value_error(entry: Any) -> None:
    try:
        read_model(entry)
    except ValueError:
        assert not is_entry(entry)


@given(st.lists(any_json | broken_entries, max_size=8))
def test_a_list_of_any_brokenness_is_a_catalogue(entries: list[Any]) -> None:
    catalogue = read_catalogue(entries)
    assert set(catalogue.models) == {entry["id"] for entry in entries if is_entry(entry)}
    for kind in ("inpaint", "image", "upscale"):
        assert all(each.type in (kind, "") for each in catalogue.of_type(kind))


# The catalogue


def entry(name: str, kind: str = "", *traits: str) -> dict[str, Any]:
    own = {"type": kind} if kind else {}
    return {"id": name, **own, "model_spec": {"traits": list(traits)}}


def test_models_are_found_by_id_then_by_trait_and_else_nothing_is_known_of_them() -> None:
    known = read_catalogue([entry("a", "image", "fastest"), entry("fastest", "image"), entry("c", "", "d")])
    assert known.get("a").id == "a"
    assert known.get("fastest").id == "fastest", "an id goes before a trait"
    assert known.get("d").id == "c"
    assert known.get("other") == Model("other", "other")
    assert not known.get("other").listed


def test_models_are_listed_by_type_in_the_services_order() -> None:
    known = read_catalogue([entry("e"), entry("i", "image"), entry("u", "upscale"), entry("f", "inpaint")])
    assert [each.id for each in known.of_type("inpaint")] == ["e", "f"], "one of no type edits"
    assert [each.id for each in known.of_type("image")] == ["i"]
    assert [each.id for each in known.of_type("upscale")] == ["u"]


def test_the_generator_is_the_services_default_or_else_ours() -> None:
    def capabilities(*entries: dict[str, Any]) -> Capabilities:
        known = read_catalogue(entries)
        return replace(
            Venice(Secret("k"), catalogue=known).capabilities,
            default_model="edits",
            default_generator="ours",
            upscale_model="up",
        )

    marked = capabilities(
        entry("x", "inpaint", "default"), entry("y", "image"), entry("z", "image", "default")
    )
    assert marked.default_for("image") == "z"
    assert capabilities(entry("y", "image")).default_for("image") == "ours"
    assert (marked.default_for("inpaint"), marked.default_for("upscale")) == ("edits", "up")


def test_the_packaged_list_is_valid_json_of_the_services_form() -> None:
    known = packaged_catalogue()
    assert json.dumps([each.prices.to_json() for each in known.models.values()])
    assert known.get("default").id == "z-image-turbo"
    assert known.get("highest_quality").id == "qwen-image"
