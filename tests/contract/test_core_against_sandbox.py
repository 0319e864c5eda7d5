"""The core against the sandbox: what leaves, what comes back, what it costs, what is kept."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_ways import (
    BUSY_MACHINE,
    CUTOUT,
    EDIT,
    KEY,
    MULTI,
    PROMPTLY,
    NoWaiting,
    Pixels,
    RunThread,
    Scripted,
    Shell,
    noise,
    opened,
    paths,
    python,
    reply,
    soft_ellipse,
)
from PIL import Image, ImageDraw
from support import adobe_rgb, posts, wait_for

from venice_core.cancellation import Cancel
from venice_core.cli import main as cli_main
from venice_core.errors import Busy, Cancelled, Charge, NoConnection
from venice_core.geometry.rectangles import Bounds
from venice_core.imaging import codecs, color_profiles
from venice_core.imaging.metadata import Metadata
from venice_core.network import upload as upload_module
from venice_core.progress import Progress, Stage
from venice_core.records.entry import ANSWER
from venice_core.sandbox import Sandbox

# What is sent


@pytest.mark.covers("POST /image/edit: image", "Every documented case: edit in multipart")
def test_without_a_mask_one_picture_goes_to_edit(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    assert shell("edit", photo, "-p", "a hat") == 0
    (seen,) = posts(sandbox)
    assert (seen.method, seen.path, seen.complete) == ("POST", EDIT, True)
    assert seen.fields == {"prompt": "a hat", "model": "firered-image-edit", "output_format": "png"}
    (file,) = seen.files
    assert (file.name, file.format, file.content_type, file.mode) == ("image", "PNG", "image/png", "RGB")
    assert np.array_equal(opened(file.data), np.asarray(Image.open(photo)))
    assert seen.headers["User-Agent"].startswith("venice-gimp/")
    assert seen.headers["Connection"].lower() == "close"


@pytest.mark.covers(
    "POST /image/multi-edit: images", "Every documented case: multi-edit in JSON and multipart"
)
def test_with_a_mask_two_pictures_of_one_size_go_to_multi_edit_base_first(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path
) -> None:
    code, said = shell.json("edit", photo, "-p", "a hat", "--mask", mask)
    assert code == 0
    assert paths(sandbox) == [MULTI]
    (seen,) = posts(sandbox)
    assert set(seen.fields) == {"prompt", "modelId", "output_format"}
    assert seen.fields["modelId"] == "firered-image-edit"
    assert seen.fields["output_format"] == "png"
    assert seen.fields["prompt"].startswith("a hat\n\nThe second image is a mask")
    assert [file.name for file in seen.files] == ["images", "images"]
    assert [file.mode for file in seen.files] == ["RGB", "L"]
    base, hint = (opened(file.data) for file in seen.files)
    assert base.shape[:2] == hint.shape
    crop = Bounds(**said["results"][0]["plan"]["crop"])
    assert np.array_equal(base, np.asarray(Image.open(photo))[crop.slices])
    assert np.array_equal(hint, np.asarray(Image.open(mask))[crop.slices])


@pytest.mark.covers("POST /image/edit: image")
def test_local_sends_the_crop_alone_to_edit(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, photo: Path
) -> None:
    drawn = Image.new("L", (451, 300))
    ImageDraw.Draw(drawn).rectangle((10, 10, 80, 60), fill=255)
    drawn.save(tmp_path / "corner.png")
    arguments = ("edit", photo, "-p", "x", "--mask", tmp_path / "corner.png", "--selection", "local")
    assert shell(*arguments) == 0
    (seen,) = posts(sandbox)
    assert seen.path == EDIT
    assert len(seen.files) == 1
    assert seen.fields["prompt"] == "x"
    assert (seen.files[0].width, seen.files[0].height) < (451, 300)


@pytest.mark.parametrize(
    ("option", "fields"),
    [
        ((), {}),
        (("--no-safe-mode",), {"safe_mode": "false"}),
        (("--enhance-prompt",), {"enhance_prompt": "true"}),
        (("--aspect-ratio", "16:9"), {"aspect_ratio": "16:9"}),
        (("--model", "nano-banana-2-edit", "--resolution", "2K"), {"resolution": "2K"}),
    ],
)
def test_optional_fields_are_sent_only_when_asked_for(
    shell: Shell, sandbox: Sandbox, photo: Path, option: tuple[str, ...], fields: dict[str, str]
) -> None:
    assert shell("edit", photo, "-p", "x", *option) == 0
    sent = dict(posts(sandbox)[0].fields)
    for name in ("prompt", "model", "output_format"):
        sent.pop(name)
    assert sent == fields


@pytest.mark.covers("POST /image/multi-edit: quality")
def test_quality_goes_through_multi_edit(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    assert shell("edit", photo, "-p", "x", "--model", "gpt-image-2-edit", "--quality", "low") == 0
    (seen,) = posts(sandbox)
    assert (seen.path, seen.fields["quality"], len(seen.files)) == (MULTI, "low", 1)


@pytest.mark.covers("POST /image/background-remove: image", "Every documented case: background-remove")
def test_a_cutout_sends_the_picture_and_nothing_else(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    assert shell("cutout", photo, "-o", tmp_path / "out.png") == 0
    (seen,) = posts(sandbox)
    assert (seen.path, seen.fields, [file.name for file in seen.files]) == (CUTOUT, {}, ["image"])
    cut, own = np.asarray(Image.open(tmp_path / "out.png")), np.asarray(Image.open(photo))
    rim = (cut[..., 3] > 0) & (cut[..., 3] < 255)
    assert np.array_equal(cut[..., :3][~rim], own[~rim])
    assert not np.array_equal(cut[..., :3][rim], own[rim]), "the foreground's colors"
    assert cut[..., 3].min() < 20
    assert cut[..., 3].max() == 255


@pytest.mark.usefixtures("sandbox")
def test_a_cutout_without_defringe_has_the_pictures_own_colors(
    shell: Shell, photo: Path, tmp_path: Path
) -> None:
    assert shell("cutout", photo, "--no-defringe", "-o", tmp_path / "out.png") == 0
    cut = np.asarray(Image.open(tmp_path / "out.png"))
    assert np.array_equal(cut[..., :3], np.asarray(Image.open(photo)))


def test_a_cutouts_rim_is_in_the_files_own_colors(shell: Shell, photo: Path, tmp_path: Path) -> None:
    """The rim's colors are found in sRGB: written into a file with a profile they mean the same."""
    profile = adobe_rgb()
    wide = color_profiles.from_srgb(
        np.asarray(Image.open(photo)), profile, gray=False, dtype=np.dtype(np.uint8)
    )
    (tmp_path / "wide.png").write_bytes(codecs.encode_png(wide, beside=Metadata(profile)))
    for name, source in (("plain", photo), ("wide", tmp_path / "wide.png")):
        assert shell("cutout", source, "-o", tmp_path / f"{name}-cut.png") == 0
    plain, cut = (np.asarray(Image.open(tmp_path / f"{name}-cut.png")) for name in ("plain", "wide"))
    rim = (cut[..., 3] > 0) & (cut[..., 3] < 255)
    assert np.array_equal(cut[..., :3][~rim], wide[~rim])
    # the rounding of what is sent is another, and with it here and there the matte
    rim &= cut[..., 3] == plain[..., 3]
    off = np.abs(color_profiles.to_srgb(cut, profile)[rim].astype(int) - plain[rim])
    assert np.percentile(off, 95) <= 2
    assert np.abs(cut[rim].astype(int) - plain[rim]).mean() > 2


