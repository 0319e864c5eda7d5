"""A stack of layers to work on, and what a run must leave of it as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scene:
    """A photograph in a group on a larger canvas, with layers around it."""

    image: int
    source: int
    group: int


def without(layers: list[dict[str, Any]], *new: int) -> list[dict[str, Any]]:
    """A tree of layers as it is without some of them."""
    return [
        {**layer, "children": without(layer["children"], *new)} for layer in layers if layer["id"] not in new
    ]


def untouched(snapshot: dict[str, Any], *new: int) -> dict[str, Any]:
    """What a run must leave as it was."""
    kept = {name: value for name, value in snapshot.items() if name not in ("dirty", "visible")}
    return {**kept, "layers": without(snapshot["layers"], *new)}


def hidden(state: dict[str, Any], layer: int) -> dict[str, Any]:
    """The same with a layer or group made invisible."""
    return {**state, "layers": _hidden(state["layers"], layer)}


def _hidden(layers: list[dict[str, Any]], layer: int) -> list[dict[str, Any]]:
    return [
        {
            **each,
            "visible": each["visible"] and each["id"] != layer,
            "children": _hidden(each["children"], layer),
        }
        for each in layers
    ]
