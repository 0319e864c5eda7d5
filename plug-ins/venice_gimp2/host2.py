# -*- coding: utf-8 -*-
"""GIMP 2.10 as the host of a task.

Python cannot exchange raw pixels with GIMP here: GIMP saves and loads image files in the worker's folder, and
the worker converts those to raw pixels and back. All conversions are done in private images, so that the
user's image gets only finished layers.
"""

from __future__ import unicode_literals

import contextlib
import os
import sys

import gimp
from gimpenums import (
    ADD_MASK_ALPHA,
    ADD_MASK_COPY,
    ADD_MASK_SELECTION,
    CHANNEL_OP_REPLACE,
    CLIP_TO_BOTTOM_LAYER,
    GRAY,
    INDEXED,
    LAYER_COLOR_SPACE_AUTO,
    LAYER_COLOR_SPACE_RGB_PERCEPTUAL,
    LAYER_COMPOSITE_AUTO,
    LAYER_COMPOSITE_CLIP_TO_BACKDROP,
    LAYER_MODE_DISSOLVE,
    LAYER_MODE_NORMAL,
    LAYER_MODE_NORMAL_LEGACY,
    LAYER_MODE_OVERLAY,
    MASK_APPLY,
    MASK_DISCARD,
    PARASITE_PERSISTENT,
    PARASITE_UNDOABLE,
    PRECISION_FLOAT_GAMMA,
    PRECISION_HALF_LINEAR,
    PRECISION_U8_GAMMA,
    PRECISION_U8_LINEAR,
    RGB,
)
from venice_host import (
    CUTOUT,
    MASKED_COPY,
    QUICK_MASK,
    RECIPE,
    RESULT,
    Host,
    ImageState,
    LayerState,
    StackItem,
    around,
)
from venice_icc import is_srgb
from venice_rectangle import at_origin, counted_from, from_corners
from venice_space import decisive

pdb = gimp.pdb

NO_COMPRESSION = 0
COVERAGE = "coverage"  # the file that the worker writes the selection to
_BASES = {RGB: "rgb", GRAY: "gray", INDEXED: "indexed"}


def to_gimp(text):
    """Return text as GIMP takes it: `str`, which is UTF-8 in Python 2."""
    return text.encode("utf-8") if sys.version_info[0] == 2 and not isinstance(text, str) else text


def from_file_system(path):
    """Return a path from Python as text; on Windows, Python 2 has it in the ANSI code page."""
    return path.decode("mbcs" if os.name == "nt" else "utf-8") if isinstance(path, bytes) else path


def from_gimp(text):
    """Return text from GIMP as the rest of the plug-in has it; None becomes empty."""
    if text is None:
        return ""
    return text.decode("utf-8") if isinstance(text, bytes) else text


