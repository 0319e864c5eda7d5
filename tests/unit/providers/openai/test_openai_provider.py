"""What is sent to an OpenAI-compatible service, field by field, and how its answers are read."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_transport import PNG

from venice_core.errors import BadInput, Charge, LookupFailed, UnusableAnswer
from venice_core.geometry.rectangles import Bounds, Extent, Padding
from venice_core.job import Facts, Options
from venice_core.network.messages import Request, Response
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan
from venice_core.providers.base import Account, Encoded, ImageLink, RequestImages
from venice_core.providers.openai.profile import ServiceProfile, ServiceProfiles
from venice_core.providers.openai.provider import OpenAI
from venice_core.secret import Secret

KEY = Secret("sk-0123456789abcdef")
URL = "https://service.example/v1"
WHOLE = Bounds(0, 0, 1024, 1024)
TEXT = base64.b64encode(PNG).decode()
FULL = PNG + b"\xff\xfe\xfb\xef\xbe"  # whose base64 has both signs of each alphabet, and padding
URL_SAFE = base64.urlsafe_b64encode(FULL).decode()
PICTURE, HINT = Encoded(b"picture", "image/png"), Encoded(b"hint", "image/jpeg")
MASK = Encoded(b"mask", "image/png")
BUILT_IN = ("openai", "grok-relay", "gpt-image-relay", "self-hosted")


def built_in(name: str) -> ServiceProfile:
    found = ServiceProfiles().get(name)
    assert found is not None
    return found


def service(name: str = "openai", **entries: Any) -> OpenAI:
    """That of a built-in profile, or with entries of one's own based on it."""
    profile = ServiceProfiles().parse("mine", {"based_on": name, **entries}) if entries else built_in(name)
    return OpenAI(KEY, URL, profile)


def plan(endpoint: Endpoint = Endpoint.EDITS, **changes: Any) -> Plan:
    bare = Plan(endpoint, "any", "m", "a hat", WHOLE, Padding(), WHOLE.extent, asked=WHOLE.extent)
    return replace(bare, **changes)


def sent(
    provider: OpenAI, wish: Plan | None = None, upload: RequestImages | None = None, **options: Any
) -> Request:
    return provider.request(wish or plan(), Options(**options), upload or RequestImages((PICTURE,)))


# Edits: the fields and files of each built-in profile


@pytest.mark.parametrize(
    ("name", "changes", "fields"),
    [
        (
            "openai",
            {"model": "gpt-image-2", "quality": "low", "pictures": 3},
            {
                "output_format": "png",
                "background": "opaque",
                "model": "gpt-image-2",
                "prompt": "a hat",
                "size": "1024x1024",
                "quality": "low",
                "n": "3",
            },
        ),
        (
            "openai",
            {"model": "gpt-image-1.5"},
            {
                "output_format": "png",
                "background": "opaque",
                "input_fidelity": "high",
                "model": "gpt-image-1.5",
                "prompt": "a hat",
                "size": "1024x1024",
            },
        ),
        (
            "grok-relay",
            {"aspect_ratio": "16:9", "resolution": "2k", "quality": "medium", "pictures": 2, "asked": None},
            {
                "model": "m",
                "prompt": "a hat",
                "aspect_ratio": "16:9",
                "resolution": "2k",
                "quality": "medium",
                "n": "2",
            },
        ),
        ("grok-relay", {"asked": None}, {"model": "m", "prompt": "a hat"}),
        ("gpt-image-relay", {"quality": "high"}, {"model": "m", "prompt": "a hat", "quality": "high"}),
        (
            "self-hosted",
            {"model": "", "asked": Extent(640, 432)},
            {"prompt": "a hat", "size": "640x432", "response_format": "b64_json"},
        ),
    ],
)
def test_an_edit_holds_these_fields_and_no_other(name: str, changes: Any, fields: dict[str, str]) -> None:
    request = sent(service(name), plan(**changes))
    assert dict(request.fields) == fields
    assert len(request.fields) == len(fields), "each once"
    assert (request.method, request.url, request.json) == ("POST", f"{URL}/images/edits", None)
    assert request.key is KEY


