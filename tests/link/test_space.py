"""Whose color space a new layer takes: of what lies next to it, wherever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import load_module

SHARED = Path(__file__).resolve().parents[2] / "plug-ins/shared"
CANVAS = {"width": 100, "height": 80}


def layer(
    name: str, x: int = 0, y: int = 0, width: int = 100, height: int = 80, **more: Any
) -> dict[str, Any]:
    bounds = {"x": x, "y": y, "width": width, "height": height}
    return {"name": name, "bounds": bounds, "visible": True, "mixed": False, **more}


NEW = layer("new", 20, 20, 40, 40)
OVER_THE_EDGE = layer("new", -50, 60, 100, 100)
OUTSIDE = layer("new", 200, 200)
HIDDEN, SMALL = layer("hidden", visible=False), layer("small", 20, 20, 39, 40)
MASKED = layer("masked", mixed=True)
A, B, C = layer("a"), layer("b"), layer("c")


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([NEW], None),
        ([NEW, A], None),
        ([NEW, MASKED], "masked"),
        ([NEW, A, B], "a"),
        ([A, NEW], "a"),
        ([A, B, NEW, C], "b"),
        ([A, HIDDEN, NEW, B], "a"),
        ([A, SMALL, NEW, B], "a"),
        ([SMALL, NEW, A], None),
        ([HIDDEN, NEW, HIDDEN, A], None),
        ([NEW, SMALL, A, B], "a"),
        ([NEW, A, SMALL], None),
        ([NEW, A, HIDDEN], None),
        ([A, OVER_THE_EDGE, B], "a"),
        ([A, OUTSIDE, B, C], None),
    ],
)
def test_the_next_layer_that_is_visible_all_over_it_decides(
    monkeypatch: pytest.MonkeyPatch, stack: list[dict[str, Any]], expected: str | None
) -> None:
    monkeypatch.syspath_prepend(SHARED)
    decisive = load_module(SHARED / "venice_space.py").decisive
    (place,) = [number for number, each in enumerate(stack) if each["name"] == "new"]
    found = decisive(
        stack,
        place,
        CANVAS,
        lambda each: each["bounds"],
        lambda each: each["visible"],
        lambda each: each["mixed"],
    )
    assert (found and found["name"]) == expected
