# -*- coding: utf-8 -*-
"""The layers that a run works on, and the layer above which its result goes.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import json
import numbers

from venice_errors import HostError


def single_layer(host, image, drawables, for_reading=False):
    """Return the one layer to work on; `for_reading`: its group may be locked. Raises HostError."""
    layers = _layers_of(host, image, drawables)
    if len(layers) > 1:
        raise HostError("Select only one layer.")
    if not for_reading:
        _check_unlocked(host, layers[0])
    return layers[0]


def with_references(host, image, drawables):
    """Return the lowest layer, and the others from bottom to top as references. Raises HostError."""
    layers = _layers_of(host, image, drawables)
    _check_unlocked(host, layers[0])
    return layers[0], layers[1:]


def insertion_point(host, image, drawables):
    """Return the layer above which a new layer goes, or None for the top. Raises HostError."""
    _check_anchored(host.describe_image(image))
    layers = [state.layer for state in map(host.describe_layer, drawables) if state is not None]
    return host.bottom_up(image, layers)[-1] if layers else None


def _layers_of(host, image, drawables):
    """Return the layers, each once, from bottom to top; none of them is an empty group."""
    seen = host.describe_image(image)
    _check_anchored(seen)
    if not drawables:
        raise HostError("Select a layer first.")
    states = [host.describe_layer(drawable) for drawable in drawables]
    if None in states and seen.has_quick_mask:  # GIMP chooses its channel
        raise HostError("Quick Mask is on: turn it off (Shift+Q) and select a layer.")
    if None in states:
        raise HostError("Select a layer; channels cannot be edited this way.")
    if any(state.is_empty for state in states):
        raise HostError("This layer group is empty.")
    return host.bottom_up(image, [state.layer for state in states])


def _check_anchored(image_state):
    if image_state.has_floating_selection:
        raise HostError(
            "Anchor the floating selection first, or turn it into a layer (Layer > To New Layer)."
        )


def _check_unlocked(host, layer):
    locked = host.describe_layer(layer).locked_group
    if locked is not None:
        name = host.describe_layer(locked).name
        raise HostError(
            "The layer group “%s” is locked. Unlock it, because the result is placed in it." % name
        )


def place_above(host, image, source):
    """Return the layer or group above which a new result made from `source` goes.

    That is the topmost result in the source's group that was made from the source or one of its results, or
    else the source itself. If a group around the source is locked, that group takes its place.
    """
    state = host.describe_layer(source)
    anchor = state if state.locked_group is None else host.describe_layer(state.locked_group)
    stack = host.stack(image)
    made_from = _sources(stack)
    for item in _siblings(stack, anchor.tattoo) or ():
        if item.tattoo == anchor.tattoo:
            break
        if _comes_from(state.tattoo, item.tattoo, made_from):
            return item.layer
    return anchor.layer


def _siblings(stack, tattoo):
    """Return all items of the group that contains `tattoo`, or None if it is not in this stack."""
    if any(item.tattoo == tattoo for item in stack):
        return stack
    found = (_siblings(item.children, tattoo) for item in stack)
    return next((items for items in found if items is not None), None)


def _comes_from(source, tattoo, made_from):
    seen = set()
    while tattoo in made_from and tattoo not in seen:
        seen.add(tattoo)
        tattoo = made_from[tattoo]
        if tattoo == source:
            return True
    return False


def _sources(stack):
    """Return the tattoo of each result's source, by the result's own tattoo."""
    found = {}
    _collect(stack, found)
    return found


def _collect(stack, found):
    below = None
    for item in reversed(stack):
        recipe = _read_recipe(item)
        if recipe is None and item.children and all(_is_of_0_1_0(child) for child in item.children):
            recipe = {}  # a group of variations had no recipe then
        if recipe is not None:
            # 0.1.0 did not record the source, but put each result directly above it
            made_from = recipe.get("source", below)
            found[item.tattoo] = made_from if isinstance(made_from, numbers.Integral) else None
        _collect(item.children, found)
        below = item.tattoo


def _is_of_0_1_0(item):
    recipe = _read_recipe(item)
    return recipe is not None and "source" not in recipe


def _read_recipe(item):
    """Return the recipe of a layer or group, or None if there is none or it cannot be read."""
    try:
        recipe = json.loads(item.recipe.decode("ascii")) if item.recipe else None
    except (ValueError, RuntimeError):  # RuntimeError if nested too deeply
        return None
    return recipe if isinstance(recipe, dict) else None
