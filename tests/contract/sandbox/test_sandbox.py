"""The sandbox by itself: a server on loopback that answers side by side and remembers what it was asked."""

from __future__ import annotations

import base64
import importlib
import socket
import sys
import threading

import pytest
import requests
from PIL import Image
from sandbox_talk import (
    CUTOUT,
    EDIT,
    GOOD,
    IMAGE,
    KEY,
    MULTI,
    TIMEOUT,
    ask,
    edit,
    edit_in_background,
    encoded,
    get,
    photo,
    send,
)

from venice_core.sandbox import Sandbox


@pytest.mark.parametrize(
    ("method", "path"), [("GET", EDIT), ("POST", "/images/edits"), ("GET", "/nowhere"), ("PUT", EDIT)]
)
def test_anything_else_is_a_404_in_json(sandbox: Sandbox, method: str, path: str) -> None:
    response = requests.request(method, sandbox.url + path, headers=KEY, timeout=TIMEOUT)
    assert response.status_code == 404
    assert response.json()["error"]


def test_every_answer_says_that_it_is_the_sandbox(sandbox: Sandbox) -> None:
    sandbox.switch(status=502, path=CUTOUT)
    answers = [
        edit(sandbox),
        edit(sandbox, model="no-such-model"),
        send(sandbox, CUTOUT),
        get(sandbox, "/models"),
        get(sandbox, "/nowhere"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 502, 200, 404]
    assert {answer.headers["x-venice-sandbox"] for answer in answers} == {"true"}


# What it remembers


def test_requests_are_remembered_with_their_pictures(sandbox: Sandbox) -> None:
    mask = Image.new("L", (320, 256), 255)
    send(sandbox, MULTI, photo(), mask, prompt="a café", safe_mode="true")
    ask(sandbox, EDIT, image="data:image/png;base64," + IMAGE, prompt="a café")
    root = sandbox.url.removesuffix("/api/v1") + "/_sandbox/requests"
    multi, single = requests.get(root, timeout=TIMEOUT).json()
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
    assert requests.get(root, timeout=TIMEOUT).json() == []


def test_a_refused_request_is_remembered_too(sandbox: Sandbox) -> None:
    edit(sandbox, color="pink")
    assert sandbox.requests[0].status == 400
    assert sandbox.requests[0].fields["color"] == "pink"


def test_a_key_is_neither_stored_nor_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = "vnk-0123456789abcdef"
    headers = {"Authorization": f"Bearer {secret}", "Cookie": secret}
    requests.post(sandbox.url + EDIT, json=GOOD[EDIT], headers=headers, timeout=TIMEOUT)
    requests.get(sandbox.url + "/models", headers={"Authorization": "Bearer vnk"}, timeout=TIMEOUT)
    root = sandbox.url.removesuffix("/api/v1")
    assert secret[4:] not in requests.get(root + "/_sandbox/requests", timeout=TIMEOUT).text
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
    response = requests.get(sandbox.url + "/models", headers={"Host": "evil.example"}, timeout=TIMEOUT)
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
    assert requests.get(url + "/models", timeout=TIMEOUT).status_code == 200
    sandbox.close()
    foreground.join(5)
    assert not foreground.is_alive()
    with pytest.raises(requests.ConnectionError):
        requests.get(url + "/models", timeout=5)
    with sandbox:
        assert get(sandbox, "/models").status_code == 200


def test_requests_are_answered_side_by_side(sandbox: Sandbox) -> None:
    sandbox.switch(stall=20, times=1)
    stalled, failures = edit_in_background(sandbox)
    assert edit(sandbox).status_code == 200
    assert stalled.is_alive()
    sandbox.close()
    stalled.join(5)
    assert len(failures) == 1
