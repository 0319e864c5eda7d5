"""Layers into GIMP 3: results, variations in a group, cutouts, and copies with a layer mask."""

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp
from host_export import bounds_of, choose_space, gegl_rectangle, private_image, read, rendered, unlock
from venice_host import CUTOUT, MASKED_COPY, RECIPE, RESULT
from venice_rectangle import at_origin, counted_from

_LAYER_TYPES = {
    Gimp.ImageBaseType.RGB: Gimp.ImageType.RGBA_IMAGE,
    Gimp.ImageBaseType.GRAY: Gimp.ImageType.GRAYA_IMAGE,
    Gimp.ImageBaseType.INDEXED: Gimp.ImageType.INDEXEDA_IMAGE,
}


def insert(image, above, placement):
    """Insert it directly above the layer `above` (None: at the top), and return the new layer."""
    return _INSERT[placement.kind](image, above, placement)


def insert_variations(image, above, name, placements):
    """Insert them into a new group directly above `above`; only the first is visible."""
    made = [_read_files(placement) for placement in placements]
    group = Gimp.GroupLayer.new(image, name)
    _insert_above(image, above, group)
    group.set_mode(Gimp.LayerMode.NORMAL)
    group.set_opacity(100.0)
    _attach_recipe(group, placements[0].recipe)
    layers = []
    for number, (placement, (pixels, mask, _)) in enumerate(zip(placements, made, strict=True)):
        layer = _new_layer(image, placement.name, placement.crop)
        image.insert_layer(layer, group, number)
        _fill(layer, placement, pixels, mask)
        layer.set_visible(number == 0)
        choose_space(group)  # which has only now grown to its contents
        layers.append(layer)
    return layers


def _read_files(placement):
    """Return its pixels, mask, and rim, which are read before the image is changed."""
    return [file and file.read() for file in (placement.pixels, placement.mask, placement.rim)]


def _insert_result(image, above, placement):
    pixels, mask, _ = _read_files(placement)
    layer = _new_layer(image, placement.name, placement.crop)
    _insert_above(image, above, layer)
    _fill(layer, placement, pixels, mask)
    return layer


def _insert_cutout(image, above, placement):
    pixels, matte, rim = _read_files(placement)
    crop, source = placement.crop, placement.original
    layer = _add_copy(image, source, above, placement.name, with_mask=True)
    if not layer.has_alpha():
        layer.add_alpha()
    inside = counted_from(bounds_of(source), crop)
    if rim is not None:
        _recolor(image, layer, inside, pixels, rim)
    _add_mask(layer, matte, inside)
    layer.remove_mask(Gimp.MaskApplyMode.APPLY)
    own = bounds_of(layer)
    if crop != own:
        layer.resize(crop["width"], crop["height"], own["x"] - crop["x"], own["y"] - crop["y"])
    choose_space(layer)
    _attach_recipe(layer, placement.recipe)
    return layer


