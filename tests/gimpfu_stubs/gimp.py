# -*- coding: utf-8 -*-
"""GIMP 2.10's module `gimp` for Python, as far as the plug-in uses it; runs on Python 2.7 and 3.

What its objects say comes from the procedure database, and that from a backend (`use`): `live`, a real GIMP
2.10, or `memory`, a small model of one. A backend has `signature(name)`, `call(name, values)` and `names()`;
its values are plain: numbers, text, numbers of items and images, lists of them, and (name, flags, bytes) for
a parasite.

Conversions are those of pygimp 2.10.34 (pygimp-pdb.c): too few values, wrong types and, on Python 2.7, text
outside ASCII that is not encoded raise here what they raise there. Text comes back as `str` (2.7: UTF-8).
"""

import os
import sys

import gimpenums as _enums

_PYTHON_2 = sys.version_info[0] == 2

error = RuntimeError
version = (2, 10, 34)
PARASITE_PERSISTENT, PARASITE_UNDOABLE = _enums.PARASITE_PERSISTENT, _enums.PARASITE_UNDOABLE

_backend = None
_installed = {}
_menus = []
directory = os.environ.get("GIMP2_DIRECTORY", "")  # GIMP's profile
calls = []  # the procedures that were called, and with what
messages = []  # what people were told
on_pulse = None  # called at each pulse of the progress bar: what happens while a plug-in waits


def use(backend):
    """Whom everything here asks from now on."""
    global _backend  # noqa: PLW0603
    _backend = backend


class _Numbered(object):
    """An object of GIMP's, which Python knows by its number only."""

    def __init__(self, number):
        self.ID = number

    def __eq__(self, other):
        return isinstance(other, _Numbered) and self.ID == other.ID

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return self.ID

    def __repr__(self):
        return "<gimp.%s %d>" % (type(self).__name__, self.ID)


class Display(_Numbered):
    pass


class Image(_Numbered):
    width = property(lambda self: pdb.gimp_image_width(self))
    height = property(lambda self: pdb.gimp_image_height(self))
    base_type = property(lambda self: pdb.gimp_image_base_type(self))
    precision = property(lambda self: pdb.gimp_image_get_precision(self))
    layers = property(lambda self: [_item(number) for number in pdb.gimp_image_get_layers(self)[1]])
    filename = property(lambda self: pdb.gimp_image_get_filename(self))


class Item(_Numbered):
    parent = property(lambda self: pdb.gimp_item_get_parent(self))
    children = property(lambda self: [_item(number) for number in pdb.gimp_item_get_children(self)[1]])

    @staticmethod
    def from_id(number):
        return _item(number)


class Drawable(Item):
    name = property(lambda self: pdb.gimp_item_get_name(self))
    width = property(lambda self: pdb.gimp_drawable_width(self))
    height = property(lambda self: pdb.gimp_drawable_height(self))
    offsets = property(lambda self: pdb.gimp_drawable_offsets(self))
    has_alpha = property(lambda self: bool(pdb.gimp_drawable_has_alpha(self)))

    def parasite_attach(self, parasite):
        data = (_text(parasite.name), parasite.flags, parasite.data)
        _backend.call("gimp-item-attach-parasite", [self.ID, data])

    def parasite_find(self, name):
        try:
            found = _backend.call("gimp-item-get-parasite", [self.ID, _text(name)])
        except RuntimeError:  # there is none
            return None
        return Parasite(*found[0])


class Layer(Drawable):
    pass


class GroupLayer(Layer):
    pass


class Channel(Drawable):
    pass


class Vectors(Item):
    pass


class Parasite(object):
    def __init__(self, name, flags, data):
        self.name, self.flags, self.data = _given(name), flags, _bytes(data)


def _item(number):
    """The object for a number; None for one that is no item (any more)."""
    if not _backend.call("gimp-item-is-valid", [number])[0]:
        return None
    if not _backend.call("gimp-item-is-drawable", [number])[0]:
        return Vectors(number)
    if not _backend.call("gimp-item-is-layer", [number])[0]:
        return Channel(number)
    return (GroupLayer if _backend.call("gimp-item-is-group", [number])[0] else Layer)(number)


def _image(number):
    return Image(number) if _backend.call("gimp-image-is-valid", [number])[0] else None


class _PDB(object):
    """The procedure database: `pdb.gimp_image_width(image)`, `pdb["gimp-image-width"](image)`."""

    def __getitem__(self, name):
        return PDBFunction(name)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return PDBFunction(name.replace("_", "-"))

    def query(self, pattern):
        return _backend.names(pattern)


