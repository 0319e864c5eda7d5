# -*- coding: utf-8 -*-
"""The procedures of the small model of GIMP that are about images; runs on Python 2.7 and 3."""

from __future__ import division

import io
import re

try:
    from urllib.parse import unquote
except ImportError:  # Python 2.7
    from urllib import unquote

import memory_pixels
from gimpenums import CLIP_TO_BOTTOM_LAYER, GRAY, INDEXED, PRECISION_U8_GAMMA
from memory_checks import Failed, Refused, check_choice, check_in, native, wrong_image
from memory_model import Group, Image, Layer
from memory_pixels import Pixels


class Images(object):
    """A part of `memory.Memory`."""

    def _gimp_image_new(self, width, height, base):
        return Image(self._registry, width, height, base, PRECISION_U8_GAMMA)

    def _gimp_image_new_with_precision(self, width, height, base, precision):
        if base == INDEXED and precision != PRECISION_U8_GAMMA:
            raise Failed
        return Image(self._registry, width, height, base, precision)

    def _gimp_image_delete(self, image):
        image.forget()

    def _gimp_image_is_valid(self, number):
        return int(number in self._registry.images)

    def _gimp_image_list(self):
        numbers = sorted(self._registry.images, reverse=True)
        return len(numbers), numbers

    def _gimp_image_width(self, image):
        return image.width

    def _gimp_image_height(self, image):
        return image.height

    def _gimp_image_base_type(self, image):
        return image.base

    def _gimp_image_get_precision(self, image):
        return image.precision

    def _gimp_image_get_filename(self, image):
        return image.filename

    def _gimp_image_set_filename(self, image, filename):
        image.filename = filename

    def _gimp_image_is_dirty(self, image):
        return int(image.dirty)

    def _gimp_image_clean_all(self, image):
        image.dirty = False

    def _gimp_image_undo_disable(self, image):
        return 1

    def _gimp_image_undo_enable(self, image):
        return 1

    def _gimp_image_undo_group_start(self, image):
        image.changed()
        image.open_groups += 1

    def _gimp_image_undo_group_end(self, image):
        if not image.open_groups:
            raise Failed
        image.open_groups -= 1

    def _gimp_image_get_colormap(self, image):
        values = [value for color in image.palette for value in color]
        return len(values), values

    def _gimp_image_set_colormap(self, image, size, values):
        if image.base != INDEXED:
            raise Failed
        image.palette = [tuple(values[at : at + 3]) for at in range(0, size, 3)]
        image.changed()

    def _gimp_image_get_color_profile(self, image):
        return len(image.profile), list(bytearray(image.profile))

    def _gimp_image_set_color_profile(self, image, size, values):
        image.profile = bytes(bytearray(value & 255 for value in values[:size]))
        image.changed()
        return 1

    def _gimp_image_convert_color_profile_from_file(self, image, uri, intent, black_point):
        with io.open(unquote(native(re.sub("^file://", "", uri))), "rb") as file:
            image.profile = file.read()
        image.changed()
        return 1

    def _gimp_image_convert_grayscale(self, image):
        if image.base == GRAY:
            raise wrong_image(image, "type 'gray'")
        image.become(base=GRAY)

    def _gimp_image_convert_precision(self, image, precision):
        if image.base == INDEXED:
            raise wrong_image(image, "type 'indexed'")
        if image.precision == precision:
            raise wrong_image(image, "precision '%d'" % precision)
        image.become(precision=precision)

    def _gimp_image_convert_indexed(
        self, image, dither, palette_type, count, alpha_dither, remove_unused, palette
    ):
        if image.base == INDEXED:
            raise wrong_image(image, "type 'indexed'")
        if dither or palette_type or alpha_dither:
            raise Failed("not modelled: dithering and palettes that are not generated")
        layers = [layer for layer in image.all_layers() if not isinstance(layer, Group)]
        for layer in layers:
            if layer.has_alpha:
                layer.pixels.alpha = bytearray(255 if value > 127 else 0 for value in layer.pixels.alpha)
        image.become(
            base=INDEXED, palette=memory_pixels.make_palette([layer.shown() for layer in layers], count)
        )

    def _gimp_image_get_layers(self, image):
        return len(image.layers), [layer.number for layer in image.layers]

    def _gimp_image_get_channels(self, image):
        return len(image.channels), [channel.number for channel in image.channels]

    def _gimp_image_get_channel_by_name(self, image, name):
        return next((channel for channel in image.channels if channel.name == name), None)

    def _gimp_image_get_active_layer(self, image):
        return image.active_layer

    def _gimp_image_set_active_layer(self, image, layer):
        check_choice(image, layer)
        image.activate(layer)

    def _gimp_image_get_active_channel(self, image):
        return image.active_channel

    def _gimp_image_set_active_channel(self, image, channel):
        check_choice(image, channel)
        image.active_layer, image.active_channel = None, channel

    def _gimp_image_get_active_drawable(self, image):
        if image.active_channel is not None:
            return image.active_channel
        layer = image.active_layer
        return layer.mask if layer is not None and layer.edit_mask else layer

    def _gimp_image_get_floating_sel(self, image):
        return image.floating

    def _gimp_image_get_item_position(self, image, item):
        check_in(image, item)
        return image.siblings(item).index(item)

    def _gimp_image_insert_layer(self, image, layer, parent, position):
        if layer.is_attached() or layer.parent is not None:
            raise Refused("Item '%s' (%d) has already been added to an image" % (layer.name, layer.number))
        if layer.image is not image:
            raise Refused("Trying to add item '%s' (%d) to wrong image" % (layer.name, layer.number))
        if parent is not None:
            check_in(image, parent)
            if not isinstance(parent, Group):
                raise Refused(
                    "Item '%s' (%d) cannot be used because it is not a group item"
                    % (parent.name, parent.number)
                )
        if position == -1 and parent is None and image.active_layer is not None:
            parent = image.active_layer.parent
        image.insert(layer, parent, position)

    def _gimp_image_remove_layer(self, image, layer):
        check_in(image, layer)
        image.remove(layer)

    def _gimp_image_merge_down(self, image, layer, merge_type):
        check_in(image, layer)
        if merge_type != CLIP_TO_BOTTOM_LAYER:
            raise Failed("not modelled: to merge other than into the lower layer's rectangle")
        among = image.siblings(layer)
        below = [each for each in among[among.index(layer) + 1 :] if each.visible]
        if not below:
            raise Failed("There is no visible layer to merge down to.")
        bottom = below[0]
        canvas = Pixels.clear(bottom.width, bottom.height, 1 if image.base == GRAY else 3)
        bottom.put_on(canvas, bottom.x, bottom.y)
        layer.put_on(canvas, bottom.x, bottom.y)
        merged = Layer(image, bottom.name, image.encoded(canvas))
        merged.x, merged.y, merged.parasites = bottom.x, bottom.y, dict(bottom.parasites)
        parent, position = bottom.parent, among.index(bottom) - 1
        image.remove(layer)
        image.remove(bottom)
        image.insert(merged, parent, position)
        return merged
