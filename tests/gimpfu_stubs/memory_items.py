# -*- coding: utf-8 -*-
"""The procedures of the small model of GIMP that are about items and drawables; runs on Python 2.7 and 3."""

from __future__ import division

from gimpenums import FILL_TRANSPARENT, FILL_WHITE, GRAY, INDEXED
from memory_checks import Failed, change, check_unlocked
from memory_model import Channel, Group, Layer


class Items(object):
    """A part of `memory.Memory`."""

    def _gimp_item_is_valid(self, number):
        return int(number in self._registry.items)

    def _gimp_item_is_drawable(self, item):
        return 1

    def _gimp_item_is_layer(self, item):
        return int(isinstance(item, Layer))

    def _gimp_item_is_group(self, item):
        return int(isinstance(item, Group))

    def _gimp_item_is_text_layer(self, item):
        return 0

    def _gimp_item_is_channel(self, item):
        return int(isinstance(item, Channel))

    def _gimp_item_is_layer_mask(self, item):
        return int(isinstance(item, Channel) and item.is_mask)

    def _gimp_item_get_image(self, item):
        return item.image

    def _gimp_item_get_parent(self, item):
        return None if isinstance(item, Channel) else item.parent

    def _gimp_item_get_children(self, item):
        if not isinstance(item, Group):
            raise Failed
        return len(item.children), [child.number for child in item.children]

    def _gimp_item_get_tattoo(self, item):
        return item.number

    def _gimp_item_get_name(self, item):
        return item.name

    def _gimp_item_set_name(self, item, name):
        name = name or "Layer"
        if name != item.name:
            item.name = item.image.free_name(name, item) if item.is_attached() else name
            item.changed()

    def _gimp_item_get_visible(self, item):
        return int(item.visible)

    def _gimp_item_set_linked(self, item, linked):
        change(item, "linked", bool(linked))

    def _gimp_item_set_visible(self, item, visible):
        change(item, "visible", bool(visible))

    def _gimp_item_get_lock_content(self, item):
        return int(item.lock_content)

    def _gimp_item_set_lock_content(self, item, lock):
        item.lock_content = bool(lock)

    def _gimp_item_get_lock_position(self, item):
        return int(item.lock_position)

    def _gimp_item_set_lock_position(self, item, lock):
        item.lock_position = bool(lock)

    def _gimp_item_delete(self, item):
        if item.is_attached():
            raise Failed
        item.forget()

    def _gimp_item_attach_parasite(self, item, parasite):
        item.parasites[parasite[0]] = tuple(parasite)
        item.changed()

    def _gimp_item_get_parasite(self, item, name):
        if name not in item.parasites:
            raise Failed
        return (item.parasites[name],)

    def _gimp_drawable_width(self, drawable):
        return drawable.width

    def _gimp_drawable_height(self, drawable):
        return drawable.height

    def _gimp_drawable_offsets(self, drawable):
        return drawable.x, drawable.y

    def _gimp_drawable_has_alpha(self, drawable):
        return int(isinstance(drawable, Layer) and drawable.has_alpha)

    def _gimp_drawable_type(self, drawable):
        return 2 * (
            GRAY if isinstance(drawable, Channel) else drawable.image.base
        ) + self._gimp_drawable_has_alpha(drawable)

    def _gimp_drawable_get_pixel(self, drawable, x, y):
        if not (0 <= x < drawable.width and 0 <= y < drawable.height):
            raise Failed
        at = y * drawable.width + x
        if isinstance(drawable, Channel):
            return 1, [drawable.plane[at]]
        pixels = drawable.shown() if isinstance(drawable, Group) else drawable.pixels
        values = [plane[at] for plane in pixels.all_planes()]
        return len(values), values

    def _gimp_drawable_fill(self, layer, fill):
        check_unlocked(layer)
        if (
            fill not in (FILL_WHITE, FILL_TRANSPARENT)
            or not isinstance(layer, Layer)
            or layer.image.base == INDEXED
        ):
            raise Failed("not modelled: to fill other than an RGB or gray layer with white or nothing")
        value = 255 if fill == FILL_WHITE else 0
        for plane in layer.pixels.all_planes():
            plane[:] = bytearray([value]) * len(plane)
        layer.changed()
