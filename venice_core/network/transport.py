"""Send one HTTP request at a time: TLS, proxies, upload progress, time limits and cancellation.

Nothing is repeated and no redirect is followed here, because a POST may cost money. Each request has a new
connection.
"""

from __future__ import annotations

import http.client
import math
import re
import socket
import ssl
from collections.abc import Callable, Iterator

import requests
import truststore
import urllib3

from venice_core.cancellation import Cancel
from venice_core.errors import Cancelled, Charge, LostConnection, NoConnection, UnusableAnswer
from venice_core.network.connections import Adapter, BearerAuth, Deadline, Session, Sockets
from venice_core.network.messages import Request, Response
from venice_core.network.upload import CHUNK, Stop, Upload
from venice_core.network.urls import is_local
from venice_core.progress import OnProgress, Progress, Stage
from venice_core.version import VERSION

CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
MAX_ANSWER_BYTES = 256_000_000
_USER = re.compile(r"//[^/@\s]*@")


class Transport:
    """Sends one request at a time.

    `connect`, `read` and `whole` are time limits in s: for connecting, between two bytes, and for the whole
    response, which may have `max_bytes`. `may_reach` tells whether an IP address may be connected to without
    a proxy; by default any may.
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
        """Return the server's response, whatever its status.

        Raises NoConnection if the server cannot have processed the request because its body was incomplete
        (`retryable` if not a byte of it was sent), LostConnection if it may have, and Cancelled.
        """
        sockets = Sockets(self._may_reach)
        upload = Upload.of(request, on_progress, cancel)
        stop = Stop(cancel, upload, sockets)
        cancel.on_change(stop.ask)
        cancel.check()
        late = Deadline(self._whole, sockets)
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
                    auth=BearerAuth(request.key),
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
        for chunk in response.iter_content(CHUNK):
            body += chunk
            on_progress(Progress(Stage.DOWNLOADING, len(body), total))
            if len(body) > self._max_bytes:
                raise UnusableAnswer(f"the response is larger than {self._max_bytes / 2**20:.0f} MiB")
        return bytes(body)

    def _session(self, url: str, sockets: Sockets) -> requests.Session:
        session = Session()
        session.headers.clear()
        session.trust_env = not is_local(url)
        adapter = Adapter(sockets, truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session


def _charge(upload: Upload | None) -> Charge:
    return Charge.POSSIBLE if upload is not None and upload.complete else Charge.NONE


# What the innermost cause means, in words that can be acted on; the first that fits.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (requests.exceptions.ReadTimeout, "no response within the time limit"),
    (requests.exceptions.ConnectTimeout, "no connection within the time limit"),
    (socket.gaierror, "the server's name could not be resolved"),
    (ssl.SSLCertVerificationError, "the server's certificate is not trusted"),
    (ssl.SSLError, "an encrypted connection could not be established"),
    (http.client.RemoteDisconnected, "the server closed the connection without responding"),
    (ConnectionRefusedError, "nothing is listening at this address"),
    (ConnectionResetError, "the connection was reset"),
    (ConnectionError, "the connection was closed"),
    (http.client.IncompleteRead, "the response was cut off"),
    (TimeoutError, "the time limit was exceeded"),
)


def _reason(error: BaseException) -> str:
    """Describe what happened in one line, in plain words."""
    causes = list(_causes(error))
    for kind, words in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    innermost = causes[-1]
    if isinstance(innermost, OSError) and not isinstance(innermost, requests.RequestException):
        return innermost.strerror or _first_line(innermost) or "the connection failed"
    return "the connection failed"


def _technical(error: BaseException) -> str:
    """Return the innermost cause in one line, without credentials in addresses."""
    *_, innermost = _causes(error)
    return ": ".join(filter(None, (type(innermost).__name__, _USER.sub("//***@", _first_line(innermost)))))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")[:300]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes, from the outermost to the innermost."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        inner = getattr(seen, "reason", None) or seen.__cause__ or seen.__context__
        if inner is None and seen.args and isinstance(seen.args[-1], BaseException):
            inner = seen.args[-1]
        seen = inner if isinstance(inner, BaseException) else None
