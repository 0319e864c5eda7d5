"""What is left of an answer that a service has blocked: pictures that were blacked out are none."""

from __future__ import annotations

from venice_core.errors import UnreadableImage
from venice_core.imaging import codecs


def shown(files: dict[int, bytes]) -> dict[int, bytes]:
    """Those of several pictures that show something, where a service says that some are blocked.

    It does not say which. Blocked are those of one color all over; where none is, any may be: none is left.
    """
    left = {number: data for number, data in files.items() if not is_blank(data)}
    return left if len(left) < len(files) else {}


def is_blank(data: bytes) -> bool:
    """Whether a picture has one color all over."""
    try:
        pixels = codecs.decode(data).pixels
    except UnreadableImage:
        return False
    return bool((pixels == pixels[:1, :1]).all())
