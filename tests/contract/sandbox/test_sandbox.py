"""The sandbox by itself: it answers, refuses, fails and remembers as its documentation says."""

from __future__ import annotations

import base64
import importlib
import io
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from venice_core.sandbox import Sandbox

KEY = {"Authorization": "Bearer test-key-0123456789"}
EDIT, MULTI, CUTOUT = "/image/edit", "/image/multi-edit", "/image/background-remove"
UPSCALE = "/image/upscale"
SPECIFICATION = Path(__file__).parents[3].parent / "shared" / "venice" / "openapi-image.json"


def photo(width: int = 320, height: int = 256) -> Image.Image:
    """A soft color scene with a red ball in its middle."""
    y, x = np.mgrid[:height, :width].astype(float)
    scene = np.stack([60 + 60 * y / height, 110 + 80 * x / width, 150 + 50 * np.sin(x / 40)], axis=-1)
    ball = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2
    scene[ball] = (210, 40, 30)
    return Image.fromarray(scene.astype(np.uint8))


def encoded(picture: Image.Image, file_format: str = "PNG") -> bytes:
    out = io.BytesIO()
    picture.save(out, file_format)
    return out.getvalue()


def decoded(response: requests.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    picture = Image.open(io.BytesIO(response.content))
    picture.load()
    return picture


def b64(picture: Image.Image) -> str:
    return base64.b64encode(encoded(picture)).decode()


def post_json(sandbox: Sandbox, path: str, **body: Any) -> requests.Response:
    return requests.post(sandbox.url + path, json=body, headers=KEY, timeout=30)


def post_files(
    sandbox: Sandbox, path: str, *pictures: Image.Image | bytes, name: str = "", **fields: str
) -> requests.Response:
    name = name or ("images" if path == MULTI else "image")
    files = [
        (name, ("p.png", picture if isinstance(picture, bytes) else encoded(picture), "image/png"))
        for picture in pictures
    ]
    return requests.post(sandbox.url + path, data=fields, files=files, headers=KEY, timeout=30)


def edit(sandbox: Sandbox, picture: Image.Image | bytes | None = None, **fields: str) -> requests.Response:
    return post_files(sandbox, EDIT, picture or photo(), **{"prompt": "make it pink", **fields})


def edit_in_background(sandbox: Sandbox) -> tuple[threading.Thread, list[Exception]]:
    """A request that has arrived, and the list its connection error will be in."""
    failures: list[Exception] = []

    def send() -> None:
        try:
            edit(sandbox)
        except requests.ConnectionError as error:
            failures.append(error)

    client = threading.Thread(target=send)
    client.start()
    deadline = time.monotonic() + 10
    while not sandbox.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    return client, failures


# Pictures


def test_an_edit_visibly_changes_every_gray_and_keeps_the_size(sandbox: Sandbox) -> None:
    grays = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 300, 3)))
    result = decoded(edit(sandbox, grays))
    change = np.abs(np.asarray(result).astype(int) - np.asarray(grays)).max(axis=-1)
    assert result.size == grays.size
    assert change.min() >= 60


def test_a_mask_limits_a_multi_edit_to_where_it_is_white(sandbox: Sandbox) -> None:
    base, mask = photo(), np.zeros((256, 320), np.uint8)
    mask[64:128], mask[128:192] = 128, 255
    masked = np.asarray(decoded(post_files(sandbox, MULTI, base, Image.fromarray(mask), prompt="pink")), int)
    whole = np.asarray(decoded(edit(sandbox, base)), int)
    source = np.asarray(base, int)
    assert (masked[mask == 0] == source[mask == 0]).all()
    assert (masked[mask == 255] == whole[mask == 255]).all()
    assert np.abs(masked - (source + whole) / 2)[mask == 128].max() <= 1.5


@pytest.mark.parametrize("others", [[], [photo().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]])
def test_without_a_gray_mask_a_multi_edit_changes_everything(
    sandbox: Sandbox, others: list[Image.Image]
) -> None:
    result = decoded(post_files(sandbox, MULTI, photo(), *others, prompt="pink"))
    assert np.array_equal(result, decoded(edit(sandbox)))


def test_removing_the_background_keeps_the_colors_and_finds_the_subject(sandbox: Sandbox) -> None:
    source = photo(900, 700)
    result = np.asarray(decoded(post_files(sandbox, CUTOUT, source)))
    assert np.array_equal(result[..., :3], source)
    assert result[350, 450, 3] == 255
    assert result[20, 20, 3] == 0
    assert np.unique(result[..., 3]).size > 10, "the edge is hard"


