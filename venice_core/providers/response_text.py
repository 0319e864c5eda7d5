"""Extract what a server says in a response of any shape, even if others have wrapped it.

A proxy repeats the response of the service behind it inside its own: as JSON in a string, as a Python
dictionary, truncated, or as a web page. The innermost message counts.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from venice_core.network.messages import Response
from venice_core.providers import web_pages
from venice_core.secret import Secret

_LONGEST = 500
MAX_TOLD_PROMPT = 2000
"""How many characters of a prompt rewritten by the service the user is shown."""
_DEEPEST = 12
_READ_CHARACTERS = 10_000
_TRIES = 8
"""How many places of a text are tried as the possible beginning of an object."""
_SPOKEN = ("error", "errors", "message", "detail", "msg", "error_description", "title")
"""Where an object has its message; the first that is present counts."""
_ECHOED = ("input", "flagged_input", "prompt", "ctx", "request")
"""Where a server repeats what it was sent, which is not a message of its own."""

_OPENING = re.compile(r"""[{\[](?=\s*(?:\\*["'{\[]|[}\]]))""")
_FAULTS = re.compile(r"""["']detail\\*["']\s*:\s*\[""")
_PYTHONIC = re.compile(r"[{\[\s]*b?'")
_MESSAGE = re.compile(
    r"""\\*["'](?:message|msg|detail|error)\\*["']\s*:\s*\\*(["'])(.+?)(?:\\*\1\s*[,}]|$)""", re.DOTALL
)
_WRAPPER = re.compile(
    r"\s*(?:(?:[\w.]+(?:Error|Exception)|[\w.]*Timeout(?: Error)?)\s*[:-]\s*)*(?:Error code: \d+ - )?"
)
"""What programs put before a response that they repeat: the names of exceptions."""
_PYTHON = re.compile(
    r"""b?'((?:[^'\\]|\\.)*)'|b?("(?:[^"\\]|\\.)*")|\b(None|True|False)\b|,\s*(?=[)\]}])|[()]""", re.DOTALL
)
_AS_JSON = {"None": "null", "True": "true", "False": "false", "(": "[", ")": "]"}
_QUOTED = re.compile(r"""(?:[^"\\]|\\.)*""", re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True)
class Words:
    """What was said."""

    line: str
    """For the user, without the key; "" if nothing was said."""
    text: str
    """All of it, for searching."""
    page: bool = False
    """Whether it is or contains a web page, which no service sends to a program."""
    faults: bool = False
    """Whether it is or contains FastAPI's list of what is wrong with a request."""
    hearsay: bool = False
    """Whether it reports another's response without saying which."""


@dataclass
class _Heard:
    """What is found while walking through a response."""

    texts: list[str] = field(default_factory=list)
    faults: bool = False
    wrapped: bool = False
    inner: bool = False

    def walk(self, value: Any, depth: int = 0) -> None:
        if depth > _DEEPEST:
            return
        if isinstance(value, str):
            value = value[:_READ_CHARACTERS]
            self.texts.append(value)
            self.faults = self.faults or bool(_FAULTS.search(value))
            self.wrapped = self.wrapped or _WRAPPER.sub("", value, count=1) != value
            for inner in _objects(value):
                self.inner = True
                self.walk(inner, depth + 1)
        elif isinstance(value, list):
            for each in value:
                self.walk(each, depth + 1)
        elif isinstance(value, Mapping):
            self.faults = self.faults or isinstance(value.get("detail"), list)
            for name, each in value.items():
                if name not in _ECHOED:
                    self.walk(each, depth + 1)


def read(response: Response, key: Secret) -> Words:
    """Return what a response says; `key` is removed from what the user sees."""
    # the key goes first: of one that is cut through, a part would stay
    heard, data = _Heard(), key.scrub(response.body)
    body = Response(response.status, {}, data).json
    if not isinstance(body, dict):
        body = data[:_READ_CHARACTERS].decode("utf-8", "replace")
        body = body if _is_text(body) else ""
    heard.walk(body)
    page = any(web_pages.begins(text) is not None for text in heard.texts)
    return Words(
        one_line(key.scrub("; ".join(dict.fromkeys(filter(None, _spoken(body)))))),
        "\n".join(heard.texts),
        page,
        heard.faults,
        page or (heard.wrapped and not heard.inner),
    )


def words(response: Response, key: Secret) -> str:
    """Return the server's message without `key`, in one line of at most 500 characters; else ""."""
    return read(response, key).line


def _spoken(value: Any, depth: int = 0) -> list[str]:
    """Return the messages in a value: the innermost ones, then what is wrong with each field."""
    if depth > _DEEPEST:
        return []
    if isinstance(value, str):
        return _spoken_in(value, depth)
    if isinstance(value, list):
        return [line for each in value for line in _spoken(each, depth + 1)]
    if not isinstance(value, Mapping):
        return []
    if _is_issue(value):
        return [_issue(value)]
    metadata = value.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    found = (_spoken(each, depth + 1) for each in (raw, *map(value.get, _SPOKEN)) if each)
    lines = next(filter(None, found), [])
    if depth:
        return lines or (_dumped(value) if depth == 1 else [])
    issues = [_issue(issue) for issue in _list(value.get("issues")) if isinstance(issue, dict)]
    return lines + (issues or _details(value.get("details"), ""))


def _spoken_in(text: str, depth: int) -> list[str]:
    """Return the messages of the response that a text wraps."""
    text = text[:_READ_CHARACTERS]
    if (begin := web_pages.begins(text)) is not None:
        return [web_pages.described(text[begin:])]
    for inner in _objects(text):
        if lines := _spoken(inner, depth + 2):
            return lines
    cut_off = _MESSAGE.search(text)
    if cut_off:
        return [re.sub(r"\\+[nrt]", " ", re.sub(r"""\\+(["'\\])""", r"\1", cut_off[2]))]
    return [_WRAPPER.sub("", text, count=1)]


def _objects(text: str) -> Iterator[Any]:
    """Yield the non-empty objects and lists in a text, in whatever notation."""
    place = 0
    for _ in range(_TRIES):
        opening = _OPENING.search(text, place)
        if opening is None:
            return
        place = opening.start() + 1
        for form in _notations(text[opening.start() :]):
            try:
                value, end = _DECODER.raw_decode(form)
            except (ValueError, RecursionError):
                continue
            if value:
                yield value
            place = opening.start() + end
            break


def _notations(text: str) -> Iterator[str]:
    """Yield a text as it is, with the escapes of a JSON string resolved, and with Python's quotes changed."""
    yield text
    if "\\" in text and (quoted := _QUOTED.match(text)):
        with contextlib.suppress(ValueError):
            yield str(_DECODER.decode(f'"{quoted[0]}"'))
    if _PYTHONIC.match(text):
        yield _PYTHON.sub(_as_json, text)


def _as_json(match: re.Match[str]) -> str:
    single, double, _ = match.groups()
    if single is None and double is None:
        return _AS_JSON.get(match[0], "")
    text = double if single is None else '"' + re.sub(r'\\.|"', _requoted, single, flags=re.DOTALL) + '"'
    return re.sub(r"\\x([0-9a-fA-F]{2})", r"\\u00\1", text)


def _requoted(match: re.Match[str]) -> str:
    """Requote a match: single-quoted text is written differently in double quotes."""
    return {"\\'": "'", '"': '\\"'}.get(match[0], match[0])


def _is_text(text: str) -> bool:
    printable = sum((c.isprintable() and c != "\ufffd") or c.isspace() for c in text)
    return bool(text) and printable > 0.9 * len(text)


def _is_issue(value: Mapping[str, Any]) -> bool:
    """Return whether it says what is wrong with one field."""
    return bool(value.get("msg") or value.get("message")) and ("loc" in value or "path" in value)


def _issue(issue: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in _list(issue.get("path") or issue.get("loc")))
    message = str(issue.get("message") or issue.get("msg") or "")
    return f"{where}: {message}" if where else message


def _details(details: Any, where: str, depth: int = 0) -> list[str]:
    """Return a text, or the texts under `_errors` of any field."""
    if isinstance(details, str):
        return [f"{where}: {details}" if where else details]
    if depth > _DEEPEST:
        return []
    if isinstance(details, list):
        return [line for each in details for line in _details(each, where, depth + 1)]
    if not isinstance(details, dict):
        return []
    lines = []
    for name, value in details.items():
        inner = where if name == "_errors" else f"{where}.{name}" if where else str(name)
        lines += _details(value, inner, depth + 1)
    return lines


def _dumped(value: Mapping[str, Any]) -> list[str]:
    try:
        return [json.dumps(value)]
    except RecursionError:  # nested as nothing is that means something
        return []


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Return a server's text for the user: printable, in one line, of limited length."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
