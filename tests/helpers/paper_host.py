# -*- coding: utf-8 -*-
"""A host of tasks without a GIMP: its layers are dicts, and of what comes it takes notes.

It runs on Python 2.7 and 3.
"""

from __future__ import unicode_literals

import contextlib
import json
import os
import struct

from venice_host import Host, ImageState, LayerState, StackItem
from venice_rectangle import extent_of

CANVAS = {"width": 300, "height": 200}


class PaperHost(Host):
    """An image with `layers`, topmost first, of which `selected`, a rectangle, is selected."""

    def __init__(self, link, layers, selected):
        super(PaperHost, self).__init__(link)
        self.layers, self.selected, self.made = layers, selected, []

    def describe_image(self, image):
        return ImageState(
            canvas=CANVAS,
            base="gray",
            selection=dict(self.selected),
            has_quick_mask=False,
            has_floating_selection=False,
        )

    def describe_layer(self, drawable):
        if drawable.get("gone"):
            return None
        return LayerState(
            layer=drawable,
            name=drawable["name"],
            tattoo=drawable["tattoo"],
            bounds=drawable["bounds"],
            locked_group=None,
            is_empty=False,
            is_plain=False,
            is_hidden=drawable.get("hidden", False),
            edits_mask=False,
        )

    def stack(self, image):
        return [StackItem(layer, layer["tattoo"], None, []) for layer in self.layers]

    def bottom_up(self, image, layers):
        return [layer for layer in reversed(self.layers) if layer in layers]

    def read_selection(self, image):
        window = dict(self.selected)
        return window, b"\xff" * (window["width"] * window["height"])

    def export(self, image, layer, crop, name, wide_name=None):
        pixels = crop["width"] * crop["height"]
        self._link.write(name, b"\x50\x90\x30\xff" * pixels)
        if wide_name is not None:
            self._link.write(wide_name, struct.pack(str("<4f"), 1.5, 0.5, 0.25, 1.0) * pixels)
        return wide_name is not None

    @contextlib.contextmanager
    def transaction(self, image):
        yield

    def insert(self, image, above, placement):
        recipe = json.loads(placement.recipe.decode("ascii"))
        self.made.append(
            {
                "above": above and above["name"],
                "crop": placement.crop,
                "files": [_kind_of(file) for file in (placement.pixels, placement.mask)],
                "host": recipe["host"],
                "kind": placement.kind,
                "name": placement.name,
                "source": recipe["source"],
            }
        )
        return "layer"

    def insert_variations(self, image, above, name, placements):
        return [self.insert(image, above, placement) for placement in placements]

    def hide(self, layer):
        layer["hidden"] = True
        return True

    def new_image(self, extent, name=None, source=None):
        return dict(extent_of(extent), name=name, source=source and source["name"])

    def show(self, image):
        image["shown"] = True


def _kind_of(file):
    if file is None:
        return None
    bytes_of_a_pixel = {"rgba": 4, "coverage": 1}[file.kind]
    assert os.path.getsize(file.path) == bytes_of_a_pixel * file.extent["width"] * file.extent["height"]
    return file.kind