def test_the_same_request_gets_the_same_bytes(sandbox: Sandbox) -> None:
    for path, fields in ((EDIT, {"prompt": "pink"}), (CUTOUT, {})):
        first, second = (post_files(sandbox, path, photo(), **fields).content for _ in range(2))
        assert first == second


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_input_formats_are_told_by_content(sandbox: Sandbox, file_format: str) -> None:
    assert decoded(edit(sandbox, encoded(photo(), file_format))).size == (320, 256)
    assert sandbox.requests[-1].files[0].format == file_format


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16"])
def test_every_png_mode_is_taken(sandbox: Sandbox, mode: str) -> None:
    gray = photo().convert("L")
    picture = (
        Image.fromarray(np.asarray(gray).astype(np.uint16) * 257) if mode == "I;16" else photo().convert(mode)
    )
    assert decoded(edit(sandbox, picture)).mode == "RGB"
    assert decoded(post_files(sandbox, CUTOUT, picture)).mode == "RGBA"


@pytest.mark.covers("Every documented case: 2K without output_format: JPEG")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "PNG"),
        ({"output_format": "jpg"}, "JPEG"),
        ({"output_format": "jpeg"}, "JPEG"),
        ({"output_format": "webp"}, "WEBP"),
        ({"model": "nano-banana-2-edit", "resolution": "1K"}, "PNG"),
        ({"model": "nano-banana-2-edit", "resolution": "2K"}, "JPEG"),
        ({"model": "nano-banana-2-edit", "resolution": "4K"}, "JPEG"),
        ({"model": "nano-banana-2-edit", "resolution": "4K", "output_format": "png"}, "PNG"),
    ],
)
def test_the_answers_format_follows_the_request(
    sandbox: Sandbox, fields: dict[str, str], expected: str
) -> None:
    response = edit(sandbox, **fields)
    assert decoded(response).format == expected
    assert response.headers["Content-Type"] == f"image/{expected.lower()}"


def test_an_answer_carries_the_documented_headers(sandbox: Sandbox) -> None:
    headers = edit(sandbox, model="qwen-image-2-edit", enhance_prompt="true").headers
    assert headers["x-venice-model-id"] == "qwen-image-2-edit"
    assert headers["x-venice-model-name"]
    assert headers["x-venice-is-blurred"] == headers["x-venice-is-content-violation"] == "false"
    assert float(headers["x-venice-balance-usd"]) > 0
    assert headers["x-venice-enhanced-prompt"] == "make%20it%20pink"
    assert int(headers["x-ratelimit-reset-requests"]) > 1e12
    assert headers["CF-RAY"]


# Upscale


def upscale(sandbox: Sandbox, picture: Image.Image | bytes | None = None, **fields: str) -> requests.Response:
    return post_files(sandbox, UPSCALE, picture or photo(), **fields)


@pytest.mark.parametrize(
    ("fields", "size"), [({}, (640, 512)), ({"scale": "2.5"}, (800, 640)), ({"scale": "4"}, (1280, 1024))]
)
def test_upscaling_enlarges_the_picture(
    sandbox: Sandbox, fields: dict[str, str], size: tuple[int, int]
) -> None:
    source = photo()
    response = upscale(sandbox, source.convert("RGBA"), **fields)
    result = decoded(response)
    assert (result.format, result.mode, result.size) == ("PNG", "RGB", size)
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["x-venice-model-id"] == "upscaler"
    back = np.asarray(result.resize(source.size, Image.Resampling.BOX), int)
    assert np.abs(back - np.asarray(source)).mean() < 2


def test_upscaling_stays_within_16_777_216_px(sandbox: Sandbox) -> None:
    assert decoded(upscale(sandbox, photo(2000, 1200), scale="4")).size == (5287, 3172)
    assert decoded(upscale(sandbox, photo(2048, 2048), scale="4")).size == (4096, 4096)


def test_identity_upscales_by_repeating_pixels(sandbox: Sandbox) -> None:
    sandbox.switch(identity=True)
    result = np.asarray(decoded(upscale(sandbox, scale="3")))
    assert np.array_equal(result, np.asarray(photo()).repeat(3, axis=0).repeat(3, axis=1))


