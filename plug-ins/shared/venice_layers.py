# -*- coding: utf-8 -*-
"""Where a new result lies: above its source and above all that was made from it, so that the newest is seen.

Standard library only; runs on Python 2.7 and 3. For what a host has, see `venice_task`.
"""

from __future__ import unicode_literals

import json
import numbers


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
