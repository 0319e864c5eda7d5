"""What a service in OpenAI's manner answers under 200: pictures in every form, links, and nothing."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from contract_ways import GROK, OPENAI, OWN, RELAY, RunThread, Scripted, Shell, opened, reply
from PIL import Image
from support import posts

from venice_core.cli import pictures
from venice_core.errors import Cancelled, Charge
from venice_core.execution.runner import Runner
from venice_core.network import retry
from venice_core.network.messages import Request, Response
from venice_core.network.transport import Transport
from venice_core.records.entry import ANSWER, COVERAGE, PICTURE, SOURCE
from venice_core.sandbox import Sandbox

JSON = "Content-Type: application/json"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.png"


@pytest.fixture
def openai(shell: Shell, sandbox: Sandbox) -> Shell:
    """The command line beside the sandbox's OpenAI."""
    shell.choose(OPENAI, sandbox.url_for(OPENAI))
    return shell


@pytest.fixture
def generate(openai: Shell, out: Path) -> Callable[..., tuple[int, Any]]:
    """Its exit code, and its only result or error."""
    return lambda *more: openai.result("generate", "-p", "a hat", "--quality", "low", "-o", out, *more)


def png(color: tuple[int, int, int]) -> str:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def links(shell: Shell) -> list[str]:
    """Those in the answer that was kept."""
    return [entry["url"] for entry in json.loads((shell.job.folder / ANSWER).read_bytes())["data"]]


def fetched(sandbox: Sandbox) -> list[Any]:
    return [seen for seen in sandbox.requests if seen.path.startswith("/files/")]


# Forms


@pytest.mark.covers("Tests of the dialects: answers and links")
@pytest.mark.parametrize(
    ("answer", "file_format"),
    [
        ("b64_json", "png"),
        ("b64_json", "webp"),
        ("data_uri", "png"),
        ("data_uri", "jpeg"),
        ("url", "jpeg"),
        ("url", "webp"),
    ],
)
def test_a_picture_is_taken_from_whatever_form_it_comes_in(
    openai: Shell, sandbox: Sandbox, photo: Path, answer: str, file_format: str
) -> None:
    sandbox.switch(answer=answer, format=file_format)
    code, result = openai.result("edit", photo, "-p", "a hat", "--quality", "low")
    assert code == 0
    after, before = opened(Path(result["output"]).read_bytes()), opened(photo.read_bytes())
    assert after.shape == before.shape
    assert abs(after.astype(int) - before).max(axis=-1).min() >= 15
    assert len(posts(sandbox)) == 1
    assert len(fetched(sandbox)) == (answer == "url")
    assert openai.job.record["status"] == "placed"


@pytest.mark.covers("Tests of the dialects: answers and links")
@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("link", ["same_host", "other_host", "redirect"])
@pytest.mark.parametrize("profile", [OPENAI, GROK, OWN], indirect=True)
def test_a_link_is_followed_without_the_key_and_kept_before_it_is_used(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, link: str
) -> None:
    sandbox.switch(answer="url", link=link)
    assert shell("edit", photo, "-p", "a hat") == 0
    (posted,), gets = posts(sandbox), fetched(sandbox)
    assert "Authorization" in posted.headers
    assert len(gets) == (2 if link == "redirect" else 1)
    for get in gets:
        assert get.method == "GET"
        assert not {"Authorization", "Cookie", "Referer"} & set(get.headers)
    (url,) = links(shell)
    assert ("localhost" in url) == (link == "other_host" or (link == "redirect" and profile == GROK))
    file = (shell.job.folder / PICTURE.format(1)).read_bytes()
    assert file == requests.get(url, timeout=10).content
    assert file[:3] == {OPENAI: b"\x89PN", OWN: b"\x89PN", GROK: b"\xff\xd8\xff"}[profile]


@pytest.mark.usefixtures("small_answers")
def test_a_service_is_not_asked_to_send_links_but_grok_relay_does(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path
) -> None:
    assert shell("generate", "-p", "a hat", "-o", out) == 0
    assert len(fetched(sandbox)) == (profile == GROK)


