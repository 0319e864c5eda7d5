"""One exchange over a real connection: what is read of an answer, how long, and which addresses there are."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import run_job
from unit_transport import RawServer

from venice_core.cancellation import Cancel
from venice_core.errors import BadInput, Charge, DownloadFailed, NoConnection, ServerFailure, UnusableAnswer
from venice_core.execution.context import RunContext
from venice_core.execution.inputs import JobInputs
from venice_core.execution.runner import Runner
from venice_core.geometry.rectangles import Bounds
from venice_core.job import Action, Job, Options
from venice_core.network import download
from venice_core.network.messages import File, Request, Response
from venice_core.network.transport import Transport
from venice_core.network.urls import check_url, same_origin
from venice_core.providers.base import Encoded, form_fields
from venice_core.providers.openai.profile import ServiceProfiles
from venice_core.providers.openai.provider import OpenAI
from venice_core.records.entry import ANSWER
from venice_core.records.journal import Journal
from venice_core.secret import Secret

REDIRECT = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\n"
ENDLESS = b"x" * 65536
WHOLE = Bounds(0, 0, 1024, 1024)
PIXELS = np.full((1024, 1024, 4), 255, np.uint8)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RawServer]]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running: list[RawServer] = []

    def start(*parts: bytes, **more: Any) -> RawServer:
        running.append(RawServer(*parts, **more))
        return running[-1]

    yield start
    for server in running:
        server.close()


def exchange(url: str, *, post: bool = True, **limits: Any) -> Response:
    request = Request("POST", url, json={"prompt": "a hat"}) if post else Request("GET", url)
    return Transport(**limits).exchange(request, lambda _: None, Cancel())


# Redirects: the answer is handed on as it came, and no more of it is read than of any other

LOCATIONS = [
    "https://[bad/",
    "https://[::1",
    "http://a b/",
    "//",
    "",
    "https://elsewhere.example/v1",
    "/v1/images/edits",
]


@pytest.mark.parametrize("post", [True, False])
@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_is_an_answer_wherever_it_leads(
    serve: Callable[..., RawServer], location: str, post: bool
) -> None:
    server = serve(REDIRECT % location.encode() + b"Content-Length: 5\r\n\r\nmoved")
    response = exchange(server.url, post=post)
    assert (response.status, response.headers["location"], response.body) == (307, location, b"moved")
    assert len(server.requests) == 1, "it is not followed"


@pytest.mark.parametrize("status", [b"200 OK", b"302 Found", b"307 Temporary Redirect", b"500 Oh"])
@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_without_an_end_is_read_up_to_the_limit(
    serve: Callable[..., RawServer], status: bytes, head: bytes
) -> None:
    start = b"HTTP/1.1 " + status + b"\r\nLocation: /next\r\n" + head + b"\r\n"
    chunk = b"10000\r\n" + ENDLESS + b"\r\n" if head else ENDLESS
    server = serve(start, again=chunk)
    with pytest.raises(UnusableAnswer, match="the response is larger than 3 MiB") as caught:
        exchange(server.url, max_bytes=3 * 2**20)
    assert caught.value.charge is Charge.POSSIBLE
    assert server.stopped.wait(10), "the connection is closed"
    assert server.sent < 40_000_000, "what the system holds back included"


@pytest.mark.parametrize("status", [b"200 OK", b"307 Temporary Redirect"])
def test_a_body_that_is_packed_counts_unpacked(serve: Callable[..., RawServer], status: bytes) -> None:
    packed = gzip.compress(bytes(64 * 2**20))
    head = b"HTTP/1.1 " + status + b"\r\nLocation: /next\r\nContent-Encoding: gzip\r\n"
    server = serve(head + b"Content-Length: %d\r\n\r\n" % len(packed) + packed)
    assert len(packed) < 100_000
    with pytest.raises(UnusableAnswer, match="larger than 2 MiB"):
        exchange(server.url, max_bytes=2 * 2**20)


def test_nothing_packed_is_asked_for(serve: Callable[..., RawServer]) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    exchange(server.url)
    assert b"accept-encoding: identity\r\n" in server.requests[0].lower()


@pytest.mark.parametrize("location", ["https://[bad/", "https://elsewhere.example/v1"])
def test_a_paid_request_that_is_redirected_ends_as_the_servers_failure_and_the_record_says_so(
    tmp_path: Path, serve: Callable[..., RawServer], location: str
) -> None:
    server = serve(REDIRECT % location.encode() + b"X-Request-Id: req-7\r\nContent-Length: 5\r\n\r\nmoved")
    with pytest.raises(ServerFailure) as caught:
        paid(tmp_path, server, Transport())
    assert (caught.value.charge, caught.value.status) == (Charge.POSSIBLE, 307)
    assert caught.value.detail == "a redirect, which is not followed"
    (entry,) = Journal(tmp_path)
    assert (entry.status.value, entry.record["charge"]) == ("failed", "possible")
    assert entry.record["error"] == {
        "kind": "server-failure",
        "detail": "a redirect, which is not followed",
        "status": 307,
        "request_id": "req-7",
    }
    assert len(server.requests) == 1


def test_a_paid_request_whose_redirect_has_no_end_ends_and_the_record_says_so(
    tmp_path: Path, serve: Callable[..., RawServer]
) -> None:
    server = serve(REDIRECT % b"/next" + b"\r\n", again=ENDLESS)
    with pytest.raises(UnusableAnswer, match="larger than 1 MiB"):
        paid(tmp_path, server, Transport(max_bytes=2**20))
    (entry,) = Journal(tmp_path)
    assert (entry.status.value, entry.record["charge"]) == ("failed", "possible")
    assert not (entry.folder / ANSWER).exists()


def paid(folder: Path, server: RawServer, transport: Transport) -> None:
    profile = ServiceProfiles().get("self-hosted")
    assert profile is not None
    provider = OpenAI(Secret("k-0123456789"), f"{server.url}/v1", profile)
    job = Job(Action.EDIT, WHOLE, WHOLE.extent, None, Options(prompt="a hat"))
    runner = Runner(RunContext(provider, provider.key, transport, Journal(folder)))
    run_job(runner, job, JobInputs(PIXELS.tobytes()), lambda _: None, Cancel())


# How long a whole answer may take


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"Transfer-Encoding: chunked\r\n", b"1\r\nx\r\n"),
        (b"Content-Length: 1000000\r\n", b"x"),
        (b"", b"x"),
    ],
    ids=["in chunks", "of a known length", "of no known length"],
)
def test_an_answer_that_drips_takes_no_longer_than_it_may(
    serve: Callable[..., RawServer], head: bytes, drop: bytes
) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n", again=drop, pause=0.02, seconds=2.5)
    begin = time.monotonic()
    with pytest.raises(UnusableAnswer, match="the response took longer than"):
        exchange(server.url, post=False, whole=0.3)
    assert time.monotonic() - begin < 1.5


def test_a_picture_that_drips_is_given_up(
    serve: Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "WHOLE_SECONDS", 0.3)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(head, again=b"1\r\nx\r\n", pause=0.02, seconds=2.5)
    with pytest.raises(DownloadFailed, match="took longer than"):
        download.fetch(f"{server.url}/a.png", Cancel(), local=True)
    assert len(server.requests) == 1, "asked for once"


def test_an_answer_in_time_is_whole(serve: Callable[..., RawServer]) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", b"abc", b"def", pause=0.05)
    assert exchange(server.url, whole=20.0).body == b"abcdef"


# Addresses


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.example/v1", "https://api.example/v1"),
        (" https://api.example/v1/ ", "https://api.example/v1"),
        ("https://api.example:8443", "https://api.example:8443"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://localhost/v1", "http://localhost/v1"),
        ("http://[::1]:1/v1", "http://[::1]:1/v1"),
    ],
)
def test_an_address_is_kept_without_what_ends_it(url: str, kept: str) -> None:
    assert check_url(url) == kept


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.example", "ftp://api.example", "https://", "https:///v1", "https://[bad/v1"),
        *("https://api.example/v1?key=1", "https://api.example/v1#x", "https://api.example?"),
        *("https://user@api.example/v1", "https://user:pw@api.example/v1", "https://@api.example"),
        *("https://api.example:0/v1", "https://api.example:65536/v1", "https://api.example:port/v1"),
    ],
)
def test_what_is_no_address_of_a_service_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="is not the address of a service"):
        check_url(url)


@pytest.mark.parametrize("url", ["http://api.example/v1", "http://192.168.0.7/v1", "http://127.1/v1"])
def test_beyond_this_machine_only_what_is_encrypted_is_an_address(url: str) -> None:
    with pytest.raises(BadInput, match="is not encrypted"):
        check_url(url)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/v1", "https://a.example/v2/more", True),
        ("https://a.example/v1", "HTTPS://A.Example", True),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://b.example", False),
        ("https://a.example", "https://a.example.b.example", False),
        ("https://a.example", "https://a.example:444", False),
        ("https://a.example", "", False),
        ("", "", True),
    ],
)
def test_two_addresses_are_of_one_server_or_not(one: str, other: str, same: bool) -> None:
    assert same_origin(one, other) is same_origin(other, one) is same


# Parts of a body


@pytest.mark.parametrize(
    ("media_type", "filename"), [("image/png", "image-1.png"), ("image/jpeg", "image-1.jpeg")]
)
def test_a_picture_is_a_file_named_after_its_format(media_type: str, filename: str) -> None:
    file = Encoded(b"data", media_type).file("image[]", "image-1")
    assert file == File("image[]", filename, b"data", media_type)


def test_fields_of_a_multipart_body_are_texts() -> None:
    fields = {"a": "x", "n": 2, "sharp": True, "plain": False, "strength": 0.5}
    assert form_fields(fields) == (
        *(("a", "x"), ("n", "2"), ("sharp", "true")),
        *(("plain", "false"), ("strength", "0.5")),
    )


# Proxies


class Socks:
    """A SOCKS 5 proxy that lets nobody through, but hears where they want to go: RFC 1928."""

    def __init__(self, reply: int) -> None:
        self.wanted: list[tuple[bytes, int]] = []
        self.said = b""
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as connection, connection.makefile("rwb") as stream:
            _, methods = stream.read(2)
            stream.read(methods)
            stream.write(b"\5\0")
            stream.flush()
            *_, kind = stream.read(4)
            host = stream.read(stream.read(1)[0] if kind == 3 else 4)
            self.wanted.append((host, int.from_bytes(stream.read(2), "big")))
            stream.write(bytes((5, self._reply, 0, 1, 0, 0, 0, 0, 0, 0)))
            stream.flush()
            self.said = b"" if self._reply else stream.read(1)


@pytest.mark.parametrize("reply", [0, 5])
def test_a_socks_proxy_is_used(monkeypatch: pytest.MonkeyPatch, reply: int) -> None:
    proxy = Socks(reply)
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"socks5h://{proxy.address}")
    with pytest.raises(NoConnection) as caught:
        exchange("https://service.invalid/v1")
    assert proxy.wanted == [(b"service.invalid", 443)], "it looks up the name, not this machine"
    assert "SOCKS support" not in caught.value.detail
    assert "object at" not in caught.value.detail
    if reply == 0:
        assert proxy.said == b"\x16", "TLS goes through it"


def test_this_machine_is_reached_without_a_proxy(
    serve: Callable[..., RawServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "socks5h://127.0.0.1:1")
    server = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert exchange(server.url).body == b"ok"
