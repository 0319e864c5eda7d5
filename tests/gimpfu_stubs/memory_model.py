# -*- coding: utf-8 -*-
"""Images, layers and channels of the small model of GIMP 2.10; runs on Python 2.7 and 3."""

from __future__ import division

import re

import memory_pixels
from gimpenums import (
    GRAY,
    INDEXED,
    LAYER_COLOR_SPACE_RGB_PERCEPTUAL,
    LAYER_COMPOSITE_CLIP_TO_BACKDROP,
    LAYER_MODE_NORMAL,
    LAYER_MODE_NORMAL_LEGACY,
    PRECISION_U8_LINEAR,
    RGB,
)
from memory_pixels import GAMMA_OF, LINEAR_OF, Pixels

PASS_THROUGH = 61  # a group's mode; as long as all modes are Normal, it shows the same as Normal


class Registry(object):
    """Numbers for images and items, which are never used twice."""

    def __init__(self):
        self.items, self.images = {}, {}
        self._last = {}

    def enter(self, table, thing):
        self._last[id(table)] = number = self._last.get(id(table), 0) + 1
        table[number] = thing
        return number


class Image(object):
    def __init__(self, registry, width, height, base, precision):
        self.registry = registry
        self.width, self.height, self.base, self.precision = width, height, base, precision
        self.number = registry.enter(registry.images, self)
        self.layers, self.channels = [], []
        self.active_layer = self.active_channel = self.floating = None
        self.palette, self.profile, self.filename = [], b"", ""
        self.dirty, self.steps, self.open_groups = True, 0, 0
        self.selection = Channel(self, "Selection Mask", width, height, bytearray(width * height))
        self.selection.visible = True

    def changed(self):
        """Counts a step of the undo history, but one only for a group."""
        self.dirty = True
        if not self.open_groups:
            self.steps += 1

    @property
    def linear_gray(self):
        """Whether its bytes are linear values; of other linear precisions this model knows the name only."""
        return self.base == GRAY and self.precision == PRECISION_U8_LINEAR

    def all_layers(self):
        return [each for layer in self.layers for each in layer.with_children()]

    def siblings(self, item):
        if isinstance(item, Channel):
            return self.channels
        return self.layers if item.parent is None else item.parent.children

    def insert(self, layer, parent, position):
        """Puts a layer into the tree, and makes it the active one."""
        among = self.layers if parent is None else parent.children
        if position < 0:
            position = 0
            if self.active_layer is not None and self.siblings(self.active_layer) is among:
                position = among.index(self.active_layer)
        for each in layer.with_children():
            each.name = self.free_name(each.name, each)
        layer.parent = parent
        among.insert(min(position, len(among)), layer)
        self.activate(layer)
        self.changed()

    def activate(self, layer):
        self.active_layer, self.active_channel = layer, None

    def free_name(self, name, item):
        """The name, with a number behind it where another item of the tree has it."""
        others = self.channels if isinstance(item, Channel) else self.all_layers()
        taken = {other.name for other in others if other is not item}
        name = name.rstrip()
        if name not in taken:
            return name
        found = re.search(r" ?#([0-9]+)\s*$", name)
        stem, number = (name[: found.start()], int(found.group(1))) if found else (name, 0)
        while True:
            number += 1
            if "%s #%d" % (stem, number) not in taken:
                return "%s #%d" % (stem, number)

    def remove(self, layer):
        """The layer is gone for good; another becomes active, if it was."""
        among = self.siblings(layer)
        position = among.index(layer)
        among.remove(layer)
        if self.active_layer in layer.with_children():
            self.active_layer = among[min(position, len(among) - 1)] if among else layer.parent
        if self.floating is layer:
            self.floating = None
        layer.forget()
        self.changed()

    def forget(self):
        for item in self.layers + self.channels + [self.selection]:
            item.forget()
        del self.registry.images[self.number]

    def visible(self):
        """What is displayed, with alpha."""
        canvas = Pixels.clear(self.width, self.height, 1 if self.base == GRAY else 3)
        put_all(canvas, self.layers, 0, 0)
        return canvas

    def encoded(self, pixels):
        """RGB or gamma-encoded gray as a layer of this image has it."""
        planes = pixels.planes
        if self.base == RGB:
            return pixels.with_planes(planes * 3 if len(planes) == 1 else planes)
        if self.base == INDEXED:
            palette = self.palette or [(0, 0, 0)]
            return pixels.with_planes(
                [memory_pixels.nearest(planes * 3 if len(planes) == 1 else planes, palette)]
            )
        if len(planes) == 3:
            return pixels.with_planes([memory_pixels.gray(planes, self.linear_gray)])
        return pixels.with_planes([planes[0].translate(LINEAR_OF) if self.linear_gray else planes[0]])

    def decoded(self, pixels):
        """The other way round."""
        planes = pixels.planes
        if self.base == INDEXED:
            planes = memory_pixels.looked_up(planes[0], self.palette)
        elif self.linear_gray:
            planes = [planes[0].translate(GAMMA_OF)]
        return pixels.with_planes(planes)

    def become(self, base=None, precision=None, palette=()):
        """Converts all layers."""
        layers = [layer for layer in self.all_layers() if not isinstance(layer, Group)]
        plain = [self.decoded(layer.pixels) for layer in layers]
        self.base = self.base if base is None else base
        self.precision = precision or self.precision
        self.palette = palette
        for layer, pixels in zip(layers, plain):
            layer.pixels = self.encoded(pixels)
        self.changed()


