"""Pictures behind links: which links are followed, how far, and what is said of those that are not."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit_transport import PNG, FakeTransport, answer

from venice_core.cancellation import Cancel
from venice_core.error_messages import sentence
from venice_core.errors import (
    Cancelled,
    Charge,
    DownloadFailed,
    LostConnection,
    NoConnection,
    UnusableAnswer,
    VeniceError,
)
from venice_core.network import download
from venice_core.network.download import MAX_BYTES, MAX_REDIRECTS, fetch
from venice_core.network.messages import Request, Response
from venice_core.network.transport import Transport
from venice_core.network.urls import is_public
from venice_core.progress import OnProgress, Progress

LINK = "https://files.example/a.png"
PUBLIC = "93.184.216.34"
ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|.*:.*")

Names = dict[str, list[str]]


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str], names: Names | None = None) -> list[str]:
    """What names lead to: each look-up takes the next answer, the last one for good. Returns who asked."""
    waiting, asked = list(answers), []

    def look_up(host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if ADDRESS.fullmatch(name):
            found = [name]
        elif names and name in names:
            found = names[name]
        else:
            asked.append(name)
            found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if not found:
            raise socket.gaierror(-2, "Name or service not known")
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                *(socket.SOCK_STREAM, 6, ""),
                (address, port or 0, 0, 0) if ":" in address else (address, port or 0),
            )
            for address in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.fixture(autouse=True)
def public_names(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, [PUBLIC])


def get(
    url: str = LINK, *steps: Response | VeniceError, local: bool = False, cancel: Cancel | None = None
) -> tuple[bytes, list[Request]]:
    transport = FakeTransport(*(steps or [answer()]))
    return fetch(url, cancel or Cancel(), local=local, transport=transport), transport.requests


def refused(url: str, *, local: bool = False) -> DownloadFailed:
    """The error for a link that is not even asked for."""
    transport = FakeTransport(answer())
    with pytest.raises(DownloadFailed) as caught:
        fetch(url, Cancel(), local=local, transport=transport)
    assert not transport.requests
    return caught.value


# Which addresses are of the open internet


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("127.0.0.1", False),
        ("127.8.9.10", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("172.31.255.255", False),
        ("172.32.0.1", True),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # where clouds tell a machine its keys
        ("100.64.0.1", False),  # behind a carrier's NAT
        ("100.127.255.255", False),
        ("100.128.0.1", True),
        ("198.18.0.1", False),
        ("203.0.113.5", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fd12:3456::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        # an IPv4 address within an IPv6 one: mapped, NAT64, 6to4
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:100.64.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::127.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("2002:c0a8:101::1", False),
        ("2002:a9fe:a9fe::", False),
        ("2002:5db8:d822::", True),
        ("2001:0:5db8:d822::1", False),  # Teredo
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("::ffff:0:5db8:d822", False),  # SIIT
        ("::5db8:d822", False),  # IPv4-compatible
        ("64:ff9b:1::5db8:d822", False),  # a network's own NAT64
        ("100::1", False),
        ("1fff::1", False),
        ("2003::1", True),
        ("4000::1", False),
        ("5f00::1", False),
        ("fec0::1", False),
        ("", False),
        ("files.example", False),
        ("127.1", False),
        ("0x7f000001", False),
        ("[::1]", False),
    ],
)
def test_an_address_is_public_or_not(address: str, public: bool) -> None:
    assert is_public(address) is public


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_does_not_make_it_public(address: Any) -> None:
    number = int(address)
    wrapped = [f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"]
    assert {is_public(each) for each in wrapped} == {is_public(str(address))}


# Which links are followed


def test_a_link_is_fetched_without_a_key() -> None:
    data, (request,) = get()
    assert data == PNG
    assert (request.method, request.url, bool(request.key)) == ("GET", LINK, False)
    assert (request.fields, request.files, request.json) == ((), (), None)


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/a.png",
        "http://93.184.216.34/a.png",
        "http://localhost/a.png",
        "http://127.0.0.1:8080/a.png",
    ],
)
def test_what_is_not_encrypted_is_not_followed(url: str) -> None:
    assert "not encrypted (http)" in refused(url).detail


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.png",
        "/a.png",
        "//files.example/a.png",
        "https://",
        "https:///a.png",
        "ftp://files.example/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "https://user:password@files.example/a.png",
        "https://user@files.example/a.png",
        "https://files.example@10.0.0.1/a.png",
        "https://files.example:99999/a.png",
        "https://files.example:port/a.png",
        "https://[::1/a.png",
        "https://[bad]/a.png",
        "https://@files.example/a.png",
        "https://files.example@/a.png",
        "https://a@b@files.example/a.png",
        "https://user:@files.example:443/a.png",
        "https://files.example%2f@10.0.0.1/a.png",
        "https://10.0.0.1\\@files.example/a.png",
        "https://10.0.0.1\\.files.example/a.png",
        "https://files.example%00/a.png",
        "https://files example/a.png",
        "https://files.example%2e/a.png",
        "https://füles.example/a.png",
        "https://①②⑦.0.0.1/a.png",
        "https://127。0。0。1/a.png",
        "https://files.example,10.0.0.1/a.png",
        "https://[fe80::1%25eth0]/a.png",
    ],
)
@pytest.mark.parametrize("local", [False, True])
def test_what_is_no_address_of_a_picture_is_not_followed(url: str, local: bool) -> None:
    said = refused(url, local=local).detail
    assert said in ("the link is not the address of an image", "the link is malformed")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.0.1:8443",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[2002:a00:1::]",
        "0.0.0.0",
    ],
)
def test_an_address_within_a_private_network_is_not_followed(host: str) -> None:
    assert "into a private network" in refused(f"https://{host}/a.png").detail


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.100.100.200"],
        ["::ffff:192.168.0.1"],
        ["fe80::1%2"],
        [PUBLIC, "10.0.0.1"],
        ["10.0.0.1", PUBLIC],
    ],
)
@pytest.mark.parametrize("host", ["files.example", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_a_name_that_leads_into_a_private_network_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], host: str
) -> None:
    asked = resolve(monkeypatch, addresses)
    assert f"into a private network ({host})" in refused(f"https://{host}/a.png").detail
    assert asked == [host]


def test_a_name_that_only_a_proxy_knows_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, [])
    assert get()[0] == PNG


# A service on this machine


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/a.png",
        "http://localhost:8080/a.png",
        "http://[::1]:8080/a.png",
        "http://[::ffff:127.0.0.1]/a.png",
        "https://127.0.0.1/a",
    ],
)
def test_a_service_on_this_machine_may_have_its_pictures_here(url: str) -> None:
    assert get(url, local=True)[0] == PNG


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/a",
        "http://192.168.0.7/a",
        "http://localhost.example/a",
        "http://127.0.0.1.nip.io/",
    ],
)
def test_but_no_other_machines_without_encryption(url: str) -> None:
    assert "not encrypted (http)" in refused(url, local=True).detail


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "192.168.0.7:8443", "169.254.169.254", "100.64.0.1", "0.0.0.0", "[::]"),
        *("[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]"),
    ],
)
def test_and_none_elsewhere_in_a_private_network(host: str) -> None:
    assert "into a private network" in refused(f"https://{host}/a.png", local=True).detail


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["127.0.0.1"], [PUBLIC, "::1"]])
def test_nor_by_a_name_that_leads_there(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    resolve(monkeypatch, addresses)
    assert "into a private network" in refused("https://inside.example/a.png", local=True).detail


@pytest.mark.parametrize("url", [LINK, f"https://{PUBLIC}/a.png", "https://[2606:4700:4700::1111]/a.png"])
def test_its_pictures_may_lie_on_the_open_internet(url: str) -> None:
    assert get(url, local=True)[0] == PNG


@pytest.mark.parametrize(
    ("location", "followed"),
    [
        (LINK, True),
        ("http://127.0.0.1:9/b", True),
        ("http://files.example/b", False),
        ("https://10.0.0.1/b", False),
        ("http://10.0.0.1/b", False),
    ],
)
def test_a_redirect_of_a_service_on_this_machine_is_looked_at_likewise(location: str, followed: bool) -> None:
    steps = (answer(302, b"", location=location), answer())
    if followed:
        assert get("http://127.0.0.1:9/a", *steps, local=True)[0] == PNG
    else:
        with pytest.raises(DownloadFailed):
            get("http://127.0.0.1:9/a", *steps, local=True)


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize(
    ("address", "reached"), [(PUBLIC, True), ("127.0.0.1", None), ("::1", None), ("10.0.0.1", False)]
)
def test_what_a_connection_may_lead_to_is_what_a_link_may(
    monkeypatch: pytest.MonkeyPatch, local: bool, address: str, reached: bool | None
) -> None:
    made: list[Any] = []

    class Seen(FakeTransport):
        def __init__(self, **limits: Any) -> None:
            super().__init__(answer())
            made.append(limits["may_reach"])

    monkeypatch.setattr(download, "Transport", Seen)
    fetch(LINK, Cancel(), local=local)
    assert made[0](address) is (local if reached is None else reached)


# At the connection: a name may lead elsewhere the second time


class Plain(Transport):
    """The real one; only that https:// is spoken without TLS, to the port of `server`."""

    server = 0

    def exchange(self, request: Request, on_progress: OnProgress, cancel: Cancel) -> Response:
        parts = urlsplit(request.url)
        here = parts._replace(scheme="http", netloc=f"{parts.hostname}:{self.server}")
        return super().exchange(Request(request.method, urlunsplit(here)), on_progress, cancel)


