"""The switches that make the sandbox misbehave, each set by text, keyword or JSON.

They apply to Venice's endpoints and to the dialects of OpenAI's API alike, where they make sense.

A setting applies to every POST until it is reset; with `times`, to that many, and with `path`, to requests of
any method whose path ends with it; `balances` and `styles` apply to every GET, too. Later settings override
earlier ones.

What a key may do depends on its own text instead. No key: 402 (GETs that need one: 401). A key that begins
with "bad": 401; with "admin-only": 401, a higher access level is needed; with "restricted": 403. Only one
that begins with "admin" may read /billing/balance. Any other key is good. The dialects respond with 401
without a key, or need none. What a model may do depends on its entry in the catalogue: `"offline": true` 503,
a past `deprecation.removesAt` 410.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

Size = tuple[int, int]
MOST_SHIFT, MOST_ZOOM, MOST_DEGREES = 256.0, 2.0, 90.0


class Move(NamedTuple):
    """Zoom and clockwise rotation about the center, then a shift in px, applied before `size`."""

    x: float
    y: float
    zoom: float = 1.0
    degrees: float = 0.0


@dataclass(frozen=True)
class Switches:
    """What applies to one request; by default, a healthy service."""

    identity: bool = False
    drift: bool = False
    move: Move | None = None
    blurred: bool = False
    violation: str = ""
    deprecated: bool = False
    refusal: bool = False
    served: str | None = None
    policy: bool = False
    status: int | None = None
    kind: str | None = None
    shape: str | None = None
    retry_after: str | None = None
    reset_format: str = "ms"
    at_once: int | None = None
    rate: int | None = None
    redirect: str | None = None
    drop: str | None = None
    stall: float = 0.0
    stall_at: str = "answer"
    garbage: str | None = None
    size: Size | None = None
    fit: str = "stretch"
    format: str | None = None
    label: str | None = None
    answer: str | None = None
    link: str | None = None
    balances: str = "both"
    styles: str = "object"


_DEFAULTS: Mapping[str, Any] = vars(Switches())


@dataclass(frozen=True)
class Switch:
    """A row of the table: how its text is parsed and what it does."""

    parse: Callable[[str], Any]
    values: str
    meaning: str


def _flag(text: str) -> bool:
    try:
        return {"true": True, "1": True, "": True, "false": False, "0": False}[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def _violation(text: str) -> str:
    if text.lower() == "first":
        return "first"
    return "all" if _flag(text) else ""


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return text

    return parse


def _status(text: str) -> int:
    if not 300 <= (status := int(text)) <= 599:
        raise ValueError("must be 300 to 599")
    return status


def _seconds(text: str) -> float:
    if not 0 <= (seconds := float(text)) < math.inf:
        raise ValueError("must be a number of seconds, 0 or more")
    return seconds


def _count(text: str) -> int:
    if (count := int(text)) < 1:
        raise ValueError("must be 1 or more")
    return count


def _move(text: str) -> Move:
    numbers = [float(number) for number in text.split(",")]
    if not 2 <= len(numbers) <= 4:
        raise ValueError("must be two to four numbers")
    move = Move(*numbers)
    if not (abs(move.x) <= MOST_SHIFT and abs(move.y) <= MOST_SHIFT):
        raise ValueError(f"must not shift by more than {MOST_SHIFT:g} px")
    if not (1 / MOST_ZOOM <= move.zoom <= MOST_ZOOM and abs(move.degrees) <= MOST_DEGREES):
        raise ValueError(f"must not zoom by more than {MOST_ZOOM:g} or turn by more than {MOST_DEGREES:g}°")
    return move


def _size(text: str) -> Size:
    width, _, height = text.partition("x")
    size = int(width), int(height)
    if not all(1 <= side <= 8192 for side in size):
        raise ValueError("must be WIDTHxHEIGHT, each 1 to 8192 px")
    return size


def _url(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https"):
        raise ValueError("must be an http or https URL")
    return text


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable text")
    return text


TABLE: Mapping[str, Switch] = {
    "identity": Switch(_flag, "true|false", "return the input's pixels; background-remove: alpha 255"),
    "drift": Switch(_flag, "true|false", "the whole result a few gray levels off and slightly blurred"),
    "move": Switch(
        _move,
        "X,Y[,ZOOM[,DEGREES]]",
        "the whole result zoomed and turned clockwise about its middle, and shifted, in px before size",
    ),
    "blurred": Switch(_flag, "true|false", "blur the result and say so in x-venice-is-blurred"),
    "violation": Switch(
        _violation,
        "true|false|first",
        "x-venice-is-content-violation: true; generated images (all, or only the first) are black, "
        "and a single one is a placeholder",
    ),
    "deprecated": Switch(_flag, "true|false", "the three headers of a model about to be retired"),
    "refusal": Switch(_flag, "true|false", "200 with a plain gray image of about 2 KB instead of a result"),
    "served": Switch(
        _line, "model id", "x-venice-model-id and -name report this model, whatever was requested"
    ),
    "policy": Switch(
        _flag,
        "true|false",
        "422, refused by the content policy, as with status=422; in the dialects 400, moderation_blocked",
    ),
    "status": Switch(_status, "300-599", "refuse with this status and its documented body"),
    "kind": Switch(
        _one_of(
            *("balance", "spending_limit", "accepts", "privacy", "region", "prompt", "result", "pixels"),
            *("rate_limit", "overload", "failures", "quota", "moderation", "billing"),
        ),
        "balance|spending_limit|accepts, privacy|region, prompt|result|pixels, "
        "rate_limit|overload|failures|quota, moderation|billing",
        "which 402, 403 (a key for private models, a model for other regions), 422 (prompt refused, or the "
        "image already made; too many pixels), 429 (rate_limit and failures with their x-ratelimit "
        "headers; quota: in the dialects only), and in the dialects 400 (moderation_blocked, "
        "billing_hard_limit_reached); without it the first, a plain 400, and no such headers",
    ),
    "shape": Switch(
        _one_of(
            *("text", "request_id", "object", "details_text", "no_issues", "empty", "plain", "html"),
            *("openai", "fastapi", "detail_text"),
        ),
        "text|request_id|object|details_text|no_issues|empty|plain|html|openai|fastapi|detail_text",
        "the body of every refusal: error as text, with a request_id, or as an object with message and "
        "code; details as text, or without issues; no body, plain text, an HTML page; OpenAI's error "
        "object; detail as FastAPI's list, or as text",
    ),
    "retry_after": Switch(
        _line, "text", "with status: the Retry-After header; 1500ms: retry-after-ms: 1500 instead"
    ),
    "reset_format": Switch(
        _one_of("ms", "s", "duration"),
        "ms|s|duration",
        "x-ratelimit-reset-requests in Unix ms, in Unix s, or in s from now",
    ),
    "at_once": Switch(
        _count, "1 or more", "with this many POSTs in progress, another gets 429, Retry-After: 1"
    ),
    "rate": Switch(
        _count,
        "1 or more",
        "this many requests a minute, counted down in x-ratelimit-remaining-requests; beyond it 429 "
        "with Retry-After until the minute ends",
    ),
    "redirect": Switch(_url, "URL", "redirect to this URL with 307"),
    "drop": Switch(
        _one_of("before_body", "after_body", "in_answer"),
        "before_body|after_body|in_answer",
        "reset the connection: upload unread; upload read, no response; half of the response's body sent",
    ),
    "stall": Switch(_seconds, "seconds", "wait this long, at stall_at; closing the sandbox ends the wait"),
    "stall_at": Switch(
        _one_of("body", "answer"), "body|answer", "wait before reading the upload, or before responding"
    ),
    "garbage": Switch(
        _one_of(
            *("text", "empty", "truncated", "json", "html", "no_images", "bad_images"),
            *("empty_entry", "error_200"),
        ),
        "text|empty|truncated|json|html|no_images|bad_images|empty_entry|error_200",
        "200 with a body that is not an image, or not the JSON expected; no_images, bad_images: "
        "valid JSON with an empty list, or with images cut in half; empty_entry: in the dialects a "
        "list with one empty object; error_200: OpenAI's error object",
    ),
    "size": Switch(_size, "WIDTHxHEIGHT", "the result's size in px"),
    "fit": Switch(
        _one_of("stretch", "crop", "letterbox"), "stretch|crop|letterbox", "how size changes the shape"
    ),
    "format": Switch(_one_of("png", "jpeg", "webp"), "png|jpeg|webp", "the result's real file format"),
    "label": Switch(_line, "MIME type", "the response's Content-Type, whatever its bytes are"),
    "answer": Switch(
        _one_of("b64_json", "data_uri", "url"),
        "b64_json|data_uri|url",
        "in the dialects: how images are returned, whatever was requested; data_uri: such a URI in b64_json",
    ),
    "link": Switch(
        _one_of("same_host", "other_host", "expired", "gone", "redirect", "redirect_away", "huge"),
        "same_host|other_host|expired|gone|redirect|redirect_away|huge",
        "in the dialects: the host that image links name, or what those links return: 403 in XML, "
        "404, 302 to the image, 302 to http://10.0.0.1/x.png, more than 64 MiB without a "
        "Content-Length",
    ),
    "balances": Switch(
        _one_of("both", "usd", "diem", "none"), "both|usd|diem|none", "which balances the account reports"
    ),
    "styles": Switch(
        _one_of("object", "array"),
        "object|array",
        "/image/styles returns its documented object, or a bare array",
    ),
}
_READ = ("balances", "styles")  # hold for GETs too, without a path
SCOPE: Mapping[str, Switch] = {
    "times": Switch(_count, "1 or more", "apply to this many requests, then no more"),
    "path": Switch(_line, "end of a path", "apply to these requests, including GETs, instead of every POST"),
}


def parse_setting(text: str) -> tuple[str, str]:
    """Split `name=value`, or `name` alone for a flag, into a pair. Raises ValueError for other text."""
    name, _, value = text.partition("=")
    _parse(name, value)
    return name, value


def _parse(name: str, value: object) -> Any:
    row = TABLE.get(name) or SCOPE.get(name)
    if row is None:
        raise ValueError(f"no switch is named {name!r}; there are {', '.join([*TABLE, *SCOPE])}")
    try:
        return row.parse(str(value))
    except ValueError as error:
        raise ValueError(f"{name}={value}: {error} (expected {row.values})") from error


@dataclass
class _Layer:
    values: dict[str, Any]
    path: str
    remaining: float

    def applying(self, method: str, path: str) -> dict[str, Any]:
        if self.path:
            return self.values if path.endswith(self.path) else {}
        if method == "POST":
            return self.values
        return {name: value for name, value in self.values.items() if name in _READ}


class SwitchBoard:
    """The active settings, in the order in which they were made. Not locked: the server does that."""

    def __init__(self) -> None:
        self._layers: list[_Layer] = []

    def set(self, settings: Mapping[str, object]) -> None:
        """Add settings; None resets a switch to its default. Raises ValueError and then changes nothing."""
        values = {
            name: _DEFAULTS[name] if value is None and name in TABLE else _parse(name, value)
            for name, value in settings.items()
        }
        times, path = values.pop("times", math.inf), values.pop("path", "")
        self._layers.append(_Layer(values, path, times))

    def take(self, method: str, path: str) -> Switches:
        """Return the switches for a request that has just arrived, and count down `times`."""
        effective = Switches()
        for layer in self._layers:
            if values := layer.applying(method, path):
                effective = replace(effective, **values)
                layer.remaining -= 1
        self._layers = [layer for layer in self._layers if layer.remaining > 0]
        return effective

    def clear(self) -> None:
        self._layers.clear()