def test_an_upscaled_picture_is_disturbed_like_an_edit(sandbox: Sandbox) -> None:
    sandbox.switch(size="500x300", format="jpeg", label="image/png")
    response = upscale(sandbox)
    result = decoded(response)
    assert (result.size, result.format) == ((500, 300), "JPEG")
    assert response.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"scale": 4.0, "creativity": 0.02}, 200),
        ({"creativity": 7}, 200),
        ({"creativity": -1}, 200),
        ({"creativity": None}, 200),
        ({"prompt": "pink", "model": "upscaler", "anything": [1]}, 200),
        ({"creativity": "much"}, 400),
        ({"creativity": True}, 400),
        ({"scale": 1}, 400),
        ({"scale": 4.5}, 400),
        ({"scale": "2"}, 400),
        ({"scale": None}, 400),
        ({"image": "data:image/png;base64," + b64(photo())}, 400),
        ({"image": "http://127.0.0.1/a.png"}, 400),
        ({"image": "%%%"}, 400),
        ({"image": [b64(photo())]}, 400),
        ({"image": None}, 400),
        ({"image": b64(photo(255, 256))}, 400),
    ],
)
def test_upscale_takes_plain_base64_and_numbers_and_ignores_other_keys(
    sandbox: Sandbox, change: dict[str, Any], status: int
) -> None:
    response = post_json(sandbox, UPSCALE, **{"image": b64(photo()), **change})
    assert response.status_code == status
    assert status == 200 or response.json()["issues"]


@pytest.mark.parametrize("fields", [{"scale": "5"}, {"scale": "nan"}, {"scale": "big"}, {"creativity": "x"}])
def test_upscale_reads_numbers_from_multipart(sandbox: Sandbox, fields: dict[str, str]) -> None:
    assert upscale(sandbox, creativity="0.015").status_code == 200
    assert upscale(sandbox, **fields).status_code == 400


def test_upscale_takes_one_file_named_image(sandbox: Sandbox) -> None:
    assert post_files(sandbox, UPSCALE, photo(), photo()).status_code == 400
    assert post_files(sandbox, UPSCALE, photo(), name="images").status_code == 400


# Three ways to send a picture


@pytest.mark.covers(
    "Every documented case: edit with raw base64, data URI",
    "Every documented case: multi-edit in JSON and multipart",
    "Every documented case: background-remove",
)
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_json_takes_base64_and_data_uris(sandbox: Sandbox, prefix: str) -> None:
    text = prefix + b64(photo())
    answers = [
        post_json(sandbox, EDIT, image=text, prompt="pink"),
        post_json(sandbox, MULTI, images=[text], prompt="pink"),
    ]
    assert all(np.array_equal(decoded(answer), decoded(edit(sandbox))) for answer in answers)
    assert decoded(post_json(sandbox, CUTOUT, image=text)).mode == "RGBA"


@pytest.mark.covers("Every documented case: edit with a URL")
def test_a_url_is_fetched_from_loopback_only(sandbox: Sandbox) -> None:
    loopback = sandbox.url + "/models?type=inpaint"  # reachable, and no picture
    assert "damaged" in post_json(sandbox, CUTOUT, image_url=loopback).text
    outside = post_json(sandbox, EDIT, image="https://example.com/a.png", prompt="pink")
    assert outside.status_code == 400
    assert "loopback" in outside.json()["issues"][0]["message"]


@pytest.mark.covers("Every documented case: edit with a URL")
def test_a_picture_behind_a_loopback_url_is_used(sandbox: Sandbox, picture_url: str) -> None:
    assert decoded(post_json(sandbox, CUTOUT, image_url=picture_url)).size == (320, 256)
    assert decoded(post_json(sandbox, MULTI, images=[b64(photo()), picture_url], prompt="pink"))


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


# Refusals

IMAGE = b64(photo())
GOOD: dict[str, dict[str, Any]] = {
    EDIT: {"image": IMAGE, "prompt": "pink"},
    MULTI: {"images": [IMAGE], "prompt": "pink"},
    CUTOUT: {"image": IMAGE},
}


