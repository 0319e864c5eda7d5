"""The sandbox's four dialects of OpenAI's image API: what each takes, refuses and answers."""

from __future__ import annotations

import base64
import io
import json
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from test_sandbox import encoded, photo

from venice_core.cli import main as cli_main
from venice_core.sandbox import DIALECTS, Sandbox, Switches, parse_setting
from venice_core.sandbox.rate_limits import duration

KEY = {"Authorization": "Bearer sk-test-0123456789"}
OPENAI, GROK, RELAY, OWN = "openai", "grok-relay", "gpt-image-relay", "self-hosted"
NAMES = (OPENAI, GROK, RELAY, OWN)
FILE = {OPENAI: "image", GROK: "image", RELAY: "image[]", OWN: "image"}
MODEL = {OPENAI: "gpt-image-2", GROK: "grok-3-image", RELAY: "gpt-image-1", OWN: "anything"}
NARROW = "gpt-image-1.5"  # a model of three sizes
SQUARE = (256, 256)

Sent = Image.Image | bytes
Files = list[tuple[str, Sent]]


def post_edit(
    sandbox: Sandbox, dialect: str, files: Files, headers: dict[str, str] = KEY, **fields: str
) -> requests.Response:
    """Always multipart, without files too."""
    parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields.items()]
    parts += [
        (name, ("p.png", sent if isinstance(sent, bytes) else encoded(sent), "image/png"))
        for name, sent in files
    ]
    url = sandbox.url_for(dialect) + "/images/edits"
    return requests.post(url, files=parts, headers=headers, timeout=60)


def edit(
    sandbox: Sandbox, dialect: str, picture: Sent | None = None, mask: Sent | None = None, **fields: str
) -> requests.Response:
    """A good request, but for what is given."""
    files: Files = [(FILE[dialect], picture or photo(*SQUARE))]
    if mask is not None:
        files.append(("mask", mask))
    return post_edit(sandbox, dialect, files, **{"model": MODEL[dialect], "prompt": "pink", **fields})


def generate(sandbox: Sandbox, dialect: str, **fields: Any) -> requests.Response:
    body = {"model": MODEL[dialect], "prompt": "a fox", **fields}
    url = sandbox.url_for(dialect) + "/images/generations"
    return requests.post(url, json=body, headers=KEY, timeout=60)


def loaded(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def made(response: requests.Response) -> list[Image.Image]:
    """The pictures of an answer, however they are given."""
    assert response.status_code == 200, response.text
    data = []
    for entry in response.json()["data"]:
        if "url" in entry:
            link = requests.get(entry["url"], timeout=60)
            link.raise_for_status()
            data.append(link.content)
        else:
            data.append(base64.b64decode(entry["b64_json"], validate=True))
    return [loaded(item) for item in data]


def error(response: requests.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["error"]
    assert set(found) == {"message", "type", "param", "code"}
    assert found["message"]
    return found


def links(response: requests.Response) -> list[str]:
    return [entry["url"] for entry in response.json()["data"]]


# Where they are


def test_each_dialect_has_a_base_url_on_the_same_port(sandbox: Sandbox) -> None:
    root = sandbox.url.removesuffix("/api/v1")
    assert [sandbox.url_for(name) for name in NAMES] == [f"{root}/{name}/v1" for name in NAMES]
    assert tuple(DIALECTS) == NAMES


def test_another_dialect_is_a_value_error(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="midjourney"):
        sandbox.url_for("midjourney")


def test_a_sandbox_that_does_not_run_has_no_urls() -> None:
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
    listing = requests.get(url, headers=KEY, timeout=30).json()
    assert listing["object"] == "list"
    assert listing["data"]
    usual = {"id", "object", "created", "owned_by"} | ({"shutdown_date"} if dialect == OPENAI else set())
    assert all(set(entry) == usual for entry in listing["data"])
    assert expected <= {entry["id"] for entry in listing["data"]}
    assert requests.get(url, timeout=30).status_code == (200 if dialect == OWN else 401)


@pytest.mark.parametrize("dialect", NAMES)
def test_every_answer_says_that_it_is_the_sandbox_and_names_the_request(
    sandbox: Sandbox, dialect: str
) -> None:
    nowhere = requests.post(sandbox.url_for(dialect) + "/images/variations", headers=KEY, timeout=30)
    assert nowhere.status_code == 404
    answers = [edit(sandbox, dialect), edit(sandbox, dialect, b"no picture"), nowhere]
    assert {answer.headers["x-venice-sandbox"] for answer in answers} == {"true"}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3
    assert all(answer.headers["x-request-id"].startswith("req_") for answer in answers)


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("Bearer bad-key", 401), ("Bearer restricted-1", 403), ("Bearer admin-only", 401)],
)
@pytest.mark.parametrize("dialect", NAMES)
def test_a_keys_text_decides_unless_none_is_asked_for(
    sandbox: Sandbox, dialect: str, key: str, status: int
) -> None:
    headers = {"Authorization": key} if key else {}
    fields = {"model": MODEL[dialect], "prompt": "pink"}
    response = post_edit(sandbox, dialect, [(FILE[dialect], photo(*SQUARE))], headers, **fields)
    assert response.status_code == (200 if dialect == OWN else status)
    if dialect != OWN:
        assert error(response)["code"] == {401: "invalid_api_key", 403: "insufficient_permissions"}[status]
        assert error(response)["type"] == "invalid_request_error"


