"""Every refusal as one clear sentence: what it is about, the server's own words, and what it cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract_ways import EDIT, Scripted, Shell, paths, reply
from support import posts

from venice_core.sandbox import Sandbox

Offering = Callable[..., Sandbox]

SHAPES = ("text", "request_id", "object", "details_text", "no_issues", "empty", "plain", "html")
BARE = SHAPES[5:]

# status -> kind, exit code, charge, words of the server's, in any shape that is JSON
KINDS = {
    400: ("invalid-request", 3, "none", "Invalid request parameters"),
    401: ("bad-key", 3, "none", "Authentication failed"),
    402: ("no-funds", 3, "none", "Insufficient USD or Diem balance"),
    403: ("forbidden", 3, "none", "restricted from accessing this endpoint"),
    404: ("unknown-model", 3, "none", "Specified model not found"),
    410: ("unknown-model", 3, "none", "has been retired"),
    413: ("too-large", 3, "none", "payload is too large"),
    415: ("invalid-request", 3, "none", "Invalid request content-type"),
    422: ("policy", 3, "unknown", "violates the content policy"),
    429: ("busy", 4, "none", "Rate limit exceeded"),
    500: ("server-failure", 5, "possible", "Inference processing failed"),
    502: ("server-failure", 5, "possible", "Bad gateway"),
    503: ("busy", 4, "none", "at capacity"),
    504: ("server-failure", 5, "possible", "Gateway time-out"),
    520: ("server-failure", 5, "possible", "Web server error"),
    524: ("server-failure", 5, "possible", "A timeout occurred"),
}
# what is not JSON was not written by the service itself: a gateway, a proxy, another address
BESIDE = {
    **{(404, shape): ("not-found", 3, "none") for shape in BARE},
    **{(503, shape): ("server-failure", 5, "possible") for shape in BARE},
    **dict.fromkeys(((401, "html"), (403, "html"), (403, "empty")), ("intercepted", 3, "none")),
    (413, "html"): ("too-large-on-the-way", 3, "none"),
}
ABOUT_KEYS = ("bad-key", "key-unseen", "forbidden", "private-only", "no-funds", "intercepted")


def failed(shell: Shell, photo: Path) -> dict[str, Any]:
    """The error of an edit that fails, whose message is one line on standard error."""
    code, said = shell.json("edit", photo, "-p", "x")
    error: dict[str, Any] = said["results"][0]["error"]
    assert code == error["exit"] != 0
    message = error["message"]
    assert shell.err == f"{photo}: {message}\n"
    assert message.isprintable()
    assert "<" not in message
    assert "{" not in message
    assert "  " not in message
    assert "API key" not in message or error["kind"] in ABOUT_KEYS
    assert ("charged" in message) or error["charge"] == "none"
    return error


@pytest.mark.covers(
    "Every documented case: wrong content type, invalid",
    "Every documented case: 500, 503, 504; HTML 502, 524",
)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", KINDS)
def test_every_status_in_every_shape_is_one_clear_sentence(
    shell: Shell, sandbox: Sandbox, photo: Path, status: int, shape: str
) -> None:
    kind, code, charge, words = KINDS[status]
    kind, code, charge = BESIDE.get((status, shape), (kind, code, charge))
    sandbox.switch(status=status, shape=shape, retry_after="0")
    error = failed(shell, photo)
    assert (error["kind"], error["exit"], error["charge"]) == (kind, code, charge)
    assert error["status"] == status
    assert f"HTTP {status}" in error["message"]
    assert (words in error["message"]) == (shape != "empty")
    assert paths(sandbox) == [EDIT] * (2 if kind == "busy" else 1)
    assert error["request_id"] == ("sandbox-request-1" if shape == "request_id" else error["request_id"])
    assert error["request_id"]
    assert (shell.job.record["charge"], shell.job.record["error"]["kind"]) == (charge, kind)


@pytest.mark.parametrize("shape", ["text", "details_text", "no_issues"])
def test_what_is_wrong_with_a_field_is_said_by_its_name(
    shell: Shell, sandbox: Sandbox, photo: Path, shape: str
) -> None:
    sandbox.switch(status=400, shape=shape)
    assert "prompt: Refused by a switch of the sandbox" in failed(shell, photo)["message"]


@pytest.mark.covers(
    "How a model's entry: regionRestrictions",
    "Refusals: 402 | balance",
    "Refusals: 403 | the key",
    "Refusals: 403 | the model",
    "Refusals: 413, or 422 that mentions pixels",
    "Every documented case: content policy: 422, before",
    "Every documented case: three kinds of 402",
    "Every documented case: three kinds of 429",
)
@pytest.mark.parametrize(
    ("status", "switch", "kind", "words"),
    [
        (402, "balance", "no-funds", "Insufficient USD or Diem balance"),
        (402, "spending_limit", "no-funds", "exceeded its spending limit"),
        (402, "accepts", "key-unseen", "Payment required"),
        (422, "prompt", "policy", "Your prompt violates"),
        (403, "privacy", "private-only", "listed as private"),
        (403, "region", "not-in-region", "not available in your region"),
        (422, "result", "policy", "generated image was blocked"),
        (422, "pixels", "too-large", "Image dimensions exceed"),
        (429, None, "busy", "Rate limit exceeded"),
        (429, "overload", "busy", "model is overloaded"),
        (429, "failures", "busy", "Too many failed attempts"),
    ],
)
def test_the_kinds_of_a_status_are_told_apart_by_the_servers_words(
    shell: Shell, sandbox: Sandbox, photo: Path, status: int, switch: str | None, kind: str, words: str
) -> None:
    sandbox.switch(status=status, kind=switch, retry_after="0")
    error = failed(shell, photo)
    assert error["kind"] == kind
    assert words in error["message"]


# Not about the key


@pytest.mark.covers("Refusals: 401 | mentions", "Every documented case: admin-only: 401")
def test_a_model_for_a_higher_access_level_is_not_a_wrong_key(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    shell.env["VENICE_API_KEY"] = "admin-only-1"
    error = failed(shell, photo)
    assert (error["kind"], error["status"]) == ("forbidden", 401)
    assert "did not accept the API key" not in error["message"]
    assert "higher access level" in error["message"]
    assert "Use another model" in error["message"]


@pytest.mark.covers("Refusals: 402 | with", "Every documented case: no Authorization: 402")
def test_a_key_that_never_arrived_is_not_an_empty_account(
    shell: Shell, sandbox: Sandbox, photo: Path
) -> None:
    sandbox.switch(status=402, kind="accepts")
    error = failed(shell, photo)
    assert error["kind"] == "key-unseen"
    assert "balance" not in error["message"]
    assert "received no API key" in error["message"]


@pytest.mark.covers("Refusals: 404 | any")
@pytest.mark.parametrize("path", ["/api/v2", "/v1"])
def test_a_wrong_address_is_not_an_unknown_model(
    shell: Shell, sandbox: Sandbox, photo: Path, path: str
) -> None:
    shell.env["VENICE_BASE_URL"] = sandbox.url.replace("/api/v1", path)
    error = failed(shell, photo)
    assert (error["kind"], error["status"]) == ("not-found", 404)
    assert "environment variable" in error["message"]
    assert "model" not in error["message"].lower()


@pytest.mark.covers("Refusals: 404 | any")
def test_a_page_that_is_not_found_is_a_wrong_address(shell: Shell, photo: Path) -> None:
    page = b"<html><title>404 Not Found</title><body>no such page</body></html>"
    with Scripted(lambda _: reply("404 Not Found", page, "Content-Type: text/html")) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        error = failed(shell, photo)
    assert error["kind"] == "not-found"
    assert "404 Not Found" in error["message"]


@pytest.mark.covers(
    "Refusals: 404 | JSON that mentions a model", "Every documented case: 404 and 410 of models"
)
def test_an_unknown_model_is_named_by_the_service(shell: Shell, sandbox: Sandbox, photo: Path) -> None:
    code, said = shell.json("edit", photo, "-p", "x", "--model", "no-such-model")
    error = said["results"][0]["error"]
    assert (code, error["kind"]) == (3, "unknown-model")
    assert "Specified model not found: no-such-model" in error["message"]


# The same for every command


@pytest.mark.parametrize("command", ["cutout", "upscale", "generate"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 415, 422, 429, 500, 503, 524])
def test_every_command_tells_the_same(
    shell: Shell, sandbox: Sandbox, photo: Path, tmp_path: Path, command: str, status: int
) -> None:
    kind, code, charge, words = KINDS[status]
    sandbox.switch(status=status, retry_after="0")
    given = ("-p", "x", "-o", tmp_path / "out.png") if command == "generate" else (photo,)
    exit_code, said = shell.json(command, *given)
    error = said["results"][0]["error"]
    assert (exit_code, error["kind"], error["charge"]) == (code, kind, charge)
    assert words in error["message"]
    assert len(posts(sandbox)) == (2 if kind == "busy" else 1)


# Bodies that nobody documented


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message":"Something else"}', "Something else"),
        (b'{"detail":"Something else"}', "Something else"),
        (b'{"error":{"message":"Something else","type":"x"}}', "Something else"),
        (b'{"error":{"code":"E17"}}', "E17"),
        (b'{"error":null}', ""),
        (b'["Something else"]', "Something else"),
        (b"null", ""),
        (b'{"error":"' + b"long " * 500 + b'"}', "long long"),
        (b"\xff\xfe\x00\x01binary\x00", ""),
        (b'{"error":"a\\nb\\u0000c"}', "a b"),
        (b"[" * 5000, ""),
    ],
)
def test_a_body_of_another_shape_is_a_sentence_too(
    shell: Shell, photo: Path, body: bytes, words: str
) -> None:
    with Scripted(lambda _: reply("400 Bad Request", body, "Content-Type: application/json")) as server:
        shell.env["VENICE_BASE_URL"] = server.url
        code, said = shell.json("edit", photo, "-p", "x")
    error = said["results"][0]["error"]
    assert (code, error["kind"]) == (3, "invalid-request")
    assert words in error["message"]
    assert len(error["message"]) < 700
    assert "\n" not in error["message"]