class PDBFunction(object):
    """One procedure. `params` and `return_vals`: (type, name, description) of each value."""

    def __init__(self, name):
        found = _backend.signature(name)
        if found is None:
            raise error("procedure not found")
        self.proc_name = name
        self.params, self.return_vals = found
        self.nparams, self.nreturn_vals = len(self.params), len(self.return_vals)

    def __call__(self, *values, **named):
        params = list(self.params)
        given = []
        if params and params[0][1] == "run-mode":
            params.pop(0)
            given.append(named.pop("run_mode", _enums.RUN_NONINTERACTIVE))
        if named:
            raise TypeError("only 'run_mode' keyword argument accepted")
        if len(values) != len(params):
            raise TypeError("wrong number of parameters")
        given += [_plain(value, param[0]) for value, param in zip(values, params)]
        calls.append((self.proc_name, given))
        found = _backend.call(self.proc_name, given)
        returned = tuple(_wrapped(value, kind[0]) for value, kind in zip(found, self.return_vals))
        if self.proc_name == "gimp-progress-pulse" and on_pulse is not None:
            on_pulse()
        if not returned:
            return None
        return returned[0] if len(returned) == 1 else returned


pdb = _PDB()

_CLASSES = {
    _enums.PDB_ITEM: Item,
    _enums.PDB_DISPLAY: Display,
    _enums.PDB_IMAGE: Image,
    _enums.PDB_LAYER: Layer,
    _enums.PDB_CHANNEL: Channel,
    _enums.PDB_DRAWABLE: Drawable,
    _enums.PDB_SELECTION: Channel,
    _enums.PDB_VECTORS: Vectors,
}
_WHOLE = (_enums.PDB_INT32, _enums.PDB_INT16, _enums.PDB_INT8, _enums.PDB_STATUS)
_WHOLES = (_enums.PDB_INT32ARRAY, _enums.PDB_INT16ARRAY, _enums.PDB_INT8ARRAY)


def _plain(value, kind):
    """A value for the backend. Raises TypeError as pygimp does, where it is of another kind."""
    try:
        if kind in _WHOLE:
            return int(value)
        if kind == _enums.PDB_FLOAT:
            return float(value)
        if kind == _enums.PDB_STRING:
            return None if value is None else _text(str(value))
        if kind in _WHOLES:
            return [int(each) for each in (bytearray(value) if isinstance(value, bytes) else value)]
        if kind == _enums.PDB_FLOATARRAY:
            return [float(each) for each in value]
        if kind == _enums.PDB_STRINGARRAY:
            return [_text(str(each)) for each in value]
    except (TypeError, ValueError):
        raise TypeError("wrong parameter type")
    if kind not in _CLASSES:
        raise TypeError("values of type %d cannot be passed from Python" % kind)
    if value is None:
        return -1
    if not isinstance(value, _CLASSES[kind]):
        raise TypeError("wrong parameter type")
    return value.ID


def _wrapped(value, kind):
    if kind == _enums.PDB_STRING:
        return None if value is None else _given(value)
    if kind == _enums.PDB_STRINGARRAY:
        return tuple(map(_given, value))
    if kind == _enums.PDB_IMAGE:
        return _image(value)
    if kind == _enums.PDB_DISPLAY:
        return Display(value)
    if kind in _CLASSES:
        return _item(value)
    if kind == _enums.PDB_PARASITE:
        return Parasite(*value)
    return tuple(value) if isinstance(value, list) else value


def _text(value):
    """Text from what a plug-in passes to C: on Python 2.7 only bytes and ASCII get there."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if _PYTHON_2:
        value.encode("ascii")  # raises UnicodeEncodeError, as it does there
    return value


def _given(value):
    """Text as a plug-in gets it."""
    return value.encode("utf-8") if _PYTHON_2 and not isinstance(value, str) else value


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode("ascii")


def message(text):
    messages.append(_text(text))
    pdb.gimp_message(text)


def progress_init(text=""):
    pdb.gimp_progress_init(text, None)


def progress_update(share):
    pdb.gimp_progress_update(share)


def default_display():
    """None: GIMP was started without a screen."""


def displays_flush():
    pdb.gimp_displays_flush()


def delete(thing):
    if isinstance(thing, Image):
        pdb.gimp_image_delete(thing)
    elif isinstance(thing, Display):
        pdb.gimp_display_delete(thing)
    else:
        pdb.gimp_item_delete(thing)


def image_list():
    return [_image(number) for number in pdb.gimp_image_list()[1]]


def install_procedure(name, blurb, help, author, copyright, date, label, imagetypes, kind, params, results):
    for text in (name, blurb, help, author, copyright, date, label, imagetypes):
        _text(text)
    _installed[name] = {"label": label, "types": imagetypes, "params": params, "results": results}


def menu_register(name, path):
    _menus.append((name, path))


def domain_register(name, folder=None):
    pass


def main(_init, _quit, query, _run):
    """A real GIMP asks a plug-in for its procedures in one process, and runs each in another."""
    query()