def test_requests_are_remembered_with_fields_and_pictures_and_without_the_key(sandbox: Sandbox) -> None:
    files: Files = [("image[]", photo(*SQUARE)), ("image[]", photo(64, 48).convert("L"))]
    post_edit(sandbox, OPENAI, files, prompt="a café", model="gpt-image-2")
    seen = sandbox.requests[-1]
    assert (seen.path, seen.status) == ("/openai/v1/images/edits", 200)
    assert seen.fields == {"prompt": "a café", "model": "gpt-image-2"}
    assert [(file.name, file.width, file.mode) for file in seen.files] == [
        ("image[]", 256, "RGB"),
        ("image[]", 64, "L"),
    ]
    assert seen.headers["Authorization"] == "Bearer sk-***"


# What is made


@pytest.mark.parametrize("dialect", NAMES)
def test_an_edit_visibly_changes_the_first_picture(sandbox: Sandbox, dialect: str) -> None:
    source = photo(1024, 1024)
    result = made(edit(sandbox, dialect, source))[0]
    assert result.size == source.size
    change = np.abs(np.asarray(result.convert("RGB"), int) - np.asarray(source)).max(axis=-1)
    assert change.min() >= 30


@pytest.mark.parametrize("dialect", [OPENAI, OWN])
def test_a_mask_protects_what_is_opaque_in_it(sandbox: Sandbox, dialect: str) -> None:
    source = photo(1024, 1024)
    alpha = np.full((1024, 1024), 255, np.uint8)
    alpha[:400], alpha[400:600] = 0, 128
    mask = Image.new("RGBA", source.size)
    mask.putalpha(Image.fromarray(alpha))
    masked = np.asarray(made(edit(sandbox, dialect, source, mask))[0], int)
    whole = np.asarray(made(edit(sandbox, dialect, source))[0], int)
    before = np.asarray(source, int)
    assert (masked[alpha == 255] == before[alpha == 255]).all()
    assert (masked[alpha == 0] == whole[alpha == 0]).all()
    assert np.abs(masked - (before + whole) / 2)[alpha == 128].max() <= 2


def test_further_pictures_are_references_and_not_masks(sandbox: Sandbox) -> None:
    gray = Image.new("L", SQUARE)
    files: Files = [("image[]", photo(*SQUARE)), ("image[]", gray)]
    response = post_edit(sandbox, OPENAI, files, prompt="pink", model=MODEL[OPENAI])
    assert np.array_equal(made(response)[0], made(edit(sandbox, OPENAI))[0])


@pytest.mark.parametrize("dialect", [OPENAI, GROK, OWN])
def test_several_results_differ_from_each_other(sandbox: Sandbox, dialect: str) -> None:
    for response in (edit(sandbox, dialect, n="10"), generate(sandbox, dialect, n=10)):
        pictures = [picture.tobytes() for picture in made(response)]
        assert len(pictures) == len(set(pictures)) == 10


@pytest.mark.parametrize("dialect", NAMES)
def test_a_drawing_depends_on_the_prompt(sandbox: Sandbox, dialect: str) -> None:
    fox, again, owl = (made(generate(sandbox, dialect, prompt=text))[0] for text in ("fox", "fox", "owl"))
    assert fox.size == (1024, 1024)
    assert np.array_equal(fox, again)
    assert not np.array_equal(fox, owl)


def test_the_result_is_the_input_stretched_to_the_size_asked_for(sandbox: Sandbox) -> None:
    sandbox.switch(identity=True)
    source = photo(1024, 1024)
    result = made(edit(sandbox, OPENAI, source, size="1536x1024"))[0]
    assert np.array_equal(result, source.resize((1536, 1024), Image.Resampling.LANCZOS))
    assert np.array_equal(made(edit(sandbox, OPENAI, source, size="1024x1024"))[0], source)