class Item(object):
    """What layers and channels have in common. `plane`s and `pixels` lie at x, y in the image."""

    def __init__(self, image, name):
        self.image, self.name = image, name
        self.parent = None
        self.x = self.y = 0
        self.visible, self.lock_content, self.lock_position = True, False, False
        self.linked = False
        self.parasites = {}
        self.number = image.registry.enter(image.registry.items, self)

    def forget(self):
        del self.image.registry.items[self.number]

    def is_attached(self):
        top = self
        while top.parent is not None:
            top = top.parent
        return top in self.image.layers or top in self.image.channels or top is self.image.selection

    children = ()

    def is_content_locked(self):
        return self.lock_content or any(child.is_content_locked() for child in self.children)

    def is_position_locked(self):
        return self.lock_position or any(child.is_position_locked() for child in self.children)

    def changed(self):
        if self.is_attached():
            self.image.changed()

    def copy_item(self, other):
        """Takes over what every copy has of what it was made from."""
        self.x, self.y, self.visible = other.x, other.y, other.visible
        self.lock_content, self.lock_position = other.lock_content, other.lock_position
        self.linked = other.linked
        self.parasites = dict(other.parasites)


class Channel(Item):
    """A channel, a selection or, with `parent`, a layer mask: linear coverage."""

    def __init__(self, image, name, width, height, plane, is_mask=False):
        Item.__init__(self, image, name)
        self.width, self.height, self.plane, self.is_mask = width, height, plane, is_mask
        self.visible = is_mask

    # a layer mask lies where its layer does
    x = property(
        lambda self: self._x if self.parent is None else self.parent.x, lambda self, x: setattr(self, "_x", x)
    )
    y = property(
        lambda self: self._y if self.parent is None else self.parent.y, lambda self, y: setattr(self, "_y", y)
    )

    def shown(self):
        """Its values as gamma-encoded gray, which is what a file gets, too."""
        return Pixels(self.width, self.height, [self.plane.translate(GAMMA_OF)])

    def as_layer_of(self, image):
        plane = self.plane if image.linear_gray else self.plane.translate(GAMMA_OF)
        pixels = Pixels(self.width, self.height, [bytearray(plane)])
        layer = Layer(image, copy_name(self.name), pixels if image.linear_gray else image.encoded(pixels))
        layer.copy_item(self)
        return layer

    def bounds(self):
        """x1, y1, x2, y2 of what is not 0; None where all is."""
        if not any(self.plane):
            return None
        rows = [self.plane[at : at + self.width] for at in range(0, len(self.plane), self.width)]
        filled = [y for y, row in enumerate(rows) if any(row)]
        left = min(len(rows[y]) - len(rows[y].lstrip(b"\0")) for y in filled)
        right = max(len(rows[y].rstrip(b"\0")) for y in filled)
        return left, filled[0], right, filled[-1] + 1


