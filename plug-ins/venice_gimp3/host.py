"""GIMP 3 as the rest of the plug-in needs it: pixels out, coverage out, layers in, undo, return values.

What a task asks of it is listed in `venice_task`. Everything here runs in GIMP's main thread. Pixels are raw
bytes: RGBA means 8-bit sRGB, alpha not premultiplied; coverage means one byte a pixel, linear. A rectangle is
a dict with x, y, width, height in image coordinates, as it travels in messages.
"""

import contextlib
import os

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio, GLib
from venice_host import RECIPE
from venice_icc import is_srgb
from venice_rectangle import at_origin, counted_from
from venice_space import decisive

QUICK_MASK = "Qmask"  # what GIMP calls its channel, in every language
_LAYER_TYPES = {
    Gimp.ImageBaseType.RGB: Gimp.ImageType.RGBA_IMAGE,
    Gimp.ImageBaseType.GRAY: Gimp.ImageType.GRAYA_IMAGE,
    Gimp.ImageBaseType.INDEXED: Gimp.ImageType.INDEXEDA_IMAGE,
}
_ENCODINGS = {
    "non-linear": Gimp.LayerColorSpace.RGB_NON_LINEAR,
    "perceptual": Gimp.LayerColorSpace.RGB_PERCEPTUAL,
}
_BASES = {
    Gimp.ImageBaseType.RGB: "rgb",
    Gimp.ImageBaseType.GRAY: "gray",
    Gimp.ImageBaseType.INDEXED: "indexed",
}


def layer_of(drawable):
    """A layer, also where its mask was given; None for other channels."""
    if isinstance(drawable, Gimp.LayerMask):
        return Gimp.Layer.from_mask(drawable)
    return drawable if isinstance(drawable, Gimp.Layer) else None


def bottom_up(image, layers):
    """`layers` without repetitions in the order of the stack, depth first, from the bottom to the top."""
    wanted = {layer.get_id(): layer for layer in layers}
    return [wanted[number] for number in _numbers_upward(image.get_layers()) if number in wanted]


def _numbers_upward(stack):
    for layer in reversed(stack):
        if layer.is_group():
            yield from _numbers_upward(layer.get_children())
        yield layer.get_id()


def has_floating_selection(image):
    return image.get_floating_sel() is not None


def is_empty(layer):
    """Whether it is a group without a layer."""
    return layer.is_group() and all(is_empty(child) for child in layer.get_children())


def locked_group(layer):
    """The outermost group around `layer` whose contents are locked, or None."""
    found, group = None, layer.get_parent()
    while group is not None:
        if group.get_lock_content():
            found = group
        group = group.get_parent()
    return found


def _unlock(layer):
    """A copy has the locks of its original, inside a group too: writes would fail, silently or not."""
    layer.set_lock_content(False)
    layer.set_lock_position(False)
    layer.set_lock_visibility(False)
    layer.set_lock_alpha(False)
    for child in layer.get_children() if layer.is_group() else ():
        _unlock(child)


def bounds_of(item):
    """Where a layer or layer group lies in its image."""
    _, x, y = item.get_offsets()
    return {"x": x, "y": y, "width": item.get_width(), "height": item.get_height()}


def extent_of(item):
    return {"width": item.get_width(), "height": item.get_height()}


def canvas_of(image):
    return {"width": image.get_width(), "height": image.get_height()}


def is_there(item):
    """Whether a layer or image has not been deleted or closed meanwhile."""
    return item.is_valid()


def name_of(layer):
    return layer.get_name()


def base_of(image):
    """Its mode: "rgb", "gray" or "indexed"."""
    return _BASES[image.get_base_type()]


def is_plain(layer):
    """Whether its mode is Normal and its opacity 100 %."""
    return layer.get_opacity() >= 100.0 and layer.get_mode() == Gimp.LayerMode.NORMAL


def tattoo_of(layer):
    """Its number within the image, which XCF files keep."""
    return layer.get_tattoo()


def recipe_of(layer):
    """What its parasite RECIPE holds, or None."""
    parasite = layer.get_parasite(RECIPE)
    return bytes(value & 255 for value in parasite.get_data()) if parasite is not None else None