class Files(ThreadingHTTPServer):
    """A server on loopback that answers as `page` says."""

    def __init__(self, page: Callable[[str], tuple[int, dict[str, str], bytes]]) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        files = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                files.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status, headers, body = page(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.handle_error = lambda *_: None  # type: ignore[method-assign] # who asked may have gone
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Files]]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running: list[Files] = []

    def start(page: Callable[[str], tuple[int, dict[str, str], bytes]] = lambda _: (200, {}, PNG)) -> Files:
        files = Files(page)
        threading.Thread(target=files.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(files)
        monkeypatch.setattr(Plain, "server", files.server_port)
        return files

    yield start
    for files in running:
        files.shutdown()
        files.server_close()


def test_a_name_that_leads_elsewhere_the_second_time_is_stopped_at_the_connection(
    monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Files], no_pauses: list[float]
) -> None:
    files = serve()
    monkeypatch.setattr(download, "Transport", Plain)
    asked = resolve(monkeypatch, [PUBLIC], ["127.0.0.1"])
    with pytest.raises(DownloadFailed, match=r"the host name resolves to 127\.0\.0\.1"):
        fetch(LINK, Cancel())
    assert len(asked) > 1
    assert files.seen == [], "not a byte of the request has left"


def test_a_connection_to_an_address_that_may_be_reached_is_made(serve: Callable[..., Files]) -> None:
    files = serve()
    seen: list[str] = []
    transport = Transport(may_reach=lambda address: not seen.append(address))  # type: ignore[func-returns-value]
    assert fetch(f"{files.url}/a.png", Cancel(), local=True, transport=transport) == PNG
    assert seen == ["127.0.0.1"]


