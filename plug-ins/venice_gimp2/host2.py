# -*- coding: utf-8 -*-
"""GIMP 2.10 as the rest of the plug-in needs it: what `venice_task` asks of a host.

Python gets no pixels here that GIMP has not saved, and gives it none that it does not load: they travel as
pictures in the worker's folder, and the worker turns those into raw pixels and back. Whatever takes a
conversion is done in private images, so that the person's image only gets finished layers.
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
from venice_host import RECIPE
from venice_icc import is_srgb
from venice_rectangle import at_origin, counted_from
from venice_space import decisive

pdb = gimp.pdb

NO_COMPRESSION = 0
QUICK_MASK = "Qmask"  # what GIMP calls its channel, in every language
_BASES = {RGB: "rgb", GRAY: "gray", INDEXED: "indexed"}


def to_gimp(text):
    """Text as GIMP takes it: `str`, which is UTF-8 in Python 2."""
    return text.encode("utf-8") if sys.version_info[0] == 2 and not isinstance(text, str) else text


def from_file_system(path):
    """A path from Python itself as text; on Windows, Python 2 has it in the ANSI code page."""
    return path.decode("mbcs" if os.name == "nt" else "utf-8") if isinstance(path, bytes) else path


def from_gimp(text):
    """Text from GIMP as the rest of the plug-in has it; None is empty."""
    if text is None:
        return ""
    return text.decode("utf-8") if isinstance(text, bytes) else text


# What to work on


def layer_of(drawable):
    """A layer, also where its mask was given; None for other channels."""
    if pdb.gimp_item_is_layer_mask(drawable):
        return pdb.gimp_layer_from_mask(drawable)
    return drawable if pdb.gimp_item_is_layer(drawable) else None


def bottom_up(_image, layers):
    """As they are: GIMP 2.10 has one layer at a time."""
    return layers


def has_floating_selection(image):
    return pdb.gimp_image_get_floating_sel(image) is not None


def is_empty(layer):
    """Whether it is a group without a layer."""
    return _is_group(layer) and all(is_empty(child) for child in layer.children)


def _is_group(layer):
    return bool(pdb.gimp_item_is_group(layer))


def locked_group(layer):
    """The outermost group around `layer` whose contents are locked, or None."""
    found, group = None, pdb.gimp_item_get_parent(layer)
    while group is not None:
        if pdb.gimp_item_get_lock_content(group):
            found = group
        group = pdb.gimp_item_get_parent(group)
    return found


# What there is


def bounds_of(item):
    """Where a layer or layer group lies in its image."""
    x, y = pdb.gimp_drawable_offsets(item)
    return dict(extent_of(item), x=x, y=y)


def extent_of(item):
    return {"width": pdb.gimp_drawable_width(item), "height": pdb.gimp_drawable_height(item)}


def canvas_of(image):
    return {"width": pdb.gimp_image_width(image), "height": pdb.gimp_image_height(image)}


def is_there(thing):
    """Whether a layer or an image was not deleted or closed meanwhile."""
    if isinstance(thing, gimp.Image):
        return bool(pdb.gimp_image_is_valid(thing))
    return bool(pdb.gimp_item_is_valid(thing))


def name_of(layer):
    return from_gimp(pdb.gimp_item_get_name(layer))


def base_of(image):
    return _BASES[pdb.gimp_image_base_type(image)]


def is_plain(layer):
    """Whether its mode is Normal, GIMP 2.8's included, and its opacity 100 %."""
    modes = LAYER_MODE_NORMAL, LAYER_MODE_NORMAL_LEGACY
    return pdb.gimp_layer_get_mode(layer) in modes and pdb.gimp_layer_get_opacity(layer) >= 100.0


def tattoo_of(layer):
    """Its number within the image, which XCF files keep."""
    return pdb.gimp_item_get_tattoo(layer)


