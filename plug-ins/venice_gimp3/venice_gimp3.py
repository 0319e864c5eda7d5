#!/usr/bin/env python3
"""Venice for GIMP 3: registration and run callbacks of the procedures in Filters > Venice."""

import os
import sys

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GObject

HERE = os.path.dirname(os.path.realpath(__file__))
if __name__ == "__main__":
    sys.path.insert(0, HERE)

from venice_arguments import ARGUMENTS, BOOLEAN, CHOICE, DOUBLE, INTEGER

READ_WRITE = GObject.ParamFlags.READWRITE

EDIT = "plug-in-venice-edit"
REMOVE_BACKGROUND = "plug-in-venice-remove-background"
GENERATE = "plug-in-venice-generate"
UPSCALE = "plug-in-venice-upscale"
SETTINGS = "plug-in-venice-settings"


def add_arguments(procedure, action):
    """Add an action's arguments from the table, with GIMP's own types."""
    for each in ARGUMENTS[action]:
        described = each.name, each.label, each.tooltip
        if each.kind == CHOICE:
            choice = Gimp.Choice.new()
            for number, (value, label) in enumerate(each.choices):
                choice.add(value, number, label, "")
            procedure.add_choice_argument(*described, choice, each.default, READ_WRITE)
        elif each.kind in (INTEGER, DOUBLE):
            add = procedure.add_int_argument if each.kind == INTEGER else procedure.add_double_argument
            add(*described, each.low, each.high, each.default, READ_WRITE)
        elif each.kind == BOOLEAN:
            procedure.add_boolean_argument(*described, each.default, READ_WRITE)
        else:
            procedure.add_string_argument(*described, each.default, READ_WRITE)


SOME_LAYER = Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES
UNTOUCHED = "The source layer's pixels are not changed."

# name -> action, label, what it does, more about it, when it is available
ON_IMAGES = {
    EDIT: (
        "edit",
        "_Edit with Prompt...",
        "Edit a layer or a selection by describing the change",
        f"{UNTOUCHED} If several layers are selected, the lowest is edited and the others are "
        "reference images.",
        SOME_LAYER,
    ),
    REMOVE_BACKGROUND: (
        "cutout",
        "_Remove Background...",
        "Cut out the subject as a new layer or a layer mask",
        UNTOUCHED,
        SOME_LAYER,
    ),
    GENERATE: (
        "generate",
        "_Generate Layer...",
        "Generate a new layer from a description",
        "It fits the canvas or the selection; existing layers are not changed.",
        SOME_LAYER | Gimp.ProcedureSensitivityMask.NO_DRAWABLES,
    ),
    UPSCALE: (
        "upscale",
        "_Upscale Layer...",
        "Enlarge a layer, as a new image",
        UNTOUCHED,
        SOME_LAYER,
    ),
}


class Venice(Gimp.PlugIn):
    """The plug-in: it registers the procedures; `runs`, loaded on a call, does the work."""

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
            add_arguments(procedure, "settings")
            label, blurb, more = "_Settings...", "Choose the provider, its API key, and a daily limit", ""
            procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
        else:
            action, label, blurb, more, sensitivity = ON_IMAGES[name]
            procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run_on_image, None)
            procedure.set_image_types("*")
            procedure.set_sensitivity_mask(sensitivity)
            procedure.add_core_object_array_return_value(
                "layers", "Layers", "The new layers, topmost first", Gimp.Layer.__gtype__, READ_WRITE
            )
            add_arguments(procedure, action)
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
    Gimp.main(Venice.__gtype__, sys.argv)
