"""The sandbox's four dialects of OpenAI's image API: what each takes, refuses and answers."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from sandbox_talk import KEY, TIMEOUT, Sent, b64, encoded, form, opened, photo, picture, pictures, pixels

from venice_core.cli import main as cli_main
from venice_core.sandbox import DIALECTS, Sandbox, Switches
from venice_core.sandbox.rate_limits import duration

OPENAI, GROK, RELAY, OWN = "openai", "grok-relay", "gpt-image-relay", "self-hosted"
NAMES = (OPENAI, GROK, RELAY, OWN)
FILE = {OPENAI: "image", GROK: "image", RELAY: "image[]", OWN: "image"}
MODEL = {OPENAI: "gpt-image-2", GROK: "grok-3-image", RELAY: "gpt-image-1", OWN: "anything"}
NARROW = "gpt-image-1.5"  # a model of three sizes
SMALL = photo(256, 256)
LARGE = photo(1024, 1024)
EDITS, GENERATIONS = "/images/edits", "/images/generations"

Files = list[tuple[str, Sent]]


def post_edit(
    sandbox: Sandbox,
    dialect: str,
    files: list[tuple[str, Sent]],
    headers: dict[str, str] = KEY,
    **fields: str,
) -> requests.Response:
    return form(sandbox.url_for(dialect) + EDITS, files, headers, **fields)


def edit(
    sandbox: Sandbox, dialect: str, sent: Sent = SMALL, mask: Sent | None = None, **fields: Any
) -> requests.Response:
    """A good request, but for what is given; values become words, and None takes a field out."""
    files: Files = [(FILE[dialect], sent), *([("mask", mask)] if mask is not None else [])]
    fields = {"model": MODEL[dialect], "prompt": "pink", **fields}
    words = {name: str(value) for name, value in fields.items() if value is not None}
    return post_edit(sandbox, dialect, files, **words)


def generate(sandbox: Sandbox, dialect: str, **fields: Any) -> requests.Response:
    body = {"model": MODEL[dialect], "prompt": "a fox", **fields}
    return requests.post(sandbox.url_for(dialect) + GENERATIONS, json=body, headers=KEY, timeout=TIMEOUT)


def both(sandbox: Sandbox, dialect: str, **fields: Any) -> tuple[requests.Response, requests.Response]:
    return edit(sandbox, dialect, **fields), generate(sandbox, dialect, **fields)


def error(response: requests.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["error"]
    assert set(found) == {"message", "type", "param", "code"}
    assert found["message"]
    return found


def refused(response: requests.Response, code: str, status: int = 400) -> str | None:
    """The field that was refused."""
    assert response.status_code == status, response.text
    assert error(response)["code"] == code
    param: str | None = error(response)["param"]
    return param


def links(response: requests.Response) -> list[str]:
    return [entry["url"] for entry in response.json()["data"]]


# Where they are


def test_each_dialect_has_a_base_url_on_the_same_port(sandbox: Sandbox) -> None:
    root = sandbox.url.removesuffix("/api/v1")
    assert [sandbox.url_for(name) for name in NAMES] == [f"{root}/{name}/v1" for name in NAMES]
    assert tuple(DIALECTS) == NAMES
    with pytest.raises(ValueError, match="midjourney"):
        sandbox.url_for("midjourney")
    with pytest.raises(RuntimeError):
        Sandbox().url_for(OPENAI)


def test_the_command_prints_every_base_url(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Sandbox, "serve_forever", Sandbox.close)
    assert cli_main.main(["sandbox"]) == 0
    lines = [line.partition("=") for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _, _ in lines] == [
        *("VENICE_BASE_URL", "OPENAI_BASE_URL", "GROK_RELAY_BASE_URL"),
        *("GPT_IMAGE_RELAY_BASE_URL", "SELF_HOSTED_BASE_URL"),
    ]
    assert [re.sub(r":\d+", "", url) for _, _, url in lines] == [
        f"http://127.0.0.1{path}" for path in ("/api/v1", *(f"/{name}/v1" for name in NAMES))
    ]


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        (OPENAI, {"gpt-image-2.6-sunburst", "gpt-image-2.6-flare", "gpt-image-2.5-flare", "gpt-image-1.5"}),
        (GROK, {"grok-3-image"}),
        (RELAY, {"gpt-image-1"}),
        (OWN, set()),
    ],
)
def test_models_are_listed_as_openai_lists_them(sandbox: Sandbox, dialect: str, expected: set[str]) -> None:
    url = sandbox.url_for(dialect) + "/models"
    listing = requests.get(url, headers=KEY, timeout=TIMEOUT).json()
    assert listing["object"] == "list"
    assert listing["data"]
    usual = {"id", "object", "created", "owned_by"} | ({"shutdown_date"} if dialect == OPENAI else set())
    assert all(set(entry) == usual for entry in listing["data"])
    assert expected <= {entry["id"] for entry in listing["data"]}
    assert requests.get(url, timeout=TIMEOUT).status_code == (200 if dialect == OWN else 401)


@pytest.mark.parametrize("dialect", NAMES)
def test_every_answer_says_that_it_is_the_sandbox_and_names_the_request(
    sandbox: Sandbox, dialect: str
) -> None:
    nowhere = requests.post(sandbox.url_for(dialect) + "/images/variations", headers=KEY, timeout=TIMEOUT)
    assert nowhere.status_code == 404
    answers = [edit(sandbox, dialect), edit(sandbox, dialect, b"no picture"), nowhere]
    assert {answer.headers["x-venice-sandbox"] for answer in answers} == {"true"}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert all(answer.headers["x-request-id"].startswith("req_") for answer in answers)


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        *((key, 401, "invalid_api_key") for key in ("", "Bearer bad-key", "Bearer admin-only")),
        ("Bearer restricted-1", 403, "insufficient_permissions"),
    ],
)
@pytest.mark.parametrize("dialect", NAMES)
def test_a_keys_text_decides_unless_none_is_asked_for(
    sandbox: Sandbox, dialect: str, key: str, status: int, code: str
) -> None:
    headers = {"Authorization": key} if key else {}
    fields = {"model": MODEL[dialect], "prompt": "pink"}
    response = post_edit(sandbox, dialect, [(FILE[dialect], SMALL)], headers, **fields)
    if dialect == OWN:
        assert response.status_code == 200
    else:
        refused(response, code, status)
        assert error(response)["type"] == "invalid_request_error"


def test_requests_are_remembered_with_fields_and_pictures_and_without_the_key(sandbox: Sandbox) -> None:
    files: Files = [("image[]", SMALL), ("image[]", photo(64, 48).convert("L"))]
    key = {"Authorization": "Bearer sk-test-0123456789"}
    post_edit(sandbox, OPENAI, files, key, prompt="a café", model="gpt-image-2")
    seen = sandbox.requests[-1]
    assert (seen.path, seen.status) == ("/openai/v1/images/edits", 200)
    assert seen.fields == {"prompt": "a café", "model": "gpt-image-2"}
    facts = [(file.name, file.width, file.mode) for file in seen.files]
    assert facts == [("image[]", 256, "RGB"), ("image[]", 64, "L")]
    assert seen.headers["Authorization"] == "Bearer sk-***"


# What is made


@pytest.mark.parametrize("dialect", NAMES)
def test_an_edit_visibly_changes_the_first_picture(sandbox: Sandbox, dialect: str) -> None:
    result = picture(edit(sandbox, dialect, LARGE))
    assert result.size == LARGE.size
    change = np.abs(np.asarray(result.convert("RGB"), int) - np.asarray(LARGE)).max(axis=-1)
    assert change.min() >= 30


@pytest.mark.parametrize("dialect", [OPENAI, OWN])
def test_a_mask_protects_what_is_opaque_in_it(sandbox: Sandbox, dialect: str) -> None:
    alpha = np.full((1024, 1024), 255, np.uint8)
    alpha[:400], alpha[400:600] = 0, 128
    mask = Image.new("RGBA", LARGE.size)
    mask.putalpha(Image.fromarray(alpha))
    masked, whole = pixels(edit(sandbox, dialect, LARGE, mask)), pixels(edit(sandbox, dialect, LARGE))
    before = np.asarray(LARGE, int)
    assert (masked[alpha == 255] == before[alpha == 255]).all()
    assert (masked[alpha == 0] == whole[alpha == 0]).all()
    assert np.abs(masked - (before + whole) / 2)[alpha == 128].max() <= 2


def test_further_pictures_are_references_and_not_masks(sandbox: Sandbox) -> None:
    files: Files = [("image[]", SMALL), ("image[]", Image.new("L", SMALL.size))]
    response = post_edit(sandbox, OPENAI, files, prompt="pink", model=MODEL[OPENAI])
    assert np.array_equal(picture(response), picture(edit(sandbox, OPENAI)))


@pytest.mark.parametrize("dialect", [OPENAI, GROK, OWN])
def test_several_results_differ_from_each_other(sandbox: Sandbox, dialect: str) -> None:
    for response in both(sandbox, dialect, n=10):
        found = [made.tobytes() for made in pictures(response)]
        assert len(found) == len(set(found)) == 10


@pytest.mark.parametrize("dialect", NAMES)
def test_a_drawing_depends_on_the_prompt(sandbox: Sandbox, dialect: str) -> None:
    fox, again, owl = (picture(generate(sandbox, dialect, prompt=text)) for text in ("fox", "fox", "owl"))
    assert fox.size == (1024, 1024)
    assert np.array_equal(fox, again)
    assert not np.array_equal(fox, owl)


def test_the_result_is_the_input_stretched_to_the_size_asked_for(sandbox: Sandbox) -> None:
    sandbox.switch(identity=True)
    wide = LARGE.resize((1536, 1024), Image.Resampling.LANCZOS)
    assert np.array_equal(picture(edit(sandbox, OPENAI, LARGE, size="1536x1024")), wide)
    assert np.array_equal(picture(edit(sandbox, OPENAI, LARGE, size="1024x1024")), LARGE)


@pytest.mark.parametrize(
    ("dialect", "source", "fields", "size"),
    [
        (OPENAI, (300, 300), {}, (1024, 1024)),
        (OPENAI, (300, 200), {"size": "auto"}, (1536, 1024)),
        (OPENAI, (200, 300), {}, (1024, 1536)),
        (OPENAI, (300, 200), {"size": "1008x800"}, (1008, 800)),
        (OPENAI, (300, 200), {"size": "1024x1536", "model": NARROW}, (1024, 1536)),
        (OPENAI, None, {"size": "2048x1024"}, (2048, 1024)),
        (RELAY, (300, 290), {}, (1024, 1024)),
        (RELAY, (300, 200), {}, (1536, 1024)),
        (RELAY, (100, 300), {}, (1024, 1536)),
        (RELAY, None, {"size": "1536x1024"}, (1536, 1024)),
        (GROK, (300, 200), {}, (1248, 832)),
        (GROK, (300, 200), {"aspect_ratio": "auto", "resolution": "2k"}, (2512, 1680)),
        (GROK, (300, 200), {"aspect_ratio": "1:1"}, (1024, 1024)),
        (GROK, (300, 200), {"aspect_ratio": "1:1", "resolution": "2k"}, (2048, 2048)),
        (GROK, (300, 200), {"aspect_ratio": "9:19.5", "resolution": "1k"}, (688, 1504)),
        (GROK, None, {"aspect_ratio": "16:9", "resolution": "1k"}, (1360, 768)),
        (OWN, (300, 201), {}, (300, 201)),
        (OWN, (300, 201), {"size": "640x64"}, (640, 64)),
        (OWN, None, {"size": "64x128"}, (64, 128)),
    ],
)
def test_the_size_of_an_edit_or_drawing(
    sandbox: Sandbox,
    dialect: str,
    source: tuple[int, int] | None,
    fields: dict[str, str],
    size: tuple[int, int],
) -> None:
    answer = (
        edit(sandbox, dialect, photo(*source), **fields) if source else generate(sandbox, dialect, **fields)
    )
    assert picture(answer).size == size


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
def test_openai_answers_in_the_format_asked_for(sandbox: Sandbox, file_format: str) -> None:
    for response in both(sandbox, OPENAI, output_format=file_format):
        assert picture(response).format == file_format.upper()
        assert response.json()["output_format"] == file_format


def test_a_transparent_background_keeps_the_inputs_alpha(sandbox: Sandbox) -> None:
    source = LARGE.convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    fields = {"background": "transparent", "model": NARROW}
    response = edit(sandbox, OPENAI, source, **fields)
    assert np.array_equal(picture(response).getchannel("A"), source.getchannel("A"))
    assert response.json()["background"] == "transparent"
    assert pixels(generate(sandbox, OPENAI, **fields))[0, 0, 3] == 0
    assert picture(edit(sandbox, OPENAI, source, background="opaque")).mode == "RGB"


# What the answers look like


def test_openai_tells_the_settings_and_the_tokens(sandbox: Sandbox) -> None:
    low, high = (edit(sandbox, OPENAI, quality=quality).json() for quality in ("low", "high"))
    assert set(low) == {"created", "background", "output_format", "quality", "size", "data", "usage"}
    assert (low["background"], low["output_format"], low["quality"]) == ("opaque", "png", "low")
    assert low["size"] == "1024x1024"
    assert [set(entry) for entry in low["data"]] == [{"b64_json"}]
    for usage in (low["usage"], high["usage"]):
        assert set(usage["input_tokens_details"]) == {"text_tokens", "image_tokens"}
        assert usage["input_tokens"] == sum(usage["input_tokens_details"].values())
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert low["usage"]["output_tokens"] < high["usage"]["output_tokens"]
    assert generate(sandbox, OPENAI).json()["usage"]["input_tokens_details"]["image_tokens"] == 0


def test_openai_tells_the_time_it_took_and_the_rate_limit(sandbox: Sandbox) -> None:
    sandbox.switch(rate=3)
    headers = edit(sandbox, OPENAI).headers
    assert int(headers["openai-processing-ms"]) >= 0
    told = [headers[f"x-ratelimit-{name}-requests"] for name in ("limit", "remaining", "reset")]
    assert told == ["3", "2", "1m0s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.02, "20ms"), (1, "1s"), (1.5, "1.5s"), (59.96, "59.96s"), (60, "1m0s"), (360, "6m0s")],
)
def test_a_duration_is_written_as_openai_writes_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_grok_relay_links_to_a_jpeg_on_another_host(sandbox: Sandbox) -> None:
    response = edit(sandbox, GROK, n="2")
    body = response.json()
    assert set(body) == {"created", "data", "usage"}
    assert body["usage"] == {"generated_images": 2, "output_tokens": 32_768, "total_tokens": 32_768}
    port = sandbox.url.split(":")[2].split("/")[0]
    for url in links(response):
        assert re.fullmatch(rf"http://localhost:{port}/files/\w+\.jpg", url)
    assert {made.format for made in pictures(response)} == {"JPEG"}
    assert len(set(links(response))) == 2


def test_a_linked_picture_needs_no_key_is_remembered_and_gone_after_a_reset(sandbox: Sandbox) -> None:
    [url] = links(generate(sandbox, GROK))
    response = requests.get(url, timeout=TIMEOUT)
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["x-venice-sandbox"] == "true"
    seen = sandbox.requests[-1]
    assert (seen.method, seen.status, seen.path) == ("GET", 200, url[url.index("/files/") :])
    assert "Authorization" not in seen.headers
    requests.get(url, headers={"Authorization": "Bearer sk-test-0123456789"}, timeout=TIMEOUT)
    assert sandbox.requests[-1].headers["Authorization"] == "Bearer sk-***"
    sandbox.reset()
    assert requests.get(url, timeout=TIMEOUT).status_code == 404


@pytest.mark.parametrize("dialect", [GROK, OWN])
def test_base64_is_answered_where_it_is_asked_for(sandbox: Sandbox, dialect: str) -> None:
    for response in both(sandbox, dialect, response_format="b64_json"):
        assert [set(entry) for entry in response.json()["data"]] == [{"b64_json"}]
        assert picture(response).format == ("JPEG" if dialect == GROK else "PNG")


def test_the_gpt_image_relay_answers_base64_and_usage(sandbox: Sandbox) -> None:
    body = edit(sandbox, RELAY).json()
    assert set(body) == {"created", "data", "usage"}
    assert set(body["usage"]) == {"total_tokens", "input_tokens", "output_tokens", "input_tokens_details"}
    assert [set(entry) for entry in body["data"]] == [{"b64_json"}]


def test_a_self_hosted_server_links_to_itself(sandbox: Sandbox) -> None:
    response = edit(sandbox, OWN)
    assert set(response.json()) == {"created", "data"}
    root = sandbox.url.removesuffix("/api/v1")
    assert re.fullmatch(rf"{root}/files/\w+\.png", links(response)[0])


# Which fields are taken by both endpoints, of a dialect and its model ("": the usual), and which are refused

BIG_TEXT = "x" * 32_000
UNKNOWN, VALUE, MISSING = "unknown_parameter", "invalid_value", "missing_required_parameter"
TAKEN: dict[tuple[str, str], dict[str, tuple[Any, ...]]] = {
    (OPENAI, ""): {
        "prompt": (BIG_TEXT,),
        "n": (10,),
        "size": ("auto", "3840x2160", "2160x3840", "1440x480", "816x816"),
        "quality": ("auto", "low", "medium", "high"),
        "user": ("",),
        "safety_identifier": ("",),
    },
    (OPENAI, NARROW): {"size": ("auto", "1024x1024", "1536x1024", "1024x1536")},
    (OPENAI, "gpt-image-2.5-flare"): {"quality": ("xhigh", "max")},
    (OPENAI, "gpt-image-2.6-flare"): {"complexity": ("low", "medium", "high"), "size": ("480x1440",)},
    (OPENAI, "gpt-image-1-mini"): {"n": (1,)},
    (GROK, ""): {
        "aspect_ratio": (
            *("1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "9:19.5", "19.5:9"),
            *("9:20", "20:9", "1:2", "2:1", "auto"),
        ),
    },
    (RELAY, ""): {"quality": ("auto", "low", "medium", "high"), "prompt": (BIG_TEXT,)},
    (OWN, ""): {"size": ("64x4096",)},
}
TAKEN_TOGETHER: list[tuple[str, dict[str, Any]]] = [
    (OPENAI, {"background": "transparent", "output_format": "webp"}),
    (OPENAI, {"background": "opaque", "output_format": "jpeg", "output_compression": 0}),
    (OPENAI, {"output_compression": 100, "user": "u", "safety_identifier": "s"}),
    (GROK, {"resolution": "2k", "quality": "high", "n": 2}),
    (OWN, {"model": "", "color": "pink", "quality": "best", "n": 3}),
]
REFUSED: dict[tuple[str, str, str], dict[str, tuple[Any, ...]]] = {
    (OPENAI, "", UNKNOWN): {
        "color": ("pink",),
        "aspect_ratio": ("1:1",),
        "response_format": ("b64_json", "url"),
        "stream": ("true",),
        "partial_images": (1,),
        "complexity": ("low",),
        "input_fidelity": ("high",),
    },
    (OPENAI, "", "string_below_min_length"): {"prompt": ("",)},
    (OPENAI, "", "string_above_max_length"): {"prompt": (BIG_TEXT + "x",)},
    (OPENAI, "", "integer_below_min_value"): {"n": (0,)},
    (OPENAI, "", "integer_above_max_value"): {"n": (11,)},
    (OPENAI, "", "invalid_type"): {"n": (1.5, "two")},
    (OPENAI, "", VALUE): {
        "size": (
            *("1000x1000", "1024x1020", "800x800", "3856x1440", "3840x2176", "3104x1024", "1024"),
            *("wide", "0x0", "-1024x1024", "1024x1024 "),
        ),
        "quality": ("xhigh", "hd"),
        "output_format": ("gif",),
        "output_compression": (50,),
    },
    (OPENAI, NARROW, VALUE): {
        "size": ("1024x768", "1008x1008", "512x512"),
        "quality": ("max",),
        "background": ("pink",),
    },
    (OPENAI, "gpt-image-2.6-flare", VALUE): {"complexity": ("none",), "size": ("464x1424",)},
    (GROK, "", UNKNOWN): {"color": ("pink",), "size": ("1024x1024",)},
    (GROK, "", VALUE): {
        "aspect_ratio": ("7:5",),
        "resolution": ("1K", "4k"),
        "quality": ("auto",),
        "response_format": ("png",),
    },
    (GROK, "", "integer_above_max_value"): {"n": (11,)},
    (RELAY, "", UNKNOWN): dict.fromkeys(("response_format", "background", "output_format", "user"), ("x",)),
    (RELAY, "", VALUE): {"quality": ("max",)},
    (RELAY, "", "string_above_max_length"): {"prompt": (BIG_TEXT + "x",)},
}
REFUSED_TOGETHER: list[tuple[str, dict[str, Any], str]] = [
    (OPENAI, {"background": "transparent", "model": NARROW, "output_format": "jpeg"}, VALUE),
    (OPENAI, {"output_compression": 101, "output_format": "jpeg"}, "integer_above_max_value"),
]


# What one endpoint takes and the other does not: the code of an edit, and of a drawing (None: taken)
APART: list[tuple[str, dict[str, Any], str | None, str | None]] = [
    (OPENAI, {"input_fidelity": "high", "model": "gpt-image-1.5"}, None, UNKNOWN),
    (OPENAI, {"input_fidelity": "low", "model": "gpt-image-1.5"}, None, UNKNOWN),
    (OPENAI, {"input_fidelity": "low", "model": "gpt-image-1-mini"}, None, UNKNOWN),
    (OPENAI, {"input_fidelity": "high", "model": "gpt-image-1-mini"}, VALUE, UNKNOWN),
    (OPENAI, {"moderation": "auto"}, UNKNOWN, None),
    (OPENAI, {"moderation": "low"}, UNKNOWN, None),
    (OPENAI, {"moderation": "none"}, UNKNOWN, VALUE),
    (RELAY, {"size": "1024x1536"}, UNKNOWN, None),
    (RELAY, {"size": "512x512"}, UNKNOWN, VALUE),
    (RELAY, {"n": 2}, UNKNOWN, None),
]
# None is left out of an edit, and null in a drawing
LEFT_OUT = [(OPENAI, "prompt"), (GROK, "prompt"), (GROK, "model"), (RELAY, "prompt"), (RELAY, "model")]
NO_MODEL = "model_not_found"
NOT_THERE = [(OPENAI, "dall-e-2"), (OPENAI, "gpt-image-1"), (GROK, "dall-e-2"), (RELAY, "dall-e-2")]


def each(fields: dict[str, tuple[Any, ...]], model: str) -> list[dict[str, Any]]:
    """One value at a time."""
    more = {"model": model} if model else {}
    return [{name: value, **more} for name, values in fields.items() for value in values]


@pytest.mark.parametrize(
    ("dialect", "fields", "of_edit", "of_drawing"),
    [
        *((name, row, None, None) for (name, model), fields in TAKEN.items() for row in each(fields, model)),
        *((name, row, None, None) for name, row in TAKEN_TOGETHER),
        (OPENAI, {"model": None, "quality": "max"}, None, None),  # which only the newest take
        (OPENAI, {"n": None, "size": None, "quality": None}, None, None),
        *(
            (name, row, code, code)
            for (name, model, code), fields in REFUSED.items()
            for row in each(fields, model)
        ),
        *((name, row, code, code) for name, row, code in REFUSED_TOGETHER),
        *((name, {field: None}, MISSING, MISSING) for name, field in LEFT_OUT),
        *((name, {"model": model}, NO_MODEL, NO_MODEL) for name, model in NOT_THERE),
        *APART,
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_taken_and_what_is_refused(
    sandbox: Sandbox, dialect: str, fields: dict[str, Any], of_edit: str | None, of_drawing: str | None
) -> None:
    answers = both(sandbox, dialect, **fields)
    for response, code in zip(answers, (of_edit, of_drawing), strict=True):
        if code is None:
            assert len(pictures(response)) == (fields.get("n") or 1)
        else:
            assert refused(response, code, 404 if code == NO_MODEL else 400) in fields
            assert error(response)["type"] == "invalid_request_error"


# Which files are taken

DUPLICATE = "duplicate_parameter"


@pytest.mark.parametrize(
    ("dialect", "names", "code"),
    [
        (OPENAI, ["image"], None),
        (OPENAI, ["image[]"], None),
        (OPENAI, ["image[]"] * 16, None),
        (OPENAI, ["image[]"] * 17, "array_above_max_length"),
        (OPENAI, ["image", "image"], DUPLICATE),
        (OPENAI, ["image", "image[]"], DUPLICATE),
        (OPENAI, [], MISSING),
        (OPENAI, ["images"], UNKNOWN),
        (OPENAI, ["image", "reference"], UNKNOWN),
        (GROK, ["image"], None),
        (GROK, ["image", "image"], DUPLICATE),
        (GROK, ["image[]"], UNKNOWN),
        (GROK, ["image", "mask"], UNKNOWN),
        (GROK, [], MISSING),
        (RELAY, ["image[]"], None),
        (RELAY, ["image[]"] * 3, None),
        (RELAY, ["image"], UNKNOWN),
        (RELAY, ["image[]", "mask"], UNKNOWN),
        (RELAY, [], MISSING),
    ],
)
def test_how_many_files_of_which_name_are_taken(
    sandbox: Sandbox, dialect: str, names: list[str], code: str | None
) -> None:
    fields = {"model": MODEL[dialect], "prompt": "pink", "quality": "low"}
    response = post_edit(sandbox, dialect, [(name, SMALL) for name in names], **fields)
    if code:
        refused(response, code)
    else:
        assert response.status_code == 200, response.text


def test_a_field_given_twice_is_a_duplicate_and_a_picture_as_text_no_file(sandbox: Sandbox) -> None:
    url, prompt = sandbox.url_for(OPENAI) + EDITS, ("prompt", (None, "pink"))
    twice = [prompt, prompt, ("image", ("p.png", b"", "image/png"))]
    refused(requests.post(url, files=twice, headers=KEY, timeout=TIMEOUT), DUPLICATE)
    text = [prompt, ("image", (None, b64(SMALL)))]
    assert refused(requests.post(url, files=text, headers=KEY, timeout=TIMEOUT), "invalid_type") == "image"


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_three_file_formats_are_taken(sandbox: Sandbox, dialect: str, file_format: str) -> None:
    assert edit(sandbox, dialect, encoded(SMALL, file_format)).status_code == 200


@pytest.mark.parametrize(
    ("dialect", "sent", "status"),
    [
        (OPENAI, encoded(SMALL, "GIF"), 400),
        (OPENAI, encoded(SMALL)[:500], 400),
        (RELAY, b"no picture", 400),
        (GROK, b"", 400),
        (OWN, b"no picture", 422),
        (OPENAI, b"\x89PNG" + bytes(50_000_000), 413),
        (RELAY, b"\x89PNG" + bytes(25_000_000), 413),
    ],
    ids=["gif", "truncated", "text", "empty", "text-422", "50MB", "25MB"],
)
def test_a_file_that_cannot_be_used_is_refused(
    sandbox: Sandbox, dialect: str, sent: bytes, status: int
) -> None:
    response = edit(sandbox, dialect, sent)
    assert response.status_code == status
    if status == 422:
        assert response.json()["detail"][0]["loc"] == ["body", "image"]
    else:
        assert error(response)["param"] == FILE[dialect]


@pytest.mark.parametrize(("dialect", "status"), [(OPENAI, 400), (GROK, 200)])
def test_openai_wants_a_files_label_to_name_its_format(sandbox: Sandbox, dialect: str, status: int) -> None:
    parts = [("image", ("p", encoded(SMALL), "application/octet-stream"))]
    url, fields = sandbox.url_for(dialect) + EDITS, {"model": MODEL[dialect], "prompt": "pink"}
    response = requests.post(url, data=fields, files=parts, headers=KEY, timeout=TIMEOUT)
    assert response.status_code == status
    assert status == 200 or error(response)["code"] == "unsupported_file_mimetype"


def noise(side: int) -> Image.Image:
    values = np.random.default_rng(1).integers(0, 256, (side, side, 4), np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize(
    ("mask", "side", "wrong"),
    [
        (Image.new("RGBA", (256, 256)), 256, None),
        (Image.new("LA", (256, 256)), 256, None),
        (Image.new("RGB", (256, 256)), 256, "no alpha"),
        (Image.new("L", (256, 256)), 256, "no alpha"),
        (Image.new("RGBA", (256, 255)), 256, "256x255"),
        (encoded(Image.new("RGBA", (256, 256)), "WEBP"), 256, "must be a PNG"),
        (noise(1024), 1024, "smaller than 4 MB"),
        (b"no picture", 256, "damaged"),
    ],
    ids=["rgba", "la", "rgb", "gray", "other-size", "webp", "4MB", "text"],
)
def test_a_mask_is_a_png_with_alpha_of_the_pictures_size(
    sandbox: Sandbox, mask: Sent, side: int, wrong: str | None
) -> None:
    openai, own = (edit(sandbox, dialect, photo(side, side), mask) for dialect in (OPENAI, OWN))
    if wrong is None:
        assert (openai.status_code, own.status_code) == (200, 200)
        return
    assert (openai.status_code, own.status_code) == (400, 422)
    assert error(openai)["param"] == "mask"
    assert wrong in error(openai)["message"]
    assert wrong in own.json()["detail"][0]["msg"]


def test_the_mask_belongs_to_the_first_of_several_pictures(sandbox: Sandbox) -> None:
    for first, status in ((SMALL, 200), (photo(128, 128), 400)):
        files: Files = [("image[]", first), ("image[]", photo(300, 200))]
        files.append(("mask", Image.new("RGBA", SMALL.size)))
        response = post_edit(sandbox, OPENAI, files, prompt="pink", model="gpt-image-2")
        assert response.status_code == status


@pytest.mark.parametrize(("dialect", "status"), [(OPENAI, 400), (GROK, 400), (RELAY, 400), (OWN, 422)])
def test_edits_are_multipart_and_generations_json(sandbox: Sandbox, dialect: str, status: int) -> None:
    base, fields = sandbox.url_for(dialect), {"model": MODEL[dialect], "prompt": "pink"}
    as_json = requests.post(base + EDITS, json=fields, headers=KEY, timeout=TIMEOUT)
    as_parts = form(base + GENERATIONS, [], KEY, **fields)
    assert [as_json.status_code, as_parts.status_code] == [status, status]


def test_a_body_that_is_no_form_is_refused_in_the_dialects_shape(sandbox: Sandbox) -> None:
    url = sandbox.url_for(OPENAI) + GENERATIONS
    broken, plain = (
        requests.post(url, data=body, headers={**KEY, "Content-Type": kind}, timeout=TIMEOUT)
        for body, kind in ((b"{", "application/json"), (b"x", "text/plain"))
    )
    assert error(broken)["type"] == "invalid_request_error"
    refused(plain, "unsupported_content_type", 415)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("prompt", "", "string_too_short"),
        *(("size", size, "literal_error") for size in ("100x100", "56x64", "4104x64", "big")),
        ("n", "0", "greater_than_equal"),
        ("n", "11", "less_than_equal"),
        ("response_format", "png", "literal_error"),
    ],
)
def test_a_self_hosted_server_refuses_as_fastapi_does(
    sandbox: Sandbox, name: str, value: str, kind: str
) -> None:
    response = edit(sandbox, OWN, **{name: value})
    assert response.status_code == 422
    [fault] = response.json()["detail"]
    assert set(fault) == {"type", "loc", "msg", "input"}
    assert (fault["loc"], fault["type"], fault["input"]) == (["body", name], kind, value)
    assert fault["msg"]


def test_a_self_hosted_server_lists_what_is_missing_and_ignores_what_it_does_not_know(
    sandbox: Sandbox,
) -> None:
    response = post_edit(sandbox, OWN, [], {}, n="1")
    faults = [(fault["loc"][1], fault["type"]) for fault in response.json()["detail"]]
    assert faults == [("prompt", "missing"), ("image", "missing")]
    files: Files = [("image", SMALL), ("reference", b"anything")]
    assert post_edit(sandbox, OWN, files, {}, prompt="pink", steps="30").status_code == 200
    assert post_edit(sandbox, OWN, [("image", SMALL)] * 2, {}, prompt="pink").status_code == 422


# Switches


@pytest.mark.parametrize("dialect", NAMES)
def test_pictures_are_disturbed_as_the_switches_say(sandbox: Sandbox, dialect: str) -> None:
    sandbox.switch(identity=True, format="png", times=1)
    assert np.array_equal(picture(edit(sandbox, dialect, LARGE)), LARGE)
    sandbox.switch(identity=True, drift=True, format="webp", size="500x300", fit="letterbox", times=1)
    drifted = picture(edit(sandbox, dialect, LARGE))
    assert (drifted.size, drifted.format) == ((500, 300), "WEBP")
    assert drifted.getpixel((0, 150)) != drifted.getpixel((250, 150))
    sandbox.switch(refusal=True, times=1)
    assert len(picture(generate(sandbox, dialect)).convert("RGB").getcolors() or ()) == 1


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("how", ["b64_json", "data_uri", "url"])
def test_answer_decides_how_pictures_are_given(sandbox: Sandbox, dialect: str, how: str) -> None:
    sandbox.switch(answer=how)
    response = edit(sandbox, dialect, response_format="b64_json" if dialect in (GROK, OWN) else None)
    [entry] = response.json()["data"]
    assert picture(response)
    mime = "image/jpeg" if dialect == GROK else "image/png"
    head = f"data:{mime};base64," if how == "data_uri" else "http://" if how == "url" else ""
    assert entry["url" if how == "url" else "b64_json"].startswith(head)
    assert (":" in entry.get("b64_json", "")) == (how == "data_uri")


@pytest.mark.parametrize(("link", "host"), [("same_host", "127.0.0.1"), ("other_host", "localhost")])
@pytest.mark.parametrize("dialect", [GROK, OWN])
def test_link_decides_the_host(sandbox: Sandbox, dialect: str, link: str, host: str) -> None:
    sandbox.switch(link=link)
    response = edit(sandbox, dialect)
    assert links(response)[0].startswith(f"http://{host}:")
    assert pictures(response)


def fetched(sandbox: Sandbox, link: str, **options: Any) -> requests.Response:
    sandbox.switch(link=link)
    return requests.get(links(edit(sandbox, OWN))[0], timeout=TIMEOUT, **options)


def test_a_link_can_have_expired_or_lead_elsewhere(sandbox: Sandbox) -> None:
    expired = fetched(sandbox, "expired")
    assert (expired.status_code, expired.headers["Content-Type"]) == (403, "application/xml")
    assert "Request has expired" in expired.text
    assert fetched(sandbox, "gone").status_code == 404
    moved = fetched(sandbox, "redirect")
    assert [hop.status_code for hop in moved.history] == [302]
    assert moved.url != moved.history[0].url
    assert opened(moved.content).size == SMALL.size
    away = fetched(sandbox, "redirect_away", allow_redirects=False)
    assert (away.status_code, away.headers["Location"]) == (302, "http://10.0.0.1/x.png")


def test_a_link_can_lead_to_more_than_64_mib(sandbox: Sandbox) -> None:
    response = fetched(sandbox, "huge", stream=True)
    assert "Content-Length" not in response.headers
    first, total = b"", 0
    for chunk in response.iter_content(1 << 20):
        first, total = first or chunk, total + len(chunk)
    assert total > 64 * 1024 * 1024
    assert first.startswith(b"\x89PNG")


def test_switches_reach_linked_pictures_by_their_path(sandbox: Sandbox) -> None:
    [url] = links(edit(sandbox, OWN))
    sandbox.switch(path=".png", label="text/plain", garbage="truncated", times=1)
    cut = requests.get(url, timeout=TIMEOUT)
    whole = requests.get(url, timeout=TIMEOUT)
    assert cut.headers["Content-Type"] == "text/plain"
    assert len(cut.content) == len(whole.content) // 2
    sandbox.switch(path=".png", drop="in_answer", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, timeout=TIMEOUT)
    sandbox.switch(path=".png", status=503, times=1)
    assert requests.get(url, timeout=TIMEOUT).status_code == 503


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("kind", ["no_images", "empty_entry", "error_200", "html", "text", "empty"])
def test_garbage_under_200(sandbox: Sandbox, dialect: str, kind: str) -> None:
    sandbox.switch(garbage=kind)
    for response in both(sandbox, dialect):
        assert response.status_code == 200
        if kind == "no_images":
            assert response.json()["data"] == []
        elif kind == "empty_entry":
            assert response.json()["data"] == [{}]
        elif kind == "error_200":
            assert error(response)["code"] == "server_error"
        else:
            with pytest.raises(json.JSONDecodeError):
                json.loads(response.content)


def test_broken_pictures_come_in_good_json(sandbox: Sandbox) -> None:
    sandbox.switch(garbage="bad_images")
    [entry] = edit(sandbox, OPENAI).json()["data"]
    with pytest.raises(OSError, match=r"truncated|broken|incomplete"):
        opened(base64.b64decode(entry["b64_json"]))


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, None, ("invalid_request_error", "invalid_value")),
        (400, "moderation", ("image_generation_user_error", "moderation_blocked")),
        (400, "billing", ("invalid_request_error", "billing_hard_limit_reached")),
        (401, None, ("invalid_request_error", "invalid_api_key")),
        (403, None, ("invalid_request_error", "insufficient_permissions")),
        (404, None, ("invalid_request_error", "model_not_found")),
        (413, None, ("invalid_request_error", "request_too_large")),
        (429, None, ("requests", "rate_limit_exceeded")),
        (429, "rate_limit", ("requests", "rate_limit_exceeded")),
        (429, "quota", ("insufficient_quota", "insufficient_quota")),
        (429, "moderation", ("requests", "rate_limit_exceeded")),
        (500, None, ("server_error", "server_error")),
        (503, None, ("server_error", "service_unavailable")),
        (507, None, ("server_error", None)),
    ],
)
@pytest.mark.parametrize("dialect", NAMES)
def test_a_status_on_demand_has_openais_error_object(
    sandbox: Sandbox, dialect: str, status: int, kind: str | None, expected: tuple[str, str | None]
) -> None:
    sandbox.switch(status=status, kind=kind, retry_after="7")
    response = edit(sandbox, dialect)
    assert response.status_code == status
    assert (error(response)["type"], error(response)["code"]) == expected
    assert response.headers["Retry-After"] == "7"
    assert ("x-ratelimit-reset-requests" in response.headers) == (kind == "rate_limit")


def test_a_gateways_status_is_an_html_page_and_a_self_hosted_422_fastapis(sandbox: Sandbox) -> None:
    for status in (502, 504, 520, 524):
        sandbox.switch(status=status)
        response = edit(sandbox, OPENAI)
        assert response.status_code == status
        assert response.headers["Content-Type"].startswith("text/html")
    sandbox.switch(status=422)
    assert edit(sandbox, OWN).json()["detail"][0]["msg"]
    assert error(edit(sandbox, OPENAI))["type"] == "invalid_request_error"


@pytest.mark.parametrize("dialect", NAMES)
def test_policy_is_400_blocked_by_moderation(sandbox: Sandbox, dialect: str) -> None:
    sandbox.switch(policy=True)
    for response in both(sandbox, dialect):
        refused(response, "moderation_blocked")


@pytest.mark.parametrize("status", [400, 429, 503])
def test_a_refusal_can_have_another_shape(sandbox: Sandbox, status: int) -> None:
    sandbox.switch(status=status)
    usual = error(edit(sandbox, OPENAI))["message"]
    bodies = {}
    for shape in ("fastapi", "detail_text", "text", "object", "openai"):
        sandbox.switch(shape=shape)
        response = edit(sandbox, OPENAI)
        assert response.status_code == status
        bodies[shape] = response.json()
    assert [fault["msg"] for fault in bodies["fastapi"]["detail"]] == [usual]
    assert bodies["detail_text"] == {"detail": usual}
    assert bodies["text"]["error"] == bodies["object"]["error"]["message"] == usual
    assert bodies["openai"]["error"]["message"] == usual


def test_a_shape_holds_for_refusals_the_request_has_earned_too(sandbox: Sandbox) -> None:
    sandbox.switch(shape="fastapi")
    [fault] = edit(sandbox, OPENAI, color="pink").json()["detail"]
    assert fault["loc"] == ["body", "color"]
    sandbox.switch(shape="openai")
    assert error(edit(sandbox, OWN, prompt=""))["param"] == "prompt"


def test_venices_endpoints_can_refuse_in_those_shapes_and_know_no_quota(sandbox: Sandbox) -> None:
    sandbox.switch(status=429, kind="quota", shape="openai")
    url = sandbox.url + "/image/background-remove"
    found = error(requests.post(url, json={}, headers=KEY, timeout=TIMEOUT))
    assert (found["message"], found["code"]) == ("Rate limit exceeded", "rate_limit_exceeded")


def test_a_rate_that_is_exceeded_is_429_in_the_dialects_shape(sandbox: Sandbox) -> None:
    sandbox.switch(rate=1)
    assert edit(sandbox, OPENAI).status_code == 200
    second = edit(sandbox, OPENAI)
    refused(second, "rate_limit_exceeded", 429)
    assert 50 <= int(second.headers["Retry-After"]) <= 60
    assert re.fullmatch(r"1m0s|[\d.]+s", second.headers["x-ratelimit-reset-requests"])


def test_the_switches_of_the_connection_hold_here_too(sandbox: Sandbox) -> None:
    sandbox.switch(redirect="http://127.0.0.1:9/elsewhere", times=1)
    url = sandbox.url_for(OPENAI) + GENERATIONS
    body = {"prompt": "a fox"}
    moved = requests.post(url, json=body, headers=KEY, allow_redirects=False, timeout=TIMEOUT)
    assert (moved.status_code, moved.headers["Location"]) == (307, "http://127.0.0.1:9/elsewhere")
    sandbox.switch(drop="after_body", times=1)
    with pytest.raises(requests.ConnectionError):
        generate(sandbox, OPENAI)
    sandbox.switch(stall=30, times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json=body, headers=KEY, timeout=0.5)


def test_a_label_names_the_type_of_the_json(sandbox: Sandbox) -> None:
    sandbox.switch(label="text/plain")
    response = generate(sandbox, OPENAI)
    assert response.headers["Content-Type"] == "text/plain"
    assert pictures(response)


def test_the_new_switches_are_off_by_default() -> None:
    assert (Switches().answer, Switches().link) == (None, None)
