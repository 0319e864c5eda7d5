"""The sandbox in Venice's manner: what is sent to it, and what must come back."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from sandbox_talk import (
    CUTOUT,
    EDIT,
    FORMS,
    GENERATE,
    GENERATIONS,
    GONE,
    GOOD,
    IMAGE,
    KEY,
    MULTI,
    TIMEOUT,
    UPSCALE,
    Sent,
    ask,
    b64,
    edit,
    encoded,
    entry,
    opened,
    photo,
    picture,
    pictures,
    pixels,
    send,
    serving,
)

from venice_core.sandbox import Sandbox

TIERED = "nano-banana-pro"  # 1K, 2K, 4K
TIERED_EDIT = "nano-banana-2-edit"
REFERENCE = {"image": IMAGE}
JPEG = {"format": "jpeg"}  # the quickest to make
LIMIT = 32_768

# What is sent -> a picture of which format and size comes back

COMES_BACK: list[tuple[str, dict[str, Any], str, tuple[int, int]]] = [
    (EDIT, {}, "PNG", (320, 256)),
    (EDIT, {"output_format": "jpg"}, "JPEG", (320, 256)),
    (EDIT, {"output_format": "jpeg"}, "JPEG", (320, 256)),
    (EDIT, {"output_format": "webp"}, "WEBP", (320, 256)),
    (EDIT, {"model": TIERED_EDIT, "resolution": "1K"}, "PNG", (320, 256)),
    (EDIT, {"model": TIERED_EDIT, "resolution": "2K"}, "JPEG", (320, 256)),
    (EDIT, {"model": TIERED_EDIT, "resolution": "4K"}, "JPEG", (320, 256)),
    (EDIT, {"model": TIERED_EDIT, "resolution": "4K", "output_format": "png"}, "PNG", (320, 256)),
    (UPSCALE, {}, "PNG", (640, 512)),
    (UPSCALE, {"scale": "2.5"}, "PNG", (800, 640)),
    (UPSCALE, {"scale": "4"}, "PNG", (1280, 1024)),
    (GENERATE, {}, "WEBP", (1024, 1024)),
    (GENERATE, {"format": "png", "width": 640, "height": 1280}, "PNG", (640, 1280)),
    (GENERATE, {"format": "png", "width": 1}, "PNG", (1, 1024)),
    (GENERATE, {**JPEG, "aspect_ratio": "16:9"}, "JPEG", (1360, 768)),
    (GENERATE, {**JPEG, "aspect_ratio": "2:3", "width": 640}, "JPEG", (832, 1248)),
    (GENERATE, {**JPEG, "aspect_ratio": "auto"}, "JPEG", (1024, 1024)),
    (GENERATE, {**JPEG, "model": TIERED, "resolution": "2K"}, "JPEG", (2048, 2048)),
    (GENERATE, {**JPEG, "model": TIERED, "resolution": "2K", "aspect_ratio": "21:9"}, "JPEG", (3136, 1344)),
    (GENERATE, {**JPEG, "model": TIERED, "resolution": "4K", "aspect_ratio": "9:16"}, "JPEG", (3072, 5456)),
    *(
        (GENERATE, {"return_binary": True, "format": word}, word.upper(), (1024, 1024))
        for word in ("jpeg", "png", "webp")
    ),
    (GENERATIONS, {}, "PNG", (1024, 1024)),
    *(
        (
            GENERATIONS,
            {"response_format": "url", "output_format": word, "size": "1536x1024"},
            word.upper(),
            (1536, 1024),
        )
        for word in ("jpeg", "png", "webp")
    ),
]


@pytest.mark.covers("Every documented case: 2K without output_format: JPEG")
@pytest.mark.parametrize(("path", "fields", "file_format", "size"), COMES_BACK)
def test_format_and_size_follow_the_request(
    sandbox: Sandbox, path: str, fields: dict[str, Any], file_format: str, size: tuple[int, int]
) -> None:
    response = send(sandbox, path, **fields)
    found = picture(response)
    assert (found.format, found.mode, found.size) == (file_format, "RGB", size)
    if path in FORMS or "return_binary" in fields:
        assert response.headers["Content-Type"] == f"image/{file_format.lower()}"
        return
    assert response.headers["Content-Type"].startswith("application/json")
    if path == GENERATE:
        assert response.json()["id"]
        times = ("inferenceDuration", "inferencePreprocessingTime", "inferenceQueueTime", "total")
        assert set(response.json()["timing"]) == set(times)
        assert all(value >= 0 for value in response.json()["timing"].values())
    else:
        assert set(response.json()) == {"created", "data"}
        (made,) = response.json()["data"]
        if fields:
            assert made["url"].startswith(f"data:image/{fields['output_format']};base64,")
        else:
            assert set(made) == {"b64_json"}


@pytest.mark.parametrize(
    ("width", "height", "size"), [(2000, 1200, (5287, 3172)), (2048, 2048, (4096, 4096))]
)
def test_upscaling_stays_within_16_777_216_px(
    sandbox: Sandbox, width: int, height: int, size: tuple[int, int]
) -> None:
    assert picture(send(sandbox, UPSCALE, photo(width, height), scale="4")).size == size


def test_models_have_ratios_and_tiers_of_their_own() -> None:
    """A size in figures is ignored, or refused, where there are ratios."""
    ratios: dict[str, Any] = {"constraints": {"aspectRatios": ["1:1", "16:9"]}}
    tiers = {"aspectRatios": ["1:1", "2:1"], "resolutions": ["1K", "2K"], "defaultResolution": "2K"}
    entries = [entry("shaped", "image", **ratios), entry("qwen-image-3", "image", **ratios)]
    with serving(*entries, entry("maker", "image", constraints=tiers)) as sandbox:
        made = ask(sandbox, GENERATE, model="shaped", width=640, height=320)
        assert picture(made).size == (1024, 1024)
        assert ask(sandbox, GENERATE, model="qwen-image-3", width=640).status_code == 400
        assert picture(ask(sandbox, GENERATE, model="maker", aspect_ratio="2:1")).size == (2896, 1456)


@pytest.mark.parametrize(
    ("path", "fields", "model"),
    [
        (EDIT, {"model": "qwen-image-2-edit", "enhance_prompt": "true"}, "qwen-image-2-edit"),
        (UPSCALE, {}, "upscaler"),
        (GENERATE, {"enhance_prompt": True}, "z-image-turbo"),
        (GENERATE, {}, "z-image-turbo"),
        (GENERATIONS, {}, "z-image-turbo"),
        *((GENERATIONS, {"model": name}, "z-image-turbo") for name in ("dall-e-3", "", "firered-image-edit")),
        (GENERATIONS, {"model": "qwen-image"}, "qwen-image"),
    ],
)
def test_an_answer_carries_the_documented_headers(
    sandbox: Sandbox, path: str, fields: dict[str, Any], model: str
) -> None:
    headers = send(sandbox, path, **fields).headers
    assert headers["x-venice-model-id"] == model
    assert headers["x-venice-model-name"]
    assert headers["x-venice-is-blurred"] == headers["x-venice-is-content-violation"] == "false"
    assert float(headers["x-venice-balance-usd"]) > 0
    words = {EDIT: "pink", GENERATE: "a%20boat"}[path] if "enhance_prompt" in fields else None
    assert headers.get("x-venice-enhanced-prompt") == words
    assert headers["x-ratelimit-remaining-requests"]
    assert int(headers["x-ratelimit-reset-requests"]) > 1e12
    assert headers["CF-RAY"]


# What is in the picture


def test_an_edit_visibly_changes_every_gray_and_keeps_the_size(sandbox: Sandbox) -> None:
    grays = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 300, 3))
    change = np.abs(pixels(edit(sandbox, Image.fromarray(grays))) - grays).max(axis=-1)
    assert change.min() >= 60


def test_a_mask_limits_a_multi_edit_to_where_it_is_white(sandbox: Sandbox) -> None:
    source, mask = np.asarray(photo(), int), np.zeros((256, 320), np.uint8)
    mask[64:128], mask[128:192] = 128, 255
    masked = pixels(send(sandbox, MULTI, photo(), Image.fromarray(mask)))
    whole = pixels(edit(sandbox))
    assert (masked[mask == 0] == source[mask == 0]).all()
    assert (masked[mask == 255] == whole[mask == 255]).all()
    assert np.abs(masked - (source + whole) / 2)[mask == 128].max() <= 1.5


@pytest.mark.parametrize("others", [[], [photo().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]])
def test_without_a_gray_mask_a_multi_edit_changes_everything(
    sandbox: Sandbox, others: list[Image.Image]
) -> None:
    assert np.array_equal(pixels(send(sandbox, MULTI, photo(), *others)), pixels(edit(sandbox)))


def test_removing_the_background_keeps_the_colors_and_finds_the_subject(sandbox: Sandbox) -> None:
    source = photo(900, 700)
    result = pixels(send(sandbox, CUTOUT, source))
    assert np.array_equal(result[..., :3], source)
    assert (result[350, 450, 3], result[20, 20, 3]) == (255, 0)
    assert np.unique(result[..., 3]).size > 10, "the edge is hard"


def test_upscaling_enlarges_the_picture(sandbox: Sandbox) -> None:
    for scale in ("2", "2.5", "4"):
        result = picture(send(sandbox, UPSCALE, photo().convert("RGBA"), scale=scale))
        assert result.mode == "RGB"
        back = np.asarray(result.resize((320, 256), Image.Resampling.BOX), int)
        assert np.abs(back - np.asarray(photo())).mean() < 2


@pytest.mark.parametrize("path", [EDIT, CUTOUT])
def test_the_same_request_gets_the_same_bytes(sandbox: Sandbox, path: str) -> None:
    assert send(sandbox, path).content == send(sandbox, path).content


def test_a_made_picture_is_decided_by_prompt_seed_and_number(sandbox: Sandbox) -> None:
    def made(**change: Any) -> list[bytes]:
        small = {"format": "png", "width": 64, "height": 64, **change}
        return [found.tobytes() for found in pictures(ask(sandbox, GENERATE, **small))]

    assert made() == made() == made(seed=0)
    others = made() + made(prompt="a bridge") + made(seed=7) + made(seed=-7)
    assert len(set(others)) == 4
    assert len(set(made(variants=4))) == 4


# Which pictures are taken


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_input_formats_are_told_by_content(sandbox: Sandbox, file_format: str) -> None:
    assert picture(edit(sandbox, encoded(photo(), file_format))).size == (320, 256)
    assert sandbox.requests[-1].files[0].format == file_format


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16"])
def test_every_png_mode_is_taken(sandbox: Sandbox, mode: str) -> None:
    deep = Image.fromarray(np.asarray(photo().convert("L")).astype(np.uint16) * 257)
    source = deep if mode == "I;16" else photo().convert(mode)
    assert picture(edit(sandbox, source)).mode == "RGB"
    assert picture(send(sandbox, CUTOUT, source)).mode == "RGBA"


@pytest.mark.covers("Every documented case: corrupt PNG")
@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        (EDIT, photo(256, 256), 200),
        (EDIT, photo(255, 256), 400),
        (EDIT, photo(63, 2000), 400),
        (EDIT, Image.new("1", (5761, 5760)), 400),
        (EDIT, encoded(photo())[:2000], 400),
        (EDIT, encoded(photo(), "GIF"), 400),
        (EDIT, b"no picture at all", 400),
        (EDIT, b"\x89PNG" + bytes(25_000_000), 413),
        (CUTOUT, photo(60, 40), 200),
        (UPSCALE, Image.new("L", (4096, 4096)), 400),
    ],
    ids=[
        *("smallest", "few-pixels", "thin", "many-pixels", "truncated", "gif", "text", "25MB"),
        *("not-measured", "cannot-become-larger"),
    ],
)
def test_a_picture_outside_the_limits_is_refused(
    sandbox: Sandbox, path: str, sent: Sent, status: int
) -> None:
    response = send(sandbox, path, sent)
    assert response.status_code == status
    if status == 200:
        assert picture(response).size == sent.size


@pytest.mark.covers("Every documented case: two files on edit: 400")
@pytest.mark.parametrize(
    ("path", "name", "count", "status"),
    [
        *((EDIT, "image", 2, 400), (EDIT, "images", 1, 400), (CUTOUT, "image", 2, 400)),
        *((UPSCALE, "image", 2, 400), (UPSCALE, "images", 1, 400), (MULTI, "images[]", 2, 400)),
        *((MULTI, "images", 10, 200), (MULTI, "images", 11, 400)),
    ],
)
def test_files_of_another_number_or_name_are_refused(path: str, name: str, count: int, status: int) -> None:
    """A form holds ten of them at most, whatever the model takes."""
    many = entry("firered-image-edit", "inpaint", constraints={"maxInputImages": 14})
    with serving(many) as sandbox:
        assert send(sandbox, path, *[photo(256, 256)] * count, name=name).status_code == status


@pytest.mark.covers(
    "Every documented case: edit with raw base64, data URI",
    "Every documented case: multi-edit in JSON and multipart",
    "Every documented case: background-remove",
)
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_json_takes_base64_and_data_uris(sandbox: Sandbox, prefix: str) -> None:
    text = prefix + IMAGE
    for answer in (ask(sandbox, EDIT, image=text), ask(sandbox, MULTI, images=[text])):
        assert np.array_equal(pixels(answer), pixels(edit(sandbox)))
    assert picture(ask(sandbox, CUTOUT, image=text)).mode == "RGBA"


@pytest.mark.covers("Every documented case: edit with a URL")
def test_a_url_is_fetched_from_loopback_only(sandbox: Sandbox) -> None:
    loopback = sandbox.url + "/models?type=inpaint"  # reachable, and no picture
    assert "damaged" in ask(sandbox, CUTOUT, image=GONE, image_url=loopback).text
    outside = ask(sandbox, EDIT, image="https://example.com/a.png")
    assert outside.status_code == 400
    assert "loopback" in outside.json()["issues"][0]["message"]


@pytest.mark.covers("Every documented case: edit with a URL")
def test_a_picture_behind_a_loopback_url_is_used(sandbox: Sandbox, picture_url: str) -> None:
    assert picture(ask(sandbox, CUTOUT, image=GONE, image_url=picture_url)).size == (320, 256)
    assert picture(ask(sandbox, MULTI, images=[IMAGE, picture_url]))


@pytest.fixture
def picture_url() -> Iterator[str]:
    """One PNG served by hand, to any number of connections."""
    body = encoded(photo())
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(head + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.png"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_style_references_are_counted_weighed_and_opened() -> None:
    with serving(entry("maker", "image", constraints={"maxStyleReferences": 2})) as sandbox:

        def status(*references: dict[str, Any]) -> int:
            return ask(sandbox, GENERATE, model="maker", style_references=list(references)).status_code

        small = {"image": b64(photo(40, 30)), "strength": 0.1}
        assert status(small, {"image": "data:image/png;base64," + IMAGE, "strength": 1}) == 200
        assert status(small, small, small) == 400
        assert status({"image": b64(b"no picture")}) == 400
        assert status({"image": b64(bytes(8_000_000))}) == 413
        assert status({"image": sandbox.url + "/models"}) == 400, "reachable, and no picture"


# Which fields are taken, in JSON

TAKEN: list[tuple[str, dict[str, Any]]] = [
    (EDIT, {"prompt": "x" * LIMIT}),
    (EDIT, {"model": "qwen-image-2-edit", "modelId": "no-such-model"}),
    (EDIT, {"modelId": "qwen-image-2-edit", "aspect_ratio": "16:9", "safe_mode": False}),
    (MULTI, {"resolution": "8K"}),
    (MULTI, {"images": [IMAGE] * 3, "modelId": "gpt-image-2-edit", "quality": "low", "resolution": "4K"}),
    (UPSCALE, {}),
    (UPSCALE, {"scale": 4.0, "creativity": 0.02}),
    *((UPSCALE, {"creativity": value}) for value in (7, -1, None)),
    (UPSCALE, {"prompt": "pink", "model": "upscaler", "anything": [1]}),
    (GENERATE, {"prompt": "x" * LIMIT, "negative_prompt": "", "height": 64}),
    (GENERATE, {"anon_user_id": "x" * 128, "height": 64}),
    (GENERATE, {"cfg_scale": 20, "steps": 8, "seed": -999_999_999, "lora_strength": 0, "height": 64}),
    (GENERATE, {"width": 64.0, "variants": 1, "return_binary": False, "height": 64}),
    (GENERATE, {"style_preset": "3D Model", "style_references": [], "height": 64}),
    (GENERATE, {"embed_exif_metadata": True, "enable_web_search": True, "hide_watermark": True}),
    (GENERATE, {"disable_prompt_optimization_thinking": True, "enhance_prompt": False, "safe_mode": False}),
    (GENERATE, {"model": "gpt-image-2", "quality": "low", "resolution": "1K", "height": 64}),
    (GENERATIONS, {"n": 1, "size": "auto", "quality": "hd", "style": "vivid", "user": "me"}),
    (GENERATIONS, dict.fromkeys(("n", "size", "response_format", "moderation", "background"))),
    (GENERATIONS, {"prompt": "x" * 1500, "output_compression": 100, "moderation": "low"}),
]


@pytest.mark.covers("Every documented case: model with modelId, no model")
@pytest.mark.parametrize(("path", "change"), TAKEN)
def test_a_request_at_the_edge_of_the_schema_is_answered(
    sandbox: Sandbox, path: str, change: dict[str, Any]
) -> None:
    found = picture(ask(sandbox, path, **change))
    assert path not in (EDIT, MULTI) or found.size == (320, 256)


# Refused: keys that are unknown; values, of an endpoint and a model ("": the usual); and what goes together.
UNKNOWN: dict[str, dict[str, Any]] = {
    EDIT: {"steps": 3, "quality": "high", "images": [IMAGE]},
    MULTI: {"model": "qwen-image-2-edit", "image": IMAGE},
    CUTOUT: {"model": "bria-bg-remover", "modelId": "bria-bg-remover", "prompt": "pink"},
    GENERATE: {"n": 1, "output_format": "png", "image": IMAGE, "mask": IMAGE},
    GENERATIONS: {"seed": 5},
}
REFUSED: dict[tuple[str, str], dict[str, tuple[Any, ...]]] = {
    (EDIT, ""): {
        "prompt": (GONE, "", 7, "x" * (LIMIT + 1)),
        "image": (GONE, "%%%", [IMAGE]),
        "model": ("", "qwen-image"),
        "aspect_ratio": ("7:5",),
        "resolution": ("1K",),
        "output_format": ("gif",),
        "safe_mode": ("false",),
        "enhance_prompt": (1,),
    },
    (EDIT, "grok-imagine-edit"): {"resolution": ("4K",)},
    (MULTI, ""): {"images": ([], IMAGE, [IMAGE] * 4)},
    (MULTI, "grok-imagine-edit"): {"resolution": ("4K",)},
    (MULTI, "gpt-image-2-edit"): {"quality": ("best",)},
    (MULTI, "grok-imagine-image-2-0-edit"): {"quality": ("high",)},
    (CUTOUT, ""): {"image": (GONE,)},
    (UPSCALE, ""): {
        "creativity": ("much", True),
        "scale": (1, 4.5, "2", None),
        "image": (
            *("data:image/png;base64," + IMAGE, "http://127.0.0.1/a.png", "%%%", [IMAGE], None),
            b64(photo(255, 256)),
        ),
    },
    (GENERATE, ""): {
        "model": (GONE, 5, "upscaler"),
        "prompt": (GONE, "", "x" * (LIMIT + 1)),
        "negative_prompt": ("x" * (LIMIT + 1),),
        "anon_user_id": ("x" * 129,),
        "width": (0, 1281),
        "height": (64.5, "64"),
        "cfg_scale": (0, 20.5),
        "steps": (1.5,),
        "seed": (1_000_000_000, -1_000_000_000, True),
        "variants": (0, 5),
        "return_binary": ("true",),
        "format": ("jpg",),
        "lora_strength": (101,),
        "style_preset": ("Baroque",),
        "aspect_ratio": ("wide", "9:1", "0:1"),
        "resolution": ("1K",),
        "quality": ("high",),
        "safe_mode": (1,),
        "hide_watermark": ("no",),
        "style_references": (
            *([REFERENCE], REFERENCE, [IMAGE], [{"strength": 0.5}]),
            *([{**REFERENCE, "strength": 0.05}], [{**REFERENCE, "weight": 1}]),
        ),
    },
    (GENERATE, TIERED): {"resolution": ("8K",)},
    (GENERATE, "gpt-image-2"): {"quality": ("best",)},
    (GENERATE, "grok-imagine-image-2-0"): {"quality": ("high",)},
    (GENERATIONS, ""): {
        "prompt": ("", "x" * 1501),
        "n": (2,),
        "size": ("640x640",),
        "response_format": ("binary",),
        "output_format": ("jpg",),
        "output_compression": (101,),
    },
}
TOGETHER: list[tuple[str, dict[str, Any], str]] = [
    (CUTOUT, {"image_url": "http://127.0.0.1/a.png"}, "image"),
    (CUTOUT, {"image": GONE, "image_url": "a.png"}, "image_url"),
    (GENERATE, {"variants": 2, "return_binary": True}, "variants"),
]


@pytest.mark.covers(
    "Every documented case: unknown key in the body: 400",
    "Every documented case: multi-edit with model: 400",
    "Every documented case: background-remove",
)
@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        *((path, {name: value}, "") for path, keys in UNKNOWN.items() for name, value in keys.items()),
        *(
            (path, {**({"modelId" if path == MULTI else "model": model} if model else {}), name: value}, name)
            for (path, model), fields in REFUSED.items()
            for name, values in fields.items()
            for value in values
        ),
        *TOGETHER,
    ],
)
def test_a_request_outside_the_schema_or_the_model_is_a_documented_400(
    sandbox: Sandbox, path: str, change: dict[str, Any], field: str
) -> None:
    response = ask(sandbox, path, **change)
    assert response.status_code == 400
    error = response.json()
    assert error["error"] == "Invalid request parameters"
    assert [issue["path"] for issue in error["issues"]] == [[field] if field else []]
    assert error["details"][field]["_errors"] if field else error["details"]["_errors"]
    assert all(issue["code"] and issue["message"] for issue in error["issues"])


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        *((EDIT, {"safe_mode": word}, 200) for word in ("true", "false")),
        *((EDIT, {"safe_mode": word}, 400) for word in ("TRUE", "FALSE")),
        (EDIT, {"model": "no-such-model"}, 404),
        (UPSCALE, {"creativity": "0.015"}, 200),
        (UPSCALE, {"creativity": "x"}, 400),
        *((UPSCALE, {"scale": word}, 400) for word in ("5", "nan", "big")),
    ],
)
def test_multipart_writes_booleans_and_numbers_as_words(
    sandbox: Sandbox, path: str, fields: dict[str, str], status: int
) -> None:
    assert send(sandbox, path, **fields).status_code == status


def test_the_catalogue_decides_limits_when_it_states_them() -> None:
    limits = {
        "promptCharacterLimit": 10,
        "steps": {"default": 4, "max": 8},
        "widthHeightDivisor": 16,
        "aspectRatios": ["1:1", "5:1"],
        "resolutions": ["1K"],
        "qualities": ["low"],
    }
    with serving(entry("maker", "image", constraints=limits)) as sandbox:
        for name, good, *bad in (
            ("prompt", "x" * 10, "x" * 11),
            ("negative_prompt", "x" * 10, "x" * 11),
            ("steps", 8, 9),
            ("width", 32, 40),
            ("height", 32, 40),
            ("aspect_ratio", "5:1", "16:9", "auto"),
            ("resolution", "1K", "2K"),
            ("quality", "low", "high"),
        ):
            said = [ask(sandbox, GENERATE, model="maker", **{name: value}) for value in (good, *bad)]
            assert [answer.status_code for answer in said] == [200] + [400] * len(bad)


# Bodies and keys


@pytest.mark.covers("Every documented case: wrong content type, invalid")
@pytest.mark.parametrize(
    ("path", "body", "content_type", "status"),
    [
        (EDIT, b"{", "application/json", 400),
        (EDIT, b"[]", "application/json", 400),
        (EDIT, b"\xff\xfe", "application/json", 400),
        (EDIT, b"prompt=pink", "application/x-www-form-urlencoded", 400),
        (EDIT, b"{}", "", 400),
        (EDIT, b"nothing", "multipart/form-data; boundary=x", 400),
        (EDIT, b" " * 35_000_001, "application/json", 413),
        (EDIT, None, None, 400),
        (MULTI, None, None, 415),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    sandbox: Sandbox, path: str, body: bytes | None, content_type: str | None, status: int
) -> None:
    headers = KEY if content_type is None else {**KEY, "Content-Type": content_type}
    response = requests.post(sandbox.url + path, data=body, headers=headers, timeout=TIMEOUT)
    assert response.status_code == status
    if body is not None:
        assert response.json().get("code") == ("PAYLOAD_TOO_LARGE" if status == 413 else None)
    assert response.json()["error"]


@pytest.mark.parametrize("path", [GENERATE, GENERATIONS])
def test_only_json_is_taken_where_no_picture_goes_along(sandbox: Sandbox, path: str) -> None:
    files = {"prompt": (None, "a boat"), "model": (None, "z-image-turbo")}
    response = requests.post(sandbox.url + path, files=files, headers=KEY, timeout=TIMEOUT)
    assert response.status_code == 400
    assert response.json() == {"error": "'Content-Type' must be 'application/json'"}


@pytest.mark.covers("Every documented case: no Authorization: 402")
@pytest.mark.parametrize("path", [EDIT, GENERATE, GENERATIONS])
def test_without_a_key_it_is_402_with_what_would_be_accepted(sandbox: Sandbox, path: str) -> None:
    response = requests.post(sandbox.url + path, json=GOOD[path], timeout=TIMEOUT)
    assert response.status_code == 402
    assert response.json()["accepts"][0]["scheme"] == "exact"


@pytest.mark.parametrize(
    ("key", "status"),
    [
        *(("Bearer bad-key", 401), ("Bearer restricted-1", 403), ("Bearer admin-only", 401)),
        *(("Bearer ", 401), ("any", 401)),
    ],
)
def test_a_key_that_does_not_open_the_door(sandbox: Sandbox, key: str, status: int) -> None:
    headers = {"Authorization": key}
    response = requests.post(sandbox.url + EDIT, json=GOOD[EDIT], headers=headers, timeout=TIMEOUT)
    assert response.status_code == status
    assert isinstance(response.json()["error"], str)


# Generations that the switches disturb


def test_what_the_policy_forbids_is_200_with_black_pictures_or_a_placeholder(sandbox: Sandbox) -> None:
    sandbox.switch(violation=True)
    several, bare, openai = (
        *(ask(sandbox, GENERATE, **more) for more in ({"variants": 2}, {"return_binary": True, **JPEG})),
        ask(sandbox, GENERATIONS),
    )
    for answer in (several, bare):
        assert answer.headers["x-venice-is-content-violation"] == "true"
    assert [found.getextrema() for found in pictures(several)] == [((0, 0),) * 3] * 2
    assert opened(bare.content).format == "PNG"
    assert picture(openai).getbbox() is None


def test_the_policy_may_forbid_one_of_several(sandbox: Sandbox) -> None:
    sandbox.switch(violation="first")
    response = ask(sandbox, GENERATE, variants=3)
    assert response.headers["x-venice-is-content-violation"] == "true"
    assert [found.getbbox() is None for found in pictures(response)] == [True, False, False]


def test_a_made_picture_is_disturbed_like_an_edit(sandbox: Sandbox) -> None:
    sandbox.switch(size="300x200", format="jpeg", blurred=True, served="qwen-image")
    response = ask(sandbox, GENERATE, variants=2)
    assert [(found.size, found.format) for found in pictures(response)] == [((300, 200), "JPEG")] * 2
    assert response.headers["x-venice-is-blurred"] == "true"
    assert response.headers["x-venice-model-id"] == "qwen-image"
    sandbox.switch(label="image/png")
    for binary in (ask(sandbox, GENERATE, return_binary=True), send(sandbox, UPSCALE)):
        assert binary.headers["Content-Type"] == "image/png"
        assert (picture(binary).format, picture(binary).size) == ("JPEG", (300, 200))


def test_a_refusal_picture_takes_the_place_of_every_variant(sandbox: Sandbox) -> None:
    sandbox.switch(refusal=True)
    made = pictures(ask(sandbox, GENERATE, variants=2, format="png"))
    assert [len(found.getcolors() or ()) for found in made] == [1, 1]


def test_drift_shows_in_a_made_picture(sandbox: Sandbox) -> None:
    plain = pixels(ask(sandbox, GENERATE, format="png"))
    sandbox.switch(drift=True)
    assert 1 <= np.median(np.abs(pixels(ask(sandbox, GENERATE, format="png")) - plain)) <= 4


@pytest.mark.parametrize("kind", ["text", "empty", "truncated", "html"])
def test_garbage_is_no_json(sandbox: Sandbox, kind: str) -> None:
    sandbox.switch(garbage=kind)
    response = ask(sandbox, GENERATE)
    assert response.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_garbage_can_be_json_without_pictures(sandbox: Sandbox) -> None:
    sandbox.switch(garbage="json")
    assert set(ask(sandbox, GENERATE).json()) == {"error"}
    sandbox.switch(garbage="no_images")
    assert ask(sandbox, GENERATE).json()["images"] == ask(sandbox, GENERATIONS).json()["data"] == []
    assert ask(sandbox, GENERATE, return_binary=True).content == b""
    sandbox.switch(garbage="bad_images")
    (broken,) = ask(sandbox, GENERATE, format="png").json()["images"]
    with pytest.raises(OSError, match=r"."):
        opened(base64.b64decode(broken))