def recipe_of(layer):
    """What its parasite RECIPE holds, or None."""
    parasite = layer.parasite_find(to_gimp(RECIPE))
    return parasite.data if parasite is not None else None


def stack_of(image, layer):
    """The layers beside it, itself included, topmost first; those of the whole image where it is None."""
    group = pdb.gimp_item_get_parent(layer) if layer is not None else None
    return group.children if group is not None else image.layers


def children_of(layer):
    """The layers in it, topmost first."""
    return layer.children if _is_group(layer) else []


def is_quick_mask_on(image):
    """Whether the selection is a channel for now, so that nothing is selected."""
    return pdb.gimp_image_get_channel_by_name(image, to_gimp(QUICK_MASK)) is not None


def edits_mask(layer):
    """Whether not the layer but its mask is being edited."""
    return pdb.gimp_layer_get_mask(layer) is not None and bool(pdb.gimp_layer_get_edit_mask(layer))


def is_hidden(layer):
    """Whether it, or a group around it, is invisible."""
    while layer is not None:
        if not pdb.gimp_item_get_visible(layer):
            return True
        layer = pdb.gimp_item_get_parent(layer)
    return False


def hide(layer):
    """Makes it invisible: here nothing can be in the way."""
    pdb.gimp_item_set_visible(layer, False)
    return True


def selection_window(image):
    """Where something is selected; None: nothing is.

    It may be wider than what is selected: GIMP's own bounds are, at more than 8 bits.
    """
    if pdb.gimp_selection_is_empty(image):
        return None
    _, x1, y1, x2, y2 = pdb.gimp_selection_bounds(image)
    return {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}


# Pixels out


def export_selection(image, link, name):
    """Writes the coverage of what is selected as the file `name`; returns its window, or None without one."""
    window = selection_window(image)
    if window is None:
        return None
    # Only an image with linear values takes the selection's as they are: others encode them with a gamma.
    with _new_image(window, GRAY, PRECISION_U8_LINEAR) as private:
        coverage = pdb.gimp_layer_new_from_drawable(pdb.gimp_image_get_selection(image), private)
        _insert(private, coverage)
        pdb.gimp_layer_resize(coverage, window["width"], window["height"], -window["x"], -window["y"])
        # As alpha: whether gray is saved as linear depends on what people prefer for their exports.
        mask = pdb.gimp_layer_create_mask(coverage, ADD_MASK_COPY)
        pdb.gimp_layer_add_alpha(coverage)
        pdb.gimp_layer_add_mask(coverage, mask)
        pdb.gimp_layer_remove_mask(coverage, MASK_APPLY)
        pdb.gimp_image_convert_precision(private, PRECISION_U8_GAMMA)
        _save_png(private, coverage, link, name, window, "coverage")
    return window


def export_shown(image, layer, crop, link, name, wide_name=None):
    """Writes what `layer` shows in `crop`, with its mask, without opacity and mode: see `_export`."""
    with _shown(image, layer, crop) as private:
        return _export(private, at_origin(crop), link, name, wide_name)


def export_visible(image, crop, link, name, wide_name=None):
    """Writes what is visible of the whole image in `crop`: see `_export`."""
    return _export(image, crop, link, name, wide_name)


def _export(image, crop, link, name, wide_name):
    """Writes what is visible in `crop` as 8-bit sRGB RGBA.

    With `wide_name`, where the image may hold colors outside sRGB, as float32 RGBA too; then True.
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
    """What is visible of an image in `crop`, as a layer of an sRGB one of that size."""
    layer = pdb.gimp_layer_new_from_visible(image, private, "visible")
    _insert(private, layer)
    pdb.gimp_layer_resize(layer, crop["width"], crop["height"], -crop["x"], -crop["y"])
    return layer


def _save_png(image, layer, link, name, extent, kind):
    path = link.path_of(name + ".png")
    # No Adam7, level 1, no background, gamma, offset, size or time; with what transparent pixels hide.
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
    """The bytes of its own profile, as numbers; none: it is GIMP's sRGB."""
    return pdb.gimp_image_get_color_profile(image)[1]


