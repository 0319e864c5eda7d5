# -*- coding: utf-8 -*-
"""The host of a task, such as a GIMP: what it is asked for, what it answers, what it is handed.

A rectangle is a dict with x, y, width, height in image coordinates, an extent one with width and height.
Images and layers are the host's own objects; only their host looks into them.

Standard library only; runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import collections
import json
import os

from venice_process import file_name
from venice_rectangle import at_origin, extent_of

RECIPE = "venice-recipe"  # the parasite that holds a result's recipe
QUICK_MASK = "Qmask"  # what GIMP calls its channel, in every language


class Host(object):
    """What a task needs of the program that has the image; `link` leads to the worker.

    Every method is called in the host's main thread.
    """

    def __init__(self, link):
        self._link = link

    def describe_image(self, image):
        """Return the `ImageState` of an image, or None where it was closed."""
        raise NotImplementedError("describe_image")

    def describe_layer(self, drawable):
        """Return the `LayerState` of a layer, or of the one whose mask it is.

        None: it is another channel, or was deleted.
        """
        raise NotImplementedError("describe_layer")

    def stack(self, image):
        """Return the image's layers as `StackItem`s, topmost first."""
        raise NotImplementedError("stack")

    def bottom_up(self, image, layers):
        """Return `layers`, each once, in the order of the stack, depth first, from the bottom to the top."""
        raise NotImplementedError("bottom_up")

    def read_selection(self, image):
        """Return the window of what is selected and its coverage, 8-bit linear; None: nothing is selected."""
        raise NotImplementedError("read_selection")

    def export(self, image, layer, crop, name, wide_name=None):
        """Write what `layer` shows in `crop` as the link's file `name`, 8-bit sRGB RGBA.

        The layer's mask and filters count, its opacity and mode do not. Where `layer` is None, it is what is
        visible of the whole image. With `wide_name`, where the image may hold colors outside sRGB, write it
        under that name as float32 RGBA, too, and return True; else False.
        """
        raise NotImplementedError("export")

    def transaction(self, image):
        """Return a context manager: one undo step, after which the same layers are selected as before."""
        raise NotImplementedError("transaction")

    def insert(self, image, above, placement):
        """Put a `Placement` directly above the layer `above` (None: at the top); return the new layer."""
        raise NotImplementedError("insert")

    def insert_variations(self, image, above, name, placements):
        """Put `Placement`s of the kind RESULT below each other into a new group directly above `above`.

        The group has that name and the recipe of the first, which alone is visible. Return the new layers,
        topmost first.
        """
        raise NotImplementedError("insert_variations")

    def hide(self, layer):
        """Make a layer invisible; return False where its visibility is locked."""
        raise NotImplementedError("hide")

    def new_image(self, extent, name=None, beside=None):
        """Return an empty RGB image that nobody sees yet.

        With a name it is to be saved under that name in the folder of the image `beside`, and has its print
        resolution; None: in the user's folder for pictures.
        """
        raise NotImplementedError("new_image")

    def show(self, image):
        """Show an image in a window, where there is a screen."""
        raise NotImplementedError("show")


class ImageState(
    collections.namedtuple("ImageState", "canvas base selection has_quick_mask has_floating_selection")
):
    """An image at one moment.

    `canvas`: its extent. `base`: "rgb", "gray" or "indexed". `selection`: the window of what is selected, or
    None. `has_quick_mask`: whether the selection is a channel for now, so that nothing is selected.
    """

    __slots__ = ()


class LayerState(
    collections.namedtuple(
        "LayerState",
        "layer name tattoo bounds locked_group is_empty is_plain is_hidden edits_mask",
    )
):
    """A layer or layer group at one moment.

    `tattoo`: its number within the image, which XCF files keep. `locked_group`: the outermost group around it
    whose contents are locked, or None. `is_empty`: whether it is a group without a layer. `is_plain`: whether
    its mode is Normal and its opacity 100 %. `is_hidden`: whether it, or a group around it, is invisible.
    `edits_mask`: whether not the layer but its mask is being edited.
    """

    __slots__ = ()


class StackItem(collections.namedtuple("StackItem", "layer tattoo recipe children")):
    """A layer or group in its stack.

    `recipe`: the data of its parasite RECIPE, or None. `children`: the items in it, topmost first.
    """

    __slots__ = ()


RESULT, CUTOUT, MASKED_COPY = "result", "cutout", "masked-copy"


class Placement(object):
    """One result as the worker left it, and as what it is put into an image: its `kind`.

    RESULT: a layer over `crop` with `pixels`, and the layer mask `mask` where that is not None.
    CUTOUT: a layer over `crop` with the pixels of the layer `original`, their alpha times `mask`; where `rim`
    (255 or 0; None: nowhere) says so, they have the colors of `pixels`.
    MASKED_COPY: a copy of `original`; its layer mask is the active one of `original` times `mask`, which is 0
    outside `crop`.

    `source`: the tattoo of the layer that it is made from, or that it lies above; None: there is none.
    """

    kind = RESULT
    original = None

    def __init__(self, result, host_options, source):
        self.job, self.crop, self.name = result["job"], result["crop"], result["name"]
        extent = extent_of(self.crop)
        self.pixels = PixelFile(result["pixels"], extent, "rgba")
        self.mask, self.rim = (
            result[name] and PixelFile(result[name], extent, "coverage") for name in ("mask", "rim")
        )
        self.variations = result["recipe"]["options"]["variations"]
        self._recipe = dict(result["recipe"], host=host_options, source=source)

    @property
    def recipe(self):
        """Return what the parasite RECIPE of the new layer is to hold."""
        return json.dumps(self._recipe, sort_keys=True).encode("ascii")

    def in_image_of_its_own(self):
        """Move it to the origin of an image in which its source is not; return it."""
        self.crop = at_origin(self.crop)
        self._recipe["source"] = None
        return self


class PixelFile(object):
    """A raw file of the worker's; `kind` is "rgba" or "coverage". Raises OSError where it is not there."""

    def __init__(self, path, extent, kind):
        os.stat(file_name(path))  # what is missing is noticed before an image is touched
        self.path, self.extent, self.kind = path, extent, kind

    def read(self):
        """Return its bytes."""
        with open(file_name(self.path), "rb") as file:
            return file.read()


def around(layer, parent_of):
    """Return the groups around a layer, the innermost first."""
    groups, group = [], parent_of(layer)
    while group is not None:
        groups.append(group)
        group = parent_of(group)
    return groups
