"""The closed request schemas of the image endpoints, and the reading of JSON and multipart bodies."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from .errors import ApiError, invalid, invalid_all

MAX_PROMPT = 32_768  # characters
MAX_JSON = 35_000_000  # bytes, the whole body
ASPECT_RATIOS = ("auto", "1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5")
OUTPUT_FORMATS = ("jpeg", "jpg", "png", "webp")
QUALITIES = ("low", "medium", "high")

_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*;base64,")


@dataclass(frozen=True)
class Upload:
    """One picture's bytes as sent; `filename` and `content_type` are empty for plain base64."""

    name: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass
class Form:
    """A request's text fields, and its pictures in their order. URLs of pictures stay in `fields`."""

    fields: dict[str, Any]
    uploads: list[Upload]
    multipart: bool


def read_form(content_type: str, body: bytes) -> Form:
    """Take the body apart; raises ApiError 400, 413 or 415. Pictures in base64 become uploads."""
    kind, _ = parse_options_header(content_type)
    if kind == "multipart/form-data":
        return _read_multipart(content_type, body)
    if kind != "application/json":
        raise ApiError(415, "Invalid request content-type: send application/json or multipart/form-data")
    if len(body) > MAX_JSON:
        raise ApiError(413, "The JSON body is larger than 35 MB")
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise ApiError(400, "The request body is not valid JSON", details=str(error)) from error
    if not isinstance(fields, dict):
        raise invalid("", "Expected object", "invalid_type")
    return _take_base64(fields)


def _in_memory(*_: object, **__: object) -> io.BytesIO:
    """Pictures stay off the disk."""
    return io.BytesIO()


def _read_multipart(content_type: str, body: bytes) -> Form:
    mimetype, options = parse_options_header(content_type)
    try:
        parser = FormDataParser(_in_memory, silent=False)
        _, texts, files = parser.parse(io.BytesIO(body), mimetype, len(body), options)
    except ValueError as error:
        raise ApiError(400, "The multipart body cannot be read", details=str(error)) from error
    fields: dict[str, Any] = {
        name: values[0] if len(values) == 1 else values for name, values in texts.lists()
    }
    uploads = [
        Upload(name, file.filename or "", file.mimetype, file.stream.read())
        for name, file in files.items(multi=True)
    ]
    return Form(fields, uploads, multipart=True)


def _take_base64(fields: dict[str, Any]) -> Form:
    form = Form(dict(fields), [], multipart=False)
    for name, texts in (("image", [fields.get("image")]), ("images", fields.get("images"))):
        if not isinstance(texts, list) or not texts:
            continue
        if all(isinstance(text, str) and not is_url(text) for text in texts):
            form.uploads += [decode(name, text) for text in texts]
            del form.fields[name]
    return form


def is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def decode(name: str, text: str) -> Upload:
    """Raw base64 or a data URI as an upload; raises ApiError 400."""
    match = _DATA_URI.match(text)
    try:
        data = base64.b64decode(text[match.end() :] if match else text, validate=True)
    except binascii.Error as error:
        raise invalid(name, "Not base64, a data URI or a URL", "invalid_string") from error
    return Upload(name, "", (match[1] or "") if match else "", data)


_FLAGS = ("disable_prompt_optimization_thinking", "enhance_prompt", "safe_mode")
_COMMON = frozenset(("aspect_ratio", "output_format", "prompt", "resolution", *_FLAGS))
KEYS: Mapping[str, frozenset[str]] = {
    "/image/edit": _COMMON | {"image", "model", "modelId"},
    "/image/multi-edit": _COMMON | {"images", "modelId", "quality"},
    "/image/background-remove": frozenset({"image", "image_url"}),
}


def check(path: str, form: Form) -> None:
    """Refuse what the endpoint's closed schema does not allow; "true"/"false" become booleans."""
    issues: list[tuple[str, str, str]] = []
    known = KEYS[path]
    sent = [*form.fields, *(upload.name for upload in form.uploads)]
    if unknown := sorted(set(sent) - known):
        names = ", ".join(f"'{name}'" for name in unknown)
        issues.append(("", "unrecognized_keys", f"Unrecognized key(s) in object: {names}"))
    for name, value in form.fields.items():
        if name in known - {"image", "images"} and (issue := _issue(name, value, form)):
            issues.append((name, *issue))
    if "prompt" in known and "prompt" not in form.fields:
        issues.append(("prompt", "invalid_type", "Required"))
    if issues:
        raise invalid_all(issues)


def _issue(name: str, value: Any, form: Form) -> tuple[str, str] | None:
    if name in _FLAGS:
        if form.multipart and value in ("true", "false"):
            form.fields[name] = value = value == "true"
        return None if isinstance(value, bool) else ("invalid_type", "Expected boolean")
    if not isinstance(value, str):
        return "invalid_type", "Expected string"
    longest = {"prompt": MAX_PROMPT, "resolution": 10}.get(name)
    if not value:
        return "too_small", "String must contain at least 1 character(s)"
    if longest is not None and len(value) > longest:
        return "too_big", f"String must contain at most {longest} character(s)"
    choices = {"output_format": OUTPUT_FORMATS, "quality": QUALITIES}.get(name)
    if choices and value not in choices:
        return "invalid_enum_value", f"Expected one of {', '.join(choices)}"
    return None
