"""The loopback server: it reads uploads, logs requests, and stalls and drops them as the switches say.

In addition to Venice's API under /api/v1 and the dialects under their own paths (`dialects`, with pictures
under /files) it has its own paths: POST and DELETE /_sandbox/switches set (JSON object) and reset the
switches; GET and DELETE /_sandbox/requests list and forget the requests.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import socket
import struct
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from werkzeug import Request, Response
from werkzeug.exceptions import SecurityError
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from venice_core.sandbox import linked_pictures
from venice_core.sandbox.forms import Form, read_form
from venice_core.sandbox.openai import endpoints
from venice_core.sandbox.openai.dialects import DIALECTS, spoken_at
from venice_core.sandbox.rate_limits import Allowance, Traffic
from venice_core.sandbox.request_log import SeenFile, SeenRequest, masked
from venice_core.sandbox.switches import SwitchBoard, Switches
from venice_core.sandbox.venice.catalogue import Catalogue
from venice_core.sandbox.venice.endpoints import BASE, answer
from venice_core.sandbox.venice.errors import ApiError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


KEPT = 256  # requests remembered, the latest
MAX_BODY = 150_000_000  # bytes; more is read, thrown away and answered with 413
HOST = "127.0.0.1"
_log = logging.getLogger(__name__)


class _Request(Request):
    trusted_hosts = [HOST, "localhost"]  # noqa: RUF012 - werkzeug's own attribute; stops DNS rebinding


class _NoAnswerError(ConnectionAbortedError):
    """The connection is to be reset, or the client is gone: no response."""


class _Handler(WSGIRequestHandler):
    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:  # noqa: ARG002
        """Close the connection, with RST if there is no response, regardless of Python's reference count."""
        self.close_connection = True
        if not isinstance(error, _NoAnswerError):
            return
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            socket.close(self.connection.detach())

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: ARG002
        """Log request lines and broken connections to this module's logger at debug level."""
        _log.debug(message, *args)


