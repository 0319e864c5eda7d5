"""Read entries of the settings from JSON; errors say what an invalid one must be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any

from venice_core.errors import BadInput
from venice_core.network.urls import check_url

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(\[\])?")


class EntryReader:
    """Reads the entries of one provider; every method returns the value or raises BadInput.

    `within` is put before the entries' names in messages.
    """

    def __init__(self, name: str, within: str = "") -> None:
        self._about = f"The provider “{name}” in the settings:"
        self._within = within

    def wrong(self, entry: str, expected: str) -> BadInput:
        return BadInput(f"{self._about} “{self._within}{entry}” must be {expected}.")

    def unknown(self, entry: str, known: Collection[str]) -> BadInput:
        near = difflib.get_close_matches(entry, known, 1, 0.6)
        hint = f" Did you mean “{near[0]}”?" if near else f" Known entries: {', '.join(known)}."
        return BadInput(f"{self._about} “{self._within}{entry}” is not a known entry.{hint}")

    def text(self, entry: str, value: Any) -> str:
        if not isinstance(value, str) or not value.isprintable():
            raise self.wrong(entry, "a line of text")
        return value.strip()

    def matching(self, pattern: re.Pattern[str], entry: str, value: Any) -> str:
        """Return a name of that form, or ""."""
        text = self.text(entry, value)
        if text and not pattern.fullmatch(text):
            raise self.wrong(entry, "a name")
        return text

    def url(self, entry: str, value: Any) -> str:
        text = self.text(entry, value)
        try:
            return check_url(text) if text else ""
        except BadInput as error:
            raise BadInput(f"{self._about} “{entry}”: {error.detail}") from error

    def flag(self, entry: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(entry, "true or false")
        return value

    def whole(self, entry: str, value: Any, low: int = 1, high: int = 2**31) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            allowed = f", {low} or more" if high == 2**31 else f" from {low} to {high}"
            raise self.wrong(entry, f"a whole number{allowed}")
        return value

    def amount(self, entry: str, value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value < 1e6:
            raise self.wrong(entry, "an amount in US dollars, 0 or more")
        return float(value)

    def one_of(self, entry: str, value: Any, values: tuple[str, ...]) -> str:
        if value not in values:
            raise self.wrong(entry, " or ".join(values))
        return str(value)

    def field(self, entry: str, value: Any) -> str:
        text = self.text(entry, value)
        if text and not _FIELD.fullmatch(text):
            raise self.wrong(entry, "the name of a request field, such as image or image[]")
        return text

    def texts(self, entry: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise self.wrong(entry, "a list of strings")
        return tuple(value)

    def object(self, entry: str, value: Any, known: Collection[str] = ()) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.wrong(entry, "an object")
        for key in value:
            if known and key not in known:
                raise self.unknown(f"{entry}.{key}", [f"{entry}.{each}" for each in known])
        return value

    def scalars(self, entry: str, value: Any) -> Mapping[str, Any]:
        found = self.object(entry, value)
        if not all(isinstance(each, str | int | float | bool) for each in found.values()):
            raise self.wrong(entry, "an object of request fields with plain values")
        return found
