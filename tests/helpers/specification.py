"""The service's published OpenAPI document, where it is beside this checkout, and checks against it.

Where the document is behind the service's newer notes, those are followed; each such place says so.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from venice_core.sandbox import SeenRequest

SPECIFICATION = Path(__file__).resolve().parents[2].parent / "shared" / "venice" / "openapi-image.json"
SCHEMAS = {
    "/image/edit": "EditImageRequest",
    "/image/multi-edit": "MultiEditImageRequest",
    "/image/background-remove": "BackgroundRemoveImageRequest",
    "/image/upscale": "UpscaleImageRequest",
    "/image/generate": "GenerateImageRequest",
    "/images/generations": "SimpleGenerateImageRequest",
}


def modern(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` and boolean exclusive bounds in the words of today's JSON Schema."""
    if isinstance(schema, list):
        return [modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: modern(value) for name, value in schema.items()}
    for kind in ("Minimum", "Maximum"):
        if result.get(f"exclusive{kind}") is True:
            result[f"exclusive{kind}"] = result.pop(kind.lower())
    if result.pop("nullable", False) is True:
        return {"anyOf": [result, {"type": "null"}]}
    return result


@cache
def published() -> dict[str, Any]:
    """The document as it was published; only where it exists."""
    loaded: dict[str, Any] = modern(json.loads(SPECIFICATION.read_text("utf-8")))
    return loaded


def properties(path: str) -> dict[str, Any]:
    """A request's published fields."""
    found: dict[str, Any] = published()["components"]["schemas"][SCHEMAS[path]]["properties"]
    return found


def answer_schema(
    document: dict[str, Any], method: str, path: str, status: int = 200
) -> Draft202012Validator:
    responses = document["paths"][path][method]["responses"]
    schema = responses[str(status)]["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


def request_problems(path: str, fields: dict[str, Any], files: list[str], *, form: bool) -> list[str]:
    """What is wrong with a request by the document; `files`: the names of its pictures.

    `form`: it is multipart, so that its fields are texts.
    """
    sent = dict(fields)
    if form:
        sent = {name: _typed(value, properties(path).get(name, {})) for name, value in fields.items()}
    for name in files:
        if name == "images":
            sent.setdefault(name, []).append("a picture")
        else:
            sent[name] = "a picture"
    validator = Draft202012Validator({**published(), "$ref": f"#/components/schemas/{SCHEMAS[path]}"})
    return [
        f"{path}: {error.message}" for error in validator.iter_errors(sent) if not _is_behind(path, error)
    ]


def answer_problems(method: str, path: str, body: Any) -> list[str]:
    """What is wrong with a success in JSON by the document."""
    # the newer notes have both forms of the list of styles, the document only the object
    if path == "/image/styles" and isinstance(body, list):
        body = {"object": "list", "data": body}
    validator = answer_schema(published(), method.lower(), path)
    return [f"{path} answers: {error.message}" for error in validator.iter_errors(body)]


def _is_behind(path: str, error: Any) -> bool:
    """What the newer notes take and the document does not have.

    output_format jpg, another word for jpeg; ratios such as 4:3, as each model's own list has the last word;
    longer prompts, likewise; the field anon_user_id.
    """
    place = list(error.path)
    if path in ("/image/edit", "/image/multi-edit"):
        ratio = place == ["aspect_ratio"] and ":" in str(error.instance)
        newer = ratio or (place == ["output_format"] and error.instance == "jpg")
    else:
        newer = path == "/image/generate" and error.validator == "maxLength"
    return newer or (error.validator == "additionalProperties" and "('anon_user_id' was" in error.message)


def _typed(value: Any, schema: dict[str, Any]) -> Any:
    """A form's text as the JSON value it stands for, if it stands for one."""
    kinds = {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))}
    if "boolean" in kinds:
        return {"true": True, "false": False}.get(value, value)
    if kinds & {"number", "integer"}:
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def check_documented(requests: Iterable[SeenRequest]) -> None:
    """Fails where one of Venice's that arrived whole is not as Venice documents it, if that is known here."""
    if not SPECIFICATION.exists():
        return
    for seen in requests:
        if seen.complete and seen.path.startswith("/api/v1/"):
            form = seen.headers["Content-Type"].startswith("multipart/")
            path, files = seen.path.removeprefix("/api/v1"), [file.name for file in seen.files]
            assert request_problems(path, seen.fields, files, form=form) == []
