"""What Venice's refusals mean: a status and a body of any shape as one error of the tree."""

from __future__ import annotations

import re
from functools import partial

from venice_core.errors import (
    Forbidden,
    KeyUnseen,
    Refused,
    UnknownModel,
    VeniceError,
)
from venice_core.providers import refusals
from venice_core.settings import Secret
from venice_core.transport import Response

_ACCESS = re.compile(r"access level|only available to|not available to|not authori[sz]ed to", re.IGNORECASE)
_ABOUT_MODEL = re.compile(r"\bmodel", re.IGNORECASE)


def is_busy(response: Response) -> bool:
    """Whether the service says "not now" as documented: 429, or 503 as JSON.

    A gateway's own 503 may come after the request was worked on.
    """
    if response.status != 503:
        return response.status == 429
    body = response.json
    return isinstance(body, dict) and isinstance(body.get("error"), str | dict)


def failure(response: Response, key: Secret) -> VeniceError:
    """What a response that is no success means; `key` is kept out of the server's words."""
    return refusals.failure(response, key, busy=is_busy(response), refusal=partial(_refusal, response))


def _refusal(response: Response, detail: str) -> type[Refused]:
    status, body = response.status, response.json
    if status == 401 and _ACCESS.search(detail):
        return Forbidden
    if status == 402 and isinstance(body, dict) and "accepts" in body:
        return KeyUnseen
    if status == 404 and isinstance(body, dict) and _ABOUT_MODEL.search(detail):
        return UnknownModel
    return refusals.by_status(status)
