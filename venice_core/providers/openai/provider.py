"""OpenAI's images API and compatible ones: `/images/edits` and `/images/generations`.

Edits are multipart, generations are JSON. How services differ is data: see `dialect` and `profile`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from venice_core.errors import BadInput, LookupFailed, Remedy, UnusableAnswer, VeniceError
from venice_core.imaging.formats import FORMATS
from venice_core.job import Action, Facts, Options
from venice_core.network.messages import File, Request, Response
from venice_core.planning.capabilities import Capabilities
from venice_core.planning.endpoint import Endpoint
from venice_core.planning.plan import Plan
from venice_core.providers.base import Account, ImageLink, RequestImages, form_fields, is_of_sandbox
from venice_core.providers.base64_pictures import bare, from_base64
from venice_core.providers.error_details import request_id
from venice_core.providers.openai import refusals
from venice_core.providers.openai.dialect import Dialect
from venice_core.providers.openai.profile import ServiceProfile
from venice_core.providers.response_text import MAX_TOLD_PROMPT, one_line, words
from venice_core.secret import Secret

ENDPOINTS = {Action.EDIT: (Endpoint.EDITS,), Action.GENERATE: (Endpoint.GENERATIONS,)}
UNSUPPORTED_OPTIONS = {
    Endpoint.EDITS: ("enhance_prompt",),
    Endpoint.GENERATIONS: ("negative_prompt", "style", "seed", "enhance_prompt", "references"),
}
ANSWERS = ("jpg", *(name.lower() for name in FORMATS))
MILLION = 1_000_000
MAX_COUNT = 1e12
"""For tokens and the like: a larger number is not a count."""


@dataclass(frozen=True)
class OpenAI:
    """An OpenAI-compatible service."""

    key: Secret
    base_url: str
    """Without a trailing slash; "" if the profile has no URL yet."""
    profile: ServiceProfile

    @property
    def capabilities(self) -> Capabilities:
        profile = self.profile
        return Capabilities(
            profile.name,
            profile.model,
            profile.dialect.limits,
            profile.catalogue,
            default_generator=profile.model,
            endpoints=ENDPOINTS,
            unsupported_options=UNSUPPORTED_OPTIONS,
            parse_fields=self._parse_fields,
            sends_defaults=True,
            keyless=profile.keyless,
            key_variable=profile.key_variable,
        )

    def max_file_bytes(self, plan: Plan) -> int:
        return self._dialect(plan).limits.max_file_bytes

    def request(self, plan: Plan, options: Options, upload: RequestImages) -> Request:
        dialect, url = self._dialect(plan), self._url(plan.endpoint.value)
        by_name = self._parse_fields(plan.endpoint, dict(options.fields))
        edits = plan.endpoint is Endpoint.EDITS
        fixed = {**dialect.fields, **(dialect.edit_fields if edits else dialect.generate_fields)}
        if not (edits or options.safe_mode):
            fixed |= dialect.unsafe_generate_fields
        fields = {**fixed, **_fields(plan, dialect), **by_name}
        if not edits:
            return Request("POST", url, key=self.key, json=fields)
        return Request("POST", url, form_fields(fields), _files(dialect, upload), self.key)

    def is_busy(self, response: Response) -> bool:
        return refusals.is_busy(response)

    def failure(self, response: Response) -> VeniceError:
        return refusals.failure(response, self.key)

    def pictures(self, response: Response) -> tuple[bytes | ImageLink, ...]:
        if data := bare(response):
            return (data,)
        found = [picture for entry in _entries(response) if (picture := _picture(entry, self.base_url))]
        if not found:
            detail = words(response, self.key) or "a response without an image"
            raise UnusableAnswer(detail, status=response.status, request_id=request_id(response))
        return tuple(found)

    def facts(self, response: Response, plan: Plan) -> Facts:
        body = response.json
        answer: Mapping[str, Any] = body if isinstance(body, dict) else {}
        usage = _counts(answer.get("usage"))
        prompts = [entry.get("revised_prompt") for entry in _entries(response)]
        rewritten = next((text for text in prompts if isinstance(text, str)), "")
        return Facts(
            request_id=request_id(response),
            enhanced_prompt=one_line(rewritten, MAX_TOLD_PROMPT),
            usage=usage or None,
            cost_usd=_cost(usage, self._dialect(plan).token_prices),
            sandbox=is_of_sandbox(response, self.base_url),
        )

    def account(self) -> Request:
        return Request("GET", self._url("/models"), key=self.key)

    def read_account(self, response: Response) -> Account:
        """Read the list of models, which is what such a service provides for free."""
        body = response.json
        listed = body.get("data") if isinstance(body, dict) else None
        if not isinstance(listed, list):
            raise LookupFailed("the list of models could not be read", status=response.status)
        ends = {
            entry["id"]: entry.get("shutdown_date")
            for entry in listed
            if isinstance(entry, dict) and isinstance(entry.get("id"), str)
        }
        wanted, note = self.profile.model, ""
        if wanted and ends and wanted not in ends:
            note = f"The service does not list the model {wanted}."
        elif isinstance(day := ends.get(wanted), str):
            note = f"The model {wanted} will be retired on {one_line(day, 10)}."
        return Account(True, note=note)

    def traits(self, kind: str) -> Request:  # noqa: ARG002 - of no type
        raise BadInput(f"The provider {self.profile.name} lists no traits.")

    def read_traits(self, response: Response) -> dict[str, str]:
        raise LookupFailed("the service has no traits", status=response.status)

    def _parse_fields(self, endpoint: Endpoint, chosen: Mapping[str, str]) -> dict[str, Any]:
        """Return any fields except those that the plan sets; in JSON, numbers and booleans as such.

        Other picture formats are refused, because an unreadable picture would have to be paid for all the
        same.
        """
        managed = self.profile.managed
        for name in chosen:
            if name in managed:
                raise BadInput(f"The field “{name}” cannot be set by name: an option or the plan sets it.")
        requested = chosen.get("output_format", ANSWERS[0]).lower()
        if requested not in ANSWERS:
            raise BadInput(f"output_format={requested}: expected {'|'.join(ANSWERS)}.")
        edits = endpoint is Endpoint.EDITS
        return {name: text if edits else _scalar(text) for name, text in chosen.items()}

    def _dialect(self, plan: Plan) -> Dialect:
        return self.profile.dialect_of(plan.model)

    def _url(self, path: str) -> str:
        if not self.base_url:
            variable = self.profile.base_url_variable
            where = f" ({variable} is not set)" if variable else ""
            raise BadInput(
                f"The provider {self.profile.name} has no address yet{where}.",
                remedy=Remedy.SET_ADDRESS,
            )
        return self.base_url + path


def _fields(plan: Plan, dialect: Dialect) -> dict[str, Any]:
    """Return what the plan decides, under the names of the dialect."""
    named = {
        "model": plan.model,
        "prompt": plan.prompt,
        dialect.size: f"{plan.asked.width}x{plan.asked.height}" if plan.asked else "",
        dialect.aspect_ratio.field: plan.aspect_ratio,
        dialect.resolution.field: plan.resolution,
        dialect.quality.field: plan.quality,
        dialect.n: plan.pictures if plan.pictures > 1 else "",
        "response_format": dialect.response_format,
    }
    return {name: value for name, value in named.items() if name and value != ""}


def _files(dialect: Dialect, upload: RequestImages) -> tuple[File, ...]:
    name = dialect.images if len(upload.images) > 1 else dialect.image
    files = [image.file(name, f"image-{number}") for number, image in enumerate(upload.images, 1)]
    if upload.mask is not None:
        files.append(upload.mask.file("mask", "mask"))
    return tuple(files)


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    plain = isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if plain else text


def _entries(response: Response) -> list[Mapping[str, Any]]:
    body = response.json
    data = body.get("data") if isinstance(body, dict) else None
    return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []


def _picture(entry: Mapping[str, Any], base_url: str) -> bytes | ImageLink | None:
    """Return a picture from base64 or a data URI, or a link, whichever of the two fields has it."""
    for name in ("b64_json", "url"):
        text = entry.get(name)
        if not isinstance(text, str) or not text:
            continue
        if text.lower().startswith(("http://", "https://")):
            return ImageLink(text)
        if name == "url" and not text.lower().startswith("data:"):
            return ImageLink(_joined(base_url, text))
        if data := from_base64(text):
            return data
    return None


def _joined(base_url: str, text: str) -> str:
    """Join URLs; what cannot be parsed is not followed later."""
    try:
        return urljoin(base_url, text)
    except ValueError:
        return text


def _counts(usage: Any, depth: int = 2) -> dict[str, Any]:
    """Return only the counts: numbers by name, nested once."""
    counts: dict[str, Any] = {}
    for name, value in usage.items() if isinstance(usage, dict) and depth else ():
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_COUNT:
            counts[one_line(name)] = value
        elif inner := _counts(value, depth - 1):
            counts[one_line(name)] = inner
    return counts


def _cost(usage: Mapping[str, Any], prices: Mapping[str, float]) -> float | None:
    """Return US dollars for the tokens used, or None if prices or counts are unknown."""
    details = usage.get("input_tokens_details")
    sent = details if isinstance(details, dict) else {}
    counts = {
        "text": sent.get("text_tokens"),
        "image": sent.get("image_tokens"),
        "output": usage.get("output_tokens"),
    }
    if not prices or not all(isinstance(count, int) and count >= 0 for count in counts.values()):
        return None
    return round(sum(prices.get(name, 0.0) * int(n or 0) for name, n in counts.items()) / MILLION, 6)
