# -*- coding: utf-8 -*-
"""Which layers a run works on: what is chosen in GIMP, or a sentence why that cannot be.

Standard library only; runs on Python 2.7 and 3. For what a host has, see `venice_task`.
"""

from __future__ import unicode_literals

import venice_link


class HostError(venice_link.ForPeople):
    """The image is not in a state for what is asked."""


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
    return host.upward(image, layers)[-1] if layers else None


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
    return host.upward(image, layers)


def _check_anchored(host, image):
    if host.has_floating_selection(image):
        raise HostError("Anchor the floating selection first, or make it a layer (Layer > To New Layer).")


def _check_unlocked(host, layer):
    locked = host.locked_group(layer)
    if locked is not None:
        name = host.name_of(locked)
        raise HostError("The layer group “%s” is locked: unlock it, the result goes into it." % name)
