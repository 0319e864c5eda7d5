"""Connections that another thread can end, and that send the key nowhere else."""

from __future__ import annotations

import contextlib
import math
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from venice_core.errors import BadInput, UnusableAnswer
from venice_core.secret import Secret


class BearerAuth(AuthBase):
    """The authorization header as an auth object, because requests would replace it by a .netrc entry."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if not self._key.sendable:
            raise BadInput("The API key contains invalid characters, such as a line break: enter it again.")
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return request


class Sockets:
    """The sockets of one exchange, so that another thread can end it.

    `may_reach` tells whether an IP address may be connected to. It is asked before a byte of the request is
    sent.
    """

    def __init__(self, may_reach: Callable[[str], bool] | None = None) -> None:
        self._may_reach = may_reach
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._ended = False

    def check(self, sock: socket.socket) -> socket.socket:
        """Return a direct connection if its address is allowed; otherwise close it and raise OSError."""
        address = str(sock.getpeername()[0])
        if self._may_reach is not None and not self._may_reach(address):
            sock.close()
            raise PermissionError(f"the host name resolves to {address}, which is not allowed here")
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


class Deadline:
    """Ends an exchange that takes longer than allowed, in s, even if it makes progress."""

    def __init__(self, seconds: float, sockets: Sockets) -> None:
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
            raise UnusableAnswer(f"the response took longer than {self._seconds:.0f} s")

    def off(self) -> None:
        self._timer.cancel()


class Session(requests.Session):
    """A session without redirects; requests would read the whole body just to prepare the next request."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


class Adapter(HTTPAdapter):
    """Opens connections that are recorded in `Sockets`."""

    def __init__(self, sockets: Sockets, context: ssl.SSLContext) -> None:
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
        """Make a pool manager use watched connections, `direct` if there is no proxy.

        The manager's own pool classes are extended, because SOCKS has different ones.
        """
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