@pytest.mark.parametrize(
    ("name", "single", "several"),
    [
        ("openai", "image", "image[]"),
        ("grok-relay", "image", None),
        ("gpt-image-relay", "image[]", "image[]"),
        ("self-hosted", "image", None),
    ],
)
def test_one_picture_and_several_have_the_fields_of_the_profile(
    name: str, single: str, several: str | None
) -> None:
    (file,) = sent(service(name)).files
    assert (file.name, file.filename, file.data, file.media_type) == (
        *(single, "image-1.png"),
        *(b"picture", "image/png"),
    )
    if several:
        files = sent(service(name), upload=RequestImages((PICTURE, HINT))).files
        assert [(each.name, each.filename, each.data, each.media_type) for each in files] == [
            (several, "image-1.png", b"picture", "image/png"),
            (several, "image-2.jpeg", b"hint", "image/jpeg"),
        ]


def test_a_mask_is_a_file_of_its_own_and_no_further_picture() -> None:
    files = sent(service(), upload=RequestImages((PICTURE,), MASK)).files
    assert [(file.name, file.filename, file.data) for file in files] == [
        ("image", "image-1.png", b"picture"),
        ("mask", "mask.png", b"mask"),
    ]


def test_a_profile_names_its_fields_as_its_service_does() -> None:
    own = service(
        "openai",
        image="picture",
        size={"field": "dimensions", "values": ["1024x1024"]},
        quality={"field": "detail", "values": ["fine"], "default": "fine"},
        n={"field": "num_images", "max": 4},
        resolution={"field": "tier", "values": ["1k"], "default": "1k"},
        fields={"steps": 30, "sharp": True, "strength": 0.5},
        response_format="url",
    )
    request = sent(own, plan(pictures=2, quality="fine", resolution="1k"))
    assert dict(request.fields) == {
        "output_format": "png",
        "steps": "30",
        "sharp": "true",
        "strength": "0.5",
        "background": "opaque",
        "model": "m",
        "prompt": "a hat",
        "dimensions": "1024x1024",
        "detail": "fine",
        "num_images": "2",
        "tier": "1k",
        "response_format": "url",
    }
    assert [file.name for file in request.files] == ["picture"]


@pytest.mark.parametrize("name", ["openai", "mine"])
@pytest.mark.parametrize(
    ("endpoint", "safe_mode", "moderation"),
    [
        (Endpoint.GENERATIONS, False, "low"),
        (Endpoint.GENERATIONS, True, None),
        (Endpoint.EDITS, False, None),
        (Endpoint.EDITS, True, None),
    ],
)
def test_less_moderation_is_asked_for_only_by_generations_where_safe_mode_is_off(
    name: str, endpoint: Endpoint, safe_mode: bool, moderation: str | None
) -> None:
    entries = {"unsafe_generate_fields": {"moderation": "low"}} if name == "mine" else {}
    provider = service("self-hosted" if entries else name, **entries)
    request = sent(provider, plan(endpoint), safe_mode=safe_mode)
    fields = request.json if request.json is not None else dict(request.fields)
    assert fields.get("moderation") == moderation


def test_fields_for_one_endpoint_win_over_those_for_all_and_a_field_by_name_over_both() -> None:
    own = service("openai", fields={"background": "auto", "user": "me", "style": "vivid"})
    fields = dict(sent(own, fields=(("user", "you"), ("seed", "7"))).fields)
    assert (fields["background"], fields["style"]) == ("opaque", "vivid")
    assert (fields["user"], fields["seed"]) == ("you", "7")
    assert len(sent(own, fields=(("user", "you"),)).fields) == len(sent(own).fields)


def test_less_moderation_wins_over_the_usual_one_and_a_field_by_name_over_both() -> None:
    own = service("openai", generate_fields={"moderation": "auto"})
    for safe_mode, by_name, moderation in (
        (True, (), "auto"),
        (False, (), "low"),
        (False, (("moderation", "other"),), "other"),
    ):
        body = sent(own, plan(Endpoint.GENERATIONS), safe_mode=safe_mode, fields=by_name).json
        assert body is not None
        assert body["moderation"] == moderation


