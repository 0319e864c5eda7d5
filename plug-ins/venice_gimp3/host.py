"""GIMP 3 as the host of a task; `host_export` and `host_layers` export and insert."""

import contextlib
import os

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
import host_layers
from gi.repository import Gimp, Gio, GLib
from host_export import bounds_of, canvas_of, export_shown, export_visible, read, selection_window
from venice_host import QUICK_MASK, RECIPE, Host, ImageState, LayerState, StackItem, around

_BASES = {
    Gimp.ImageBaseType.RGB: "rgb",
    Gimp.ImageBaseType.GRAY: "gray",
    Gimp.ImageBaseType.INDEXED: "indexed",
}


class Gimp3Host(Host):
    """The running GIMP 3."""

    def describe_image(self, image):
        if not image.is_valid():
            return None
        return ImageState(
            canvas=canvas_of(image),
            base=_BASES[image.get_base_type()],
            selection=selection_window(image),
            has_quick_mask=image.get_channel_by_name(QUICK_MASK) is not None,
            has_floating_selection=image.get_floating_sel() is not None,
        )

    def describe_layer(self, drawable):
        if not drawable.is_valid():
            return None
        layer = Gimp.Layer.from_mask(drawable) if isinstance(drawable, Gimp.LayerMask) else drawable
        if not isinstance(layer, Gimp.Layer):
            return None
        groups = around(layer, Gimp.Item.get_parent)
        locked = [group for group in groups if group.get_lock_content()]
        return LayerState(
            layer=layer,
            name=layer.get_name(),
            tattoo=layer.get_tattoo(),
            bounds=bounds_of(layer),
            locked_group=locked[-1] if locked else None,
            is_empty=_is_empty(layer),
            is_plain=layer.get_opacity() >= 100.0 and layer.get_mode() == Gimp.LayerMode.NORMAL,
            is_hidden=not all(item.get_visible() for item in [layer, *groups]),
            edits_mask=layer.get_mask() is not None and layer.get_edit_mask(),
        )

    def stack(self, image):
        return [_stack_item(layer) for layer in image.get_layers()]

    def bottom_up(self, image, layers):
        wanted = {layer.get_id(): layer for layer in layers}
        return [wanted[number] for number in _numbers_upward(image.get_layers()) if number in wanted]

    def read_selection(self, image):
        window = selection_window(image)
        return None if window is None else (window, read(image.get_selection(), window, "Y u8"))

    def export(self, image, layer, crop, name, wide_name=None):
        if layer is None:
            return export_visible(image, crop, self._link, name, wide_name)
        return export_shown(image, layer, crop, self._link, name, wide_name)

    @contextlib.contextmanager
    def transaction(self, image):
        with preserve_selection(image):
            image.undo_group_start()
            try:
                yield
            finally:
                image.undo_group_end()

    def insert(self, image, above, placement):
        return host_layers.insert(image, above, placement)

    def insert_variations(self, image, above, name, placements):
        return host_layers.insert_variations(image, above, name, placements)

    def hide(self, layer):
        layer.set_visible(False)
        return not layer.get_visible()

    def new_image(self, extent, name=None, source=None):
        image = Gimp.Image.new(extent["width"], extent["height"], Gimp.ImageBaseType.RGB)
        if source is not None:
            _, across, down = source.get_resolution()
            image.set_resolution(across, down)
        if name is not None:
            image.set_file(Gio.File.new_for_path(_free_path(name, source)))
        return image

    def show(self, image):
        with contextlib.suppress(TypeError):  # PyGObject's error if there is no screen
            Gimp.Display.new(image)


def _is_empty(layer):
    return layer.is_group() and all(_is_empty(child) for child in layer.get_children())


def _stack_item(layer):
    parasite = layer.get_parasite(RECIPE)
    recipe = bytes(value & 255 for value in parasite.get_data()) if parasite is not None else None
    children = layer.get_children() if layer.is_group() else ()
    return StackItem(layer, layer.get_tattoo(), recipe, [_stack_item(child) for child in children])


def _numbers_upward(stack):
    for layer in reversed(stack):
        if layer.is_group():
            yield from _numbers_upward(layer.get_children())
        yield layer.get_id()


@contextlib.contextmanager
def preserve_selection(image):
    """Restore the selected layers and channels, and whether a layer or its mask is edited."""
    layers, channels = image.get_selected_layers(), image.get_selected_channels()
    masks = [layer for layer in layers if layer.get_mask() is not None and layer.get_edit_mask()]
    try:
        yield
    finally:
        if layers:  # GIMP treats an empty list as an error
            image.set_selected_layers(layers)
        for layer in masks:
            layer.set_edit_mask(True)
        if channels:
            image.set_selected_channels(channels)


def _free_path(name, source):
    """Return a free path of that name in the folder of the image `source`.

    No file is there, and no other open image would be saved there.
    """
    file = source.get_file() if source is not None else None
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
    return path
