"""The sandbox told to fail: each switch does what the table says of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from sandbox_talk import (
    CUTOUT,
    EDIT,
    GOOD,
    KEY,
    MULTI,
    UPSCALE,
    edit,
    edit_in_background,
    encoded,
    get,
    opened,
    photo,
    picture,
    pixels,
    send,
)

from venice_core.sandbox import TABLE, Sandbox, Switches, parse_setting
from venice_core.sandbox.rate_limits import Traffic


def test_identity_answers_the_input_pixels(sandbox: Sandbox) -> None:
    sandbox.switch(identity=True)
    source = photo().convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    assert np.array_equal(pixels(edit(sandbox, source)), source)
    assert np.array_equal(pixels(send(sandbox, MULTI, photo(), photo())), photo())
    assert np.array_equal(pixels(send(sandbox, CUTOUT)), photo().convert("RGBA"))
    larger = np.asarray(photo()).repeat(3, axis=0).repeat(3, axis=1)
    assert np.array_equal(pixels(send(sandbox, UPSCALE, scale="3")), larger)


def test_drift_moves_everything_by_a_few_levels(sandbox: Sandbox) -> None:
    sandbox.switch(drift=True)
    change = np.abs(pixels(send(sandbox, MULTI, photo(), Image.new("L", photo().size))) - np.asarray(photo()))
    assert (change.max(axis=-1) > 0).mean() > 0.95
    assert 1 <= np.median(change) <= 4


DOTS = [(x, y) for x in (62.0, 161.3, 250.0) for y in (59.7, 148.0, 220.4)]  # px; pixel centres at +0.5
MOVES: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "7,-5": lambda x, y: (x + 7.0, y - 5.0),
    "3.4,-2.6": lambda x, y: (x + 3.4, y - 2.6),
    "0,0,1.03": lambda x, y: (160.0 + 1.03 * (x - 160.0), 130.0 + 1.03 * (y - 130.0)),
    "0,0,1,90": lambda x, y: (160.0 - (y - 130.0), 130.0 + (x - 160.0)),
    "0.1,0.7,0.5,-90": lambda x, y: (160.1 + 0.5 * (y - 130.0), 130.7 - 0.5 * (x - 160.0)),
}


def dotted(dots: list[tuple[float, float]]) -> Image.Image:
    """Soft dots on dark gray at exact places, 320 x 260 px."""
    down, across = np.mgrid[:260, :320] + 0.5
    light = sum(np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * 3.0**2)) for x, y in dots)
    return Image.fromarray(np.rint(20 + 220 * np.clip(light, 0, 1)).astype(np.uint8)).convert("RGB")


def place_of(picture: Image.Image, x: float, y: float) -> tuple[float, float]:
    """The centre of the dot around there."""
    light = np.maximum(np.asarray(picture.convert("L"), float) - 22, 0)
    down, across = np.mgrid[: light.shape[0], : light.shape[1]] + 0.5
    light[np.hypot(across - x, down - y) > 11] = 0
    return float((light * across).sum() / light.sum()), float((light * down).sum() / light.sum())


@pytest.mark.parametrize("move", MOVES)
def test_a_move_is_exact(sandbox: Sandbox, move: str) -> None:
    sandbox.switch(identity=True, move=move)
    moved = picture(edit(sandbox, dotted(DOTS)))
    assert moved.size == (320, 260)
    for dot in DOTS:
        expected = MOVES[move](*dot)
        if 12 < expected[0] < 308 and 12 < expected[1] < 248:
            assert place_of(moved, *expected) == pytest.approx(expected, abs=0.02)


def test_where_a_move_leaves_nothing_the_edge_repeats(sandbox: Sandbox) -> None:
    source = np.asarray(photo().convert("RGB"))
    sandbox.switch(identity=True, move="30,-20")
    moved = pixels(edit(sandbox))
    assert np.array_equal(moved[:-20, 30:], source[20:, :-30])
    assert np.array_equal(moved[-20:, 30:], np.repeat(source[-1:, :-30], 20, axis=0))
    assert np.array_equal(moved[:-20, :30], np.repeat(source[20:, :1], 30, axis=1))


def test_an_answer_is_moved_before_it_gets_its_size(sandbox: Sandbox) -> None:
    sandbox.switch(identity=True, move="4,6", size="640x520")
    moved = picture(edit(sandbox, dotted(DOTS)))
    expected = 2 * (161.3 + 4), 2 * (148 + 6)
    assert place_of(moved, *expected) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize(
    "move", ["", "3", "1,2,3,4,5", "a,b", "nan,0", "1,2,0", "1,2,inf", "1,2,1,90.1", "2,1e9"]
)
def test_what_is_no_move_is_refused(sandbox: Sandbox, move: str) -> None:
    with pytest.raises(ValueError, match="move="):
        sandbox.switch(move=move)


@pytest.mark.parametrize("fit", ["stretch", "crop", "letterbox"])
def test_size_answers_in_another_shape(sandbox: Sandbox, fit: str) -> None:
    sandbox.switch(identity=True, size="512x512", fit=fit)
    result = pixels(edit(sandbox, photo(512, 256)))
    assert result.shape[:2] == (512, 512)
    red = (result[..., 0] > 180) & (result[..., 1] < 80)
    height, width = np.ptp(np.argwhere(red), axis=0) + 1
    expected = {"stretch": (256, 128), "crop": (256, 256), "letterbox": (128, 128)}[fit]
    assert abs(height - expected[0]) <= 6
    assert abs(width - expected[1]) <= 6


# A switch, or several -> the status of an edit, words in its body, and its headers (None: there is none)
Headers = dict[str, str | None]
RESET = "x-ratelimit-reset-requests"
SWITCHED: list[tuple[dict[str, Any], int, str, Headers]] = [
    *(({"status": status}, status, "error", {RESET: None}) for status in (401, 402, 403, 404, 410, 413, 415)),
    *(({"status": status}, status, "error", {}) for status in (422, 429, 500, 503, 507)),
    ({"status": 400}, 400, "issues", {}),
    *(
        ({"status": status}, status, str(status), {"Content-Type": "text/html; charset=UTF-8"})
        for status in (502, 504, 520, 524)
    ),
    ({"status": 402, "kind": "balance"}, 402, "balance", {}),
    ({"status": 402, "kind": "spending_limit"}, 402, "spending limit", {}),
    ({"status": 402, "kind": "accepts"}, 402, "accepts", {}),
    ({"status": 402, "kind": "overload"}, 402, "INSUFFICIENT_BALANCE", {}),  # a kind of another status
    ({"status": 429, "kind": "rate_limit"}, 429, "Rate limit", {"x-ratelimit-remaining-requests": "0"}),
    ({"status": 429, "kind": "overload"}, 429, "overloaded", {RESET: None}),
    ({"status": 429, "kind": "failures"}, 429, "failed", {RESET: None}),
    ({"policy": True}, 422, "prompt violates", {}),
    ({"policy": True, "kind": "prompt"}, 422, "prompt violates", {}),
    ({"policy": True, "kind": "result"}, 422, "generated image was blocked", {}),
    *(
        ({"status": 429, "retry_after": text}, 429, "error", {"Retry-After": text})
        for text in ("3", "0.5", "-7", "Fri, 20 Nov 2026 10:00:00 GMT", "999999999", "soon")
    ),
    ({"status": 429, "retry_after": "1500ms"}, 429, "error", {"retry-after-ms": "1500", "Retry-After": None}),
    ({"redirect": "http://127.0.0.1:9/elsewhere"}, 307, "", {"Location": "http://127.0.0.1:9/elsewhere"}),
    ({"status": 504, "shape": "text"}, 504, '{"error":"Gateway time-out"}', {}),
    ({"format": "jpeg", "label": "image/png"}, 200, "", {"Content-Type": "image/png"}),
]


@pytest.mark.parametrize(("switches", "status", "words", "headers"), SWITCHED)
def test_a_switch_brings_this_about(
    sandbox: Sandbox, switches: dict[str, Any], status: int, words: str, headers: Headers
) -> None:
    sandbox.switch(**switches)
    response = requests.post(
        sandbox.url + EDIT, json=GOOD[EDIT], headers=KEY, allow_redirects=False, timeout=30
    )
    assert response.status_code == status
    assert {name: response.headers.get(name) for name in headers} == headers
    if status == 200:
        assert picture(response).format == "JPEG"
        return
    assert words in response.text.replace('": ', '":')
    if status != 307 and "Content-Type" not in headers:
        assert isinstance(response.json()["error"], str)
        assert ("issues" in response.json()) == (status == 400)


@pytest.mark.parametrize("kind", ["text", "empty", "truncated", "json", "html"])
def test_garbage_is_a_200_that_is_no_picture(sandbox: Sandbox, kind: str) -> None:
    sandbox.switch(garbage=kind)
    response = edit(sandbox)
    assert response.status_code == 200
    with pytest.raises((OSError, SyntaxError)):
        opened(response.content)
    assert (len(response.content) == 0) == (kind == "empty")


def test_blurred_violation_and_deprecated_are_said_in_headers(sandbox: Sandbox) -> None:
    sandbox.switch(blurred=True, violation=True, deprecated=True)
    headers = edit(sandbox).headers
    assert headers["x-venice-is-blurred"] == headers["x-venice-is-content-violation"] == "true"
    assert headers["x-venice-model-deprecation-warning"]
    assert headers["x-venice-model-deprecation-date"].startswith("2027-")
    assert headers["x-venice-deprecated-replacement"]


def test_a_drop_before_the_body_leaves_the_upload_unread(sandbox: Sandbox) -> None:
    sandbox.switch(drop="before_body")
    with pytest.raises(requests.ConnectionError):
        edit(sandbox, bytes(20_000_000))
    seen = sandbox.requests[-1]
    assert (seen.bytes_received, seen.complete, seen.status) == (0, False, None)


def test_a_drop_after_the_body_has_read_it_all_and_resets(sandbox: Sandbox) -> None:
    sandbox.switch(drop="after_body")
    with pytest.raises(requests.ConnectionError, match="reset"):
        edit(sandbox)
    seen = sandbox.requests[-1]
    assert (seen.complete, seen.status) == (True, None)
    assert seen.bytes_received == int(seen.headers["Content-Length"])
    assert seen.files[0].data == encoded(photo())


def test_a_drop_in_the_answer_delivers_a_part(sandbox: Sandbox) -> None:
    sandbox.switch(drop="in_answer")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        edit(sandbox)


def test_a_stall_at_the_body_blocks_a_20_mb_upload(sandbox: Sandbox) -> None:
    sandbox.switch(stall=0.8, stall_at="body", times=1)
    times: list[float] = []

    def pieces() -> Iterator[bytes]:
        for _ in range(320):
            yield bytes(65_536)
            times.append(time.monotonic())

    headers = {**KEY, "Content-Type": "application/json"}
    requests.post(sandbox.url + EDIT, data=pieces(), headers=headers, timeout=30)
    assert max(np.diff(times)) > 0.5
    assert sandbox.requests[-1].bytes_received == 320 * 65_536


def test_a_stall_at_the_answer_comes_after_the_upload(sandbox: Sandbox) -> None:
    sandbox.switch(stall=30, stall_at="answer")
    with pytest.raises(requests.ReadTimeout):
        requests.post(sandbox.url + EDIT, json=GOOD[EDIT], headers=KEY, timeout=0.5)
    assert sandbox.requests[-1].complete


@pytest.mark.parametrize("moment", ["body", "answer"])
def test_closing_ends_a_stall_at_once(moment: str) -> None:
    with Sandbox(switches={"stall": 60, "stall_at": moment}) as sandbox:
        client, failures = edit_in_background(sandbox)
        started = time.monotonic()
    client.join(10)
    assert time.monotonic() - started < 3
    assert len(failures) == 1


def test_times_counts_requests_and_later_settings_win(sandbox: Sandbox) -> None:
    sandbox.switch(status=503)
    sandbox.switch(status=429, times=2)
    assert [edit(sandbox).status_code for _ in range(3)] == [429, 429, 503]
    sandbox.switch(status=None)
    assert edit(sandbox).status_code == 200


def test_switches_leave_gets_alone_unless_their_path_is_named(sandbox: Sandbox) -> None:
    sandbox.switch(status=500, times=1)
    assert get(sandbox, "/models").status_code == 200
    assert edit(sandbox).status_code == 500
    sandbox.switch(status=503, path="/models", times=1)
    assert edit(sandbox).status_code == 200
    assert [get(sandbox, "/models").status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    "text",
    [
        *("nonsense=1", "status=200", "status=x", "size=12", "size=0x5", "stall=-1", "stall=nan", "times=0"),
        *("drop=maybe", "identity=perhaps", "redirect=ftp://x", "label=a\nb"),
        *("shape=round", "kind=any", "at_once=0", "rate=-1", "reset_format=min", "styles=1", "balances=eur"),
        *("answer=png", "link=far", "garbage=nothing", "shape=xml", "kind=credit"),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused_and_changes_nothing(sandbox: Sandbox, text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("=")[0]):
        parse_setting(text)
    name, _, value = text.partition("=")
    with pytest.raises(ValueError, match=name):
        sandbox.switch(**{"policy": True, name: value})
    assert edit(sandbox).status_code == 200


def test_a_switch_is_set_by_text_constructor_and_http() -> None:
    with Sandbox(switches=dict([parse_setting("status=429"), parse_setting("times=1")])) as sandbox:
        root = sandbox.url.removesuffix("/api/v1") + "/_sandbox"
        assert [edit(sandbox).status_code for _ in range(2)] == [429, 200]
        requests.post(root + "/switches", json={"policy": True}, timeout=30).raise_for_status()
        assert edit(sandbox).status_code == 422
        assert requests.post(root + "/switches", json={"no": 1}, timeout=30).status_code == 400
        plain = requests.post(root + "/switches", data='{"status": 500}', timeout=30)
        assert plain.status_code == 400, "a web page could set switches"
        requests.delete(root + "/switches", timeout=30).raise_for_status()
        assert edit(sandbox).status_code == 200


def test_every_switch_is_documented() -> None:
    assert all(row.meaning and row.values for row in TABLE.values())
    assert {"identity", "drift", "status", "redirect", "drop", "stall", "garbage", "size", "label"} <= set(
        TABLE
    )


# What refusals look like


@pytest.mark.parametrize("status", [200, 429])
def test_the_end_of_the_minute_is_told_in_three_formats(sandbox: Sandbox, status: int) -> None:
    if status == 429:
        sandbox.switch(status=429, kind="rate_limit")
    seconds = {}
    for name in ("ms", "s", "duration"):
        sandbox.switch(reset_format=name)
        seconds[name] = int(edit(sandbox).headers["x-ratelimit-reset-requests"])
    assert seconds["ms"] / 1000 - time.time() == pytest.approx(60, abs=5)
    assert seconds["s"] - time.time() == pytest.approx(60, abs=5)
    assert seconds["duration"] == 60


@pytest.mark.parametrize("status", [400, 402, 422, 429, 500, 503])
@pytest.mark.parametrize("shape", ["text", "request_id", "object", "details_text", "no_issues"])
def test_a_refusal_has_any_of_the_documented_shapes(sandbox: Sandbox, shape: str, status: int) -> None:
    sandbox.switch(status=status)
    usual = edit(sandbox).json()
    sandbox.switch(shape=shape)
    response = edit(sandbox)
    assert response.status_code == status
    body = response.json()
    if shape == "text":
        assert body == usual
    elif shape == "request_id":
        assert isinstance(body.pop("request_id"), str)
        assert body == usual
    elif shape == "object":
        assert body["error"]["message"] == usual["error"]
        assert body["error"]["code"].isupper()
    else:
        assert body["error"] == usual["error"]
        assert isinstance(body["details"], str if shape == "details_text" else dict)
        assert "issues" not in body


@pytest.mark.parametrize("status", [400, 429, 502, 503])
def test_a_refusal_need_not_be_json(sandbox: Sandbox, status: int) -> None:
    sandbox.switch(status=status, shape="empty")
    assert edit(sandbox).content == b""
    sandbox.switch(shape="plain")
    response = edit(sandbox)
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.text
    assert response.status_code == status
    sandbox.switch(shape="html")
    assert edit(sandbox).text.startswith("<!DOCTYPE html>")


def test_a_shape_holds_for_refusals_the_request_has_earned_too(sandbox: Sandbox) -> None:
    sandbox.switch(shape="object")
    error = edit(sandbox, model="no-such-model").json()["error"]
    assert error == {"message": "Specified model not found: no-such-model", "code": "NOT_FOUND"}
    sandbox.switch(shape="details_text")
    assert "prompt: " in edit(sandbox, prompt="").json()["details"]


# What goes wrong under 200


def test_a_refusal_picture_is_small_and_plain(sandbox: Sandbox) -> None:
    sandbox.switch(refusal=True)
    for response in (edit(sandbox), send(sandbox, UPSCALE)):
        assert 1500 < len(response.content) < 2500
        assert len(picture(response).getcolors() or ()) == 1


def test_another_model_can_have_served_the_request(sandbox: Sandbox) -> None:
    sandbox.switch(served="qwen-image-3-edit")
    headers = edit(sandbox, model="nano-banana-2-edit").headers
    assert headers["x-venice-model-id"] == "qwen-image-3-edit"
    assert headers["x-venice-model-name"] == "Qwen Image 3 Edit"
    sandbox.switch(served="unheard-of")
    assert edit(sandbox).headers["x-venice-model-id"] == "unheard-of"


# How much at once


def edit_side_by_side(sandbox: Sandbox, count: int) -> list[requests.Response]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: edit(sandbox), range(count)))


def test_more_than_so_many_at_once_are_turned_away(sandbox: Sandbox) -> None:
    sandbox.switch(at_once=2, stall=1.5)
    answers = edit_side_by_side(sandbox, 5)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
    assert {answer.headers.get("Retry-After") for answer in answers if answer.status_code == 429} == {"1"}
    sandbox.switch(stall=0)
    assert [edit(sandbox).status_code for _ in range(4)] == [200] * 4


def test_one_turned_away_is_told_at_once(sandbox: Sandbox) -> None:
    sandbox.switch(at_once=1, stall=20)
    stalled, failures = edit_in_background(sandbox)
    started = time.monotonic()
    assert edit(sandbox).status_code == 429
    assert time.monotonic() - started < 5
    sandbox.close()
    stalled.join(5)
    assert len(failures) == 1


def test_a_request_without_an_answer_makes_room_again(sandbox: Sandbox) -> None:
    sandbox.switch(at_once=1)
    sandbox.switch(drop="after_body", times=1)
    with pytest.raises(requests.ConnectionError):
        edit(sandbox)
    assert edit(sandbox).status_code == 200


def test_a_rate_counts_down_and_then_refuses(sandbox: Sandbox) -> None:
    sandbox.switch(rate=3)
    answers = [edit(sandbox) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    left = [answer.headers["x-ratelimit-remaining-requests"] for answer in answers]
    assert left == ["2", "1", "0", "0", "0"]
    assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"3"}
    assert 50 <= int(answers[-1].headers["Retry-After"]) <= 60
    sandbox.reset()
    sandbox.switch(rate=3)
    assert edit(sandbox).status_code == 200


def test_a_rate_starts_afresh_after_a_minute() -> None:
    now = [1_000_000_000.0]
    traffic, switches = Traffic(lambda: now[0]), Switches(rate=1)

    def arrive() -> int | None:
        with traffic.passing("POST", switches) as allowance:
            return allowance.wait

    assert [arrive(), arrive()] == [None, 60]
    now[0] += 59.5
    assert arrive() == 1
    now[0] += 0.5
    assert arrive() is None


def test_a_rate_is_kept_by_parallel_requests(sandbox: Sandbox) -> None:
    sandbox.switch(rate=4)
    answers = edit_side_by_side(sandbox, 9)
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [429] * 5
    left = [
        answer.headers["x-ratelimit-remaining-requests"] for answer in answers if answer.status_code == 200
    ]
    assert sorted(left) == ["0", "1", "2", "3"]
