# -*- coding: utf-8 -*-
"""GIMP 2.10's module `gimpfu`, as far as the plug-in uses it; runs on Python 2.7 and 3.

`run` does what GIMP does when a procedure is called. Interactively, `answer` is what a person enters in
gimpfu's window: a function from the parameters' (name, default) to their values, or None for Cancel.
"""

import gimp
from gimpenums import *  # noqa: F403 - as gimpfu does
from gimpenums import (
    PDB_CHANNEL,
    PDB_COLOR,
    PDB_DISPLAY,
    PDB_DRAWABLE,
    PDB_FLOAT,
    PDB_IMAGE,
    PDB_INT8,
    PDB_INT16,
    PDB_INT32,
    PDB_ITEM,
    PDB_LAYER,
    PDB_STRING,
    PDB_VECTORS,
    RUN_INTERACTIVE,
    RUN_NONINTERACTIVE,
    RUN_WITH_LAST_VALS,
)

pdb = gimp.pdb


class error(RuntimeError):
    pass


class CancelError(RuntimeError):
    pass


PF_INT8, PF_INT16, PF_INT32, PF_INT, PF_FLOAT = PDB_INT8, PDB_INT16, PDB_INT32, PDB_INT32, PDB_FLOAT
PF_STRING = PF_VALUE = PDB_STRING
PF_COLOR, PF_ITEM, PF_DISPLAY, PF_IMAGE = PDB_COLOR, PDB_ITEM, PDB_DISPLAY, PDB_IMAGE
PF_LAYER, PF_CHANNEL, PF_DRAWABLE, PF_VECTORS = PDB_LAYER, PDB_CHANNEL, PDB_DRAWABLE, PDB_VECTORS
PF_TOGGLE = PF_BOOL = 1000
PF_SLIDER = 1001
PF_SPINNER = PF_ADJUSTMENT = 1002
PF_FONT, PF_FILE, PF_BRUSH, PF_PATTERN, PF_GRADIENT = 1003, 1004, 1005, 1006, 1007
PF_RADIO, PF_TEXT, PF_PALETTE, PF_FILENAME, PF_DIRNAME, PF_OPTION = 1008, 1009, 1010, 1011, 1012, 1013

_TEXTS = (
    PF_FONT,
    PF_FILE,
    PF_BRUSH,
    PF_PATTERN,
    PF_GRADIENT,
    PF_RADIO,
    PF_TEXT,
    PF_PALETTE,
    PF_FILENAME,
    PF_DIRNAME,
)
_LIMITED = (PF_SLIDER, PF_SPINNER, PF_RADIO, PF_OPTION)

_registered = {}
_kept = {}  # what was entered last, as gimpshelf keeps it
answer = None


def _pdb_type(kind):
    if kind in (PF_TOGGLE, PF_SPINNER, PF_OPTION):
        return PDB_INT32
    if kind == PF_SLIDER:
        return PDB_FLOAT
    return PDB_STRING if kind in _TEXTS else kind


def _class_of(kind):
    """The class by which gimpfu tells values that were handed over from those that it has to ask for."""
    if kind == PF_TOGGLE:
        return bool
    pdb_type = _pdb_type(kind)
    if pdb_type in (PDB_FLOAT, PDB_STRING):
        return float if pdb_type == PDB_FLOAT else str
    return {
        PDB_IMAGE: gimp.Image,
        PDB_LAYER: gimp.Layer,
        PDB_CHANNEL: gimp.Channel,
        PDB_DRAWABLE: gimp.Drawable,
        PDB_VECTORS: gimp.Vectors,
        PDB_DISPLAY: gimp.Display,
    }.get(pdb_type, int)


def register(
    proc_name,
    blurb,
    help,
    author,
    copyright,
    date,
    label,
    imagetypes,
    params,
    results,
    function,
    menu=None,
    domain=None,
    on_query=None,
    on_run=None,
    run_mode_param=True,
):
    for entry in params:
        if len(entry) < (5 if entry[0] in _LIMITED else 4):
            raise error("parameter definition must contain at least 4 elements")
    for entry in list(params) + list(results):
        if type(entry[0]) is not int:
            raise error("parameter types must be integers")
        if not all(each.isalnum() or each in "_-" for each in entry[1]):
            raise error("parameter name contains illegal characters")
    if not proc_name.replace("_", "-").startswith(("python-", "extension-", "plug-in-", "file-")):
        proc_name = "python-fu-" + proc_name
    _registered[proc_name] = {
        "texts": (blurb, help, author, copyright, date, label, imagetypes),
        "params": list(params),
        "results": list(results),
        "function": function,
        "menu": menu,
        "on_run": on_run,
    }


def _query():
    for name, entry in _registered.items():
        blurb, help_text, author, owner, date, label, types = entry["texts"]
        params = [(_pdb_type(each[0]), each[1], each[2].replace("_", "")) for each in entry["params"]]
        params.insert(0, (PDB_INT32, "run-mode", "The run mode"))
        results = [(_pdb_type(each[0]), each[1], each[2]) for each in entry["results"]]
        gimp.install_procedure(name, blurb, help_text, author, owner, date, label, types, 1, params, results)
        if entry["menu"]:
            gimp.menu_register(name, entry["menu"])


def main():
    gimp.main(None, None, _query, run)


def run(name, values):
    """Calls a procedure with its run mode and arguments, as GIMP hands them over; None: it was cancelled.

    From a menu GIMP hands over image and drawable only. What is not there, or of another class, gimpfu asks
    for; with the last values it takes what was entered last, and fails where nothing ever was.
    """
    entry = _registered[name]
    mode, values, params = values[0], tuple(values[1:]), entry["params"]
    if mode == RUN_NONINTERACTIVE:
        if len(values) != len(params):
            raise TypeError("wrong number of parameters")
        return entry["function"](*[_from_script(value, param[0]) for value, param in zip(values, params)])
    given = 0
    for value, param in zip(values, params):
        given += 1
        if not isinstance(value, _class_of(param[0])):
            break
    start = values[:given]
    if given == len(params):
        found = entry["function"](*start)
    elif mode == RUN_WITH_LAST_VALS:
        found = entry["function"](*(start + _kept.get(name, [each[3] for each in params])[given:]))
    else:
        assert mode == RUN_INTERACTIVE
        try:
            found = _interact(name, entry, start)
        except CancelError:
            return None
    gimp.displays_flush()
    return found


def _interact(name, entry, start):
    kept = _kept.get(name, tuple(each[3] for each in entry["params"]))[len(start) :]
    if entry["on_run"]:
        entry["on_run"]()
    entered = answer([(each[1], value) for each, value in zip(entry["params"][len(start) :], kept)])
    if entered is None:
        raise CancelError
    asked = entry["params"][len(start) :]
    _kept[name] = start + tuple(_from_window(value, param[0]) for value, param in zip(entered, asked))
    return entry["function"](*_kept[name])


def _from_script(value, kind):
    """What a script hands over: there are no truth values, and a missing text is None."""
    return int(value) if _pdb_type(kind) == PDB_INT32 else value


def _from_window(value, kind):
    """What gimpfu's widgets give: a spinner's number is a float."""
    return float(value) if kind in (PF_SPINNER, PF_SLIDER) else value
