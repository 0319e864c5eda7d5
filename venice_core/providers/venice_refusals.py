"""What Venice's refusals mean: a status and a body of any shape as one error of the tree."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from venice_core.errors import (
    BadKey,
    Busy,
    Forbidden,
    InvalidRequest,
    KeyUnseen,
    NoFunds,
    NotFound,
    PolicyRefusal,
    Refused,
    ServerFailure,
    TooLarge,
    UnknownModel,
    VeniceError,
)
from venice_core.settings import Secret
from venice_core.transport import Response

_BY_STATUS: dict[int, type[Refused]] = {
    401: BadKey,
    402: NoFunds,
    403: Forbidden,
    404: NotFound,
    410: UnknownModel,
    413: TooLarge,
    422: PolicyRefusal,
}
_ACCESS = re.compile(r"access level|only available to|not available to|not authori[sz]ed to", re.IGNORECASE)
_ABOUT_MODEL = re.compile(r"\bmodel", re.IGNORECASE)
_LONGEST = 500
_DEEPEST = 4


def is_busy(response: Response) -> bool:
    """Whether the service says "not now" as documented: 429, or 503 as JSON.

    A gateway's own 503 may come after the request was worked on.
    """
    if response.status != 503:
        return response.status == 429
    body = response.json
    return isinstance(body, dict) and isinstance(body.get("error"), str | dict)


def failure(response: Response, key: Secret) -> VeniceError:
    """What a response that is no success means; `key` is kept out of the server's words."""
    status, detail = response.status, words(response, key)
    facts: dict[str, Any] = {"status": status, "request_id": key.scrub(request_id(response))}
    if is_busy(response):
        return Busy(detail, **facts)
    if 300 <= status < 400:
        return ServerFailure("a redirect, which is not followed", **facts)
    if not 400 <= status < 500:
        return ServerFailure(detail, **facts)
    return _refusal(response, detail)(detail, **facts)


def _refusal(response: Response, detail: str) -> type[Refused]:
    status, body = response.status, response.json
    if status == 401 and _ACCESS.search(detail):
        return Forbidden
    if status == 402 and isinstance(body, dict) and "accepts" in body:
        return KeyUnseen
    if status == 404 and isinstance(body, dict) and _ABOUT_MODEL.search(detail):
        return UnknownModel
    return _BY_STATUS.get(status, InvalidRequest)


def request_id(response: Response) -> str:
    """The service's support id."""
    body = response.json if len(response.body) < 100_000 else None
    named = body.get("request_id") if isinstance(body, dict) else None
    return _one_line(named if named and isinstance(named, str) else response.headers.get("cf-ray", ""))


def words(response: Response, key: Secret) -> str:
    """The server's own words, without `key`, in one line of at most 500 characters; "" where it has none."""
    body = response.json
    if isinstance(body, dict):
        try:
            lines = _from_json(body)
        except RecursionError:  # nested as nothing is that means something
            return ""
        return _one_line(key.scrub("; ".join(dict.fromkeys(lines))))
    # the key goes first: of one that is cut through, a part would stay
    text = key.scrub(response.body)[:2000].decode("utf-8", "replace")
    if "<html" in text.lower():
        begin, end = text.lower().find("<title>"), text.lower().find("</title>")
        return _one_line(text[begin + 7 : end]) if 0 <= begin < end else "an HTML page"
    printable = sum((c.isprintable() and c != "\ufffd") or c.isspace() for c in text)
    return _one_line(text) if text and printable > 0.9 * len(text) else ""


def _from_json(body: Mapping[str, Any]) -> list[str]:
    """The error, then what is wrong field by field: from `issues`, or else from `details`."""
    error = body.get("error") or body.get("message") or body.get("detail")
    if isinstance(error, dict):
        error = error.get("message") or json.dumps(error)
    parts = [str(error)] if error else []
    issues = [_issue(issue) for issue in _list(body.get("issues")) if isinstance(issue, dict)]
    return parts + (issues or _details(body.get("details"), ""))


def _issue(issue: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in _list(issue.get("path")))
    message = str(issue.get("message", ""))
    return f"{where}: {message}" if where else message


def _details(details: Any, where: str) -> list[str]:
    """A text, or texts under `_errors` at any field."""
    if isinstance(details, str):
        return [f"{where}: {details}" if where else details]
    if isinstance(details, list):
        return [line for each in details for line in _details(each, where)]
    if not isinstance(details, dict) or where.count(".") >= _DEEPEST:
        return []
    lines = []
    for name, value in details.items():
        inner = where if name == "_errors" else f"{where}.{name}" if where else str(name)
        lines += _details(value, inner)
    return lines


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _one_line(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
