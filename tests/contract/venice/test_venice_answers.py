"""Successes that are not what they should be: mislabeled, spoilt, too few, or hardly a picture."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from contract_ways import GENERATE, GENERATIONS, UPSCALE, Scripted, Shell, opened, paths, reply
from PIL import Image
from support import posts

from venice_core.records.entry import ANSWER
from venice_core.sandbox import Sandbox

FORMS = {
    "one": ("-p", "x"),
    "variants": ("-p", "x", "--variations", "3"),
    "generations": ("-p", "x", "--endpoint", "/images/generations"),
}


def png(color: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Labels and formats


@pytest.mark.covers(
    "Unexpected responses: a format that does not match its label",
    "Every documented case: wrong format label",
)
@pytest.mark.parametrize(
    "switches",
    [
        {"label": "text/html"},
        {"label": "application/json"},
        {"format": "jpeg"},
        {"format": "jpeg", "label": "image/png"},
        {"format": "webp", "label": "image/png"},
        {"format": "png", "label": "image/webp"},
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_picture_is_told_by_its_bytes_and_not_by_its_label(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, form: str, switches: dict[str, str]
) -> None:
    sandbox.switch(**switches)
    assert shell("generate", *FORMS[form], "-o", tmp_path / "out.png") == 0
    made = sorted(tmp_path.glob("out*.png"))
    assert len(made) == (3 if form == "variants" else 1)
    for path in made:
        assert path.read_bytes()[:4] == b"\x89PNG"
        assert opened(path.read_bytes()).shape[:2] == (1024, 1024)


@pytest.mark.covers("Unexpected responses: a format that does not match its label")
@pytest.mark.parametrize("label", ["image/jpeg", "text/plain"])
def test_an_upscaled_picture_with_a_wrong_label_is_placed(
    shell: Shell, sandbox: Sandbox, photo: Path, label: str
) -> None:
    sandbox.switch(label=label, identity=True)
    assert shell("upscale", photo) == 0
    source = np.asarray(Image.open(photo))
    result = np.asarray(Image.open(photo.with_name("cat-upscaled.png")))
    assert np.array_equal(result, source.repeat(2, 0).repeat(2, 1))


@pytest.mark.covers("POST /image/background-remove: image")
def test_a_cutout_without_transparency_is_said(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    sandbox.switch(format="jpeg")
    code, said = shell.json("cutout", photo)
    assert code == 0
    assert "nothing was cut out" in " ".join(said["results"][0]["warnings"])


# Refusals under 200


@pytest.mark.covers("Unexpected responses: an image of about 2 KB: a refusal")
@pytest.mark.parametrize("form", FORMS)
def test_a_picture_of_a_few_bytes_is_said_to_be_hardly_one(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, form: str
) -> None:
    sandbox.switch(refusal=True)
    code, said = shell.json("generate", *FORMS[form], "-o", tmp_path / "out.png")
    assert code == 0
    assert "the service may have refused" in " ".join(said["results"][0]["warnings"])
    assert "the service may have refused" in shell.err


@pytest.mark.covers("Unexpected responses: an image of about 2 KB: a refusal")
def test_an_edit_that_comes_back_as_a_refusal_picture_is_said(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    sandbox.switch(refusal=True)
    code, said = shell.json("edit", photo, "-p", "x")
    assert code == 0
    assert "the service may have refused" in " ".join(said["results"][0]["warnings"])


@pytest.mark.covers("Unexpected responses: an image of about 2 KB: a refusal")
def test_a_small_answer_to_a_small_picture_is_no_refusal(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    Image.new("RGB", (256, 256), (20, 120, 200)).save(tmp_path / "plain.png")
    code, said = shell.json("edit", tmp_path / "plain.png", "-p", "x")
    assert code == 0
    assert (shell.job.folder / ANSWER).stat().st_size < 2000
    assert said["results"][0]["warnings"] == []


# No picture in it


@pytest.mark.covers(
    "Other outcomes: unusable-answer",
    "Unexpected responses: text, HTML, JSON, nothing, half a file",
    "Every documented case: empty 200, truncated body",
)
@pytest.mark.parametrize("garbage", ["text", "empty", "truncated", "json", "html", "no_images", "bad_images"])
@pytest.mark.parametrize("form", FORMS)
def test_an_answer_without_a_usable_picture_may_have_been_charged_and_is_kept(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, form: str, garbage: str
) -> None:
    sandbox.switch(garbage=garbage)
    code, said = shell.json("generate", *FORMS[form], "-o", tmp_path / "out.png")
    assert code == 5
    error = said["results"][0]["error"]
    assert (error["kind"], error["charge"]) == ("unusable-answer", "possible")
    assert "may have been charged" in error["message"]
    assert paths(sandbox) == [GENERATIONS if form == "generations" else GENERATE], "never asked for again"
    assert (shell.job.folder / ANSWER).exists()
    assert not list(tmp_path.glob("out*"))


@pytest.mark.covers("Other outcomes: unusable-answer")
@pytest.mark.parametrize("garbage", ["text", "empty", "truncated", "json", "html"])
@pytest.mark.parametrize("command", ["cutout", "upscale"])
def test_the_same_holds_for_what_is_made_of_a_picture(
    shell: Shell, sandbox: Sandbox, photo: Path, command: str, garbage: str
) -> None:
    sandbox.switch(garbage=garbage)
    code, said = shell.json(command, photo)
    error = said["results"][0]["error"]
    assert (code, error["kind"], error["charge"]) == (5, "unusable-answer", "possible")
    assert len(posts(sandbox)) == 1
    words = {"text": "I cannot help", "json": "could not be made", "html": "Just a moment"}
    assert words.get(garbage, "") in error["message"]


@pytest.mark.covers(
    "Other outcomes: lost-connection", "Every documented case: a connection dropped before the answer"
)
@pytest.mark.parametrize("command", ["cutout", "upscale", "generate"])
@pytest.mark.parametrize("drop", ["after_body", "in_answer"])
def test_a_connection_lost_after_the_upload_may_have_been_charged(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path, command: str, drop: str
) -> None:
    sandbox.switch(drop=drop)
    given = ("-p", "x", "-o", tmp_path / "out.png") if command == "generate" else (photo,)
    code, said = shell.json(command, *given)
    error = said["results"][0]["error"]
    assert (code, error["kind"], error["charge"]) == (5, "lost-connection", "possible")
    assert len(posts(sandbox)) == 1


# Fewer than asked for


@pytest.mark.covers("Unexpected responses: fewer images than requested, or broken ones")
@pytest.mark.parametrize(
    ("images", "count"),
    [
        ([text(png((200, 0, 0))), text(png((0, 200, 0)))], 2),
        ([text(png((200, 0, 0))), "not base64!", text(png((0, 0, 200)))], 2),
        ([text(png((200, 0, 0))), text(png((0, 200, 0))[:60]), text(png((0, 0, 200)))], 2),
        ([None, {"b64": "x"}, text(png((0, 0, 200)))], 1),
    ],
)
def test_the_pictures_that_can_be_used_are_kept_and_the_missing_ones_said(
    shell: Shell, tmp_path: Path, images: list[object], count: int
) -> None:
    body = json.dumps({"id": "x", "images": images, "timing": {"total": 1}}).encode()
    with Scripted(lambda _: reply("200 OK", body, "Content-Type: application/json")) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, said = shell.json("generate", "-p", "x", "--variations", "3", "-o", tmp_path / "out.png")
        assert len(server.heads) == 1
    assert code == 0
    (result,) = said["results"]
    assert len(list(tmp_path.glob("out-*.png"))) == len(result["variations"]) == count
    assert f"Only {count} of the 3 requested images" in " ".join(result["warnings"])
    assert shell.job.record["charge"] == "charged"


@pytest.mark.covers("Unexpected responses: more images than requested")
def test_more_pictures_than_asked_for_do_not_replace_those_that_were(shell: Shell, tmp_path: Path) -> None:
    body = json.dumps({"images": [text(png((0, 99, 0))), text(png((99, 0, 0)))]}).encode()
    with Scripted(lambda _: reply("200 OK", body, "Content-Type: application/json")) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        assert shell("generate", "-p", "x", "-o", tmp_path / "out.png") == 0
    assert opened((tmp_path / "out.png").read_bytes())[0, 0, :3].tolist() == [0, 99, 0]
    assert len(json.loads((shell.job.folder / ANSWER).read_bytes())["images"]) == 2, "the rest is kept"


@pytest.mark.covers("Unexpected responses: data: [{}] in the OpenAI format")
@pytest.mark.parametrize("entry", [{}, {"b64_json": None}, {"url": ""}, {"url": "data:image/png;base64,"}])
def test_an_empty_entry_in_openais_manner_is_no_picture(
    shell: Shell, tmp_path: Path, entry: dict[str, object]
) -> None:
    body = json.dumps({"created": 1, "data": [entry]}).encode()
    with Scripted(lambda _: reply("200 OK", body, "Content-Type: application/json")) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        given = ("-p", "x", "--endpoint", "/images/generations", "-o", tmp_path / "out.png")
        code, said = shell.json("generate", *given)
    assert (code, said["results"][0]["error"]["kind"]) == (5, "unusable-answer")


@pytest.mark.covers("Unexpected responses: a different size or shape")
def test_an_answer_of_another_size_is_upscaled_all_the_same(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    """A service that lowers the scale says so only by the picture."""
    sandbox.switch(size="676x450")
    assert shell("upscale", photo, "--scale", 4) == 0
    assert paths(sandbox) == [UPSCALE]
    assert Image.open(photo.with_name("cat-upscaled.png")).size == (676, 450)