def test_for_a_service_on_this_machine_the_connection_here_is_made(serve: Callable[..., Files]) -> None:
    files = serve()
    assert fetch(f"{files.url}/a.png", Cancel(), local=True) == PNG
    ((path, headers),) = files.seen
    assert path == "/a.png"
    assert not {"authorization", "cookie", "proxy-authorization"} & headers.keys()


# Redirects


def test_redirects_are_followed_to_the_picture_without_a_key() -> None:
    steps = [
        answer(301, b"", location="https://cdn.example/b"),
        answer(302, b"", location="/c?d=1"),
        answer(307, b"", location="e"),
        answer(),
    ]
    data, requests = get(LINK, *steps)
    assert data == PNG
    assert [request.url for request in requests] == [
        *(LINK, "https://cdn.example/b", "https://cdn.example/c?d=1", "https://cdn.example/e")
    ]
    assert not any(request.key for request in requests)


@pytest.mark.parametrize(
    "location",
    [
        "http://files.example/a.png",
        "https://10.0.0.1/a.png",
        "https://[::1]/a.png",
        "https://inside.example/a.png",
        "https://user:pw@files.example/",
        "file:///etc/passwd",
        "http://127.0.0.1:8080/",
        "https://[bad/",
        "https://files.example:99999/",
        "//files.example@10.0.0.1/",
    ],
)
def test_every_redirect_is_looked_at_again(monkeypatch: pytest.MonkeyPatch, location: str) -> None:
    resolve(monkeypatch, [PUBLIC], names={"inside.example": ["10.0.0.1"]})
    transport = FakeTransport(answer(302, b"", location="/b"), answer(302, b"", location=location), answer())
    with pytest.raises(DownloadFailed):
        fetch(LINK, Cancel(), transport=transport)
    assert [request.url for request in transport.requests] == [LINK, "https://files.example/b"]


