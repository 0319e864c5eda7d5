"""Pictures as text in JSON."""

from __future__ import annotations

import base64
import binascii

_URL_SAFE = str.maketrans("-_", "+/")


def from_base64(text: str) -> bytes:
    """Base64 in either alphabet, padded or not, bare or as a data URI; b"" for what is neither."""
    _, comma, data = text.partition(",")
    data = data if comma and text.lower().startswith("data:") else text
    data = "".join(data.split()).rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