@pytest.mark.covers(
    "Every documented case: unknown key in the body: 400",
    "Every documented case: multi-edit with model: 400",
    "Every documented case: background-remove",
)
@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        (EDIT, {"steps": 3}, ""),
        (EDIT, {"quality": "high"}, ""),
        (EDIT, {"images": [IMAGE]}, ""),
        (MULTI, {"model": "qwen-image-2-edit"}, ""),
        (MULTI, {"image": IMAGE}, ""),
        (CUTOUT, {"model": "bria-bg-remover"}, ""),
        (CUTOUT, {"modelId": "bria-bg-remover"}, ""),
        (CUTOUT, {"prompt": "pink"}, ""),
        (EDIT, {"prompt": None}, "prompt"),
        (EDIT, {"prompt": ""}, "prompt"),
        (EDIT, {"prompt": 7}, "prompt"),
        (EDIT, {"prompt": "x" * 32_769}, "prompt"),
        (EDIT, {"image": None}, "image"),
        (EDIT, {"image": "%%%"}, "image"),
        (EDIT, {"image": [IMAGE]}, "image"),
        (EDIT, {"model": ""}, "model"),
        (EDIT, {"model": "qwen-image"}, "model"),
        (EDIT, {"aspect_ratio": "7:5"}, "aspect_ratio"),
        (EDIT, {"resolution": "1K"}, "resolution"),
        (EDIT, {"model": "grok-imagine-edit", "resolution": "4K"}, "resolution"),
        (MULTI, {"modelId": "grok-imagine-edit", "resolution": "4K"}, "resolution"),
        (EDIT, {"output_format": "gif"}, "output_format"),
        (EDIT, {"safe_mode": "false"}, "safe_mode"),
        (EDIT, {"enhance_prompt": 1}, "enhance_prompt"),
        (MULTI, {"images": []}, "images"),
        (MULTI, {"images": IMAGE}, "images"),
        (MULTI, {"images": [IMAGE] * 4}, "images"),
        (MULTI, {"modelId": "gpt-image-2-edit", "quality": "best"}, "quality"),
        (MULTI, {"modelId": "grok-imagine-image-2-0-edit", "quality": "high"}, "quality"),
        (CUTOUT, {"image_url": "http://127.0.0.1/a.png"}, "image"),
        (CUTOUT, {"image": None}, "image"),
        (CUTOUT, {"image": None, "image_url": "a.png"}, "image_url"),
    ],
)
def test_a_request_outside_the_schema_or_the_model_is_a_documented_400(
    sandbox: Sandbox, path: str, change: dict[str, Any], field: str
) -> None:
    body = {name: value for name, value in {**GOOD[path], **change}.items() if value is not None}
    response = post_json(sandbox, path, **body)
    assert response.status_code == 400
    error = response.json()
    assert error["error"] == "Invalid request parameters"
    assert [issue["path"] for issue in error["issues"]] == [[field] if field else []]
    assert error["details"][field]["_errors"] if field else error["details"]["_errors"]
    assert all(issue["code"] and issue["message"] for issue in error["issues"])


@pytest.mark.covers("Every documented case: model with modelId, no model")
@pytest.mark.parametrize(
    ("path", "change"),
    [
        (EDIT, {"prompt": "x" * 32_768}),
        (EDIT, {"model": "qwen-image-2-edit", "modelId": "no-such-model"}),
        (EDIT, {"modelId": "qwen-image-2-edit", "aspect_ratio": "16:9", "safe_mode": False}),
        (MULTI, {"resolution": "8K"}),
        (MULTI, {"images": [IMAGE] * 3, "modelId": "gpt-image-2-edit", "quality": "low", "resolution": "4K"}),
    ],
)
def test_a_request_at_the_edge_of_the_schema_is_answered(
    sandbox: Sandbox, path: str, change: dict[str, Any]
) -> None:
    assert decoded(post_json(sandbox, path, **{**GOOD[path], **change})).size == (320, 256)


@pytest.mark.parametrize("value", ["true", "false"])
def test_multipart_writes_booleans_as_words(sandbox: Sandbox, value: str) -> None:
    assert edit(sandbox, safe_mode=value).status_code == 200
    assert edit(sandbox, safe_mode=value.upper()).status_code == 400


@pytest.mark.covers("Every documented case: two files on edit: 400")
@pytest.mark.parametrize(
    ("path", "count", "name"),
    [(EDIT, 2, "image"), (EDIT, 1, "images"), (CUTOUT, 2, "image"), (MULTI, 2, "images[]")],
)
def test_multipart_files_of_another_number_or_name_are_refused(
    sandbox: Sandbox, path: str, count: int, name: str
) -> None:
    fields = {} if path == CUTOUT else {"prompt": "pink"}
    assert post_files(sandbox, path, *[photo()] * count, name=name, **fields).status_code == 400