@pytest.mark.parametrize(
    "entry",
    [
        {"b64_json": png((0, 99, 0))},
        {"b64_json": None, "url": f"data:image/png;base64,{png((0, 99, 0))}"},
        {"url": None, "b64_json": f"data:image/png;base64,{png((0, 99, 0))}", "revised_prompt": None},
        {"b64_json": "\n".join([png((0, 99, 0))[:60], png((0, 99, 0))[60:]])},
        {"url": "/files/x.png"},
        {"b64_json": "http://HOST/files/x.png"},
        {"b64_json": png((0, 99, 0)).rstrip("=").replace("+", "-").replace("/", "_")},
        {"b64_json": "?", "url": "/files/x.png"},
    ],
    ids=[
        *("bare", "data URI in url", "data URI in b64_json", "wrapped", "relative link", "link in b64_json"),
        *("URL-safe without padding", "broken beside a link"),
    ],
)
def test_the_two_fields_may_hold_what_belongs_into_the_other(
    openai: Shell, out: Path, entry: dict[str, Any]
) -> None:
    picture = base64.b64decode(png((0, 99, 0)))

    def answer(head: bytes) -> bytes:
        if head.startswith(b"GET "):
            return reply("200 OK", picture, "Content-Type: image/png")
        body = json.dumps({"data": [entry]}).replace("HOST", server.origin.removeprefix("http://"))
        return reply("200 OK", body.encode(), JSON)

    with Scripted(answer, gets=True) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        assert openai("generate", "-p", "a hat", "-o", out) == 0
        assert sum(head.startswith(b"POST ") for head in server.heads) == 1
    assert opened(out.read_bytes())[0, 0, :3].tolist() == [0, 99, 0]


@pytest.mark.parametrize("told", ["a red hat", "a\n red \x1b\u202e hat\x00"])
def test_what_the_service_made_of_the_prompt_is_said_in_one_line(openai: Shell, out: Path, told: str) -> None:
    body = json.dumps({"data": [{"b64_json": png((9, 9, 9)), "revised_prompt": told}]}).encode()
    with Scripted(lambda _: reply("200 OK", body, JSON)) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        assert openai("generate", "-p", "a hat", "-o", out) == 0
    assert "The service rewrote the prompt: “a red hat”" in openai.err
    assert openai.job.record["facts"]["enhanced_prompt"] == "a red hat"


# How many


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("answer", ["b64_json", "url"])
def test_each_of_several_is_a_result(generate: Any, openai: Shell, sandbox: Sandbox, answer: str) -> None:
    sandbox.switch(answer=answer)
    code, result = generate("--variations", 3)
    assert (code, len(result["variations"]), len(posts(sandbox))) == (0, 3, 1)
    assert result["warnings"] == []
    kept = {path.name for path in openai.job.folder.glob("picture-*.bin")}
    assert kept == ({"picture-1.bin", "picture-2.bin", "picture-3.bin"} if answer == "url" else set())


@pytest.mark.parametrize(
    ("data", "count"),
    [
        ([{"b64_json": png((1, 2, 3))}], 1),
        ([{}, {"b64_json": png((1, 2, 3))}, {"b64_json": "?"}], 1),
        ([{"b64_json": png((1, 2, 3))}, None, {"b64_json": png((4, 5, 6))}], 2),
        ([{"b64_json": png((1, 2, 3))}, {"b64_json": png((4, 5, 6))[:80]}], 1),
        ([{"b64_json": png((1, 2, 3))}, {"url": "/no-such.png"}], 1),
    ],
)
def test_fewer_than_asked_for_are_kept_and_the_missing_ones_said(
    generate: Any, openai: Shell, out: Path, data: list[Any], count: int
) -> None:
    body = json.dumps({"created": 1, "data": data}).encode()
    with Scripted(lambda _: reply("200 OK", body, JSON)) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        code, result = generate("--variations", 3)
        assert len(server.heads) == 1
    assert (code, len(result["variations"])) == (0, count)
    assert len(list(out.parent.glob("out-*.png"))) == count
    assert f"Only {count} of the 3 requested images" in " ".join(result["warnings"])
    assert openai.job.record["charge"] == "charged"


