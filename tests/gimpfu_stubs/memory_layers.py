# -*- coding: utf-8 -*-
"""The procedures of the small model of GIMP that are about layers and layer masks; runs on Python 2.7, 3."""

from __future__ import division

import memory_pixels
from gimpenums import (
    ADD_MASK_ALPHA,
    ADD_MASK_BLACK,
    ADD_MASK_COPY,
    ADD_MASK_SELECTION,
    ADD_MASK_WHITE,
    GRAY,
    MASK_APPLY,
    RGB,
)
from memory_checks import Failed, Refused, change, check_masked, check_movable, check_no_group, check_unlocked
from memory_model import Group, Layer
from memory_pixels import Pixels


class Layers(object):
    """A part of `memory.Memory`."""

    def _gimp_layer_new(self, image, width, height, kind, name, opacity, mode):
        pixels = Pixels.clear(width, height, 3 if image.base == RGB else 1)
        if kind // 2 != image.base:
            raise Failed
        if not kind % 2:
            pixels.alpha = None
        layer = Layer(image, name, pixels)
        layer.opacity, layer.mode = opacity, mode
        return layer

    def _gimp_layer_new_from_drawable(self, drawable, image):
        return drawable.as_layer_of(image)

    def _gimp_layer_new_from_visible(self, image, other, name):
        return Layer(other, name, other.encoded(image.visible()))

    def _gimp_layer_group_new(self, image):
        return Group(image, "Layer Group")

    def _gimp_layer_get_opacity(self, layer):
        return layer.opacity

    def _gimp_layer_set_opacity(self, layer, opacity):
        change(layer, "opacity", float(opacity))

    def _gimp_layer_get_mode(self, layer):
        return layer.mode

    def _gimp_layer_set_mode(self, layer, mode):
        change(layer, "mode", mode)

    def _gimp_layer_set_blend_space(self, layer, space):
        change(layer, "blend_space", space)

    def _gimp_layer_get_composite_space(self, layer):
        return layer.composite_space

    def _gimp_layer_set_composite_space(self, layer, space):
        change(layer, "composite_space", space)

    def _gimp_layer_set_composite_mode(self, layer, mode):
        change(layer, "composite_mode", mode)

    def _gimp_layer_get_lock_alpha(self, layer):
        return int(layer.lock_alpha)

    def _gimp_layer_set_lock_alpha(self, layer, lock):
        change(layer, "lock_alpha", bool(lock))

    def _gimp_layer_set_offsets(self, layer, x, y):
        check_movable(layer)
        layer.move_to(x, y)
        layer.changed()

    def _gimp_layer_resize(self, layer, width, height, x, y):
        check_unlocked(layer)
        check_movable(layer)
        layer.resize(width, height, x, y)
        layer.changed()

    def _gimp_layer_add_alpha(self, layer):
        check_no_group(layer)
        check_unlocked(layer)
        layer.add_alpha()
        layer.changed()

    def _gimp_layer_create_mask(self, layer, kind):
        size = layer.width * layer.height
        if kind == ADD_MASK_WHITE:
            return layer.new_mask(memory_pixels.opaque(size))
        if kind == ADD_MASK_BLACK:
            return layer.new_mask(bytearray(size))
        if kind == ADD_MASK_SELECTION:
            image = layer.image
            plane = image.selection.plane
            return layer.new_mask(
                memory_pixels.crop(plane, image.width, layer.x, layer.y, layer.width, layer.height)
            )
        if kind == ADD_MASK_COPY and layer.image.base == GRAY and not layer.has_alpha:
            return layer.new_mask(bytearray(layer.pixels.planes[0]))
        if kind != ADD_MASK_ALPHA:
            raise Failed("not modelled: a layer mask of kind %d" % kind)
        # without alpha, GIMP leaves the mask black
        return layer.new_mask(bytearray(layer.shown().alpha or size) if layer.has_alpha else bytearray(size))

    def _gimp_layer_add_mask(self, layer, mask):
        if mask.parent is not None:
            raise Refused("Item '%s' (%d) has already been added to an image" % (mask.name, mask.number))
        if layer.image is not mask.image:
            raise Refused("Trying to add item '%s' (%d) to wrong image" % (mask.name, mask.number))
        if layer.mask is not None:
            raise Failed("Unable to add a layer mask since the layer already has one.")
        if (layer.width, layer.height) != (mask.width, mask.height):
            raise Failed("Cannot add layer mask of different dimensions than specified layer.")
        layer.attach_mask(mask)
        layer.changed()

    def _gimp_layer_remove_mask(self, layer, how):
        if layer.mask is None:
            raise Failed
        if how == MASK_APPLY:
            check_no_group(layer)
            check_unlocked(layer)
            layer.add_alpha()
            layer.pixels.alpha = memory_pixels.times(layer.pixels.alpha, layer.mask.plane)
        layer.drop_mask()
        layer.changed()

    def _gimp_layer_get_mask(self, layer):
        return layer.mask

    def _gimp_layer_from_mask(self, mask):
        return mask.parent if mask.is_mask else None

    def _gimp_layer_get_apply_mask(self, layer):
        return int(layer.apply_mask)

    def _gimp_layer_set_apply_mask(self, layer, apply_mask):
        check_masked(layer)
        change(layer, "apply_mask", bool(apply_mask))

    def _gimp_layer_get_edit_mask(self, layer):
        return int(layer.edit_mask)

    def _gimp_layer_set_edit_mask(self, layer, edit_mask):
        check_masked(layer)
        layer.edit_mask = bool(edit_mask)

    def _gimp_layer_get_show_mask(self, layer):
        return int(layer.show_mask)

    def _gimp_layer_set_show_mask(self, layer, show_mask):
        check_masked(layer)
        change(layer, "show_mask", bool(show_mask))
