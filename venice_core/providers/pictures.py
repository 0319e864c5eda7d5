"""Pictures as text in JSON."""

from __future__ import annotations

import base64
import binascii


def from_base64(text: str) -> bytes:
    """Base64, bare or as a data URI; b"" for what is neither."""
    _, comma, data = text.partition(",")
    data = data if comma and text.lower().startswith("data:") else text
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