class Layer(Item):
    def __init__(self, image, name, pixels):
        Item.__init__(self, image, name)
        self.pixels = pixels
        self.opacity, self.mode = 100.0, LAYER_MODE_NORMAL
        self.blend_space = self.composite_space = self.composite_mode = 0
        self.lock_alpha = False
        self.mask = None
        self.apply_mask = self.edit_mask = self.show_mask = False

    width = property(lambda self: self.pixels.width)
    height = property(lambda self: self.pixels.height)
    has_alpha = property(lambda self: self.pixels.alpha is not None)

    def with_children(self):
        """Itself and all below it in the tree."""
        return [self]

    def forget(self):
        if self.mask is not None:
            self.mask.forget()
        Item.forget(self)

    def shown(self):
        """Its own pixels, without the mask."""
        return self.image.decoded(self.pixels)

    def as_layer_of(self, image, keeps_name=False):
        """A copy for an image, in its mode and encoding."""
        copy = self._new_for(image, self.name if keeps_name else copy_name(self.name))
        copy.copy_item(self)
        copy.opacity, copy.mode, copy.lock_alpha = self.opacity, self.mode, self.lock_alpha
        copy.blend_space, copy.composite_mode = self.blend_space, self.composite_mode
        copy.composite_space = self.composite_space
        if self.mask is not None:
            copy.give_mask(bytearray(self.mask.plane))
            copy.apply_mask, copy.edit_mask, copy.show_mask = self.apply_mask, self.edit_mask, self.show_mask
        return copy

    def _new_for(self, image, name):
        same = (image.base, image.linear_gray, image.palette) == (
            self.image.base,
            self.image.linear_gray,
            self.image.palette,
        )
        return Layer(image, name, self.pixels.copy() if same else image.encoded(self.shown()))

    def new_mask(self, plane):
        return Channel(self.image, self.name + " mask", self.width, self.height, plane, is_mask=True)

    def give_mask(self, plane):
        self.attach_mask(self.new_mask(plane))

    def attach_mask(self, mask):
        self.mask, mask.parent = mask, self
        self.apply_mask = self.edit_mask = True
        self.show_mask = False

    def drop_mask(self):
        self.mask.forget()
        self.mask = None
        self.apply_mask = self.edit_mask = self.show_mask = False

    def add_alpha(self):
        if self.pixels.alpha is None:
            self.pixels.alpha = memory_pixels.opaque(self.width * self.height)

    def move_to(self, x, y):
        self.x, self.y = x, y

    def resize(self, width, height, x, y):
        self.pixels = self.pixels.cropped(-x, -y, width, height)
        if self.mask is not None:
            self.mask.plane = memory_pixels.crop(self.mask.plane, self.mask.width, -x, -y, width, height)
            self.mask.width, self.mask.height = width, height
        self.move_to(self.x - x, self.y - y)

    def put_on(self, canvas, x, y):
        """Composites it onto pixels whose corner lies at x, y in the image."""
        if self.mode not in (LAYER_MODE_NORMAL, LAYER_MODE_NORMAL_LEGACY, PASS_THROUGH):
            raise RuntimeError("not modelled: to composite a layer of mode %d" % self.mode)
        pixels = self.shown()
        mask = self.mask.plane if self.mask is not None and self.apply_mask else None
        if self.show_mask:
            gray = self.mask.shown().planes
            pixels, mask = Pixels(self.width, self.height, gray * len(pixels.planes)), None
        perceptual = (
            self.mode == LAYER_MODE_NORMAL_LEGACY or self.composite_space == LAYER_COLOR_SPACE_RGB_PERCEPTUAL
        )
        clip = self.composite_mode == LAYER_COMPOSITE_CLIP_TO_BACKDROP
        at = self.x - x, self.y - y
        memory_pixels.put(canvas, pixels, at[0], at[1], self.opacity / 100, mask, not perceptual, clip)


class Group(Layer):
    """A layer group: as large as what is in it."""

    def __init__(self, image, name):
        Layer.__init__(self, image, name, None)
        self.children = []

    def _edges(self):
        rectangles = [(each.x, each.y, each.x + each.width, each.y + each.height) for each in self.children]
        if not rectangles:
            return self._empty_at + tuple(value + 1 for value in self._empty_at)
        lefts, tops, rights, bottoms = zip(*rectangles)
        return min(lefts), min(tops), max(rights), max(bottoms)

    _empty_at = (0, 0)
    width = property(lambda self: self._edges()[2] - self._edges()[0])
    height = property(lambda self: self._edges()[3] - self._edges()[1])
    x = property(lambda self: self._edges()[0], lambda self, value: None)
    y = property(lambda self: self._edges()[1], lambda self, value: None)
    has_alpha = property(lambda self: True)

    def with_children(self):
        return [self] + [each for child in self.children for each in child.with_children()]

    def forget(self):
        for child in self.children:
            child.forget()
        Layer.forget(self)

    def shown(self):
        """Its layers composited."""
        canvas = Pixels.clear(self.width, self.height, 1 if self.image.base == GRAY else 3)
        put_all(canvas, self.children, self.x, self.y)
        return canvas

    def _new_for(self, image, name):
        group = Group(image, name)
        for child in self.children:
            copy = child.as_layer_of(image, keeps_name=True)
            copy.parent = group
            group.children.append(copy)
        return group

    def add_alpha(self):
        pass

    def move_to(self, x, y):
        right, down = x - self.x, y - self.y
        self._empty_at = x, y
        for child in self.children:
            child.move_to(child.x + right, child.y + down)

    def resize(self, width, height, x, y):
        raise RuntimeError("not modelled: to resize a layer group")


def put_all(canvas, layers, x, y):
    """Composites the visible ones, the last one first."""
    for layer in reversed(layers):
        if layer.visible:
            layer.put_on(canvas, x, y)


def copy_name(name):
    return name if name.endswith("copy") or re.search(r"#([0-9]+)\s*$", name) else name + " copy"
