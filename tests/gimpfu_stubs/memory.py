# -*- coding: utf-8 -*-
"""A small model of GIMP 2.10 as the backend of `gimp`, as fast as tests want it; runs on Python 2.7 and 3.

It has the procedures that the plug-in and its tests call, on pictures of 8 bit, and behaves as GIMP 2.10.34
does in the same place. Precisions and profiles are names that convert nothing, but for gray images of 8-bit
linear values. Whatever it does not model raises RuntimeError with "not modelled". `signatures.json` is a real
GIMP's table of these procedures: `record.py` makes it.
"""

from __future__ import division

import io
import json
import os
import re

import memory_files
from gimpenums import (
    GRAY,
    INDEXED,
    PDB_CHANNEL,
    PDB_DRAWABLE,
    PDB_FLOAT,
    PDB_IMAGE,
    PDB_INT32,
    PDB_ITEM,
    PDB_LAYER,
    PRECISION_U8_GAMMA,
    RGB,
)
from memory_checks import Failed, Refused, native
from memory_images import Images
from memory_items import Items
from memory_layers import Layers
from memory_model import Channel, Group, Image, Layer, Registry
from memory_selection import Selection

_HERE = os.path.dirname(os.path.abspath(__file__))
_THINGS = {PDB_ITEM: object, PDB_IMAGE: Image, PDB_LAYER: Layer, PDB_CHANNEL: Channel, PDB_DRAWABLE: object}
_TYPE_NAMES = {
    PDB_IMAGE: "an image",
    PDB_LAYER: "a layer",
    PDB_CHANNEL: "a channel",
    PDB_DRAWABLE: "a drawable",
}
_ANY_NUMBER = ("gimp-item-is-valid", "gimp-image-is-valid")
_OR_NONE = (("gimp-image-insert-layer", 2),)  # arguments that may be -1
_RANGES = {  # of arguments, by their names and types
    ("width", PDB_INT32): (1, 262144),
    ("height", PDB_INT32): (1, 262144),
    ("new-width", PDB_INT32): (1, 262144),
    ("new-height", PDB_INT32): (1, 262144),
    ("opacity", PDB_FLOAT): (0, 100),
}
_OUT_OF_RANGE = (
    "Procedure '%s' has been called with value '%s' for argument '%s' (#%d). This value is out of range."
)
_INVALID = (
    "Procedure '%s' has been called with an invalid ID for argument '%s'. "
    "Most likely a plug-in is trying to work on %s that doesn't exist any longer."
)


def procedures():
    """The names of all that are modelled."""
    methods = [each for each in dir(Memory) if each.startswith(("_gimp_", "_file_"))]
    return sorted(each[1:].replace("_", "-") for each in methods)


class Memory(Images, Items, Layers, Selection):
    """A GIMP of its own, without a screen; every object is a new one."""

    def __init__(self):
        with io.open(os.path.join(_HERE, "signatures.json"), encoding="utf-8") as file:
            table = json.load(file)
        self._signatures = {
            str(name): [[tuple(each) for each in values] for values in found] for name, found in table.items()
        }
        self._registry = Registry()
        self._contexts = [{"antialias": True, "feather": False, "radius": (10.0, 10.0)}]

    def close(self):
        pass

    def names(self, pattern):
        return sorted(name for name in self._signatures if re.search(pattern, name))

    def signature(self, name):
        """(params, return values), each (type, name, description); None where there is no such procedure."""
        found = self._signatures.get(name)
        return found and tuple(found)

    def steps(self, number):
        """How many steps an image's undo history has; all that happens in an undo group is one."""
        return self._registry.images[number].steps

    def call(self, name, values):
        """The return values. Raises RuntimeError with GIMP's words."""
        params, returned = self._signatures[name]
        said = "Error: Procedure execution of %s failed" % name
        try:
            given = [
                self._thing(name, i, value, param[0]) for i, (value, param) in enumerate(zip(values, params))
            ]
            found = getattr(self, "_" + name.replace("-", "_"))(*given)
        except Refused as error:
            raise RuntimeError(native("%s on invalid input arguments: %s" % (said, error.args[0])))
        except Failed as error:
            raise RuntimeError(native("%s: %s" % (said, error.args[0])) if error.args else said)
        if not returned:
            return []
        return [_plain(each) for each in (found if isinstance(found, tuple) else (found,))]

    def _thing(self, name, position, value, kind):
        """The image or item of a number; other values as they are."""
        param = self._signatures[name][0][position][1]
        if kind not in _THINGS:
            low, high = _RANGES.get((param, kind), (None, None))
            if low is not None and not low <= value <= high:
                raise Refused(_OUT_OF_RANGE % (name, value, param, position + 1))
            return value
        if name in _ANY_NUMBER:
            return value
        if (name, position) in _OR_NONE and value == -1:
            return None
        table = self._registry.images if kind == PDB_IMAGE else self._registry.items
        found = table.get(value)
        if found is not None and isinstance(found, _THINGS[kind]):
            return found
        if kind == PDB_ITEM:
            raise Refused(_OUT_OF_RANGE % (name, value, param, position + 1))
        raise Refused(_INVALID % (name, param, _TYPE_NAMES[kind]))

    # Files

    def _gimp_file_load(self, mode, filename, raw_filename):
        pixels = _read(filename, Failed)
        image = Image(
            self._registry,
            pixels.width,
            pixels.height,
            GRAY if len(pixels.planes) == 1 else RGB,
            PRECISION_U8_GAMMA,
        )
        image.insert(Layer(image, "Background", pixels), None, 0)
        image.filename = filename
        return image

    def _gimp_file_load_layer(self, mode, image, filename):
        return Layer(image, os.path.basename(filename), image.encoded(_read(filename, Refused)))

    def _file_png_save2(self, mode, image, drawable, filename, raw_filename, *options):
        # a gray image of linear values leaves as it is, as in GIMP
        raw = isinstance(drawable, Layer) and not isinstance(drawable, Group) and image.base != INDEXED
        memory_files.write_png(native(filename), drawable.pixels if raw else drawable.shown())

    def _file_tiff_save(self, mode, image, drawable, filename, raw_filename, compression):
        if image.base != RGB or compression:
            raise Failed("not modelled: a TIFF file other than of RGB, not compressed")
        memory_files.write_tiff(native(filename), drawable.shown())

    # The rest

    def _gimp_message(self, text):
        pass

    def _gimp_progress_init(self, text, display):
        pass

    def _gimp_progress_pulse(self):
        pass

    def _gimp_progress_set_text(self, text):
        pass

    def _gimp_progress_update(self, share):
        pass

    def _gimp_progress_end(self):
        pass

    def _gimp_displays_flush(self):
        pass

    def _gimp_display_new(self, image):
        raise Failed

    def _gimp_display_delete(self, display):
        raise Failed


def _plain(value):
    """A returned value as a backend gives it."""
    if value is None:
        return -1
    if isinstance(value, (Image, Channel, Layer)):
        return value.number
    return value


def _read(filename, error):
    try:
        return memory_files.read_png(native(filename))
    except (IOError, OSError) as problem:
        raise error("Could not open '%s' for reading: %s" % (filename, problem.strerror))
