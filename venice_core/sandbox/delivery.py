"""Deliver what an endpoint made: disturbed, encoded, mislabeled or corrupted as the switches say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from PIL import Image
from werkzeug import Response

from venice_core.sandbox import drawings, picture_effects
from venice_core.sandbox.rate_limits import Allowance
from venice_core.sandbox.switches import Switches
from venice_core.sandbox.venice.account import balances
from venice_core.sandbox.venice.catalogue import Catalogue, Model

JSON = "application/json; charset=utf-8"
_ERROR = (
    b'{"error":{"message":"The picture could not be made","type":"server_error","param":null,'
    b'"code":"server_error"}}'
)


@dataclass(frozen=True)
class DrawnResult:
    """What an endpoint made."""

    pictures: list[Image.Image]
    file_format: str
    headers: dict[str, str] = field(default_factory=dict)
    """Headers that describe the model."""
    written: Callable[[list[bytes], str], dict[str, object]] | None = None
    """Makes the JSON body from the files and their MIME type; without it the response is the first file."""


def deliver(result: DrawnResult, switches: Switches, extra: Mapping[str, str]) -> Response:
    """Return the result as a response, after applying the switches; `extra` are additional headers."""
    made = [drawings.refusal() if switches.refusal else picture for picture in result.pictures]
    disturbed = [picture_effects.disturb(picture, switches) for picture in made]
    encoded = [
        picture_effects.encode(picture, switches.format or result.file_format) for picture in disturbed
    ]
    files, mime = [data for data, _ in encoded], encoded[0][1]
    if switches.garbage == "no_images":
        files = []
    elif switches.garbage == "bad_images":
        files = [data[: len(data) // 2] for data in files]
    if result.written is None:
        data, content_type = b"".join(files[:1]), mime
    else:
        data, content_type = json.dumps(result.written(files, mime)).encode(), JSON
    if switches.garbage:
        data, content_type = spoil(switches.garbage, data, content_type)
    return Response(data, 200, {**result.headers, **extra}, content_type=switches.label or content_type)


def listed(value: object, switches: Switches) -> tuple[bytes, str]:
    """Return JSON that costs nothing, and its content type, after applying `garbage`."""
    body = json.dumps(value).encode()
    return spoil(switches.garbage, body, JSON) if switches.garbage else (body, JSON)


def spoil(kind: str, data: bytes, content_type: str) -> tuple[bytes, str]:
    """Return the body and content type that `garbage` asks for instead of the good ones."""
    label = "image/png" if content_type.startswith("image/") else content_type
    bodies: dict[str, tuple[bytes, str]] = {
        "text": (b"I cannot help with that picture.", "text/plain"),
        "empty": (b"", label),
        "truncated": (data[: len(data) // 2], label),
        "json": (b'{"error":"The picture could not be made"}', label),
        "html": (b"<!DOCTYPE html><title>Just a moment...</title>", "text/html; charset=UTF-8"),
        "error_200": (_ERROR, label),
    }
    return bodies.get(kind, (data, content_type))


def venice_headers(switches: Switches, catalogue: Catalogue, allowance: Allowance) -> dict[str, str]:
    """Return what Venice sends with every picture: verdicts, balances, rate limit, and model."""
    headers: dict[str, str] = {}
    if switches.served:
        served = catalogue.named(switches.served)
        headers |= (served or Model({"id": switches.served, "model_spec": {}})).headers()
    headers["x-venice-is-blurred"] = str(switches.blurred).lower()
    headers["x-venice-is-content-violation"] = str(bool(switches.violation)).lower()
    for currency, amount in balances(switches).items():
        headers[f"x-venice-balance-{currency.lower()}"] = f"{amount:.2f}"
    headers |= allowance.headers(switches.reset_format)
    if switches.deprecated:
        headers["x-venice-model-deprecation-warning"] = "This model is scheduled for retirement"
        headers["x-venice-model-deprecation-date"] = "2027-01-01T00:00:00.000Z"
        headers["x-venice-deprecated-replacement"] = "qwen-image-3-edit"
    return headers
