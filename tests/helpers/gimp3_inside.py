"""What the tests ask of GIMP; runs inside it, in its own Python, with its own modules only.

Images and items are their numbers, rectangles are (x, y, width, height) in image coordinates, pixels
are (width, height, bytes). The tests reach these functions through `gimp3_machine.Gimp`.
"""

import base64
import hashlib
import time
import traceback
from multiprocessing.connection import Client
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, Gio

BASES = {
    Gimp.ImageBaseType.RGB: "rgb",
    Gimp.ImageBaseType.GRAY: "gray",
    Gimp.ImageBaseType.INDEXED: "indexed",
}

ENUMERATIONS = {
    "mode": Gimp.LayerMode,
    "composite_space": Gimp.LayerColorSpace,
    "composite_mode": Gimp.LayerCompositeMode,
}

_displays = {}


MADE = set()  # the images that tests asked for


def serve(address):
    """Does what comes over the wire until it closes."""
    Gegl.init(None)
    with Client(address, "AF_UNIX") as wire:
        wire.send(Gimp.version())
        while True:
            try:
                name, arguments, named = wire.recv()
            except EOFError:
                return
            try:
                wire.send((True, globals()[name](*arguments, **named)))
            except Exception:
                wire.send((False, traceback.format_exc()))


def images():
    return sorted(image.get_id() for image in Gimp.get_images())


def show(image):
    """In a window."""
    _displays[image] = Gimp.Display.new(_image(image))


def close_image(image):
    """Closes its window without asking."""
    display = _displays.pop(image, None)
    if display is not None:
        display.delete()
    if Gimp.Image.id_is_valid(image):
        _image(image).delete()


def close_windows():
    """Closes every image's window, and with it the image, without asking."""
    _displays.clear()
    for number in range(1, 1000):
        if Gimp.Display.id_is_valid(number):
            Gimp.Display.get_by_id(number).delete()


def marked_text():
    """What is marked in a window of whatever program: a selectable text is when Tab leads to it."""
    gi.require_version("Gdk", "3.0")
    gi.require_version("Gtk", "3.0")
    from gi.repository import Gdk, Gtk

    Gtk.init(None)
    return Gtk.Clipboard.get(Gdk.SELECTION_PRIMARY).wait_for_text() or ""


def strays():
    """Images that no test asked for."""
    return [image for image in images() if image not in MADE]


def adopt(image):
    """What a run opened, as if a test had asked for it."""
    MADE.add(image)


def delete(image):
    _image(image).delete()


def new_image(width, height):
    image = Gimp.Image.new(width, height, Gimp.ImageBaseType.RGB).get_id()
    MADE.add(image)
    return image


def convert(image, base="rgb", precision="U8_NON_LINEAR", adobe_rgb=False, profile=b""):
    """To another mode, as the menus do it; colors stay what they are, where they can.

    `profile`: an ICC file's bytes.
    """
    image = _image(image)
    if base == "gray":
        image.convert_grayscale()
    if image.get_precision() != getattr(Gimp.Precision, precision):
        image.convert_precision(getattr(Gimp.Precision, precision))
    if base == "indexed":
        image.convert_indexed(
            Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 200, False, False, ""
        )
    if adobe_rgb or profile:
        wanted = (
            Gimp.ColorProfile.new_from_icc_profile(profile) if profile else Gimp.ColorProfile.new_rgb_adobe()
        )
        image.convert_color_profile(wanted, Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC, True)


def assign_profile(image, name):
    """One of GIMP's own, such as "rgb_adobe": values stay, and are other colors."""
    _image(image).set_color_profile(getattr(Gimp.ColorProfile, "new_" + name)())


def add_layer(image, pixels, at=(0, 0), name="photo", parent=None, position=0, opacity=100.0, visible=True):
    """A layer with RGB or RGBA pixels (8-bit sRGB)."""
    width, height, data = pixels
    image, alpha = _image(image), len(data) == width * height * 4
    kind = Gimp.ImageType.RGBA_IMAGE if alpha else Gimp.ImageType.RGB_IMAGE
    layer = Gimp.Layer.new(image, name, width, height, kind, opacity, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, _item(parent), position)
    layer.set_offsets(*at)
    layer.set_visible(visible)
    _write(layer, (0, 0, width, height), "R'G'B'A u8" if alpha else "R'G'B' u8", data)
    return layer.get_id()


