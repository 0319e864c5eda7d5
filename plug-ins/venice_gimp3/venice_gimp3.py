#!/usr/bin/env python3
"""Venice for GIMP 3: the procedures in Filters > Venice. Registration and run callbacks only."""

import os
import sys

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GObject

HERE = os.path.dirname(os.path.realpath(__file__))
READ_WRITE = GObject.ParamFlags.READWRITE

EDIT = "plug-in-venice-edit"
REMOVE_BACKGROUND = "plug-in-venice-remove-background"
GENERATE = "plug-in-venice-generate"
UPSCALE = "plug-in-venice-upscale"
SETTINGS = "plug-in-venice-settings"


def choice(*nicks):
    made = Gimp.Choice.new()
    for number, (nick, label) in enumerate(nicks):
        made.add(nick, number, label, "")
    return made


def add_model(procedure):
    help_text = "The model that does the work; empty: the provider's default"
    procedure.add_string_argument("model", "Mo_del", help_text, "", READ_WRITE)


def add_variations(procedure):
    procedure.add_int_argument("variations", "Variat_ions", "How many results to make", 1, 4, 1, READ_WRITE)


def add_resolution(procedure):
    help_text = "Such as 2K, where the model offers it"
    procedure.add_string_argument("resolution", "Resol_ution", help_text, "", READ_WRITE)


def add_safe_mode(procedure):
    help_text = "The service blurs adult content (safe mode)"
    procedure.add_boolean_argument("safe-mode", "_Blur adult content", help_text, True, READ_WRITE)


def add_provider(procedure):
    help_text = "The service that is asked: a name from Settings; empty: the one that is set there"
    procedure.add_string_argument("provider", "Pro_vider", help_text, "", READ_WRITE)


def add_edit_arguments(procedure):
    text, whole, yes_no = (
        procedure.add_string_argument,
        procedure.add_int_argument,
        procedure.add_boolean_argument,
    )
    text("prompt", "_Prompt", "What to change, for example “remove the tree”", "", READ_WRITE)
    add_model(procedure)
    procedure.add_choice_argument(
        "selection",
        "S_election",
        "Whether the selection is sent as a mask, only limits the result, or is ignored",
        choice(
            ("guide", "Guides the model and limits the result"),
            ("local", "Limits the result; the model sees the region only"),
            ("ignore", "Is ignored"),
        ),
        "guide",
        READ_WRITE,
    )
    whole(
        "context",
        "Conte_xt",
        "How far around the selection the model sees, in pixels (-1: automatic)",
        -1,
        16384,
        -1,
        READ_WRITE,
    )
    whole(
        "grow",
        "Gro_w",
        "Enlarge the selection before sending, in pixels (below 0: shrink it)",
        -1000,
        1000,
        0,
        READ_WRITE,
    )
    whole(
        "feather",
        "_Feather",
        "Fade the result in inside the selection's edge, in pixels (-1: automatic)",
        -1,
        4096,
        -1,
        READ_WRITE,
    )
    add_variations(procedure)
    text(
        "aspect-ratio",
        "_Aspect ratio",
        "The shape to ask for, such as 16:9; empty: what fits best",
        "",
        READ_WRITE,
    )
    add_resolution(procedure)
    text("quality", "_Quality", "low, medium or high, where the model offers it", "", READ_WRITE)
    add_safe_mode(procedure)
    yes_no(
        "enhance-prompt",
        "Enhance _the prompt",
        "Let the service rewrite your prompt (costs extra)",
        False,
        READ_WRITE,
    )
    yes_no("align", "Ali_gn", "Undo small shifts and scaling of the result", True, READ_WRITE)
    yes_no(
        "match-colors",
        "_Match colors",
        "Match the result's colors to its surroundings; turn it off to change all colors",
        True,
        READ_WRITE,
    )
    add_provider(procedure)
    procedure.add_choice_argument(
        "sample",
        "Ta_ke",
        "Whether this layer alone is sent, or everything visible",
        choice(("layer", "The layer's own pixels"), ("visible", "What is visible")),
        "layer",
        READ_WRITE,
    )
    procedure.add_choice_argument(
        "output",
        "La_yer shows",
        "Whether the layer shows the whole result, or only what the model really changed",
        choice(("layer", "All of the result"), ("changes", "Only what the model really changed")),
        "layer",
        READ_WRITE,
    )


def add_cutout_arguments(procedure):
    procedure.add_choice_argument(
        "output",
        "O_utput",
        "Whether to make a new layer without background, or a copy of the layer with a layer mask",
        choice(("layer", "A cutout as a new layer"), ("mask", "A copy of the layer with a layer mask")),
        "layer",
        READ_WRITE,
    )
    procedure.add_boolean_argument(
        "defringe",
        "_Defringe",
        "Remove the old background's color from half-transparent edges",
        True,
        READ_WRITE,
    )
    add_provider(procedure)
    procedure.add_boolean_argument(
        "hide-source",
        "Hide the _layer",
        "Hide the layer under its cutout, so that the cutout is seen (not where a selection limits it)",
        True,
        READ_WRITE,
    )


