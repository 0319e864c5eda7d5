"""Download the pictures to which an answer links; they have already been paid for.

A link comes from a server and is not trusted: no key is sent, only https is allowed, no address in a private
network, every redirect is checked, and no more bytes are read than a picture can have.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urljoin, urlsplit

from venice_core.cancellation import Cancel, Paid
from venice_core.errors import Busy, Cancelled, DownloadFailed, ServerFailure, VeniceError
from venice_core.network.lookup import look_up
from venice_core.network.messages import Request, Response
from venice_core.network.transport import Transport
from venice_core.network.urls import is_loopback, is_public
from venice_core.progress import OnProgress

MAX_BYTES = 64 * 2**20
MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
WHOLE_SECONDS = 300.0
"""Time limit for a whole picture."""
_EXPIRED = (401, 403, 404, 410)
_HOST = re.compile(r"[A-Za-z0-9._:-]+")


class _FileHost:
    """Interprets the refusals of a file server."""

    def is_busy(self, response: Response) -> bool:
        return response.status in (429, 503)

    def failure(self, response: Response) -> VeniceError:
        if response.status in _EXPIRED:
            return DownloadFailed("the link has expired or does not lead to an image", status=response.status)
        if self.is_busy(response):
            return Busy("the image server is busy", status=response.status)
        kind = (
            ServerFailure if response.status >= 500 else DownloadFailed
        )  # the one may go over, the other not
        return kind("the image server failed", status=response.status)


def fetch(
    url: str,
    cancel: Cancel,
    *,
    local: bool = False,
    on_progress: OnProgress = lambda _: None,
    transport: Transport | None = None,
) -> bytes:
    """Download a file. Raises DownloadFailed, and Cancelled only if everything is to end.

    With `local`, the service itself runs on this machine, and its pictures may as well.
    """
    transport = transport or Transport(
        connect=CONNECT_SECONDS,
        read=READ_SECONDS,
        max_bytes=MAX_BYTES,
        whole=WHOLE_SECONDS,
        may_reach=lambda address: is_public(address) or (local and is_loopback(address)),
    )
    paid = Paid(cancel)
    for _ in range(1 + MAX_REDIRECTS):
        _check(url, local=local)
        try:
            response = look_up(
                Request("GET", url), _FileHost(), paid, transport, enough=400, on_progress=on_progress
            )
        except (Cancelled, DownloadFailed):
            raise
        except VeniceError as error:
            raise DownloadFailed(error.detail, status=error.status) from error
        if response.status < 300:
            return response.body
        url = _next(url, response.headers.get("location", ""))
    raise DownloadFailed("the link redirects too many times")


def _next(url: str, location: str) -> str:
    if not location:
        raise DownloadFailed("the link redirects without an address")
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise DownloadFailed("the link redirects to an invalid address") from error


def _check(url: str, *, local: bool) -> None:
    """Raise DownloadFailed for a link that must not be followed."""
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
        _ = parts.port
        if "[" in parts.netloc:
            ipaddress.IPv6Address(host)  # which urlsplit looks at only since Python 3.11.4
    except ValueError as error:
        raise DownloadFailed("the link is malformed") from error
    here = local and is_loopback(host)
    # who reads what else a host may hold differently would go elsewhere
    if not _HOST.fullmatch(host) or "@" in parts.netloc or scheme not in ("https", "http"):
        raise DownloadFailed("the link is not the address of an image")
    if scheme == "http" and not here:
        raise DownloadFailed("the link is not encrypted (http), so it was not followed")
    if not here and not all(is_public(address) for address in _addresses(host)):
        raise DownloadFailed(f"the link leads into a private network ({host}), so it was not followed")


def _addresses(host: str) -> list[str]:
    """Return the addresses of a host; none if the name is unknown here, since a proxy may know it."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []
