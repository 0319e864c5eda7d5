"""Leave out the pictures that a service blocked and replaced by black ones."""

from __future__ import annotations

from venice_core.errors import UnreadableImage
from venice_core.imaging import codecs


def shown(files: dict[int, bytes]) -> dict[int, bytes]:
    """Return the pictures that show something if a service reports that it blocked some.

    It does not say which. Pictures of a single color count as blocked; if there are none, any picture could
    be, and none is returned.
    """
    left = {number: data for number, data in files.items() if not is_blank(data)}
    return left if len(left) < len(files) else {}


def is_blank(data: bytes) -> bool:
    """Return whether a picture has a single color."""
    try:
        pixels = codecs.decode(data).pixels
    except UnreadableImage:
        return False
    return bool((pixels == pixels[:1, :1]).all())
