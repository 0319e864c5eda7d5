"""A picture to work on, and what a run must leave as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gimp2_machine import Gimp2
from pictures import photo
from stack import Scene

EDIT, CUTOUT, GENERATE = (
    "python-fu-venice-edit",
    "python-fu-venice-remove-background",
    "python-fu-venice-generate",
)
CANVAS = (360, 280)
LAYER = (-30, -20, 300, 220)
INSIDE = (60, 40, 140, 100)

Array = npt.NDArray[np.uint8]


def make_scene(gimp: Gimp2) -> Scene:
    image = gimp.new_image(*CANVAS)
    gimp.add_layer(image, photo("astronaut", *CANVAS), name="background")
    group = gimp.add_group(image)
    gimp.add_layer(image, photo("chelsea", 150, 100), (40, 150), "below", group)
    source = gimp.add_layer(image, photo("coffee", *LAYER[2:]), LAYER[:2], "source · Quelle", group)
    above = gimp.add_layer(image, photo("chelsea", 60, 45), (250, 10), "above", group)
    gimp.call("call", "gimp-layer-set-opacity", {"item": above}, 60.0)
    gimp.call("call", "gimp-image-set-active-layer", {"image": image}, {"item": source})
    return Scene(image, source, group)


def found_in(layers: list[dict[str, Any]], number: int) -> tuple[list[dict[str, Any]], int]:
    """The siblings among which a layer is, topmost first, and its place."""
    for place, layer in enumerate(layers):
        if layer["id"] == number:
            return layers, place
        siblings, inside = found_in(layer["children"], number)
        if siblings:
            return siblings, inside
    return [], -1


def rgba(picture: Array) -> Array:
    """With alpha, opaque where it has none."""
    if picture.ndim == 2:
        picture = np.dstack([picture] * 3)
    if picture.shape[2] == 4:
        return picture
    return np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])


def selection_of(gimp: Gimp2, image: int) -> Array:
    return np.asarray(gimp.coverage(image))