def test_as_many_redirects_as_are_allowed_are_followed_and_no_more() -> None:
    hops = [answer(302, b"", location=f"/{n}") for n in range(MAX_REDIRECTS + 3)]
    assert get(LINK, *hops[:MAX_REDIRECTS], answer())[0] == PNG
    transport = FakeTransport(*hops)
    with pytest.raises(DownloadFailed, match="the link redirects too many times"):
        fetch(LINK, Cancel(), transport=transport)
    assert len(transport.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize("headers", [{}, {"location": ""}])
@pytest.mark.parametrize("status", [300, 302, 304, 307])
def test_a_redirect_to_nowhere_ends(status: int, headers: dict[str, str]) -> None:
    transport = FakeTransport(answer(status, b"", **headers), answer())
    with pytest.raises(DownloadFailed, match=r"^the link redirects without an address$"):
        fetch(LINK, Cancel(), transport=transport)
    assert len(transport.requests) == 1


# What does not come


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []

    def wait(self: Cancel, seconds: float) -> None:
        waited.append(seconds)
        self.check()

    monkeypatch.setattr(Cancel, "wait", wait)
    return waited


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_link_that_has_expired_is_explained_and_not_asked_for_again(status: int) -> None:
    transport = FakeTransport(answer(status, b"<Error>AccessDenied</Error>"), answer())
    with pytest.raises(DownloadFailed, match="the link has expired") as caught:
        fetch(LINK, Cancel(), transport=transport)
    assert (caught.value.status, caught.value.charge) == (status, Charge.CHARGED)
    assert len(transport.requests) == 1
    assert "You were charged." in sentence(caught.value)
    assert "could not be downloaded" in sentence(caught.value)


@pytest.mark.parametrize(
    ("steps", "asked"),
    [
        ([NoConnection("refused")], 2),
        ([NoConnection("refused"), LostConnection("reset")], 3),
        ([answer(503, b"")], 2),
        ([answer(429, b""), answer(503, b"")], 3),
        *(([answer(status, b"<html>")], 2) for status in (500, 502, 504, 520)),
        ([answer(500, b""), NoConnection("refused")], 3),
    ],
)
def test_asking_costs_nothing_so_it_is_done_again(
    no_pauses: list[float], steps: list[Response | VeniceError], asked: int
) -> None:
    data, requests = get(LINK, *steps, answer())
    assert data == PNG
    assert len(requests) == asked
    assert no_pauses == [0.5, 1.0][: asked - 1]


@pytest.mark.parametrize(
    ("step", "said", "status"),
    [
        (NoConnection("refused"), "refused", None),
        (LostConnection("reset by peer"), "reset by peer", None),
        (answer(503, b""), "the image server is busy", 503),
        (answer(500, b""), "the image server failed", 500),
        (answer(504, b"<html>"), "the image server failed", 504),
    ],
)
def test_after_three_times_it_is_given_up(
    no_pauses: list[float], step: Response | VeniceError, said: str, status: int | None
) -> None:
    transport = FakeTransport(*[step] * 4)
    with pytest.raises(DownloadFailed) as caught:
        fetch(LINK, Cancel(), transport=transport)
    assert len(transport.requests) == 3
    assert (caught.value.detail, caught.value.status) == (said, status)
    assert caught.value.charge is Charge.CHARGED


@pytest.mark.parametrize("status", [400, 418])
def test_another_failure_is_the_file_servers(no_pauses: list[float], status: int) -> None:
    with pytest.raises(DownloadFailed, match="the image server failed") as caught:
        get(LINK, *[answer(status, b"")] * 3)
    assert caught.value.status == status


def test_a_wait_longer_than_anybody_has_is_not_waited() -> None:
    transport = FakeTransport(answer(429, b"", retry_after="3600"), answer())
    with pytest.raises(DownloadFailed, match="busy"):
        fetch(LINK, Cancel(), transport=transport)
    assert len(transport.requests) == 1


def test_what_is_too_large_is_not_taken(monkeypatch: pytest.MonkeyPatch, serve: Callable[..., Files]) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 100_000)
    files = serve(lambda path: (200, {}, bytes(100_000 if path == "/enough" else 100_001)))
    assert len(fetch(f"{files.url}/enough", Cancel(), local=True)) == 100_000
    with pytest.raises(DownloadFailed, match="larger than"):
        fetch(f"{files.url}/large", Cancel(), local=True)
    assert [path for path, _ in files.seen] == ["/enough", "/large"], "asked for once"
    assert MAX_BYTES == 64 * 2**20