@pytest.mark.parametrize(
    ("dialect", "source", "fields", "size"),
    [
        (OPENAI, (300, 300), {}, (1024, 1024)),
        (OPENAI, (300, 200), {"size": "auto"}, (1536, 1024)),
        (OPENAI, (200, 300), {}, (1024, 1536)),
        (OPENAI, (300, 200), {"size": "1008x800"}, (1008, 800)),
        (OPENAI, (300, 200), {"size": "1024x1536", "model": NARROW}, (1024, 1536)),
        (RELAY, (300, 290), {}, (1024, 1024)),
        (RELAY, (300, 200), {}, (1536, 1024)),
        (RELAY, (100, 300), {}, (1024, 1536)),
        (GROK, (300, 200), {}, (1248, 832)),
        (GROK, (300, 200), {"aspect_ratio": "auto", "resolution": "2k"}, (2512, 1680)),
        (GROK, (300, 200), {"aspect_ratio": "1:1"}, (1024, 1024)),
        (GROK, (300, 200), {"aspect_ratio": "1:1", "resolution": "2k"}, (2048, 2048)),
        (GROK, (300, 200), {"aspect_ratio": "9:19.5", "resolution": "1k"}, (688, 1504)),
        (OWN, (300, 201), {}, (300, 201)),
        (OWN, (300, 201), {"size": "640x64"}, (640, 64)),
    ],
)
def test_the_size_of_an_edit(
    sandbox: Sandbox, dialect: str, source: tuple[int, int], fields: dict[str, str], size: tuple[int, int]
) -> None:
    assert made(edit(sandbox, dialect, photo(*source), **fields))[0].size == size


@pytest.mark.parametrize(
    ("dialect", "fields", "size"),
    [
        (OPENAI, {"size": "2048x1024"}, (2048, 1024)),
        (GROK, {"aspect_ratio": "16:9", "resolution": "1k"}, (1360, 768)),
        (RELAY, {"size": "1536x1024"}, (1536, 1024)),
        (OWN, {"size": "64x128"}, (64, 128)),
    ],
)
def test_the_size_of_a_drawing(
    sandbox: Sandbox, dialect: str, fields: dict[str, str], size: tuple[int, int]
) -> None:
    assert made(generate(sandbox, dialect, **fields))[0].size == size


@pytest.mark.parametrize("file_format", ["png", "jpeg", "webp"])
def test_openai_answers_in_the_format_asked_for(sandbox: Sandbox, file_format: str) -> None:
    for response in (
        edit(sandbox, OPENAI, output_format=file_format),
        generate(sandbox, OPENAI, output_format=file_format),
    ):
        assert made(response)[0].format == file_format.upper()
        assert response.json()["output_format"] == file_format


def test_a_transparent_background_keeps_the_inputs_alpha(sandbox: Sandbox) -> None:
    source = photo(1024, 1024).convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    fields = {"background": "transparent", "model": NARROW}
    response = edit(sandbox, OPENAI, source, **fields)
    assert np.array_equal(made(response)[0].getchannel("A"), source.getchannel("A"))
    assert response.json()["background"] == "transparent"
    assert made(generate(sandbox, OPENAI, **fields))[0].getpixel((0, 0))[3] == 0
    assert made(edit(sandbox, OPENAI, source, background="opaque"))[0].mode == "RGB"


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
    assert headers["x-ratelimit-limit-requests"] == "3"
    assert headers["x-ratelimit-remaining-requests"] == "2"
    assert headers["x-ratelimit-reset-requests"] == "1m0s"


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
    assert {picture.format for picture in made(response)} == {"JPEG"}
    assert len(set(links(response))) == 2


def test_a_linked_picture_needs_no_key_and_is_remembered(sandbox: Sandbox) -> None:
    [url] = links(generate(sandbox, GROK))
    response = requests.get(url, timeout=30)
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["x-venice-sandbox"] == "true"
    seen = sandbox.requests[-1]
    assert (seen.method, seen.status) == ("GET", 200)
    assert seen.path == url[url.index("/files/") :]
    assert "Authorization" not in seen.headers
    requests.get(url, headers=KEY, timeout=30)
    assert sandbox.requests[-1].headers["Authorization"] == "Bearer sk-***"


def test_a_reset_forgets_the_linked_pictures(sandbox: Sandbox) -> None:
    [url] = links(generate(sandbox, OWN))
    assert requests.get(url, timeout=30).status_code == 200
    sandbox.reset()
    assert requests.get(url, timeout=30).status_code == 404


@pytest.mark.parametrize("dialect", [GROK, OWN])
def test_base64_is_answered_where_it_is_asked_for(sandbox: Sandbox, dialect: str) -> None:
    for response in (
        edit(sandbox, dialect, response_format="b64_json"),
        generate(sandbox, dialect, response_format="b64_json"),
    ):
        assert [set(entry) for entry in response.json()["data"]] == [{"b64_json"}]
        assert made(response)[0].format == ("JPEG" if dialect == GROK else "PNG")


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


