"""Where a new result lies among the layers: above its source and all that was made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
import venice_layers
from paper_host import PaperHost
from venice_host import LayerState, StackItem

OLD: dict[str, Any] = {"version": 1}  # a recipe of 0.1.0, which does not name its source


@dataclass(eq=False)
class Layer:
    """`recipe`: None, or what it says; {"source": name} names another layer."""

    name: str
    recipe: dict[str, Any] | bytes | None = None
    children: list[Layer] = field(default_factory=list)
    locked: bool = False


class StackHost(PaperHost):
    """A stack of layers, topmost first. Their tattoos are the places of their names in the alphabet."""

    def describe_layer(self, drawable: Layer) -> LayerState:
        path = find(drawable.name, self.layers)
        locked = [group for group in path[:-1] if group.locked]
        described = LayerState(*[None] * len(LayerState._fields))
        return described._replace(
            layer=drawable, tattoo=ord(drawable.name), locked_group=locked[0] if locked else None
        )

    def stack(self, image: object) -> list[StackItem]:
        return [item_of(layer) for layer in self.layers]


def find(name: str, stack: list[Layer]) -> list[Layer]:
    """The layer of that name and the groups around it, outermost first; empty where it is not there."""
    for layer in stack:
        if layer.name == name:
            return [layer]
        if inside := find(name, layer.children):
            return [layer, *inside]
    return []


def item_of(layer: Layer) -> StackItem:
    recipe = layer.recipe
    if isinstance(recipe, dict):
        source = recipe.get("source")
        recipe = json.dumps({**recipe, "source": ord(source)} if source else recipe).encode()
    return StackItem(layer, ord(layer.name), recipe, [item_of(child) for child in layer.children])


def made_from(source: str) -> dict[str, str]:
    return {"source": source}


STACKS = {
    "alone": ([Layer("S")], "S"),
    "one result": ([Layer("A", made_from("S")), Layer("S")], "A"),
    "two results": ([Layer("B", made_from("S")), Layer("A", made_from("S")), Layer("S")], "B"),
    "somebody else's layer above": ([Layer("X"), Layer("A", made_from("S")), Layer("S")], "A"),
    "somebody else's layer between": ([Layer("A", made_from("S")), Layer("X"), Layer("S")], "A"),
    "a result of another layer": ([Layer("A", made_from("T")), Layer("T"), Layer("S")], "S"),
    "a result of a result": ([Layer("B", made_from("A")), Layer("A", made_from("S")), Layer("S")], "B"),
    "a result moved below": ([Layer("S"), Layer("A", made_from("S"))], "S"),
    "a result moved into a group": ([Layer("G", children=[Layer("A", made_from("S"))]), Layer("S")], "S"),
    "variations": ([Layer("G", made_from("S"), [Layer("A", made_from("S"))]), Layer("S")], "G"),
    "made of what is visible, at the top": ([Layer("A", made_from("S")), Layer("X"), Layer("S")], "A"),
    "0.1.0": ([Layer("A", OLD), Layer("S")], "A"),
    "0.1.0, twice": ([Layer("A", OLD), Layer("B", OLD), Layer("S")], "A"),
    "0.1.0, above another layer": ([Layer("A", OLD), Layer("X"), Layer("S")], "S"),
    "0.1.0's variations": ([Layer("G", None, [Layer("A", OLD), Layer("B", OLD)]), Layer("S")], "G"),
    "a group that holds a result among others": (
        [Layer("G", None, [Layer("A", OLD), Layer("X")]), Layer("S")],
        "S",
    ),
    "in a group": ([Layer("X"), Layer("G", None, [Layer("A", made_from("S")), Layer("S")])], "A"),
    "in a locked group": (
        [Layer("X"), Layer("G", None, [Layer("A", made_from("S")), Layer("S")], locked=True)],
        "G",
    ),
    "above a locked group": (
        [Layer("A", made_from("S")), Layer("G", None, [Layer("S")], locked=True)],
        "A",
    ),
    "without a source": ([Layer("A", {"source": None}), Layer("S")], "S"),
    "a recipe that cannot be read": ([Layer("A", b"{broken"), Layer("S")], "S"),
    "a recipe of another kind": ([Layer("A", b"[1, 2]"), Layer("S")], "S"),
    "a recipe that is too deep": ([Layer("A", b"[" * 100_000), Layer("S")], "S"),
    "a source that is no number": ([Layer("A", b'{"source": [1]}'), Layer("S")], "S"),
    "each other's results": ([Layer("A", made_from("B")), Layer("B", made_from("A")), Layer("S")], "S"),
    "made from itself": ([Layer("A", made_from("A")), Layer("S", made_from("S"))], "S"),
}


@pytest.mark.parametrize("name", STACKS)
def test_the_place_is_above_all_that_was_made_from_the_source(name: str) -> None:
    stack, expected = STACKS[name]
    host = StackHost(None, stack, None)
    assert venice_layers.place_above(host, "image", find("S", stack)[-1]).name == expected