class Gimp210Host(Host):
    """The running GIMP 2.10, in which one layer is active at a time."""

    def describe_image(self, image):
        if not pdb.gimp_image_is_valid(image):
            return None
        return ImageState(
            canvas=_canvas_of(image),
            base=_BASES[pdb.gimp_image_base_type(image)],
            selection=_selection_window(image),
            has_quick_mask=pdb.gimp_image_get_channel_by_name(image, to_gimp(QUICK_MASK)) is not None,
            has_floating_selection=pdb.gimp_image_get_floating_sel(image) is not None,
        )

    def describe_layer(self, drawable):
        if not pdb.gimp_item_is_valid(drawable):
            return None
        is_mask = pdb.gimp_item_is_layer_mask(drawable)
        layer = pdb.gimp_layer_from_mask(drawable) if is_mask else drawable
        if not pdb.gimp_item_is_layer(layer):
            return None
        groups = around(layer, pdb.gimp_item_get_parent)
        locked = [group for group in groups if pdb.gimp_item_get_lock_content(group)]
        has_mask = pdb.gimp_layer_get_mask(layer) is not None
        return LayerState(
            layer=layer,
            name=from_gimp(pdb.gimp_item_get_name(layer)),
            tattoo=pdb.gimp_item_get_tattoo(layer),
            bounds=bounds_of(layer),
            locked_group=locked[-1] if locked else None,
            is_empty=_is_empty(layer),
            is_plain=_is_plain(layer),
            is_hidden=not all(pdb.gimp_item_get_visible(item) for item in [layer] + groups),
            edits_mask=has_mask and bool(pdb.gimp_layer_get_edit_mask(layer)),
        )

    def stack(self, image):
        return [_stack_item(layer) for layer in image.layers]

    def bottom_up(self, _image, layers):
        return layers

    def read_selection(self, image):
        window = _selection_window(image)
        if window is None:
            return None
        _save_selection(image, window, self._link)
        with open(self._link.path_of(COVERAGE), "rb") as file:
            return window, file.read()

    def export(self, image, layer, crop, name, wide_name=None):
        if layer is None:
            return _export(image, crop, self._link, name, wide_name)
        with _shown(image, layer, crop) as private:
            return _export(private, at_origin(crop), self._link, name, wide_name)

    @contextlib.contextmanager
    def transaction(self, image):
        with _preserve_selection(image):
            pdb.gimp_image_undo_group_start(image)
            try:
                yield
            finally:
                pdb.gimp_image_undo_group_end(image)

    def insert(self, image, above, placement):
        insert = {RESULT: _insert_result, CUTOUT: _insert_cutout, MASKED_COPY: _insert_masked_copy}
        return insert[placement.kind](image, above, placement, self._link)

    def insert_variations(self, image, above, name, placements):
        group = _insert_group(image, above, name, placements[0].recipe)
        return [
            _insert_variation(image, group, number, placement, self._link)
            for number, placement in enumerate(placements)
        ]

    def hide(self, layer):
        pdb.gimp_item_set_visible(layer, False)
        return True  # this GIMP cannot lock visibility

    def new_image(self, extent, name=None, source=None):
        if name is not None or source is not None:
            raise NotImplementedError("new_image: for GIMP 2.10, no task makes one for another image")
        return pdb.gimp_image_new(extent["width"], extent["height"], RGB)

    def show(self, image):
        try:
            pdb.gimp_display_new(image)
        except RuntimeError:  # without a screen
            pass


# The image


def bounds_of(item):
    """Return the rectangle of a layer or layer group in its image."""
    x, y = pdb.gimp_drawable_offsets(item)
    return from_corners(x, y, x + pdb.gimp_drawable_width(item), y + pdb.gimp_drawable_height(item))


def _canvas_of(image):
    return {"width": pdb.gimp_image_width(image), "height": pdb.gimp_image_height(image)}


def _is_group(layer):
    return bool(pdb.gimp_item_is_group(layer))


def _is_empty(layer):
    return _is_group(layer) and all(_is_empty(child) for child in layer.children)


def _is_plain(layer):
    """Return whether its mode is Normal (or GIMP 2.8's) and its opacity 100%."""
    modes = LAYER_MODE_NORMAL, LAYER_MODE_NORMAL_LEGACY
    return pdb.gimp_layer_get_mode(layer) in modes and pdb.gimp_layer_get_opacity(layer) >= 100.0


def _stack_item(layer):
    parasite = layer.parasite_find(to_gimp(RECIPE))
    recipe = parasite.data if parasite is not None else None
    children = layer.children if _is_group(layer) else ()
    tattoo = pdb.gimp_item_get_tattoo(layer)
    return StackItem(layer, tattoo, recipe, [_stack_item(child) for child in children])


def _selection_window(image):
    """Return a rectangle around the selection, or None if nothing is selected.

    At more than 8 bits, GIMP's bounds may be larger than what is selected.
    """
    if pdb.gimp_selection_is_empty(image):
        return None
    return from_corners(*pdb.gimp_selection_bounds(image)[1:])


@contextlib.contextmanager
def _preserve_selection(image):
    """Restore the active layer or channel, and whether the layer or its mask is edited."""
    layer, channel = pdb.gimp_image_get_active_layer(image), pdb.gimp_image_get_active_channel(image)
    edits_mask = layer is not None and bool(pdb.gimp_layer_get_edit_mask(layer))
    try:
        yield
    finally:
        if channel is not None:
            pdb.gimp_image_set_active_channel(image, channel)
        elif layer is not None:
            pdb.gimp_image_set_active_layer(image, layer)
            if edits_mask:
                pdb.gimp_layer_set_edit_mask(layer, True)


