"""Pictures in answers: as they are, and as text."""

from __future__ import annotations

import base64
import binascii

from venice_core.imaging.formats import is_picture
from venice_core.network.messages import Response

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


def bare(response: Response) -> bytes:
    """The picture file that a body is, whatever its label says, as it is or as text; b"" where it is none."""
    body = response.body
    if is_picture(body):
        return body
    told = response.json
    if told is None and body.isascii():
        told = body.decode("ascii")
    data = from_base64(told.strip()) if isinstance(told, str) else b""
    return data if is_picture(data) else b""