@pytest.mark.parametrize(
    ("provider", "managed", "free"),
    [
        (service("openai"), {"size", "quality", "n", "image[]"}, {"aspect_ratio", "resolution", "user"}),
        (service("grok-relay"), {"aspect_ratio", "resolution", "quality", "n"}, {"size", "user"}),
        (service("gpt-image-relay"), {"quality", "image[]"}, {"size", "aspect_ratio", "resolution"}),
        (service("self-hosted"), {"size"}, {"aspect_ratio", "quality", "num_images"}),
        (
            service(
                "self-hosted",
                size={"field": "dimensions", "values": ["64x64"]},
                aspect_ratio={"field": "ratio", "values": ["1:1"]},
                resolution={"field": "tier", "values": ["1k"]},
                quality={"field": "detail", "values": ["fine"]},
                n={"field": "num_images", "max": 2},
                image="picture",
                images="pictures[]",
                models={"other": {"quality": {"field": "steps", "values": ["9"]}}},
            ),
            {
                *("dimensions", "ratio", "tier", "detail", "num_images", "picture", "pictures[]"),
                "steps",  # as any of its models has it
            },
            {"size", "aspect_ratio", "resolution", "quality"},
        ),
    ],
    ids=["openai", "grok-relay", "gpt-image-relay", "self-hosted", "mine"],
)
@pytest.mark.parametrize("endpoint", [Endpoint.EDITS, Endpoint.GENERATIONS])
def test_what_the_plan_fills_in_cannot_be_set_by_name_but_anything_else_can(
    endpoint: Endpoint, provider: OpenAI, managed: set[str], free: set[str]
) -> None:
    parse_fields = provider.capabilities.parse_fields
    for name in managed | {"prompt", "model", "image", "mask", "n", "stream", "partial_images"}:
        with pytest.raises(BadInput, match=re.escape(f"“{name}” cannot be set by name")):
            parse_fields(endpoint, {name: "x"})
        with pytest.raises(BadInput, match="cannot be set by name"):
            sent(provider, plan(endpoint), fields=((name, "x"),))
    assert parse_fields(endpoint, dict.fromkeys(free, "x")) == dict.fromkeys(free, "x")


# Generations


@pytest.mark.parametrize(
    ("name", "changes", "body"),
    [
        (
            "openai",
            {"pictures": 3, "quality": "max"},
            {
                "output_format": "png",
                "model": "m",
                "prompt": "a hat",
                "size": "1024x1024",
                "quality": "max",
                "n": 3,
            },
        ),
        (
            "grok-relay",
            {"asked": None, "aspect_ratio": "9:19.5", "resolution": "1k"},
            {"model": "m", "prompt": "a hat", "aspect_ratio": "9:19.5", "resolution": "1k"},
        ),
        ("gpt-image-relay", {}, {"model": "m", "prompt": "a hat"}),
        (
            "self-hosted",
            {"model": ""},
            {"prompt": "a hat", "size": "1024x1024", "response_format": "b64_json"},
        ),
    ],
)
def test_a_generation_is_json_with_these_fields_and_no_other(name: str, changes: Any, body: Any) -> None:
    request = sent(service(name), plan(Endpoint.GENERATIONS, **changes), RequestImages())
    assert request.json == body
    assert (request.fields, request.files) == ((), ())
    assert (request.method, request.url) == ("POST", f"{URL}/images/generations")


def test_fields_for_edits_and_for_generations_are_kept_apart() -> None:
    own = service("openai", edit_fields={"a": 1}, generate_fields={"b": 2}, fields={"c": 3})
    assert {"a", "c"} <= dict(sent(own).fields).keys()
    assert "b" not in dict(sent(own).fields)
    generation = sent(own, plan(Endpoint.GENERATIONS)).json
    assert generation is not None
    assert (generation["b"], generation["c"], "a" in generation) == (2, 3, False)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-0.5", -0.5),
        ("true", True),
        ("false", False),
        ("null", "null"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("1e999", "1e999"),
        ("[1]", "[1]"),
        ('{"a": 1}', '{"a": 1}'),
        ('"x"', '"x"'),
        ("", ""),
        ("vivid", "vivid"),
    ],
)
def test_a_field_by_name_is_a_number_or_true_or_false_or_text(text: str, value: Any) -> None:
    parse_fields = service().capabilities.parse_fields
    (parsed,) = parse_fields(Endpoint.GENERATIONS, {"x": text}).values()
    assert parsed == value
    assert type(parsed) is type(value)
    assert parse_fields(Endpoint.EDITS, {"x": text}) == {"x": text}


# Without an address


def test_without_an_address_nothing_can_be_sent_and_what_to_do_is_said() -> None:
    homeless = replace(service("grok-relay"), base_url="")
    for ask in (homeless.account, lambda: sent(homeless)):
        with pytest.raises(BadInput) as caught:
            ask()
        assert caught.value.detail == (
            "The provider grok-relay has no address yet (GROK_RELAY_BASE_URL is not set)."
        )
    own = replace(service("grok-relay", title="Mine"), base_url="")
    with pytest.raises(BadInput, match=r"has no address yet\.$"):
        own.account()


