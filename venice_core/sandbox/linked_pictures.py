"""The pictures to which responses link: kept in memory, served without a key."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import repeat

from werkzeug import Request, Response

from venice_core.sandbox.delivery import spoil
from venice_core.sandbox.error_responses import OPENAI, refuse_on_demand
from venice_core.sandbox.rate_limits import Allowance
from venice_core.sandbox.switches import Switches

BASE = "/files/"
KEPT = 64  # pictures, the latest
HUGE = 64 * 1024 * 1024  # bytes; a huge one is longer
AWAY = "http://10.0.0.1/x.png"
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
_EXPIRED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
)


@dataclass(frozen=True)
class _Picture:
    data: bytes = field(repr=False)
    content_type: str
    fate: str | None


class Shelf:
    """The latest pictures by name. `put` and `answer` are thread-safe."""

    def __init__(self) -> None:
        self._pictures: dict[str, _Picture] = {}
        self._lock = threading.Lock()

    def put(self, data: bytes, content_type: str, fate: str | None = None) -> str:
        """Store a picture and return its path; `fate` is the value of the switch `link`."""
        path = f"{BASE}{uuid.uuid4().hex}{_SUFFIXES[content_type]}"
        with self._lock:
            self._pictures[path] = _Picture(data, content_type, fate)
            for oldest in list(self._pictures)[:-KEPT]:
                del self._pictures[oldest]
        return path

    def clear(self) -> None:
        with self._lock:
            self._pictures.clear()

    def answer(self, request: Request, switches: Switches, allowance: Allowance) -> Response:
        """Return the picture at the request's path, or what has become of it."""
        if refusal := refuse_on_demand(switches, allowance, request.url, OPENAI):
            return refusal
        with self._lock:
            picture = self._pictures.get(request.path)
        if picture is None or picture.fate == "gone" or request.method != "GET":
            return Response("Not found", 404, content_type="text/plain; charset=utf-8")
        match picture.fate:
            case "expired":
                return Response(_EXPIRED, 403, content_type="application/xml")
            case "redirect":
                real = self.put(picture.data, picture.content_type)
                return Response("", 302, {"Location": request.host_url.rstrip("/") + real})
            case "redirect_away":
                return Response("", 302, {"Location": AWAY})
            case "huge":
                return Response(_endless(picture.data), 200, content_type=picture.content_type)
        data, content_type = picture.data, picture.content_type
        if switches.garbage:
            data, content_type = spoil(switches.garbage, data, content_type)
        return Response(data, 200, content_type=switches.label or content_type)


def _endless(data: bytes) -> Iterator[bytes]:
    """Yield the picture, followed by more than HUGE bytes."""
    yield data
    yield from repeat(bytes(65_536), HUGE // 65_536 + 1)
