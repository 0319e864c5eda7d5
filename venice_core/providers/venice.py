"""Venice's own image API (base https://api.venice.ai/api/v1), as documented in autumn 2026.

All image calls are synchronous POSTs; pictures go as multipart files, which spares base64's third.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from venice_core.errors import (
    BadKey,
    Busy,
    Forbidden,
    InvalidRequest,
    NoFunds,
    PolicyRefusal,
    ServerFailure,
    UnknownModel,
    UnusableAnswer,
    VeniceError,
)
from venice_core.images import MEDIA_TYPES, sniff
from venice_core.job import Facts, Options
from venice_core.plan import Endpoint, Plan
from venice_core.providers.base import Encoded
from venice_core.providers.capabilities import Capabilities, Catalogue, Limits
from venice_core.settings import Secret
from venice_core.transport import File, Request, Response

BASE_URL = "https://api.venice.ai/api/v1"
DEFAULT_MODEL = "firered-image-edit"

LIMITS = Limits(
    min_pixels=65_536,
    max_pixels=33_177_600,
    min_side=64,
    max_file_bytes=25_000_000,
    max_prompt=32_768,
    max_images=3,
)
"""Input limits of /image/edit, /image/multi-edit and /image/background-remove for any model."""

ASPECT_RATIOS = ("auto", "1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5")
"""What the field `aspect_ratio` accepts; a model's own list narrows it."""

_REFUSALS: dict[int, type[VeniceError]] = {
    401: BadKey,
    402: NoFunds,
    403: Forbidden,
    404: UnknownModel,
    410: UnknownModel,
    422: PolicyRefusal,
}


@dataclass(frozen=True)
class Venice:
    """`base_url` has no trailing slash; `name` is what people call this provider."""

    key: Secret
    base_url: str = BASE_URL
    name: str = "venice"
    catalogue: Catalogue = field(default_factory=Catalogue)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(self.name, DEFAULT_MODEL, LIMITS, self.catalogue, ASPECT_RATIOS)

    def request(self, plan: Plan, options: Options, images: tuple[Encoded, ...]) -> Request:
        url = self.base_url + plan.endpoint.value
        name = "images" if plan.endpoint is Endpoint.MULTI_EDIT else "image"
        files = tuple(
            File(name, f"{name}-{number}.{image.media_type.rpartition('/')[2]}", image.data, image.media_type)
            for number, image in enumerate(images, 1)
        )
        if plan.endpoint is Endpoint.BACKGROUND_REMOVE:
            return Request("POST", url, (), files, self.key)
        model_field = "modelId" if plan.endpoint is Endpoint.MULTI_EDIT else "model"
        fields = {
            "prompt": plan.prompt,
            model_field: plan.model,
            "aspect_ratio": plan.aspect_ratio,
            "resolution": options.resolution,
            "quality": options.quality,
            # without it, 2K and 4K come back as JPEG
            "output_format": "png",
            "safe_mode": "" if options.safe_mode else "false",
            "enhance_prompt": "true" if options.enhance_prompt else "",
        }
        sent = tuple((key, value) for key, value in fields.items() if value)
        return Request("POST", url, sent, files, self.key)

    def is_busy(self, response: Response) -> bool:
        if response.status == 429:
            return True
        body = _json(response)
        # only as documented: a gateway's own 503 may come after the request was worked on
        return response.status == 503 and isinstance(body, dict) and isinstance(body.get("error"), str)

    def failure(self, response: Response) -> VeniceError:
        status, detail = response.status, self.key.scrub(_words(response))
        facts: dict[str, Any] = {"status": status, "request_id": _request_id(response)}
        if self.is_busy(response):
            return Busy(detail, **facts)
        if status in _REFUSALS:
            return _REFUSALS[status](detail, **facts)
        if 400 <= status < 500:
            return InvalidRequest(detail, **facts)
        if 300 <= status < 400:
            detail = "a redirect, which is not followed"
        return ServerFailure(detail, **facts)

    def picture(self, response: Response) -> bytes:
        if sniff(response.body) not in MEDIA_TYPES:
            detail = self.key.scrub(_words(response)) or "an empty answer"
            raise UnusableAnswer(detail, status=response.status, request_id=_request_id(response))
        return response.body

    def facts(self, response: Response) -> Facts:
        headers = response.headers

        def flag(name: str) -> bool:
            return headers.get(name, "").lower() == "true"

        def amount(name: str) -> float | None:
            try:
                return float(headers[name])
            except (KeyError, ValueError):
                return None

        return Facts(
            model=headers.get("x-venice-model-id", ""),
            request_id=_request_id(response),
            blurred=flag("x-venice-is-blurred"),
            content_violation=flag("x-venice-is-content-violation"),
            enhanced_prompt=unquote(headers.get("x-venice-enhanced-prompt", "")),
            deprecation=headers.get("x-venice-model-deprecation-warning", ""),
            replacement=headers.get("x-venice-deprecated-replacement", ""),
            balance_usd=amount("x-venice-balance-usd"),
            balance_diem=amount("x-venice-balance-diem"),
            sandbox=flag("x-venice-sandbox"),
        )


def _json(response: Response) -> Any:
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def _request_id(response: Response) -> str:
    body = _json(response) if len(response.body) < 100_000 else None
    named = body.get("request_id") if isinstance(body, dict) else None
    return str(named or response.headers.get("cf-ray", ""))


def _words(response: Response) -> str:
    """The server's own words in one line of at most 500 characters."""
    body = _json(response)
    if isinstance(body, dict):
        return _one_line(_json_words(body))
    text = response.body[:2000].decode("utf-8", "replace")
    if "<html" in text.lower():
        begin = text.lower().find("<title>")
        end = text.lower().find("</title>")
        return _one_line(text[begin + 7 : end]) if 0 <= begin < end else "an HTML page"
    printable = sum(c.isprintable() or c.isspace() for c in text)
    return _one_line(text) if text and printable > 0.9 * len(text) else ""


def _json_words(body: dict[str, Any]) -> str:
    error = body.get("error", body.get("message", body.get("detail", "")))
    if isinstance(error, dict):
        error = error.get("message") or json.dumps(error)
    parts = [str(error)] if error else []
    details = body.get("details")
    if isinstance(details, str):
        parts.append(details)
    for issue in body.get("issues") or ():
        if isinstance(issue, dict):
            where = ".".join(str(step) for step in issue.get("path") or ())
            parts.append(f"{where}: {issue.get('message', '')}" if where else str(issue.get("message", "")))
    return "; ".join(parts)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 500 else line[:499] + "…"
