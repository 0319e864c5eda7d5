"""What a refusal means by its status, and what it says: a server's own words of any shape, in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from venice_core.errors import (
    BadKey,
    Busy,
    Forbidden,
    InvalidRequest,
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

_LONGEST = 500
MAX_TOLD_PROMPT = 2000
"""Characters of a prompt as a service has rewritten it, that people are shown."""
_DEEPEST = 4
_SUPPORT_IDS = ("x-request-id", "cf-ray")
_BY_STATUS: dict[int, type[Refused]] = {
    401: BadKey,
    402: NoFunds,
    403: Forbidden,
    404: NotFound,
    410: UnknownModel,
    413: TooLarge,
    422: PolicyRefusal,
}


def by_status(status: int) -> type[Refused]:
    """What a refusal (4xx) means where its body says nothing finer."""
    return _BY_STATUS.get(status, InvalidRequest)


def failure(
    response: Response, key: Secret, *, busy: bool, refusal: Callable[[str], type[Refused]]
) -> VeniceError:
    """What a response that is no success means; `key` is kept out of the server's words.

    `busy`: the service says "not now"; `refusal`: what those words mean if it is one (4xx).
    """
    facts: dict[str, Any] = {"status": response.status, "request_id": key.scrub(request_id(response))}
    detail = words(response, key)
    if busy:
        return Busy(detail, **facts)
    if 300 <= response.status < 400:
        return ServerFailure("a redirect, which is not followed", **facts)
    if 400 <= response.status < 500:
        return refusal(detail)(detail, **facts)
    return ServerFailure(detail, **facts)


def request_id(response: Response) -> str:
    """The service's support id."""
    body = response.json if len(response.body) < 100_000 else None
    named = body.get("request_id") if isinstance(body, dict) else None
    if named and isinstance(named, str):
        return one_line(named)
    return one_line(next((response.headers[name] for name in _SUPPORT_IDS if response.headers.get(name)), ""))


def words(response: Response, key: Secret) -> str:
    """The server's own words, without `key`, in one line of at most 500 characters; "" where it has none."""
    body = response.json
    if isinstance(body, dict):
        try:
            lines = _from_json(body)
        except RecursionError:  # nested as nothing is that means something
            return ""
        return one_line(key.scrub("; ".join(dict.fromkeys(lines))))
    # the key goes first: of one that is cut through, a part would stay
    text = key.scrub(response.body)[:2000].decode("utf-8", "replace")
    if "<html" in text.lower():
        begin, end = text.lower().find("<title>"), text.lower().find("</title>")
        return one_line(text[begin + 7 : end]) if 0 <= begin < end else "an HTML page"
    printable = sum((c.isprintable() and c != "\ufffd") or c.isspace() for c in text)
    return one_line(text) if text and printable > 0.9 * len(text) else ""


def _from_json(body: Mapping[str, Any]) -> list[str]:
    """The error, then what is wrong field by field: from `issues`, or else from `details`."""
    error = body.get("error") or body.get("message") or body.get("detail")
    if isinstance(error, dict):
        error = error.get("message") or json.dumps(error)
    if isinstance(error, list):  # as FastAPI tells what is wrong with a request
        return [_issue(issue) if isinstance(issue, dict) else str(issue) for issue in error]
    parts = [str(error)] if error else []
    issues = [_issue(issue) for issue in _list(body.get("issues")) if isinstance(issue, dict)]
    return parts + (issues or _details(body.get("details"), ""))


def _issue(issue: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in _list(issue.get("path") or issue.get("loc")))
    message = str(issue.get("message") or issue.get("msg") or "")
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


def one_line(text: str, longest: int = _LONGEST) -> str:
    """A server's text for people: printable, in one line, of at most so many characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