# Pixels out


def _save_selection(image, window, link):
    """Write the selection's coverage in `window` to the file COVERAGE."""
    # Only an image with linear values keeps the selection's values: others encode them with a gamma.
    with _new_image(window, GRAY, PRECISION_U8_LINEAR) as private:
        coverage = pdb.gimp_layer_new_from_drawable(pdb.gimp_image_get_selection(image), private)
        _insert(private, coverage)
        pdb.gimp_layer_resize(coverage, window["width"], window["height"], -window["x"], -window["y"])
        # As alpha: whether gray is saved as linear depends on the user's export preferences.
        mask = pdb.gimp_layer_create_mask(coverage, ADD_MASK_COPY)
        pdb.gimp_layer_add_alpha(coverage)
        pdb.gimp_layer_add_mask(coverage, mask)
        pdb.gimp_layer_remove_mask(coverage, MASK_APPLY)
        pdb.gimp_image_convert_precision(private, PRECISION_U8_GAMMA)
        _save_png(private, coverage, link, COVERAGE, window, "coverage")


def _export(image, crop, link, name, wide_name):
    """Write what is visible in `crop` as 8-bit sRGB RGBA.

    If `wide_name` is given and the image may hold colors outside sRGB, also write float32 RGBA; return
    whether it was written.
    """
    with _new_image(crop, RGB, PRECISION_U8_GAMMA) as private:
        _save_png(private, _visible(image, crop, private), link, name, crop, "rgba")
    if wide_name is None or not _may_exceed_srgb(image):
        return False
    with _new_image(crop, RGB, PRECISION_FLOAT_GAMMA) as private:
        visible = _visible(image, crop, private)
        path = link.path_of(wide_name + ".tif")
        pdb.file_tiff_save(private, visible, to_gimp(path), to_gimp(path), NO_COMPRESSION)
    _to_raw(link, path, wide_name, crop, "wide")
    return True


def _visible(image, crop, private):
    """Return what is visible of an image in `crop` as a layer of the sRGB image `private`."""
    layer = pdb.gimp_layer_new_from_visible(image, private, "visible")
    _insert(private, layer)
    pdb.gimp_layer_resize(layer, crop["width"], crop["height"], -crop["x"], -crop["y"])
    return layer


def _save_png(image, layer, link, name, extent, kind):
    path = link.path_of(name + ".png")
    # No Adam7, level 1, no background, gamma, offset, size, or time; with the colors of transparent pixels.
    pdb.file_png_save2(image, layer, to_gimp(path), to_gimp(path), 0, 1, 0, 0, 0, 0, 0, 0, 1)
    _to_raw(link, path, name, extent, kind)


def _to_raw(link, path, name, extent, kind):
    shape = {"width": extent["width"], "height": extent["height"], "kind": kind}
    link.call("decode", dict(shape, picture=os.path.basename(path), to=name))
    os.remove(path)


def _may_exceed_srgb(image):
    if pdb.gimp_image_base_type(image) != RGB:
        return False
    if pdb.gimp_image_get_precision(image) >= PRECISION_HALF_LINEAR:
        return True
    profile = bytes(bytearray(value & 255 for value in _profile_of(image)))
    return bool(profile) and not is_srgb(profile)


def _profile_of(image):
    """Return the bytes of the image's profile as numbers, or nothing if it is GIMP's sRGB."""
    return pdb.gimp_image_get_color_profile(image)[1]


# Private images


@contextlib.contextmanager
def _new_image(extent, base, precision):
    """Create a hidden image and delete it afterwards."""
    image = pdb.gimp_image_new_with_precision(extent["width"], extent["height"], base, precision)
    try:
        pdb.gimp_image_undo_disable(image)
        yield image
    finally:
        gimp.delete(image)