class _Server(ThreadedWSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        _log.debug("request failed", exc_info=True)

    def log(self, type: str, message: str, *args: Any) -> None:
        _log.log(logging.ERROR if type == "error" else logging.DEBUG, message, *args)


class Sandbox:
    """The server, which listens from `start` (or entering `with`) until `close`.

    `port` 0 selects any free port. `switches` are settings as for `switch`. `catalogue` is a body of /models
    with entries of any type (by default inpaint), which is served and against which models are checked; for
    types without entries, and without a catalogue, the packaged models are used.
    """

    def __init__(
        self,
        port: int = 0,
        switches: Mapping[str, object] | None = None,
        catalogue: Mapping[str, Any] | None = None,
    ) -> None:
        self.requests: list[SeenRequest] = []
        self._port = port
        self._board = SwitchBoard()
        self._board.set(switches or {})
        self._traffic = Traffic()
        self._catalogue = Catalogue.of(catalogue)
        self._shelf = linked_pictures.Shelf()
        self._rays = itertools.count(1)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Venice's base URL, "http://127.0.0.1:PORT/api/v1". Raises RuntimeError if not started."""
        return self._root + BASE

    def url_for(self, dialect: str) -> str:
        """Return the base URL of a dialect, such as "http://127.0.0.1:PORT/openai/v1". Raises ValueError."""
        if dialect not in DIALECTS:
            raise ValueError(f"unknown dialect {dialect!r}; available: {', '.join(DIALECTS)}")
        return self._root + DIALECTS[dialect].base

    @property
    def _root(self) -> str:
        if self._server is None:
            raise RuntimeError("the sandbox is not running")
        return f"http://{HOST}:{self._server.port}"

    def start(self) -> Sandbox:
        """Listen, in a separate thread. Raises OSError if the port is in use."""
        if self._server is None:
            self._closing.clear()
            with socket.create_server((HOST, self._port)) as listener:
                self._server = _Server(HOST, self._port, self._app, _Handler, fd=listener.fileno())
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(0.01,), name="sandbox", daemon=True
            )
            self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening; stalled requests end at once, and their connections are reset."""
        self._closing.set()
        server, thread, self._server, self._thread = self._server, self._thread, None, None
        if server is not None and thread is not None:
            server.shutdown()
            thread.join()

    def serve_forever(self) -> None:
        """Serve until Ctrl-C or until `close` is called from elsewhere, then close and return."""
        self.start()
        try:
            while not self._closing.wait(0.5):
                pass
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    def switch(self, **settings: object) -> None:
        """Set switches (see `switches.TABLE`), optionally with `times` and `path`. Raises ValueError."""
        with self._lock:
            self._board.set(settings)

    def reset(self) -> None:
        """Return to a healthy service that has seen nothing."""
        with self._lock:
            self._board.clear()
            self.requests.clear()
        self._shelf.clear()
        self._traffic.forget()

    def _app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = _Request(environ)
        try:
            trusted = bool(request.host)
        except SecurityError:
            trusted = False
        cut = False
        if not trusted:
            response = Response('{"error":"Not a loopback host"}', 403, content_type="application/json")
        elif request.path.startswith("/_sandbox/"):
            response = self._control(request)
        else:
            response, cut = self._api(request)
        response.headers["x-venice-sandbox"] = "true"
        chunks: Iterable[bytes] = response(environ, start_response)
        return _cut_short(response.get_data()) if cut else chunks

    def _api(self, request: Request) -> tuple[Response, bool]:
        """Return the response, and whether to break it off in the middle."""
        headers = {name: masked(name, value) for name, value in request.headers.items()}
        seen = SeenRequest(request.method, request.path, headers, dict(request.args))
        with self._lock:
            self.requests.append(seen)
            del self.requests[:-KEPT]
            ray = next(self._rays)
            switches = self._board.take(request.method, request.path)
        with self._traffic.passing(request.method, switches) as allowance:
            if allowance.wait is not None:
                switches = replace(switches, stall=0.0)
            if switches.drop == "before_body":
                raise _NoAnswerError
            self._stall(switches, "body")
            body = self._read_body(request, seen)
            form = self._form(request, body, seen) if request.method == "POST" else None
            if switches.drop == "after_body":
                raise _NoAnswerError
            self._stall(switches, "answer")
            response = self._answer(request, form, switches, allowance)
            response.headers["CF-RAY"] = f"{ray:016x}-BOX"
            seen.status = response.status_code
            return response, switches.drop == "in_answer"

    def _answer(
        self, request: Request, form: Form | ApiError | None, switches: Switches, allowance: Allowance
    ) -> Response:
        if dialect := spoken_at(request.path):
            return endpoints.answer(dialect, request, form, switches, allowance, self._shelf)
        if request.path.startswith(linked_pictures.BASE):
            return self._shelf.answer(request, switches, allowance)
        return answer(request, form, switches, self._catalogue, allowance)

    def _stall(self, switches: Switches, moment: str) -> None:
        if switches.stall and switches.stall_at == moment and self._closing.wait(switches.stall):
            raise _NoAnswerError

    def _read_body(self, request: Request, seen: SeenRequest) -> bytes | None:
        """Read the whole upload; None if it exceeds MAX_BODY. Raises _NoAnswerError if the client leaves."""
        stream: IO[bytes] = request.environ["wsgi.input"]
        chunked = request.environ.get("wsgi.input_terminated", False)
        length = None if chunked else request.content_length or 0
        kept = io.BytesIO()
        while length is None or seen.bytes_received < length:
            wanted = 65_536 if length is None else min(65_536, length - seen.bytes_received)
            chunk = stream.read(wanted)
            if not chunk and length is not None:
                raise _NoAnswerError
            if not chunk:
                break
            seen.bytes_received += len(chunk)
            if seen.bytes_received <= MAX_BODY:
                kept.write(chunk)
        seen.complete = True
        return kept.getvalue() if seen.bytes_received <= MAX_BODY else None

    @staticmethod
    def _form(request: Request, body: bytes | None, seen: SeenRequest) -> Form | ApiError:
        if body is None:
            return ApiError(413)
        try:
            form = read_form(request.headers.get("Content-Type", ""), body)
        except ApiError as error:
            return error
        seen.fields |= form.fields
        seen.files = [SeenFile.of(upload) for upload in form.uploads]
        return form

    def _control(self, request: Request) -> Response:
        reply: object = {}
        status = 200
        match request.method, request.path:
            case "POST", "/_sandbox/switches":
                # Only JSON so labeled: a page in a browser cannot send that here unasked.
                settings = request.get_json(silent=True)
                try:
                    if not isinstance(settings, dict):
                        raise ValueError("send a JSON object of switches")
                    self.switch(**settings)
                except ValueError as error:
                    reply, status = {"error": str(error)}, 400
            case "DELETE", "/_sandbox/switches":
                with self._lock:
                    self._board.clear()
            case "GET", "/_sandbox/requests":
                with self._lock:
                    reply = [seen.to_json() for seen in self.requests]
            case "DELETE", "/_sandbox/requests":
                with self._lock:
                    self.requests.clear()
            case _:
                reply, status = {"error": f"Not found: {request.method} {request.path}"}, 404
        return Response(json.dumps(reply), status, content_type="application/json")


def _cut_short(body: bytes) -> Iterable[bytes]:
    yield body[: len(body) // 2]
    raise ConnectionAbortedError  # closed plainly, so that the half before it arrives
