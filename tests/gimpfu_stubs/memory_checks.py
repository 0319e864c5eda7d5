# -*- coding: utf-8 -*-
"""What the procedures of the small model of GIMP refuse, in GIMP's words; runs on Python 2.7 and 3."""

import os

from memory_model import Group


class Refused(RuntimeError):
    """What a procedure says about its arguments; `Memory.call` puts GIMP's words around it."""


class Failed(RuntimeError):
    """As Refused, of what is not due to the arguments; without words where GIMP has none."""


def native(text):
    """Text as `str`: for errors, and for paths."""
    return text.encode("utf-8") if str is bytes and not isinstance(text, str) else text


def change(item, name, value):
    """Changes an attribute; to what it was, nothing happens."""
    if getattr(item, name) != value:
        setattr(item, name, value)
        item.changed()


def wrong_image(image, what):
    title = os.path.basename(image.filename) or "[Untitled]"
    return Refused("Image '%s' (%d) must not be of %s" % (title, image.number, what))


def check_choice(image, item):
    if item.image is not image or not item.is_attached():
        raise Failed


def check_no_group(item):
    if isinstance(item, Group):
        raise Refused(
            "Item '%s' (%d) cannot be modified because it is a group item" % (item.name, item.number)
        )


def check_in(image, item):
    if not item.is_attached():
        raise Refused(
            "Item '%s' (%d) cannot be used because it has not been added to an image"
            % (item.name, item.number)
        )
    if item.image is not image:
        raise Refused(
            "Item '%s' (%d) cannot be used because it is attached to another image" % (item.name, item.number)
        )


def check_unlocked(item):
    if item.is_content_locked():
        raise Refused(
            "Item '%s' (%d) cannot be modified because its contents are locked" % (item.name, item.number)
        )


def check_movable(item):
    if item.is_position_locked():
        raise Refused(
            "Item '%s' (%d) cannot be modified because its position and size are locked"
            % (item.name, item.number)
        )


def check_masked(layer):
    if layer.mask is None:
        raise Failed