def stack_of(image, layer):
    """The layers beside it, itself included, topmost first; those of the whole image where it is None."""
    group = layer.get_parent() if layer is not None else None
    return group.get_children() if group is not None else image.get_layers()


def children_of(layer):
    """The layers in it, topmost first."""
    return layer.get_children() if layer.is_group() else []


def is_quick_mask_on(image):
    """Whether the selection is a channel for now, so that nothing is selected."""
    return image.get_channel_by_name(QUICK_MASK) is not None


def edits_mask(layer):
    """Whether not the layer but its mask is being edited."""
    return layer.get_mask() is not None and layer.get_edit_mask()


def is_hidden(layer):
    """Whether it, or a group around it, is invisible."""
    while layer is not None:
        if not layer.get_visible():
            return True
        layer = layer.get_parent()
    return False


def hide(layer):
    """Makes it invisible: False where its visibility is locked."""
    layer.set_visible(False)
    return not layer.get_visible()


def selection_window(image):
    """Where something is selected; None: nothing is.

    It may be wider than what is selected: GIMP's own bounds are, at more than 8 bits.
    """
    if Gimp.Selection.is_empty(image):
        return None
    _, _, x1, y1, x2, y2 = Gimp.Selection.bounds(image)
    return {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}


def coverage_of(image, window):
    """The coverage of what is selected in `window`."""
    return _read(image.get_selection(), window, "Y u8")


def export_selection(image, link, name):
    """Writes the coverage of what is selected, and returns its window; None where nothing is."""
    window = selection_window(image)
    if window is not None:
        link.write(name, coverage_of(image, window))
    return window


def export_shown(image, layer, crop, link, name, wide_name=None):
    """Writes what `layer` shows in `crop`, with mask and filters, without opacity and mode: see `_export`."""
    with rendered(image, layer, crop) as shown:
        return _export(image, shown, at_origin(crop), link, name, wide_name)


def export_visible(image, crop, link, name, wide_name=None):
    """Writes what is visible of the whole image in `crop`: see `_export`."""
    with private_image(image, image.get_width(), image.get_height()) as private:
        visible = Gimp.Layer.new_from_visible(image, private, "visible")
        try:
            return _export(image, visible, crop, link, name, wide_name)
        finally:
            visible.delete()


def _export(image, drawable, rectangle, link, name, wide_name):
    """Writes RGBA; and the same as float32 where that has a name and the image may hold colors outside sRGB.

    Returns whether it wrote the second.
    """
    link.write(name, _read(drawable, rectangle, "R'G'B'A u8"))
    wide = wide_name is not None and _may_exceed_srgb(image)
    if wide:
        link.write(wide_name, _read(drawable, rectangle, "R'G'B'A float"))
    return wide


def load(_link, path, _extent, _kind):
    """A result's file as the functions below take it: its bytes, or None."""
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


def _may_exceed_srgb(image):
    if image.get_base_type() != Gimp.ImageBaseType.RGB:
        return False
    precision = image.get_precision().value_nick
    profile = image.get_color_profile()
    other = profile is not None and not is_srgb(bytes(profile.get_icc_profile()))
    return other or precision.startswith(("half", "float", "double"))


@contextlib.contextmanager
def private_image(image, width, height):
    """An image nobody sees, of the same base type, precision, profile and palette; deleted afterwards."""
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
    """A layer of the crop's size in a private image that holds what `layer` shows there.

    The copy is rendered by GIMP itself: merging filters or applying masks by hand fails silently on a
    copied group, and would apply a mask that is switched off.
    """
    with private_image(image, crop["width"], crop["height"]) as private:
        copy = Gimp.Layer.new_from_drawable(layer, private)
        private.insert_layer(copy, None, 0)
        _unlock(copy)
        place = counted_from(crop, bounds_of(layer))
        copy.set_offsets(place["x"], place["y"])
        copy.set_opacity(100.0)
        copy.set_mode(Gimp.LayerMode.NORMAL)
        copy.set_visible(True)
        if not with_mask and copy.get_mask() is not None:
            copy.set_apply_mask(False)
        _choose_space(copy)
        shown = Gimp.Layer.new_from_visible(private, private, "shown")
        try:
            yield shown
        finally:
            shown.delete()