# Private images


@contextlib.contextmanager
def _new_image(extent, base, precision):
    """An image that nobody sees; deleted afterwards."""
    image = pdb.gimp_image_new_with_precision(extent["width"], extent["height"], base, precision)
    try:
        pdb.gimp_image_undo_disable(image)
        yield image
    finally:
        gimp.delete(image)


@contextlib.contextmanager
def _private(image, extent):
    """An image that nobody sees, of the same base type, precision, profile and palette."""
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
    """A private image of the crop's size in which only what `layer` shows there is visible."""
    with _private(image, crop) as private:
        copy = _copy_into(private, layer)
        place = counted_from(crop, bounds_of(layer))
        pdb.gimp_layer_set_offsets(copy, place["x"], place["y"])
        if not with_mask and pdb.gimp_layer_get_mask(copy) is not None:
            pdb.gimp_layer_set_apply_mask(copy, False)
        _choose_space(private, copy)
        yield private


def _copy_into(private, layer):
    """A copy at the top of a private image, made plain."""
    copy = pdb.gimp_layer_new_from_drawable(layer, private)
    _insert(private, copy)
    _make_plain(copy)
    return copy


def _unlock(layer):
    """A copy has the locks and the link of its original, inside a group too.

    With a lock writes to it fail; with a link all linked layers of its image move along.
    """
    pdb.gimp_item_set_linked(layer, False)
    if pdb.gimp_item_get_lock_content(layer):
        pdb.gimp_item_set_lock_content(layer, False)
    if pdb.gimp_item_get_lock_position(layer):  # GIMP refuses this for groups, which have no such lock
        pdb.gimp_item_set_lock_position(layer, False)
    if pdb.gimp_layer_get_lock_alpha(layer):
        pdb.gimp_layer_set_lock_alpha(layer, False)
    for child in layer.children if _is_group(layer) else ():
        _unlock(child)


def _make_plain(layer):
    """Unlocked, at 100 %, Normal as GIMP has it by default, itself visible and not its mask."""
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


class _Pixels(object):
    """A result's raw file; the worker makes a picture of it when GIMP is to load it."""

    def __init__(self, link, path, extent, kind):
        self._link, self.path, self._kind = link, path, kind
        self._shape = {"width": extent["width"], "height": extent["height"]}

    def picture(self, alpha=None):
        """The path of a PNG; coverage is its alpha. `alpha`: another result's, in the place of its own."""
        name = os.path.basename(self.path) + ("-alpha.png" if alpha else ".png")
        told = dict(self._shape, pixels=self.path, kind=self._kind, to=name)
        return self._link.call("encode", dict(told, alpha=alpha.path) if alpha else told)


def load(link, path, extent, kind):
    """A result's file for the functions below; of None, None."""
    return path and _Pixels(link, path, extent, "rgba" if kind == "pixels" else "coverage")


@contextlib.contextmanager
def preserve_selection(image):
    """Afterwards the same layer or channel is active, and the layer or its mask edited, as before."""
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


@contextlib.contextmanager
def undo_group(image):
    """Everything inside is one undo step."""
    pdb.gimp_image_undo_group_start(image)
    try:
        yield
    finally:
        pdb.gimp_image_undo_group_end(image)


def add_result(image, above, crop, pixels, mask, name, recipe):
    """A new layer over `crop` directly above `above`, with a layer mask where `mask` is not None."""
    layer, coverage = _load_layer(image, pixels.picture()), mask and mask.picture()
    _insert_above(image, above, layer)
    _finish(image, layer, crop, coverage, name, recipe)
    return layer