# What it can do


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_the_planner_sees_is_what_the_profile_says(name: str) -> None:
    profile, can = built_in(name), service(name).capabilities
    assert (can.name, can.default_model, can.generator) == (name, profile.model, profile.model)
    assert can.keyless is profile.keyless is (name == "self-hosted")
    assert can.limits == profile.dialect.limits
    assert not can.free


def test_the_limit_of_a_file_is_that_of_the_models_dialect() -> None:
    own = service("openai", limits={"file_bytes": 1000}, models={"small": {"limits": {"file_bytes": 10}}})
    assert own.max_file_bytes(plan()) == 1000
    assert own.max_file_bytes(plan(model="small")) == 10


# Answers: the pictures


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([{"b64_json": TEXT}], (PNG,)),
        ([{"b64_json": TEXT[:40] + "\n " + TEXT[40:]}], (PNG,)),
        ([{"b64_json": f"data:image/png;base64,{TEXT}"}], (PNG,)),
        ([{"url": f"data:image/png;base64,{TEXT}"}], (PNG,)),
        ([{"url": f"DATA:image/png;base64,{TEXT}"}], (PNG,)),
        ([{"url": "https://files.example/a.png?sig=1"}], (ImageLink("https://files.example/a.png?sig=1"),)),
        ([{"url": "HTTPS://files.example/a.png"}], (ImageLink("HTTPS://files.example/a.png"),)),
        ([{"b64_json": "https://files.example/a.png"}], (ImageLink("https://files.example/a.png"),)),
        ([{"url": "/files/a.png"}], (ImageLink("https://service.example/files/a.png"),)),
        ([{"url": "files/a.png"}], (ImageLink("https://service.example/files/a.png"),)),
        ([{"url": "//cdn.example/a.png"}], (ImageLink("https://cdn.example/a.png"),)),
        ([{"b64_json": None, "url": "https://files.example/a"}], (ImageLink("https://files.example/a"),)),
        ([{"b64_json": "", "url": "https://files.example/a"}], (ImageLink("https://files.example/a"),)),
        ([{"b64_json": TEXT, "url": "https://files.example/a"}], (PNG,)),
        ([{"b64_json": TEXT, "url": None, "revised_prompt": "x"}], (PNG,)),
        (
            [{"b64_json": TEXT}, {"url": "https://files.example/b"}],
            (PNG, ImageLink("https://files.example/b")),
        ),
        ([{}, {"b64_json": "no base64!"}, None, 7, {"url": []}, {"b64_json": TEXT}], (PNG,)),
        # base64 as some write it
        ([{"b64_json": TEXT.rstrip("=")}], (PNG,)),
        ([{"b64_json": URL_SAFE}], (FULL,)),
        ([{"b64_json": URL_SAFE.rstrip("=")}], (FULL,)),
        ([{"url": f"data:image/png;base64,{URL_SAFE.rstrip('=')}"}], (FULL,)),
        # a broken one beside a link that may be whole
        (
            [{"b64_json": "no base64!", "url": "https://files.example/a"}],
            (ImageLink("https://files.example/a"),),
        ),
        ([{"b64_json": "A", "url": f"data:image/png;base64,{TEXT}"}], (PNG,)),
        ([{"b64_json": "no base64!", "url": "data:image/png;base64,?"}, {"b64_json": TEXT}], (PNG,)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_picture_is_in_the_answer_or_behind_a_link(
    entries: Any, found: tuple[bytes | ImageLink, ...]
) -> None:
    assert service().pictures(answer({"created": 1, "data": entries})) == found


@pytest.mark.parametrize(
    "body",
    [
        PNG,
        TEXT.encode(),
        f"data:image/png;base64,{TEXT}\n".encode(),
        f'"{TEXT}"'.encode(),
        f'"data:image/png;base64,{TEXT}"'.encode(),
    ],
    ids=["as it is", "base64", "a data URI", "base64 in JSON", "a data URI in JSON"],
)
def test_a_body_that_is_the_picture_itself_is_taken(body: bytes) -> None:
    assert service().pictures(answer(body)) == (PNG,)


def test_a_body_that_is_a_picture_of_an_unusual_kind_is_left_to_the_decoder_to_name() -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    assert service().pictures(answer(heic)) == (heic,)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"created": 1, "data": []}, "a response without an image"),
        ({"data": [{}]}, "a response without an image"),
        ({"data": [{"b64_json": ""}]}, "a response without an image"),
        ({"data": [{"b64_json": "no base64!"}]}, "a response without an image"),
        ({"data": [{"url": "data:image/png;base64,"}]}, "a response without an image"),
        ({"data": None}, "a response without an image"),
        ({"data": {"b64_json": TEXT}}, "a response without an image"),
        ({}, "a response without an image"),
        ({"data": [], "error": {"message": "It failed", "code": "x"}}, "It failed"),
        ({"error": {"message": f"It failed with {KEY.reveal()}"}}, "It failed with ***"),
        ({"detail": [{"loc": ["body", "n"], "msg": "too many"}]}, "body.n: too many"),
        ([], "[]"),
        (b"", "a response without an image"),
        (b"<html><title>Sorry</title>", "an HTML page, “Sorry”"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_success_without_a_picture_is_unusable_and_may_have_been_charged(body: Any, said: str) -> None:
    with pytest.raises(UnusableAnswer) as caught:
        service().pictures(answer(body, x_request_id="req-7"))
    assert caught.value.detail == said
    assert (caught.value.charge, caught.value.request_id) == (Charge.POSSIBLE, "req-7")


# Answers: what is said beside them

USAGE = {
    "input_tokens": 1500,
    "input_tokens_details": {"text_tokens": 500, "image_tokens": 1000},
    "output_tokens": 2000,
}
PRICED = {"model": "gpt-image-2"}


def facts(body: Any, wish: Plan | None = None, **headers: str) -> Facts:
    return service().facts(answer(body, **headers), wish or plan(**PRICED))


def test_the_facts_are_those_that_the_answer_tells() -> None:
    told = facts(
        {"data": [{"b64_json": TEXT, "revised_prompt": "A red hat"}], "usage": USAGE},
        x_request_id="req-1",
    )
    assert told == Facts(
        request_id="req-1", enhanced_prompt="A red hat", usage=USAGE, cost_usd=0.0705
    )  # 500 · 5 + 1000 · 8 + 2000 · 30 millionths
    assert facts({"data": [{"b64_json": TEXT}]}) == Facts()
    assert facts(PNG) == Facts()


def test_only_a_sandbox_on_this_machine_is_believed_to_be_one() -> None:
    for url, said, believed in (
        ("http://127.0.0.1:9/v1", "true", True),
        ("http://localhost:9/v1", "True", True),
        ("http://[::1]:9/v1", "true", True),
        ("http://127.0.0.1:9/v1", "false", False),
        ("https://service.example/v1", "true", False),
        ("https://localhost.example/v1", "true", False),
        ("https://10.0.0.7/v1", "true", False),
        ("", "true", False),
    ):
        provider = replace(service(), base_url=url)
        assert provider.facts(answer({}, x_venice_sandbox=said), plan()).sandbox is believed, url


@pytest.mark.parametrize(
    ("data", "rewritten"),
    [
        ([{"revised_prompt": "A"}, {"revised_prompt": "B"}], "A"),
        ([{}, {"revised_prompt": "B"}], "B"),
        ([{"revised_prompt": None}], ""),
        ([{"revised_prompt": 7}], ""),
        ("none", ""),
        ([{"revised_prompt": "A\r\nred\t\x1b[31m hat\u202e "}], "A red [31m hat"),
        ([{"revised_prompt": "x" * 2000}], "x" * 2000),
        ([{"revised_prompt": "x" * 2001}], "x" * 1999 + "…"),
    ],
)
def test_a_rewritten_prompt_is_told(data: Any, rewritten: str) -> None:
    assert facts({"data": data}).enhanced_prompt == rewritten


@pytest.mark.parametrize(
    ("changes", "cost"),
    [
        ({}, 0.0705),
        ({"output_tokens": 0}, 0.0105),
        ({"input_tokens_details": {"text_tokens": 0, "image_tokens": 0}}, 0.06),
        ({"input_tokens_details": {"text_tokens": 1_000_000, "image_tokens": 0}}, 5.06),
        ({"input_tokens_details": None}, None),
        ({"input_tokens_details": {"text_tokens": 5}}, None),
        ({"input_tokens_details": {"text_tokens": "5", "image_tokens": 0}}, None),
        ({"output_tokens": None}, None),
        ({"output_tokens": -1}, None),
        ({"output_tokens": 1.5}, None),
        ({"output_tokens": 10**30}, None),
    ],
)
def test_the_cost_is_counted_in_tokens_where_all_are_told(changes: Any, cost: float | None) -> None:
    told = facts({"data": [], "usage": {**USAGE, **changes}})
    assert told.cost_usd == cost


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("1500", 1500),
        ("0.5", 0.5),
        ("-3", -3),
        ("0", 0),
        ('{"text_tokens": 5, "image_tokens": 6.5}', {"text_tokens": 5, "image_tokens": 6.5}),
        ('{"a": 1, "b": "two", "c": null, "d": true}', {"a": 1}),
        ('{"within": {"deeper": 1}, "a": 2}', {"a": 2}),
        ('{"within": {"deeper": 1}}', None),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("1e999", None),
        ("1e12", None),
        (str(10**30), None),
        ("true", None),
        ("null", None),
        ('"many"', None),
        ("[1, 2]", None),
        ('{"a": NaN}', None),
        ('{"a": ' * 900 + "1" + "}" * 900, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_of_what_was_used_numbers_are_kept_and_those_one_level_within(told: str, kept: Any) -> None:
    found = facts(f'{{"usage": {{"it": {told}, "sure": 1}}}}'.encode()).usage
    assert found == {"sure": 1, **({} if kept is None else {"it": kept})}
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("name", "kept"), [("a\nb\x1b", "a b"), ("x" * 600, "x" * 499 + "…"), ("output_tokens", "output_tokens")]
)
def test_the_names_of_what_was_used_are_one_printable_line(name: str, kept: str) -> None:
    assert facts({"usage": {name: 1, "within": {name: 2}}}).usage == {kept: 1, "within": {kept: 2}}


@pytest.mark.parametrize("usage", [None, {}, [], "much", 7])
def test_what_is_no_usage_is_none(usage: Any) -> None:
    told = facts({"usage": usage})
    assert (told.usage, told.cost_usd) == (None, None)


@pytest.mark.parametrize("model", ["gpt-image-1.5", "not in the list"])
def test_without_prices_for_tokens_the_cost_is_not_known(model: str) -> None:
    told = facts({"usage": USAGE}, plan(model=model))
    assert (told.usage, told.cost_usd) == (USAGE, None)


FIELDS_OF_ANSWERS = {
    *("data", "b64_json", "revised_prompt", "usage", "input_tokens_details", "text_tokens"),
    *("image_tokens", "output_tokens", "error", "detail", "message", "request_id"),
}

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted(FIELDS_OF_ANSWERS)),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(any_json)
def test_any_json_gives_facts_and_pictures_or_is_unusable(body: Any) -> None:
    assert isinstance(facts(body), Facts)
    try:
        assert service().pictures(answer(body))
    except UnusableAnswer as error:
        assert error.detail.isprintable()


