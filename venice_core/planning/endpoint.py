"""The image endpoints that a plan can choose between."""

from __future__ import annotations

from enum import Enum


class Endpoint(str, Enum):
    """An image endpoint."""

    EDIT = "/image/edit"
    MULTI_EDIT = "/image/multi-edit"
    BACKGROUND_REMOVE = "/image/background-remove"
    UPSCALE = "/image/upscale"
    GENERATE = "/image/generate"
    GENERATIONS = "/images/generations"
    EDITS = "/images/edits"
