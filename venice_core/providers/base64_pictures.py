"""Pictures in responses, as bytes or as text."""

from __future__ import annotations

import base64
import binascii

from venice_core.imaging.formats import is_picture
from venice_core.network.messages import Response

_URL_SAFE = str.maketrans("-_", "+/")


def from_base64(text: str) -> bytes:
    """Decode base64 in either alphabet, padded or not, bare or as a data URI; b"" if it is neither."""
    _, comma, data = text.partition(",")
    data = data if comma and text.lower().startswith("data:") else text
    data = "".join(data.split()).rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def bare(response: Response) -> bytes:
    """Return the picture that is the body, as bytes or as text, whatever its content type; else b""."""
    body = response.body
    if is_picture(body):
        return body
    text = response.json
    if text is None and body.isascii():
        text = body.decode("ascii")
    data = from_base64(text.strip()) if isinstance(text, str) else b""
    return data if is_picture(data) else b""