# The test of a key


def test_the_test_of_a_key_asks_for_the_models_which_costs_nothing() -> None:
    request = service().account()
    assert (request.method, request.url, request.key) == ("GET", f"{URL}/models", KEY)
    assert (request.fields, request.files, request.json) == ((), (), None)


@pytest.mark.parametrize(
    ("name", "body", "note"),
    [
        ("openai", {"data": [{"id": "gpt-image-2.6-sunburst"}, {"id": "x"}]}, ""),
        ("openai", {"data": [{"id": "x"}]}, "The service does not list the model gpt-image-2.6-sunburst."),
        (
            "openai",
            {"data": [{"id": "gpt-image-2.6-sunburst", "shutdown_date": "2027-06-01"}]},
            "The model gpt-image-2.6-sunburst will be retired on 2027-06-01.",
        ),
        ("openai", {"data": [{"id": "gpt-image-2.6-sunburst", "shutdown_date": None}]}, ""),
        ("openai", {"data": []}, ""),
        ("openai", {"data": ["x", None, 7]}, ""),
        ("self-hosted", {"data": [{"id": "x"}]}, ""),
    ],
)
def test_a_key_that_works_is_permitted_and_a_model_that_is_not_listed_is_said(
    name: str, body: Any, note: str
) -> None:
    assert service(name).read_account(answer(body)) == Account(True, note=note)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", [], {}, {"data": None}, {"data": "x"}, {"object": "list"}]
)
def test_what_is_no_list_of_models_is_said_and_costs_nothing(body: Any) -> None:
    with pytest.raises(LookupFailed) as caught:
        service().read_account(answer(body))
    assert caught.value.charge is Charge.NONE