def test_a_smaller_answers_cutout_has_edges_as_sharp_as_the_picture(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    with Image.open(photo) as opened:
        width, height = opened.size
    sandbox.switch(size=f"{width // 4}x{height // 4}")
    code, said = shell.json("cutout", photo, "-o", tmp_path / "out.png")
    assert code == 0
    assert said["results"][0]["facts"]["fitting"]["scale"] == pytest.approx(4.0, rel=0.02)
    cut = np.asarray(Image.open(tmp_path / "out.png"))
    assert cut.shape == (height, width, 4)
    assert (cut[..., 3] == 0).any()
    assert (cut[..., 3] == 255).any()


@pytest.mark.covers("POST /image/background-remove: image")
def test_a_cutout_with_a_mask_stays_within_it(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path, tmp_path: Path
) -> None:
    sandbox.switch(identity=True)  # alpha 255 everywhere
    assert shell("cutout", photo, "--mask", mask, "-o", tmp_path / "m.png", "--output", "mask") == 0
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "m.png").convert("L")), np.asarray(Image.open(mask))
    )


# Outcomes

OUTCOMES = [
    (400, 3, "none", "invalid-request", 1),
    (401, 3, "none", "bad-key", 1),
    (402, 3, "none", "no-funds", 1),
    (403, 3, "none", "forbidden", 1),
    (404, 3, "none", "unknown-model", 1),
    (410, 3, "none", "unknown-model", 1),
    (413, 3, "none", "too-large", 1),
    (415, 3, "none", "invalid-request", 1),
    (418, 3, "none", "invalid-request", 1),
    (422, 3, "unknown", "policy", 1),
    (429, 4, "none", "busy", 2),
    (503, 4, "none", "busy", 2),
    (500, 5, "possible", "server-failure", 1),
    (502, 5, "possible", "server-failure", 1),
    (504, 5, "possible", "server-failure", 1),
    (520, 5, "possible", "server-failure", 1),
    (524, 5, "possible", "server-failure", 1),
    (599, 5, "possible", "server-failure", 1),
    (302, 5, "possible", "server-failure", 1),
]


@pytest.mark.covers("Refusals: 400 (also a wrong")
@pytest.mark.parametrize(("status", "code", "charge", "kind", "count"), OUTCOMES)
def test_each_documented_status_has_its_exit_code_and_is_journaled(
    shell: Shell, sandbox: Sandbox, photo: Path, status: int, code: int, charge: str, kind: str, count: int
) -> None:
    sandbox.switch(status=status, retry_after="0")
    exit_code, said = shell.json("edit", photo, "-p", "x")
    assert exit_code == said["exit"] == code
    assert paths(sandbox) == [EDIT] * count
    error = said["results"][0]["error"]
    assert (error["kind"], error["charge"], error["status"], error["exit"]) == (kind, charge, status, code)
    assert error["request_id"].endswith("-BOX")
    record = shell.job.record
    assert (record["status"], record["charge"], record["error"]["kind"]) == ("failed", charge, kind)
    assert error["message"] in shell.err
    assert ("may have been charged" in shell.err) == (charge == "possible")
    assert not list(photo.parent.glob("*edited*"))


