#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Venice for GIMP 2.10: the procedures in Filters > Venice. Registration only; `runs2` does the work.

Texts are `str` here, UTF-8 in Python 2, because gimpfu passes them to GIMP unchanged. gimpfu stores the last
values in GIMP's memory, so a key must never be an argument.
"""

import os

from gimpfu import (
    PF_DRAWABLE,
    PF_IMAGE,
    PF_LAYER,
    PF_RADIO,
    PF_SPINNER,
    PF_STRING,
    PF_TEXT,
    PF_TOGGLE,
    main,
    register,
)
from venice_arguments import ARGUMENTS, BOOLEAN, CHOICE, INTEGER, PROMPT, TEXT

HERE = os.path.dirname(os.path.abspath(__file__))
MENU = "<Image>/Filters/Venice"

KINDS = {
    PROMPT: PF_TEXT,
    TEXT: PF_STRING,
    CHOICE: PF_RADIO,
    INTEGER: PF_SPINNER,
    BOOLEAN: PF_TOGGLE,
}
# gimpfu passes on what it gets: integers are floats from its window, and booleans are 0 or 1 from scripts.
CLASSES = {PF_SPINNER: int, PF_TOGGLE: bool}


def to_gimpfu(value):
    """Return a text of the table as `str`; other values as they are."""
    return value.encode("utf-8") if str is bytes and not isinstance(value, (str, int, float)) else value


def to_parameter(argument):
    """Return an argument as gimpfu takes it; its windows have no tooltips, so the label gets the hint."""
    kind, label = KINDS[argument.kind], argument.label
    if argument.hint:
        label = "%s (%s)" % (label, argument.hint)
    found = kind, to_gimpfu(argument.name), to_gimpfu(label), to_gimpfu(argument.default)
    if argument.kind == CHOICE:
        return found + (tuple((to_gimpfu(text), to_gimpfu(value)) for value, text in argument.choices),)
    return found + ((argument.low, argument.high, 1),) if argument.kind == INTEGER else found


# name -> action, label, what it does
PROCEDURES = {
    "python-fu-venice-edit": (
        "edit",
        "_Edit with Prompt...",
        "Edit a layer or a selection by describing the change",
    ),
    "python-fu-venice-remove-background": (
        "cutout",
        "_Remove Background...",
        "Cut out the subject as a new layer or a layer mask",
    ),
    "python-fu-venice-generate": (
        "generate",
        "_Generate Layer...",
        "Generate a new layer from a description",
    ),
}


def offer(name, action, label, blurb):
    """Register a procedure; the code that does the work is loaded only when it is called."""
    params = [to_parameter(each) for each in ARGUMENTS[action]]
    interactive = []

    def run(image, drawable, *values):
        import runs2

        arguments = {param[1]: param[3] for param in params}  # a caller may omit the last ones
        for (kind, argument), value in zip([param[:2] for param in params], values):
            arguments[argument] = CLASSES[kind](value) if kind in CLASSES else value
        return runs2.on_image(action, image, drawable, arguments, HERE, bool(interactive))

    register(
        name,
        blurb,
        blurb + ". The pixels of existing layers are not changed.",
        "The Venice for GIMP authors",
        "GPL-3.0-or-later",
        "2026",
        label,
        "*",
        [(PF_IMAGE, "image", "Image", None), (PF_DRAWABLE, "drawable", "Layer", None)] + params,
        [(PF_LAYER, "layer", "The new layer (the topmost, if there are several)")],
        run,
        menu=MENU,
        on_run=lambda: interactive.append(True),  # gimpfu calls it if it shows a window
    )


for procedure, (action, label, blurb) in sorted(PROCEDURES.items()):
    offer(procedure, action, label, blurb)

main()