@contextlib.contextmanager
def undo_group(image):
    """Everything inside is one undo step."""
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


@contextlib.contextmanager
def preserve_selection(image):
    """Afterwards the same layers and channels are selected, and a layer or its mask edited, as before."""
    layers, channels = image.get_selected_layers(), image.get_selected_channels()
    masks = [layer for layer in layers if layer.get_mask() is not None and layer.get_edit_mask()]
    try:
        yield
    finally:
        if layers:  # GIMP takes an empty list for an error
            image.set_selected_layers(layers)
        for layer in masks:
            layer.set_edit_mask(True)
        if channels:
            image.set_selected_channels(channels)


def add_result(image, above, crop, pixels, mask, name, recipe):
    """A new layer over `crop` directly above `above`, with a layer mask where `mask` is not None."""
    layer = _new_layer(image, name, crop)
    _insert_above(image, above, layer)
    _fill(layer, crop, pixels, mask, recipe)
    return layer


def add_group(image, above, name, recipe):
    """An empty layer group directly above `above`."""
    group = Gimp.GroupLayer.new(image, name)
    _insert_above(image, above, group)
    group.set_mode(Gimp.LayerMode.NORMAL)
    group.set_opacity(100.0)
    _attach_recipe(group, recipe)
    return group


def add_variation(image, group, number, crop, pixels, mask, name, recipe):
    """As `add_result`, in `group` below those before it; only the first, number 0, is visible."""
    layer = _new_layer(image, name, crop)
    image.insert_layer(layer, group, number)
    _fill(layer, crop, pixels, mask, recipe)
    layer.set_visible(number == 0)
    _choose_space(group)  # which is only now as large as what is in it
    return layer


def _new_layer(image, name, crop):
    kind = _LAYER_TYPES[image.get_base_type()]
    width, height = crop["width"], crop["height"]
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    layer.set_offsets(crop["x"], crop["y"])
    return layer


def _fill(layer, crop, pixels, mask, recipe):
    _write_rgba(layer, pixels)
    if mask is not None:
        _add_mask(layer, mask, at_origin(crop))
    _choose_space(layer)
    _attach_recipe(layer, recipe)


def add_cutout(image, source, above, crop, matte, name, recipe, pixels=None, rim=None):
    """The source's own pixels above `above`, its alpha times `matte` (coverage over `crop`, 0 elsewhere).

    Where `rim` (over `crop`, 255 or 0) says so, it has the colors of `pixels` (RGBA) instead.
    """
    layer = _add_copy(image, source, above, name, with_mask=True)
    if not layer.has_alpha():
        layer.add_alpha()
    if rim is not None:
        _recolor(image, layer, counted_from(bounds_of(source), crop), pixels, rim)
    _add_mask(layer, matte, counted_from(bounds_of(source), crop))
    layer.remove_mask(Gimp.MaskApplyMode.APPLY)
    own = bounds_of(layer)
    if crop != own:
        layer.resize(crop["width"], crop["height"], own["x"] - crop["x"], own["y"] - crop["y"])
    _choose_space(layer)
    _attach_recipe(layer, recipe)
    return layer


def add_masked_copy(image, source, above, crop, matte, name, recipe):
    """A copy of the source above `above`, its layer mask being the source's active one times `matte`."""
    layer = _add_copy(image, source, above, name, with_mask=False)
    old = source.get_mask()
    inside = counted_from(bounds_of(source), crop)
    if old is not None and source.get_apply_mask():
        active = _read(old, inside, "Y u8")
        matte = bytes((a * b + 127) // 255 for a, b in zip(active, matte, strict=True))
    _add_mask(layer, matte, inside)
    _choose_space(layer)
    _attach_recipe(layer, recipe)
    return layer


def new_image(crop, like=None):
    """An empty RGB image of the crop's size, with the print resolution of `like`; nobody sees it yet."""
    image = Gimp.Image.new(crop["width"], crop["height"], Gimp.ImageBaseType.RGB)
    if like is not None:
        _, across, down = like.get_resolution()
        image.set_resolution(across, down)
    return image


def name_image(image, name, beside):
    """Gives a new image a name: that of a file beside that of the image `beside`, which is not there yet.

    Nor is it where another open image would be saved.
    """
    file = beside.get_file() if beside.is_valid() else None
    near = file.get_parent().get_path() if file is not None and file.get_parent() is not None else None
    pictures = GLib.get_user_special_dir(GLib.UserDirectory.DIRECTORY_PICTURES)
    folder = near or pictures or GLib.get_home_dir()
    plain = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "-" for c in name).strip(". ")
    plain = plain.encode()[:200].decode(errors="ignore")  # file systems count bytes, most up to 255
    taken = {file.get_path() for other in Gimp.get_images() if (file := other.get_file()) is not None}
    path, number = os.path.join(folder, f"{plain}.xcf"), 1
    while os.path.exists(path) or path in taken:
        number += 1
        path = os.path.join(folder, f"{plain} {number}.xcf")
    image.set_file(Gio.File.new_for_path(path))


