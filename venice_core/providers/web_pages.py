"""Extract the text of HTML or XML pages where a program expected a message."""

from __future__ import annotations

import contextlib
import re
from html.parser import HTMLParser

_BEGINS = re.compile(r"<(?:!doctype\s+html|html|head|title|body|h1|\?xml)\b", re.IGNORECASE)
_UNSEEN = ("script", "style")


class _Page(HTMLParser):
    """Collects the text under each tag, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self._tag = ""
        with contextlib.suppress(AssertionError):  # which it raises at "<![" that is no section
            self.feed(text)
            self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._tag = tag

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag not in _UNSEEN:
            self.texts[self._tag] = f"{self.texts.get(self._tag, '')} {data}".strip()


def begins(text: str) -> int | None:
    """Return where a page begins in a text, or None if there is none."""
    match = _BEGINS.search(text)
    return match.start() if match else None


def described(text: str) -> str:
    """Describe a page for the user: that it is one, and its heading."""
    texts = _Page(text).texts
    heading = next((texts[tag] for tag in ("title", "h1", "h2", "message") if texts.get(tag)), "")
    heading = " ".join(heading.split())
    page = "an XML page" if text.lower().startswith("<?xml") else "an HTML page"
    return f"{page}, “{heading}”" if heading else page