def add_group(image, above, name, recipe):
    """An empty layer group directly above `above`."""
    group = pdb.gimp_layer_group_new(image)
    _insert_above(image, above, group)
    pdb.gimp_item_set_name(group, to_gimp(name))
    pdb.gimp_layer_set_mode(group, LAYER_MODE_NORMAL)
    pdb.gimp_layer_set_opacity(group, 100.0)
    _attach_recipe(group, recipe)
    return group


def add_variation(image, group, number, crop, pixels, mask, name, recipe):
    """As `add_result`, in `group` below those before it; only the first, number 0, is visible."""
    layer, coverage = _load_layer(image, pixels.picture()), mask and mask.picture()
    _insert(image, layer, group, number)
    _finish(image, layer, crop, coverage, name, recipe)
    pdb.gimp_item_set_visible(layer, number == 0)
    _choose_space(image, group)  # which is only now as large as what is in it
    return layer


def add_cutout(image, source, above, crop, matte, name, recipe, pixels=None, rim=None):
    """The source's own pixels above `above`, its alpha times `matte` (coverage over `crop`, 0 elsewhere).

    Where `rim` (over `crop`, 255 or 0) says so, it has the colors of `pixels` instead.
    """
    inside = counted_from(bounds_of(source), crop)
    with _copy_of(image, source, with_mask=True) as (private, copy):
        cut = copy if rim is None else _recolor(private, pixels.picture(alpha=rim), inside)
        _mask_by_alpha(cut, _load_cover(private, matte.picture(), cut, inside))
        pdb.gimp_layer_remove_mask(cut, MASK_APPLY)
        pdb.gimp_layer_resize(cut, crop["width"], crop["height"], -inside["x"], -inside["y"])
        layer = pdb.gimp_layer_new_from_drawable(cut, image)
    _insert_above(image, above, layer)
    _finish(image, layer, crop, None, name, recipe)
    return layer


def add_masked_copy(image, source, above, crop, matte, name, recipe):
    """A copy of the source above `above`, its layer mask being the source's active one times `matte`."""
    has_mask = pdb.gimp_layer_get_mask(source) is not None
    with _copy_of(image, source, with_mask=False) as (private, copy):
        cover = _load_cover(private, matte.picture(), source, counted_from(bounds_of(source), crop))
        if has_mask and pdb.gimp_layer_get_apply_mask(source):
            _multiply_by_mask(private, cover, source)
        layer = pdb.gimp_layer_new_from_drawable(copy, image)
        cover = pdb.gimp_layer_new_from_drawable(cover, image)
    _insert_above(image, above, layer)
    _mask_by_alpha(layer, cover)
    gimp.delete(cover)
    _finish(image, layer, bounds_of(source), None, name, recipe)
    return layer


def new_image(crop):
    """An empty RGB image of the crop's size; nobody sees it yet."""
    return pdb.gimp_image_new(crop["width"], crop["height"], RGB)


def show(image):
    """In a window; without a screen GIMP makes none."""
    try:
        pdb.gimp_display_new(image)
    except RuntimeError:
        pass


def _load_layer(image, path):
    """A picture as a layer of the image's mode, precision and profile; not inserted yet.

    By an image of its own: what is loaded as a layer, GIMP lists in File > Open Recent.
    """
    loaded = pdb.gimp_file_load(to_gimp(path), to_gimp(path))
    try:
        return pdb.gimp_layer_new_from_drawable(pdb.gimp_image_get_active_layer(loaded), image)
    finally:
        gimp.delete(loaded)


def _insert_above(image, above, layer):
    """In its group, directly above it; at the top of the image where there is none."""
    if above is None:
        _insert(image, layer)
    else:
        parent, position = pdb.gimp_item_get_parent(above), pdb.gimp_image_get_item_position(image, above)
        _insert(image, layer, parent, position)


def _finish(image, layer, place, coverage, name, recipe):
    """Place, name, look, layer mask and recipe of a layer that has just been inserted."""
    _make_plain(layer)
    pdb.gimp_item_set_name(layer, to_gimp(name))
    pdb.gimp_layer_set_offsets(layer, place["x"], place["y"])
    _choose_space(image, layer)
    if coverage is not None:
        cover = _load_layer(image, coverage)
        _mask_by_alpha(layer, cover)
        gimp.delete(cover)
    _attach_recipe(layer, recipe)


