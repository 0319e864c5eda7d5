"""One HTTP request at a time: TLS, proxies, upload progress, time limits, and a cancel that is heard.

Nothing here repeats a request or follows a redirect: a POST may cost money. Each request has a fresh
connection.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import ipaddress
import json
import math
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, cast
from urllib.parse import SplitResult, urlsplit

import requests
import truststore
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests_toolbelt import MultipartEncoder

from venice_core.cancel import Cancel
from venice_core.errors import BadInput, Cancelled, Charge, LostConnection, NoConnection, UnusableAnswer
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.settings import Secret
from venice_core.version import VERSION

CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
LAST_SECONDS = 0.2
"""How long the last bytes of a request may take to leave once it is let go of."""
MAX_ANSWER_BYTES = 256_000_000
_CHUNK = 64 * 1024
_USER = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True)
class File:
    """A part of a multipart body."""

    name: str
    filename: str
    data: bytes = field(repr=False)
    media_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Request:
    """A POST of a multipart body (`fields`, `files`) or of `json`; a GET where it has no body."""

    method: str
    url: str
    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    key: Secret = field(default_factory=lambda: Secret(""))
    json: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Response:
    """`headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def check_url(url: str) -> str:
    """The base address without a trailing slash. Raises BadInput for http:// beyond this machine."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        parts = urlsplit("")
    odd = "@" in parts.netloc or "?" in url or "#" in url or not _has_port(parts)
    if parts.scheme not in ("http", "https") or not parts.hostname or odd:
        raise BadInput(f"“{url}” is no address of a service, such as https://api.venice.ai/api/v1.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadInput(f"“{url}” is not encrypted: http:// is for this machine only, use https://.")
    return url.strip().rstrip("/")


def is_local(url: str) -> bool:
    """Whether an address leads to this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses lead to one server."""
    try:
        first, second = urlsplit(one), urlsplit(other)
    except ValueError:
        return False
    return (first.scheme, first.netloc.lower()) == (second.scheme, second.netloc.lower())


def _has_port(parts: SplitResult) -> bool:
    """Whether it has one that can be, or none."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """This machine by name or number; other names that end so may be looked up elsewhere."""
    if host == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    # newer Pythons look at the address within by themselves
    inner = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (inner or ip).is_loopback


class _Bearer(AuthBase):
    """As an auth object, since requests would else put a .netrc entry over the header."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not self._key.sendable:
            raise BadInput(
                "The API key holds characters that no key has, such as a line break: enter it again."
            )
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return request


class _Sockets:
    """The sockets of one exchange, so that another thread can end it.

    `may_reach`: whether one may lead to an IP address; asked before a byte of the request leaves.
    """

    def __init__(self, may_reach: Callable[[str], bool] | None = None) -> None:
        self._may_reach = may_reach
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._ended = False

    def check(self, sock: socket.socket) -> socket.socket:
        """Of one that leads to the server itself. Raises OSError, and closes it, where it must not."""
        address = str(sock.getpeername()[0])
        if self._may_reach is not None and not self._may_reach(address):
            sock.close()
            raise PermissionError(f"the name leads to {address}, which is not reached for this")
        return sock

    def add(self, sock: socket.socket) -> None:
        with self._lock:
            self._open.append(sock)
            ended = self._ended
        if ended:
            self.end()

    def end(self) -> None:
        with self._lock:
            self._ended = True
            sockets = list(self._open)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Late:
    """Ends an exchange that takes longer than it may, in s, however busy it looks."""

    def __init__(self, seconds: float, sockets: _Sockets) -> None:
        self._seconds = seconds
        self._sockets = sockets
        self._over = False
        self._timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._end)
        if seconds < math.inf:
            self._timer.daemon = True
            self._timer.start()

    def _end(self) -> None:
        self._over = True
        self._sockets.end()

    def check(self) -> None:
        if self._over:
            raise UnusableAnswer(f"the answer took longer than {self._seconds:.0f} s")

    def off(self) -> None:
        self._timer.cancel()


class _Session(requests.Session):
    """Without redirects, of which requests would read the whole body only to prepare the next request."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class _Adapter(HTTPAdapter):
    def __init__(self, sockets: _Sockets, context: ssl.SSLContext) -> None:
        self._sockets = sockets
        self._context = context
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self._watch(self.poolmanager, direct=True)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> urllib3.ProxyManager:
        manager = super().proxy_manager_for(*args, ssl_context=self._context, **kwargs)
        self._watch(manager, direct=False)
        return cast("urllib3.ProxyManager", manager)

    def _watch(self, manager: urllib3.PoolManager, *, direct: bool) -> None:
        """`direct`: there is no proxy between. The manager's own pools are kept: SOCKS has others."""
        sockets = self._sockets

        def watched(pool: type[urllib3.HTTPConnectionPool]) -> type[urllib3.HTTPConnectionPool]:
            connection: Any = pool.ConnectionCls

            def new_conn(self: Any) -> socket.socket:  # before anything is said on it, TLS included
                sock = cast("socket.socket", connection._new_conn(self))
                return sockets.check(sock) if direct else sock

            def connect(self: Any) -> None:
                connection.connect(self)
                sockets.add(cast("socket.socket", self.sock))

            own = type(connection.__name__, (connection,), {"_new_conn": new_conn, "connect": connect})
            return cast(
                "type[urllib3.HTTPConnectionPool]", type(pool.__name__, (pool,), {"ConnectionCls": own})
            )

        pools = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: watched(pool) for scheme, pool in pools.items()}


class _Readable(Protocol):
    def read(self, size: int, /) -> Any: ...


class _Upload:
    """A body that tells how far it is. `begun`: a byte may have left; `complete`: all have."""

    def __init__(
        self, body: _Readable, length: int, content_type: str, on_progress: OnProgress, cancel: Cancel
    ) -> None:
        self._body = body
        self._on_progress = on_progress
        self._cancel = cancel
        self.len = length
        self.content_type = content_type
        self.sent = 0
        self.begun = False
        self.complete = False

    @property
    def handed_out(self) -> bool:
        """Whether its last bytes are with the system, though they may not have left."""
        return self.sent >= self.len

    def read(self, size: int = -1) -> bytes:
        self.complete = self.handed_out  # asked for more, so what was handed out has left
        self._cancel.check(sent=self.complete)
        self.begun = True
        chunk = cast("bytes", self._body.read(_CHUNK if size < 0 else max(size, _CHUNK)))
        self._on_progress(Progress(Stage.UPLOADING, self.sent, self.len))
        self.sent += len(chunk)
        if not chunk:
            self._on_progress(Progress(Stage.WAITING))
        return chunk

    @classmethod
    def of(cls, request: Request, on_progress: OnProgress, cancel: Cancel) -> _Upload | None:
        """The request's body; None where it has none."""
        if request.json is not None:
            data = json.dumps(request.json).encode()
            return cls(io.BytesIO(data), len(data), "application/json", on_progress, cancel)
        if request.files or request.fields:
            encoder = MultipartEncoder(_parts(request))
            return cls(encoder, encoder.len, encoder.content_type, on_progress, cancel)
        return None


class _Stop:
    """Ends an exchange as soon as its cancel says so."""

    def __init__(self, cancel: Cancel, upload: _Upload | None, sockets: _Sockets) -> None:
        self._cancel = cancel
        self._upload = upload
        self._sockets = sockets
        self._ended = False

    @property
    def is_due(self) -> bool:
        complete = self._upload is not None and self._upload.complete
        return self._ended or self._cancel.stops(sent=complete)

    def ask(self) -> None:
        """The cancel has changed."""
        if self._upload is None or not self._upload.handed_out or self._cancel.is_set:
            self._end_if_due()
            return
        # in a moment it will have left wholly, and its answer is waited for; or else it hangs
        later = threading.Timer(LAST_SECONDS, self._end_if_due)
        later.daemon = True
        later.start()

    def _end_if_due(self) -> None:
        if self.is_due:
            self._ended = True
            self._sockets.end()


class Transport:
    """Sends one request at a time. `connect` and `read` are time limits in s.

    `max_bytes`: of an answer, and `whole`: how long it may take to arrive, in s. `may_reach`: whether an IP
    address may be connected to, where no proxy is between; by default any.
    """

    def __init__(
        self,
        *,
        connect: float = CONNECT_SECONDS,
        read: float = READ_SECONDS,
        max_bytes: int = MAX_ANSWER_BYTES,
        whole: float = math.inf,
        may_reach: Callable[[str], bool] | None = None,
    ) -> None:
        self._timeouts = (connect, read)
        self._max_bytes = max_bytes
        self._whole = whole
        self._may_reach = may_reach

    def exchange(self, request: Request, on_progress: OnProgress, cancel: Cancel) -> Response:
        """The server's answer, whatever its status.

        Raises NoConnection where the request cannot have been understood (its body was not complete;
        `retryable` where not a byte of it had left), LostConnection where it may have been, Cancelled.
        """
        sockets = _Sockets(self._may_reach)
        upload = _Upload.of(request, on_progress, cancel)
        stop = _Stop(cancel, upload, sockets)
        cancel.on_change(stop.ask)
        cancel.check()
        late = _Late(self._whole, sockets)
        headers = {
            "User-Agent": f"venice-gimp/{VERSION}",
            "Connection": "close",
            "Accept-Encoding": "identity",
        }
        if upload is not None:
            headers["Content-Type"] = upload.content_type
        try:
            with (
                self._session(request.url, sockets) as session,
                session.request(
                    request.method,
                    request.url,
                    data=upload,
                    headers=headers,
                    auth=_Bearer(request.key),
                    timeout=self._timeouts,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                body = self._receive(response, on_progress)
                late.check()  # an answer without a length would seem to have ended
                lower = {name.lower(): value for name, value in response.headers.items()}
                return Response(response.status_code, lower, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            late.check()
            reason, technical = _reason(error), request.key.scrub(_technical(error))
            if stop.is_due:
                raise Cancelled(charge=_charge(upload)) from error
            if upload is None or not upload.complete:
                lost = NoConnection(reason, technical=technical)
                lost.retryable = upload is None or not upload.begun
                raise lost from error
            raise LostConnection(reason, technical=technical) from error
        except Cancelled as error:
            raise Cancelled(charge=_charge(upload)) from error
        finally:
            late.off()

    def _receive(self, response: requests.Response, on_progress: OnProgress) -> bytes:
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isascii() and length.isdigit() else 0
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            on_progress(Progress(Stage.DOWNLOADING, len(body), total))
            if len(body) > self._max_bytes:
                raise UnusableAnswer(f"the answer is larger than {self._max_bytes / 2**20:.0f} MiB")
        return bytes(body)

    def _session(self, url: str, sockets: _Sockets) -> requests.Session:
        session = _Session()
        session.headers.clear()
        session.trust_env = not is_local(url)
        adapter = _Adapter(sockets, truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session


def _charge(upload: _Upload | None) -> Charge:
    return Charge.POSSIBLE if upload is not None and upload.complete else Charge.NONE


def _parts(request: Request) -> Sequence[tuple[str, Any]]:
    return [
        *request.fields,
        *((file.name, (file.filename, file.data, file.media_type)) for file in request.files),
    ]


# What the innermost cause means, in words that can be acted on; the first that fits.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (requests.exceptions.ReadTimeout, "no answer within the time limit"),
    (requests.exceptions.ConnectTimeout, "no connection within the time limit"),
    (socket.gaierror, "the server's name is not known"),
    (ssl.SSLCertVerificationError, "the server's certificate is not trusted"),
    (ssl.SSLError, "no encrypted connection could be made"),
    (http.client.RemoteDisconnected, "the server closed the connection without an answer"),
    (ConnectionRefusedError, "nobody answers at this address"),
    (ConnectionResetError, "the connection was reset"),
    (ConnectionError, "the connection was closed"),
    (http.client.IncompleteRead, "the answer broke off"),
    (TimeoutError, "the time limit was reached"),
)


def _reason(error: BaseException) -> str:
    """What happened, in one line of plain words."""
    causes = list(_causes(error))
    for kind, words in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    innermost = causes[-1]
    if isinstance(innermost, OSError) and not isinstance(innermost, requests.RequestException):
        return innermost.strerror or _first_line(innermost) or "the connection failed"
    return "the connection failed"


def _technical(error: BaseException) -> str:
    """The innermost cause in one line; without what stands before an @ in an address."""
    *_, innermost = _causes(error)
    return ": ".join(filter(None, (type(innermost).__name__, _USER.sub("//***@", _first_line(innermost)))))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")[:300]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """It, and what is behind it, from the outside inwards."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        inner = getattr(seen, "reason", None) or seen.__cause__ or seen.__context__
        if inner is None and seen.args and isinstance(seen.args[-1], BaseException):
            inner = seen.args[-1]
        seen = inner if isinstance(inner, BaseException) else None
