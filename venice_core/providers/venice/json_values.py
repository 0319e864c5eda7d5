"""Values in the service's JSON, of which anything may be missing or of another type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return an object, empty if it is not one."""
    return value if isinstance(value, Mapping) else {}


def as_text(value: Any) -> str:
    """Return a text, "" if it is not one."""
    return value if isinstance(value, str) else ""


def as_texts(value: Any) -> tuple[str, ...]:
    """Return the texts in a list."""
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def as_whole(value: Any) -> int | None:
    """Return a number of 0 or more without its fraction; None if it is not one, or too large."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31
    return int(value) if number else None
