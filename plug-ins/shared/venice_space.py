# -*- coding: utf-8 -*-
"""The color space in which GIMP blends a new layer with those below it: one in which nothing else changes.

GIMP converts everything below a layer to that layer's composite space, even where its mask is 0, and in some
precisions and profiles, a value does not survive the conversion and back (docs/fidelity.md). So the new layer
takes the space that the values are in at its position anyway: that of the next layer above, where they go;
that of the next layer below, where they come from; or the encoding in which the image stores them.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

from venice_rectangle import at_origin, intersection


def decisive(stack, place, canvas, bounds_of, is_visible, is_mixed):
    """Return the layer whose composite space the one at `place` gets, or None for the image's own encoding.

    `stack`: the layers of its group, topmost first. Only visible layers that cover it entirely count. GIMP
    takes the lowest one as it is stored, unless it `is_mixed`: it has an opacity or a mask.
    """
    seen = intersection(bounds_of(stack[place]), at_origin(canvas))

    def counts(layer):
        return is_visible(layer) and seen is not None and intersection(bounds_of(layer), seen) == seen

    above = [layer for layer in stack[:place] if counts(layer)]
    below = [layer for layer in stack[place + 1 :] if counts(layer)]
    if above:
        return above[-1]
    return below[0] if len(below) > 1 or (below and is_mixed(below[0])) else None