@contextlib.contextmanager
def _private(image, extent):
    """Create a hidden image of the same base type, precision, profile, and palette."""
    base, precision = pdb.gimp_image_base_type(image), pdb.gimp_image_get_precision(image)
    with _new_image(extent, base, precision) as private:
        if base == INDEXED:
            count, colors = pdb.gimp_image_get_colormap(image)
            pdb.gimp_image_set_colormap(private, count, colors)
        profile = _profile_of(image)
        if profile:
            pdb.gimp_image_set_color_profile(private, len(profile), profile)
        yield private


@contextlib.contextmanager
def _shown(image, layer, crop, with_mask=True):
    """Create a private image of the crop's size in which only what `layer` shows there is visible."""
    with _private(image, crop) as private:
        copy = _copy_into(private, layer)
        place = counted_from(crop, bounds_of(layer))
        pdb.gimp_layer_set_offsets(copy, place["x"], place["y"])
        if not with_mask and pdb.gimp_layer_get_mask(copy) is not None:
            pdb.gimp_layer_set_apply_mask(copy, False)
        _choose_space(private, copy)
        yield private


def _copy_into(private, layer):
    """Return a plain copy at the top of a private image."""
    copy = pdb.gimp_layer_new_from_drawable(layer, private)
    _insert(private, copy)
    _make_plain(copy)
    return copy


def _unlock(layer):
    """Unlock and unlink a copy, which has the locks and link of its original, even in a group.

    Writing to a locked layer fails; a linked one moves all linked layers of its image.
    """
    pdb.gimp_item_set_linked(layer, False)
    if pdb.gimp_item_get_lock_content(layer):
        pdb.gimp_item_set_lock_content(layer, False)
    if pdb.gimp_item_get_lock_position(layer):  # groups have no such lock, and GIMP refuses to set it
        pdb.gimp_item_set_lock_position(layer, False)
    if pdb.gimp_layer_get_lock_alpha(layer):
        pdb.gimp_layer_set_lock_alpha(layer, False)
    for child in layer.children if _is_group(layer) else ():
        _unlock(child)


def _make_plain(layer):
    """Make a layer unlocked, opaque, Normal with GIMP's defaults, and visible instead of its mask."""
    _unlock(layer)
    pdb.gimp_layer_set_opacity(layer, 100.0)
    pdb.gimp_layer_set_mode(layer, LAYER_MODE_NORMAL)
    pdb.gimp_layer_set_blend_space(layer, LAYER_COLOR_SPACE_AUTO)
    pdb.gimp_layer_set_composite_space(layer, LAYER_COLOR_SPACE_AUTO)
    pdb.gimp_layer_set_composite_mode(layer, LAYER_COMPOSITE_AUTO)
    if pdb.gimp_layer_get_mask(layer) is not None:
        pdb.gimp_layer_set_show_mask(layer, False)
    pdb.gimp_item_set_visible(layer, True)


def _insert(image, layer, parent=None, position=0):
    pdb.gimp_image_insert_layer(image, layer, parent, position)


# Layers in


def _picture(link, file, alpha=None):
    """Return the path of a PNG that the worker makes from a `PixelFile`; coverage becomes its alpha.

    `alpha`: another file that replaces its own alpha.
    """
    name = os.path.basename(file.path) + ("-alpha.png" if alpha else ".png")
    params = dict(file.extent, pixels=file.path, kind=file.kind, to=name)
    return link.call("encode", dict(params, alpha=alpha.path) if alpha else params)


def _insert_result(image, above, placement, link):
    layer, coverage = _load_result(image, placement, link)
    _insert_above(image, above, layer)
    _finish(image, layer, placement, placement.crop, coverage)
    return layer


def _load_result(image, placement, link):
    """Return its layer, not inserted yet, and the path of its mask's image or None."""
    layer = _load_layer(image, _picture(link, placement.pixels))
    return layer, placement.mask and _picture(link, placement.mask)


def _insert_group(image, above, name, recipe):
    group = pdb.gimp_layer_group_new(image)
    _insert_above(image, above, group)
    pdb.gimp_item_set_name(group, to_gimp(name))
    pdb.gimp_layer_set_mode(group, LAYER_MODE_NORMAL)
    pdb.gimp_layer_set_opacity(group, 100.0)
    _attach_recipe(group, recipe)
    return group


