"""Pixels out of GIMP 3: what a layer or an image shows, rendered by GIMP itself in hidden images.

Pixels are raw bytes: RGBA is 8-bit sRGB, alpha not premultiplied; coverage is one byte per pixel, linear.
"""

import contextlib

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp
from venice_icc import is_srgb
from venice_rectangle import at_origin, counted_from, from_corners
from venice_space import decisive

_ENCODINGS = {
    "non-linear": Gimp.LayerColorSpace.RGB_NON_LINEAR,
    "perceptual": Gimp.LayerColorSpace.RGB_PERCEPTUAL,
}


def bounds_of(item):
    """Return the rectangle of a layer or layer group in its image."""
    _, x, y = item.get_offsets()
    return {"x": x, "y": y, "width": item.get_width(), "height": item.get_height()}


def canvas_of(image):
    """Return its extent."""
    return {"width": image.get_width(), "height": image.get_height()}


def selection_window(image):
    """Return a rectangle around the selection, or None if nothing is selected.

    At more than 8 bits, GIMP's bounds may be larger than what is selected.
    """
    if Gimp.Selection.is_empty(image):
        return None
    _, _, *corners = Gimp.Selection.bounds(image)
    return from_corners(*corners)


def read(drawable, rectangle, pixel_format):
    """Return the pixels of a drawable in `rectangle`, relative to its corner; 0 outside the drawable."""
    buffer = drawable.get_buffer()
    return bytes(buffer.get(gegl_rectangle(rectangle), 1.0, pixel_format, Gegl.AbyssPolicy.NONE))


def gegl_rectangle(rectangle):
    """Return it as GEGL takes it."""
    return Gegl.Rectangle.new(rectangle["x"], rectangle["y"], rectangle["width"], rectangle["height"])


def export_shown(image, layer, crop, link, name, wide_name):
    """Write what `layer` shows in `crop`, with mask and filters, without opacity and mode: see `_export`."""
    with rendered(image, layer, crop) as shown:
        return _export(image, shown, at_origin(crop), link, name, wide_name)


def export_visible(image, crop, link, name, wide_name):
    """Write what is visible of the whole image in `crop`: see `_export`."""
    with private_image(image, image.get_width(), image.get_height()) as private:
        visible = Gimp.Layer.new_from_visible(image, private, "visible")
        try:
            return _export(image, visible, crop, link, name, wide_name)
        finally:
            visible.delete()


def _export(image, drawable, rectangle, link, name, wide_name):
    """Write RGBA, and float32 if that has a name and the image may hold colors outside sRGB.

    Return whether float32 was written.
    """
    link.write(name, read(drawable, rectangle, "R'G'B'A u8"))
    wide = wide_name is not None and _may_exceed_srgb(image)
    if wide:
        link.write(wide_name, read(drawable, rectangle, "R'G'B'A float"))
    return wide


def _may_exceed_srgb(image):
    if image.get_base_type() != Gimp.ImageBaseType.RGB:
        return False
    precision = image.get_precision().value_nick
    profile = image.get_color_profile()
    other = profile is not None and not is_srgb(bytes(profile.get_icc_profile()))
    return other or precision.startswith(("half", "float", "double"))


@contextlib.contextmanager
def private_image(image, width, height):
    """Create a hidden image of the same base type, precision, profile, and palette; delete it afterwards."""
    private = Gimp.Image.new_with_precision(width, height, image.get_base_type(), image.get_precision())
    try:
        private.undo_disable()
        if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
            private.set_palette(image.get_palette())
        profile = image.get_color_profile()
        if profile is not None:
            private.set_color_profile(profile)
        yield private
    finally:
        private.delete()


@contextlib.contextmanager
def rendered(image, layer, crop, with_mask=True):
    """Create a layer of the crop's size in a private image, with what `layer` shows there.

    GIMP itself renders the copy: merging filters or applying masks explicitly fails silently on a copied
    group and would apply a disabled mask.
    """
    with private_image(image, crop["width"], crop["height"]) as private:
        copy = Gimp.Layer.new_from_drawable(layer, private)
        private.insert_layer(copy, None, 0)
        unlock(copy)
        place = counted_from(crop, bounds_of(layer))
        copy.set_offsets(place["x"], place["y"])
        copy.set_opacity(100.0)
        copy.set_mode(Gimp.LayerMode.NORMAL)
        copy.set_visible(True)
        if not with_mask and copy.get_mask() is not None:
            copy.set_apply_mask(False)
        choose_space(copy)
        shown = Gimp.Layer.new_from_visible(private, private, "shown")
        try:
            yield shown
        finally:
            shown.delete()


def unlock(layer):
    """Unlock a copy, which has its original's locks: writing to it would fail, silently or not."""
    layer.set_lock_content(False)
    layer.set_lock_position(False)
    layer.set_lock_visibility(False)
    layer.set_lock_alpha(False)
    for child in layer.get_children() if layer.is_group() else ():
        unlock(child)


def choose_space(layer):
    """Have GIMP blend a layer so that no value changes where its mask is 0: see `venice_space`."""
    image, group = layer.get_image(), layer.get_parent()
    stack = group.get_children() if group is not None else image.get_layers()
    place = image.get_item_position(layer)
    other = decisive(stack, place, canvas_of(image), bounds_of, Gimp.Item.get_visible, _is_mixed)
    layer.set_composite_space(_encoding_of(image) if other is None else _space_of(other))


def _is_mixed(layer):
    return layer.get_opacity() < 100.0 or (layer.get_mask() is not None and layer.get_apply_mask())


def _space_of(layer):
    """Return a layer's composite space; what “automatic” means depends on its mode."""
    if layer.get_mode().value_nick.endswith("-legacy"):
        return Gimp.LayerColorSpace.RGB_NON_LINEAR
    return layer.get_composite_space()


def _encoding_of(image):
    """Return the space of the image's stored values; GIMP converts gray ones anyway."""
    automatic = Gimp.LayerColorSpace.AUTO
    if image.get_base_type() != Gimp.ImageBaseType.RGB:
        return automatic
    return _ENCODINGS.get(image.get_precision().value_nick.partition("-")[2], automatic)
