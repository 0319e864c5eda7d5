"""Requests and responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from venice_core.secret import Secret


@dataclass(frozen=True)
class File:
    """A part of a multipart body."""

    name: str
    filename: str
    data: bytes = field(repr=False)
    media_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Request:
    """A POST with a multipart body (`fields`, `files`) or with `json`; a GET if it has no body."""

    method: str
    url: str
    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    key: Secret = field(default_factory=lambda: Secret(""))
    json: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Response:
    """A response."""

    status: int
    headers: Mapping[str, str]
    """With lower-case names."""
    body: bytes = field(repr=False)

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None
