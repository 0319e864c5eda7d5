# -*- coding: utf-8 -*-
"""What the tests ask of GIMP 2.10; runs beside the plug-in, on Python 2.7 or 3, on the stand-ins for gimpfu.

  python gimp2_inside.py STUBS PLUG_IN_FOLDER memory | HOST:PORT

Calls come as JSON lines on standard input, answers leave on standard output. Images and items are their
numbers, rectangles are [x, y, width, height], pixels travel as PNG files, given and returned by their paths.
"""

from __future__ import unicode_literals

import hashlib
import io
import json
import os
import signal
import sys
import tempfile
import time
import traceback

STUBS, PLUG_IN, BACKEND = sys.argv[1:4]
MAIN = os.path.join(PLUG_IN, str("venice_gimp2.py"))
sys.path[:0] = [PLUG_IN, STUBS]

import gimp
import gimpfu
from gimpenums import *

pdb = gimp.pdb
FOLDER = tempfile.mkdtemp(prefix=str("gimp2-"))
FOLDER = FOLDER.decode("utf-8") if isinstance(FOLDER, bytes) else FOLDER
_made = [0]
_meanwhile = []
_whole = {}  # functions that a test has broken
_asked_for = set()  # the images that tests asked for


def connect():
    if BACKEND == "memory":
        import memory

        return memory.Memory()
    import live

    host, port = BACKEND.split(":")
    return live.Live((host, int(port)))


def load_plug_in():
    """Registers its procedures, as GIMP has it done in a new process for each run."""
    with io.open(MAIN, encoding="utf-8") as file:
        source = "".join(file.readlines()[2:])  # without the coding line, which text must not have
    exec(compile(source, MAIN, "exec", 0, True), {"__name__": "__main__", "__file__": MAIN})


def serve(lines, out):
    gimp.use(connect())
    load_plug_in()
    answer(out, True, [sys.version_info[0], list(gimp.version)])
    for line in iter(lines.readline, b""):
        name, arguments, named = json.loads(line.decode("utf-8"))
        try:
            # keywords are `str` in Python 2, too
            answer(
                out, True, globals()[name](*arguments, **{str(key): value for key, value in named.items()})
            )
        except Exception:
            text = traceback.format_exc()
            answer(out, False, text.decode("utf-8", "replace") if isinstance(text, bytes) else text)


def answer(out, good, value):
    out.write(json.dumps([good, value], default=_as_text).encode("ascii") + b"\n")
    out.flush()


def _as_text(value):
    return value.decode("utf-8", "replace")


def installed():
    """What the plug-in has registered: label, image types, menu, parameters and results by procedure."""
    menus = dict(gimp._menus)
    return {name: dict(entry, menu=menus.get(name)) for name, entry in gimp._installed.items()}


def defaults(procedure):
    """Of a procedure's arguments after image and drawable, by name."""
    return {param[1]: param[3] for param in gimpfu._registered[str(procedure)]["params"][2:]}


def backend():
    return gimp._backend


def signature(name):
    return backend().signature(name)


def constant(name):
    """A real GIMP's value."""
    return backend().ask(name.replace("_", "-"))


def remembered(name):
    """Data that a plug-in has put into a real GIMP's memory, as text."""
    data = backend().ask('(gimp-procedural-db-get-data "%s")' % name)[1]
    return bytes(bytearray(data)).decode("latin-1")


# Images


def images():
    return sorted(image.ID for image in gimp.image_list())


def strays():
    """Images that no test asked for."""
    return [image for image in images() if image not in _asked_for]


def adopt(image):
    """What a run opened, as if a test had asked for it."""
    _asked_for.add(image)


def delete_all():
    for image in _asked_for.intersection(images()):
        delete_image(image)
    _asked_for.clear()


def new_image(width, height, base=RGB, precision=PRECISION_U8_GAMMA):
    image = pdb.gimp_image_new_with_precision(width, height, base, precision).ID
    _asked_for.add(image)
    return image


def convert(image, base="rgb", precision=None, profile=None):
    """To another mode, as the menus do it; `profile`: the URI of an ICC file."""
    image = _image(image)
    if base == "gray":
        pdb.gimp_image_convert_grayscale(image)
    if precision not in (None, pdb.gimp_image_get_precision(image)):
        pdb.gimp_image_convert_precision(image, precision)
    if base == "indexed":
        pdb.gimp_image_convert_indexed(image, CONVERT_DITHER_NONE, CONVERT_PALETTE_GENERATE, 200, 0, 0, "")
    if profile is not None:
        pdb.gimp_image_convert_color_profile_from_file(image, _given(profile), 1, 1)