def show(image):
    """In a window; without a screen GIMP makes none."""
    with contextlib.suppress(TypeError):  # what PyGObject raises then
        Gimp.Display.new(image)


def values_with_layers(image, layers):
    """A procedure's return values that hold `layers`.

    PyGObject cannot put an array of objects into a value. So GIMP makes it: the layers are selected
    for the moment of one call whose own return values have just this form. It returns them in the
    reverse of the order in which they were selected.
    """
    with preserve_selection(image):
        image.set_selected_layers(layers[::-1])
        procedure = Gimp.get_pdb().lookup_procedure("gimp-image-get-selected-layers")
        config = procedure.create_config()
        config.set_property("image", image)
        return procedure.run(config)


def failure(procedure, message):
    """Return values that carry an error's sentence."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), message, 0)
    return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, error)


def _rectangle(rectangle):
    return Gegl.Rectangle.new(rectangle["x"], rectangle["y"], rectangle["width"], rectangle["height"])


def _read(drawable, rectangle, pixel_format):
    buffer = drawable.get_buffer()
    return bytes(buffer.get(_rectangle(rectangle), 1.0, pixel_format, Gegl.AbyssPolicy.NONE))


def _write_rgba(layer, pixels, alpha=None):
    """As 16 bit: GEGL converts 8-bit sRGB wrongly into large 16-bit layers with another profile.

    `alpha`: 16-bit values in the place of the pixels' own.
    """
    doubled = bytearray(2 * len(pixels))
    doubled[0::2] = pixels
    doubled[1::2] = pixels
    if alpha is not None:
        doubled[6::8] = alpha[0::2]
        doubled[7::8] = alpha[1::2]
    whole = at_origin(bounds_of(layer))
    buffer = layer.get_buffer()
    buffer.set(_rectangle(whole), "R'G'B'A u16", bytes(doubled))
    buffer.flush()
    layer.update(0, 0, whole["width"], whole["height"])


def _recolor(image, layer, rectangle, pixels, rim):
    """Gives the layer the colors of `pixels` (RGBA over `rectangle` of it) where `rim` is not 0.

    Not a byte of it changes elsewhere: the colors are brought into the layer's own format in another layer,
    and of that only these pixels are copied, which converts nothing.
    """
    width = rectangle["width"]
    top, bottom = rim.index(255) // width, rim.rindex(255) // width + 1
    rows = dict(rectangle, y=rectangle["y"] + top, height=bottom - top)
    with private_image(image, width, rows["height"]) as private:
        other = _new_layer(private, "rim", at_origin(rows))
        private.insert_layer(other, None, 0)
        alpha = _read(layer, rows, "A u16")
        _write_rgba(other, pixels[top * width * 4 : bottom * width * 4], alpha)
        found, buffer = other.get_buffer(), layer.get_buffer()
        for x, y, length in _runs(rim[top * width : bottom * width], width):
            here = Gegl.Rectangle.new(x, y, length, 1)
            there = Gegl.Rectangle.new(rows["x"] + x, rows["y"] + y, length, 1)
            found.copy(here, Gegl.AbyssPolicy.NONE, buffer, there)
        buffer.flush()
    layer.update(rows["x"], rows["y"], rows["width"], rows["height"])


def _runs(rim, width):
    """(x, y, length) of the pixels that are 255 and follow each other in a row of a rim that is 255 or 0."""
    start = rim.find(255)
    while start >= 0:
        row_end = start - start % width + width
        end = rim.find(0, start, row_end)
        end = row_end if end < 0 else end
        yield start % width, start // width, end - start
        start = rim.find(255, end)


def _add_mask(layer, coverage, rectangle):
    """A layer mask that holds `coverage` in `rectangle` of the layer, and 0 elsewhere."""
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    layer.add_mask(mask)
    buffer = mask.get_buffer()
    buffer.set(_rectangle(rectangle), "Y u8", coverage)
    buffer.flush()
    mask.update(0, 0, layer.get_width(), layer.get_height())


def _insert_above(image, above, layer):
    """In its group, directly above it; at the top of the image where there is none."""
    if above is None:
        image.insert_layer(layer, None, 0)
    else:
        image.insert_layer(layer, above.get_parent(), image.get_item_position(above))


def _add_copy(image, source, above, name, with_mask):
    """The source's own pixels as a plain layer above `above`; groups, text and filters are rendered."""
    plain = not (source.is_group() or source.is_text_layer() or source.get_filters())
    if plain:
        layer = _copy_with_alpha(source, image) if with_mask else Gimp.Layer.new_from_drawable(source, image)
        _unlock(layer)
        _insert_above(image, above, layer)
        if layer.get_mask() is not None:
            applied = with_mask and layer.get_apply_mask()
            layer.remove_mask(Gimp.MaskApplyMode.APPLY if applied else Gimp.MaskApplyMode.DISCARD)
    else:
        bounds = bounds_of(source)
        with rendered(image, source, bounds, with_mask) as shown:
            layer = Gimp.Layer.new_from_drawable(shown, image)
        _insert_above(image, above, layer)
        layer.set_offsets(bounds["x"], bounds["y"])
    layer.set_name(name)
    layer.set_opacity(100.0)
    layer.set_mode(Gimp.LayerMode.NORMAL)
    layer.set_composite_mode(Gimp.LayerCompositeMode.AUTO)
    layer.set_visible(True)
    return layer


