"""Interpret refusals of OpenAI-compatible services: OpenAI's own error bodies, FastAPI's, and others."""

from __future__ import annotations

import re

from venice_core.errors import UnknownModel, VeniceError
from venice_core.network.messages import Response
from venice_core.providers.error_details import Refusals
from venice_core.providers.response_text import Words

_NO_MODEL = re.compile(r"\b(model|deployment)\b.{0,120}\b(not exist|not found)\b", re.IGNORECASE | re.DOTALL)


def _has_error(response: Response) -> bool:
    body = response.json
    return isinstance(body, dict) and isinstance(body.get("error"), dict)


def _own(response: Response, said: Words) -> type[VeniceError] | None:
    missing = response.status == 404 and not said.page and _NO_MODEL.search(said.text)
    return UnknownModel if missing else None


_refusals = Refusals(_has_error, _own)
failure, is_busy = _refusals.failure, _refusals.is_busy