@pytest.mark.covers("Every documented case: three kinds of 402")
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("balance", "balance or the key's spending limit"),
        ("spending_limit", "balance or the key's spending limit"),
        ("accepts", "received no API key"),
    ],
)
def test_each_kind_of_402_says_what_it_is_about(
    shell: Shell, sandbox: Sandbox, photo: Path, kind: str, words: str
) -> None:
    sandbox.switch(status=402, kind=kind)
    assert shell("edit", photo, "-p", "x") == 3
    assert words in shell.err


@pytest.mark.covers(
    "Refusals: 401 | any",
    "Refusals: 403 | any",
    "Every documented case: bad key: 401",
    "Every documented case: 403 in three kinds",
)
@pytest.mark.parametrize(
    ("key", "code", "words"), [("bad-key-123", 3, "API key"), ("restricted-1", 3, "not allowed")]
)
def test_a_key_that_is_refused_is_said(
    shell: Shell, sandbox: Sandbox, photo: Path, key: str, code: int, words: str
) -> None:
    shell.env["VENICE_API_KEY"] = key
    assert shell("edit", photo, "-p", "x") == code
    assert words in shell.err
    assert key not in shell.err


@pytest.mark.covers("Refusals: 3xx")
def test_a_redirect_is_not_followed(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    with Sandbox() as target:
        sandbox.switch(redirect=f"{target.url}/image/edit")
        assert shell("edit", photo, "-p", "x") == 5
        assert posts(target) == []
    assert paths(sandbox) == [EDIT]
    assert shell.job.record["charge"] == "possible"
    assert "redirect" in shell.err


@pytest.mark.covers("Every documented case: empty 200, truncated body")
@pytest.mark.parametrize(
    ("switches", "kind"),
    [
        ({"drop": "after_body"}, "lost-connection"),
        ({"drop": "in_answer"}, "lost-connection"),
        ({"garbage": "text"}, "unusable-answer"),
        ({"garbage": "empty"}, "unusable-answer"),
        ({"garbage": "truncated"}, "unusable-answer"),
        ({"garbage": "json"}, "unusable-answer"),
        ({"garbage": "html"}, "unusable-answer"),
    ],
)
def test_no_usable_answer_may_have_been_charged_and_is_never_asked_for_again(
    shell: Shell, sandbox: Sandbox, photo: Path, switches: dict[str, str], kind: str
) -> None:
    sandbox.switch(**switches)
    code, said = shell.json("edit", photo, "-p", "x")
    assert code == 5
    assert paths(sandbox) == [EDIT]
    assert said["results"][0]["error"]["kind"] == kind
    assert shell.job.record["charge"] == "possible"
    assert (shell.job.folder / ANSWER).exists() == ("garbage" in switches)
    assert not list(photo.parent.glob("*edited*"))


def test_the_words_of_an_answer_that_is_no_picture_are_shown(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    sandbox.switch(garbage="text")
    shell("edit", photo, "-p", "x")
    assert "I cannot help with that picture." in shell.err


@pytest.mark.covers(
    "Other outcomes: no-connection", "Every documented case: a connection dropped before the answer"
)
def test_a_connection_dropped_before_the_upload_is_complete_cost_nothing(
    home: Path, sandbox: Sandbox
) -> None:
    sandbox.switch(drop="before_body")
    attempt = RunThread(home, sandbox.url, noise()).start().finish()
    assert isinstance(attempt.error, NoConnection)
    assert not attempt.error.retryable, "bytes of the body had left"
    assert len(posts(sandbox)) == 1
    assert not posts(sandbox)[0].complete
    assert (attempt.entry.record["status"], attempt.entry.record["charge"]) == ("failed", "none")


@pytest.mark.covers("Other outcomes: no-connection")
def test_nobody_listening_is_no_connection(shell: Shell, photo: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    shell.env["VENICE_BASE_URL"] = f"http://127.0.0.1:{port}/api/v1"
    assert shell("edit", photo, "-p", "x") == 4
    assert "could not be reached" in shell.err
    assert shell.job.record["charge"] == "none"
    assert [status for status, _ in shell.job.record["history"]].count("sending") == 2


@pytest.mark.parametrize("length", ["abc", "-1", "1e3", "٣"])
def test_a_senseless_length_breaks_nothing(shell: Shell, photo: Path, length: str) -> None:
    def answer(_: bytes) -> bytes:
        return reply("200 OK", photo.read_bytes(), length=length)

    with Scripted(answer) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        assert shell("edit", photo, "-p", "x") in (0, 5)


# Another picture than expected


@pytest.mark.covers("Unexpected responses: a format that does not match its label")
@pytest.mark.parametrize(
    "switches",
    [
        {"label": "text/html"},
        {"format": "jpeg"},
        {"format": "webp", "label": "image/png"},
        {"size": "1024x681"},
        {"size": "225x150"},
        {"size": "512x512"},
        {"blurred": True},
        {"deprecated": True},
        {"violation": True},
    ],
)
def test_an_odd_picture_is_placed_all_the_same(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path, tmp_path: Path, switches: dict[str, Any]
) -> None:
    sandbox.switch(**switches)
    out = tmp_path / "out.png"
    code, said = shell.json("edit", photo, "-p", "x", "--mask", mask, "-o", out)
    assert code == 0
    result, source = np.asarray(Image.open(out)), np.asarray(Image.open(photo))
    outside = np.asarray(Image.open(mask)) == 0
    assert np.array_equal(result[outside], source[outside])
    assert (result != source).any()
    words = " ".join(said["results"][0]["warnings"])
    expected = {
        "512x512": "different shape",
        "blurred": "blurred",
        "deprecated": "retirement",
        "violation": "terms",
    }
    for sign, word in expected.items():
        assert (word in words) == (sign in switches or sign in switches.values())


@pytest.mark.covers(
    "Unexpected responses: a different size or shape", "Every documented case: a result of a different size"
)
@pytest.mark.parametrize("size", ["902x600", "300x200"])
def test_an_answer_of_another_size_comes_back_in_place(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path, size: str
) -> None:
    sandbox.switch(identity=True, size=size)
    assert shell("edit", photo, "-p", "x", "-o", tmp_path / "out.png") == 0
    difference = np.abs(
        np.asarray(Image.open(tmp_path / "out.png"), int) - np.asarray(Image.open(photo), int)
    )
    assert difference.mean() < 6


def test_a_picture_below_the_minimum_is_padded_and_comes_back_exactly(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    tiny = chelsea[:40, :90]
    Image.fromarray(tiny).save(tmp_path / "tiny.png")
    sandbox.switch(identity=True)
    assert shell("edit", tmp_path / "tiny.png", "-p", "x", "-o", tmp_path / "out.png") == 0
    sent = posts(sandbox)[0].files[0]
    assert (sent.width, sent.height) == (256, 256)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), tiny)
    assert "padded" in shell.err


# Once more


@pytest.mark.covers("Response headers: Retry-After")
@pytest.mark.parametrize(
    ("named", "wait"),
    [
        ("3", 3.0),
        ("0.25", 0.25),
        ("0", 0.0),
        ("60", 60.0),
        ("1500ms", 1.5),
        (None, 2.0),
        ("-4", 2.0),
        ("nan", 2.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_once_more_after_the_wait_it_names(
    home: Path, sandbox: Sandbox, chelsea: Pixels, status: int, named: str | None, wait: float
) -> None:
    sandbox.switch(status=status, times=1, **({} if named is None else {"retry_after": named}))
    cancel = NoWaiting()
    attempt = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    assert attempt.result is not None
    assert cancel.waits == [wait]
    assert paths(sandbox) == [EDIT, EDIT]
    assert Stage.RETRYING in attempt.stages


def test_a_date_is_a_wait_too(home: Path, sandbox: Sandbox, chelsea: Pixels) -> None:
    sandbox.switch(status=429, times=1, retry_after=formatdate(time.time() + 40, usegmt=True))
    cancel = NoWaiting()
    assert RunThread(home, sandbox.url, chelsea, cancel).start().finish().result is not None
    assert 30 < cancel.waits[0] <= 40


@pytest.mark.parametrize("named", ["61", "86400", "61000ms", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_of_more_than_a_minute_is_not_waited_for(
    home: Path, sandbox: Sandbox, chelsea: Pixels, named: str
) -> None:
    sandbox.switch(status=429, retry_after=named)
    cancel = NoWaiting()
    attempt = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    assert isinstance(attempt.error, Busy)
    assert cancel.waits == []
    assert paths(sandbox) == [EDIT]


@pytest.mark.covers("Response headers: Retry-After")
def test_the_wait_is_really_waited(home: Path, sandbox: Sandbox, chelsea: Pixels) -> None:
    sandbox.switch(status=429, times=1, retry_after="0.6")
    begin = time.monotonic()
    assert RunThread(home, sandbox.url, chelsea).start().finish().result is not None
    assert time.monotonic() - begin >= 0.6


def test_a_cancel_is_heard_while_waiting_for_the_repeat(
    home: Path, sandbox: Sandbox, chelsea: Pixels
) -> None:
    sandbox.switch(status=429, retry_after="50")
    attempt = RunThread(home, sandbox.url, chelsea).start()
    wait_for(lambda: Stage.RETRYING in attempt.stages)
    attempt.cancel.set()
    attempt.finish(PROMPTLY + BUSY_MACHINE)
    assert isinstance(attempt.error, Cancelled)
    assert attempt.entry.record["charge"] == "none"
    assert paths(sandbox) == [EDIT]


@pytest.mark.covers("Refusals: 503 | any")
@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html><title>503 Service Unavailable</title></html>",
        b'{"message":"503 Service Unavailable"}',
    ],
)
def test_a_503_that_the_service_did_not_write_is_not_repeated(shell: Shell, photo: Path, page: bytes) -> None:
    with Scripted(
        lambda _: reply("503 Unavailable", page, "Content-Type: text/html", "Retry-After: 0")
    ) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        assert shell("edit", photo, "-p", "x") == 5
        assert len(server.heads) == 1
    assert shell.job.record["charge"] == "possible"
    assert "503 Service Unavailable" in shell.err


# Cancel


@pytest.mark.covers("Every documented case: a stall")
def test_a_cancel_before_the_upload_is_complete_aborts_within_a_second_and_buys_nothing(
    home: Path, sandbox: Sandbox
) -> None:
    sandbox.switch(stall=2.5, stall_at="body")
    attempt = RunThread(home, sandbox.url, noise()).start()
    wait_for(lambda: posts(sandbox) and Stage.UPLOADING in attempt.stages)
    time.sleep(0.3)  # until the sockets' buffers are full
    begin = time.monotonic()
    attempt.cancel.set()
    attempt.finish(PROMPTLY + BUSY_MACHINE)
    assert time.monotonic() - begin < PROMPTLY + BUSY_MACHINE
    assert isinstance(attempt.error, Cancelled)
    assert (attempt.entry.record["status"], attempt.entry.record["charge"]) == ("cancelled", "none")
    time.sleep(3)  # the server goes on reading what there is
    (seen,) = posts(sandbox)
    assert not seen.complete
    assert seen.status is None


@pytest.mark.covers("Other outcomes: cancelled")
def test_a_cancel_after_the_upload_ends_the_waiting_and_may_have_been_charged(
    home: Path, sandbox: Sandbox, chelsea: Pixels
) -> None:
    sandbox.switch(stall=60)
    attempt = RunThread(home, sandbox.url, chelsea).start()
    wait_for(lambda: posts(sandbox) and posts(sandbox)[0].complete)
    wait_for(lambda: Stage.WAITING in attempt.stages)
    attempt.cancel.set()
    attempt.finish(PROMPTLY + BUSY_MACHINE)
    assert isinstance(attempt.error, Cancelled)
    assert attempt.error.charge is Charge.POSSIBLE
    assert (attempt.entry.record["status"], attempt.entry.record["charge"]) == ("cancelled", "possible")


def test_a_cancel_just_after_the_last_byte_has_left_may_have_been_charged(
    home: Path, sandbox: Sandbox, chelsea: Pixels
) -> None:
    """Between handing out the last bytes and being asked for more, nobody has been told WAITING yet."""
    cancel = Cancel()
    attempt = RunThread(home, sandbox.url, chelsea, cancel)
    watch = attempt._watch

    def last(progress: Progress) -> None:
        watch(progress)
        if progress.stage is Stage.UPLOADING and progress.total - progress.done <= 65_536:
            (
                cancel._let_go.set(),
                cancel._set.set(),
            )  # without closing the sockets: by then the bytes are on their way

    attempt._watch = last  # type: ignore[method-assign]
    attempt.start().finish()
    assert isinstance(attempt.error, Cancelled)
    wait_for(lambda: posts(sandbox) and posts(sandbox)[0].complete)
    assert attempt.entry.record["charge"] == "possible"


def test_letting_go_just_after_the_last_byte_has_left_waits_for_the_answer(
    home: Path, sandbox: Sandbox, chelsea: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When all bytes have left, but nobody has asked for more yet, which is how it is known."""
    cancel = Cancel()
    read = upload_module.Upload.read

    def last(upload: Any, size: int = -1) -> bytes:
        if upload.sent == upload.len and not upload.complete:
            cancel.let_go()
        return read(upload, size)

    monkeypatch.setattr(upload_module.Upload, "read", last)
    sandbox.switch(stall=2 * upload_module.LAST_SECONDS)
    attempt = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    assert cancel.stops(sent=False)
    assert attempt.result is not None
    assert attempt.entry.record["status"] == "done"


def test_last_bytes_that_do_not_leave_are_not_waited_for(
    home: Path, sandbox: Sandbox, chelsea: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = Cancel()
    read = upload_module.Upload.read

    def last(upload: Any, size: int = -1) -> bytes:
        chunk = read(upload, size)
        if chunk and upload.sent == upload.len:
            cancel.let_go()
            time.sleep(3 * upload_module.LAST_SECONDS)  # in place of a socket that takes nothing
        return chunk

    monkeypatch.setattr(upload_module.Upload, "read", last)
    attempt = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    assert isinstance(attempt.error, Cancelled)
    assert attempt.entry.record["charge"] == "none"
    assert not posts(sandbox)[0].complete


def test_a_cancelled_job_is_never_begun(home: Path, sandbox: Sandbox, chelsea: Pixels) -> None:
    cancel = Cancel()
    cancel.set()
    attempt = RunThread(home, sandbox.url, chelsea, cancel).start().finish()
    assert isinstance(attempt.error, Cancelled)
    assert posts(sandbox) == []
    assert list(attempt.journal) == []


# The key


def echoing(status: str, form: str) -> Callable[[bytes], bytes]:
    """A server that repeats the Authorization header: in its body, of that form, and in a header."""

    def answer(head: bytes) -> bytes:
        line = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"authorization:"))
        value = line.partition(b":")[2].strip().decode()
        body = form.replace("KEY", value).encode()
        return reply(status, body, f"X-Echo: {value}", f"CF-RAY: {value}", "Retry-After: 0")

    return answer


@pytest.mark.parametrize(
    "status", ["200 OK", "302 Found", "401 No", "422 No", "429 Later", "500 Broken", "503 Later"]
)
@pytest.mark.parametrize(
    "form", ['{"error":"KEY","request_id":"KEY"}', "<html><title>KEY</title></html>", "KEY"]
)
def test_the_key_is_in_no_file_and_no_word_even_when_the_server_repeats_it(
    shell: Shell, photo: Path, status: str, form: str
) -> None:
    with Scripted(echoing(status, form)) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        assert shell("edit", photo, "-p", "x", "--json") in (3, 4, 5)
        assert b"Bearer " + KEY.encode() in server.heads[0], "the key did not travel"
    assert KEY not in shell.out + shell.err
    assert shell("jobs", "--json") == 0
    assert KEY not in shell.out + shell.err
    files = [path for path in shell.home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_the_key_is_in_no_file_after_good_runs(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path
) -> None:
    assert shell("edit", photo, "-p", "x", "--mask", mask) == 0
    assert shell("cutout", photo, "--json") == 0
    assert KEY not in shell.out + shell.err
    assert posts(sandbox)[0].headers["Authorization"] == "Bearer vk-***"
    for path in [*shell.home.rglob("*"), *photo.parent.iterdir()]:
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("key", ["vk-first-half\nsecond-half", "vk-clever”quote", "vk two words"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(
    shell: Shell, sandbox: Sandbox, photo: Path, key: str
) -> None:
    shell.env["VENICE_API_KEY"] = key
    assert shell("edit", photo, "-p", "x") == 2
    assert posts(sandbox) == []
    assert "API key" in shell.err
    assert not any(word in shell.err for word in ("vk-", "half", "clever", "two"))


def test_a_netrc_does_not_replace_the_key(shell: Shell, sandbox: Sandbox, photo: Path, home: Path) -> None:
    netrc = home / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login a password b\n")
    netrc.chmod(0o600)
    assert shell("edit", photo, "-p", "x") == 0
    assert posts(sandbox)[0].headers["Authorization"] == "Bearer vk-***"


@pytest.mark.covers("Other outcomes: missing-key")
def test_without_a_key_nothing_is_sent(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    del shell.env["VENICE_API_KEY"]
    assert shell("edit", photo, "-p", "x") == 2
    assert "No API key" in shell.err
    assert posts(sandbox) == []
    assert shell.jobs == []


def test_the_built_in_sandbox_needs_no_key_and_says_what_it_is(
    shell: Shell, photo: Path, tmp_path: Path
) -> None:
    shell.env = {"VENICE_HOME": str(shell.home), "VENICE_PROVIDER": "sandbox"}
    code, said = shell.json("edit", photo, "-p", "x", "-o", tmp_path / "out.png")
    assert code == 0
    assert said["results"][0]["facts"]["sandbox"] is True
    assert shell.job.record["charge"] == "none"


# The address


@pytest.mark.parametrize(
    "url",
    [
        "http://api.venice.ai/api/v1",
        "http://127.0.0.1.example.com/api/v1",
        "http://192.168.0.7:8080/v1",
        "http://localhost@example.com/v1",
        "http://user:word@127.0.0.1/v1",
        "ftp://127.0.0.1/v1",
        "127.0.0.1:8080",
        "https://",
        "http://[",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_would_show_the_key_is_refused(shell: Shell, photo: Path, url: str) -> None:
    shell.env["VENICE_BASE_URL"] = url
    assert shell("edit", photo, "-p", "x") == 2
    assert shell.jobs == []


def test_loopback_addresses_bypass_proxies(
    shell: Shell, sandbox: Sandbox, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scripted(lambda _: reply("502 No", b"")) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert shell("edit", photo, "-p", "x") == 0
        assert proxy.heads == []


def test_other_addresses_go_through_the_proxy_without_showing_it_the_key(
    shell: Shell, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scripted(lambda _: reply("403 No", b"")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        monkeypatch.setenv("https_proxy", proxy.origin)
        shell.env["VENICE_BASE_URL"] = "https://service.invalid/api/v1"
        assert shell("edit", photo, "-p", "x") == 4
        assert proxy.heads[0].startswith(b"CONNECT service.invalid:443")
        assert not any(KEY.encode() in head for head in proxy.heads)
    assert shell.job.record["charge"] == "none"


# The command line's own


def saved_source(path: Path, kind: str, pixels: Pixels) -> None:
    picture = Image.fromarray(pixels)
    if kind == "RGBA PNG":
        alpha = Image.linear_gradient("L").resize(picture.size)
        picture.putalpha(alpha)
        picture.save(path.with_suffix(".png"))
    elif kind == "AdobeRGB PNG":
        picture.save(path.with_suffix(".png"), icc_profile=adobe_rgb())
    elif kind == "AdobeRGB JPEG":
        picture.save(path.with_suffix(".jpg"), quality=90, icc_profile=adobe_rgb())
    elif kind == "gray PNG":
        picture.convert("L").save(path.with_suffix(".png"))
    else:
        picture.save(path.with_suffix(".png"))


@pytest.mark.parametrize("kind", ["RGB PNG", "RGBA PNG", "AdobeRGB PNG", "AdobeRGB JPEG", "gray PNG"])
@pytest.mark.parametrize("use", ["guide", "local"])
def test_outside_the_mask_every_byte_is_the_sources(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, coffee: Pixels, kind: str, use: str
) -> None:
    saved_source(tmp_path / "source", kind, coffee)
    (path,) = tmp_path.glob("source.*")
    soft_ellipse(600, 400).save(tmp_path / "m.png")
    sandbox.switch(drift=True)
    out = tmp_path / "out.png"
    arguments = ("edit", path, "-p", "x", "--mask", tmp_path / "m.png", "--selection", use, "-o", out)
    assert shell(*arguments) == 0
    source, result, coverage = Image.open(path), Image.open(out), np.asarray(Image.open(tmp_path / "m.png"))
    if kind == "gray PNG":
        source = source.convert("RGB")
    assert result.mode == source.mode
    before, after = np.asarray(source, int), np.asarray(result, int)
    assert np.array_equal(after[coverage == 0], before[coverage == 0])
    assert np.abs(after - before)[coverage == 255].mean() > 20
    if kind.startswith("AdobeRGB"):
        assert result.info["icc_profile"] == adobe_rgb()
    if kind == "RGBA PNG":
        assert np.array_equal(after[..., 3], before[..., 3])


def test_a_run_that_changes_nothing_gives_adobe_rgb_back(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    """On colors inside sRGB: those of AdobeRGB beyond it are clipped."""
    muted = (chelsea.astype(int) // 2 + 60).astype(np.uint8)
    Image.fromarray(muted).save(tmp_path / "a.png", icc_profile=adobe_rgb())
    sandbox.switch(identity=True)
    assert shell("edit", tmp_path / "a.png", "-p", "x", "-o", tmp_path / "out.png") == 0
    assert np.abs(np.asarray(Image.open(tmp_path / "out.png"), int) - muted).max() <= 2
    assert not np.array_equal(opened(posts(sandbox)[0].files[0].data), muted), "sent as if it were sRGB"


def test_the_mask_can_grow_and_soften(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path, tmp_path: Path
) -> None:
    hard = Image.new("L", (451, 300))
    ImageDraw.Draw(hard).rectangle((150, 100, 249, 199), fill=255)
    hard.save(tmp_path / "hard.png")
    arguments = (
        "edit",
        photo,
        "-p",
        "x",
        "--mask",
        tmp_path / "hard.png",
        "--layer",
        "-o",
        tmp_path / "o.png",
    )
    changed = {}
    for name, more in {
        "plain": ("--feather", 0),
        "auto": (),
        "grown": ("--grow", 10, "--feather", 0),
    }.items():
        assert shell(*arguments, *more) == 0
        changed[name] = np.asarray(Image.open(tmp_path / "o-mask.png"))
    assert set(np.unique(changed["plain"])) == {0, 255}
    assert (changed["plain"] == 255).sum() == 100 * 100
    assert ((changed["auto"] > 0) & (changed["auto"] < 255)).any()
    assert (changed["auto"] > 0).sum() <= 100 * 100
    assert (changed["grown"] == 255).sum() > 119 * 119


def test_layer_writes_the_layer_and_its_mask_apart(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.png"
    code, said = shell.json("edit", photo, "-p", "x", "--mask", mask, "--layer", "-o", out)
    (result,) = said["results"]
    assert code == 0
    assert not out.exists()
    layer, its_mask = Image.open(result["layer"]), Image.open(result["mask"])
    crop = Bounds(**result["plan"]["crop"])
    assert layer.mode == "RGBA"
    assert layer.size == its_mask.size == (crop.width, crop.height)
    assert np.array_equal(np.asarray(its_mask), np.asarray(Image.open(mask))[crop.slices])


def test_parts_are_png_whatever_the_whole_would_be(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path, tmp_path: Path
) -> None:
    code, said = shell.json("edit", photo, "-p", "x", "--mask", mask, "--layer", "-o", tmp_path / "new.jpg")
    assert (code, Path(said["results"][0]["layer"]).name) == (0, "new-layer.png")
    assert shell("cutout", photo, "--output", "mask", "-o", tmp_path / "mask.jpg") == 0
    assert len(posts(sandbox)) == 2


def test_an_earlier_result_is_replaced_only_when_it_is_named(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "named.png"
    for arguments in ([], [], ["-o", out], ["-o", out]):
        assert shell("edit", photo, "-p", "x", *arguments) == 0
    made = sorted(path.name for path in photo.parent.glob(f"{photo.stem}-edited*"))
    assert made == [f"{photo.stem}-edited-2.png", f"{photo.stem}-edited.png"]


@pytest.mark.covers("Other outcomes: unplaced")
def test_a_result_that_cannot_be_put_in_place_is_kept_and_counts_as_paid(
    shell: Shell, sandbox: Sandbox, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("venice_core.cli.picture_files.write_atomically", full)
    assert shell("edit", photo, "-p", "x") == 5
    assert "No space left on device" in shell.err
    assert shell.job.record["status"] == "done"


def test_what_is_no_text_is_bad_input_and_json_says_so(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    for arguments in (["-p", "bad\udcff"], ["-p", "x", "--grow", "99999"]):
        code, said = shell.json("edit", photo, *arguments)
        assert (code, said["exit"], said["error"]["kind"]) == (2, 2, "bad-input")
    assert not posts(sandbox)
    assert not shell.home.exists()


def test_a_dry_run_says_the_plan_and_sends_and_writes_nothing(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path
) -> None:
    before = sorted(photo.parent.iterdir())
    del shell.env["VENICE_API_KEY"]
    assert shell("edit", photo, "-p", "x", "--mask", mask, "--dry-run") == 0
    assert "/image/multi-edit firered-image-edit (private), 2 images of" in shell.out
    assert "$0.04" in shell.out
    code, said = shell.json("edit", photo, "-p", "x", "--dry-run")
    assert code == 0
    assert said["results"][0]["plan"]["endpoint"] == "/image/edit"
    assert posts(sandbox) == []
    assert sorted(photo.parent.iterdir()) == before
    assert not shell.home.exists()


def test_json_is_one_object_with_what_people_are_told(shell: Shell, photo: Path) -> None:
    code, said = shell.json("edit", photo, "-p", "x")
    (result,) = said["results"]
    assert (code, said["exit"]) == (0, 0)
    assert result["input"] == str(photo)
    assert Path(result["output"]).is_file()
    assert result["job"] == shell.job.id
    assert result["price"] == {"usd": 0.04, "diem": 0.04}
    assert result["facts"]["model"] == "firered-image-edit"
    assert shell.job.record["status"] == "placed"


@pytest.mark.covers(
    "POST /image/edit: prompt",
    "Other outcomes: bad-input",
    "Every documented case: missing, empty, too long prompt",
)
def test_bad_input_is_found_before_anything_is_sent(
    shell: Shell, sandbox: Sandbox, photo: Path, mask: Path, tmp_path: Path
) -> None:
    Image.new("L", (450, 300), 255).save(tmp_path / "small.png")
    Image.new("L", (451, 300)).save(tmp_path / "black.png")
    (tmp_path / "words.png").write_text("words")
    for arguments, words in [
        ((photo, "-p", "x", "--mask", tmp_path / "small.png"), "must have the same size as the image"),
        ((photo, "-p", "x", "--mask", tmp_path / "black.png"), "black everywhere"),
        ((photo, "-p", "x", "--mask", tmp_path / "none.png"), "cannot be read"),
        ((photo, "-p", "x", "--mask", tmp_path / "words.png"), "not an image"),
        ((photo, "-p", " "), "prompt is empty"),
        ((photo, "-p", "x" * 32_769), "32769 characters"),
        ((photo, "-p", "x", "--model", "gpt-image-2-edit", "--quality", "best"), "no quality “best”"),
        ((photo, "-p", "x", "--aspect-ratio", "7:5"), "no aspect ratio"),
        ((photo, "-p", "x", "--grow", "-200", "--mask", mask), "Shrinking the selection by 200 px"),
        ((photo, "-p", "x", "--context", "-2"), "between -1"),
        ((photo, "-p", "x", "--provider", "nobody"), "no provider “nobody”"),
        ((photo, "-p", "x", *["--reference", photo] * 3), "at most 3 images"),
        ((tmp_path / "none.png", "-p", "x"), "cannot be read"),
        ((tmp_path / "words.png", "-p", "x"), "not an image"),
        ((photo, "-p", "x", "-o", tmp_path / "no" / "out.png"), "does not exist"),
        ((photo, "-p", "x", "-o", tmp_path / "out.xyz"), "not a file format"),
        ((photo, photo, "-p", "x", "-o", tmp_path / "out.png"), "must be an existing folder"),
    ]:
        assert shell("edit", *arguments) == 2, arguments
        assert words in shell.err
    assert posts(sandbox) == []
    assert shell.jobs == []


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_found_before_sending(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert shell("edit", photo, "-p", "x", "-o", locked / "out.png") == 2
    assert posts(sandbox) == []


def test_transparency_into_a_jpeg_is_found_before_sending(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, chelsea: Pixels
) -> None:
    saved_source(tmp_path / "a", "RGBA PNG", chelsea)
    assert shell("edit", tmp_path / "a.png", "-p", "x", "-o", tmp_path / "out.jpg") == 2
    assert shell("cutout", tmp_path / "a.png", "-o", tmp_path / "out.jpg") == 2
    assert posts(sandbox) == []


def test_a_home_that_cannot_be_written_sends_nothing(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "jobs").write_text("a file")
    for home, words in [(tmp_path / "home" / "jobs", "cannot be read"), (tmp_path / "home", "was not sent")]:
        shell.env["VENICE_HOME"] = str(home)
        assert shell("edit", photo, "-p", "x") == 2
        assert words in shell.err
    assert posts(sandbox) == []


def test_jobs_are_listed_newest_first(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    assert shell("jobs") == 0
    shell("edit", photo, "-p", "the first")
    sandbox.switch(status=500)
    shell("edit", photo, "-p", "the second")
    _, said = shell.json("jobs")
    assert [(job["prompt"], job["status"], job["charge"]) for job in said["jobs"]] == [
        ("the second", "failed", "possible"),
        ("the first", "placed", "none"),
    ]


@pytest.mark.parametrize(
    "arguments", [[], ["edit"], ["edit", "a.png"], ["paint"], ["edit", "a.png", "-p", "x", "--mode"]]
)
def test_a_wrong_command_line_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli_main.main(arguments, {})
    assert caught.value.code == 2


# As a process


def test_the_command_line_works_as_a_module(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    process = python("edit", photo, "-p", "x", "-o", tmp_path / "out.png", "--json", shell=shell)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["exit"] == 0
    assert KEY not in out
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize(("status", "code"), [(401, 3), (503, 4), (504, 5)])
def test_exit_codes_reach_the_shell(
    shell: Shell, sandbox: Sandbox, photo: Path, status: int, code: int
) -> None:
    sandbox.switch(status=status, retry_after="0")
    process = python("edit", photo, "-p", "x", shell=shell)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err


def test_the_sandbox_command_serves_until_ctrl_c(
    shell: Shell, photo: Path, tmp_path: Path, interruptible: dict[str, Any]
) -> None:
    process = python("sandbox", "--switch", "identity", shell=shell, **interruptible)
    assert process.stdout is not None
    name, _, url = process.stdout.readline().strip().partition("=")
    assert name == "VENICE_BASE_URL"
    shell.env["VENICE_BASE_URL"] = url
    assert shell("edit", photo, "-p", "x", "-o", tmp_path / "out.png") == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "out.png")), np.asarray(Image.open(photo)))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