def fill(layer, form, data):
    """All of a layer, in whatever form."""
    layer = _item(layer)
    _write(layer, (0, 0, layer.get_width(), layer.get_height()), form, data)


def add_group(image, name="group", parent=None, position=0):
    group = Gimp.GroupLayer.new(_image(image), name)
    _image(image).insert_layer(group, _item(parent), position)
    return group.get_id()


def add_text(image, text, at, size):
    font = Gimp.fonts_get_list("Sans")[0]
    layer = Gimp.TextLayer.new(_image(image), text, font, size, Gimp.Unit.pixel())
    _image(image).insert_layer(layer, None, 0)
    layer.set_offsets(*at)
    return layer.get_id()


def add_mask(layer, coverage, enabled=True):
    """A layer mask with these 8-bit linear values; returns its number."""
    layer, (width, height, data) = _item(layer), coverage
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    _write(mask, (0, 0, width, height), "Y u8", data)
    layer.set_apply_mask(enabled)
    return mask.get_id()


def add_channel(image):
    image = _image(image)
    channel = Gimp.Channel.new(
        image, "channel", image.get_width(), image.get_height(), 50.0, Gegl.Color.new("red")
    )
    image.insert_channel(channel, None, 0)
    return channel.get_id()


def add_filter(layer, operation, **settings):
    """A non-destructive filter."""
    layer = _item(layer)
    added = Gimp.DrawableFilter.new(layer, operation, operation)
    for name, value in settings.items():
        added.get_config().set_property(name.replace("_", "-"), value)
    layer.append_filter(added)


def attach(item, name, data):
    """A parasite with ASCII data."""
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    _item(item).attach_parasite(Gimp.Parasite.new(name, flags, data.encode("ascii")))


def load(path):
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path)).get_id()
    MADE.add(image)
    return image


def clear(layer):
    """Leaves nothing in it."""
    layer = _item(layer)
    layer.add_alpha()
    layer.fill(Gimp.FillType.TRANSPARENT)


def remove(image, layer):
    _image(image).remove_layer(_item(layer))


def resize(layer, size):
    _item(layer).resize(*size, 0, 0)


def set_property(item, **settings):
    """Such as opacity=50.0, visible=False, edit_mask=True, offsets=(3, 4); of an enumeration by its name."""
    for name, given in settings.items():
        setter = getattr(_item(item), "set_" + name)
        value = getattr(ENUMERATIONS[name], given) if name in ENUMERATIONS else given
        setter(*value) if isinstance(value, tuple) else setter(value)


def select_layers(image, layers):
    _image(image).set_selected_layers([_item(layer) for layer in layers])


def select(image, rectangle, shape="ellipse", feather=0.0, antialias=True):
    """Selects; `feather` is GIMP's own, in px."""
    Gimp.context_push()
    try:
        Gimp.context_set_antialias(antialias)
        Gimp.context_set_feather(feather > 0)
        Gimp.context_set_feather_radius(feather, feather)
        getattr(_image(image), "select_" + shape)(Gimp.ChannelOps.REPLACE, *rectangle)
    finally:
        Gimp.context_pop()


def float_selection(image, layer):
    Gimp.Selection.float(_image(image), [_item(layer)], 3, 3)


def coverage(image):
    """The selection over the whole canvas, 8-bit linear."""
    image = _image(image)
    return _pixels(image.get_selection(), (0, 0, image.get_width(), image.get_height()), "Y u8")


def pixels(item, form=None):
    """An item's buffer; `form` None is its own format, which comes back too."""
    item = _item(item)
    return _pixels(item, (0, 0, item.get_width(), item.get_height()), form)


def visible(image, form=None):
    """The canvas as it is displayed, in the image's own format or another."""
    return _visible(_image(image), form)