@pytest.mark.parametrize("more", ["b64_json", "url"])
def test_more_than_asked_for_stay_in_the_jobs_folder(openai: Shell, out: Path, more: str) -> None:
    """What else it links to is not even fetched."""
    further = {"b64_json": png((99, 0, 0)), "url": "/x.png"}[more]
    body = json.dumps({"data": [{"b64_json": png((0, 99, 0))}, {more: further}]}).encode()
    with Scripted(lambda _: reply("200 OK", body, JSON), gets=True) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        code, result = openai.result("generate", "-p", "a hat", "-o", out)
        assert [head[:4] for head in server.heads] == [b"POST"]
    assert (code, result["failed"]) == (0, [])
    assert not [warning for warning in result["warnings"] if "pictures" in warning or "fetched" in warning]
    assert opened(out.read_bytes())[0, 0, :3].tolist() == [0, 99, 0]
    assert (openai.job.folder / ANSWER).read_bytes() == body


# No picture in it


@pytest.mark.covers("Tests of the dialects: answers and links")
@pytest.mark.parametrize(
    ("garbage", "words"),
    [
        ("no_images", "a response without an image"),
        ("empty_entry", "a response without an image"),
        ("error_200", "The picture could not be made"),
        ("bad_images", "damaged or incomplete PNG"),
        ("truncated", ""),
        ("json", "The picture could not be made"),
        ("text", "I cannot help with that picture"),
        ("html", "Just a moment"),
        ("empty", "a response without an image"),
    ],
)
def test_an_answer_without_a_picture_may_have_been_charged_and_is_not_asked_for_again(
    openai: Shell, sandbox: Sandbox, photo: Path, garbage: str, words: str
) -> None:
    sandbox.switch(garbage=garbage)
    code, result = openai.result("edit", photo, "-p", "a hat", "--quality", "low")
    error = result["error"]
    assert (code, error["kind"], error["charge"]) == (5, "unusable-answer", "possible")
    assert "You may have been charged" in error["message"]
    assert words in error["message"]
    assert error["message"].isprintable()
    assert len(posts(sandbox)) == 1
    assert (openai.job.folder / ANSWER).exists()
    assert (openai.job.record["status"], openai.job.record["charge"]) == ("failed", "possible")
    assert not photo.with_name("cat-edited.png").exists()


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("garbage", ["no_images", "empty_entry", "error_200"])
@pytest.mark.parametrize("profile", [GROK, RELAY, OWN], indirect=True)
def test_that_holds_for_every_service(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path, garbage: str
) -> None:
    sandbox.switch(garbage=garbage)
    code, result = shell.result("generate", "-p", "a hat", "-o", out)
    assert (code, result["error"]["kind"], result["error"]["charge"]) == (5, "unusable-answer", "possible")
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b'{"data": null}',
        b'{"data": {}}',
        b'{"data": [[]]}',
        b'{"data": [{"url": 7}]}',
        b"[" * 9999,
    ],
)
def test_json_of_any_other_shape_is_no_picture(openai: Shell, out: Path, body: bytes) -> None:
    with Scripted(lambda _: reply("200 OK", body, JSON)) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        code, result = openai.result("generate", "-p", "a hat", "-o", out)
        assert len(server.heads) == 1
    assert (code, result["error"]["kind"], result["error"]["charge"]) == (5, "unusable-answer", "possible")


# Links that lead nowhere