def add_generate_arguments(procedure):
    text = procedure.add_string_argument
    text("prompt", "_Prompt", "What to make, for example “a red boat on a lake”", "", READ_WRITE)
    text("negative-prompt", "_Without", "What should not be in the picture", "", READ_WRITE)
    add_model(procedure)
    text("style", "St_yle", "One of the service's styles; empty: none", "", READ_WRITE)
    procedure.add_int_argument(
        "seed",
        "Se_ed",
        "The same seed gives similar results (-1: a new one each time)",
        -999999999,
        999999999,
        -1,
        READ_WRITE,
    )
    add_variations(procedure)
    text(
        "aspect-ratio",
        "_Aspect ratio",
        "The shape to ask for, such as 16:9; empty: what fits best",
        "",
        READ_WRITE,
    )
    add_resolution(procedure)
    add_safe_mode(procedure)
    add_provider(procedure)


def add_upscale_arguments(procedure):
    procedure.add_choice_argument(
        "scale",
        "Sc_ale",
        "How many times as wide and high the new image is",
        choice(("2", "2 times as wide and high"), ("4", "4 times as wide and high")),
        "2",
        READ_WRITE,
    )
    add_provider(procedure)
    procedure.add_double_argument(
        "creativity",
        "C_reativity",
        "How much texture the service may invent; 0: it keeps to the picture",
        0.0,
        0.02,
        0.0,
        READ_WRITE,
    )


SOME_LAYER = Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES
UNTOUCHED = "The source layer stays as it is."

# name -> arguments, label, what it does, more about it, when it can be used
ON_IMAGES = {
    EDIT: (
        add_edit_arguments,
        "_Edit with Prompt...",
        "Edit a layer, or what is selected of it, by describing the change",
        f"{UNTOUCHED} Of several layers the lowest is edited, and the others are references.",
        SOME_LAYER,
    ),
    REMOVE_BACKGROUND: (
        add_cutout_arguments,
        "_Remove Background...",
        "Cut the subject out, as a new layer or a layer mask",
        UNTOUCHED,
        SOME_LAYER,
    ),
    GENERATE: (
        add_generate_arguments,
        "_Generate Layer...",
        "Make a new layer from a description",
        "It fits the canvas or the selection; the image's layers stay as they are.",
        SOME_LAYER | Gimp.ProcedureSensitivityMask.NO_DRAWABLES,
    ),
    UPSCALE: (
        add_upscale_arguments,
        "_Upscale Layer...",
        "Make a layer larger, with more detail, as a new image",
        UNTOUCHED,
        SOME_LAYER,
    ),
}


class Venice(Gimp.PlugIn):
    """Registers the procedures; what they do is in `runs` and loaded when one is called."""

    def do_set_i18n(self, _name):
        return False

    def do_query_procedures(self):
        return [*ON_IMAGES, SETTINGS]

    def do_create_procedure(self, name):
        if name == SETTINGS:
            procedure = Gimp.Procedure.new(self, name, Gimp.PDBProcType.PLUGIN, run_settings, None)
            procedure.add_enum_argument(
                "run-mode", "Run mode", "Run mode", Gimp.RunMode, Gimp.RunMode.NONINTERACTIVE, READ_WRITE
            )
            procedure.add_string_argument(
                "provider", "_Provider", "The one to use from now on", "", READ_WRITE
            )
            label, blurb, more = "_Settings...", "Choose the service, its API key and what may be spent", ""
            procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
        else:
            add_arguments, label, blurb, more, sensitivity = ON_IMAGES[name]
            procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run_on_image, None)
            procedure.set_image_types("*")
            procedure.set_sensitivity_mask(sensitivity)
            procedure.add_core_object_array_return_value(
                "layers", "Layers", "The new layers, topmost first", Gimp.Layer.__gtype__, READ_WRITE
            )
            add_arguments(procedure)
        procedure.set_menu_label(label)
        procedure.add_menu_path("<Image>/Filters/Venice")
        procedure.set_documentation(blurb, f"{blurb}. {more}".strip(), name)
        procedure.set_attribution("The Venice for GIMP authors", "GPL-3.0-or-later", "2026")
        return procedure


def run_on_image(procedure, run_mode, image, drawables, config, _data):
    import runs

    return runs.on_image(procedure, run_mode, image, drawables, config, HERE)


def run_settings(procedure, config, _data):
    import runs

    return runs.settings(procedure, config, HERE)


if __name__ == "__main__":
    sys.path.insert(0, HERE)
    Gimp.main(Venice.__gtype__, sys.argv)
