#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Venice for GIMP 2.10: the procedures in Filters > Venice. Registration only; `runs2` does the work.

Texts are `str` here, UTF-8 in Python 2, since gimpfu hands them to GIMP as they are. gimpfu keeps what was
entered last in GIMP's memory: a key must never be an argument.
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

HERE = os.path.dirname(os.path.abspath(__file__))
MENU = "<Image>/Filters/Venice"

MODEL = (PF_STRING, "model", "Mo_del (empty: the provider's default)", "")
VARIATIONS = (PF_SPINNER, "variations", "Variat_ions", 1, (1, 4, 1))
RESOLUTION = (PF_STRING, "resolution", "Resol_ution, such as 2K", "")
SAFE_MODE = (PF_TOGGLE, "safe-mode", "_Blur adult content", True)
PROVIDER = (PF_STRING, "provider", "Pro_vider (empty: as set)", "")

EDIT = [
    (PF_TEXT, "prompt", "_Prompt", ""),
    MODEL,
    (
        PF_RADIO,
        "selection",
        "S_election",
        "guide",
        (
            ("Guides the model and limits the result", "guide"),
            ("Limits the result; the model sees the region only", "local"),
            ("Is ignored", "ignore"),
        ),
    ),
    (PF_SPINNER, "context", "Conte_xt in px (-1: automatic)", -1, (-1, 16384, 1)),
    (PF_SPINNER, "grow", "Gro_w the selection, in px", 0, (-1000, 1000, 1)),
    (PF_SPINNER, "feather", "_Feather inwards, in px (-1: automatic)", -1, (-1, 4096, 1)),
    VARIATIONS,
    (PF_STRING, "aspect-ratio", "_Aspect ratio (empty: the region's own)", ""),
    RESOLUTION,
    (PF_STRING, "quality", "_Quality: low, medium or high", ""),
    SAFE_MODE,
    (PF_TOGGLE, "enhance-prompt", "Enhance _the prompt (costs more)", False),
    (PF_TOGGLE, "align", "Ali_gn with the source", True),
    (PF_TOGGLE, "match-colors", "_Match colors", True),
    PROVIDER,
    (
        PF_RADIO,
        "sample",
        "Ta_ke",
        "layer",
        (("The layer's own pixels", "layer"), ("What is visible", "visible")),
    ),
    (
        PF_RADIO,
        "output",
        "La_yer shows",
        "layer",
        (("All of the result", "layer"), ("Only what the model really changed", "changes")),
    ),
]

REMOVE_BACKGROUND = [
    (
        PF_RADIO,
        "output",
        "O_utput",
        "layer",
        (("A cutout as a new layer", "layer"), ("A copy of the layer with a layer mask", "mask")),
    ),
    (PF_TOGGLE, "defringe", "_Defringe: remove the old background's color from the edge", True),
    PROVIDER,
    (PF_TOGGLE, "hide-source", "_Hide the layer under its cutout", True),
]

GENERATE = [
    (PF_TEXT, "prompt", "_Prompt", ""),
    (PF_STRING, "negative-prompt", "_Without", ""),
    MODEL,
    (PF_STRING, "style", "St_yle (empty: none)", ""),
    (PF_SPINNER, "seed", "Se_ed (-1: random)", -1, (-999999999, 999999999, 1)),
    VARIATIONS,
    (PF_STRING, "aspect-ratio", "_Aspect ratio (empty: what fits best)", ""),
    RESOLUTION,
    SAFE_MODE,
    PROVIDER,
]

# name -> action, label, what it does, its parameters
PROCEDURES = {
    "python-fu-venice-edit": (
        "edit",
        "_Edit with Prompt...",
        "Edit a layer, or what is selected of it, by describing the change",
        EDIT,
    ),
    "python-fu-venice-remove-background": (
        "cutout",
        "_Remove Background...",
        "Cut the subject out, as a new layer or a layer mask",
        REMOVE_BACKGROUND,
    ),
    "python-fu-venice-generate": (
        "generate",
        "_Generate Layer...",
        "Make a new layer from a description",
        GENERATE,
    ),
}


# gimpfu hands over what it gets: whole numbers are floats from its window, truth values 0 or 1 from scripts.
CLASSES = {PF_SPINNER: int, PF_TOGGLE: bool}


def offer(name, action, label, blurb, params):
    """Registers a procedure; the work is loaded only when it is called."""
    interactive = []

    def run(image, drawable, *values):
        import runs2

        arguments = {param[1]: param[3] for param in params}  # a caller may leave out the last ones
        for (kind, argument), value in zip([param[:2] for param in params], values):
            arguments[argument] = CLASSES[kind](value) if kind in CLASSES else value
        return runs2.on_image(action, image, drawable, arguments, HERE, bool(interactive))

    register(
        name,
        blurb,
        blurb + ". The image's other layers stay as they are.",
        "The Venice for GIMP authors",
        "GPL-3.0-or-later",
        "2026",
        label,
        "*",
        [(PF_IMAGE, "image", "Image", None), (PF_DRAWABLE, "drawable", "Layer", None)] + params,
        [(PF_LAYER, "layer", "The new layer; of several, the topmost")],
        run,
        menu=MENU,
        on_run=lambda: interactive.append(True),  # gimpfu calls it where it shows a window
    )


for procedure, (action, label, blurb, params) in sorted(PROCEDURES.items()):
    offer(procedure, action, label, blurb, params)

main()
