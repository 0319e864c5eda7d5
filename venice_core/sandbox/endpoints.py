"""What each path answers: authorization, models, limits, and the picture or the refusal.

Sizes follow the documentation's decimal megabytes, so that a client within them is within either
reading. Pictures are taken as stored: EXIF orientation is not applied. `aspect_ratio` and `resolution`
are checked against the model, and the answer keeps the input's size all the same (switch `size`).
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from PIL import Image
from werkzeug import Request, Response

from . import pictures
from .errors import ApiError, documented, invalid, payment_required
from .schemas import ASPECT_RATIOS, Form, Upload, check, decode, is_url
from .switches import Switches

BASE = "/api/v1"
MIN_PIXELS, MAX_PIXELS, MIN_SIDE = 65_536, 33_177_600, 64
MAX_FILE = 25_000_000  # bytes; a file must be smaller
DEFAULT_MODEL = "firered-image-edit"
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
# Models of the service that cannot edit: known, so refused with 400 instead of 404.
OTHER_MODELS = {
    "bria-bg-remover", "chroma", "flux-2-max", "flux-2-pro", "gpt-image-1-5", "gpt-image-2", "nano-banana-2",
    "nano-banana-pro", "qwen-image", "qwen-image-2", "qwen-image-3", "recraft-v4", "seedream-v4", "upscaler",
    "venice-sd35", "z-image-turbo",
}  # fmt: skip
POSTS = ("/image/edit", "/image/multi-edit", "/image/background-remove")
GETS = ("/models", "/api_keys/rate_limits")
_BALANCES = {"USD": 50.23, "DIEM": 100.02}

Model = Mapping[str, Any]


@dataclass(frozen=True)
class Catalogue:
    """The model list as served, and its entries by id."""

    listing: Mapping[str, Any]

    @classmethod
    def packaged(cls) -> Catalogue:
        text = resources.files("venice_core").joinpath("data/models-inpaint.json").read_text("utf-8")
        return cls(json.loads(text))

    def find(self, model_id: str) -> Model:
        for entry in self.listing["data"]:
            if entry["id"] == model_id:
                found: Model = entry
                return found
        if model_id in OTHER_MODELS:
            raise invalid("model", f"{model_id} is not an image editing model")
        raise ApiError(404, f"Specified model not found: {model_id}")


def answer(
    request: Request, form: Form | ApiError | None, switches: Switches, catalogue: Catalogue
) -> Response:
    """The answer to a request whose body, if it has one, was read into `form`."""
    path = request.path.removeprefix(BASE)
    try:
        if not request.path.startswith(BASE + "/") or path not in (
            POSTS if request.method == "POST" else GETS
        ):
            raise ApiError(404, f"Not found: {request.method} {request.path}")
        if refusal := _on_demand(switches, request.url):
            return refusal
        if request.method != "POST":
            return _get(path, request, catalogue)
        _authorize(request.headers.get("Authorization", ""), payment_required(request.url))
        if form is None or isinstance(form, ApiError):
            raise form or ApiError(415)
        return _post(path, form, switches, catalogue)
    except ApiError as error:
        return _json(error.body, error.status)


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json; charset=utf-8")


def _on_demand(switches: Switches, url: str) -> Response | None:
    if switches.redirect:
        return Response("", 307, {"Location": switches.redirect})
    status = 422 if switches.policy else switches.status
    if status is None:
        return None
    body, content_type = documented(status, switches.kind, url)
    response = Response(
        body if isinstance(body, str) else json.dumps(body), status, content_type=content_type
    )
    if wait := switches.retry_after:
        if wait.endswith("ms"):
            response.headers["retry-after-ms"] = wait.removesuffix("ms")
        else:
            response.headers["Retry-After"] = wait
    return response


def _authorize(header: str, no_key: ApiError) -> None:
    if not header:
        raise no_key
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.startswith("bad"):
        raise ApiError(401, "Authentication failed")
    if key.startswith("admin-only"):
        raise ApiError(401, "Unauthorized. This model is only available to keys with a higher access level")
    if key.startswith("restricted"):
        raise ApiError(403)


def _get(path: str, request: Request, catalogue: Catalogue) -> Response:
    if path == "/models":
        kind = request.args.get("type", "text")
        listing = (
            catalogue.listing if kind in ("inpaint", "all") else {"object": "list", "type": kind, "data": []}
        )
        return _json(listing)
    _authorize(request.headers.get("Authorization", ""), ApiError(401))
    limits = [{"amount": 20, "type": "RPM"}, {"amount": 28_800, "type": "RPD"}]
    body = {
        "accessPermitted": True,
        "apiTier": {"id": "paid", "isCharged": True},
        "balances": _BALANCES,
        "keyExpiration": None,
        "nextEpochBegins": time.strftime("%Y-%m-%d 00:00:00+00:00", time.gmtime(time.time() + 86_400)),
        "rateLimits": [
            {"apiModelId": entry["id"], "rateLimits": limits} for entry in catalogue.listing["data"]
        ],
    }
    return _json({"data": body})


def _post(path: str, form: Form, switches: Switches, catalogue: Catalogue) -> Response:
    check(path, form)
    fields = form.fields
    headers: dict[str, str] = {}
    file_format = "png"
    if path == "/image/background-remove":
        picture = _open_all([_single(form)])[0]
        result = pictures.opaque(picture) if switches.identity else pictures.remove_background(picture)
    else:
        model = catalogue.find(fields.get("model") or fields.get("modelId") or DEFAULT_MODEL)
        tier = _check_model(path, fields, model)
        uploads = _several(form, model) if path == "/image/multi-edit" else [_single(form)]
        inputs = _open_all(uploads)
        result = inputs[0] if switches.identity else pictures.multi_edit(inputs)
        file_format = fields.get("output_format") or ("jpeg" if tier in ("2K", "4K") else "png")
        headers["x-venice-model-id"] = model["id"]
        headers["x-venice-model-name"] = model["model_spec"].get("name", model["id"])
        if fields.get("enhance_prompt"):
            headers["x-venice-enhanced-prompt"] = quote(fields["prompt"])
    result = pictures.disturb(result, switches)
    data, content_type = pictures.encode(result, switches.format or file_format.replace("jpg", "jpeg"))
    if switches.garbage:
        data, content_type = _garbage(switches.garbage, data)
    headers |= _headers(switches)
    return Response(data, 200, headers, content_type=switches.label or content_type)


def _check_model(path: str, fields: Mapping[str, Any], model: Model) -> str | None:
    """Refuse what the model does not take; the resolution tier asked for, if the model has tiers."""
    spec = model["model_spec"]
    limits, pricing = spec.get("constraints", {}), spec.get("pricing", {})
    longest = limits.get("promptCharacterLimit")
    if longest is not None and len(fields["prompt"]) > longest:
        raise invalid("prompt", f"{model['id']} takes at most {longest} characters", "too_big")
    tiers = limits.get("resolutions") or list(pricing.get("resolutions", ()))
    qualities = limits.get("qualities") or list(next(iter(pricing.get("quality", {}).values()), ()))
    offered = {
        "aspect_ratio": limits.get("aspectRatios") or ASPECT_RATIOS,
        "resolution": tiers,
        "quality": qualities,
    }
    for name, values in offered.items():
        ignored = name == "resolution" and not tiers and path == "/image/multi-edit"
        if name in fields and fields[name] not in values and not ignored:
            choices = ", ".join(values) or "none"
            raise invalid(
                name, f"Not supported by {model['id']}, which takes: {choices}", "invalid_enum_value"
            )
    return fields.get("resolution") if tiers else None


def _single(form: Form) -> Upload:
    """The one picture of edit and background-remove."""
    url, image = form.fields.get("image_url"), form.fields.get("image")
    count = len(form.uploads) + sum(value is not None for value in (url, image))
    if count == 0:
        raise invalid("image", "Required: an image", "invalid_type")
    if count > 1:
        raise invalid("image", "Exactly one image is taken", "too_big")
    if form.uploads:
        return form.uploads[0]
    if url is not None and not is_url(url):
        raise invalid("image_url", "Invalid url", "invalid_string")
    return _resolve("image" if url is None else "image_url", url if url is not None else image, form)


def _several(form: Form, model: Model) -> list[Upload]:
    """The pictures of multi-edit, base first."""
    uploads = form.uploads
    if "images" in form.fields:
        images = form.fields["images"]
        if not isinstance(images, list):
            raise invalid("images", "Expected array", "invalid_type")
        uploads = uploads + [_resolve("images", image, form) for image in images]
    limits = model["model_spec"].get("constraints", {})
    most = 1 if limits.get("combineImages") is False else limits.get("maxInputImages", 3)
    if not uploads:
        raise invalid("images", "Required: at least 1 image", "too_small")
    if len(uploads) > most:
        raise invalid("images", f"{model['id']} takes at most {most} image(s)", "too_big")
    return uploads


def _resolve(name: str, value: Any, form: Form) -> Upload:
    if form.multipart and name != "image_url":
        raise invalid(name, "Expected a file upload", "invalid_type")
    if not isinstance(value, str):
        raise invalid(name, "Expected string", "invalid_type")
    return _fetch(name, value) if is_url(value) else decode(name, value)


def _fetch(name: str, url: str) -> Upload:
    """A picture by URL, from this machine only: the sandbox never reaches out."""
    if urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise invalid(name, "The sandbox fetches pictures from loopback addresses only")
    try:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(url, timeout=10, allow_redirects=False, stream=True)
            data = reply.raw.read(MAX_FILE + 1, decode_content=True)
    except requests.RequestException as error:
        raise invalid(name, "The URL cannot be fetched") from error
    if reply.status_code != 200:
        raise invalid(name, f"The URL answered {reply.status_code}")
    return Upload(name, "", reply.headers.get("Content-Type", ""), data)


def _open_all(uploads: list[Upload]) -> list[Image.Image]:
    for upload in uploads:
        if len(upload.data) >= MAX_FILE:
            raise ApiError(413, "Image file size must be less than 25MB")
    return [_open(upload) for upload in uploads]


def _open(upload: Upload) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(upload.data), formats=FORMATS)
        width, height = picture.size
        if width * height > MAX_PIXELS or width * height < MIN_PIXELS or min(width, height) < MIN_SIDE:
            raise invalid(
                upload.name,
                f"Image dimensions are {width}x{height}: must be {MIN_PIXELS} to {MAX_PIXELS} pixels, "
                f"at least {MIN_SIDE} on each side",
            )
        picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise invalid(upload.name, "The image is damaged, or not JPEG, PNG, WebP or AVIF") from error
    return pictures.plain(picture)


def _headers(switches: Switches) -> dict[str, str]:
    headers = {
        "x-venice-is-blurred": str(switches.blurred).lower(),
        "x-venice-is-content-violation": str(switches.violation).lower(),
        "x-venice-balance-usd": f"{_BALANCES['USD']:.2f}",
        "x-venice-balance-diem": f"{_BALANCES['DIEM']:.2f}",
        "x-ratelimit-limit-requests": "20",
        "x-ratelimit-remaining-requests": "19",
        "x-ratelimit-reset-requests": str(int(time.time() * 1000) + 60_000),
    }
    if switches.deprecated:
        headers["x-venice-model-deprecation-warning"] = "This model is scheduled for retirement"
        headers["x-venice-model-deprecation-date"] = "2027-01-01T00:00:00.000Z"
        headers["x-venice-deprecated-replacement"] = "qwen-image-3-edit"
    return headers


def _garbage(kind: str, data: bytes) -> tuple[bytes, str]:
    bodies: dict[str, tuple[bytes, str]] = {
        "text": (b"I cannot help with that picture.", "text/plain"),
        "empty": (b"", "image/png"),
        "truncated": (data[: len(data) // 2], "image/png"),
        "json": (b'{"error":"The picture could not be made"}', "image/png"),
        "html": (b"<!DOCTYPE html><title>Just a moment...</title>", "text/html; charset=UTF-8"),
    }
    return bodies[kind]