def shown(layer, rectangle, form="R'G'B'A u8"):
    """What a layer shows in a rectangle: the canvas, were the layer alone there, at 100 % and Normal."""
    layer = _item(layer)
    alone = layer.get_image().duplicate()
    try:
        path = []
        at = layer
        while at is not None:
            path.insert(0, layer.get_image().get_item_position(at))
            at = at.get_parent()
        siblings = alone.get_layers()
        for place in path:
            for number, item in enumerate(siblings):
                item.set_visible(number == place)
            at = siblings[place]
            at.set_opacity(100.0)
            at.set_mode(Gimp.LayerMode.NORMAL)
            if at.is_group():
                siblings = at.get_children()
        x, y, width, height = rectangle
        alone.resize(width, height, -x, -y)
        return _visible(alone, form)
    finally:
        alone.delete()


def describe(item):
    """All there is to a layer, layer group or channel; pixels and masks by their digests."""
    item = _item(item)
    facts = {
        "id": item.get_id(),
        "name": item.get_name(),
        "tattoo": item.get_tattoo(),
        "offsets": tuple(item.get_offsets())[1:],
        "size": (item.get_width(), item.get_height()),
        "opacity": item.get_opacity(),
        "visible": item.get_visible(),
        "parasites": {name: _parasite(item, name) for name in item.get_parasite_list()},
        "locks": (item.get_lock_content(), item.get_lock_position(), item.get_lock_visibility()),
        "filters": [_filter(each) for each in item.get_filters()],
    }
    if not item.is_group():
        facts["pixels"] = _digest(item)
    if not item.is_layer():
        return facts
    mask = item.get_mask()
    facts |= {
        "type": item.type().value_nick,
        "mode": item.get_mode().value_nick,
        "text": item.get_text() if item.is_text_layer() else None,
        "group": item.is_group(),
        "mask": _digest(mask) if mask else None,
        "mask_id": mask.get_id() if mask else None,
        "mask_use": (item.get_apply_mask(), item.get_edit_mask(), item.get_show_mask()) if mask else None,
        "children": [describe(child.get_id()) for child in item.get_children()] if item.is_group() else [],
    }
    return facts


def tree(image):
    """All layers, topmost first."""
    return [describe(layer.get_id()) for layer in _image(image).get_layers()]


def snapshot(image):
    """The complete state of an image: two that are equal mean that nothing happened to it."""
    image = _image(image)
    profile = image.get_color_profile()
    return {
        "size": (image.get_width(), image.get_height()),
        "base": BASES[image.get_base_type()],
        "precision": image.get_precision().value_nick,
        "profile": hashlib.sha256(profile.get_icc_profile()).hexdigest() if profile else None,
        "dirty": image.is_dirty(),
        "layers": tree(image.get_id()),
        "channels": [describe(channel.get_id()) for channel in image.get_channels()],
        "selection": _digest(image.get_selection()),
        "selected_layers": [layer.get_id() for layer in image.get_selected_layers()],
        "selected_channels": [channel.get_id() for channel in image.get_selected_channels()],
        "selected_drawables": [drawable.get_id() for drawable in image.get_selected_drawables()],
        "floating": image.get_floating_sel() is not None,
        "parasites": parasites(image.get_id()),
        "visible": hashlib.sha256(_visible(image, None)[2]).hexdigest(),
    }


def image_of(item):
    """The image that a layer is in."""
    return _item(item).get_image().get_id()


def file_facts(image):
    """What an image is called, where it would be saved, and how it would be printed (pixels per inch)."""
    image = _image(image)
    file = image.get_file()
    return {
        "name": image.get_name(),
        "file": file.get_path() if file else None,
        "resolution": tuple(image.get_resolution())[1:],
    }


def set_file(image, path):
    _image(image).set_file(Gio.File.new_for_path(path))


def set_resolution(image, across, down):
    _image(image).set_resolution(across, down)


def run(procedure, image, drawables, last_values=False, **options):
    """Calls a procedure: its status, GIMP's error text and the layers it returned."""
    found = Gimp.get_pdb().lookup_procedure(procedure)
    config = found.create_config()
    mode = Gimp.RunMode.WITH_LAST_VALS if last_values else Gimp.RunMode.NONINTERACTIVE
    config.set_property("run-mode", mode)
    config.set_property("image", _image(image))
    config.set_core_object_array("drawables", [_item(drawable) for drawable in drawables])
    for name, value in options.items():
        config.set_property(name.replace("_", "-"), value)
    result = found.run(config)
    succeeded = result.index(0) == Gimp.PDBStatusType.SUCCESS
    layers = result.get_core_object_array(1) if succeeded else []
    return {
        "status": result.index(0).value_nick,
        "error": "" if succeeded else Gimp.get_pdb().get_last_error(),
        "layers": [layer.get_id() for layer in layers],
    }