@pytest.mark.covers("Other outcomes: unfetched", "Tests of the dialects: answers and links")
@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("expired", "the link has expired"),
        ("gone", "the link has expired or does not lead to an image"),
        ("redirect_away", "the link is not encrypted (http), so it was not followed"),
        ("huge", "the response is larger than 64 MiB"),
    ],
)
@pytest.mark.parametrize("profile", [OPENAI], indirect=True)
def test_a_picture_that_cannot_be_fetched_is_told_and_its_link_kept(
    shell: Shell, sandbox: Sandbox, profile: str, photo: Path, link: str, words: str
) -> None:
    sandbox.switch(answer="url", link=link)
    code, result = shell.result("edit", photo, "-p", "a hat", "--quality", "low")
    error = result["error"]
    assert (code, error["kind"]) == (5, "unfetched")
    assert words in error["message"]
    assert "The link is kept in the job's folder" in error["message"]
    assert (len(posts(sandbox)), len(fetched(sandbox))) == (1, 1)
    (url,) = links(shell)
    assert url.startswith("http://127.0.0.1:")
    assert not (shell.job.folder / PICTURE.format(1)).exists()
    assert shell.job.record["status"] == "failed"
    assert shell.job.record["answer"]["status"] == 200


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x.png",
        "http://me:pw@127.0.0.1/x.png",
        "https://127.0.0.1\\@files.example/x.png",
        "https://files.example@/x.png",
        "https://fil es.example/x.png",
        "https://files%2eexample/x.png",
        "https:///x.png",
    ],
)
def test_a_link_that_is_none_is_not_followed(openai: Shell, out: Path, url: str) -> None:
    body = json.dumps({"data": [{"url": url}]}).encode()
    with Scripted(lambda _: reply("200 OK", body, JSON)) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        code, result = openai.result("generate", "-p", "a hat", "-o", out)
        assert len(server.heads) == 1
    assert (code, result["error"]["kind"]) == (5, "unfetched")
    assert "the link is not the address of an image" in result["error"]["message"]
    assert links(openai) == [url]


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "[fe80::1]", "[fd00::1]"),
        *("[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "[2001::1]"),
    ],
)
def test_a_link_from_here_into_another_private_network_is_not_followed(
    openai: Shell, out: Path, host: str
) -> None:
    """A service on this machine may link to what is on it, and to the open internet."""
    body = json.dumps({"data": [{"url": f"https://{host}/x.png"}]}).encode()
    with Scripted(lambda _: reply("200 OK", body, JSON)) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        code, result = openai.result("generate", "-p", "a hat", "-o", out)
    assert (code, result["error"]["kind"]) == (5, "unfetched")
    assert "the link leads into a private network" in result["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ((), "the link redirects without an address"),
        (("Location: https://[x/",), "the link redirects to an invalid address"),
        (("Location: /x.png",), "the link redirects too many times"),
        (("Location: https://10.0.0.1/x.png",), "into a private network"),
    ],
)
def test_a_link_that_leads_on_to_no_picture_says_so(
    openai: Shell, out: Path, headers: tuple[str, ...], words: str
) -> None:
    def answer(head: bytes) -> bytes:
        if head.startswith(b"GET "):
            return reply("302 Found", b"elsewhere", *headers)
        return reply("200 OK", b'{"data": [{"url": "/x.png"}]}', JSON)

    with Scripted(answer, gets=True) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        code, result = openai.result("generate", "-p", "a hat", "-o", out)
    error = result["error"]
    assert (code, error["kind"], error["charge"]) == (5, "unfetched", "charged")
    assert words in error["message"]
    assert f"job {openai.job.id}" in error["message"]


@pytest.mark.parametrize(("lost", "kept"), [(True, True), (False, False)])
def test_what_was_paid_for_and_is_not_there_keeps_what_it_was_made_from(
    openai: Shell, photo: Path, mask: Path, lost: bool, kept: bool
) -> None:
    """So that it can still be put in place by hand."""
    data = [{"url": "/x.png"}] if lost else []
    body = json.dumps({"data": data}).encode()
    with Scripted(lambda _: reply("200 OK", body, JSON)) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        assert openai("edit", photo, "-p", "a hat", "--mask", mask) == 5
    assert openai.job.record["charge"] == ("charged" if lost else "possible")
    assert [(openai.job.folder / name).exists() for name in (SOURCE, COVERAGE)] == [kept, kept]
    assert (openai.job.folder / ANSWER).read_bytes() == body