# What is taken and what is refused

BIG_TEXT = "x" * 32_000
ASPECT_RATIOS = (
    *("1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "9:19.5", "19.5:9"),
    *("9:20", "20:9", "1:2", "2:1", "auto"),
)
TAKEN_BY_BOTH: list[tuple[str, dict[str, Any]]] = [
    (OPENAI, {"prompt": BIG_TEXT}),
    (OPENAI, {"n": 10}),
    *((OPENAI, {"size": size}) for size in ("auto", "3840x2160", "2160x3840", "1440x480", "816x816")),
    *((OPENAI, {"size": size, "model": NARROW}) for size in ("auto", "1024x1024", "1536x1024", "1024x1536")),
    *((OPENAI, {"quality": quality}) for quality in ("auto", "low", "medium", "high")),
    *((OPENAI, {"quality": name, "model": "gpt-image-2.5-flare"}) for name in ("xhigh", "max")),
    (OPENAI, {"background": "transparent", "output_format": "webp"}),
    *((OPENAI, {"complexity": word, "model": "gpt-image-2.6-flare"}) for word in ("low", "medium", "high")),
    (OPENAI, {"size": "480x1440", "model": "gpt-image-2.6-flare"}),
    (OPENAI, {"background": "opaque", "output_format": "jpeg", "output_compression": 0}),
    (OPENAI, {"output_compression": 100, "user": "u", "safety_identifier": "s"}),
    (OPENAI, {"user": "", "safety_identifier": ""}),
    (OPENAI, {"model": "gpt-image-1-mini"}),
    *((GROK, {"aspect_ratio": ratio}) for ratio in ASPECT_RATIOS),
    (GROK, {"resolution": "2k", "quality": "high", "n": 2}),
    *((RELAY, {"quality": quality}) for quality in ("auto", "low", "medium", "high")),
    (RELAY, {"prompt": BIG_TEXT}),
    (OWN, {"size": "64x4096"}),
    (OWN, {"model": "", "color": "pink", "quality": "best", "n": 3}),
]


@pytest.mark.parametrize(
    ("dialect", "fields"), TAKEN_BY_BOTH, ids=lambda value: str(value)[:60] if value else ""
)
def test_what_both_endpoints_take(sandbox: Sandbox, dialect: str, fields: dict[str, Any]) -> None:
    words = {name: str(value) for name, value in fields.items()}
    assert edit(sandbox, dialect, **words).status_code == 200
    assert generate(sandbox, dialect, **fields).status_code == 200


def test_what_the_edits_of_openai_take_besides(sandbox: Sandbox) -> None:
    for model, fidelity in (("gpt-image-1.5", "high"), ("gpt-image-1.5", "low"), ("gpt-image-1-mini", "low")):
        assert edit(sandbox, OPENAI, model=model, input_fidelity=fidelity).status_code == 200


def test_a_model_of_openais_that_has_ended_is_unknown(sandbox: Sandbox) -> None:
    ended = edit(sandbox, OPENAI, model="gpt-image-1")
    assert (ended.status_code, error(ended)["code"]) == (404, "model_not_found")


def test_null_in_json_is_nothing(sandbox: Sandbox) -> None:
    assert generate(sandbox, OPENAI, n=None, size=None, quality=None).status_code == 200
    assert error(generate(sandbox, OPENAI, prompt=None))["code"] == "missing_required_parameter"


UNKNOWN, VALUE = "unknown_parameter", "invalid_value"
LONG, SHORT = "string_above_max_length", "string_below_min_length"
REFUSED_BY_BOTH: list[tuple[str, dict[str, Any], str]] = [
    *((OPENAI, {name: value}, UNKNOWN) for name, value in {"color": "pink", "aspect_ratio": "1:1"}.items()),
    *((OPENAI, {"response_format": value}, UNKNOWN) for value in ("b64_json", "url")),
    (OPENAI, {"stream": "true"}, UNKNOWN),
    (OPENAI, {"partial_images": 1}, UNKNOWN),
    (OPENAI, {"prompt": ""}, SHORT),
    (OPENAI, {"prompt": BIG_TEXT + "x"}, LONG),
    (OPENAI, {"n": 0}, "integer_below_min_value"),
    (OPENAI, {"n": 11}, "integer_above_max_value"),
    (OPENAI, {"n": 1.5}, "invalid_type"),
    (OPENAI, {"n": "two"}, "invalid_type"),
    *(
        (OPENAI, {"size": size}, VALUE)
        for size in (
            *("1000x1000", "1024x1020", "800x800", "3856x1440", "3840x2176", "3104x1024", "1024"),
            *("wide", "0x0", "-1024x1024", "1024x1024 "),
        )
    ),
    *((OPENAI, {"size": size, "model": NARROW}, VALUE) for size in ("1024x768", "1008x1008", "512x512")),
    (OPENAI, {"quality": "xhigh"}, VALUE),
    (OPENAI, {"quality": "max", "model": NARROW}, VALUE),
    (OPENAI, {"quality": "hd"}, VALUE),
    (OPENAI, {"complexity": "low"}, UNKNOWN),
    (OPENAI, {"complexity": "none", "model": "gpt-image-2.6-flare"}, VALUE),
    (OPENAI, {"size": "464x1424", "model": "gpt-image-2.6-flare"}, VALUE),
    (OPENAI, {"background": "pink", "model": NARROW}, VALUE),
    (OPENAI, {"background": "transparent", "model": NARROW, "output_format": "jpeg"}, VALUE),
    (OPENAI, {"output_format": "gif"}, VALUE),
    (OPENAI, {"output_compression": 101, "output_format": "jpeg"}, "integer_above_max_value"),
    (OPENAI, {"output_compression": 50}, VALUE),
    (OPENAI, {"input_fidelity": "high"}, UNKNOWN),
    (GROK, {"color": "pink"}, UNKNOWN),
    (GROK, {"size": "1024x1024"}, UNKNOWN),
    (GROK, {"aspect_ratio": "7:5"}, VALUE),
    (GROK, {"resolution": "1K"}, VALUE),
    (GROK, {"resolution": "4k"}, VALUE),
    (GROK, {"quality": "auto"}, VALUE),
    (GROK, {"n": 11}, "integer_above_max_value"),
    (GROK, {"response_format": "png"}, VALUE),
    *((RELAY, {name: "x"}, UNKNOWN) for name in ("response_format", "background", "output_format", "user")),
    (RELAY, {"quality": "max"}, VALUE),
    (RELAY, {"prompt": BIG_TEXT + "x"}, LONG),
]


@pytest.mark.parametrize(
    ("dialect", "fields", "code"), REFUSED_BY_BOTH, ids=lambda value: str(value)[:60] if value else ""
)
def test_what_both_endpoints_refuse(
    sandbox: Sandbox, dialect: str, fields: dict[str, Any], code: str
) -> None:
    words = {name: str(value) for name, value in fields.items()}
    for response in (edit(sandbox, dialect, **words), generate(sandbox, dialect, **fields)):
        assert response.status_code == 400
        found = error(response)
        assert (found["type"], found["code"]) == ("invalid_request_error", code)
        assert found["param"] in fields


def test_moderation_is_for_openais_drawings_only(sandbox: Sandbox) -> None:
    for value in ("auto", "low"):
        assert generate(sandbox, OPENAI, moderation=value).status_code == 200
    assert error(generate(sandbox, OPENAI, moderation="none"))["code"] == VALUE
    found = error(edit(sandbox, OPENAI, moderation="low"))
    assert (found["code"], found["param"]) == (UNKNOWN, "moderation")


def test_input_fidelity_is_for_edits_by_older_models(sandbox: Sandbox) -> None:
    assert error(generate(sandbox, OPENAI, model=NARROW, input_fidelity="high"))["code"] == UNKNOWN
    mini = edit(sandbox, OPENAI, model="gpt-image-1-mini", input_fidelity="high")
    assert error(mini)["code"] == VALUE


def test_the_gpt_image_relay_takes_size_and_number_for_drawings_only(sandbox: Sandbox) -> None:
    assert len(made(generate(sandbox, RELAY, size="1024x1536", n=2))) == 2
    for name, value in (("size", "1024x1024"), ("n", "1")):
        found = error(edit(sandbox, RELAY, **{name: value}))
        assert (found["code"], found["param"]) == (UNKNOWN, name)
    assert error(generate(sandbox, RELAY, size="512x512"))["code"] == VALUE


@pytest.mark.parametrize(
    ("dialect", "name"),
    [(OPENAI, "prompt"), (GROK, "prompt"), (GROK, "model"), (RELAY, "prompt"), (RELAY, "model")],
)
def test_a_field_that_is_missing_is_named(sandbox: Sandbox, dialect: str, name: str) -> None:
    fields = {"model": MODEL[dialect], "prompt": "pink"}
    del fields[name]
    response = post_edit(sandbox, dialect, [(FILE[dialect], photo(*SQUARE))], **fields)
    assert response.status_code == 400
    found = error(response)
    assert (found["param"], found["code"]) == (name, "missing_required_parameter")


def test_openais_model_may_be_left_out(sandbox: Sandbox) -> None:
    fields = {"prompt": "pink", "quality": "max"}  # which only the newest take
    assert post_edit(sandbox, OPENAI, [("image", photo(*SQUARE))], **fields).status_code == 200


@pytest.mark.parametrize("dialect", [OPENAI, GROK, RELAY])
def test_an_unknown_model_is_404(sandbox: Sandbox, dialect: str) -> None:
    for response in (edit(sandbox, dialect, model="dall-e-2"), generate(sandbox, dialect, model="dall-e-2")):
        assert response.status_code == 404
        assert (error(response)["code"], error(response)["param"]) == ("model_not_found", "model")


DUPLICATE, MISSING = "duplicate_parameter", "missing_required_parameter"


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
    files: Files = [(name, photo(*SQUARE)) for name in names]
    response = post_edit(sandbox, dialect, files, **fields)
    assert response.status_code == (400 if code else 200), response.text
    assert code is None or error(response)["code"] == code


def test_a_field_given_twice_is_a_duplicate(sandbox: Sandbox) -> None:
    parts = [("prompt", (None, "pink")), ("prompt", (None, "blue")), ("image", ("p.png", b"", "image/png"))]
    url = sandbox.url_for(OPENAI) + "/images/edits"
    assert error(requests.post(url, files=parts, headers=KEY, timeout=30))["code"] == DUPLICATE


def test_a_picture_as_text_is_no_file(sandbox: Sandbox) -> None:
    url = sandbox.url_for(OPENAI) + "/images/edits"
    parts = [("prompt", (None, "pink")), ("image", (None, base64.b64encode(encoded(photo(*SQUARE)))))]
    found = error(requests.post(url, files=parts, headers=KEY, timeout=30))
    assert (found["param"], found["code"]) == ("image", "invalid_type")


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_three_file_formats_are_taken(sandbox: Sandbox, dialect: str, file_format: str) -> None:
    assert edit(sandbox, dialect, encoded(photo(*SQUARE), file_format)).status_code == 200


@pytest.mark.parametrize(
    ("dialect", "picture", "status"),
    [
        (OPENAI, encoded(photo(*SQUARE), "GIF"), 400),
        (OPENAI, encoded(photo(*SQUARE))[:500], 400),
        (RELAY, b"no picture", 400),
        (GROK, b"", 400),
        (OWN, b"no picture", 422),
        (OPENAI, b"\x89PNG" + bytes(50_000_000), 413),
        (RELAY, b"\x89PNG" + bytes(25_000_000), 413),
    ],
    ids=["gif", "truncated", "text", "empty", "text-422", "50MB", "25MB"],
)
def test_a_file_that_cannot_be_used_is_refused(
    sandbox: Sandbox, dialect: str, picture: bytes, status: int
) -> None:
    files: Files = [(FILE[dialect], picture)]
    response = post_edit(sandbox, dialect, files, model=MODEL[dialect], prompt="pink")
    assert response.status_code == status
    if status == 422:
        assert response.json()["detail"][0]["loc"] == ["body", "image"]
    else:
        assert error(response)["param"] == FILE[dialect]


def test_openai_wants_a_files_label_to_name_its_format(sandbox: Sandbox) -> None:
    parts = [("image", ("p", encoded(photo(*SQUARE)), "application/octet-stream"))]
    for dialect, status in ((OPENAI, 400), (GROK, 200)):
        url = sandbox.url_for(dialect) + "/images/edits"
        fields = {"model": MODEL[dialect], "prompt": "pink"}
        response = requests.post(url, data=fields, files=parts, headers=KEY, timeout=30)
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
    for dialect in (OPENAI, OWN):
        response = edit(sandbox, dialect, photo(side, side), mask)
        if wrong is None:
            assert response.status_code == 200, response.text
        elif dialect == OPENAI:
            assert response.status_code == 400
            assert error(response)["param"] == "mask"
            assert wrong in error(response)["message"]
        else:
            assert response.status_code == 422
            assert wrong in response.json()["detail"][0]["msg"]


def test_the_mask_belongs_to_the_first_of_several_pictures(sandbox: Sandbox) -> None:
    mask = Image.new("RGBA", (256, 256))
    for first, status in (((256, 256), 200), ((128, 128), 400)):
        files: Files = [("image[]", photo(*first)), ("image[]", photo(300, 200)), ("mask", mask)]
        response = post_edit(sandbox, OPENAI, files, prompt="pink", model="gpt-image-2")
        assert response.status_code == status


@pytest.mark.parametrize(("dialect", "status"), [(OPENAI, 400), (GROK, 400), (RELAY, 400), (OWN, 422)])
def test_edits_are_multipart_and_generations_json(sandbox: Sandbox, dialect: str, status: int) -> None:
    base, fields = sandbox.url_for(dialect), {"model": MODEL[dialect], "prompt": "pink"}
    as_json = requests.post(base + "/images/edits", json=fields, headers=KEY, timeout=30)
    parts = [(name, (None, value)) for name, value in fields.items()]
    as_parts = requests.post(base + "/images/generations", files=parts, headers=KEY, timeout=30)
    assert [as_json.status_code, as_parts.status_code] == [status, status]


def test_a_body_that_is_no_form_is_refused_in_the_dialects_shape(sandbox: Sandbox) -> None:
    url = sandbox.url_for(OPENAI) + "/images/generations"
    broken = {**KEY, "Content-Type": "application/json"}
    assert error(requests.post(url, data=b"{", headers=broken, timeout=30))["type"] == "invalid_request_error"
    plain = requests.post(url, data=b"x", headers={**KEY, "Content-Type": "text/plain"}, timeout=30)
    assert (plain.status_code, error(plain)["code"]) == (415, "unsupported_content_type")


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({"prompt": ""}, "prompt", "string_too_short"),
        ({"size": "100x100"}, "size", "literal_error"),
        ({"size": "56x64"}, "size", "literal_error"),
        ({"size": "4104x64"}, "size", "literal_error"),
        ({"size": "big"}, "size", "literal_error"),
        ({"n": "0"}, "n", "greater_than_equal"),
        ({"n": "11"}, "n", "less_than_equal"),
        ({"response_format": "png"}, "response_format", "literal_error"),
    ],
)
def test_a_self_hosted_server_refuses_as_fastapi_does(
    sandbox: Sandbox, fields: dict[str, str], field: str, kind: str
) -> None:
    response = edit(sandbox, OWN, **fields)
    assert response.status_code == 422
    [fault] = response.json()["detail"]
    assert set(fault) == {"type", "loc", "msg", "input"}
    assert (fault["loc"], fault["type"], fault["input"]) == (["body", field], kind, fields[field])
    assert fault["msg"]