def _attach_recipe(layer, recipe):
    layer.parasite_attach(gimp.Parasite(RECIPE, PARASITE_PERSISTENT | PARASITE_UNDOABLE, recipe))


def _choose_space(image, layer):
    """Has GIMP mix a layer, at its place, so that no value moves where its mask is 0: `venice_space`."""
    group, place = pdb.gimp_item_get_parent(layer), pdb.gimp_image_get_item_position(image, layer)
    stack = image.layers if group is None else group.children
    other = decisive(stack, place, canvas_of(image), bounds_of, pdb.gimp_item_get_visible, _is_mixed)
    pdb.gimp_layer_set_composite_space(layer, _encoding_of(image) if other is None else _space_of(other))


def _is_mixed(layer):
    masked = pdb.gimp_layer_get_mask(layer) is not None and pdb.gimp_layer_get_apply_mask(layer)
    return masked or pdb.gimp_layer_get_opacity(layer) < 100.0


def _space_of(layer):
    """What its automatic space means, depends on its mode: those of GIMP 2.8 come first, and Dissolve."""
    mode = pdb.gimp_layer_get_mode(layer)
    if mode < LAYER_MODE_OVERLAY and mode != LAYER_MODE_DISSOLVE:
        return LAYER_COLOR_SPACE_RGB_PERCEPTUAL
    return pdb.gimp_layer_get_composite_space(layer)


def _encoding_of(image):
    """The space of the values that it stores; gray ones GIMP converts anyway, best by itself."""
    gamma = pdb.gimp_image_get_precision(image) % 100 == PRECISION_U8_GAMMA % 100
    rgb = pdb.gimp_image_base_type(image) == RGB
    return LAYER_COLOR_SPACE_RGB_PERCEPTUAL if rgb and gamma else LAYER_COLOR_SPACE_AUTO


def _mask_by_alpha(layer, cover):
    """Gives a layer a mask with the alpha of `cover`, as large as it: to alpha, no gamma is ever applied."""
    pdb.gimp_layer_add_mask(layer, pdb.gimp_layer_create_mask(cover, ADD_MASK_ALPHA))


@contextlib.contextmanager
def _copy_of(image, source, with_mask):
    """(private image, plain layer): the source's own pixels at 0, 0; groups and text are rendered.

    The layer has alpha, and no mask: that of the source is applied, if it is active and wanted.
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
    """A picture's coverage as alpha of a new layer as large as `layer`: at `place` in it, 0 elsewhere."""
    cover, own = _load_layer(private, path), extent_of(layer)
    _insert(private, cover)
    pdb.gimp_layer_resize(cover, own["width"], own["height"], place["x"], place["y"])
    pdb.gimp_layer_set_offsets(cover, 0, 0)
    return cover


def _multiply_by_mask(private, cover, source):
    """The alpha of `cover` times the layer mask of `source`, which is as large."""
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
    """The topmost layer with the colors of a picture that lies at `place` in it, where that is opaque.

    The picture is merged in with a mode that keeps the layer's alpha, and leaves every pixel where the
    picture is transparent as it is.
    """
    rim = _load_layer(private, path)
    _insert(private, rim)
    pdb.gimp_layer_set_offsets(rim, place["x"], place["y"])
    pdb.gimp_layer_set_mode(rim, LAYER_MODE_NORMAL)
    pdb.gimp_layer_set_composite_space(rim, _encoding_of(private))
    pdb.gimp_layer_set_composite_mode(rim, LAYER_COMPOSITE_CLIP_TO_BACKDROP)
    return pdb.gimp_image_merge_down(private, rim, CLIP_TO_BOTTOM_LAYER)