def test_who_cancels_while_a_picture_is_fetched_hears_that_it_was_charged(home: Path) -> None:
    begun, over = threading.Event(), threading.Event()

    def answer(head: bytes) -> bytes:
        if head.startswith(b"GET "):
            begun.set()
            over.wait(20)
        return reply("200 OK", b'{"data": [{"url": "/x.png"}]}', JSON)

    with Scripted(answer, gets=True) as server:
        attempt = RunThread(home, f"{server.origin}/v1", np.full((816, 816, 3), 90, np.uint8), profile=OPENAI)
        attempt.start()
        assert begun.wait(20)
        attempt.cancel.set()
        attempt.finish()
        over.set()
    assert isinstance(attempt.error, Cancelled)
    assert attempt.error.charge is Charge.CHARGED
    assert attempt.outcomes == [("cancelled", "charged")]
    assert (attempt.entry.folder / ANSWER).exists()


def test_what_nobody_thought_of_while_sending_is_in_the_record(
    openai: Shell, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exchange(*_: object) -> None:
        raise RuntimeError("never seen before")

    monkeypatch.setattr(Transport, "exchange", exchange)
    code, result = openai.result("edit", photo, "-p", "a hat")
    error = result["error"]
    assert (code, error["kind"], error["charge"]) == (error["exit"], "error", "possible")
    assert "RuntimeError: never seen before" in error["message"]
    record = openai.job.record
    assert (record["status"], record["charge"], record["error"]["kind"]) == ("failed", "possible", "error")


def test_what_cannot_be_fetched_was_charged(openai: Shell, out: Path) -> None:
    body = json.dumps({"data": [{"url": "/x.png"}], "usage": {"total_tokens": 3}}).encode()
    with Scripted(lambda _: reply("200 OK", body, JSON)) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        code, result = openai.result("generate", "-p", "a hat", "-o", out)
    error = result["error"]
    assert (code, error["kind"], error["charge"], error["status"]) == (5, "unfetched", "charged", 404)
    assert "You were charged." in error["message"]
    assert openai.job.record["charge"] == "charged"


@pytest.mark.parametrize(
    "switches",
    [
        {"status": 503, "retry_after": "0"},
        {"status": 429, "retry_after": "0"},
        {"status": 500},
        {"status": 502},
        {"drop": "after_body"},
    ],
)
def test_a_link_costs_nothing_and_is_tried_again(
    generate: Any, sandbox: Sandbox, switches: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BACKOFF", 0.05)
    sandbox.switch(answer="url", size="96x64")
    sandbox.switch(**switches, path=".png", times=1)
    assert generate()[0] == 0
    assert (len(posts(sandbox)), len(fetched(sandbox))) == (1, 2)


@pytest.mark.usefixtures("small_answers")
def test_of_several_links_one_that_is_dead_does_not_cost_the_others(
    generate: Any, openai: Shell, sandbox: Sandbox
) -> None:
    sandbox.switch(answer="url")
    sandbox.switch(status=404, path=".png", times=1)
    code, result = generate("--variations", 2)
    assert (code, len(result["variations"])) == (0, 1)
    assert "Only 1 of the 2 requested images" in " ".join(result["warnings"])
    assert "An image could not be downloaded: the link has expired" in " ".join(result["warnings"])
    assert [path.name for path in openai.job.folder.glob("picture-*.bin")] == ["picture-2.bin"]


@pytest.mark.parametrize(
    ("garbage", "words"),
    [("html", "Just a moment"), ("truncated", "damaged or incomplete PNG"), ("empty", "empty")],
)
def test_a_link_to_what_is_no_picture_is_no_usable_answer_and_what_came_is_kept(
    generate: Any, openai: Shell, sandbox: Sandbox, garbage: str, words: str
) -> None:
    sandbox.switch(answer="url")
    sandbox.switch(garbage=garbage, path=".png")
    code, result = generate()
    assert (code, result["error"]["kind"]) == (5, "unusable-answer")
    assert words in result["error"]["message"]
    assert (openai.job.folder / PICTURE.format(1)).exists()
    assert len(posts(sandbox)) == 1


# Facts


def test_what_was_counted_is_in_the_jobs_record(openai: Shell, sandbox: Sandbox, photo: Path) -> None:
    code, result = openai.result("edit", photo, "-p", "a hat", "--quality", "low")
    assert code == 0
    answer = json.loads((openai.job.folder / ANSWER).read_bytes())
    facts = openai.job.record["facts"]
    assert facts == result["facts"]
    assert facts["usage"] == answer["usage"]
    counted = answer["usage"]["input_tokens_details"]
    output = answer["usage"]["output_tokens"]
    cost = (5 * counted["text_tokens"] + 8 * counted["image_tokens"] + 30 * output) / 1e6
    assert facts["cost_usd"] == pytest.approx(cost, abs=1e-6)
    assert facts["cost_usd"] > 0
    assert facts["request_id"].startswith("req_")
    assert facts["sandbox"] is True


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("profile", [GROK, RELAY, OWN], indirect=True)
def test_without_known_prices_what_was_counted_is_kept_and_no_cost_made_up(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path
) -> None:
    assert shell("generate", "-p", "a hat", "-o", out) == 0
    facts = shell.job.record["facts"]
    assert facts["cost_usd"] is None
    tokens = {GROK: "generated_images", RELAY: "input_tokens"}
    if profile == OWN:
        assert facts["usage"] is None
    else:
        assert tokens[profile] in facts["usage"]


@pytest.mark.usefixtures("small_answers")
def test_a_result_of_the_sandbox_says_that_it_is_one(
    shell: Shell, sandbox: Sandbox, profile: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []

    class Watched(Runner):
        def run(self, *args: Any, **kwargs: Any) -> Any:
            made = super().run(*args, **kwargs)
            names.extend(result.name for result in made.results)
            return made

    monkeypatch.setattr(pictures, "Runner", Watched)
    assert shell("generate", "-p", "a hat", "-o", out) == 0
    assert len(names) == 1
    assert names[0].startswith("a hat · ")
    assert names[0].endswith("sandbox, no AI")


def test_an_answer_from_elsewhere_that_says_it_is_of_a_sandbox_is_not_believed(
    shell: Shell, sandbox: Sandbox, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a service could be paid and never be counted."""
    address = "https://images.example/v1"

    class Elsewhere(Transport):
        def exchange(self, request: Request, *others: Any) -> Response:
            here = request.url.replace(address, sandbox.url_for(OPENAI))
            return super().exchange(replace(request, url=here), *others)

    monkeypatch.setattr(pictures, "Transport", Elsewhere)
    shell.choose(OPENAI, address)
    code, result = shell.result("generate", "-p", "a hat", "-o", out)
    assert (code, len(posts(sandbox))) == (0, 1)
    assert shell.job.record["answer"]["headers"]["x-venice-sandbox"] == "true"
    assert (shell.job.record["charge"], result["facts"]["sandbox"]) == ("charged", False)


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        ({"a": 1, "b": {"c": 2, "d": {"e": 3}}}, {"a": 1, "b": {"c": 2}}),
        ({"a": float("nan"), "b": float("inf"), "c": True, "d": [1], "e": 0.5}, {"e": 0.5}),
        ({"a\nb": 1, "c": 10**400}, {"a b": 1}),
        ([1, 2], None),
    ],
)
def test_of_what_was_counted_only_numbers_are_kept(openai: Shell, out: Path, usage: Any, kept: Any) -> None:
    body = json.dumps({"data": [{"b64_json": png((1, 2, 3))}], "usage": usage}).encode()
    with Scripted(lambda _: reply("200 OK", body, JSON)) as server:
        openai.choose(OPENAI, f"{server.origin}/v1")
        assert openai("generate", "-p", "a hat", "-o", out) == 0
    assert openai.job.record["facts"]["usage"] == kept
