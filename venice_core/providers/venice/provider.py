"""Venice's own image API (base https://api.venice.ai/api/v1), as documented in autumn 2026.

All image calls are synchronous POSTs. Pictures to work on are sent as multipart files, which avoids the extra
third of base64; a generation is JSON. `fields` says what sets each field.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from venice_core.errors import UnusableAnswer, VeniceError
from venice_core.geometry.rectangles import Extent
from venice_core.job import Action, Facts, Options
from venice_core.network.messages import Request, Response
from venice_core.planning.capabilities import Capabilities, Catalogue, Limits
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.output_shapes import Sizes
from venice_core.planning.plan import Plan
from venice_core.providers.base import Account, Encoded, RequestImages, form_fields, is_of_sandbox
from venice_core.providers.base64_pictures import bare, from_base64
from venice_core.providers.error_details import request_id
from venice_core.providers.response_text import MAX_TOLD_PROMPT, one_line, words
from venice_core.providers.venice import listings as lists
from venice_core.providers.venice import refusals
from venice_core.providers.venice.fields import parse_fields
from venice_core.secret import Secret

BASE_URL = "https://api.venice.ai/api/v1"
KEY_VARIABLE = "VENICE_API_KEY"
DEFAULT_MODEL = "firered-image-edit"
DEFAULT_GENERATOR = "z-image-turbo"
CUTOUT_MODEL = "bria-bg-remover"
UPSCALE_MODEL = "upscaler"
MAX_UPSCALED = 16_777_216
MAX_GENERATED_SIDE = 1280
MAX_STYLE_REFERENCE_BYTES = 8_000_000
MAX_STYLE_REFERENCES_BYTES = 25_500_000
"""For all of them together: a JSON body may have 35 MB, and base64 adds a third."""

LIMITS = Limits(
    min_pixels=65_536,
    max_pixels=33_177_600,
    min_side=64,
    max_file_bytes=25_000_000,
    max_prompt=32_768,
    max_images=3,
)
"""Input limits of all endpoints that accept a picture, for any model."""

ASPECT_RATIOS = ("1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:3", "4:5")
"""What the field `aspect_ratio` of an edit accepts, unless the model has its own list."""


ENDPOINTS = {
    Action.EDIT: (Endpoint.EDIT, Endpoint.MULTI_EDIT),
    Action.CUTOUT: (Endpoint.BACKGROUND_REMOVE,),
    Action.GENERATE: (Endpoint.GENERATE, Endpoint.GENERATIONS),
    Action.UPSCALE: (Endpoint.UPSCALE,),
}
MAX_PROMPTS = {Endpoint.GENERATIONS: 1500}
MAX_VARIANTS = 4
FIELD_WARNINGS = {
    "enable_web_search": "If the service searches the web, it charges extra; the price shown excludes that.",
    "style_references": "Some models charge extra for style references; the price shown excludes that.",
}
GENERATIONS_SIZES = Sizes(
    (Extent(1024, 1024), Extent(1536, 1024), Extent(1024, 1536), Extent(1792, 1024), Extent(1024, 1792))
)
GENERATIONS_UNSUPPORTED = (
    "negative_prompt",
    "style",
    "seed",
    "aspect_ratio",
    "resolution",
    "quality",
    "enhance_prompt",
    "references",
)


@dataclass(frozen=True)
class Venice:
    """Venice's own image API."""

    key: Secret
    base_url: str = BASE_URL
    """Without a trailing slash."""
    name: str = "venice"
    """The provider's name, such as "venice"."""
    catalogue: Catalogue = field(default_factory=Catalogue)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            self.name,
            DEFAULT_MODEL,
            LIMITS,
            self.catalogue,
            ASPECT_RATIOS,
            default_generator=DEFAULT_GENERATOR,
            cutout_model=CUTOUT_MODEL,
            upscale_model=UPSCALE_MODEL,
            max_upscaled=MAX_UPSCALED,
            max_generated_side=MAX_GENERATED_SIDE,
            endpoints=ENDPOINTS,
            unsupported_options={Endpoint.GENERATIONS: GENERATIONS_UNSUPPORTED},
            max_prompts=MAX_PROMPTS,
            max_images_per_request={Endpoint.GENERATE: MAX_VARIANTS},
            shapes={Endpoint.GENERATIONS: GENERATIONS_SIZES},
            parse_fields=parse_fields,
            key_variable=KEY_VARIABLE,
            field_warnings=FIELD_WARNINGS,
        )

    def max_file_bytes(self, plan: Plan) -> int:
        if plan.endpoint is not Endpoint.GENERATE:
            return LIMITS.max_file_bytes
        return min(MAX_STYLE_REFERENCE_BYTES, MAX_STYLE_REFERENCES_BYTES // max(1, len(plan.references)))

    def request(self, plan: Plan, options: Options, upload: RequestImages) -> Request:
        url = self.base_url + plan.endpoint.value
        by_name = parse_fields(plan.endpoint, dict(options.fields))
        if plan.endpoint is Endpoint.GENERATE:
            return Request("POST", url, key=self.key, json=_generate(plan, options, upload.images) | by_name)
        if plan.endpoint is Endpoint.GENERATIONS:
            return Request("POST", url, key=self.key, json=_generations(plan, options) | by_name)
        name = "images" if plan.endpoint is Endpoint.MULTI_EDIT else "image"
        files = tuple(image.file(name, f"{name}-{number}") for number, image in enumerate(upload.images, 1))
        fields: dict[str, Any] = {}
        if plan.endpoint is Endpoint.UPSCALE:
            # without it the service takes 0.01, which invents texture
            fields = {"scale": plan.scale, "creativity": plan.creativity}
        elif plan.endpoint is not Endpoint.BACKGROUND_REMOVE:
            fields = _edit(plan, options)
        return Request("POST", url, form_fields(fields | by_name), files, self.key)

    def is_busy(self, response: Response) -> bool:
        return refusals.is_busy(response)

    def failure(self, response: Response) -> VeniceError:
        return refusals.failure(response, self.key)

    def pictures(self, response: Response) -> tuple[bytes, ...]:
        found = _pictures(response)
        if not found:
            detail = words(response, self.key) or "an empty response"
            raise UnusableAnswer(detail, status=response.status, request_id=request_id(response))
        return found

    def facts(self, response: Response, plan: Plan) -> Facts:  # noqa: ARG002 - others need it for the price
        headers = response.headers

        def flag(name: str) -> bool:
            return headers.get(name, "").lower() == "true"

        def amount(name: str) -> float | None:
            try:
                value = float(headers[name])
            except (KeyError, ValueError):
                return None
            return value if math.isfinite(value) else None

        return Facts(
            model=headers.get("x-venice-model-id", ""),
            model_name=headers.get("x-venice-model-name", ""),
            request_id=request_id(response),
            blurred=flag("x-venice-is-blurred"),
            content_violation=flag("x-venice-is-content-violation"),
            enhanced_prompt=one_line(unquote(headers.get("x-venice-enhanced-prompt", "")), MAX_TOLD_PROMPT),
            deprecation=headers.get("x-venice-model-deprecation-warning", ""),
            retires=headers.get("x-venice-model-deprecation-date", ""),
            replacement=headers.get("x-venice-deprecated-replacement", ""),
            balance_usd=amount("x-venice-balance-usd"),
            balance_diem=amount("x-venice-balance-diem"),
            sandbox=is_of_sandbox(response, self.base_url),
        )

    def account(self) -> Request:
        return lists.account(self.base_url, self.key)

    def read_account(self, response: Response) -> Account:
        return lists.read_account(response)

    def traits(self, kind: str) -> Request:
        return lists.traits(self.base_url, kind, self.key)

    def read_traits(self, response: Response) -> dict[str, str]:
        return lists.read_traits(response)


def _edit(plan: Plan, options: Options) -> dict[str, Any]:
    model_field = "modelId" if plan.endpoint is Endpoint.MULTI_EDIT else "model"
    return _without_defaults(
        {
            "prompt": plan.prompt,
            model_field: plan.model,
            "aspect_ratio": plan.aspect_ratio,
            "resolution": plan.resolution,
            "quality": plan.quality,
            # without it, 2K and 4K come back as JPEG
            "output_format": "png",
            "safe_mode": None if options.safe_mode else False,
            "enhance_prompt": options.enhance_prompt or None,
        }
    )


def _generate(plan: Plan, options: Options, references: tuple[Encoded, ...]) -> dict[str, Any]:
    strength = {"strength": options.reference_strength} if options.reference_strength else {}
    return _without_defaults(
        {
            "model": plan.model,
            "prompt": plan.prompt,
            "negative_prompt": options.negative_prompt.strip(),
            "width": plan.asked.width if plan.asked else None,
            "height": plan.asked.height if plan.asked else None,
            "aspect_ratio": plan.aspect_ratio,
            "resolution": plan.resolution,
            "quality": plan.quality,
            "style_preset": plan.style,
            "seed": None if options.seed == -1 else options.seed,
            # bare bytes where it can be, which spares base64's third
            "variants": plan.pictures if plan.pictures > 1 else None,
            "return_binary": plan.pictures == 1 or None,
            "format": "png",
            "safe_mode": None if options.safe_mode else False,
            "enhance_prompt": options.enhance_prompt or None,
            "style_references": [
                {"image": base64.b64encode(reference.data).decode("ascii"), **strength}
                for reference in references
            ],
        }
    )


def _generations(plan: Plan, options: Options) -> dict[str, Any]:
    return _without_defaults(
        {
            "model": plan.model,
            "prompt": plan.prompt,
            "size": f"{plan.size.width}x{plan.size.height}",
            "moderation": None if options.safe_mode else "low",
        }
    )


def _without_defaults(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


def _pictures(response: Response) -> tuple[bytes, ...]:
    """Return the pictures of a successful response, whatever its content type: bare, or base64 in JSON."""
    if picture := bare(response):
        return (picture,)
    body = response.json
    if not isinstance(body, dict):
        return ()
    listed, data = body.get("images"), body.get("data")
    texts: list[Any] = list(listed) if isinstance(listed, list) else []
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    texts += [entry.get("b64_json") or entry.get("url") for entry in entries]
    return tuple(data for text in texts if isinstance(text, str) and (data := from_base64(text)))
