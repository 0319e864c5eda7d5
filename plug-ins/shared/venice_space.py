# -*- coding: utf-8 -*-
"""In which color space GIMP mixes a new layer with what lies below it: one in which nothing else moves.

GIMP converts all that lies below a layer to that layer's composite space, what its mask leaves alone too, and
in some precisions and profiles a value that is converted and back is another (docs/fidelity.md). So the new
layer takes the space in which the values are at its place anyway: that of the next layer above, to which they
go; that of the next layer below, from which they come; or the encoding in which the image stores them.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

from venice_rectangle import at_origin, intersection


def decisive(stack, place, canvas, bounds_of, is_visible, is_mixed):
    """The layer whose composite space the one at `place` is to have; None: the image's own encoding.

    `stack`: the layers of its group, topmost first. Those count that are visible wherever it is. The lowest
    of them is taken by GIMP as it is stored, unless it `is_mixed`, having an opacity or a mask.
    """
    seen = intersection(bounds_of(stack[place]), at_origin(canvas))

    def counts(layer):
        return is_visible(layer) and seen is not None and intersection(bounds_of(layer), seen) == seen

    above = [layer for layer in stack[:place] if counts(layer)]
    below = [layer for layer in stack[place + 1 :] if counts(layer)]
    if above:
        return above[-1]
    return below[0] if len(below) > 1 or (below and is_mixed(below[0])) else None