def parasites(image):
    image = _image(image)
    return {name: _parasite(image, name) for name in image.get_parasite_list()}


def signature(procedure):
    """Menu label and paths, arguments and return values of a procedure, or None where there is none."""
    found = Gimp.get_pdb().lookup_procedure(procedure)
    if found is None:
        return None
    return {
        "label": found.get_menu_label(),
        "menus": list(found.get_menu_paths()),
        "arguments": {each.name: _default(each) for each in found.get_arguments()},
        "returns": [each.name for each in found.get_return_values()],
    }


def save(image, path):
    if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, _image(image), Gio.File.new_for_path(path), None):
        raise RuntimeError(Gimp.get_pdb().get_last_error())


def png_route(image, path):
    """Seconds that the usual way takes: export the whole layer as PNG, base64, load the PNG as a layer."""
    image = _image(image)
    start = time.monotonic()
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path), None)
    exported = time.monotonic()
    text = base64.b64encode(Path(path).read_bytes())
    encoded = time.monotonic()
    Path(path).write_bytes(base64.b64decode(text))
    layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path))
    image.insert_layer(layer, None, 0)
    loaded = time.monotonic()
    image.remove_layer(layer)
    return {"PNG export": exported - start, "base64": encoded - exported, "PNG load": loaded - encoded}


def _image(number):
    return Gimp.Image.get_by_id(number)


def _item(number):
    return None if number is None else Gimp.Item.get_by_id(number)


def _write(drawable, rectangle, form, data):
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(*rectangle), form, data)
    buffer.flush()
    drawable.update(*rectangle)


def _pixels(drawable, rectangle, form):
    buffer = drawable.get_buffer()
    data = buffer.get(Gegl.Rectangle.new(*rectangle), 1.0, form, Gegl.AbyssPolicy.NONE)
    return rectangle[2], rectangle[3], bytes(data)


def _visible(image, form):
    layer = Gimp.Layer.new_from_visible(image, image, "visible")
    try:
        return _pixels(layer, (0, 0, image.get_width(), image.get_height()), form)
    finally:
        layer.delete()


def _digest(drawable):
    rectangle = (0, 0, drawable.get_width(), drawable.get_height())
    return hashlib.sha256(_pixels(drawable, rectangle, None)[2]).hexdigest()


def _parasite(owner, name):
    return bytes(value & 255 for value in owner.get_parasite(name).get_data())


def _filter(each):
    settings = each.get_config()
    values = [(spec.name, str(settings.get_property(spec.name))) for spec in settings.list_properties()]
    return each.get_operation_name(), each.get_visible(), each.get_opacity(), values


def _default(spec):
    value = spec.get_default_value()
    return value if type(value) in (str, int, bool, float) else None


def widgets(title):
    """What assistive technology sees of a window of any program: role, name, text, place and states."""
    gi.require_version("Atspi", "2.0")
    from gi.repository import Atspi

    found = []
    desktop = Atspi.get_desktop(0)
    for application in _accessible_children(desktop):
        for window in _accessible_children(application):
            if window.get_name() == title:
                _describe_widgets(window, "", found)
    return found


def _accessible_children(parent):
    children = (parent.get_child_at_index(number) for number in range(parent.get_child_count()))
    return [child for child in children if child is not None]


def _describe_widgets(widget, about, found):
    """`about`: the tooltip of what it lies in, which is shown where it has none of its own."""
    from gi.repository import Atspi

    states = {state.value_nick for state in widget.get_state_set().get_states()}
    place = (
        widget.get_component_iface().get_extents(Atspi.CoordType.SCREEN) if widget.is_component() else None
    )
    text = widget.get_text_iface()
    about = widget.get_description() or about
    found.append(
        {
            "role": widget.get_role_name(),
            "name": widget.get_name(),
            "about": about,
            "text": Atspi.Text.get_text(text, 0, -1) if text else "",
            "place": (place.x, place.y, place.width, place.height) if place else None,
            "states": states,
        }
    )
    if "manages-descendants" not in states:
        for child in _accessible_children(widget):
            _describe_widgets(child, about, found)
