"""A key that does not show itself."""

from __future__ import annotations

from typing import AnyStr


class Secret:
    """A key that does not appear in logs, errors or tracebacks."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def sendable(self) -> bool:
        """Whether it can be sent in a header: visible ASCII characters only."""
        return self._value.isascii() and self._value.isprintable() and " " not in self._value

    @property
    def is_distinct(self) -> bool:
        """Whether it is long enough not to occur in a text by chance."""
        return len(self._value) >= 12

    def scrub(self, text: AnyStr) -> AnyStr:
        """Return `text` without the key, in case a server repeats it."""
        if not self._value:
            return text
        if isinstance(text, bytes):
            return text.replace(self._value.encode(), b"***")
        return text.replace(self._value, "***")

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")