def undo_steps(image):
    """How often a person could undo; only the model can be asked."""
    return backend().steps(image)


def delete_image(image):
    gimp.delete(_image(image))


def show(image):
    """In a window; returns the display's number."""
    return _number(pdb.gimp_display_new(_image(image)))


def close_display(number):
    """A real GIMP's; its image is deleted with it."""
    backend().ask("(gimp-display-delete %d)" % number)


def add_layer(image, png, at=(0, 0), name="photo", parent=None, position=0):
    image = _image(image)
    layer = pdb.gimp_file_load_layer(image, _given(png))
    pdb.gimp_image_insert_layer(image, layer, _item(parent), position)
    pdb.gimp_layer_set_offsets(layer, *at)
    pdb.gimp_item_set_name(layer, _given(name))
    return layer.ID


def add_group(image, name="group", parent=None, position=0):
    group = pdb.gimp_layer_group_new(_image(image))
    pdb.gimp_image_insert_layer(_image(image), group, _item(parent), position)
    pdb.gimp_item_set_name(group, _given(name))
    return group.ID


def add_mask(layer, png, enabled=True):
    """A layer mask with the alpha of a picture of the layer's size."""
    layer = _item(layer)
    cover = pdb.gimp_file_load_layer(pdb.gimp_item_get_image(layer), _given(png))
    mask = pdb.gimp_layer_create_mask(cover, ADD_MASK_ALPHA)
    pdb.gimp_layer_add_mask(layer, mask)
    gimp.delete(cover)
    pdb.gimp_layer_set_apply_mask(layer, enabled)
    return mask.ID


def add_channel(image):
    """The selection as a channel, which is then the active one."""
    return pdb.gimp_selection_save(_image(image)).ID


def remove_layer(image, layer):
    pdb.gimp_image_remove_layer(_image(image), _item(layer))


def call(name, *values):
    """A procedure by name; an item is given as {"item": number}, an image as {"image": number}."""
    found = pdb[str(name)](*[_value(value) for value in values])
    return [_number(each) for each in found] if isinstance(found, tuple) else _number(found)


def float_selection(image, layer):
    """The selected part as a floating selection."""
    pdb.gimp_selection_float(_item(layer), 3, 3)


def prefer_png_without_profile():
    """As if somebody had saved these as their defaults for PNG; the last one is the color profile."""
    data = b"0 0 0 0 0 0 0 1 1 0 0 0 0 0"
    backend().call("gimp-attach-parasite", [("png-save-defaults", 0, data)])


def forget_png_defaults():
    pdb.gimp_detach_parasite("png-save-defaults")


def select(image, rectangle, shape="ellipse", feather=0.0):
    image = _image(image)
    pdb.gimp_context_push()
    pdb.gimp_context_set_antialias(True)
    pdb.gimp_context_set_feather(feather > 0)
    pdb.gimp_context_set_feather_radius(feather, feather)
    x, y, width, height = rectangle
    pdb["gimp-image-select-" + shape](image, CHANNEL_OP_REPLACE, x, y, width, height)
    pdb.gimp_context_pop()


def coverage(image):
    """The selection over the whole canvas, 8-bit linear, a gray PNG."""
    image = _image(image)
    return _linear(pdb.gimp_image_get_selection(image))


def coverage_at(image, points):
    """The selection at some points by another way: a pixel at a time."""
    selection = pdb.gimp_image_get_selection(_image(image))
    return [pdb.gimp_drawable_get_pixel(selection, x, y)[1][0] for x, y in points]


def mask_of(layer):
    """A layer mask's 8-bit linear values, a gray PNG."""
    return _linear(pdb.gimp_layer_get_mask(_item(layer)))


def pixels(layer):
    """A layer's own pixels as 8-bit sRGB RGBA."""
    return _converted(
        lambda image: pdb.gimp_layer_new_from_drawable(_item(layer), image), _size(_item(layer))
    )


def exact(layer):
    """A layer's own values at 16 bit, without a conversion to sRGB."""
    return {"path": _exact(_item(layer))}


def visible(image):
    """The canvas as it is displayed, as 8-bit sRGB RGBA."""
    image = _image(image)
    size = image.width, image.height
    return _converted(lambda other: pdb.gimp_layer_new_from_visible(image, other, "visible"), size)


