"""What a server says in an answer, of any shape, and however many others have wrapped it.

A proxy repeats the answer of the service behind it inside its own: as JSON in a text, as Python writes a
dictionary, cut off, as a web page. What counts is what is said innermost.
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
"""Characters of a prompt as a service has rewritten it, that people are shown."""
_DEEPEST = 12
_READ_CHARACTERS = 10_000
_TRIES = 8
"""How many places of a text are tried that may be the beginning of an object."""
_SPOKEN = ("error", "errors", "message", "detail", "msg", "error_description", "title")
"""Where words stand in an object, the first that is there."""
_ECHOED = ("input", "flagged_input", "prompt", "ctx", "request")
"""Where a server repeats what it was sent: no words of its own."""

_OPENING = re.compile(r"""[{\[](?=\s*(?:\\*["'{\[]|[}\]]))""")
_FAULTS = re.compile(r"""["']detail\\*["']\s*:\s*\[""")
_PYTHONIC = re.compile(r"[{\[\s]*b?'")
_MESSAGE = re.compile(
    r"""\\*["'](?:message|msg|detail|error)\\*["']\s*:\s*\\*(["'])(.+?)(?:\\*\1\s*[,}]|$)""", re.DOTALL
)
_WRAPPER = re.compile(
    r"\s*(?:(?:[\w.]+(?:Error|Exception)|[\w.]*Timeout(?: Error)?)\s*[:-]\s*)*(?:Error code: \d+ - )?"
)
"""What programs put before the answer that they repeat: the names of exceptions."""
_PYTHON = re.compile(
    r"""b?'((?:[^'\\]|\\.)*)'|b?("(?:[^"\\]|\\.)*")|\b(None|True|False)\b|,\s*(?=[)\]}])|[()]""", re.DOTALL
)
_AS_JSON = {"None": "null", "True": "true", "False": "false", "(": "[", ")": "]"}
_QUOTED = re.compile(r"""(?:[^"\\]|\\.)*""", re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True)
class Words:
    """What was said.

    `line`: for people, without the key; "" where it says nothing. `text`: all of it, to be searched.
    `page`: it is or holds a web page, which no service writes to a program. `faults`: it is or holds
    FastAPI's list of what is wrong with a request. `hearsay`: it tells of another's answer, but not which.
    """

    line: str
    text: str
    page: bool = False
    faults: bool = False
    hearsay: bool = False


@dataclass
class _Heard:
    """What is met on a walk through an answer."""

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
    """What the answer says; `key` is kept out of what people are told."""
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
    """The server's own words, without `key`, in one line of at most 500 characters; "" where it has none."""
    return read(response, key).line


def _spoken(value: Any, depth: int = 0) -> list[str]:
    """The words in a value: those that stand innermost, then what is wrong field by field."""
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
    """Of a text that wraps another's answer, what that says."""
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
    """Objects and lists with something in them that a text holds, in whatever notation."""
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
    """A text as it is, as it may have been before it was made a text in JSON, and read as Python's."""
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
    """Of a text in single quotes, what is another thing in double ones."""
    return {"\\'": "'", '"': '\\"'}.get(match[0], match[0])


def _is_text(text: str) -> bool:
    printable = sum((c.isprintable() and c != "\ufffd") or c.isspace() for c in text)
    return bool(text) and printable > 0.9 * len(text)


def _is_issue(value: Mapping[str, Any]) -> bool:
    """Whether it says what is wrong with one field."""
    return bool(value.get("msg") or value.get("message")) and ("loc" in value or "path" in value)


def _issue(issue: Mapping[str, Any]) -> str:
    where = ".".join(str(step) for step in _list(issue.get("path") or issue.get("loc")))
    message = str(issue.get("message") or issue.get("msg") or "")
    return f"{where}: {message}" if where else message


def _details(details: Any, where: str, depth: int = 0) -> list[str]:
    """A text, or texts under `_errors` at any field."""
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
    """A server's text for people: printable, in one line, of at most so many characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
