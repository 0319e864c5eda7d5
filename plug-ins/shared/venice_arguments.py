# -*- coding: utf-8 -*-
"""The arguments of all procedures. Scripts depend on their order, so new ones come last.

Both GIMPs register their procedures from this table; the tasks and windows read it too. GIMP 2.10 has no
upscale and no settings. Each mnemonic is unique in its window. Standard library only; runs on Python 2.7
and 3.
"""

from __future__ import unicode_literals

from collections import namedtuple

PROMPT, TEXT, CHOICE, INTEGER, DOUBLE, BOOLEAN = "prompt", "text", "choice", "integer", "double", "boolean"


class Argument(namedtuple("Argument", "name kind label tooltip hint default low high choices only_in_gimp")):
    """One argument of a procedure.

    `hint` follows the label in GIMP 2.10, which has no tooltips. `low` and `high`: a number's range.
    `choices`: pairs of a value and its label. `only_in_gimp`: whether the worker has no such option.
    """

    __slots__ = ()

    @property
    def title(self):
        """The label without its mnemonic."""
        return self.label.replace("_", "")


def _argument(kind, name, label, tooltip, default, hint="", limits=(None, None), choices=()):
    return Argument(name, kind, label, tooltip, hint, default, limits[0], limits[1], choices, False)


def _prompt(label, tooltip):
    return _argument(PROMPT, "prompt", label, tooltip, "")


def _text(name, label, tooltip, hint=""):
    return _argument(TEXT, name, label, tooltip, "", hint)


def _choice(name, label, tooltip, *choices):
    """Return an argument with choices; the first is the default."""
    return _argument(CHOICE, name, label, tooltip, choices[0][0], choices=choices)


def _integer(name, label, tooltip, limits, default, hint=""):
    return _argument(INTEGER, name, label, tooltip, default, hint, limits)


def _double(name, label, tooltip, limits, default):
    return _argument(DOUBLE, name, label, tooltip, default, limits=limits)


def _boolean(name, label, tooltip, default, hint=""):
    return _argument(BOOLEAN, name, label, tooltip, default, hint)


def _only_in_gimp(argument):
    return argument._replace(only_in_gimp=True)


_MODEL = _text(
    "model", "Mo_del", "The model to use; leave empty for the provider's default", "empty: default"
)
_VARIATIONS = _integer("variations", "Variat_ions", "Number of results", (1, 4), 1)
_ASPECT_RATIO = _text(
    "aspect-ratio",
    "_Aspect ratio",
    "The aspect ratio to request, such as 16:9; leave empty for the best fit",
    "such as 16:9",
)
_RESOLUTION = _text(
    "resolution", "Resol_ution", "The resolution to request, such as 2K, if the model offers it", "such as 2K"
)
_SAFE_MODE = _boolean(
    "safe-mode", "_Blur adult content", "Have the service blur adult content (safe mode)", True
)
_PROVIDER = _text(
    "provider",
    "Pro_vider",
    "The provider to use, by its name in Settings; leave empty for the one selected there",
    "empty: as in Settings",
)

ARGUMENTS = {
    "edit": (
        _prompt("_Prompt: what should change?", "What to change, for example “remove the tree”"),
        _MODEL,
        _choice(
            "selection",
            "S_election",
            "How the selection is used: sent as a mask, applied only to the result, or ignored",
            ("guide", "Guide model and limit result"),
            ("local", "Limit result only"),
            ("ignore", "Ignore"),
        ),
        _integer(
            "context",
            "Conte_xt",
            "How much of the surroundings the model sees, in pixels (-1: automatic)",
            (-1, 16384),
            -1,
            "px, -1: automatic",
        ),
        _integer(
            "grow",
            "Gro_w",
            "Grow the selection before sending, in pixels (negative values shrink it)",
            (-1000, 1000),
            0,
            "px",
        ),
        _integer(
            "feather",
            "_Feather",
            "Soften the result's edge inward from the selection's edge, in pixels (-1: automatic)",
            (-1, 4096),
            -1,
            "px, -1: automatic",
        ),
        _VARIATIONS,
        _ASPECT_RATIO,
        _RESOLUTION,
        _text("quality", "_Quality", "low, medium, or high, if the model offers it", "low, medium, high"),
        _SAFE_MODE,
        _boolean(
            "enhance-prompt",
            "Enhance prompt",
            "Let the service rewrite your prompt (costs extra)",
            False,
            "costs extra",
        ),
        _boolean("align", "Ali_gn", "Correct small shifts and scaling of the result", True),
        _boolean(
            "match-colors",
            "_Match colors",
            "Match the result's colors to its surroundings; turn off to change the overall color",
            True,
        ),
        _PROVIDER,
        _only_in_gimp(
            _choice(
                "sample",
                "Sample la_yers",
                "Whether to send only this layer or all visible layers",
                ("layer", "This layer only"),
                ("visible", "All visible layers"),
            )
        ),
        _choice(
            "output",
            "Ou_tput",
            "Whether the new layer shows the full result or only the areas the model changed",
            ("layer", "Full result"),
            ("changes", "Changed areas only"),
        ),
    ),
    "cutout": (
        _only_in_gimp(
            _choice(
                "output",
                "Ou_tput",
                "Create a new layer without the background, or a copy of the layer with a layer mask",
                ("layer", "New layer"),
                ("mask", "Copy of the layer with a layer mask"),
            )
        ),
        _boolean(
            "defringe", "_Defringe", "Remove the old background's color from semi-transparent edges", True
        ),
        _PROVIDER,
        _only_in_gimp(
            _boolean(
                "hide-source",
                "Hide source la_yer",
                "Hide the source layer so that the cutout is visible (not if a selection limits the cutout)",
                True,
            )
        ),
    ),
    "generate": (
        _prompt(
            "_Prompt: what should the image show?", "What to generate, for example “a red boat on a lake”"
        ),
        _text("negative-prompt", "Ne_gative prompt", "What to leave out of the image"),
        _MODEL,
        _text("style", "St_yle", "One of the service's styles; leave empty for none", "empty: none"),
        _integer(
            "seed",
            "Se_ed",
            "The same seed gives similar results (-1: random)",
            (-999999999, 999999999),
            -1,
            "-1: random",
        ),
        _VARIATIONS,
        _ASPECT_RATIO,
        _RESOLUTION,
        _SAFE_MODE,
        _PROVIDER,
    ),
    "upscale": (
        _choice(
            "scale",
            "Sc_ale",
            "How much larger the new image is in each direction",
            ("2", "2× width and height"),
            ("4", "4× width and height"),
        ),
        _PROVIDER,
        _double(
            "creativity",
            "Crea_tivity",
            "How much texture the service may invent (0: none)",
            (0.0, 0.02),
            0.0,
        ),
    ),
    "settings": (_text("provider", "_Provider", "The provider to use from now on"),),
}


def worker_options(action):
    """Return the names of the arguments that the worker knows."""
    return tuple(each.name for each in ARGUMENTS[action] if not each.only_in_gimp)


def gimp_options(action):
    """Return the names of the arguments that only GIMP knows."""
    return tuple(each.name for each in ARGUMENTS[action] if each.only_in_gimp)


def gimp_choices(action):
    """Return (name, values) of each choice that only GIMP knows."""
    own = [each for each in ARGUMENTS[action] if each.only_in_gimp and each.choices]
    return tuple((each.name, tuple(value for value, _ in each.choices)) for each in own)