def test_a_self_hosted_server_lists_all_that_is_missing(sandbox: Sandbox) -> None:
    response = post_edit(sandbox, OWN, [], {}, n="1")
    faults = [(fault["loc"][1], fault["type"]) for fault in response.json()["detail"]]
    assert faults == [("prompt", "missing"), ("image", "missing")]


def test_a_self_hosted_server_ignores_what_it_does_not_know(sandbox: Sandbox) -> None:
    files: Files = [("image", photo(*SQUARE)), ("reference", b"anything")]
    assert post_edit(sandbox, OWN, files, {}, prompt="pink", steps="30").status_code == 200
    two: Files = [("image", photo(*SQUARE))] * 2
    assert post_edit(sandbox, OWN, two, {}, prompt="pink").status_code == 422


# Switches


@pytest.mark.parametrize("dialect", NAMES)
def test_pictures_are_disturbed_as_the_switches_say(sandbox: Sandbox, dialect: str) -> None:
    source = photo(1024, 1024)
    sandbox.switch(identity=True, format="png", times=1)
    assert np.array_equal(made(edit(sandbox, dialect, source))[0], source)
    sandbox.switch(identity=True, drift=True, format="webp", size="500x300", fit="letterbox", times=1)
    drifted = made(edit(sandbox, dialect, source))[0]
    assert (drifted.size, drifted.format) == ((500, 300), "WEBP")
    assert drifted.getpixel((0, 150)) != drifted.getpixel((250, 150))
    sandbox.switch(refusal=True, times=1)
    assert len(made(generate(sandbox, dialect))[0].convert("RGB").getcolors() or ()) == 1


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("how", ["b64_json", "data_uri", "url"])
def test_answer_decides_how_pictures_are_given(sandbox: Sandbox, dialect: str, how: str) -> None:
    sandbox.switch(answer=how)
    fields = {"response_format": "b64_json"} if dialect in (GROK, OWN) else {}
    [entry] = edit(sandbox, dialect, **fields).json()["data"]
    if how == "url":
        assert loaded(requests.get(entry["url"], timeout=30).content)
        return
    head, _, text = entry["b64_json"].rpartition(",")
    assert loaded(base64.b64decode(text, validate=True))
    mime = "image/jpeg" if dialect == GROK else "image/png"
    assert head == (f"data:{mime};base64" if how == "data_uri" else "")