def _insert_variation(image, group, number, placement, link):
    layer, coverage = _load_result(image, placement, link)
    _insert(image, layer, group, number)
    _finish(image, layer, placement, placement.crop, coverage)
    pdb.gimp_item_set_visible(layer, number == 0)
    _choose_space(image, group)  # which has only now grown to its contents
    return layer


def _insert_cutout(image, above, placement, link):
    source, crop, rim = placement.original, placement.crop, placement.rim
    inside = counted_from(bounds_of(source), crop)
    with _copy_of(image, source, with_mask=True) as (private, copy):
        cut = copy if rim is None else _recolor(private, _picture(link, placement.pixels, alpha=rim), inside)
        _mask_by_alpha(cut, _load_cover(private, _picture(link, placement.mask), cut, inside))
        pdb.gimp_layer_remove_mask(cut, MASK_APPLY)
        pdb.gimp_layer_resize(cut, crop["width"], crop["height"], -inside["x"], -inside["y"])
        layer = pdb.gimp_layer_new_from_drawable(cut, image)
    _insert_above(image, above, layer)
    _finish(image, layer, placement, crop)
    return layer


def _insert_masked_copy(image, above, placement, link):
    source = placement.original
    has_mask = pdb.gimp_layer_get_mask(source) is not None
    with _copy_of(image, source, with_mask=False) as (private, copy):
        inside = counted_from(bounds_of(source), placement.crop)
        cover = _load_cover(private, _picture(link, placement.mask), source, inside)
        if has_mask and pdb.gimp_layer_get_apply_mask(source):
            _multiply_by_mask(private, cover, source)
        layer = pdb.gimp_layer_new_from_drawable(copy, image)
        cover = pdb.gimp_layer_new_from_drawable(cover, image)
    _insert_above(image, above, layer)
    _mask_by_alpha(layer, cover)
    gimp.delete(cover)
    _finish(image, layer, placement, bounds_of(source))
    return layer


def _load_layer(image, path):
    """Return an image file as a layer in the image's mode, precision, and profile, not inserted yet.

    It is loaded as an image: files loaded as layers would be listed in File > Open Recent.
    """
    loaded = pdb.gimp_file_load(to_gimp(path), to_gimp(path))
    try:
        return pdb.gimp_layer_new_from_drawable(pdb.gimp_image_get_active_layer(loaded), image)
    finally:
        gimp.delete(loaded)


def _insert_above(image, above, layer):
    """Insert a layer directly above `above`, in its group; None: at the top of the image."""
    if above is None:
        _insert(image, layer)
    else:
        parent, position = pdb.gimp_item_get_parent(above), pdb.gimp_image_get_item_position(image, above)
        _insert(image, layer, parent, position)


def _finish(image, layer, placement, place, coverage=None):
    """Set the position, name, modes, layer mask, and recipe of a layer that has just been inserted."""
    _make_plain(layer)
    pdb.gimp_item_set_name(layer, to_gimp(placement.name))
    pdb.gimp_layer_set_offsets(layer, place["x"], place["y"])
    _choose_space(image, layer)
    if coverage is not None:
        cover = _load_layer(image, coverage)
        _mask_by_alpha(layer, cover)
        gimp.delete(cover)
    _attach_recipe(layer, placement.recipe)


def _attach_recipe(layer, recipe):
    layer.parasite_attach(gimp.Parasite(RECIPE, PARASITE_PERSISTENT | PARASITE_UNDOABLE, recipe))


def _choose_space(image, layer):
    """Have GIMP blend a layer so that no value changes where its mask is 0: see `venice_space`."""
    group, place = pdb.gimp_item_get_parent(layer), pdb.gimp_image_get_item_position(image, layer)
    stack = image.layers if group is None else group.children
    other = decisive(stack, place, _canvas_of(image), bounds_of, pdb.gimp_item_get_visible, _is_mixed)
    pdb.gimp_layer_set_composite_space(layer, _encoding_of(image) if other is None else _space_of(other))


def _is_mixed(layer):
    masked = pdb.gimp_layer_get_mask(layer) is not None and pdb.gimp_layer_get_apply_mask(layer)
    return masked or pdb.gimp_layer_get_opacity(layer) < 100.0


