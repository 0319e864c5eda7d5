"""Interpret Venice's refusals: a status and a body of any shape as one error of the tree."""

from __future__ import annotations

import re

from venice_core.errors import (
    Forbidden,
    InvalidRequest,
    KeyNotReceived,
    NotInRegion,
    PrivateOnly,
    TooLarge,
    UnknownModel,
    VeniceError,
)
from venice_core.network.messages import Response
from venice_core.providers.error_details import Refusals
from venice_core.providers.response_text import Words

_ACCESS = re.compile(
    r"access level|only available to|not available to|not authori[sz]ed to|subscription|admin api key",
    re.IGNORECASE,
)
_PRIVATE = re.compile(r"anonym|privacy setting|modelprivacy|private[ _]only", re.IGNORECASE)
_REGION = re.compile(r"\b(region|country|location|jurisdiction)\b", re.IGNORECASE)
_ABOUT_MODEL = re.compile(r"\bmodel", re.IGNORECASE)
_ABOUT_INPUT = re.compile(r"\b(fetch|download|media)", re.IGNORECASE)
_MEASURES = re.compile(r"dimension|pixel|too large|exceed", re.IGNORECASE)
_POLICY = re.compile(r"policy|moderation|block", re.IGNORECASE)


def _documented(response: Response) -> bool:
    body = response.json
    return isinstance(body, dict) and isinstance(body.get("error"), str | dict)


def _own(response: Response, said: Words) -> type[VeniceError] | None:
    body, text = response.json, said.text
    if not isinstance(body, dict):
        return None  # not written by the service
    match response.status:
        case 401 if _ACCESS.search(text):
            return Forbidden
        case 402 if "accepts" in body:
            return KeyNotReceived
        case 403 if _PRIVATE.search(text):
            return PrivateOnly
        case 403 if _REGION.search(text):
            return NotInRegion
        case 404 if _ABOUT_MODEL.search(text):
            return UnknownModel
        case 404 if _ABOUT_INPUT.search(text):
            return InvalidRequest  # the picture, which the model's provider did not find
        case 422 if _MEASURES.search(text) and not _POLICY.search(text):
            return TooLarge
    return None


_refusals = Refusals(_documented, _own)
failure, is_busy = _refusals.failure, _refusals.is_busy