def native(image, layer=None):
    """What is visible of a real GIMP's image, or a layer's own pixels, in its numbers and profile, as TIFF.

    Linear values are encoded with a gamma here: else it would be done while saving, by a process of its own.
    """
    image = _image(image)
    base = pdb.gimp_image_base_type(image)
    precision = pdb.gimp_image_get_precision(image) // 100 * 100 + PRECISION_U8_GAMMA % 100
    private = pdb.gimp_image_new_with_precision(image.width, image.height, base, precision)
    try:
        pdb.gimp_image_set_color_profile(private, *pdb.gimp_image_get_color_profile(image))
        if layer is None:
            copy = pdb.gimp_layer_new_from_visible(image, private, "visible")
        else:
            copy = pdb.gimp_layer_new_from_drawable(_item(layer), private)
        pdb.gimp_image_insert_layer(private, copy, None, 0)
        path = _path(".tif")
        pdb.file_tiff_save(private, copy, _given(path), _given(path), 0)
        return path
    finally:
        gimp.delete(private)


# What there is


def describe(item):
    """All there is to a layer or layer group; pixels and masks by their digests."""
    item = _item(item)
    mask = pdb.gimp_layer_get_mask(item)
    group = bool(pdb.gimp_item_is_group(item))
    use = pdb.gimp_layer_get_apply_mask, pdb.gimp_layer_get_edit_mask, pdb.gimp_layer_get_show_mask
    recipe = item.parasite_find("venice-recipe")
    return {
        "id": item.ID,
        "name": pdb.gimp_item_get_name(item),
        "offsets": None if group else list(pdb.gimp_drawable_offsets(item)),  # a group's are its layers'
        "size": None if group else list(_size(item)),
        "opacity": pdb.gimp_layer_get_opacity(item),
        "mode": pdb.gimp_layer_get_mode(item),
        "visible": pdb.gimp_item_get_visible(item),
        "type": pdb.gimp_drawable_type(item),
        "locks": [pdb.gimp_item_get_lock_content(item), pdb.gimp_item_get_lock_position(item)],
        "mask": _digest(mask) if mask is not None else None,
        "mask_use": [bool(each(item)) for each in use] if mask is not None else None,
        "recipe": recipe.data.decode("ascii") if recipe is not None else None,
        "pixels": None if group else _digest(item),
        "children": [describe(child.ID) for child in item.children] if group else [],
    }


def snapshot(image):
    """The complete state of an image: two that are equal mean that nothing happened to it."""
    image = _image(image)
    active = pdb.gimp_image_get_active_layer(image)
    channel = pdb.gimp_image_get_active_channel(image)
    return {
        "size": [image.width, image.height],
        "base": image.base_type,
        "precision": image.precision,
        "dirty": bool(pdb.gimp_image_is_dirty(image)),
        "layers": [describe(layer.ID) for layer in image.layers],
        "channels": list(pdb.gimp_image_get_channels(image)[1]),
        "selection": _digest(pdb.gimp_image_get_selection(image)),
        "active": active.ID if active is not None else None,
        "active_channel": channel.ID if channel is not None else None,
        "floating": pdb.gimp_image_get_floating_sel(image) is not None,
    }


# Runs


def run(procedure, image, drawable, mode=RUN_NONINTERACTIVE, values=None, answers=None, meanwhile=()):
    """Calls one of the plug-in's procedures; `values` by name, what is not given being as registered.

    `answers`: what a person enters, by name; None: Cancel. `meanwhile`: calls of functions here, done at the
    first pulse of the progress bar. Returns the new layer, the error and what GIMP said.
    """
    procedure = str(procedure)
    load_plug_in()
    params = gimpfu._registered[procedure]["params"][2:]
    given = {param[1]: param[3] for param in params}
    given.update({name.replace("_", "-"): _given(value) for name, value in (values or {}).items()})
    arguments = [mode, _image(image), _item(drawable)]
    if mode == RUN_NONINTERACTIVE:
        arguments += [given[param[1]] for param in params]
    gimpfu.answer = None if answers is None else lambda asked: [_given(answers.get(n, v)) for n, v in asked]
    if mode == RUN_INTERACTIVE and answers is None:
        gimpfu.answer = lambda asked: None
    _meanwhile[:] = meanwhile
    del gimp.messages[:], gimp.calls[:]
    try:
        found = gimpfu.run(procedure, arguments)
        error = ""
    except Exception as problem:
        found, error = (
            None,
            type(problem).__name__
            + ": "
            + _as_text(str(problem).encode("utf-8") if str is not bytes else str(problem)),
        )
    return {
        "layer": found.ID if found is not None else None,
        "error": error,
        "messages": list(gimp.messages),
        "called": [name for name, _ in gimp.calls],
        "stages": [values[0] for name, values in gimp.calls if name == "gimp-progress-set-text"],
    }


