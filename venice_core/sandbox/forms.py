"""Split request bodies, JSON or multipart, into text fields and pictures."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from dataclasses import dataclass, field
from typing import Any

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from venice_core.sandbox.venice.errors import ApiError, invalid

MAX_JSON = 35_000_000  # bytes, the whole body

_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w-]+=[^;,]*)*;base64,")


@dataclass(frozen=True)
class UploadedFile:
    """The bytes of one picture as sent."""

    name: str
    filename: str
    """Empty for plain base64, as is `content_type`."""
    content_type: str
    data: bytes = field(repr=False)
    data_uri: bool = False


@dataclass
class Form:
    """A request's text fields, and its pictures in order. URLs of pictures stay in `fields`."""

    fields: dict[str, Any]
    uploads: list[UploadedFile]
    multipart: bool


def read_form(content_type: str, body: bytes) -> Form:
    """Split a body. Pictures in base64 become uploads. Raises ApiError 400, 413 or 415."""
    kind, _ = parse_options_header(content_type)
    if kind == "multipart/form-data":
        return _read_multipart(content_type, body)
    if kind != "application/json":
        raise ApiError(415, "Invalid request content-type: send application/json or multipart/form-data")
    if len(body) > MAX_JSON:
        raise ApiError(413, "Request body exceeds the maximum allowed size.")
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise ApiError(400, "The request body is not valid JSON", details=str(error)) from error
    if not isinstance(fields, dict):
        raise invalid("", "Expected object", "invalid_type")
    return _take_base64(fields)


def _in_memory(*_: object, **__: object) -> io.BytesIO:
    """Keep pictures off the disk."""
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
        UploadedFile(name, file.filename or "", file.mimetype, file.stream.read())
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


def decode(name: str, text: str) -> UploadedFile:
    """Decode raw base64 or a data URI. Raises ApiError 400."""
    match = _DATA_URI.match(text)
    try:
        data = base64.b64decode(text[match.end() :] if match else text, validate=True)
    except binascii.Error as error:
        raise invalid(name, "Not base64, a data URI or a URL", "invalid_string") from error
    return UploadedFile(name, "", (match[1] or "") if match else "", data, data_uri=match is not None)