def test_an_answer_that_cannot_be_used_is_unfetched_too() -> None:
    with pytest.raises(DownloadFailed, match="too odd"):
        get(LINK, UnusableAnswer("too odd"))


# Cancel: the picture is paid for


class Slow(FakeTransport):
    """Sets or lets go while the first request is under way; then obeys the cancel it was given."""

    def __init__(self, act: Callable[[], None], *steps: Response | VeniceError) -> None:
        super().__init__(*steps)
        self.act = act

    def exchange(self, request: Request, on_progress: OnProgress, cancel: Cancel) -> Response:
        self.act()
        cancel.check()
        return super().exchange(request, on_progress, cancel)


def test_letting_go_does_not_stop_it() -> None:
    before = Cancel()
    before.let_go()
    assert get(cancel=before)[0] == PNG
    during = Cancel()
    assert fetch(LINK, during, transport=Slow(during.let_go, answer())) == PNG


def test_letting_go_does_not_stop_the_repeats_either() -> None:
    cancel = Cancel()
    transport = Slow(cancel.let_go, NoConnection("refused"), answer())
    assert fetch(LINK, cancel, transport=transport) == PNG
    assert len(transport.requests) == 2


def test_stopping_for_good_stops_it() -> None:
    before = Cancel()
    before.set()
    transport = Slow(lambda: None, answer())
    with pytest.raises(Cancelled):
        fetch(LINK, before, transport=transport)
    during = Cancel()
    with pytest.raises(Cancelled):
        fetch(LINK, during, transport=Slow(during.set, answer()))
    assert not transport.requests


def test_stopping_for_good_ends_a_download_that_is_under_way(serve: Callable[..., Files]) -> None:
    cancel, over = Cancel(), threading.Event()

    def page(_: str) -> tuple[int, dict[str, str], bytes]:
        cancel.set()
        over.wait(20)
        return 200, {}, PNG

    files = serve(page)
    begin = time.monotonic()
    try:
        with pytest.raises(Cancelled):
            fetch(f"{files.url}/a.png", cancel, local=True)
        assert time.monotonic() - begin < 10
    finally:
        over.set()


def test_how_far_the_download_is_is_told(serve: Callable[..., Files]) -> None:
    told: list[Progress] = []
    files = serve(lambda _: (200, {"Content-Length": str(len(PNG))}, PNG))
    fetch(f"{files.url}/a.png", Cancel(), local=True, on_progress=told.append)
    assert (told[-1].done, told[-1].total) == (len(PNG), len(PNG))