def remember(procedure, values):
    """What was entered in gimpfu's window last, beside image and layer; None: nothing ever was."""
    gimpfu._kept.pop(str(procedure), None)
    if values is not None:
        params = gimpfu._registered[str(procedure)]["params"]
        kept = {name: _given(value) for name, value in values.items()}
        gimpfu._kept[str(procedure)] = tuple(kept.get(param[1], param[3]) for param in params)


def _on_pulse():
    while _meanwhile:
        name, arguments = _meanwhile.pop(0)
        globals()[name](*arguments)


gimp.on_pulse = _on_pulse


def kill_worker_when_sent():
    """As if it had crashed while its request is with the service."""
    jobs = os.path.join(os.environ["VENICE_HOME"], str("jobs"))
    while not any(_holds(os.path.join(jobs, job, str("job.json")), b'"sent"') for job in os.listdir(jobs)):
        time.sleep(0.02)
    for number in filter(lambda name: name.isdigit(), os.listdir(str("/proc"))):
        about = "/proc/%s/" % number
        if _holds(about + "cmdline", b"venice_core.cli") and _holds(about + "stat", b" %d " % os.getpid()):
            os.kill(int(number), signal.SIGKILL)


def _holds(path, words):
    try:
        with io.open(path, "rb") as file:
            return words in file.read()
    except (IOError, OSError):
        return False


def break_host(name):
    """As if one of the host's functions had a fault."""
    import host2

    def broken(*_):
        raise ValueError("größer")

    _whole[name] = getattr(host2, name)
    setattr(host2, name, broken)


def mend_host(name):
    import host2

    setattr(host2, name, _whole.pop(name))


def sleep(seconds):
    time.sleep(seconds)


def _image(number):
    return None if number is None else gimp.Image(number)


def _item(number):
    return None if number is None else gimp.Item.from_id(number)


def _given(value):
    """Text as a script of GIMP's has it: `str`."""
    return value.encode("utf-8") if str is bytes and isinstance(value, type("")) else value


def _value(value):
    if isinstance(value, dict):
        return _item(value["item"]) if "item" in value else _image(value["image"])
    return _given(value)


def _number(value):
    return getattr(value, "ID", value)


def _size(item):
    return item.width, item.height


def _path(suffix=".png"):
    _made[0] += 1
    return os.path.join(FOLDER, "%d%s" % (_made[0], suffix))


def _save(image, layer):
    path = _path()
    pdb.file_png_save2(image, layer, _given(path), _given(path), 0, 1, 0, 0, 0, 0, 0, 0, 1)
    return path


def _converted(make_layer, size):
    image = pdb.gimp_image_new(size[0], size[1], RGB)
    try:
        layer = make_layer(image)
        pdb.gimp_image_insert_layer(image, layer, None, 0)
        return _save(image, layer)
    finally:
        gimp.delete(image)


def _linear(channel):
    image = pdb.gimp_image_new_with_precision(channel.width, channel.height, GRAY, PRECISION_U8_LINEAR)
    try:
        layer = pdb.gimp_layer_new_from_drawable(channel, image)
        pdb.gimp_image_insert_layer(image, layer, None, 0)
        return _save(image, layer)
    finally:
        gimp.delete(image)


def _exact(drawable):
    """A PNG file of a drawable's values at 16 bit; a layer's with alpha.

    From an image of that precision, and all layers by way of one format: GIMP's processes choose among
    conversions by their speed, each anew and for each pair of formats, and the last bits differ.
    """
    own, channel = pdb.gimp_item_get_image(drawable), pdb.gimp_item_is_channel(drawable)
    base = GRAY if channel or own.base_type == GRAY else RGB
    image = pdb.gimp_image_new_with_precision(drawable.width, drawable.height, base, PRECISION_U16_GAMMA)
    copy = drawable if channel else pdb.gimp_layer_new_from_drawable(drawable, own)
    try:
        if not channel:
            pdb.gimp_item_set_lock_content(copy, False)
            pdb.gimp_layer_add_alpha(copy)
            pdb.gimp_image_set_color_profile(image, *pdb.gimp_image_get_color_profile(own))
        layer = pdb.gimp_layer_new_from_drawable(copy, image)
        pdb.gimp_image_insert_layer(image, layer, None, 0)
        return _save(image, layer)
    finally:
        gimp.delete(image)
        if not channel:
            gimp.delete(copy)


def _digest(drawable):
    """Of its values at 16 bit."""
    with io.open(_exact(drawable), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


if __name__ == "__main__":
    messages = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # stray prints go elsewhere
    serve(os.fdopen(0, "rb"), messages)