@pytest.mark.parametrize(("link", "host"), [("same_host", "127.0.0.1"), ("other_host", "localhost")])
@pytest.mark.parametrize("dialect", [GROK, OWN])
def test_link_decides_the_host(sandbox: Sandbox, dialect: str, link: str, host: str) -> None:
    sandbox.switch(link=link)
    response = edit(sandbox, dialect)
    assert links(response)[0].startswith(f"http://{host}:")
    assert made(response)


def fetched(sandbox: Sandbox, link: str, **options: Any) -> requests.Response:
    sandbox.switch(link=link)
    return requests.get(links(edit(sandbox, OWN))[0], timeout=60, **options)


def test_an_expired_link_is_403_in_xml(sandbox: Sandbox) -> None:
    response = fetched(sandbox, "expired")
    assert (response.status_code, response.headers["Content-Type"]) == (403, "application/xml")
    assert "Request has expired" in response.text


def test_a_link_can_lead_nowhere(sandbox: Sandbox) -> None:
    assert fetched(sandbox, "gone").status_code == 404


def test_a_link_can_redirect_to_the_picture(sandbox: Sandbox) -> None:
    response = fetched(sandbox, "redirect")
    assert [hop.status_code for hop in response.history] == [302]
    assert response.url != response.history[0].url
    assert loaded(response.content).size == SQUARE