def test_only_a_multi_edit_without_a_body_is_of_a_wrong_kind(sandbox: Sandbox) -> None:
    for path, status in ((MULTI, 415), (EDIT, 400)):
        assert requests.post(sandbox.url + path, headers=KEY, timeout=30).status_code == status


@pytest.mark.parametrize(("count", "status"), [(10, 200), (11, 400)])
def test_a_form_holds_ten_pictures_at_most(count: int, status: int) -> None:
    many = {"id": "many", "type": "inpaint", "model_spec": {"constraints": {"maxInputImages": 14}}}
    with Sandbox(catalogue={"data": [many]}) as sandbox:
        pictures = [photo(256, 256)] * count
        response = post_files(sandbox, MULTI, *pictures, prompt="pink", modelId="many")
    assert response.status_code == status


def test_a_cutouts_picture_is_not_measured(sandbox: Sandbox) -> None:
    assert decoded(post_files(sandbox, CUTOUT, photo(60, 40))).size == (60, 40)


def test_a_picture_that_cannot_become_larger_is_not_upscaled(sandbox: Sandbox) -> None:
    assert post_files(sandbox, UPSCALE, Image.new("L", (4096, 4096))).status_code == 400


def test_an_unknown_model_is_404(sandbox: Sandbox) -> None:
    assert edit(sandbox, model="no-such-model").status_code == 404


@pytest.mark.covers("Every documented case: corrupt PNG")
@pytest.mark.parametrize(
    ("picture", "status"),
    [
        (encoded(photo(256, 256)), 200),
        (encoded(photo(255, 256)), 400),
        (encoded(photo(63, 2000)), 400),
        (encoded(Image.new("1", (5761, 5760))), 400),
        (encoded(photo())[:2000], 400),
        (encoded(photo(), "GIF"), 400),
        (b"no picture at all", 400),
        (b"\x89PNG" + bytes(25_000_000), 413),
    ],
    ids=["smallest", "few-pixels", "thin", "many-pixels", "truncated", "gif", "text", "25MB"],
)
def test_a_picture_outside_the_limits_is_refused(sandbox: Sandbox, picture: bytes, status: int) -> None:
    assert edit(sandbox, picture).status_code == status


@pytest.mark.covers("Every documented case: wrong content type, invalid")
@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"prompt=pink", "application/x-www-form-urlencoded", 400),
        (b"{}", "", 400),
        (b"nothing", "multipart/form-data; boundary=x", 400),
        (b" " * 35_000_001, "application/json", 413),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    sandbox: Sandbox, body: bytes, content_type: str, status: int
) -> None:
    headers = {**KEY, "Content-Type": content_type}
    response = requests.post(sandbox.url + EDIT, data=body, headers=headers, timeout=30)
    assert response.status_code == status
    assert response.json().get("code") == ("PAYLOAD_TOO_LARGE" if status == 413 else None)
    assert response.json()["error"]


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("Bearer bad-key", 401),
        ("Bearer restricted-1", 403),
        ("Bearer admin-only", 401),
        ("Bearer ", 401),
        ("any", 401),
    ],
)
def test_a_key_that_does_not_open_the_door(sandbox: Sandbox, key: str, status: int) -> None:
    response = requests.post(sandbox.url + EDIT, json=GOOD[EDIT], headers={"Authorization": key}, timeout=30)
    assert response.status_code == status
    assert isinstance(response.json()["error"], str)


@pytest.mark.covers("Every documented case: no Authorization: 402")
def test_without_a_key_it_is_402_with_what_would_be_accepted(sandbox: Sandbox) -> None:
    response = requests.post(sandbox.url + EDIT, json=GOOD[EDIT], timeout=30)
    assert response.status_code == 402
    assert response.json()["accepts"][0]["scheme"] == "exact"


# Any request


@pytest.mark.parametrize(
    ("method", "path"), [("GET", EDIT), ("POST", "/images/edits"), ("GET", "/nowhere"), ("PUT", EDIT)]
)
def test_anything_else_is_a_404_in_json(sandbox: Sandbox, method: str, path: str) -> None:
    response = requests.request(method, sandbox.url + path, headers=KEY, timeout=30)
    assert response.status_code == 404
    assert response.json()["error"]