def _space_of(layer):
    """Return a layer's composite space; “automatic” differs for the modes of GIMP 2.8, which come first."""
    mode = pdb.gimp_layer_get_mode(layer)
    if mode < LAYER_MODE_OVERLAY and mode != LAYER_MODE_DISSOLVE:
        return LAYER_COLOR_SPACE_RGB_PERCEPTUAL
    return pdb.gimp_layer_get_composite_space(layer)


def _encoding_of(image):
    """Return the space of the image's stored values; GIMP converts gray ones anyway."""
    gamma = pdb.gimp_image_get_precision(image) % 100 == PRECISION_U8_GAMMA % 100
    rgb = pdb.gimp_image_base_type(image) == RGB
    return LAYER_COLOR_SPACE_RGB_PERCEPTUAL if rgb and gamma else LAYER_COLOR_SPACE_AUTO


def _mask_by_alpha(layer, cover):
    """Give a layer a mask with the alpha of `cover`, which is as large; alpha never gets a gamma."""
    pdb.gimp_layer_add_mask(layer, pdb.gimp_layer_create_mask(cover, ADD_MASK_ALPHA))


@contextlib.contextmanager
def _copy_of(image, source, with_mask):
    """Create a private image and in it a plain layer with the source's pixels at 0, 0.

    Groups and text are rendered. The layer has no mask: the source's is applied if it is active and wanted.
    """
    own = bounds_of(source)
    if _is_group(source) or pdb.gimp_item_is_text_layer(source):
        with _shown(image, source, own, with_mask) as private:
            shown = pdb.gimp_layer_new_from_visible(private, private, "shown")
            _insert(private, shown)
            yield private, shown
        return
    with _private(image, own) as private:
        copy = _copy_into(private, source)
        pdb.gimp_layer_set_offsets(copy, 0, 0)
        if with_mask and not pdb.gimp_drawable_has_alpha(copy):
            pdb.gimp_layer_add_alpha(copy)
        if pdb.gimp_layer_get_mask(copy) is not None:
            applied = with_mask and pdb.gimp_layer_get_apply_mask(copy)
            pdb.gimp_layer_remove_mask(copy, MASK_APPLY if applied else MASK_DISCARD)
        yield private, copy


def _load_cover(private, path, layer, place):
    """Return a new layer as large as `layer` whose alpha is a file's coverage at `place`, 0 elsewhere."""
    cover, own = _load_layer(private, path), bounds_of(layer)
    _insert(private, cover)
    pdb.gimp_layer_resize(cover, own["width"], own["height"], place["x"], place["y"])
    pdb.gimp_layer_set_offsets(cover, 0, 0)
    return cover


def _multiply_by_mask(private, cover, source):
    """Multiply the alpha of `cover` by the layer mask of `source`, which is as large."""
    copy = _copy_into(private, source)
    pdb.gimp_layer_set_offsets(copy, 0, 0)
    pdb.gimp_context_push()
    try:
        pdb.gimp_context_set_feather(False)
        pdb.gimp_image_select_item(private, CHANNEL_OP_REPLACE, pdb.gimp_layer_get_mask(copy))
    finally:
        pdb.gimp_context_pop()
    pdb.gimp_layer_add_mask(cover, pdb.gimp_layer_create_mask(cover, ADD_MASK_SELECTION))
    pdb.gimp_layer_remove_mask(cover, MASK_APPLY)


def _recolor(private, path, place):
    """Give the topmost layer the colors of an image file at `place` where that is opaque; return it.

    The file is merged in a mode that keeps the layer's alpha and every pixel where the file is transparent.
    """
    rim = _load_layer(private, path)
    _insert(private, rim)
    pdb.gimp_layer_set_offsets(rim, place["x"], place["y"])
    pdb.gimp_layer_set_mode(rim, LAYER_MODE_NORMAL)
    pdb.gimp_layer_set_composite_space(rim, _encoding_of(private))
    pdb.gimp_layer_set_composite_mode(rim, LAYER_COMPOSITE_CLIP_TO_BACKDROP)
    return pdb.gimp_image_merge_down(private, rim, CLIP_TO_BOTTOM_LAYER)