def _insert_masked_copy(image, above, placement):
    _, matte, _ = _read_files(placement)
    source = placement.original
    layer = _add_copy(image, source, above, placement.name, with_mask=False)
    old = source.get_mask()
    inside = counted_from(bounds_of(source), placement.crop)
    if old is not None and source.get_apply_mask():
        active = read(old, inside, "Y u8")
        matte = bytes((a * b + 127) // 255 for a, b in zip(active, matte, strict=True))
    _add_mask(layer, matte, inside)
    choose_space(layer)
    _attach_recipe(layer, placement.recipe)
    return layer


_INSERT = {RESULT: _insert_result, CUTOUT: _insert_cutout, MASKED_COPY: _insert_masked_copy}


def _new_layer(image, name, crop):
    kind = _LAYER_TYPES[image.get_base_type()]
    width, height = crop["width"], crop["height"]
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    layer.set_offsets(crop["x"], crop["y"])
    return layer


def _fill(layer, placement, pixels, mask):
    _write_rgba(layer, pixels)
    if mask is not None:
        _add_mask(layer, mask, at_origin(placement.crop))
    choose_space(layer)
    _attach_recipe(layer, placement.recipe)


def _write_rgba(layer, pixels, alpha=None):
    """Write pixels as 16-bit: GEGL converts 8-bit sRGB wrongly into large 16-bit layers with another profile.

    `alpha`: 16-bit values that replace the pixels' own.
    """
    doubled = bytearray(2 * len(pixels))
    doubled[0::2] = pixels
    doubled[1::2] = pixels
    if alpha is not None:
        doubled[6::8] = alpha[0::2]
        doubled[7::8] = alpha[1::2]
    whole = at_origin(bounds_of(layer))
    buffer = layer.get_buffer()
    buffer.set(gegl_rectangle(whole), "R'G'B'A u16", bytes(doubled))
    buffer.flush()
    layer.update(0, 0, whole["width"], whole["height"])


def _recolor(image, layer, rectangle, pixels, rim):
    """Give the layer the colors of `pixels` (RGBA over `rectangle`) where `rim` is not 0.

    No byte changes elsewhere: the colors are converted to the layer's format in another layer, of which only
    these pixels are copied, without conversion.
    """
    width = rectangle["width"]
    top, bottom = rim.index(255) // width, rim.rindex(255) // width + 1
    rows = dict(rectangle, y=rectangle["y"] + top, height=bottom - top)
    with private_image(image, width, rows["height"]) as private:
        other = _new_layer(private, "rim", at_origin(rows))
        private.insert_layer(other, None, 0)
        alpha = read(layer, rows, "A u16")
        _write_rgba(other, pixels[top * width * 4 : bottom * width * 4], alpha)
        found, buffer = other.get_buffer(), layer.get_buffer()
        for x, y, length in _runs(rim[top * width : bottom * width], width):
            here = Gegl.Rectangle.new(x, y, length, 1)
            there = Gegl.Rectangle.new(rows["x"] + x, rows["y"] + y, length, 1)
            found.copy(here, Gegl.AbyssPolicy.NONE, buffer, there)
        buffer.flush()
    layer.update(rows["x"], rows["y"], rows["width"], rows["height"])


def _runs(rim, width):
    """Yield (x, y, length) of each run of 255 in a row of a rim that is 255 or 0."""
    start = rim.find(255)
    while start >= 0:
        row_end = start - start % width + width
        end = rim.find(0, start, row_end)
        end = row_end if end < 0 else end
        yield start % width, start // width, end - start
        start = rim.find(255, end)


def _add_mask(layer, coverage, rectangle):
    """Add a layer mask with `coverage` in `rectangle` of the layer and 0 elsewhere."""
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    layer.add_mask(mask)
    buffer = mask.get_buffer()
    buffer.set(gegl_rectangle(rectangle), "Y u8", coverage)
    buffer.flush()
    mask.update(0, 0, layer.get_width(), layer.get_height())


def _insert_above(image, above, layer):
    """Insert a layer directly above `above`, in its group; None: at the top of the image."""
    if above is None:
        image.insert_layer(layer, None, 0)
    else:
        image.insert_layer(layer, above.get_parent(), image.get_item_position(above))


def _add_copy(image, source, above, name, with_mask):
    """Insert the source's pixels as a plain layer above `above`; groups, text, and filters are rendered."""
    plain = not (source.is_group() or source.is_text_layer() or source.get_filters())
    if plain:
        layer = _copy_with_alpha(source, image) if with_mask else Gimp.Layer.new_from_drawable(source, image)
        unlock(layer)
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
    """Return a copy for `image`, not inserted, with an alpha channel and unchanged colors.

    When GIMP adds alpha to gamma-encoded pixels with their own profile, it changes them by up to 1/255, but
    not in sRGB. Assigning a profile changes no pixels, so the copy is sRGB for that moment.
    """
    with private_image(image, source.get_width(), source.get_height()) as private:
        copy = Gimp.Layer.new_from_drawable(source, private)
        private.insert_layer(copy, None, 0)
        unlock(copy)
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


def _attach_recipe(layer, recipe):
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    layer.attach_parasite(Gimp.Parasite.new(RECIPE, flags, recipe))