def test_every_answer_says_that_it_is_the_sandbox(sandbox: Sandbox) -> None:
    sandbox.switch(status=502, path=CUTOUT)
    answers = [
        edit(sandbox),
        edit(sandbox, model="no-such-model"),
        post_files(sandbox, CUTOUT, photo()),
        requests.get(sandbox.url + "/models", timeout=30),
        requests.get(sandbox.url + "/nowhere", timeout=30),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 502, 200, 404]
    assert {answer.headers["x-venice-sandbox"] for answer in answers} == {"true"}


# What it remembers


def test_requests_are_remembered_with_their_pictures(sandbox: Sandbox) -> None:
    mask = Image.new("L", (320, 256), 255)
    post_files(sandbox, MULTI, photo(), mask, prompt="a café", safe_mode="true")
    post_json(sandbox, EDIT, image="data:image/png;base64," + IMAGE, prompt="a café")
    root = sandbox.url.removesuffix("/api/v1") + "/_sandbox/requests"
    multi, single = requests.get(root, timeout=30).json()
    assert (multi["method"], multi["path"], multi["status"]) == ("POST", "/api/v1" + MULTI, 200)
    assert multi["fields"] == {"prompt": "a café", "safe_mode": "true"}
    facts = [
        [file[key] for key in ("name", "filename", "format", "width", "height", "mode")]
        for file in multi["files"]
    ]
    assert facts == [["images", "p.png", "PNG", 320, 256, "RGB"], ["images", "p.png", "PNG", 320, 256, "L"]]
    assert single["fields"] == {"prompt": "a café"}
    assert (
        base64.b64decode(single["files"][0]["data"]) == encoded(photo()) == sandbox.requests[1].files[0].data
    )
    sandbox.reset()
    assert requests.get(root, timeout=30).json() == []


def test_a_refused_request_is_remembered_too(sandbox: Sandbox) -> None:
    edit(sandbox, color="pink")
    assert sandbox.requests[0].status == 400
    assert sandbox.requests[0].fields["color"] == "pink"


def test_a_key_is_neither_stored_nor_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = "vnk-0123456789abcdef"
    headers = {"Authorization": f"Bearer {secret}", "Cookie": secret}
    requests.post(sandbox.url + EDIT, json=GOOD[EDIT], headers=headers, timeout=30)
    requests.get(sandbox.url + "/models", headers={"Authorization": "Bearer vnk"}, timeout=30)
    root = sandbox.url.removesuffix("/api/v1")
    assert secret[4:] not in requests.get(root + "/_sandbox/requests", timeout=30).text
    assert secret[4:] not in repr(vars(sandbox)) + caplog.text
    assert [seen.headers["Authorization"] for seen in sandbox.requests] == ["Bearer vnk***", "Bearer ***"]


# The server itself


def test_importing_it_opens_no_socket_and_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a side effect of importing")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    names = [name for name in sys.modules if name.startswith("venice_core.sandbox")]
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    assert importlib.import_module("venice_core.sandbox").Sandbox is not Sandbox


def test_it_listens_on_loopback_only_and_for_loopback_names_only(sandbox: Sandbox) -> None:
    assert sandbox.url.startswith("http://127.0.0.1:")
    response = requests.get(sandbox.url + "/models", headers={"Host": "evil.example"}, timeout=30)
    assert response.status_code == 403


def test_it_is_silent(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    sandbox.switch(drop="after_body", times=1)
    with pytest.raises(requests.ConnectionError):
        edit(sandbox)
    edit(sandbox)
    assert capfd.readouterr() == ("", "")


def test_a_taken_port_is_an_os_error(sandbox: Sandbox) -> None:
    port = int(sandbox.url.split(":")[2].split("/")[0])
    with pytest.raises(OSError, match=r"."):
        Sandbox(port).start()


def test_it_serves_in_the_foreground_until_closed_and_can_start_again() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError):
        _ = sandbox.url
    url = sandbox.start().url
    foreground = threading.Thread(target=sandbox.serve_forever)
    foreground.start()
    assert requests.get(url + "/models", timeout=30).status_code == 200
    sandbox.close()
    foreground.join(5)
    assert not foreground.is_alive()
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/models", timeout=5)
    with sandbox:
        assert requests.get(sandbox.url + "/models", timeout=30).status_code == 200


def test_requests_are_answered_side_by_side(sandbox: Sandbox) -> None:
    sandbox.switch(stall=20, times=1)
    stalled, failures = edit_in_background(sandbox)
    assert edit(sandbox).status_code == 200
    assert stalled.is_alive()
    sandbox.close()
    stalled.join(5)
    assert len(failures) == 1
