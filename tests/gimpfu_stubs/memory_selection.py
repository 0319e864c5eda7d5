# -*- coding: utf-8 -*-
"""The procedures of the small model of GIMP that are about the selection; runs on Python 2.7 and 3."""

from __future__ import division

import memory_pixels
import memory_shapes
from gimpenums import CHANNEL_OP_ADD, CHANNEL_OP_REPLACE
from memory_checks import Failed
from memory_model import Channel, Layer


class Selection(object):
    """A part of `memory.Memory`."""

    def _gimp_image_get_selection(self, image):
        return image.selection

    def _gimp_selection_none(self, image):
        if image.selection.bounds():
            image.selection.plane = bytearray(image.width * image.height)
            image.changed()

    def _gimp_selection_all(self, image):
        image.selection.plane = memory_pixels.opaque(image.width * image.height)
        image.changed()

    def _gimp_selection_invert(self, image):
        image.selection.plane = bytearray(255 - value for value in image.selection.plane)
        image.changed()

    def _gimp_selection_is_empty(self, image):
        return int(image.selection.bounds() is None)

    def _gimp_selection_bounds(self, image):
        bounds = image.selection.bounds()
        return (int(bounds is not None),) + (bounds or (0, 0, image.width, image.height))

    def _gimp_selection_save(self, image):
        selection = image.selection
        channel = Channel(image, "Selection Mask copy", image.width, image.height, bytearray(selection.plane))
        channel.name = image.free_name(channel.name, channel)
        image.channels.insert(0, channel)
        image.active_layer, image.active_channel = None, channel
        image.changed()
        return channel

    def _gimp_selection_float(self, layer, right, down):
        """The selected pixels leave the layer; what is transparent or white remains there."""
        image = layer.image
        bounds = image.selection.bounds()
        if bounds is None:
            raise Failed("Cannot float selection because the selected region is empty.")
        left, top, width, height = bounds[0], bounds[1], bounds[2] - bounds[0], bounds[3] - bounds[1]
        cover = memory_pixels.crop(image.selection.plane, image.width, left, top, width, height)
        pixels = layer.pixels.cropped(left - layer.x, top - layer.y, width, height)
        pixels.alpha = memory_pixels.times(pixels.opacities(), cover)
        self._clear_selected(layer)
        floating = Layer(image, "Floated Layer", pixels)
        floating.x, floating.y = left + right, top + down
        image.insert(floating, layer.parent, image.siblings(layer).index(layer))
        image.floating = floating
        self._gimp_selection_none(image)
        return floating

    def _clear_selected(self, layer):
        """Transparent where there is alpha, else white."""
        plane, image = layer.image.selection.plane, layer.image
        kept = memory_pixels.crop(plane, image.width, layer.x, layer.y, layer.width, layer.height)
        if layer.has_alpha:
            left = bytearray(255 - value for value in kept)
            layer.pixels.alpha = memory_pixels.times(layer.pixels.alpha, left)
            return
        for colors in layer.pixels.planes:
            colors[:] = bytearray((a * (255 - c) + 255 * c + 127) // 255 for a, c in zip(colors, kept))

    def _gimp_image_select_rectangle(self, image, operation, x, y, width, height):
        bounds = [int(value) for value in (x, y, width, height)]
        self._select(
            image, operation, memory_shapes.rectangle((image.width, image.height), bounds, self._feather())
        )

    def _gimp_image_select_ellipse(self, image, operation, x, y, width, height):
        bounds, antialias = [int(value) for value in (x, y, width, height)], self._contexts[-1]["antialias"]
        plane = memory_shapes.ellipse((image.width, image.height), bounds, self._feather(), antialias)
        self._select(image, operation, plane)

    def _gimp_image_select_item(self, image, operation, item):
        if self._contexts[-1]["feather"]:
            raise Failed("not modelled: to select an item with a feather")
        plane = item.plane if isinstance(item, Channel) else item.shown().opacities()
        self._select(
            image,
            operation,
            memory_pixels.crop(plane, item.width, -item.x, -item.y, image.width, image.height),
        )

    def _feather(self):
        context = self._contexts[-1]
        return sum(context["radius"]) / 2 if context["feather"] else 0

    def _select(self, image, operation, plane):
        if operation == CHANNEL_OP_ADD:
            plane = bytearray(map(max, image.selection.plane, plane))
        elif operation != CHANNEL_OP_REPLACE:
            raise Failed("not modelled: a selection operation other than to replace and to add")
        image.selection.plane = plane
        image.changed()

    def _gimp_context_push(self):
        self._contexts.append(dict(self._contexts[-1]))

    def _gimp_context_pop(self):
        if len(self._contexts) == 1:
            raise Failed
        self._contexts.pop()

    def _gimp_context_set_antialias(self, antialias):
        self._contexts[-1]["antialias"] = bool(antialias)

    def _gimp_context_set_feather(self, feather):
        self._contexts[-1]["feather"] = bool(feather)

    def _gimp_context_set_feather_radius(self, x, y):
        self._contexts[-1]["radius"] = (x, y)