def _copy_with_alpha(source, image):
    """A copy for `image` (not inserted) that has an alpha channel, and every color value as it was.

    Adding alpha to gamma-encoded pixels with a profile of their own, GIMP changes them by up to 1/255; to
    sRGB ones it does not. Assigning a profile changes no pixel: so it is sRGB for that moment.
    """
    with private_image(image, source.get_width(), source.get_height()) as private:
        copy = Gimp.Layer.new_from_drawable(source, private)
        private.insert_layer(copy, None, 0)
        _unlock(copy)
        if not copy.has_alpha():
            profile = private.get_color_profile()
            if profile is not None:
                gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
                kind = Gimp.ColorProfile
                private.set_color_profile(kind.new_d65_gray_srgb_trc() if gray else kind.new_rgb_srgb())
            copy.add_alpha()
            if profile is not None:
                private.set_color_profile(profile)
        return Gimp.Layer.new_from_drawable(copy, image)


def _choose_space(layer):
    """Has GIMP mix a layer, at its place, so that no value moves where its mask is 0: `venice_space`."""
    image, group = layer.get_image(), layer.get_parent()
    stack = group.get_children() if group is not None else image.get_layers()
    place = image.get_item_position(layer)
    other = decisive(stack, place, canvas_of(image), bounds_of, Gimp.Item.get_visible, _is_mixed)
    layer.set_composite_space(_encoding_of(image) if other is None else _space_of(other))


def _is_mixed(layer):
    return layer.get_opacity() < 100.0 or (layer.get_mask() is not None and layer.get_apply_mask())


def _space_of(layer):
    """What its automatic space means, depends on its mode."""
    if layer.get_mode().value_nick.endswith("-legacy"):
        return Gimp.LayerColorSpace.RGB_NON_LINEAR
    return layer.get_composite_space()


def _encoding_of(image):
    """The space of the values that it stores; gray ones GIMP converts anyway, best by itself."""
    automatic = Gimp.LayerColorSpace.AUTO
    if image.get_base_type() != Gimp.ImageBaseType.RGB:
        return automatic
    return _ENCODINGS.get(image.get_precision().value_nick.partition("-")[2], automatic)


def _attach_recipe(layer, recipe):
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(RECIPE, flags, recipe))
