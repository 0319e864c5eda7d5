# -*- coding: utf-8 -*-
"""Which layers a run works on, and above which one its result goes.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import json
import numbers

from venice_errors import HostError


def one(host, image, drawables, for_reading=False):
    """The one layer to work on; `for_reading`: nothing goes into its group. Raises HostError."""
    layers = _layers_of(host, image, drawables)
    if len(layers) > 1:
        raise HostError("Select one layer only.")
    if not for_reading:
        _check_unlocked(host, layers[0])
    return layers[0]


def with_references(host, image, drawables):
    """The lowest layer, to work on, and the others as references, upward. Raises HostError."""
    layers = _layers_of(host, image, drawables)
    _check_unlocked(host, layers[0])
    return layers[0], layers[1:]


def place(host, image, drawables):
    """The layer above which something new goes; None: at the top of the image. Raises HostError."""
    _check_anchored(host, image)
    layers = [layer for layer in map(host.layer_of, drawables) if layer is not None]
    return host.bottom_up(image, layers)[-1] if layers else None


def _layers_of(host, image, drawables):
    """Those layers, each once, from the lowest upward; none of them is an empty group."""
    _check_anchored(host, image)
    if not drawables:
        raise HostError("Select a layer first.")
    layers = [host.layer_of(drawable) for drawable in drawables]
    if None in layers and host.is_quick_mask_on(image):  # GIMP chooses its channel
        raise HostError("Quick Mask is on: turn it off (Shift+Q) and select a layer.")
    if None in layers:
        raise HostError("Select a layer: a channel cannot be edited this way.")
    if any(host.is_empty(layer) for layer in layers):
        raise HostError("This layer group is empty.")
    return host.bottom_up(image, layers)


def _check_anchored(host, image):
    if host.has_floating_selection(image):
        raise HostError("Anchor the floating selection first, or make it a layer (Layer > To New Layer).")


def _check_unlocked(host, layer):
    locked = host.locked_group(layer)
    if locked is not None:
        name = host.name_of(locked)
        raise HostError("The layer group “%s” is locked: unlock it, the result goes into it." % name)


def place_above(host, image, source):
    """Return the layer or group above which a new result made from `source` goes.

    That is the topmost result in the source's group that was made from it, or from one of its results; the
    source where there is none. Where a group around the source is locked, that group takes its place.
    """
    anchor = host.locked_group(source) or source
    made_from = _sources(host, image)
    for item in host.stack_of(image, anchor):
        if host.tattoo_of(item) == host.tattoo_of(anchor):
            break
        if _comes_from(host.tattoo_of(source), host.tattoo_of(item), made_from):
            return item
    return anchor


def _comes_from(source, tattoo, made_from):
    seen = set()
    while tattoo in made_from and tattoo not in seen:
        seen.add(tattoo)
        tattoo = made_from[tattoo]
        if tattoo == source:
            return True
    return False


def _sources(host, image):
    """Return the tattoo of each result's source by the result's own."""
    found = {}
    _collect(host, host.stack_of(image, None), found)
    return found


def _collect(host, stack, found):
    below = None
    for item in reversed(stack):
        tattoo, children = host.tattoo_of(item), host.children_of(item)
        recipe = read_recipe(host, item)
        if recipe is None and children and all(_is_of_0_1_0(host, child) for child in children):
            recipe = {}  # its variations, whose group had no recipe
        if recipe is not None:
            # 0.1.0 did not record the source: it put each result directly above it
            made_from = recipe.get("source", below)
            found[tattoo] = made_from if isinstance(made_from, numbers.Integral) else None
        _collect(host, children, found)
        below = tattoo


def _is_of_0_1_0(host, item):
    recipe = read_recipe(host, item)
    return recipe is not None and "source" not in recipe


def read_recipe(host, item):
    """Return the recipe on a layer or group, or None where there is none that can be read."""
    data = host.recipe_of(item)
    try:
        recipe = json.loads(data.decode("ascii")) if data else None
    except (ValueError, RuntimeError):  # the latter where it is too deep
        return None
    return recipe if isinstance(recipe, dict) else None