def test_a_link_can_redirect_into_a_private_network(sandbox: Sandbox) -> None:
    response = fetched(sandbox, "redirect_away", allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (302, "http://10.0.0.1/x.png")


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
    cut = requests.get(url, timeout=30)
    whole = requests.get(url, timeout=30)
    assert cut.headers["Content-Type"] == "text/plain"
    assert len(cut.content) == len(whole.content) // 2
    sandbox.switch(path=".png", drop="in_answer", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, timeout=30)
    sandbox.switch(path=".png", status=503, times=1)
    assert requests.get(url, timeout=30).status_code == 503


@pytest.mark.parametrize("dialect", NAMES)
@pytest.mark.parametrize("kind", ["no_images", "empty_entry", "error_200", "html", "text", "empty"])
def test_garbage_under_200(sandbox: Sandbox, dialect: str, kind: str) -> None:
    sandbox.switch(garbage=kind)
    for response in (edit(sandbox, dialect), generate(sandbox, dialect)):
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
        loaded(base64.b64decode(entry["b64_json"]))


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


@pytest.mark.parametrize("status", [502, 504, 520, 524])
def test_a_gateways_status_on_demand_is_an_html_page(sandbox: Sandbox, status: int) -> None:
    sandbox.switch(status=status)
    response = edit(sandbox, OPENAI)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_self_hosted_422_is_fastapis_and_openais_is_not(sandbox: Sandbox) -> None:
    sandbox.switch(status=422)
    assert edit(sandbox, OWN).json()["detail"][0]["msg"]
    assert error(edit(sandbox, OPENAI))["type"] == "invalid_request_error"


@pytest.mark.parametrize("dialect", NAMES)
def test_policy_is_400_blocked_by_moderation(sandbox: Sandbox, dialect: str) -> None:
    sandbox.switch(policy=True)
    for response in (edit(sandbox, dialect), generate(sandbox, dialect)):
        assert response.status_code == 400
        assert error(response)["code"] == "moderation_blocked"


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
    found = error(requests.post(url, json={}, headers=KEY, timeout=30))
    assert (found["message"], found["code"]) == ("Rate limit exceeded", "rate_limit_exceeded")


def test_a_rate_that_is_exceeded_is_429_in_the_dialects_shape(sandbox: Sandbox) -> None:
    sandbox.switch(rate=1)
    answers = [edit(sandbox, OPENAI), edit(sandbox, OPENAI)]
    assert Counter(answer.status_code for answer in answers) == {200: 1, 429: 1}
    assert error(answers[1])["code"] == "rate_limit_exceeded"
    assert 50 <= int(answers[1].headers["Retry-After"]) <= 60
    assert re.fullmatch(r"1m0s|[\d.]+s", answers[1].headers["x-ratelimit-reset-requests"])


def test_the_switches_of_the_connection_hold_here_too(sandbox: Sandbox) -> None:
    sandbox.switch(redirect="http://127.0.0.1:9/elsewhere", times=1)
    url = sandbox.url_for(OPENAI) + "/images/generations"
    body = {"prompt": "a fox"}
    moved = requests.post(url, json=body, headers=KEY, allow_redirects=False, timeout=30)
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
    assert made(response)


@pytest.mark.parametrize("text", ["answer=png", "link=far", "garbage=nothing", "shape=xml", "kind=credit"])
def test_a_switch_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("=")[0]):
        parse_setting(text)


def test_the_new_switches_are_off_by_default() -> None:
    assert (Switches().answer, Switches().link) == (None, None)
